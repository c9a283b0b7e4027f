using System.Text;
using CsCheck;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.BlindRsa;

namespace PsiMessaging.Protocols.Tests;

/// <summary>The two state machines against each other, and against a plain set.</summary>
public sealed class BlindRsaPartyTests : IDisposable
{
    private static readonly byte[] Transcript = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private readonly RsaPrivateKey _key1 = RsaPrivateKey.Generate(2048);
    private readonly RsaPrivateKey _key2 = RsaPrivateKey.Generate(2048);
    private readonly SecretBytes _seed1 = SecretBytes.Random(32);
    private readonly SecretBytes _seed2 = SecretBytes.Random(32);

    private sealed class Items(string[] values) : IItemSet
    {
        public int Count => values.Length;

        public ReadOnlySpan<byte> this[int index] => Encoding.UTF8.GetBytes(values[index]);
    }

    private (BlindRsaParty One, BlindRsaParty Two) Pair(string[] one, string[] two, int parallelism = 2) => (
        new BlindRsaParty(new Items(one), two.Length, Transcript, _seed1, _key1, _key2.PublicKey, ("P1", "P2"), parallelism),
        new BlindRsaParty(new Items(two), one.Length, Transcript, _seed2, _key2, _key1.PublicKey, ("P2", "P1"), parallelism));

    private static Round Of(IProtocolParty party, int number, RoundDirection direction) => party.Rounds.Single(round => round.Number == number && round.Direction == direction);

    /// <summary>All batches of both directions, in an order a seed decides; returns every byte that travelled.</summary>
    private static List<byte[]> Run(BlindRsaParty one, BlindRsaParty two, int orderSeed = 0)
    {
        var wire = new List<byte[]>();
        var todo = new List<Action>();
        foreach (var (from, to) in new[] { (one, two), (two, one) })
        {
            foreach (var number in new[] { 1, 3 })
            {
                for (var sequence = 0; sequence < Of(from, number, RoundDirection.Outgoing).Batches; sequence++)
                {
                    var (batch, round) = (sequence, number);
                    todo.Add(() =>
                    {
                        var payload = from.Produce(Of(from, round, RoundDirection.Outgoing), batch);
                        wire.Add(payload);
                        var outcome = to.Consume(Of(to, round, RoundDirection.Incoming), batch, payload);
                        if (outcome.Reply is { } reply)
                        {
                            wire.Add(reply);
                            from.Consume(Of(from, 2, RoundDirection.Incoming), batch, reply);
                        }
                    });
                }
            }
        }

        var order = orderSeed;
        foreach (var action in todo.OrderBy(_ => order = unchecked((order * 1103515245) + 12345)))
        {
            action();
        }

        return wire;
    }

    private void AssertIntersection(string[] one, string[] two, int orderSeed = 0)
    {
        var (left, right) = Pair(one, two);
        using (left)
        using (right)
        {
            Run(left, right, orderSeed);
            var expected = one.Intersect(two).Order(StringComparer.Ordinal);
            Assert.Equal(expected, left.Match().Select(index => one[index]).Order(StringComparer.Ordinal));
            Assert.Equal(expected, right.Match().Select(index => two[index]).Order(StringComparer.Ordinal));
        }
    }

    public static TheoryData<string[], string[]> Edges => new()
    {
        { [], [] },
        { [], ["a"] },
        { ["a"], [] },
        { ["a"], ["a"] },
        { ["a"], ["b"] },
        { ["a", "b", "c"], ["c", "a", "b"] },
        { ["a", "b", "c"], ["d", "e", "f"] },
        { ["a", "b", "c"], ["x", "c"] },
        { ["", "a"], [""] },
    };

    [Theory]
    [MemberData(nameof(Edges))]
    public void Match_EdgeSets_EqualsThePlainSet(string[] one, string[] two) => AssertIntersection(one, two);

    [Fact]
    public void Match_RandomSets_EqualsThePlainSetInAnyOrderOfArrival() =>
        Gen.Int[0, 40].HashSet[0, 25].Select(Gen.Int[0, 40].HashSet[0, 25], Gen.Int).Sample((one, two, order) =>
            AssertIntersection([.. one.Select(i => $"id-{i}")], [.. two.Select(i => $"id-{i}")], order), iter: 20);

    [Fact]
    public void Match_MoreThanOneBatchAndChunk_EqualsThePlainSet()
    {
        var one = Enumerable.Range(0, BlindRsaParty.CostlyBatchElements + 70).Select(i => $"{i}").ToArray();
        AssertIntersection(one, [.. one.Skip(1000).Take(60), "other"]);
    }

    [Fact]
    public void Messages_RepeatedAfterARestart_AreTheSameBytesOnAnyNumberOfCores()
    {
        var (one, two) = (Enumerable.Range(0, 150).Select(i => $"{i}").ToArray(), Enumerable.Range(100, 150).Select(i => $"{i}").ToArray());
        var (left, right) = Pair(one, two, parallelism: 1);
        var first = Run(left, right);
        left.Match();
        var (leftAgain, rightAgain) = Pair(one, two, parallelism: 4);
        Assert.Equal(first, Run(leftAgain, rightAgain));
        foreach (var party in new[] { left, right, leftAgain, rightAgain })
        {
            party.Dispose();
        }
    }

