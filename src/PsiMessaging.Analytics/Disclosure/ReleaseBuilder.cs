using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.SharedRelease;

namespace PsiMessaging.Analytics.Disclosure;

/// <summary>
/// Writes a question's <see cref="ReleaseProgram"/>: the rules of <see cref="AnswerGroups"/> and <see cref="ColumnRelease"/> once more, about counts that
/// nobody sees. A test holds both to the same decisions.
/// </summary>
internal sealed class ReleaseBuilder
{
    private readonly MaskedPlan _plan;
    private readonly ReleaseSides _sides;
    private readonly List<SharedNumber> _numbers = [];
    private readonly List<long> _constants = [];
    private readonly List<Decision> _decisions = [];
    private readonly List<Opening> _openings = [];
    private readonly Dictionary<(int Cell, string Columns), int> _named = [];
    private readonly Dictionary<(Moment, string), int[]> _ownColumns = [];
    private readonly Dictionary<Moment, int> _ownMoments;
    private readonly int _groupBits, _allBits;
    private readonly int _others;

    public ReleaseBuilder(BoundQuery query, MaskedPlan plan, ReleaseSides sides, int minCell)
    {
        (Query, _plan, _sides, MinCell) = (query, plan, sides, minCell);
        _groupBits = BitsOf(sides.Groups.Append(1).Max());
        _allBits = BitsOf(plan.Rows);
        _ownMoments = query.OwnMoments(sides.Asker, term => plan.A.Shape.Levels[OwnTerms.IndexOf(term)]).Select((moment, i) => (moment, i))
            .ToDictionary(entry => entry.moment, entry => entry.i);

        // Whether records of own groups are in no cell: certain where the other party selects, else where fewer are counted than there are.
        _others = OthersSelect ? -1
            : Add(new Decision.AtLeast(Number(_allBits, AllCells.Select(cell => (query.Records, cell, -1)), sides.Groups.Sum(count => (long)count)), 1));
    }

    public BoundQuery Query { get; }

    public int MinCell { get; }

    /// <summary>Cells: every group of the asking party with every one of the other.</summary>
    public int Cells => _plan.A.Shape.Groups * _plan.B.Shape.Groups;

    private IEnumerable<int> AllCells => Enumerable.Range(0, Cells);

    private List<BoundTerm> OwnTerms => [.. Query.Terms.Where(term => term.Grouping is not null && term.Column.Party == _sides.Asker)];

    private bool OthersSelect => Query.Where.Any(condition => condition.Party != _sides.Asker) || (Query.Weight is { } weight && IsOthers(weight));

    private bool IsOthers(ColumnName column) => column.Party != _sides.Asker;

    /// <summary>The decision for each cell by the rule for counts.</summary>
    public int[] CellsShown() => ShowCells((cell, sign) => [(Query.Records, cell, sign)], group => _sides.Groups[group]);

    /// <summary>The decision that what is about some columns is shown in a cell.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="isCellShown">The decision on its count.</param>
    /// <param name="columns">The columns.</param>
    public int ColumnsShown(int cell, int isCellShown, ColumnName[] columns)
    {
        var all = new List<int> { isCellShown };
        var numbers = NumbersOf(cell, columns);
        if (columns.Length > 0)
        {
            all.Add(AtLeast(Number(_groupBits, [(Query.RecordsWith(columns), cell, 1)], 0)));
        }

        all.AddRange(BasesOf(cell, numbers).Where(_ => numbers.Length > 0)
            .Select(atBase => AtLeast(Number(_groupBits, Joint(columns, numbers, atBase, cell, 1), 0))));
        foreach (var own in BoundQuery.Subsets([.. numbers.Where(column => !IsOthers(column))]).Skip(1))
        {
            all.AddRange(BasesOf(cell, own).Select(atBase => OwnColumnsShown(columns, own, atBase)[cell]));
        }

        return all.Count == 1 ? isCellShown : Add(new Decision.All(all));
    }

    /// <summary>Opens sums of a cell where a decision says so.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="key"><see cref="ReleasePlan.KeyOf"/> of the columns of the measures that follow from them; <see cref="ReleasePlan.Count"/> for the
    /// count.</param>
    /// <param name="decision">The decision.</param>
    /// <param name="moments">The sums.</param>
    public void Open(int cell, string key, int decision, IEnumerable<Moment> moments)
    {
        var (groupA, groupB) = PlaceOf(cell);
        _named.Add((cell, key), _openings.Count);
        _openings.Add(new Opening(decision, [.. moments.SelectMany(moment => _plan.WordsOf(moment, groupA, groupB)).Distinct().Order()]));
    }

