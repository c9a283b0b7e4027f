using System.Numerics;
using CsCheck;
using PsiMessaging.Disclosure.PrimaryRules;

namespace PsiMessaging.Disclosure.Tests.PrimaryRules;

/// <summary>The stricter of two policies, judging by sums, and policies as text: over random policies and cells.</summary>
public class PolicyPropertyTests
{
    private static readonly Gen<DominanceRule> Dominance = Gen.Select(Gen.Int[1, 5], Gen.Int[1, 99]).Select((n, k) => new DominanceRule(n, k));

    private static readonly Gen<PrimaryPolicy> Policies =
        Gen.Select(
            Gen.Select(Gen.Int[1, 12], Gen.Int[0, 100], Dominance.Array[0, 3]),
            Gen.Select(Gen.Enum<WeightRule>(), Gen.Bool, Gen.Enum<CellRule>(), Gen.Enum<CellRule>(), Gen.Enum<CellRule>()),
            Gen.Select(Gen.Int[1, 20], Gen.Int[1, 5], Gen.Int[1, 100], Gen.Int[1, 6]))
        .Select((numbers, choices, limits) => new PrimaryPolicy
        {
            MinimumFrequency = numbers.Item1,
            PercentRule = numbers.Item2 == 0 ? null : numbers.Item2,
            Dominance = new DominanceRules(numbers.Item3),
            Weights = choices.Item1,
            GroupHolders = choices.Item2,
            ZeroCells = choices.Item3,
            FullCells = choices.Item4,
            ZeroVariance = choices.Item5,
            MinimumDegreesOfFreedom = limits.Item1,
            RecordsPerParameter = limits.Item2,
            MaximumCells = limits.Item3,
            MaximumDimensions = limits.Item4
        });

    /// <summary>Skewed values, equal ones, zeros; weights below, at and above one, in quarters; some holders.</summary>
    private static readonly Gen<Contributions> Cells =
        Gen.Select(
                Gen.OneOf(Gen.Long[0, 3], Gen.Long[0, 1000], Gen.Long[900, 1000], Gen.Long[-1, 50]),
                Gen.Int[0, 5].Select(i => new long[] { 4, 4, 1, 6, 8, 40 }[i]), Gen.Int[0, 3].Select(i => new[] { null, null, "a", "b" }[i]))
            .Select((value, weight, holder) => new Contribution(value, weight, holder)).Array[0, 14]
            .Select(records => new Contributions(records, weightOne: 4));

    [Fact]
    public void Stricter_OrderRepetitionAndGrouping_DoNotMatter() => Gen.Select(Policies, Policies, Policies).Sample((a, b, c) =>
    {
        Assert.Equal(PrimaryPolicy.Stricter(a, b), PrimaryPolicy.Stricter(b, a));
        Assert.Equal(PrimaryPolicy.Stricter(PrimaryPolicy.Stricter(a, b), c), PrimaryPolicy.Stricter(a, PrimaryPolicy.Stricter(b, c)));
        Assert.Equal(a, PrimaryPolicy.Stricter(a, a));
        Assert.Equal(a, PrimaryPolicy.Stricter(a, PrimaryPolicy.Least));
    });

    /// <summary>Whatever one of two owners withholds, the policy of both withholds.</summary>
    [Fact]
    [Trait("Speed", "Slow")]
    public void Stricter_AnyCellTableOrModel_IsNeverWeakerThanEither() => Gen.Select(Policies, Policies, Cells, Gen.Int[0, 15]).Sample((a, b, cell, more) =>
    {
        var both = PrimaryPolicy.Stricter(a, b);
        foreach (var one in new[] { a, b })
        {
            long[] margins = [cell.Records.Count, cell.Records.Count + more];
            AssertNotWeaker(PrimaryRule.JudgeMagnitude(one, cell, margins), PrimaryRule.JudgeMagnitude(both, cell, margins));
            AssertNotWeaker(PrimaryRule.JudgeCount(one, more, margins), PrimaryRule.JudgeCount(both, more, margins));
            AssertNotWeaker(PrimaryRule.JudgeModel(one, more * 3, more), PrimaryRule.JudgeModel(both, more * 3, more));
            AssertNotWeaker(PrimaryRule.JudgeTable(one, more * 8, more), PrimaryRule.JudgeTable(both, more * 8, more));
            if (!cell.HasNegative)
            {
                Assert.True(PrimaryRule.ProtectionLevel(both, cell) >= PrimaryRule.ProtectionLevel(one, cell));
                AssertNotWeaker(SumsRule.Judge(one, Sums(cell), true), SumsRule.Judge(both, Sums(cell), true));
            }
        }
    }, iter: 20_000);

