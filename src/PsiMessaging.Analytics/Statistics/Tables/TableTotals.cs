using System.Globalization;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Analytics.Statistics.Tables;

/// <summary>Totals of a table: for every combination of groupings, which of them are shown and what they say.</summary>
internal sealed class TableTotals(AnswerGroups groups, TableAnswer answer)
{
    private readonly BoundQuery _query = groups.Query;
    private readonly IMomentTable _table = groups.Table;

    /// <summary>A total with its cells.</summary>
    /// <param name="Kept">Groupings that it keeps, a bit each; 0 for all records.</param>
    /// <param name="Members">Groups under it.</param>
    /// <param name="Cells">One for each measure.</param>
    public sealed record Total(int Kept, int[] Members, IEnumerable<AnswerCell> Cells);

    private int Count => _query.Groupings.Count;

    /// <summary>Every total: which groupings it keeps, and the groups under it; that of all records first.</summary>
    public List<(int Kept, int[] Members)> Every()
    {
        // A cell that is not shown is under the totals, where the asking party has it.
        var all = Enumerable.Range(0, groups.Records.Length).Where(group => groups.HasMinimum || groups.Shown[group]).ToArray();
        string KeyOf(int group, int kept) => LabelKey.Of(Enumerable.Range(0, Count).Where(i => Keeps(kept, i)).Select(i => _table.Groups[group][i]));
        return
        [
            .. Enumerable.Range(0, (1 << Count) - 1).OrderBy(kept => int.PopCount(kept)).ThenBy(kept => kept)
                .SelectMany(kept => kept == 0 ? [(kept, all)]
                    : all.GroupBy(group => KeyOf(group, kept), StringComparer.Ordinal).Select(total => (kept, total.ToArray()))),
        ];
    }

    /// <summary>Cells of every total that has enough records, and the number of records that pass the filter; -1 where that is withheld.</summary>
    public (List<Total> Totals, long Records) Released(List<(int Kept, int[] Members)> totals) =>
        groups.MinCell == 1 || _table.IsComplete is true
            ? ([.. totals.Select(total => new Total(total.Kept, total.Members, answer.Measures(total.Members)))], groups.Records.Sum())
        : _table.IsComplete is not null ? ReleasedOfLinker(totals)
        : ReleasedOfOwn(totals, _table.Own!);

    /// <summary>The linker's counts of what is not shown are not here: only the number of all common records is known.</summary>
    private (List<Total> Totals, long Records) ReleasedOfLinker(List<(int Kept, int[] Members)> totals)
    {
        var all = _query.Where.Count == 0;
        var released = totals.Where(total => total.Members.Sum(group => groups.Records[group]) >= groups.MinCell || total.Kept == 0)
            .Select(total => new Total(total.Kept, total.Members, total.Kept == 0 && all ? CountAlone(groups.CommonRecords) : Withheld()));
        return ([.. released], all ? groups.CommonRecords : -1);
    }

    private (List<Total> Totals, long Records) ReleasedOfOwn(List<(int Kept, int[] Members)> totals, OwnRecords own)
    {
        var known = own.Groups.Sum(records => (long)records);
        if (groups.Noise is { Law: not NoiseKind.CellKey })
        {
            return ([.. totals.Select(total => new Total(total.Kept, total.Members, WithNoise(total.Kept, total.Members, own, known)))],
                _table.OthersSelect ? -1 : known + own.Aside);
        }

        bool[] shown = [.. totals.Select(total => IsSumOfShown(total.Members))];
        var released = new List<Total>();
        for (var t = 0; t < totals.Count; t++)
        {
            var (kept, members) = totals[t];

            // Which totals are listed follows from the cells shown: whether one stands there that may not be shown says nothing of what is hidden under it.
            if (kept == 0 || Array.Exists(members, member => groups.Shown[member]))
            {
                released.Add(new Total(kept, members, CellsOf(kept, members, own, known, shown[t])));
            }
        }

        var records = !_table.OthersSelect ? known + own.Aside
            : groups.Noise is null && !groups.OthersGroup && own.Aside == 0 && shown is [true, ..] ? groups.Records.Sum() : -1;
        return (released, records);
    }

