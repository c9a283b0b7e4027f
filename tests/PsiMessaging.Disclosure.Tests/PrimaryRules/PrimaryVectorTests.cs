using System.Numerics;
using PsiMessaging.Disclosure.PrimaryRules;

namespace PsiMessaging.Disclosure.Tests.PrimaryRules;

/// <summary>Published cases of the primary rules, and both sides of every edge.</summary>
public class PrimaryVectorTests
{
    private static PrimaryPolicy Dominance(int n, int k, WeightRule weights = WeightRule.Replicated) =>
        PrimaryPolicy.Least with { Dominance = new DominanceRules([new(n, k)]), Weights = weights };

    private static PrimaryPolicy Percent(int p, WeightRule weights = WeightRule.Replicated) => PrimaryPolicy.Least with { PercentRule = p, Weights = weights };

    private static Contributions Cell(params long[] values) => new(values.Select(value => new Contribution(value)));

    private static Contributions Weighted(params long[][] records) => new(records.Select(record => new Contribution(record[0], record[1])));

    /// <summary>GaussSuppression, test-DominanceRule.R (MIT). The fifth lies exactly on 90 percent: safe by the Handbook, unsafe there.</summary>
    [Theory]
    [InlineData(new long[] { 100 }, true)]
    [InlineData(new long[] { 90, 10 }, true)]
    [InlineData(new long[] { 80, 20 }, true)]
    [InlineData(new long[] { 70, 30 }, true)]
    [InlineData(new long[] { 80, 10, 10 }, false)]
    [InlineData(new long[] { 70, 10, 10, 10 }, false)]
    [InlineData(new long[] { 60, 20, 10, 10 }, false)]
    public void Dominance_TwoAndNinety_IsUnsafeAboveNinetyPercentOnly(long[] values, bool unsafeCell) =>
        Assert.Equal(unsafeCell ? BrokenRules.Dominance : BrokenRules.None, PrimaryRule.JudgeMagnitude(Dominance(2, 90), Cell(values)).Broken);

    /// <summary>
    /// The same file, with weights: shares of the two largest, 0.9474 and 0.8889 where records are replicated, 0.5263 and 0.5556 where they are not.
    /// </summary>
    [Theory]
    [InlineData(new long[] { 100, 1 }, 1.0, 1.0)]
    [InlineData(new long[] { 90, 2, 10, 1 }, 0.5263, 0.9474)]
    [InlineData(new long[] { 80, 2, 20, 1 }, 0.5556, 0.8889)]
    [InlineData(new long[] { 70, 2, 30, 1 }, 0.5882, 0.8235)]
    [InlineData(new long[] { 80, 2, 10, 1, 10, 1 }, 0.5, 0.8889)]
    [InlineData(new long[] { 70, 2, 10, 1, 10, 1, 10, 1 }, 0.4706, 0.8235)]
    [InlineData(new long[] { 60, 2, 20, 1, 10, 1, 10, 1 }, 0.5, 0.75)]
    public void Dominance_Weighted_ComparesThePublishedShares(long[] flat, double sampled, double replicated)
    {
        var cell = Weighted([.. flat.Chunk(2)]);
        foreach (var (weights, share) in new[] { (WeightRule.Sampled, sampled), (WeightRule.Replicated, replicated) })
        {
            var top = Contributor.Largest(Contributor.Of(cell, groupHolders: false), 2, weights, 1);
            Assert.Equal(share, (double)top / (double)cell.Total, 5e-5);
            Assert.Equal(share > 0.9, !PrimaryRule.JudgeMagnitude(Dominance(2, 90, weights), cell).IsSafe);
        }
    }

    /// <summary>SDC Handbook, 4.2.2: safe by (1,90), and the second largest knows the largest within 2 percent.</summary>
    [Fact]
    public void Percent_HandbookExample_SeesWhatOneNinetyDoesNot()
    {
        var cell = Cell(50_000, 49_000, 1_000);
        Assert.True(PrimaryRule.JudgeMagnitude(Dominance(1, 90), cell).IsSafe);
        Assert.Equal(BrokenRules.Percent, PrimaryRule.JudgeMagnitude(Percent(10), cell).Broken);
        Assert.Equal(BrokenRules.Percent, PrimaryRule.JudgeMagnitude(Percent(3), cell).Broken);
        Assert.True(PrimaryRule.JudgeMagnitude(Percent(2), cell).IsSafe);
    }

