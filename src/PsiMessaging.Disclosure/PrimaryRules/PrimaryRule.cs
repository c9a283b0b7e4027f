using System.Numerics;

namespace PsiMessaging.Disclosure.PrimaryRules;

/// <summary>
/// Judges cells whose contributions are all known, tables and models by a policy, in exact integers. Definitions and edges are those of the SDC Handbook
/// (sdcTools/HandbookSDC), 4.2.2: p% is broken by less than p, (n,k) by more than k, the minimum by fewer; equality is safe in all three.
/// </summary>
public static class PrimaryRule
{
    /// <summary>Judges a count of which every record is a contributor.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="count">Records of the cell, 0 or more.</param>
    /// <param name="margins">
    /// Records of every margin that the cell is a part of: its row, its column. A cell that holds all of one is full; none are given where there is none.
    /// </param>
    public static Verdict JudgeCount(PrimaryPolicy policy, long count, params ReadOnlySpan<long> margins) => CountVerdict(policy, count, count, margins);

    /// <summary>
    /// Judges a sum, mean or other measure of magnitudes. Values below zero make the rules of concentration mean nothing (Handbook, "Negative contributions"):
    /// then they cannot be checked, and a policy without them is what an owner can choose.
    /// </summary>
    /// <param name="policy">The policy.</param>
    /// <param name="cell">All contributions.</param>
    /// <param name="margins">As for <see cref="JudgeCount"/>.</param>
    public static Verdict JudgeMagnitude(PrimaryPolicy policy, Contributions cell, params ReadOnlySpan<long> margins)
    {
        var contributors = Contributor.Of(cell, policy.GroupHolders);
        var verdict = CountVerdict(policy, contributors.Count, cell.Records.Count, margins);
        if (contributors.Count == 0)
        {
            return verdict;
        }

        var broken = BrokenRules.None;
        if (policy.ZeroVariance == CellRule.Withhold && !cell.HasSeveralValues)
        {
            broken |= BrokenRules.ZeroVariance;
        }

        if (cell.HasNegative)
        {
            return verdict | new Verdict(broken, ConcentrationRules(policy));
        }

        if (policy.PercentRule is { } percent && PercentIsBroken(contributors, cell, percent, policy.Weights))
        {
            broken |= BrokenRules.Percent;
        }

        if (policy.Dominance.Rules.Any(rule => DominanceIsBroken(contributors, cell, rule, policy.Weights)))
        {
            broken |= BrokenRules.Dominance;
        }

        return verdict | new Verdict(broken);
    }

    /// <summary>Judges a table's size before anything is computed.</summary>
    public static Verdict JudgeTable(PrimaryPolicy policy, long cells, int dimensions) => new(
        (cells > policy.MaximumCells ? BrokenRules.Cells : BrokenRules.None)
        | (dimensions > policy.MaximumDimensions ? BrokenRules.Dimensions : BrokenRules.None));

    /// <summary>Judges a model.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="records">Records that it is fitted to.</param>
    /// <param name="parameters">Coefficients, the intercept among them.</param>
    public static Verdict JudgeModel(PrimaryPolicy policy, long records, long parameters)
    {
        var broken = records < policy.MinimumFrequency ? BrokenRules.Frequency : BrokenRules.None;
        if (records - parameters < policy.MinimumDegreesOfFreedom)
        {
            broken |= BrokenRules.DegreesOfFreedom;
        }

        if (records < parameters * policy.RecordsPerParameter)
        {
            broken |= BrokenRules.Parameters;
        }

        return new Verdict(broken);
    }

    /// <summary>
    /// How far above its value a withheld cell's interval has to reach, so that the bound says no more of its contributors than the rules allow: the greatest
    /// of p/100·x1 − (X − x1 − x2) and 100/k·(x1 + … + xn) − X over the policy's rules (SDC Handbook, 4.2.2, table of protection levels), rounded up.
    /// </summary>
    /// <returns>0 or more, in units of <see cref="Contributions.Total"/>; of a cell that only the minimum makes unsafe, 0.</returns>
    /// <exception cref="ArgumentException">A value is below zero: no level is known for those.</exception>
    public static BigInteger ProtectionLevel(PrimaryPolicy policy, Contributions cell)
    {
        if (cell.HasNegative)
        {
            throw new ArgumentException("contributions below zero have no protection level; withhold the cell and its margins", nameof(cell));
        }

        var contributors = Contributor.Of(cell, policy.GroupHolders);
        if (contributors.Count == 0)
        {
            return BigInteger.Zero;
        }

        var level = policy.PercentRule is { } percent ? Excess(PercentRoom(contributors, cell, percent, policy.Weights), 100) : BigInteger.Zero;
        foreach (var rule in policy.Dominance.Rules)
        {
            level = BigInteger.Max(level, Excess(DominanceRoom(contributors, cell, rule, policy.Weights), rule.Percent));
        }

        return level;
    }

    /// <summary>The rules of concentration that a policy has.</summary>
    internal static BrokenRules ConcentrationRules(PrimaryPolicy policy) =>
        (policy.PercentRule is null ? BrokenRules.None : BrokenRules.Percent) | (policy.Dominance.Rules.IsEmpty ? BrokenRules.None : BrokenRules.Dominance);

    private static Verdict CountVerdict(PrimaryPolicy policy, long contributors, long records, ReadOnlySpan<long> margins)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(records);
        if (records == 0)
        {
            return new Verdict(policy.ZeroCells == CellRule.Withhold ? BrokenRules.ZeroCell : BrokenRules.None);
        }

        var broken = contributors < policy.MinimumFrequency ? BrokenRules.Frequency : BrokenRules.None;
        if (policy.FullCells == CellRule.Withhold && margins.Contains(records))
        {
            broken |= BrokenRules.FullCell;
        }

        return new Verdict(broken);
    }

    private static bool PercentIsBroken(IReadOnlyList<Contributor> contributors, Contributions cell, int percent, WeightRule weights) =>
        PercentRoom(contributors, cell, percent, weights).Sign < 0;

    private static bool DominanceIsBroken(IReadOnlyList<Contributor> contributors, Contributions cell, DominanceRule rule, WeightRule weights) =>
        DominanceRoom(contributors, cell, rule, weights).Sign < 0;

    /// <summary>100·(X − x1 − x2) − p·x1: what is left of the rest; below zero where the rule is broken.</summary>
    private static BigInteger PercentRoom(IReadOnlyList<Contributor> contributors, Contributions cell, int percent, WeightRule weights)
    {
        // p·x1 + 100·(x1 + x2).
        var taken = weights == WeightRule.Known
            ? Contributor.WorstPair(contributors, percent)
            : (percent * Contributor.Largest(contributors, 1, weights, cell.WeightOne)) + (100 * Contributor.Largest(contributors, 2, weights, cell.WeightOne));
        return (100 * cell.Total) - taken;
    }

    /// <summary>k·X − 100·(x1 + … + xn): below zero where the rule is broken.</summary>
    private static BigInteger DominanceRoom(IReadOnlyList<Contributor> contributors, Contributions cell, DominanceRule rule, WeightRule weights) =>
        (rule.Percent * cell.Total) - (100 * Contributor.Largest(contributors, rule.Count, weights, cell.WeightOne));

    private static BigInteger Excess(BigInteger room, int divisor) => room.Sign >= 0 ? BigInteger.Zero : (divisor - 1 - room) / divisor;
}
