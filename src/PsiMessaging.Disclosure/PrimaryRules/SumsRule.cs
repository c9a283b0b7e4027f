using System.Numerics;

namespace PsiMessaging.Disclosure.PrimaryRules;

/// <summary>
/// Judges cells of which only sums are known (<see cref="CellSums"/>): a rule holds where it holds for every list of contributions with those sums, is broken
/// where it is for all that were looked at, and cannot be checked otherwise. Whatever is not certain is withheld. For unweighted sums without holdings: a
/// weighted cell's sums do not say what a contributor has.
/// </summary>
public static class SumsRule
{
    /// <summary>Judges a magnitude's cell.</summary>
    /// <param name="policy">The policy. One that groups holders cannot be checked here unless <paramref name="everyRecordIsAHolder"/>.</param>
    /// <param name="cell">What is known.</param>
    /// <param name="everyRecordIsAHolder">Whether the owner says that no two records belong to one holder.</param>
    /// <param name="margins">As for <see cref="PrimaryRule.JudgeCount"/>.</param>
    public static Verdict Judge(PrimaryPolicy policy, CellSums cell, bool everyRecordIsAHolder = false, params ReadOnlySpan<long> margins)
    {
        var rules = PrimaryRule.ConcentrationRules(policy);
        if (!cell.ArePossible)
        {
            return new Verdict(BrokenRules.None, rules | BrokenRules.Frequency | BrokenRules.ZeroVariance);
        }

        var verdict = PrimaryRule.JudgeCount(policy, cell.Count, margins);
        if (cell.Count == 0)
        {
            return verdict;
        }

        if (policy.ZeroVariance == CellRule.Withhold && cell.Spread.IsZero)
        {
            verdict |= new Verdict(BrokenRules.ZeroVariance);
        }

        if (policy.GroupHolders && !everyRecordIsAHolder)
        {
            return verdict | new Verdict(BrokenRules.None, rules | BrokenRules.Frequency);
        }

        if (policy.PercentRule is { } percent)
        {
            // Of two contributors each knows the other; and the largest is at least Σx²/Σx.
            var broken = (cell.Count <= 2 && cell.Sum.Sign > 0) || cell.SumOfSquares * (100 + percent) > cell.Sum * cell.Sum * 100;
            verdict |= Of(BrokenRules.Percent, PercentHolds(cell, percent), broken);
        }

        foreach (var rule in policy.Dominance.Rules)
        {
            // The n largest are at least the largest, and at least n times the mean.
            var broken = cell.SumOfSquares * 100 > rule.Percent * cell.Sum * cell.Sum
                || (cell.Sum.Sign > 0 && Math.Min(rule.Count, cell.Count) * 100 > rule.Percent * cell.Count);
            verdict |= Of(BrokenRules.Dominance, DominanceHolds(cell, rule), broken);
        }

        return verdict;
    }

    /// <summary>
    /// Whether p% holds for every list: (1 + p/100)·x1 + x2 ≤ Σx. With a = 1 + p/100 the left side is at most ((a + 1)·Σx + √(R))/n, R = spread·(n·(a² + 1) −
    /// (a + 1)²), the greatest value of a linear function on the sphere of all lists with these sums; and at most a·g1 + g2 with the group's two largest.
    /// </summary>
    private static bool PercentHolds(CellSums cell, int percent)
    {
        if (cell.Sum.IsZero)
        {
            return true;
        }

        if (cell.GroupLargest is { } largest && ((100 + percent) * largest) + (100 * (cell.GroupSecond ?? largest)) <= 100 * cell.Sum)
        {
            return true;
        }

        // All times 100: √R ≤ Σx·(100·n − A − 100) with A = 100 + p.
        var a = (BigInteger)(100 + percent);
        var room = cell.Sum * ((100 * (BigInteger)cell.Count) - a - 100);
        var reach = cell.Spread * ((cell.Count * ((a * a) + 10_000)) - ((a + 100) * (a + 100)));
        return room.Sign >= 0 && (reach <= room * room);
    }

    /// <summary>Whether the n largest are at most k percent in every list.</summary>
    private static bool DominanceHolds(CellSums cell, DominanceRule rule)
    {
        if (cell.Sum.IsZero)
        {
            return true;
        }

        if (cell.Count <= rule.Count)
        {
            return false;
        }

        if (cell.GroupLargest is { } largest && 100 * (largest + ((rule.Count - 1) * (cell.GroupSecond ?? largest))) <= rule.Percent * cell.Sum)
        {
            return true;
        }

        // n·Σ + √(n·(N − n)·spread) ≤ k/100·N·Σ
        var room = cell.Sum * ((rule.Percent * (BigInteger)cell.Count) - (100 * rule.Count));
        return room.Sign >= 0 && 10_000 * rule.Count * (cell.Count - rule.Count) * cell.Spread <= room * room;
    }

    private static Verdict Of(BrokenRules rule, bool holds, bool broken) =>
        holds ? default : broken ? new Verdict(rule) : new Verdict(BrokenRules.None, rule);
}
