using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics;

/// <summary>
/// One exact sum over records: of the product of powers of numeric columns, over the records in which some columns have values, some are at some level, and
/// some differ from their most frequent value (which only their owner knows).
/// Everything a query answers follows from such sums. With no powers it is a count.
/// </summary>
public sealed class Moment : IEquatable<Moment>
{
    private readonly string _key;

    /// <param name="powers">Columns and their powers, 1 or more.</param>
    /// <param name="valid">Columns that must have a value; those of <paramref name="powers"/> and <paramref name="levels"/> must too.</param>
    /// <param name="levels">Columns of classes and the class they must be at.</param>
    /// <param name="different">Columns that must differ from their most frequent value.</param>
    public Moment(IEnumerable<(ColumnName Column, int Power)> powers, IEnumerable<ColumnName> valid,
        IEnumerable<(ColumnName Column, int Level)>? levels = null, IEnumerable<ColumnName>? different = null)
    {
        static string KeyOf(ColumnName column) => LabelKey.Of([column.Party, column.Name]);
        Powers = [.. powers.GroupBy(entry => entry.Column).Select(group => (group.Key, group.Sum(entry => entry.Power)))
            .OrderBy(entry => KeyOf(entry.Key), StringComparer.Ordinal)];
        Levels = [.. (levels ?? []).Distinct().OrderBy(entry => KeyOf(entry.Column), StringComparer.Ordinal).ThenBy(entry => entry.Level)];
        Valid = [.. valid.Concat(Powers.Select(entry => entry.Column)).Concat(Levels.Select(entry => entry.Column))
            .Concat(different ?? []).Distinct().OrderBy(KeyOf, StringComparer.Ordinal)];
        Different = [.. (different ?? []).Distinct().OrderBy(KeyOf, StringComparer.Ordinal)];
        _key = LabelKey.Of(
        [
            LabelKey.Of(Powers.Select(entry => LabelKey.Of([KeyOf(entry.Column), $"{entry.Power}"]))), LabelKey.Of(Valid.Select(KeyOf)),
            LabelKey.Of(Levels.Select(entry => LabelKey.Of([KeyOf(entry.Column), $"{entry.Level}"]))), LabelKey.Of(Different.Select(KeyOf)),
        ]);
    }

    /// <summary>Columns and powers, in a fixed order.</summary>
    public IReadOnlyList<(ColumnName Column, int Power)> Powers { get; }

    /// <summary>Columns that must have a value.</summary>
    public IReadOnlyList<ColumnName> Valid { get; }

    /// <summary>Columns of classes and their levels.</summary>
    public IReadOnlyList<(ColumnName Column, int Level)> Levels { get; }

    /// <summary>Columns that must differ from their most frequent value.</summary>
    public IReadOnlyList<ColumnName> Different { get; }

    /// <summary>Whether no record can satisfy it: one column at two levels.</summary>
    public bool IsZero => Levels.GroupBy(entry => entry.Column).Any(group => group.Count() > 1);

    /// <summary>The factor that one party's columns make: the sum is one of products of the two parties' factors.</summary>
    public Moment Of(string party) =>
        new(Powers.Where(entry => entry.Column.Party == party), Valid.Where(column => column.Party == party),
            Levels.Where(entry => entry.Column.Party == party), Different.Where(column => column.Party == party));

    /// <summary>The sum over the product of both.</summary>
    public Moment Times(Moment other) =>
        new(Powers.Concat(other.Powers), Valid.Concat(other.Valid), Levels.Concat(other.Levels), Different.Concat(other.Different));

    /// <summary>Digits after the point of the sum.</summary>
    public int Decimals(QuerySchema schema) => Powers.Sum(entry => entry.Power * schema.TypeOf(entry.Column).Decimals);

    /// <summary>Decimal digits that bound the product in one record, in units; 0 where it is 0 or 1.</summary>
    public int Digits(QuerySchema schema) => Powers.Sum(entry => entry.Power * schema.TypeOf(entry.Column).Digits);

    /// <inheritdoc/>
    public bool Equals(Moment? other) => other is not null && _key == other._key;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Moment);

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(_key);
}
