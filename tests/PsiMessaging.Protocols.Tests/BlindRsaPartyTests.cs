using CsCheck;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.BlindRsa;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols.Tests;

/// <summary>The two sides against each other, and against a plain set.</summary>
public sealed class BlindRsaPartyTests : IDisposable
{
    private static readonly byte[] Transcript = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private readonly RsaPrivateKey _key1 = RsaPrivateKey.Generate(2048);
    private readonly RsaPrivateKey _key2 = RsaPrivateKey.Generate(2048);
    private readonly SecretBytes _seed1 = SecretBytes.Random(32);
    private readonly SecretBytes _seed2 = SecretBytes.Random(32);
    private readonly ComputeThreads _threads = new(2);

    private (TestParty One, TestParty Two) Pair(string[] one, string[] two, Reveal reveal = Reveal.Both, byte[]? transcript = null)
    {
        var (oneSends, twoSends) = (reveal != Reveal.Own, reveal != Reveal.Peer);
        return (
            new TestParty(new BlindRsaParty(one.Length, two.Length, transcript
                ?? Transcript, _seed1, ("P1", oneSends ? _key1 : null, null), ("P2", twoSends ? _key2.PublicKey : null, null), reveal), one),
            new TestParty(new BlindRsaParty(two.Length, one.Length, transcript
                ?? Transcript, _seed2, ("P2", twoSends ? _key2 : null, null), ("P1", oneSends ? _key1.PublicKey : null, null),
                reveal switch { Reveal.Own => Reveal.Peer, Reveal.Peer => Reveal.Own, _ => reveal }), two));
    }

