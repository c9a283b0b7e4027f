using System.Numerics;
using CsCheck;
using PsiMessaging.Disclosure.PrimaryRules;

namespace PsiMessaging.Disclosure.Tests.PrimaryRules;

/// <summary>Rules of concentration for who knows a larger set than the cell's: never weaker than the rules about the cell itself.</summary>
public class DominanceBoundTests
{
    private static readonly Gen<DominanceRules> Rules =
        Gen.Select(Gen.Int[1, 4], Gen.Int[1, 99]).Select((n, k) => new DominanceRule(n, k)).Array[0, 2].Select(rules => new DominanceRules(rules));

    private static BigInteger BoundOf(int? p, DominanceRules rules, IEnumerable<long> values) => DominanceBound.Of(p, rules,
        [.. values.Select(value => BigInteger.Abs(value)).OrderDescending().Take(DominanceBound.Needed(p, rules))]);

    private static bool IsSafe(int? p, DominanceRules rules, IEnumerable<long> values)
    {
        var cell = new Contributions(values.Select(value => new Contribution(value)));
        return (PrimaryRule.JudgeMagnitude(PrimaryPolicy.Least with { PercentRule = p, Dominance = rules }, cell).Broken
            & (BrokenRules.Percent | BrokenRules.Dominance)) == BrokenRules.None;
    }

    /// <summary>Whatever part of the larger set the cell is, one whose total reaches the bound breaks no rule.</summary>
    [Fact]
    public void Of_AnyCellOfALargerSet_LetsThroughNoneThatBreaksARule()
    {
        var passed = 0;
        Gen.Select(Gen.Long[0, 1000].Array[1, 20], Gen.Bool.Array[20], Gen.Int[0, 40], Rules).Sample((values, members, p, rules) =>
        {
            int? percent = p == 0 ? null : p;
            var cell = values.Where((_, i) => members[i]).ToArray();
            if (cell.Aggregate(BigInteger.Zero, (sum, value) => sum + value) >= BoundOf(percent, rules, values))
            {
                Interlocked.Increment(ref passed);
                Assert.True(IsSafe(percent, rules, cell), $"{string.Join(' ', cell)} of {string.Join(' ', values)}, p {percent}, {rules}");
            }
        }, iter: 20_000);
        Assert.True(passed > 1000);
    }

    /// <summary>Of the set itself the bound is the rule, edge and all.</summary>
    [Fact]
    public void Of_TheSetItself_IsTheRule() => Gen.Select(Gen.OneOf(Gen.Long[0, 12], Gen.Long[0, 1000]).Array[1, 20], Gen.Int[0, 100], Rules)
        .Sample((values, p, rules) =>
        {
            int? percent = p == 0 ? null : p;
            Assert.Equal(IsSafe(percent, rules, values), values.Aggregate(BigInteger.Zero, (sum, value) => sum + value) >= BoundOf(percent, rules, values));
        }, iter: 20_000);

    /// <summary>The Handbook's edge: exactly p percent, and exactly k percent, is safe.</summary>
    [Fact]
    public void Of_AtTheEdge_IsSafe()
    {
        Assert.Equal(160, DominanceBound.Of(10, DominanceRules.None, [100, 50]));
        Assert.Equal(200, DominanceBound.Of(null, DominanceRules.TryParse("(2,75)")!, [100, 50]));
        Assert.Equal(201, DominanceBound.Of(10, DominanceRules.TryParse("(1,50) (2,75)")!, [100, 50, 1]) + 1);
        Assert.Equal(0, DominanceBound.Of(10, DominanceRules.None, []));
        Assert.Throws<ArgumentException>(() => DominanceBound.Of(10, DominanceRules.None, [1, 2]));
    }

    /// <summary>What negative contributions take off the total hides nobody: what is left beside the two largest is p percent of the largest.</summary>
    [Fact]
    public void Of_NegativeContributions_LeavesEnoughBesideTheLargest() => Gen.Select(Gen.Long[-1000, 1000].Array[1, 20], Gen.Int[1, 40]).Sample((values, p) =>
    {
        var total = values.Aggregate(BigInteger.Zero, (sum, value) => sum + value);
        if (total >= BoundOf(p, DominanceRules.None, values))
        {
            var largest = values.OrderByDescending(Math.Abs).Take(2).ToArray();
            Assert.True(100 * (total - largest.Aggregate(BigInteger.Zero, (sum, value) => sum + value)) >= p * Math.Abs(largest[0]));
        }
    }, iter: 20_000);

    [Theory]
    [InlineData("", false)]
    [InlineData("none", true)]
    [InlineData("(1,75) (2,85)", true)]
    [InlineData("(1,100)", false)]
    [InlineData("(0,10)", false)]
    [InlineData("1,10", false)]
    [InlineData("(1;10)", false)]
    public void TryParse_Text_IsRulesOrNone(string text, bool isOne) => Assert.Equal(isOne, DominanceRules.TryParse(text) is not null);
}