    /// <summary>The greedy choice of the largest contributions against trying all pairs, for known weights.</summary>
    [Fact]
    public void Percent_KnownWeights_IsBrokenWhereAnyPairBreaksIt() => Gen.Select(Cells, Gen.Int[1, 100]).Sample((cell, p) =>
    {
        if (cell.HasNegative || cell.Records.Count == 0)
        {
            return;
        }

        var all = cell.Records.Select(record => (Value: (BigInteger)record.Value * 4, All: (BigInteger)record.Value * Math.Max(4, record.Weight))).ToArray();
        var broken = Enumerable.Range(0, all.Length).Any(i => Enumerable.Range(-1, all.Length + 1).Where(j => j != i)
            .Any(j => 100 * (cell.Total - all[i].All - (j < 0 ? 0 : all[j].All)) < p * all[i].Value));
        var policy = PrimaryPolicy.Least with { PercentRule = p, Weights = WeightRule.Known };
        Assert.Equal(broken, PrimaryRule.JudgeMagnitude(policy, cell).Broken.HasFlag(BrokenRules.Percent));
    }, iter: 20_000);

    /// <summary>What sums certify holds of the list they are of, and what they say is broken is.</summary>
    [Fact]
    [Trait("Speed", "Slow")]
    public void SumsRule_AnyList_SaysNothingThatIsNotSo()
    {
        var (safe, broken) = (0, 0);
        Gen.Select(Policies, Lists, Gen.Long[0, 1000].Array[0, 3], Gen.Int[0, 2]).Sample((policy, values, others, known) =>
        {
            var group = values.Concat(others).OrderDescending().ToArray();
            var sums = Sums(values) with
            {
                GroupLargest = known > 0 && group.Length > 0 ? group[0] : null,
                GroupSecond = known > 1 && group.Length > 1 ? group[1] : null
            };
            var cell = new Contributions(values.Select(value => new Contribution(value)));
            var full = PrimaryRule.JudgeMagnitude(policy, cell);
            var verdict = SumsRule.Judge(policy, sums, everyRecordIsAHolder: true);
            Assert.Equal(verdict.Broken, verdict.Broken & full.Broken);
            Assert.True(!verdict.IsSafe || full.IsSafe, $"{full.Broken} although certified");
            Interlocked.Add(ref safe, verdict.IsSafe ? 1 : 0);
            Interlocked.Add(ref broken, verdict.Broken != BrokenRules.None ? 1 : 0);
            for (var top = 1; top <= 5; top++)
            {
                var most = values.OrderDescending().Take(top).Sum();
                Assert.True(sums.TopAtMost(top) >= most);
            }
        }, iter: 50_000);
        Assert.True(safe > 1000 && broken > 1000, $"{safe} safe and {broken} broken: the test looks at nothing");
    }

    /// <summary>The bound of the largest is reached where all others are equal: no smaller bound is right.</summary>
    [Theory]
    [InlineData(2, 30, 5)]
    [InlineData(10, 100, 7)]
    [InlineData(50, 1_000_000, 0)]
    public void LargestAtMost_OthersEqual_IsTheLargestItself(int count, long largest, long others) =>
        Assert.Equal(largest, Sums([largest, .. Enumerable.Repeat(others, count - 1)]).LargestAtMost());

    [Fact]
    public void SumsRule_EvenCell_IsCertifiedAndASkewedOneIsNot()
    {
        var policy = new PrimaryPolicy { Dominance = new DominanceRules([new(2, 85)]) };
        var even = Sums([.. Enumerable.Range(900, 40).Select(i => (long)i)]);
        Assert.True(SumsRule.Judge(policy, even, everyRecordIsAHolder: true).IsSafe);
        var withoutHolders = SumsRule.Judge(policy, even);
        Assert.Equal(BrokenRules.Percent | BrokenRules.Dominance | BrokenRules.Frequency, withoutHolders.Unchecked);
        var skewed = SumsRule.Judge(policy, Sums([100_000, .. Enumerable.Repeat(10L, 39)]), everyRecordIsAHolder: true);
        Assert.Equal(BrokenRules.Percent | BrokenRules.Dominance, skewed.Broken);
        var between = SumsRule.Judge(policy, Sums([500, 400, .. Enumerable.Repeat(2L, 20)]), everyRecordIsAHolder: true);
        Assert.Equal((BrokenRules.None, BrokenRules.Percent | BrokenRules.Dominance), (between.Broken, between.Unchecked));
    }

