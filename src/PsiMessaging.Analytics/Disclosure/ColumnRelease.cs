using System.Numerics;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Analytics.Disclosure;

/// <summary>
/// What is shown of numeric columns under a minimum cell size: a sum of zeros and ones is a count of the ones, a sum of products of such a count of those
/// that have both. So of the columns
/// that are multiplied, in all choices, as many records must differ from the most frequent value as must be in a cell, and of two values at either.
/// </summary>
internal sealed class ColumnRelease(AnswerGroups groups)
{
    /// <summary>
    /// Cells in which the number of records may be known in which own columns differ from their most frequent values, or do not: how many each own group has
    /// the asking party knows.
    /// </summary>
    private readonly Dictionary<(Moment Moment, string AtBase), bool[]> _ownColumns = [];

    private BoundQuery Query => groups.Query;
    private IMomentTable Table => groups.Table;

    /// <summary>
    /// Whether what is about some columns is shown in a cell. Of its own columns the asking party knows how many records differ in each own group, as it
    /// knows how many there are: the same
    /// rule then holds for those as for the records.
    /// </summary>
    public bool IsShown(int cell, ColumnName[] columns)
    {
        if (Table.Release is { } release)
        {
            return release.IsShown(cell, columns);
        }

        var own = NumbersOf([cell], columns).Where(column => !Table.IsOthers(column) && Table.Own is not null);
        return HasEnough([cell], columns)
            && BoundQuery.Subsets([.. own]).Skip(1).All(numbers => BasesOf([cell], numbers).All(atBase => IsShownOf(cell, columns, numbers, atBase)));
    }

    /// <summary>
    /// Whether some groups have enough records that have values, that differ from the most frequent one, and of two values those at either; of columns that
    /// are multiplied in all at once.
    /// </summary>
    public bool HasEnough(int[] members, ColumnName[] columns)
    {
        var numbers = NumbersOf(members, columns);
        return groups.Total(members, columns.Length == 0 ? Query.Records : Query.RecordsWith(columns)) >= groups.MinCell
            && BasesOf(members, numbers).All(atBase =>
                Joint(numbers, atBase, different => groups.Total(members, Query.RecordsDifferent(columns, different))) >= groups.MinCell);
    }

    /// <summary>The columns that something is about: a weight is one of them, also of a count.</summary>
    public ColumnName[] WithWeight(ColumnName[] columns) => Query.Weight is { } weight && !columns.Contains(weight) ? [.. columns, weight] : columns;

    /// <summary>Those of them that can tell records apart: a weight that is the same in all records of the own groups is none.</summary>
    public ColumnName[] NumbersOf(IReadOnlyList<int> members, ColumnName[] columns) =>
        [.. WithWeight(columns).Distinct().Where(column => !HasNone(members, column, isRest: false))];

    /// <summary>
    /// Which of some columns may be at their most frequent value while the others differ, choice by choice: of many values only those that differ say
    /// something, of two either does.
    /// </summary>
    public IEnumerable<ColumnName[]> BasesOf(IReadOnlyList<int> members, ColumnName[] numbers) =>
        BoundQuery.Subsets([.. numbers.Where(column => Table.IsTwoValued(column) && !HasNone(members, column, isRest: true))]);

    /// <summary>
    /// Number of records in which some columns are at their most frequent value and the others of <paramref name="numbers"/> differ from theirs, from the
    /// numbers of those that differ.
    /// </summary>
    public static BigInteger Joint(ColumnName[] numbers, ColumnName[] atBase, Func<ColumnName[], BigInteger> different) =>
        BoundQuery.Subsets(atBase).Aggregate(BigInteger.Zero, (sum, subset) => sum
            + ((subset.Length % 2 == 0 ? 1 : -1) * different([.. numbers.Except(atBase), .. subset])));

    /// <summary>
    /// Whether the column is an own weight that is the most frequent one, or none of it, in all records of the own groups: then it tells nobody from the
    /// others.
    /// </summary>
    public bool HasNone(IEnumerable<int> members, ColumnName column, bool isRest) => column == Query.Weight && OwnSpread(column) is { } spread
        && members.Select(Table.OwnGroupOf).Distinct().All(group => spread.Groups[group] is var own
            && (isRest ? own.Records - own.Different : own.Different) == 0);

    /// <summary>How many records of each own group have a value in an own column, and differ; null for the other party's.</summary>
    public ColumnAnnouncement? OwnSpread(ColumnName column) =>
        Table.IsOthers(column) ? null : Table.Own?.Columns.FirstOrDefault(own => own.Column == column.Name);

    private bool IsShownOf(int cell, ColumnName[] columns, ColumnName[] numbers, ColumnName[] atBase)
    {
        var key = (Query.RecordsDifferent(columns, numbers), LabelKey.Of(atBase.Select(column => column.Name)));
        if (!_ownColumns.TryGetValue(key, out var shown))
        {
            shown = groups.ShowCells(
                member => (long)Joint(numbers, atBase, different => Table.Sum(member, Query.RecordsDifferent(columns, different))),
                group => (long)Joint(numbers, atBase, different => Table.OwnCount(group, Query.RecordsDifferent(columns, different))));
            _ownColumns.Add(key, shown);
        }

        return shown[cell];
    }
}
