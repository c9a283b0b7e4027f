namespace PsiMessaging.Data.Records;

/// <summary>Opens input files by their content: Parquet, Excel workbooks, CSV; compressed with gzip or zstd where they can be read as a stream.</summary>
public static class RecordReader
{
    /// <summary>Opens <paramref name="path"/>.</summary>
    /// <exception cref="InputException">Missing, a folder, unreadable, empty, without a usable header, or of a kind that cannot be read: the message names the kind and the way out.</exception>
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

        InputStream? input = null;
        try
        {
            input = InputStream.Open(path);
            return new CleanedReader(input.Kind switch
            {
                InputKind.Parquet => ParquetRecordReader.Open(input, options),
                InputKind.Workbook => WorkbookRecordReader.Open(input, options),
                _ => CsvRecordReader.Open(input, options),
            }, options.Missing);
        }
        catch (Exception exception)
        {
            input?.Dispose();
            throw exception switch
            {
                UnauthorizedAccessException => new InputException($"{path} cannot be read: permission denied", exception),
                IOException => new InputException($"{path} cannot be read: {exception.Message}", exception),
                _ => exception,
            };
        }
    }

    /// <summary>Column names as they are compared: Unicode NFC, without blanks around them.</summary>
    public static string NormalizeName(string name)
    {
        var trimmed = name.Trim().TrimStart('\uFEFF');
        try
        {
            return trimmed.Normalize();
        }
        catch (ArgumentException)
        {
            // A lone surrogate: the name stays as it is.
            return trimmed;
        }
    }

    /// <summary>Names for a message: the first ones, and how many more.</summary>
    internal static string List(IReadOnlyCollection<string> names)
    {
        const int Shown = 30;
        return names.Count == 0 ? "none" : string.Join(", ", names.Take(Shown)) + (names.Count > Shown ? $" and {names.Count - Shown:N0} more" : "");
    }
}

/// <summary>Decides which columns of a file are taken. A column nobody asks for never stands in the way: one that cannot be used is left out with a word.</summary>
/// <param name="Names">Names of the columns that are taken.</param>
/// <param name="Indices">Where each stands in the file, ascending.</param>
/// <param name="Notes">What was left out, and why.</param>
internal sealed record ColumnChoice(string[] Names, int[] Indices, List<string> Notes)
{
    /// <summary>Most columns of a dataset.</summary>
    public const int MostColumns = 1000;

    /// <param name="path">For messages.</param>
    /// <param name="header">The names as the file has them.</param>
    /// <param name="options">What is asked for.</param>
    /// <param name="fault">Why a column cannot be used, or null.</param>
    /// <param name="hint">Added where a name is not found; begins with a semicolon, or empty.</param>
    /// <exception cref="InputException">A column that is asked for is missing, stands twice or cannot be used; nothing is left; too many.</exception>
    public static ColumnChoice Make(string path, IReadOnlyList<string> header, RecordReaderOptions options, Func<int, string?>? fault = null, string hint = "")
    {
        var names = header.Select(RecordReader.NormalizeName).ToArray();
        var places = names.Select((name, i) => (name, i)).Where(column => column.name.Length > 0).ToLookup(column => column.name, column => column.i, StringComparer.Ordinal);
        var asked = (options.Columns ?? []).Concat(options.Needed).Select(RecordReader.NormalizeName).Distinct(StringComparer.Ordinal).ToArray();
        foreach (var name in asked)
        {
            var found = places[name].ToArray();
            if (found.Length == 0)
            {
                throw new InputException($"{path} has no column {name}; it has {RecordReader.List([.. names.Where(other => other.Length > 0).Distinct(StringComparer.Ordinal)])}{hint}");
            }

            if (found.Length > 1)
            {
                throw new InputException($"{path}: the header names the column {name} {found.Length} times; give each a name of its own");
            }

            if (fault?.Invoke(found[0]) is { } reason)
            {
                throw new InputException($"{path}: the column {name} {reason}");
            }
        }

        var notes = new List<string>();
        var taken = new List<int>();
        for (var i = 0; i < names.Length; i++)
        {
            if (options.Columns is not null)
            {
                if (asked.Contains(names[i], StringComparer.Ordinal))
                {
                    taken.Add(i);
                }
            }
            else if (names[i].Length == 0)
            {
                notes.Add($"column {i + 1} of the header has no name and is left out");
            }
            else if (places[names[i]].Skip(1).Any())
            {
                if (places[names[i]].First() == i)
                {
                    notes.Add($"the header names the column {names[i]} {places[names[i]].Count()} times: all left out");
                }
            }
            else if (fault?.Invoke(i) is { } reason)
            {
                notes.Add($"{names[i]} {reason} and is left out");
            }
            else
            {
                taken.Add(i);
            }
        }

        if (taken.Count == 0)
        {
            throw new InputException($"{path} has no column that can be used: {string.Join("; ", notes.DefaultIfEmpty("its header is empty").Take(3))}{hint}");
        }

        return taken.Count <= MostColumns ? new ColumnChoice([.. taken.Select(i => names[i])], [.. taken], notes)
            : throw new InputException($"{path} has {taken.Count:N0} columns; {MostColumns:N0} is the most. Take those that are needed with --columns");
    }
}

/// <summary>What holds for every kind of file: only white space is nothing, and words that a person said mean a missing value do.</summary>
/// <param name="inner">The file's reader; owned by this one.</param>
/// <param name="missing">The words.</param>
internal sealed class CleanedReader(IRecordReader inner, IReadOnlyList<string> missing) : IRecordReader
{
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _missing = missing.Select(word => word.Trim()).ToHashSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();
    private readonly int _longest = missing.Select(word => word.Trim().Length).DefaultIfEmpty(0).Max();

    public IReadOnlyList<string> Columns => inner.Columns;

    public ReadingReport Report => inner.Report;

    public bool Read() => inner.Read();

    public ReadOnlySpan<char> GetSpan(int column)
    {
        var value = inner.GetSpan(column);
        if (value.IsEmpty || (_longest == 0 && !char.IsWhiteSpace(value[0])))
        {
            return value;
        }

        var trimmed = value.Trim();
        return trimmed.IsEmpty || (trimmed.Length <= _longest && _missing.Contains(trimmed)) ? default : value;
    }

    public string? GetText(int column) => GetSpan(column) is { IsEmpty: false } value ? value.ToString() : inner.GetText(column) is null ? null : "";

    public void Dispose() => inner.Dispose();
}