    [Theory]
    [InlineData(3, 10, 9)]
    [InlineData(3, 10, 101)]
    [InlineData(3, 10, 33)]
    [InlineData(0, 1, 1)]
    [InlineData(-1, 0, 0)]
    [InlineData(3, -10, 40)]
    public void SumsRule_SumsOfNoSuchList_CannotBeChecked(long count, long sum, long squares)
    {
        Assert.False(SumsRule.Judge(new PrimaryPolicy(), new CellSums(count, sum, squares), everyRecordIsAHolder: true).IsSafe);
        Assert.Throws<ArgumentException>(() => new CellSums(count, sum, squares).LargestAtMost());
    }

    [Fact]
    public void Parse_WhatPrintWrote_IsTheSamePolicy() => Policies.Sample(policy => Assert.Equal(policy, PolicyText.Parse(PolicyText.Print(policy))));

    [Fact]
    public void Parse_CommentsAndFewLines_KeepTheDefaults()
    {
        var policy = PolicyText.Parse("# ours\r\n\r\n  p-percent   15\r\ndominance (2,85) (1,95) (3,80)\n");
        Assert.Equal(new PrimaryPolicy { PercentRule = 15, Dominance = new DominanceRules([new(3, 80)]) }, policy);
        Assert.Equal(new PrimaryPolicy(), PolicyText.Parse(""));
    }

    [Theory]
    [InlineData("p-percent 10\nfoo 3", "line 2: there is no rule 'foo'; the rules are minimum-frequency, p-percent")]
    [InlineData("p-percent 10\np-percent 10", "line 2: p-percent stands in line 1 already")]
    [InlineData("p-percent", "line 1: p-percent cannot be ''; write a whole number from 1 to 100, or none")]
    [InlineData("p-percent 0", "write a whole number from 1 to 100, or none")]
    [InlineData("p-percent 101", "write a whole number")]
    [InlineData("p-percent 10 %", "p-percent cannot be '10 %'")]
    [InlineData("minimum-frequency none", "write a whole number from 1 to 1000000")]
    [InlineData("minimum-frequency -3", "write a whole number")]
    [InlineData("minimum-frequency 99999999999999999999", "write a whole number")]
    [InlineData("dominance (2,100)", "dominance cannot be '(2,100)'; write rules such as (2,85)")]
    [InlineData("dominance 2,85", "write rules such as")]
    [InlineData("dominance (2,85),(1,90)", "write rules such as")]
    [InlineData("dominance none (2,85)", "write rules such as")]
    [InlineData("weights Replicated", "write sampled or replicated or known")]
    [InlineData("weights 1", "write sampled or replicated or known")]
    [InlineData("holders yes", "write one, or apart")]
    [InlineData("zero-cells hide", "write show or withhold")]
    [InlineData("P-percent 10", "there is no rule 'P-percent'")]
    [InlineData("\tp-percent 10", "there is no rule '?p-percent'")]
    public void Parse_LineThatIsNone_SaysWhatWhereAndWhatToDo(string text, string expected)
    {
        var message = Assert.Throws<PolicyTextException>(() => PolicyText.Parse(text)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Parse_AnyText_IsAPolicyOrRefusedInOneLine() =>
        Gen.Select(Policies, Gen.Int[0, 300], Gen.Int[0, 5], Gen.String[0, 6]).Sample((policy, at, cut, put) =>
        {
            var text = PolicyText.Print(policy);
            at = Math.Min(at, text.Length);
            try
            {
                var read = PolicyText.Parse(text.Remove(at, Math.Min(cut, text.Length - at)).Insert(at, put));
                Assert.Equal(read, PolicyText.Parse(PolicyText.Print(read)));
            }
            catch (PolicyTextException exception)
            {
                Assert.DoesNotContain(exception.Message, char.IsControl);
            }
        }, iter: 5000);

    private static readonly Gen<long[]> Lists = Gen.OneOf(
        Gen.Long[0, 3].Array[0, 20], Gen.Long[0, 1000].Array[0, 20], Gen.Long[900, 1000].Array[0, 60],
        Gen.Select(Gen.Long[0, 100_000], Gen.Long[90, 110].Array[1, 40]).Select((one, rest) => rest.Append(one).ToArray()));

    private static CellSums Sums(IReadOnlyCollection<long> values) => new(
        values.Count, values.Aggregate(BigInteger.Zero, (sum, x) => sum + x), values.Aggregate(BigInteger.Zero, (sum, x) => sum + ((BigInteger)x * x)));

    private static CellSums Sums(Contributions cell) => Sums([.. cell.Records.Select(record => record.Value)]);

    private static void AssertNotWeaker(Verdict one, Verdict both)
    {
        Assert.Equal(one.Broken, one.Broken & both.Broken);
        Assert.Equal(one.Unchecked, one.Unchecked & (both.Broken | both.Unchecked));
    }
}
