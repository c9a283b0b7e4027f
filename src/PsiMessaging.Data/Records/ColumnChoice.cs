namespace PsiMessaging.Data.Records;

/// <summary>
/// Decides which columns of a file are taken. A column nobody asks for never stands in the way: one that cannot be used is left out with a word.
/// </summary>
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
        var places = names.Select((name, i) => (name, i)).Where(column => column.name.Length > 0)
            .ToLookup(column => column.name, column => column.i, StringComparer.Ordinal);
        var asked = (options.Columns ?? []).Where(name => !options.OtherFileHasRest || places.Contains(RecordReader.NormalizeName(name))).Concat(options.Needed)
            .Select(RecordReader.NormalizeName).Distinct(StringComparer.Ordinal).ToArray();
        foreach (var name in asked)
        {
            var found = places[name].ToArray();
            if (found.Length == 0)
            {
                throw new InputException(
                    $"{path} has no column {name}; it has "
                        + $"{RecordReader.List([.. names.Where(other => other.Length > 0).Distinct(StringComparer.Ordinal)])}{hint}");
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
