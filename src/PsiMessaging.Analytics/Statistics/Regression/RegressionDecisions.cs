using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Regression;

/// <summary>
/// The rules of <see cref="RegressionRelease"/> and <see cref="JointRelease"/> as decisions about counts that nobody sees, each under a name, by which the
/// asking party's worker can say why. The normal equations are opened where all of them hold.
/// </summary>
internal sealed class RegressionDecisions(ReleaseBuilder builder)
{
    /// <summary>Name of the decision on the number of records.</summary>
    public const string Records = "records";

    private readonly RegressionDesign _design = new(builder.Query, builder.Levels);
    private readonly List<int> _all = [];

    private BoundQuery Query => builder.Query;

    private LinearCount Complete => LinearCount.Of(_design.CompleteRecords);

    /// <summary>Records of the own side.</summary>
    private long Own => builder.OwnRecords(0);

    /// <summary>Name of the decision on a class.</summary>
    public static string ClassOf(BoundTerm term, int level) => $"class {LabelKey.Of([term.Column.ToString(), $"{level}"])}";

    /// <summary>Name of the decision on a number.</summary>
    public static string SpreadOf(ColumnName column) => $"spread {column}";

    /// <summary>Name of the decision on the sum of a number.</summary>
    public static string DominanceOf(ColumnName column) => $"dominance {column}";

    /// <summary>Name of the decision on two factors of the normal equations.</summary>
    public static string PairOf(int first, int second) => $"pair {first} {second}";

    /// <summary>Adds them all, and opens the sums.</summary>
    public void Add()
    {
        AddRecords();
        foreach (var term in Query.Terms.Where(term => term.Grouping is not null && builder.Levels(term) > 0))
        {
            AddClasses(term);
        }

        foreach (var column in RegressionDesign.Numbers(Query).Concat(Query.WeightColumns).Distinct())
        {
            AddSpread(column);
        }

        AddPairs();
        foreach (var (column, sum) in Query.Query.Statistic.MagnitudeSums(Query).Where(entry => builder.Magnitudes.Contains(entry.Sum)))
        {
            Add(DominanceOf(column), [builder.NotDominated(0, sum)]);
        }

        builder.Open(0, ReleasePlan.Count, builder.All(_all), _design.Moments());
    }

    private void Add(string name, IReadOnlyList<int> decisions)
    {
        var all = builder.All(decisions);
        _all.Add(all);
        builder.Open(0, name, all, []);
    }

    private int IsEnough(LinearCount count) => builder.AtLeast(count, builder.MinCell);

    private void AddRecords()
    {
        var needed = RegressionRelease.RecordsFor(_design.Columns.Count, builder.MinCell);
        var leavesEnough = IsEnough(LinearCount.Known(Own) - Complete);
        var enough = builder.AtLeast(Complete, needed);
        Add(Records, builder.OthersSelect
            ? [IsEnough(Complete), leavesEnough, enough]
            : [IsEnough(Complete), builder.Either(leavesEnough, enough, builder.AtLeast(LinearCount.Known(Math.Max(0, Own - builder.MinCell + 1)), needed))]);
    }

    private void AddClasses(BoundTerm term)
    {
        var levels = _design.Columns.Where(column => column.Term == term && column.Level is not null).ToArray();
        var counts = levels.Select(column => LinearCount.Of(_design.RecordsAt(column))).ToList();
        counts.Insert(0, counts.Aggregate(Complete, (left, count) => left - count));
        for (var level = 0; level < counts.Count; level++)
        {
            var decisions = new List<int> { IsEnough(counts[level]) };
            if (builder.OthersSelect && !builder.IsOthers(term.Column))
            {
                decisions.Add(IsEnough(LinearCount.Known(builder.OwnRecordsAt(term, level)) - counts[level]));
            }

            Add(ClassOf(term, level), decisions);
        }
    }

    private void AddSpread(ColumnName column)
    {
        var different = LinearCount.Of(_design.RecordsDifferent(column));
        var own = builder.OthersSelect ? builder.OwnSpread(column) : null;
        var decisions = new List<int>();
        void Require(LinearCount here, Func<Contracts.V1.ColumnSpread, int> ownOf)
        {
            decisions.Add(IsEnough(here));
            if (own is not null)
            {
                decisions.Add(IsEnough(LinearCount.Known(ownOf(own)) - here));
            }
        }

        if (!builder.HasNone(0, column, isRest: false))
        {
            Require(different, spread => spread.Different);
        }

        if (builder.IsTwoValued(column) && !builder.HasNone(0, column, isRest: true))
        {
            Require(Complete - different, spread => spread.Records - spread.Different);
        }

        if (decisions.Count > 0)
        {
            Add(SpreadOf(column), decisions);
        }
    }

    private void AddPairs()
    {
        var factors = JointRelease.FactorsOf(Query, builder.Levels);
        foreach (var (i, j) in JointRelease.PairsOf(factors))
        {
            var pair = i == j ? [factors[i]] : new[] { factors[i], factors[j] };
            var levels = pair.Where(factor => factor.Level >= 0).Select(factor => (factor.Term!, factor.Level)).ToArray();
            var numbers = builder.NumbersOf(0, [.. pair.Select(factor => factor.Number).OfType<ColumnName>()]);
            if (levels.Length + numbers.Length > 1
                && builder.BasesOf(0, numbers).SelectMany(atBase => Together(levels, numbers, atBase)).ToArray() is { Length: > 0 } decisions)
            {
                Add(PairOf(i, j), decisions);
            }
        }
    }

    private IEnumerable<int> Together((BoundTerm Term, int Level)[] levels, ColumnName[] numbers, ColumnName[] atBase)
    {
        bool IsOwn(ColumnName column) => !builder.IsOthers(column);
        var (ownLevels, ownNumbers) = (Array.FindAll(levels, entry => IsOwn(entry.Term.Column)), Array.FindAll(numbers, IsOwn));
        var own = ownLevels.Length + ownNumbers.Length;
        var mine = own == 0 ? Own : Joint(ownNumbers, Array.FindAll(atBase, IsOwn),
            different => JointRelease.At(_design, builder.Levels, ownLevels, different, builder.OwnCount, (left, right) => left - right),
            (sum, sign, next) => sum + (sign * next), 0L);
        if (mine <= 0)
        {
            yield break;
        }

        var here = Joint(numbers, atBase,
            different => JointRelease.At(_design, builder.Levels, levels, different, LinearCount.Of, (left, right) => left - right),
            (sum, sign, next) => sign > 0 ? sum + next : sum - next, LinearCount.Known(0));
        yield return IsEnough(here);
        if (builder.OthersSelect && own == levels.Length + numbers.Length)
        {
            yield return IsEnough(LinearCount.Known(mine) - here);
        }
    }

    /// <summary>As <see cref="ColumnRelease.Joint"/>.</summary>
    private static T Joint<T>(ColumnName[] numbers, ColumnName[] atBase, Func<ColumnName[], T> different, Func<T, int, T, T> add, T none) =>
        BoundQuery.Subsets(atBase).Aggregate(none, (sum, subset) =>
            add(sum, subset.Length % 2 == 0 ? 1 : -1, different([.. numbers.Except(atBase), .. subset])));
}
