using System.Numerics;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Regression;

/// <summary>
/// Two terms of a regression, or a term and the outcome, that have too few records together, also with the weight: the normal equations have sums of their
/// products, so the
/// coefficients of classes are means of the outcome in each, those of a mark of ten people how many of the ten have another.
/// </summary>
internal sealed class JointRelease(AnswerGroups groups, RegressionRecords records)
{
    private readonly BoundQuery _query = groups.Query;
    private readonly IMomentTable _table = groups.Table;

    /// <summary>What the normal equations multiply: a level of a class term, or a number.</summary>
    internal sealed record Factor(BoundTerm? Term, int Level, ColumnName? Number)
    {
        public string Name => Number?.Name ?? $"C({Term!.Column.Name})";
    }

    /// <summary>The first two that have too few records together, as words; null where there are none.</summary>
    public string? FewTogether()
    {
        var factors = FactorsOf(_query, term => _table.Levels(term).Count);
        return PairsOf(factors).Select(pair =>
            FewAt(pair.First == pair.Second ? [factors[pair.First]] : [factors[pair.First], factors[pair.Second]],
                RegressionDecisions.PairOf(pair.First, pair.Second))).FirstOrDefault(few => few is not null);
    }

    /// <summary>All factors: those of the terms in order, then the outcome.</summary>
    internal static Factor[] FactorsOf(BoundQuery query, Func<BoundTerm, int> levels) =>
    [
        .. query.Terms.SelectMany(term => term.Grouping is null ? [new Factor(term, -1, term.Column)]
            : Enumerable.Range(0, levels(term)).Select(level => new Factor(term, level, null))),
        new Factor(null, -1, query.Outcome),
    ];

    /// <summary>Every two that are multiplied, from the factor itself, which is multiplied with the weight alone; never two levels of one term.</summary>
    internal static IEnumerable<(int First, int Second)> PairsOf(Factor[] factors) =>
        from i in Enumerable.Range(0, factors.Length)
        from j in Enumerable.Range(i, factors.Length - i)
        where !(j > i && factors[i].Term == factors[j].Term && factors[i].Level >= 0)
        select (i, j);

    private string? FewAt(Factor[] pair, string name)
    {
        int[] group = [records.Group];
        var levels = pair.Where(factor => factor.Level >= 0).Select(factor => (factor.Term!, factor.Level)).ToArray();
        var numbers = groups.Columns.NumbersOf(group, [.. pair.Select(factor => factor.Number).OfType<ColumnName>()]);
        var isFew = _table.Release is { } release ? !release.Decided(name)
            : levels.Length + numbers.Length > 1 && groups.Columns.BasesOf(group, numbers).Any(atBase => IsFew(levels, numbers, atBase));
        return isFew
            ? string.Join(" and ", pair.Select(factor => factor.Name).Concat(numbers.Where(column => column == _query.Weight).Select(column => column.Name))
                .Distinct())
            : null;
    }

    private bool IsFew((BoundTerm Term, int Level)[] levels, ColumnName[] numbers, ColumnName[] atBase)
    {
        bool IsOwn(ColumnName column) => !_table.IsOthers(column);
        var (ownLevels, ownNumbers) = (Array.FindAll(levels, entry => IsOwn(entry.Term.Column)), Array.FindAll(numbers, IsOwn));
        var own = ownLevels.Length + ownNumbers.Length;
        BigInteger At((BoundTerm Term, int Level)[] at, ColumnName[] different, Func<Moment, BigInteger> sum) =>
            JointRelease.At(records.Design, term => _table.Levels(term).Count, at, different, sum, BigInteger.Subtract);
        var mine = own == 0 ? records.Own
            : ColumnRelease.Joint(ownNumbers, Array.FindAll(atBase, IsOwn), different => At(ownLevels, different, moment => _table.OwnCount(0, moment)));
        var here = ColumnRelease.Joint(numbers, atBase, different => At(levels, different, moment => _table.Sum(records.Group, moment)));

        // Where the asking party has nobody itself, nothing follows; of its own it knows how many there are before the other party's filter.
        return mine > 0 && (here < groups.MinCell || (_table.OthersSelect && own == levels.Length + numbers.Length && mine - here < groups.MinCell));
    }

    /// <summary>Number of complete records at some levels, the reference among them, in which some columns differ.</summary>
    internal static T At<T>(
        RegressionDesign design, Func<BoundTerm, int> levelsOf, IReadOnlyList<(BoundTerm Term, int Level)> levels, ColumnName[] different,
        Func<Moment, T> sum, Func<T, T, T> minus)
    {
        // What is at no other level is at the reference.
        if (levels.FirstOrDefault(entry => entry.Level == 0).Term is not { } term)
        {
            return sum(design.RecordsAt(levels.Select(entry => (entry.Term.Column, entry.Level)), different));
        }

        var rest = levels.Where(entry => entry.Term != term).ToArray();
        return Enumerable.Range(1, levelsOf(term) - 1).Aggregate(At(design, levelsOf, rest, different, sum, minus), (left, level) =>
            minus(left, At(design, levelsOf, [.. rest, (term, level)], different, sum, minus)));
    }
}
