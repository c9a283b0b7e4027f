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
    /// <summary>Bits of a sum, its sign included: with a bound taken off it stays below 2^63.</summary>
    private const int MostMagnitudeBits = 61;

    private readonly MaskedPlan _plan;
    private readonly ReleaseSides _sides;
    private readonly List<SharedNumber> _numbers = [];
    private readonly List<long> _constants = [];
    private readonly List<Decision> _decisions = [];
    private readonly List<Opening> _openings = [];
    private readonly List<IReadOnlyList<int>> _sums = [];
    private readonly Dictionary<(int Cell, string Columns), int> _named = [];
    private readonly Dictionary<(int Cell, string Name), (Moment Moment, int[] Places)> _openedSums = [];
    private readonly Dictionary<(Moment, string), int[]> _ownColumns = [];
    private readonly List<ComputedNumber> _computed = [];
    private readonly List<int> _computedWords = [];
    private readonly NoiseTerms? _noise;
    private readonly Dictionary<Moment, int> _ownMoments;
    private readonly DominanceTerms? _dominance;
    private readonly IReadOnlyList<string> _heldByFew;
    private readonly Dictionary<ColumnName, int> _sound = [];
    private readonly Moment[] _magnitudes;
    private readonly int _groupBits, _allBits;
    private readonly int _others;
    private int[] _counts = [];

    /// <param name="query">The question.</param>
    /// <param name="plan">Its product.</param>
    /// <param name="sides">What is announced.</param>
    /// <param name="minCell">The minimum cell size.</param>
    /// <param name="noise">Noise on every count that is opened; null for none.</param>
    /// <param name="owner">What the contributing party demands beside; null for nothing.</param>
    public ReleaseBuilder(
        BoundQuery query, MaskedPlan plan, ReleaseSides sides, int minCell, NoiseTerms? noise = null, OwnerTerms? owner = null)
    {
        (Query, _plan, _sides, MinCell, _noise) = (query, plan, sides, minCell, noise);
        (_dominance, _heldByFew) = (owner?.Dominance, owner?.HeldByFew ?? []);
        _magnitudes = _dominance is null ? [] : [.. Dominance.SumsOf(query, plan.B.Party, _dominance.Columns)];
        _groupBits = BitsOf(sides.Groups.Append(1).Max());
        _allBits = BitsOf(plan.Rows);
        _ownMoments = query.OwnMoments(sides.Asker, term => plan.A.Shape.Levels[OwnTerms.IndexOf(term)]).Select((moment, i) => (moment, i))
            .ToDictionary(entry => entry.moment, entry => entry.i);

        // Whether records of own groups are in no cell: certain where the other party selects, else where fewer are counted than there are.
        _others = OthersSelect ? -1
            : Add(new Decision.AtLeast(Left(Enumerable.Range(0, plan.A.Shape.Groups), AllCells, query.Records), 1));
    }

    public BoundQuery Query { get; }

    public int MinCell { get; }

    /// <summary>Cells: every group of the asking party with every one of the other.</summary>
    public int Cells => _plan.A.Shape.Groups * _plan.B.Shape.Groups;

    private IEnumerable<int> AllCells => Enumerable.Range(0, Cells);

    private List<BoundTerm> OwnTerms => [.. Query.Terms.Where(term => term.Grouping is not null && term.Column.Party == _sides.Asker)];

    /// <summary>Whether the other party's filter or weight decides which records count.</summary>
    public bool OthersSelect => Query.Where.Any(condition => condition.Party != _sides.Asker) || (Query.Weight is { } weight && IsOthers(weight));

    /// <summary>Whether a column is the other party's.</summary>
    public bool IsOthers(ColumnName column) => column.Party != _sides.Asker;

    /// <summary>The decision for each cell by the rule for counts.</summary>
    public int[] CellsShown() => ShowCells((cell, sign) => [(Query.Records, cell, sign)], OwnRecords, [(Query.Records, 1)], _counts = new int[Cells]);

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

        all.AddRange(columns.Concat(Query.WeightColumns).Distinct().Where(IsOthers).Select(NotHeldByFew));
        if (_magnitudes.Length > 0)
        {
            all.AddRange(columns.Distinct().Select(column => Query.Sum([column], columns)).Where(_magnitudes.Contains).Select(sum => NotDominated(cell, sum)));
        }

        return all.Count == 1 ? isCellShown : Add(new Decision.All(all));
    }

    /// <summary>
    /// The decision that not few of the records that pass hold nearly all of a column of the contributing party's, which that party knows by itself: a bit of
    /// its own, so that neither of the others learns it but by what is shown.
    /// </summary>
    public int NotHeldByFew(ColumnName column)
    {
        if (!_sound.TryGetValue(column, out var decision))
        {
            _numbers.Add(new SharedNumber(1, []));
            _constants.Add(_heldByFew.Contains(column.Name, StringComparer.Ordinal) ? 1 : 0);
            _sound.Add(column, decision = Add(new Decision.NotNegative(_numbers.Count - 1)));
        }

        return decision;
    }

    /// <summary>The sums that are held to rules of concentration.</summary>
    public IReadOnlyList<Moment> Magnitudes => _magnitudes;

    /// <summary>The decision that a sum of a cell is at least what the contributing party's rules of concentration ask for.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="sum">One of <see cref="Magnitudes"/>.</param>
    /// <exception cref="QueryException">The sum is too long to be compared.</exception>
    public int NotDominated(int cell, Moment sum)
    {
        var (group, place) = (PlaceOf(cell).B, Array.IndexOf(_magnitudes, sum));
        var least = _dominance!.Least is { } all ? all[(place * _plan.B.Shape.Groups) + group] : 0;
        var bits = _plan.SumBitsOf(sum, Query.Schema);
        var terms = _plan.TermsOf(sum, PlaceOf(cell).A, group);
        if (bits > MostMagnitudeBits || terms is null)
        {
            var names = string.Join(" and ", sum.Powers.Select(power => power.Column.Name));
            throw new QueryException(QueryException.EngineCannot, $"sums of {names} have too many digits to be held to rules of concentration; give the "
                + "columns types with fewer digits when the dataset is added, or ask without its covariances and weights");
        }

        // The bound is no larger than what makes the number fit: no sum comes near that.
        _numbers.Add(new SharedNumber(bits + 2, terms));
        _constants.Add(-Math.Min(least, 1L << bits));
        return Add(new Decision.NotNegative(_numbers.Count - 1));
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
        int[] words = [.. moments.SelectMany(moment => _plan.WordsOf(moment, groupA, groupB)).Distinct().Order()];
        _openings.Add(_noise is { Law: NoiseKind.CellKey } ? new Opening(decision, []) { Computed = [WithNoise(cell, words.Single())] }
            : new Opening(decision, words));
    }

    /// <summary>
    /// The count of a cell with the noise that its key has: of the key, the sum of its records', as many thresholds as are at most it, less half of them.
    /// </summary>
    private int WithNoise(int cell, int word)
    {
        var (groupA, groupB) = PlaceOf(cell);
        _numbers.Add(new SharedNumber(MaskedPlan.KeyBits, [(_plan.KeyWordOf(Query.Records, groupA, groupB), 1)]));
        _constants.Add(0);
        var key = _numbers.Count - 1;
        int[] bits = [.. _noise!.Thresholds!.Select(threshold => AtLeast(key, threshold))];
        var most = (1 << _groupBits) - 1 + (bits.Length / 2);
        _computed.Add(new ComputedNumber(_counts[cell], bits, bits.Length / 2, BitsOf(most)));
        _computedWords.Add(word);
        return _computed.Count - 1;
    }

    /// <summary>Own groups.</summary>
    public int OwnGroups => _sides.Groups.Count;

    /// <summary>Records of an own group; none where every own group was put aside.</summary>
    public long OwnRecords(int group) => group < _sides.Groups.Count ? _sides.Groups[group] : 0;

    /// <summary>Own records at a level of an own class term.</summary>
    public long OwnRecordsAt(BoundTerm term, int level) => _sides.Levels[OwnTerms.IndexOf(term)][level];

    /// <summary>Own records of the first group that meet the own part of a count.</summary>
    public long OwnCount(Moment moment) => _sides.Groups.Count == 0 ? 0 : _sides.Side.Counts[_ownMoments[moment.Of(_sides.Asker)]][0];

    /// <summary>Levels of a class term.</summary>
    public int Levels(BoundTerm term)
    {
        var shape = IsOthers(term.Column) ? _plan.B.Shape : _plan.A.Shape;
        return shape.Levels[Query.Terms.Where(other => other.Grouping is not null && other.Column.Party == term.Column.Party).ToList().IndexOf(term)];
    }

    /// <summary>Whether the records of an own group have all labels.</summary>
    public bool HasOwnLabels(int group) => !_sides.Side.Missing.Contains(group);

    /// <summary>Whether those of a cell have, on both sides.</summary>
    public bool HasEveryLabel(int cell) => HasOwnLabels(PlaceOf(cell).A) && !_sides.OthersMissing.Contains(PlaceOf(cell).B);

    /// <summary>A decision that always holds.</summary>
    public int Always => AtLeast(LinearCount.Known(1), 1);

    /// <summary>Whether a number of records of the only cell is at least a threshold.</summary>
    public int AtLeast(LinearCount count, long threshold) =>
        AtLeast(Number(_allBits, count.Terms.Select(term => (term.Count, 0, term.Sign)), count.Constant), threshold);

    /// <summary>Whether a count of a cell is at least the minimum.</summary>
    public int AtLeast(int cell, Moment count) => AtLeast(Number(_groupBits, [(count, cell, 1)], 0));

    /// <summary>Whether a number is at least a threshold.</summary>
    public int AtLeast(int number, long threshold) => Add(new Decision.AtLeast(number, threshold));

    /// <summary>The sum of a count over some cells.</summary>
    public int Sum(IEnumerable<int> cells, Moment count) => Number(_allBits, cells.Select(cell => (count, cell, 1)), 0);

    /// <summary>What some cells leave of the records of own groups: of those that the asking party sent where it is bound, else of those announced.</summary>
    public int Left(IEnumerable<int> groups, IEnumerable<int> cells, Moment count)
    {
        var own = groups.ToArray();
        return Number(_allBits, cells.Select(cell => (count, cell, -1)), own.Sum(OwnRecords), own.SelectMany(group => OwnWords([(count, 1)], group)));
    }

    /// <summary>Words of what the asking party put into an own group, by its part of some counts; none where it is not bound.</summary>
    private IEnumerable<(int, int)> OwnWords(IEnumerable<(Moment Count, int Sign)> counts, int group) =>
        _plan.Binding is null ? [] : counts.Select(count => (_plan.OwnWordOf(count.Count, group), count.Sign));

    /// <summary>All of some decisions.</summary>
    public int All(IReadOnlyList<int> decisions) => decisions.Count == 1 ? decisions[0] : Add(new Decision.All(decisions));

    /// <summary>One decision where a first one holds, else another.</summary>
    public int Either(int condition, int whenSet, int other) => Add(new Decision.Any(
        [Add(new Decision.All([condition, whenSet])), Add(new Decision.All([Add(new Decision.Not(condition)), other]))]));

    /// <summary>The plan.</summary>
    public ReleasePlan Build() => new(new ReleaseProgram(_numbers, _decisions, _openings) { Sums = _sums, Computed = _computed },
        [.. _constants], _named, Cells, _plan, _openedSums, _noise, _computedWords)
    {
        Dominance = _dominance?.Columns ?? [],
    };

    /// <summary>Opens the count of every cell, whatever it is.</summary>
    public void OpenCounts()
    {
        var always = Always;
        foreach (var cell in AllCells)
        {
            Open(cell, ReleasePlan.Count, always, [Query.Records]);
        }
    }

    /// <summary>Bins, with that of missing values behind them, of each own group and of each of the other's: 1 where a side has none.</summary>
    public (int Own, int Others) Bins => (_plan.A.Shape.Groups / Math.Max(1, _sides.Groups.Count),
        Query.BinsOf(_plan.B.Party) is { } bins && _plan.B.Shape.Groups % bins.Titles.Count == 0 ? bins.Titles.Count : 1);

    /// <summary>The cell of a group of each side.</summary>
    public int CellOf(int own, int others) => (own * _plan.B.Shape.Groups) + others;

    /// <summary>Groups of the asking party's matrix, and of the other's, bins counted one by one.</summary>
    public (int Own, int Others) Groups => (_plan.A.Shape.Groups, _plan.B.Shape.Groups);

    /// <summary>A number of records: counts of cells, and of own groups as the asking party sent them, which has to be bound.</summary>
    public int Number(IEnumerable<(Moment Count, int Cell, int Sign)> counts, IEnumerable<(Moment Count, int Group, int Sign)> own) =>
        Number(_groupBits, counts, 0, own.Select(count => (_plan.OwnWordOf(count.Count, count.Group), count.Sign)));

    /// <summary>The rule of subtraction for some cells of one own group: a decision each.</summary>
    /// <param name="counts">Numbers.</param>
    /// <param name="left">The number of records of the own group in none of them.</param>
    public int[] Show(IReadOnlyList<int> counts, int left)
    {
        var decided = Add(new Decision.Cells(counts, left, _others, MinCell));
        return [.. counts.Select((_, i) => Add(new Decision.CellOf(decided, i)))];
    }

    /// <summary>Bins put together: for each the decision that one ends there.</summary>
    /// <param name="counts">A number for each bin and rule.</param>
    /// <param name="rules">The rules.</param>
    /// <param name="isOnly">Whether no other cell has records of the own group: then none left over may be left.</param>
    /// <param name="open">The decision that the last bin has no end of its own.</param>
    public int[] Merge(IReadOnlyList<int> counts, IReadOnlyList<MergeRule> rules, bool isOnly, int open)
    {
        var alone = isOnly && _others >= 0 ? Add(new Decision.Not(_others)) : -1;
        var decided = Add(new Decision.Merge(counts, rules, alone, open, MinCell));
        return [.. Enumerable.Range(0, counts.Count / rules.Count).Select(i => Add(new Decision.CellOf(decided, i)))];
    }

    /// <summary>A decision that holds where another does not.</summary>
    public int Not(int decision) => Add(new Decision.Not(decision));

    /// <summary>A decision that holds where one of some does.</summary>
    public int Any(IReadOnlyList<int> decisions) => decisions.Count == 1 ? decisions[0] : Add(new Decision.Any(decisions));

    /// <summary>Places of a sum's words over cells: those of one cell, and of further ones added to what was there.</summary>
    /// <param name="moment">The sum.</param>
    /// <param name="cell">The further cell.</param>
    /// <param name="before">What is added to; null for nothing.</param>
    public int[] SumWith(Moment moment, int cell, int[]? before)
    {
        int[] words = [.. _plan.WordsOf(moment, PlaceOf(cell).A, PlaceOf(cell).B)];
        if (before is null)
        {
            return words;
        }

        var first = (_plan.A.PaddedColumns * _plan.B.PaddedColumns) + _sums.Count;
        _sums.AddRange(words.Zip(before, (word, sum) => (int[])[sum, word]));
        return [.. Enumerable.Range(first, words.Length)];
    }

    /// <summary>Opens a sum over cells where a decision says so.</summary>
    /// <param name="cell">The cell that it is looked up at.</param>
    /// <param name="name">Its name.</param>
    /// <param name="decision">The decision.</param>
    /// <param name="moment">The sum.</param>
    /// <param name="places">From <see cref="SumWith"/>; none to open the decision alone.</param>
    public void OpenSum(int cell, string name, int decision, Moment moment, int[] places)
    {
        _named.Add((cell, name), _openings.Count);
        _openedSums.Add((cell, name), (moment, places));
        _openings.Add(new Opening(decision, places));
    }

    /// <summary>Cells of each own group: the rule of subtraction, for records or for those that differ in own columns.</summary>
    /// <param name="countOf">Counts of a cell with their signs, as asked for or turned.</param>
    /// <param name="ownOf">How many records an own group has, as announced.</param>
    /// <param name="own">The counts whose own part gives the same from what the asking party sent.</param>
    /// <param name="numbers">Receives the number of each cell, where they are wanted.</param>
    private int[] ShowCells(
        Func<int, int, IEnumerable<(Moment, int, int)>> countOf, Func<int, long> ownOf, IReadOnlyList<(Moment, int)> own, int[]? numbers = null)
    {
        var (shown, width) = (new int[Cells], _plan.B.Shape.Groups);
        for (var group = 0; group < _plan.A.Shape.Groups; group++)
        {
            var cells = Enumerable.Range(group * width, width).ToArray();
            var counts = Array.ConvertAll(cells, cell => Number(_groupBits, countOf(cell, 1), 0));
            if (numbers is not null)
            {
                counts.CopyTo(numbers, cells[0]);
            }


            // Where every own group was put aside there is one group of zeros.
            var left = Number(_groupBits, cells.SelectMany(cell => countOf(cell, -1)), group < _sides.Groups.Count ? ownOf(group) : 0,
                OwnWords(own, group));
            Show(counts, left).CopyTo(shown, cells[0]);
        }

        return shown;
    }

    private int[] OwnColumnsShown(ColumnName[] columns, ColumnName[] numbers, ColumnName[] atBase)
    {
        var key = (Query.RecordsDifferent(columns, numbers), LabelKey.Of(atBase.Select(column => column.Name)));
        if (!_ownColumns.TryGetValue(key, out var shown))
        {
            shown = ShowCells((cell, sign) => Joint(columns, numbers, atBase, cell, sign), group => (long)ColumnRelease.Joint(
                numbers, atBase, different => _sides.Side.Counts[_ownMoments[Query.RecordsDifferent(columns, different).Of(_sides.Asker)]][group]),
                [.. Joint(columns, numbers, atBase, 0, 1).Select(count => (count.Item1, count.Item3))]);
            _ownColumns.Add(key, shown);
        }

        return shown;
    }

    /// <summary>As <see cref="ColumnRelease.Joint"/>, as a sum of counts.</summary>
    private IEnumerable<(Moment, int, int)> Joint(ColumnName[] columns, ColumnName[] numbers, ColumnName[] atBase, int cell, int sign) =>
        BoundQuery.Subsets(atBase).Select(subset =>
            (Query.RecordsDifferent(columns, [.. numbers.Except(atBase), .. subset]), cell, subset.Length % 2 == 0 ? sign : -sign));

    /// <summary>As <see cref="ColumnRelease.NumbersOf"/>.</summary>
    public ColumnName[] NumbersOf(int cell, ColumnName[] columns) =>
        [.. (Query.Weight is { } weight && !columns.Contains(weight) ? [.. columns, weight] : columns).Distinct()
            .Where(column => !HasNone(cell, column, isRest: false))];

    /// <summary>As <see cref="ColumnRelease.BasesOf"/>.</summary>
    public IEnumerable<ColumnName[]> BasesOf(int cell, ColumnName[] numbers) =>
        BoundQuery.Subsets([.. numbers.Where(column => IsTwoValued(column) && !HasNone(cell, column, isRest: true))]);

    /// <summary>Whether a column has two values, or one, but for few records.</summary>
    public bool IsTwoValued(ColumnName column) =>
        (IsOthers(column) ? _sides.OthersTwoValued : _sides.Side.TwoValued).Contains(column.Name, StringComparer.Ordinal);

    /// <summary>As <see cref="ColumnRelease.HasNone"/>, from what is announced.</summary>
    public bool HasNone(int cell, ColumnName column, bool isRest) => column == Query.Weight && OwnSpread(column, PlaceOf(cell).A / Bins.Own) is { } own
        && (isRest ? own.Records - own.Different : own.Different) == 0;

    /// <summary>How many records of an own group have a value in an own column, and differ; null for the other party's.</summary>
    public ColumnSpread? OwnSpread(ColumnName column, int group = 0) => IsOthers(column) || group >= _sides.Groups.Count ? null
        : _sides.Side.Differing.FirstOrDefault(spread => spread.Column == column.Name)?.Groups[group];

    /// <summary>A number: counts of cells, and own records from what was sent where the asking party is bound, from what it announced where not.</summary>
    private int Number(
        int bits, IEnumerable<(Moment Moment, int Cell, int Sign)> counts, long announced, IEnumerable<(int Word, int Sign)>? own = null)
    {
        var terms = counts.SelectMany(count => _plan.WordsOf(count.Moment, PlaceOf(count.Cell).A, PlaceOf(count.Cell).B).Select(word => (word, count.Sign)));
        _numbers.Add(new SharedNumber(bits, [.. terms, .. own ?? []]));
        _constants.Add(own is not null && _plan.Binding is not null ? 0 : announced);
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