    /// <summary>Totals of counts with noise: what the asking party can count itself, else the sum of the counts with their noise.</summary>
    private IEnumerable<AnswerCell> WithNoise(int kept, int[] members, OwnRecords own, long known) => _table.OthersSelect || KeepsOthers(kept)
        ? CountAlone(members.Sum(member => groups.Records[member])) : CountAlone(kept == 0 ? known + own.Aside : (long)groups.OwnOf(members));

    /// <summary>A total is shown where it says nothing that the cells under it do not: whoever releases cells opens no totals.</summary>
    private bool IsSumOfShown(int[] members) =>
        Array.TrueForAll(members, member => groups.Shown[member])
            && (groups.Noise is null ? members.Sum(member => groups.Records[member]) >= groups.MinCell : members.Length > 0);

    private IEnumerable<AnswerCell> CellsOf(int kept, int[] members, OwnRecords own, long known, bool isShown)
    {
        if (kept == 0 && !_table.OthersSelect)
        {
            // What was put aside belongs to all records too; the asking party knows how many those are.
            return groups.Noise is not null || known + own.Aside > members.Sum(group => groups.Records[group]) || !isShown
                ? CountAlone(known + own.Aside) : Measures(members);
        }

        // A total must hold all that its name says: what was put aside, by either party, is in no cell.
        var hasOwn = own.Aside == 0 || KeepsAll(kept, others: false);
        var hasOthers = !(groups.OthersHave && groups.OthersGroup) || KeepsAll(kept, others: true);
        if (hasOwn && !hasOthers && !_table.OthersSelect && !KeepsOthers(kept))
        {
            return CountAlone((long)groups.OwnOf(members));
        }

        return hasOwn && hasOthers && isShown ? Measures(members) : Withheld();
    }

    /// <summary>
    /// Measures of a total: one is shown where it is shown in every cell under the total, so that no difference of totals and cells is that of a cell that
    /// is not shown. For counts
    /// without weights the rule of totals has decided.
    /// </summary>
    private IEnumerable<AnswerCell> Measures(int[] members) => _query.Measures.Select(entry => (entry.Measure.Function.IsCount && _query.Weight is null)
        || Array.TrueForAll(members, member => groups.Shown[member] && groups.Columns.IsShown(member, entry.Columns))
            ? answer.Compute(entry.Measure, entry.Columns, members) : AnswerCell.Withheld);

    private IEnumerable<AnswerCell> CountAlone(long records) => _query.Measures.Select(entry =>
        entry.Measure.Function.IsCount && _query.Weight is null ? new AnswerCell(records.ToString(CultureInfo.InvariantCulture)) : AnswerCell.Withheld);

    private IEnumerable<AnswerCell> Withheld() => _query.Measures.Select(_ => AnswerCell.Withheld);

    private static bool Keeps(int kept, int grouping) => (kept & (1 << grouping)) != 0;

    private bool KeepsAll(int kept, bool others) =>
        Enumerable.Range(0, Count).All(i => Keeps(kept, i) || _table.IsOthers(_query.Groupings[i].Column) != others);

    private bool KeepsOthers(int kept) => Enumerable.Range(0, Count).Any(i => Keeps(kept, i) && _table.IsOthers(_query.Groupings[i].Column));

    /// <summary>Adds a total for every combination of groupings, behind the rows it belongs to.</summary>
    public List<IReadOnlyList<AnswerCell>> With(List<IReadOnlyList<AnswerCell>> rows, List<Total> totals)
    {
        var all = rows.ToList();
        foreach (var (kept, members, cells) in totals.OrderByDescending(total => total.Kept))
        {
            all.Add([.. Enumerable.Range(0, Count).Select(i => Keeps(kept, i) ? new AnswerCell(_table.Groups[members[0]][i]) : AnswerCell.Total), .. cells]);
        }

        var ordered = all.ToArray();
        Array.Sort(ordered, CompareRows);
        return [.. ordered];
    }

    private int CompareRows(IReadOnlyList<AnswerCell> left, IReadOnlyList<AnswerCell> right)
    {
        for (var i = 0; i < Count; i++)
        {
            var order = left[i].IsTotal || right[i].IsTotal ? left[i].IsTotal.CompareTo(right[i].IsTotal)
                : _query.Groupings[i].Compare(left[i].Text, right[i].Text);
            if (order != 0)
            {
                return order;
            }
        }

        return 0;
    }
}
