namespace PsiMessaging.Data.Records;

/// <summary>The values of one row, as text.</summary>
public interface IRowValues
{
    /// <summary>The value as it stands in the file, without its quotes; valid while the row is the current one. Empty when missing.</summary>
    ReadOnlySpan<char> GetSpan(int column);
}

/// <summary>A table read as a stream, row by row, every value as text. Not thread-safe.</summary>
public interface IRecordReader : IRowValues, IDisposable
{
    /// <summary>Names of the columns that are taken, in file order, all different.</summary>
    IReadOnlyList<string> Columns { get; }

    /// <summary>How the file is read: what was said and what was found. Complete after the last <see cref="Read"/>.</summary>
    ReadingReport Report { get; }

    /// <summary>Moves to the next row; false at the end.</summary>
    /// <exception cref="InputException">The row is ragged, the encoding is wrong, a quote is not closed.</exception>
    bool Read();

    /// <summary>The value as text, or null where the file says null (not in CSV, where an empty field is the empty text).</summary>
    string? GetText(int column);
}

/// <summary>How to read an input file, as far as a person has said it.</summary>
/// <param name="Delimiter">CSV only: any ASCII character but a quote or line end, or null to find it among <c>;</c> <c>,</c> tab <c>|</c>.</param>
/// <param name="Encoding">
/// CSV only: a .NET encoding name, or null for what the file shows (byte order mark, UTF-16), else UTF-8. A byte order mark wins over it.
/// </param>
/// <param name="Decimal">The decimal sign of numbers, <c>.</c> or <c>,</c>, or null to find it from the values.</param>
/// <param name="Thousands">The sign between thousands in numbers, or null: none, unless the values show it beyond doubt.</param>
/// <param name="Skip">CSV and workbooks: lines before the header, 0 or more.</param>
public sealed record RecordReaderOptions(char? Delimiter = null, string? Encoding = null, char? Decimal = null, char? Thousands = null, int Skip = 0)
{
    /// <summary>
    /// Words that stand for a missing value in every column, whatever blanks are around them; empty means that only numbers have such words, the usual ones.
    /// </summary>
    public IReadOnlyList<string> Missing { get; init; } = [];

    /// <summary>The columns to take, or null for all that can be.</summary>
    public IReadOnlyList<string>? Columns { get; init; }

    /// <summary>Whether those of <see cref="Columns"/> that the file does not have belong to another file.</summary>
    public bool OtherFileHasRest { get; init; }

    /// <summary>Columns that must be there and are taken, beside <see cref="Columns"/>: those of the key and those with a type.</summary>
    public IReadOnlyList<string> Needed { get; init; } = [];
}

/// <summary>How a file was read; kept with the dataset.</summary>
/// <param name="Format">CSV, Parquet, or Excel workbook; with the compression it came in.</param>
/// <param name="Delimiter">CSV: its delimiter.</param>
/// <param name="Encoding">CSV: its encoding.</param>
/// <param name="Decimal">Decimal sign, where one was said.</param>
/// <param name="Thousands">Sign between thousands, where one was said.</param>
/// <param name="Skip">Lines that were skipped before the header.</param>
/// <param name="Missing">Words that a person said mean a missing value.</param>
/// <param name="Notes">What else was found and done, a clause each, without values.</param>
public sealed record ReadingReport(
    string Format, string? Delimiter, string? Encoding, string? Decimal, string? Thousands,
    int Skip, IReadOnlyList<string> Missing, IReadOnlyList<string> Notes)
{
    private const int MostNotes = 12;

    /// <summary>All of it in one line; of many notes the first.</summary>
    public override string ToString() => string.Join("; ", new[]
    {
        Format + (Delimiter is null ? "" : $", delimiter {Delimiter}") + (Encoding is null ? "" : $", {Encoding}"),
        Skip == 0 ? null : $"{Skip:N0} {(Skip == 1 ? "line" : "lines")} before the header skipped",
        Decimal is null ? null : $"decimal sign {Decimal}",
        Thousands is null ? null : $"thousands sign {(Thousands == " " ? "blank" : Thousands)}",
        Missing.Count == 0 ? null : $"missing where it says {string.Join(" or ", Missing.Select(word => word.Length == 0 ? "nothing" : word))}",
    }.OfType<string>().Concat(Notes.Take(MostNotes))
        .Concat(Notes.Count > MostNotes ? [$"and {Notes.Count - MostNotes:N0} notes more (psi dataset list --json)"] : []));
}