    [Fact]
    public void Restore_KeptResults_GiveTheSameMatch()
    {
        var (one, two) = (new[] { "a", "b", "c", "d" }, new[] { "c", "d", "e" });
        var (left, right) = Pair(one, two);
        var (again, _) = Pair(one, two);
        var signed = right.Consume(Of(right, 1, RoundDirection.Incoming), 0, left.Produce(Of(left, 1, RoundDirection.Outgoing), 0)).Reply!;
        var kept2 = left.Consume(Of(left, 2, RoundDirection.Incoming), 0, signed).Keep!;
        var kept3 = left.Consume(Of(left, 3, RoundDirection.Incoming), 0, right.Produce(Of(right, 3, RoundDirection.Outgoing), 0)).Keep!;
        again.Restore(Of(again, 2, RoundDirection.Incoming), 0, kept2);
        again.Restore(Of(again, 3, RoundDirection.Incoming), 0, kept3);
        Assert.Equal([2, 3], again.Match());
    }

    [Fact]
    public void Consume_BlindedZeroOrNotBelowTheModulus_IsRefused()
    {
        var (left, right) = Pair(["a"], ["b"]);
        foreach (var bad in new[] { new byte[256], _key2.PublicKey.Modulus, Enumerable.Repeat((byte)0xff, 256).ToArray() })
        {
            var violation = Assert.Throws<ProtocolViolationException>(() => right.Consume(Of(right, 1, RoundDirection.Incoming), 0, bad));
            Assert.Equal("bad-batch", violation.Code);
        }

        left.Dispose();
        right.Dispose();
    }

    [Fact]
    public void Consume_SignatureThatDoesNotVerify_IsRefused()
    {
        var (left, right) = Pair(["a", "b"], ["b"]);
        var signed = right.Consume(Of(right, 1, RoundDirection.Incoming), 0, left.Produce(Of(left, 1, RoundDirection.Outgoing), 0)).Reply!;
        for (var position = 0; position < signed.Length; position += 101)
        {
            var altered = signed.ToArray();
            altered[position] ^= 4;
            var violation = Assert.Throws<ProtocolViolationException>(() => left.Consume(Of(left, 2, RoundDirection.Incoming), 0, altered));
            Assert.Equal("bad-signature", violation.Code);
        }

        // Swapped answers verify under no one's message either.
        byte[] swapped = [.. signed[256..], .. signed[..256]];
        Assert.Equal("bad-signature", Assert.Throws<ProtocolViolationException>(() => left.Consume(Of(left, 2, RoundDirection.Incoming), 0, swapped)).Code);
        left.Dispose();
        right.Dispose();
    }

    [Fact]
    public void Match_PeerSendsATagTwice_IsRefused()
    {
        var (left, right) = Pair(["a"], ["b", "c"]);
        var tags = right.Produce(Of(right, 3, RoundDirection.Outgoing), 0);
        var size = tags.Length / 2;
        tags.AsSpan(0, size).CopyTo(tags.AsSpan(size));
        left.Consume(Of(left, 3, RoundDirection.Incoming), 0, tags);
        Assert.Equal("bad-batch", Assert.Throws<ProtocolViolationException>(left.Match).Code);
        left.Dispose();
        right.Dispose();
    }

    [Fact]
    public void Messages_OfTwoSessions_ShareNothing()
    {
        var (one, _) = Pair(["a", "b", "c"], ["a"]);
        var other = new BlindRsaParty(new Items(["a", "b", "c"]), 1, new byte[32], _seed1, _key1, _key2.PublicKey, ("P1", "P2"), 1);
        var first = one.Produce(Of(one, 3, RoundDirection.Outgoing), 0).Chunk(8).Select(Convert.ToHexString).ToHashSet(StringComparer.Ordinal);
        var second = other.Produce(Of(other, 3, RoundDirection.Outgoing), 0).Chunk(8).Select(Convert.ToHexString);
        Assert.Empty(first.Intersect(second));
        one.Dispose();
        other.Dispose();
    }

    [Fact]
    public void Constructor_PeerShowsOurKeyOrName_IsRefused()
    {
        Assert.Throws<ProtocolViolationException>(() => new BlindRsaParty(new Items(["a"]), 1, Transcript, _seed1, _key1, _key1.PublicKey, ("P1", "P2"), 1));
        Assert.Throws<ProtocolViolationException>(() => new BlindRsaParty(new Items(["a"]), 1, Transcript, _seed1, _key1, _key2.PublicKey, ("P1", "P1"), 1));
    }

    /// <summary>A peer without data sends back what it gets: our tags, which are signatures by us, must not count as its own.</summary>
    [Fact]
    public void Match_PeerReflectsOurTags_FindsNothing()
    {
        var (left, right) = Pair(["a", "b", "c"], ["x", "y", "z"]);
        var signed = right.Consume(Of(right, 1, RoundDirection.Incoming), 0, left.Produce(Of(left, 1, RoundDirection.Outgoing), 0)).Reply!;
        left.Consume(Of(left, 2, RoundDirection.Incoming), 0, signed);
        left.Consume(Of(left, 3, RoundDirection.Incoming), 0, left.Produce(Of(left, 3, RoundDirection.Outgoing), 0));
        Assert.Empty(left.Match());
        left.Dispose();
        right.Dispose();
    }

    public void Dispose()
    {
        foreach (var item in new IDisposable[] { _key1, _key2, _seed1, _seed2 })
        {
            item.Dispose();
        }
    }
}