    private static void AssertIntersection(TestParty left, TestParty right, int orderSeed = 0)
    {
        ProtocolRun.Run(left, right, orderSeed: orderSeed);
        Assert.Equal(left.Items.Intersect(right.Items).Order(StringComparer.Ordinal), left.Match());
        Assert.Equal(left.Match(), right.Match());
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
    public void Match_EdgeSets_EqualsThePlainSet(string[] one, string[] two)
    {
        var (left, right) = Pair(one, two);
        AssertIntersection(left, right);
    }

    [Fact]
    public void Match_RandomSets_EqualsThePlainSetInAnyOrderOfArrival() =>
        Gen.Int[0, 40].HashSet[0, 25].Select(Gen.Int[0, 40].HashSet[0, 25], Gen.Int).Sample((one, two, order) =>
        {
            var (left, right) = Pair([.. one.Select(i => $"id-{i}")], [.. two.Select(i => $"id-{i}")]);
            AssertIntersection(left, right, order);
        }, iter: 20);

    [Fact]
    public void Match_MoreThanOneBatchAndChunk_EqualsThePlainSet()
    {
        var one = Enumerable.Range(0, BlindRsaParty.CostlyBatchElements + 70).Select(i => $"{i}").ToArray();
        var (left, right) = Pair(one, [.. one.Skip(1000).Take(60), "other"]);
        AssertIntersection(left, right);
    }

    [Theory]
    [InlineData(Reveal.Own)]
    [InlineData(Reveal.Peer)]
    public void OneReceiver_TheOtherGetsNothingToCompare(Reveal reveal)
    {
        var (left, right) = Pair(["a", "b", "c", "d"], ["c", "d", "e"], reveal);
        var wire = ProtocolRun.Run(left, right);
        var (learner, other) = reveal == Reveal.Own ? (left, right) : (right, left);
        Assert.Equal(["c", "d"], learner.Match());
        Assert.All(wire.Where(message => message.To == other), message => Assert.Equal(1, message.Round));
        Assert.Empty(other.Tags);
    }

    [Fact]
    public void SizeOnly_IsNotToBeHad() => Assert.Throws<ArgumentOutOfRangeException>(() => Pair(["a"], ["a"], Reveal.Size));

    [Fact]
    public async Task ReusableSet_CutFromSixteenBytes_MatchesAsAFreshOneDoes()
    {
        var set = Enumerable.Repeat((byte)7, 32).ToArray();
        string[] large = [.. Enumerable.Range(0, 300).Select(i => $"{i}")], small = ["5", "250", "x"];
        using var sender = new BlindRsaParty(large.Length, small.Length, Transcript, _seed1, ("P1", _key1, set), ("P2", null, null), Reveal.Peer);
        using var receiver = new TestParty(new BlindRsaParty(small.Length, large.Length, Transcript,
            _seed2, ("P2", null, null), ("P1", _key1.PublicKey, set), Reveal.Own), small);
        var prepared = new TestParty(sender, large);
        var packed = large.SelectMany(item => (byte[])[(byte)item.Length, 0, 0, 0, .. System.Text.Encoding.UTF8.GetBytes(item)]).ToArray();
        var tags = await Evaluator.EvaluateAsync(BlindRsaParty.PrepareTags("P1", _key1, set, packed), _threads, CancellationToken.None);
        var round = receiver.Of(3, RoundDirection.Incoming);
        Assert.Equal((large.Length, receiver.Protocol.TagSizeBytes), (round.Elements, round.ElementSizeBytes));
        receiver.Keep(round, 0, [.. tags.Chunk(16).Order(Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)))
            .SelectMany(tag => tag.Take(receiver.Protocol.TagSizeBytes))]);
        var blinded = receiver.Evaluate(receiver.Of(1, RoundDirection.Outgoing), 0, [], _threads);
        var signed = prepared.Evaluate(prepared.Of(1, RoundDirection.Incoming), 0, blinded, _threads);
        var back = receiver.Of(2, RoundDirection.Incoming);
        receiver.Keep(back, 0, receiver.Evaluate(back, 0, signed, _threads));
        Assert.Equal(["250", "5"], receiver.Match());
    }

    [Fact]
    public void Messages_RepeatedAfterARestart_AreTheSameBytesOnAnyNumberOfCores()
    {
        var (one, two) = (Enumerable.Range(0, 150).Select(i => $"{i}").ToArray(), Enumerable.Range(100, 150).Select(i => $"{i}").ToArray());
        var (left, right) = Pair(one, two);
        var (leftAgain, rightAgain) = Pair(one, two);
        Assert.Equal(ProtocolRun.Run(left, right, cores: 1).Select(message => Convert.ToHexString(message.Payload)),
            ProtocolRun.Run(leftAgain, rightAgain, cores: 4).Select(message => Convert.ToHexString(message.Payload)));
    }

    [Fact]
    public void BlindedValue_ZeroOrNotBelowTheModulus_IsRefused()
    {
        var (_, right) = Pair(["a"], ["b"]);
        foreach (var bad in new[] { new byte[256], _key2.PublicKey.Modulus, Enumerable.Repeat((byte)0xff, 256).ToArray() })
        {
            Assert.Equal("bad-batch",
                Assert.Throws<ProtocolViolationException>(() => right.Evaluate(right.Of(1, RoundDirection.Incoming), 0, bad, _threads)).Code);
        }
    }

    [Fact]
    public void Signature_ThatDoesNotVerify_IsRefused()
    {
        var (left, right) = Pair(["a", "b"], ["b"]);
        var signed = right.Evaluate(right.Of(1, RoundDirection.Incoming), 0, left.Evaluate(left.Of(1, RoundDirection.Outgoing), 0, [], _threads), _threads);
        var round = left.Of(2, RoundDirection.Incoming);
        for (var position = 0; position < signed.Length; position += 101)
        {
            var altered = signed.ToArray();
            altered[position] ^= 4;
            Assert.Equal("bad-signature", Assert.Throws<ProtocolViolationException>(() => left.Evaluate(round, 0, altered, _threads)).Code);
        }

        // Swapped answers verify under no one's message either.
        byte[] swapped = [.. signed[256..], .. signed[..256]];
        Assert.Equal("bad-signature", Assert.Throws<ProtocolViolationException>(() => left.Evaluate(round, 0, swapped, _threads)).Code);
    }

    [Fact]
    public void Messages_OfTwoSessions_ShareNothing()
    {
        var (one, _) = Pair(["a", "b", "c"], ["a"]);
        var (other, _) = Pair(["a", "b", "c"], ["a"], transcript: new byte[32]);
        var round = one.Of(3, RoundDirection.Outgoing);
        var first = one.Evaluate(round, 0, [], _threads).Chunk(8).Select(Convert.ToHexString).ToHashSet(StringComparer.Ordinal);
        Assert.Empty(first.Intersect(other.Evaluate(round, 0, [], _threads).Chunk(8).Select(Convert.ToHexString)));
    }

    [Fact]
    public void Constructor_PeerShowsOurKeyOrName_IsRefused()
    {
        Assert.Throws<ProtocolViolationException>(() =>
            new BlindRsaParty(1, 1, Transcript, _seed1, ("P1", _key1, null), ("P2", _key1.PublicKey, null), Reveal.Both));
        Assert.Throws<ProtocolViolationException>(() =>
            new BlindRsaParty(1, 1, Transcript, _seed1, ("P1", _key1, null), ("P1", _key2.PublicKey, null), Reveal.Both));
        Assert.Throws<ArgumentException>(() => new BlindRsaParty(1, 1, Transcript, _seed1, ("P1", _key1, null), ("P2", null, null), Reveal.Both));
    }

    /// <summary>A peer without data sends back what it gets: our tags, which are signatures by us, must not count as its own.</summary>
    [Fact]
    public void Match_PeerReflectsOurTags_FindsNothing()
    {
        var (left, right) = Pair(["a", "b", "c"], ["x", "y", "z"]);
        var signed = right.Evaluate(right.Of(1, RoundDirection.Incoming), 0, left.Evaluate(left.Of(1, RoundDirection.Outgoing), 0, [], _threads), _threads);
        left.Keep(left.Of(2, RoundDirection.Incoming), 0, left.Evaluate(left.Of(2, RoundDirection.Incoming), 0, signed, _threads));
        left.Keep(left.Of(3, RoundDirection.Incoming), 0, left.Evaluate(left.Of(3, RoundDirection.Outgoing), 0, [], _threads));
        Assert.Empty(left.Match());
    }

    public void Dispose()
    {
        foreach (var item in new IDisposable[] { _key1, _key2, _seed1, _seed2, _threads })
        {
            item.Dispose();
        }
    }
}

