using CsCheck;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Ecdh;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols.Tests;

/// <summary>The two sides against each other, and against a plain set.</summary>
public sealed class EcdhPartyTests : IDisposable
{
    private static readonly byte[] Transcript = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private readonly SecretBytes _seed1 = SecretBytes.Random(32);
    private readonly SecretBytes _seed2 = SecretBytes.Random(32);

    private (TestParty One, TestParty Two) Pair(string[] one, string[] two, Reveal reveal = Reveal.Both, byte[]? transcript = null) => (
        new TestParty(new EcdhParty(one.Length, two.Length, transcript ?? Transcript, _seed1, reveal), one),
        new TestParty(new EcdhParty(two.Length, one.Length, transcript
            ?? Transcript, _seed2, reveal switch { Reveal.Own => Reveal.Peer, Reveal.Peer => Reveal.Own, _ => reveal }), two));

    public static TheoryData<string[], string[]> Edges => new()
    {
        { ["a"], ["a"] },
        { ["a"], ["b"] },
        { ["a", "b", "c"], ["c", "a", "b"] },
        { ["a", "b", "c"], ["d", "e", "f"] },
        { ["a", "b", "c"], ["x", "c"] },
        { ["", "a"], [""] },
        { [new string('x', 5000), "a"], [new string('x', 5000)] },
    };

    [Theory]
    [MemberData(nameof(Edges))]
    public void Match_EdgeSets_EqualsThePlainSet(string[] one, string[] two)
    {
        var (left, right) = Pair(one, two);
        ProtocolRun.Run(left, right);
        Assert.Equal(one.Intersect(two).Order(StringComparer.Ordinal), left.Match());
        Assert.Equal(left.Match(), right.Match());
    }

    [Fact]
    public void Match_RandomSets_EqualsThePlainSetInAnyOrderOfArrival() =>
        Gen.Int[0, 60].HashSet[1, 40].Select(Gen.Int[0, 60].HashSet[1, 40], Gen.Int).Sample((one, two, order) =>
        {
            var (left, right) = Pair([.. one.Select(i => $"id-{i}")], [.. two.Select(i => $"id-{i}")]);
            ProtocolRun.Run(left, right, orderSeed: order);
            Assert.Equal(left.Items.Intersect(right.Items).Order(StringComparer.Ordinal), left.Match());
            Assert.Equal(left.Match(), right.Match());
        }, iter: 40);

    [Fact]
    public void Match_ManyBatches_EqualsThePlainSet()
    {
        var one = Enumerable.Range(0, 1500).Select(i => $"{i}").ToArray();
        var (left, right) = Pair(one, [.. one.Skip(1000).Take(300), "other"]);
        Assert.True(left.Of(1, RoundDirection.Outgoing).Batches > 4);
        ProtocolRun.Run(left, right, orderSeed: 5);
        Assert.Equal(300, left.Match().Length);
        Assert.Equal(left.Match(), right.Match());
    }

    [Theory]
    [InlineData(Reveal.Own)]
    [InlineData(Reveal.Peer)]
    public void OneReceiver_TheOtherGetsNoTagOfItsOwn(Reveal reveal)
    {
        var (left, right) = Pair(["a", "b", "c", "d"], ["c", "d", "e"], reveal);
        var wire = ProtocolRun.Run(left, right);
        var (learner, other) = reveal == Reveal.Own ? (left, right) : (right, left);
        Assert.Equal(["c", "d"], learner.Match());

        // All the other ever receives is the learner's masked set: nothing under its own key comes back.
        Assert.All(wire.Where(message => message.To == other), message => Assert.Equal(1, message.Round));
        Assert.Empty(other.Tags);
    }

    [Fact]
    public void SizeOnly_BothCount_AndTheOrderSaysNothing()
    {
        var one = Enumerable.Range(0, 400).Select(i => $"{i}").ToArray();
        var two = Enumerable.Range(300, 400).Select(i => $"{i}").ToArray();
        var (left, right) = Pair(one, two, Reveal.Size);
        var wire = ProtocolRun.Run(left, right);
        Assert.DoesNotContain(wire, message => message.Round == 2);
        foreach (var party in new[] { left, right })
        {
            // Tags of its own come in sorted order: which is whose cannot be seen, and the count is right.
            var own = party.Tags.Where(tag => tag.Key.Side == TagSide.Own).OrderBy(tag => tag.Key.Position).Select(tag => tag.Value).ToArray();
            Assert.Equal(own.Order(StringComparer.Ordinal), own);
            Assert.Equal(100, party.Match().Length);
        }

        // The same session with the sets in another order gives each the same bytes of round 3: they do not depend on the order.
        var (again, other) = Pair([.. one.Reverse()], two, Reveal.Size);
        var second = ProtocolRun.Run(again, other);
        Assert.Equal(wire.Where(message => message.Round == 3 && message.To == left)
            .SelectMany(message => message.Payload), second.Where(message => message.Round == 3 && message.To == again).SelectMany(message => message.Payload));
    }

    [Fact]
    public void Messages_RepeatedAfterARestart_AreTheSameBytesOnAnyNumberOfCores()
    {
        var (one, two) = (Enumerable.Range(0, 300).Select(i => $"{i}").ToArray(), Enumerable.Range(100, 300).Select(i => $"{i}").ToArray());
        var (left, right) = Pair(one, two);
        var (leftAgain, rightAgain) = Pair(one, two);
        Assert.Equal(ProtocolRun.Run(left, right, cores: 1).Select(message => Convert.ToHexString(message.Payload)),
            ProtocolRun.Run(leftAgain, rightAgain, cores: 4).Select(message => Convert.ToHexString(message.Payload)));
    }

    [Fact]
    public void Messages_OfTwoSessions_ShareNothing()
    {
        // Same seeds and sets: the transcript alone must separate them.
        var (one, two) = Pair(["a", "b", "c"], ["a", "b"]);
        var (three, four) = Pair(["a", "b", "c"], ["a", "b"], transcript: new byte[32]);
        var first = ProtocolRun.Run(one, two).SelectMany(message => message.Payload.Chunk(8)).Select(Convert.ToHexString).ToHashSet(StringComparer.Ordinal);
        Assert.DoesNotContain(ProtocolRun.Run(three, four).SelectMany(message => message.Payload.Chunk(8)).Select(Convert.ToHexString), first.Contains);
    }

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371")]
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    public void MaskedElement_IdentityOrUndecodable_IsRefused(string element)
    {
        using var threads = new ComputeThreads(1);
        var (left, _) = Pair(["a"], ["b", "c"]);
        byte[] payload = [.. Convert.FromHexString("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"), .. Convert.FromHexString(element)];
        Assert.Equal("bad-batch",
            Assert.Throws<ProtocolViolationException>(() => left.Evaluate(left.Of(1, RoundDirection.Incoming), 0, payload, threads)).Code);
    }

    [Fact]
    public void TagSize_FollowsTheAnnouncedSizes() => Gen.Int[1, 50_000_000].Select(Gen.Int[1, 50_000_000]).Sample((one, two) =>
    {
        using var party = new EcdhParty(one, two, Transcript, _seed1, Reveal.Both);
        Assert.Equal(FalseMatchBound.TagSizeBytes(one, two), party.TagSizeBytes);
        Assert.Equal(party.TagSizeBytes, party.Rounds.Single(round => round.Number == 2 && round.Direction == RoundDirection.Reply).ElementSizeBytes);
    }, iter: 100);

    public void Dispose()
    {
        _seed1.Dispose();
        _seed2.Dispose();
    }
}