    /// <summary>The plan.</summary>
    public ReleasePlan Build() => new(new ReleaseProgram(_numbers, _decisions, _openings), [.. _constants], _named, Cells);

    /// <summary>Cells of each own group: the rule of subtraction, for records or for those that differ in own columns.</summary>
    private int[] ShowCells(Func<int, int, IEnumerable<(Moment, int, int)>> countOf, Func<int, long> ownOf)
    {
        var (shown, width) = (new int[Cells], _plan.B.Shape.Groups);
        for (var group = 0; group < _plan.A.Shape.Groups; group++)
        {
            var cells = Enumerable.Range(group * width, width).ToArray();
            var counts = Array.ConvertAll(cells, cell => Number(_groupBits, countOf(cell, 1), 0));

            // Where every own group was put aside there is one group of zeros.
            var left = Number(_groupBits, cells.SelectMany(cell => countOf(cell, -1)), group < _sides.Groups.Count ? ownOf(group) : 0);
            var decided = Add(new Decision.Cells(counts, left, _others, MinCell));
            for (var i = 0; i < width; i++)
            {
                shown[cells[i]] = Add(new Decision.CellOf(decided, i));
            }
        }

        return shown;
    }

    private int[] OwnColumnsShown(ColumnName[] columns, ColumnName[] numbers, ColumnName[] atBase)
    {
        var key = (Query.RecordsDifferent(columns, numbers), LabelKey.Of(atBase.Select(column => column.Name)));
        if (!_ownColumns.TryGetValue(key, out var shown))
        {
            shown = ShowCells((cell, sign) => Joint(columns, numbers, atBase, cell, sign), group => (long)ColumnRelease.Joint(
                numbers, atBase, different => _sides.Side.Counts[_ownMoments[Query.RecordsDifferent(columns, different).Of(_sides.Asker)]][group]));
            _ownColumns.Add(key, shown);
        }

        return shown;
    }

    /// <summary>As <see cref="ColumnRelease.Joint"/>, as a sum of counts.</summary>
    private IEnumerable<(Moment, int, int)> Joint(ColumnName[] columns, ColumnName[] numbers, ColumnName[] atBase, int cell, int sign) =>
        BoundQuery.Subsets(atBase).Select(subset =>
            (Query.RecordsDifferent(columns, [.. numbers.Except(atBase), .. subset]), cell, subset.Length % 2 == 0 ? sign : -sign));

    private ColumnName[] NumbersOf(int cell, ColumnName[] columns) =>
        [.. (Query.Weight is { } weight && !columns.Contains(weight) ? [.. columns, weight] : columns).Distinct()
            .Where(column => !HasNone(cell, column, isRest: false))];

    private IEnumerable<ColumnName[]> BasesOf(int cell, ColumnName[] numbers) =>
        BoundQuery.Subsets([.. numbers.Where(column => IsTwoValued(column) && !HasNone(cell, column, isRest: true))]);

    private bool IsTwoValued(ColumnName column) =>
        (IsOthers(column) ? _sides.OthersTwoValued : _sides.Side.TwoValued).Contains(column.Name, StringComparer.Ordinal);

    /// <summary>As <see cref="ColumnRelease.HasNone"/>, from what is announced.</summary>
    private bool HasNone(int cell, ColumnName column, bool isRest)
    {
        var group = cell / _plan.B.Shape.Groups;
        return column == Query.Weight && !IsOthers(column) && group < _sides.Groups.Count
            && _sides.Side.Differing.FirstOrDefault(spread => spread.Column == column.Name) is { } own
            && (isRest ? own.Groups[group].Records - own.Groups[group].Different : own.Groups[group].Different) == 0;
    }

    private int Number(int bits, IEnumerable<(Moment Moment, int Cell, int Sign)> counts, long constant)
    {
        var terms = counts.SelectMany(count => _plan.WordsOf(count.Moment, PlaceOf(count.Cell).A, PlaceOf(count.Cell).B).Select(word => (word, count.Sign)));
        _numbers.Add(new SharedNumber(bits, [.. terms]));
        _constants.Add(constant);
        return _numbers.Count - 1;
    }

    private int AtLeast(int number) => Add(new Decision.AtLeast(number, MinCell));

    private int Add(Decision decision)
    {
        _decisions.Add(decision);
        return _decisions.Count - 1;
    }

    private (int A, int B) PlaceOf(int cell) => (cell / _plan.B.Shape.Groups, cell % _plan.B.Shape.Groups);

    private static int BitsOf(int most) => 32 - int.LeadingZeroCount(most);
}