/// <summary>The layouts a compute worker reads.</summary>
public class EvaluationLayoutTests
{
    [Fact]
    public void Parameters_AnyFields_ComeBack() =>
        Gen.Int.Select(Gen.Int[8, 16], Gen.Byte.Array[0, 300], Gen.Byte.Array[0, 100], Gen.Byte.Array[0, 100]).Sample((first, size, modulus, signer, prefix) =>
    {
        var parameters = BlindRsaParameters.Decode(new BlindRsaParameters(first, size, modulus, signer, prefix).Encode());
        Assert.Equal((first, size), (parameters.First, parameters.TagSizeBytes));
        Assert.Equal([modulus, signer, prefix], [parameters.PeerModulus, parameters.Signer, parameters.TagPrefix]);
    });

    [Fact]
    public void PackedItems_CutOffAnywhere_AreRefusedOrShorter()
    {
        byte[] packed = [1, 0, 0, 0, 65, 0, 0, 0, 0, 2, 0, 0, 0, 66, 67];
        Assert.Equal(3, new PackedItems(packed).Count);
        Assert.Equal("BC"u8.ToArray(), new PackedItems(packed)[2].ToArray());
        for (var length = 0; length < packed.Length; length++)
        {
            if (length is 0 or 5 or 9)
            {
                Assert.True(new PackedItems(packed.AsMemory(0, length)).Count < 3);
            }
            else
            {
                Assert.Throws<ArgumentException>(() => new PackedItems(packed.AsMemory(0, length)));
            }
        }

        Assert.Throws<ArgumentException>(() => new PackedItems(new byte[] { 255, 255, 255, 255 }));
    }

    [Fact]
    public async Task Chunks_FirstFault_IsTheTasksAndTheThreadsGoOn()
    {
        using var threads = new ComputeThreads(2);
        await Assert.ThrowsAsync<InvalidDataException>(() =>
            threads.ForEachChunkAsync(100, 10, (first, _) => _ = first == 50 ? throw new InvalidDataException() : 0, CancellationToken.None));
        var sum = 0;
        await threads.ForEachChunkAsync(105, 10, (_, length) => Interlocked.Add(ref sum, length), CancellationToken.None);
        Assert.Equal(105, sum);
        await threads.ForEachChunkAsync(0, 10, (_, _) => Assert.Fail("nothing to do"), CancellationToken.None);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => threads.ForEachChunkAsync(10, 1, (_, _) => { }, cancelled.Token));
    }
}
