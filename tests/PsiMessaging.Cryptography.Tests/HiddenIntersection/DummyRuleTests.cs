using System.Security.Cryptography;
using PsiMessaging.Cryptography.HiddenIntersection;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Tests.HiddenIntersection;

/// <summary>Dummies: how many there are, that their law is the one whose privacy is claimed, and that both parties draw the same.</summary>
public sealed class DummyRuleTests
{
    [Theory]
    [InlineData(500, 40, 56)]
    [InlineData(100, 40, 278)]
    [InlineData(1000, 40, 28)]
    [InlineData(10_000, 60, 5)]
    [InlineData(1000, 0, 0)]
    public void Shift_OfARule_IsItsFormula(int epsilon, int delta, int shift) => Assert.Equal(shift, new DummyRule(epsilon, delta).Shift);

    /// <summary>The law itself: neighbours differ by e^ε at most but for one value on each end, whose chance is δ or less.</summary>
    [Theory]
    [InlineData(500, 40)]
    [InlineData(100, 40)]
    [InlineData(2000, 20)]
    public void Law_OfARule_IsPrivateForOneRecord(int epsilon, int delta)
    {
        var rule = new DummyRule(epsilon, delta);
        var law = Law(rule);
        var bound = Math.Exp(epsilon / 1000.0) * (1 + 1e-9);
        for (var d = 1; d < law.Length; d++)
        {
            // n + D = v comes from D = d without the record, and from D = d - 1 with it.
            Assert.InRange(law[d] / law[d - 1], 1 / bound, bound);
        }

        Assert.InRange(law[0], 0, Math.Pow(2, -delta));
        Assert.Equal(law[0], law[^1]);
    }

    private static double[] Law(DummyRule rule)
    {
        var weights = Enumerable.Range(0, rule.Dummies + 1).Select(d => Math.Exp(-rule.EpsilonThousandths / 1000.0 * Math.Abs(d - rule.Shift))).ToArray();
        var sum = weights.Sum();
        return [.. weights.Select(weight => weight / sum)];
    }

    [Theory]
    [InlineData(500, 10)]
    [InlineData(1700, 40)]
    [InlineData(100, 4)]
    public void Draw_ManyTimes_FollowsTheLaw(int epsilon, int delta)
    {
        var rule = new DummyRule(epsilon, delta);
        using var seed = SecretBytes.CopyOf(SHA256.HashData("draws"u8));
        using var stream = new SeededStream(seed, "draws"u8);
        const int Draws = 40_000;
        var counts = new int[rule.Dummies + 1];
        for (var i = 0; i < Draws; i++)
        {
            counts[rule.Draw(stream)]++;
        }

        var (statistic, freedom) = (0.0, -1);
        foreach (var (count, chance) in counts.Zip(Law(rule)).Where(pair => pair.Second * Draws >= 5))
        {
            var expected = chance * Draws;
            statistic += (count - expected) * (count - expected) / expected;
            freedom++;
        }

        Assert.InRange(statistic, 0, freedom + (6 * Math.Sqrt(2.0 * freedom)));
    }

    [Fact]
    public void Draw_OfBothParties_IsTheSameAndOfAnotherSessionAnother()
    {
        using var shared = SecretBytes.CopyOf(SHA256.HashData("K"u8));
        using var copy = SecretBytes.CopyOf(SHA256.HashData("K"u8));
        var sessions = Enumerable.Range(0, 50).Select(i => SHA256.HashData([(byte)i])).ToArray();
        var draws = sessions.Select(session => DummyRule.Default.Draw(shared, session)).ToArray();
        Assert.Equal(draws, sessions.Select(session => DummyRule.Default.Draw(copy, session)));
        Assert.All(draws, draw => Assert.InRange(draw, 0, 112));
        Assert.True(draws.Distinct().Count() > 5);
        Assert.Equal(0, DummyRule.None.Draw(shared, sessions[0]));
    }

    [Theory]
    [InlineData(0, 40)]
    [InlineData(10_001, 40)]
    [InlineData(500, -1)]
    [InlineData(500, 61)]
    public void Check_OutOfRange_IsRefused(int epsilon, int delta) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new DummyRule(epsilon, delta).Check());
}