    /// <summary>The Handbook's cell of 330 under (1,85): what it must reach is 352.941176, in millionths here.</summary>
    [Fact]
    public void ProtectionLevel_HandbookExample_IsTheBoundLessTheValue()
    {
        var cell = Cell(300_000_000, 20_000_000, 10_000_000);
        Assert.False(PrimaryRule.JudgeMagnitude(Dominance(1, 85), cell).IsSafe);
        Assert.Equal(22_941_177, PrimaryRule.ProtectionLevel(Dominance(1, 85), cell));
        Assert.Equal(25_000_000, PrimaryRule.ProtectionLevel(Percent(15), Cell(300_000_000, 20_000_000, 30_000_000)));
        Assert.Equal(0, PrimaryRule.ProtectionLevel(PrimaryPolicy.Least with { MinimumFrequency = 10 }, cell));
        Assert.Equal(0, PrimaryRule.ProtectionLevel(Dominance(1, 85), Cell()));
    }

    /// <summary>SDC Handbook, "Sampling weights": replicated, two of 100 leave 3; among the sampled, 102 are left.</summary>
    [Theory]
    [InlineData(WeightRule.Replicated, 3, 4)]
    [InlineData(WeightRule.Sampled, 100, null)]
    public void Percent_WeightedExample_IsUnsafeAboveItsRest(WeightRule weights, int safe, int? unsafePercent)
    {
        var cell = Weighted([100, 2], [1, 3]);
        Assert.Equal(203, cell.Total);
        Assert.True(PrimaryRule.JudgeMagnitude(Percent(safe, weights), cell).IsSafe);
        if (unsafePercent is { } p)
        {
            Assert.False(PrimaryRule.JudgeMagnitude(Percent(p, weights), cell).IsSafe);
        }
    }

    /// <summary>With known weights nobody is left beside the two records, so any p is broken.</summary>
    [Fact]
    public void Percent_KnownWeights_TakesAllThatTheTwoWeigh() =>
        Assert.False(PrimaryRule.JudgeMagnitude(Percent(1, WeightRule.Known), Weighted([100, 2], [1, 3])).IsSafe);

    /// <summary>X − x1 − x2 &lt; p/100·x1: 10 of 100 is exactly ten percent.</summary>
    [Theory]
    [InlineData(10, true)]
    [InlineData(9, false)]
    public void Percent_EitherSideOfTheEdge_EqualityIsSafe(long rest, bool safe) =>
        Assert.Equal(safe, PrimaryRule.JudgeMagnitude(Percent(10), Cell(100, 50, rest)).IsSafe);

    [Theory]
    [InlineData(10, true)]
    [InlineData(9, false)]
    public void Frequency_EitherSideOfTheEdge_TheMinimumIsSafe(int count, bool safe)
    {
        var policy = new PrimaryPolicy();
        Assert.Equal(safe, PrimaryRule.JudgeCount(policy, count).IsSafe);
        Assert.Equal(safe, PrimaryRule.JudgeMagnitude(policy, Cell([.. Enumerable.Range(100, count).Select(i => (long)i)])).IsSafe);
    }

    [Fact]
    public void Holders_OfSeveralRecords_AreOneContributor()
    {
        var records = Enumerable.Range(0, 12).Select(i => new Contribution(100 + i, Holder: i < 4 ? "group" : null)).ToArray();
        var cell = new Contributions(records);
        var policy = PrimaryPolicy.Least with { MinimumFrequency = 10, GroupHolders = true };
        Assert.Equal(BrokenRules.Frequency, PrimaryRule.JudgeMagnitude(policy, cell).Broken);
        Assert.True(PrimaryRule.JudgeMagnitude(policy with { GroupHolders = false }, cell).IsSafe);
        Assert.Equal(BrokenRules.FullCell, PrimaryRule.JudgeMagnitude(policy with { MinimumFrequency = 1, FullCells = CellRule.Withhold }, cell, 12).Broken);

        // 4 × 100 of the group, then 100: of 750 that is two thirds.
        var dominated = new Contributions([.. Enumerable.Repeat(new Contribution(100, Holder: "group"), 4), new(100), new(99), new(76), new(75)]);
        Assert.False(PrimaryRule.JudgeMagnitude(Dominance(2, 66) with { GroupHolders = true }, dominated).IsSafe);
        Assert.True(PrimaryRule.JudgeMagnitude(Dominance(2, 67) with { GroupHolders = true }, dominated).IsSafe);
        Assert.True(PrimaryRule.JudgeMagnitude(Dominance(2, 66), dominated).IsSafe);
    }

