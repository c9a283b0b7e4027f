namespace PsiMessaging.Data.Records;

/// <summary>A table read as a stream, row by row, every value as text. Not thread-safe.</summary>
public interface IRecordReader : IDisposable
{
    /// <summary>Column names in file order, all different.</summary>
    IReadOnlyList<string> Columns { get; }

    /// <summary>Moves to the next row; false at the end.</summary>
    /// <exception cref="InputException">The row is ragged, the encoding is wrong, a quote is not closed.</exception>
    bool Read();

    /// <summary>The value as it stands in the file, without its quotes; valid until the next <see cref="Read"/>. Empty when null.</summary>
    ReadOnlySpan<char> GetSpan(int column);

    /// <summary>The value as text, or null where the file says null (Parquet only; in CSV an empty field is the empty text).</summary>
    string? GetText(int column);
}

/// <summary>How to read an input file.</summary>
/// <param name="Delimiter">CSV only: one of <c>;</c> <c>,</c> tab <c>|</c>, or null to find it from the header.</param>
/// <param name="Encoding">CSV only: a .NET encoding name, or null for UTF-8.</param>
public sealed record RecordReaderOptions(char? Delimiter = null, string? Encoding = null);

/// <summary>Opens input files by their content: Parquet by its magic bytes, CSV otherwise.</summary>
public static class RecordReader
{
    /// <summary>Opens <paramref name="path"/>.</summary>
    /// <exception cref="InputException">Missing, a folder, unreadable, empty, or without a usable header.</exception>
    public static IRecordReader Open(string path, RecordReaderOptions options)
    {
        if (Directory.Exists(path))
        {
            throw new InputException($"{path} is a folder; name a CSV or Parquet file");
        }

        if (!File.Exists(path))
        {
            throw new InputException($"{path} does not exist");
        }

        try
        {
            Span<byte> magic = stackalloc byte[4];
            using (var probe = File.OpenRead(path))
            {
                if (probe.Length == 0)
                {
                    throw new InputException($"{path} is empty; it needs a header line and rows");
                }

                _ = probe.ReadAtLeast(magic, 4, throwOnEndOfStream: false);
            }

            return magic.SequenceEqual("PAR1"u8) ? ParquetRecordReader.Open(path) : CsvRecordReader.Open(path, options);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new InputException($"{path} cannot be read: permission denied", exception);
        }
        catch (IOException exception)
        {
            throw new InputException($"{path} cannot be read: {exception.Message}", exception);
        }
    }

    internal static void CheckColumns(string path, IReadOnlyList<string> columns)
    {
        if (columns.Count > 1000)
        {
            throw new InputException($"{path} has {columns.Count} columns; 1,000 is the most");
        }

        for (var i = 0; i < columns.Count; i++)
        {
            if (string.IsNullOrWhiteSpace(columns[i]))
            {
                throw new InputException($"{path}: column {i + 1} of the header has no name");
            }
        }

        var repeated = columns.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1);
        if (repeated is not null)
        {
            throw new InputException($"{path}: the header names the column {repeated.Key} {repeated.Count()} times");
        }
    }
}
