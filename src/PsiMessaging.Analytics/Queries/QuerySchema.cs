using PsiMessaging.Data.Records;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Analytics.Queries;

/// <summary>A column of one of the two parties.</summary>
/// <param name="Party">Owner.</param>
/// <param name="Name">Column name.</param>
public sealed record ColumnName(string Party, string Name);

/// <summary>A column by name and type.</summary>
public sealed record TypedColumn(string Name, ColumnType Type);

/// <summary>Both parties' columns that can be asked about, as each has announced them.</summary>
/// <param name="Parties">Columns of each party, by its name.</param>
/// <param name="Texts">Which texts are one value, as the parties have agreed.</param>
public sealed record QuerySchema(IReadOnlyDictionary<string, IReadOnlyList<TypedColumn>> Parties, TextRule Texts = TextRule.Normal)
{
    /// <summary>A text of a question in the form that texts of columns have.</summary>
    public string FormOf(string text) => TextForm.Of(text, Texts).ToString();

    /// <summary>The column of a name as written: plain, or <c>PARTY.NAME</c> where both have it.</summary>
    /// <exception cref="QueryException">Neither party has it, or both do.</exception>
    public ColumnName Resolve(string name)
    {
        // As the columns of files are named: a keyboard or a copied text may write letters and their accents apart.
        name = RecordReader.NormalizeName(name);
        var owners = Parties.Where(party => party.Value.Any(column => column.Name == name)).Select(party => party.Key).ToArray();
        if (owners.Length == 1)
        {
            return new ColumnName(owners[0], name);
        }

        if (owners.Length > 1)
        {
            throw new QueryException(QueryException.UnknownColumn, $"both parties have a column {name}; write {owners[0]}.{name} or {owners[1]}.{name}");
        }

        foreach (var (party, columns) in Parties)
        {
            if (name.StartsWith(party + ".", StringComparison.Ordinal) && columns.Any(column => column.Name == name[(party.Length + 1)..]))
            {
                return new ColumnName(party, name[(party.Length + 1)..]);
            }
        }

        var there = string.Join("; ", Parties.OrderBy(party => party.Key, StringComparer.Ordinal).Select(party =>
            $"{party.Key} has {(party.Value.Count == 0 ? "none" : string.Join(", ", party.Value.Select(column => column.Name)))}"));
        throw new QueryException(QueryException.UnknownColumn, $"neither party has a column {name}; {there}");
    }

    /// <summary>Type of a resolved column.</summary>
    public ColumnType TypeOf(ColumnName column) => Parties[column.Party].First(candidate => candidate.Name == column.Name).Type;
}
