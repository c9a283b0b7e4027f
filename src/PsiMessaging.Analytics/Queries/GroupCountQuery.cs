namespace PsiMessaging.Analytics.Queries;

/// <summary>A question that cannot be read or resolved. The message is one line for the person who asked.</summary>
/// <param name="code">A failure code of the wire contract.</param>
/// <param name="message">What is wrong, and what there is.</param>
public sealed class QueryException(string code, string message) : Exception(message)
{
    /// <summary>A failure code of the wire contract.</summary>
    public string Code => code;
}

/// <summary>A column of one of the two parties, by its plain name.</summary>
/// <param name="Party">Owner.</param>
/// <param name="Name">Column name.</param>
public sealed record ColumnName(string Party, string Name);

/// <summary>Count the joined rows by one or more columns of either party.</summary>
/// <param name="Columns">In the order asked, each once.</param>
/// <param name="Header">The columns as the asker wrote them.</param>
public sealed record GroupCountQuery(IReadOnlyList<ColumnName> Columns, IReadOnlyList<string> Header)
{
    /// <summary>Most columns in one query.</summary>
    public const int MaximumColumns = 64;
    /// <summary>Longest query text in characters.</summary>
    public const int MaximumCharacters = 4000;

    /// <summary>
    /// Reads <c>A, B</c>: names with commas between them, spaces around them ignored. A name may be in double quotes (doubled inside), and must be
    /// written <c>PARTY.NAME</c> where both parties have it.
    /// </summary>
    /// <param name="text">As typed.</param>
    /// <param name="schema">Each party's columns.</param>
    /// <exception cref="QueryException">Empty, too long, an open quote, an unknown, doubtful or repeated column.</exception>
    public static GroupCountQuery Parse(string text, IReadOnlyDictionary<string, IReadOnlyList<string>> schema)
    {
        var header = Split(text);
        var columns = header.ConvertAll(name => Resolve(name, schema));
        if (columns.GroupBy(column => column).FirstOrDefault(group => group.Count() > 1) is { } repeated)
        {
            throw new QueryException("bad-query", $"the query names the column {repeated.Key.Name} twice");
        }

        return new GroupCountQuery(columns, header);
    }

    private static List<string> Split(string text)
    {
        if (text.Length > MaximumCharacters)
        {
            throw new QueryException("bad-query", $"the query is longer than {MaximumCharacters:N0} characters");
        }

        var names = new List<string>();
        var name = new System.Text.StringBuilder();
        var quoted = false;
        var wasQuoted = false;
        for (var i = 0; i <= text.Length; i++)
        {
            if (i == text.Length || (text[i] == ',' && !quoted))
            {
                if (quoted)
                {
                    throw new QueryException("bad-query", "the query has a double quote that is not closed");
                }

                var finished = wasQuoted ? name.ToString() : name.ToString().Trim();
                if (finished.Length == 0)
                {
                    throw new QueryException("bad-query", text.Trim().Length == 0
                        ? "the query is empty; name one or more columns, for example \"CLASSE_ETA, CLASSE_REDDITO\""
                        : $"the query names no column before character {i + 1}: two commas in a row, or one at an end");
                }

                names.Add(finished);
                name.Clear();
                wasQuoted = false;
            }
            else if (text[i] == '"' && quoted && i + 1 < text.Length && text[i + 1] == '"')
            {
                name.Append('"');
                i++;
            }
            else if (text[i] == '"' && (quoted || name.ToString().Trim().Length == 0))
            {
                quoted = !quoted;
                if (quoted)
                {
                    name.Clear();
                    wasQuoted = true;
                }
            }
            else if (quoted || !wasQuoted || !char.IsWhiteSpace(text[i]))
            {
                name.Append(text[i]);
            }
        }

        return names.Count <= MaximumColumns ? names : throw new QueryException("bad-query", $"the query names {names.Count} columns; {MaximumColumns} is the most");
    }

    private static ColumnName Resolve(string name, IReadOnlyDictionary<string, IReadOnlyList<string>> schema)
    {
        var owners = schema.Where(party => party.Value.Contains(name)).Select(party => party.Key).ToArray();
        if (owners.Length == 1)
        {
            return new ColumnName(owners[0], name);
        }

        if (owners.Length > 1)
        {
            throw new QueryException("unknown-column", $"both parties have a column {name}; write {owners[0]}.{name} or {owners[1]}.{name}");
        }

        foreach (var (party, columns) in schema)
        {
            if (name.StartsWith(party + ".", StringComparison.Ordinal) && columns.Contains(name[(party.Length + 1)..]))
            {
                return new ColumnName(party, name[(party.Length + 1)..]);
            }
        }

        var there = string.Join("; ", schema.OrderBy(party => party.Key, StringComparer.Ordinal).Select(party =>
            $"{party.Key} has {(party.Value.Count == 0 ? "none" : string.Join(", ", party.Value))}"));
        throw new QueryException("unknown-column", $"neither party has a column {name}; {there}");
    }
}
