using CsCheck;

namespace PsiMessaging.Protocols.Tests;

public class TagTests
{
    [Theory]
    [InlineData(0, 0, 8)]
    [InlineData(1, 1, 8)]
    [InlineData(1000, 3479, 8)]
    [InlineData(1000, 1_000_000, 10)]
    [InlineData(1, 1 << 24, 11)]
    [InlineData(100_000, 100_000, 10)]
    [InlineData(1 << 20, 1 << 20, 10)]
    [InlineData((1 << 20) + 1, 1 << 20, 11)]
    [InlineData(int.MaxValue, int.MaxValue, 13)]
    public void TagSizeBytes_AnnouncedSizes_FollowTheBound(int one, int two, int bytes) => Assert.Equal(bytes, FalseMatchBound.TagSizeBytes(one, two));

    [Fact]
    public void TagSizeBytes_AnySizes_KeepAFalseMatchBelowTwoToTheMinusForty() => Gen.Int[0, int.MaxValue].Select(Gen.Int[0, int.MaxValue]).Sample((one, two) =>
    {
        var bits = FalseMatchBound.TagSizeBytes(one, two) * 8;
        Assert.True(Math.Log2(Math.Max(1.0, one)) + Math.Log2(Math.Max(1.0, two)) - bits <= -40.0 + 1e-9);
        Assert.True((2 * Math.Log2(Math.Max(1.0, Math.Max(one, two)))) - 1 - bits <= -40.0 + 1e-9);
    });

    [Fact]
    public void Round_AnySize_CoversEveryElementOnce() => Gen.Int[0, 10_000].Select(Gen.Int[1, 3000]).Sample((elements, batch) =>
    {
        var round = new Round(1, "x", RoundDirection.Outgoing, elements, 8, batch);
        Assert.Equal(elements, Enumerable.Range(0, round.Batches).Sum(round.CountOf));
        Assert.All(Enumerable.Range(0, round.Batches), sequence => Assert.Equal(sequence * batch, round.FirstOf(sequence)));
        Assert.True(round.Batches >= 1);
    });
}
