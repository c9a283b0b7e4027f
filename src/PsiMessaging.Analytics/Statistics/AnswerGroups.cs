using System.Numerics;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Analytics.Statistics;

/// <summary>
/// The groups of an answer: their exact sums, and which of them are shown. Under a minimum cell size a group of fewer records is not, nor is one from which
/// such a group would follow
/// (<see cref="ReleaseRule"/>).
/// </summary>
internal sealed class AnswerGroups
{
    /// <param name="query">The query.</param>
    /// <param name="table">The sums.</param>
    /// <param name="minCell">Fewest records anything is said about, 1 or more.</param>
    /// <param name="commonRecords">Common records in all.</param>
    public AnswerGroups(BoundQuery query, IMomentTable table, int minCell, int commonRecords)
    {
        (Query, Table, MinCell, CommonRecords) = (query, table, minCell, commonRecords);
        Records = [.. Enumerable.Range(0, table.Groups.Count).Select(group => (long)table.Sum(group, query.Records))];
        Rules = new AnswerRules(query, minCell, commonRecords);
        Columns = new ColumnRelease(this);
        if (minCell == 1 || table.IsComplete is not null)
        {
            Shown = Array.ConvertAll(Records, records => records > 0);
            IsComplete = minCell == 1 || table.IsComplete == true;
            return;
        }

        var own = table.Own ?? throw new InvalidOperationException("the asking party's own groups are not known");
        if (table.Release is { } release)
        {
            Shown = [.. release.Cells.Take(Records.Length)];
            OthersHave = table.OthersSelect
                || (Array.TrueForAll(Shown, cell => cell) && Noise is null or { Law: not NoiseKind.CellKey }
                    ? own.Groups.Sum(records => (long)records) > Records.Sum() : OthersGroup);
            IsComplete = IsEveryShown(own);
            return;
        }

        OthersHave = table.OthersSelect || own.Groups.Sum(records => (long)records) > Records.Sum();
        Shown = ShowCells(cell => Records[cell], group => own.Groups[group]);
        IsComplete = IsEveryShown(own);
    }

    private bool IsEveryShown(OwnRecords own) =>
        Shown.Length > 0 && Array.TrueForAll(Shown, cell => cell) && own.Aside == 0
            && (Noise is { Law: not NoiseKind.CellKey } || !(OthersHave && OthersGroup));

    public BoundQuery Query { get; }
    public IMomentTable Table { get; }
    public int MinCell { get; }
    public int CommonRecords { get; }

    /// <summary>Whether there is a minimum cell size.</summary>
    public bool HasMinimum => MinCell > 1;

    /// <summary>What has been added to every count; null for nothing.</summary>
    public NoiseTerms? Noise => Table.Release?.Noise;

    /// <summary>Records of each group.</summary>
    public long[] Records { get; }

    /// <summary>Whether each group is shown.</summary>
    public bool[] Shown { get; }

    /// <summary>Whether that is every group that can be.</summary>
    public bool IsComplete { get; }

    /// <summary>
    /// Whether records of the own groups may be in no group: dropped by the other party's filter or in its small groups. Where others have decided what is
    /// shown and not all is, it is not known, and they may; nor is it where cell keys keep counts from being compared.
    /// </summary>
    public bool OthersHave { get; }

    /// <summary>What has to be known to read the answer.</summary>
    public AnswerRules Rules { get; }

    /// <summary>What is shown of numeric columns.</summary>
    public ColumnRelease Columns { get; }

    /// <summary>Whether the other party's columns are grouped by: some of its groups may have been put aside.</summary>
    public bool OthersGroup => Query.Groupings.Any(grouping => Table.IsOthers(grouping.Column));

    /// <summary>Groups in the order of their labels: with a minimum of 1 those with records, else all.</summary>
    public int[] Listed()
    {
        var groups = Enumerable.Range(0, Records.Length).Where(group => HasMinimum || Shown[group]).ToArray();
        Array.Sort(groups, (left, right) => CompareLabels(Table.Groups[left], Table.Groups[right]));
        return groups;
    }

    /// <summary>A sum in units over some groups.</summary>
    public BigInteger Total(IEnumerable<int> members, Moment moment) => members.Aggregate(BigInteger.Zero, (sum, member) => sum + Table.Sum(member, moment));

    /// <summary>Common records on the asking party's side; with a minimum of 1 those that are counted.</summary>
    public BigInteger OwnOf(IEnumerable<int> groups) => Table.Own is { } own
        ? groups.Select(Table.OwnGroupOf).Distinct().Sum(group => (long)own.Groups[group])
        : groups.Sum(group => Records[group]);

    /// <summary>
    /// Whether a statistic about these records may be shown beside what the asking party knows of its own: enough of them, and as many or none left out by
    /// the other party.
    /// </summary>
    public bool IsAboutEnough(BigInteger records, BigInteger own) =>
        MinCell == 1 || (records >= MinCell && (own - records >= MinCell || (own == records && !Table.OthersSelect)));

    /// <summary>The cells that are shown by the rule for counts, own group by own group.</summary>
    /// <param name="countOf">Records of a cell that something is about.</param>
    /// <param name="ownOf">How many of them an own group has, as the asking party knows.</param>
    public bool[] ShowCells(Func<int, long> countOf, Func<int, long> ownOf)
    {
        var shown = new bool[Records.Length];
        foreach (var group in Enumerable.Range(0, Records.Length).GroupBy(Table.OwnGroupOf))
        {
            var cells = group.ToArray();
            var here = ReleaseRule.Show(Array.ConvertAll(cells, cell => countOf(cell)), ownOf(group.Key), OthersHave, MinCell);
            for (var i = 0; i < cells.Length; i++)
            {
                shown[cells[i]] = here[i];
            }
        }

        return shown;
    }

    private int CompareLabels(IReadOnlyList<string?> left, IReadOnlyList<string?> right)
    {
        for (var i = 0; i < Query.Groupings.Count; i++)
        {
            if (Query.Groupings[i].Compare(left[i], right[i]) is var order and not 0)
            {
                return order;
            }
        }

        return 0;
    }
}