    [Fact]
    public void Weights_WithDecimals_CountAPartOfAContributor()
    {
        // 100 with weight 1.5, 40 with weight 2: total 230; the two largest are 100 and half of 100 and half of 40.
        var cell = new Contributions([new(100, 1500), new(40, 2000)], weightOne: 1000);
        Assert.Equal(230_000, cell.Total);
        Assert.Equal(170_000, Contributor.Largest(Contributor.Of(cell, groupHolders: false), 2, WeightRule.Replicated, 1000));
    }

    [Fact]
    public void Weights_BelowOne_CountTheContributionInFull()
    {
        var cell = new Contributions([new(100, 100), new(40, 1000)], weightOne: 1000);
        Assert.Equal(50_000, cell.Total);
        Assert.False(PrimaryRule.JudgeMagnitude(Dominance(1, 99), cell).IsSafe);
        Assert.Throws<ArgumentOutOfRangeException>(() => new Contributions([new(100, -1)]));
        Assert.Empty(new Contributions([new(100, 0)]).Records);
    }

    [Fact]
    public void NegativeValues_UnderARuleOfConcentration_CannotBeChecked()
    {
        var cell = Cell(-5, 100, 100, 100);
        var verdict = PrimaryRule.JudgeMagnitude(Percent(10), cell);
        Assert.Equal((BrokenRules.None, BrokenRules.Percent, false), (verdict.Broken, verdict.Unchecked, verdict.IsSafe));
        Assert.True(PrimaryRule.JudgeMagnitude(PrimaryPolicy.Least with { MinimumFrequency = 4 }, cell).IsSafe);
        Assert.Throws<ArgumentException>(() => PrimaryRule.ProtectionLevel(Percent(10), cell));
    }

    [Fact]
    public void ZeroFullAndEqualCells_AreWithheldWhereThePolicySaysSo()
    {
        var policy = new PrimaryPolicy { ZeroCells = CellRule.Withhold, FullCells = CellRule.Withhold };
        Assert.Equal(BrokenRules.ZeroCell, PrimaryRule.JudgeCount(policy, 0, 20).Broken);
        Assert.Equal(BrokenRules.FullCell, PrimaryRule.JudgeCount(policy, 20, 50, 20).Broken);
        Assert.True(PrimaryRule.JudgeCount(policy, 20, 50, 21).IsSafe);
        Assert.True(PrimaryRule.JudgeCount(new PrimaryPolicy(), 0, 20).IsSafe);
        Assert.True(PrimaryRule.JudgeCount(new PrimaryPolicy(), 20, 20).IsSafe);
        var equal = Cell([.. Enumerable.Repeat(7L, 20)]);
        Assert.Equal(BrokenRules.ZeroVariance, PrimaryRule.JudgeMagnitude(policy, equal).Broken);
        Assert.True(PrimaryRule.JudgeMagnitude(policy with { ZeroVariance = CellRule.Show }, equal).IsSafe);
    }

    [Theory]
    [InlineData(30, 10, BrokenRules.None)]
    [InlineData(29, 10, BrokenRules.Parameters)]
    [InlineData(12, 3, BrokenRules.DegreesOfFreedom)]
    [InlineData(13, 3, BrokenRules.None)]
    [InlineData(9, 1, BrokenRules.Frequency | BrokenRules.DegreesOfFreedom)]
    public void JudgeModel_EitherSideOfTheEdges_IsAsTheDefaultsSay(long records, long parameters, BrokenRules broken) =>
        Assert.Equal(broken, PrimaryRule.JudgeModel(new PrimaryPolicy(), records, parameters).Broken);

    [Theory]
    [InlineData(10_000, 5, BrokenRules.None)]
    [InlineData(10_001, 5, BrokenRules.Cells)]
    [InlineData(1, 6, BrokenRules.Dimensions)]
    public void JudgeTable_EitherSideOfTheLimits_IsAsTheDefaultsSay(long cells, int dimensions, BrokenRules broken) =>
        Assert.Equal(broken, PrimaryRule.JudgeTable(new PrimaryPolicy(), cells, dimensions).Broken);

    /// <summary>Sums beyond 64 bits are judged too: nothing wraps around.</summary>
    [Fact]
    public void JudgeMagnitude_GreatestValues_DoNotOverflow()
    {
        var cell = new Contributions(Enumerable.Repeat(new Contribution(long.MaxValue, long.MaxValue), 3).Append(new(1)));
        Assert.Equal((BigInteger)long.MaxValue * long.MaxValue * 3 + 1, cell.Total);
        Assert.True(PrimaryRule.JudgeMagnitude(Percent(100), cell).IsSafe);
        Assert.False(PrimaryRule.JudgeMagnitude(Dominance(2, 66, WeightRule.Known), cell).IsSafe);
    }
}
