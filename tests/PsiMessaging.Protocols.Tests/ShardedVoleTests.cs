using System.Buffers.Binary;
using System.Collections;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Evaluation;
using PsiMessaging.Protocols.Vole;

namespace PsiMessaging.Protocols.Tests;

/// <summary>The protocol <c>vole</c> over sets cut into shards: plain sets are the oracle.</summary>
public sealed class ShardedVoleTests
{
    private static readonly byte[] Transcript = SHA256.HashData("a session of shards"u8);

    /// <summary>What went from one party to the other.</summary>
    private sealed record Sent(bool FromInitiator, Round Round, int Sequence, byte[] Bytes);

    /// <summary>One party of a test: the initiator is the receiver, unless the result is the responder's alone.</summary>
    private sealed class Side : IDisposable
    {
        private readonly SecretBytes _seed;
        private readonly Cores _cores;
        private int _alive;

        public Side(bool initiator, string[] own, int peer, VoleShards shards, RevealTo reveal, SecurityModel security, int seed, int threads)
        {
            _seed = SecretBytes.CopyOf(SHA256.HashData([(byte)(initiator ? 1 : 2), .. BitConverter.GetBytes(seed)]));
            _cores = threads > 1 ? new Cores(threads) : Cores.One;
            Party = new ShardedVoleParty(shards, new PartySetup
            {
                OwnName = initiator ? "P1" : "P2", PeerName = initiator ? "P2" : "P1", IsInitiator = initiator, OwnSize = own.Length, PeerSize = peer,
                Transcript = Transcript, Seed = _seed, RevealTo = reveal, Security = security, Cores = _cores, ReadItems = Reader(own),
            })
            {
                OnShard = (_, begins) => MostAlive = Math.Max(MostAlive, Interlocked.Add(ref _alive, begins ? 1 : -1)),
            };
        }

        public ShardedVoleParty Party { get; }

        /// <summary>Shards whose vectors were there at once.</summary>
        public int MostAlive { get; private set; }

        public void Dispose()
        {
            Party.Dispose();
            _seed.Dispose();
            if (_cores != Cores.One)
            {
                _cores.Dispose();
            }
        }
    }

    private static ItemReader Reader(string[] own) => (take, _) =>
    {
        Span<byte> length = stackalloc byte[4];
        for (var first = 0; first < own.Length; first += ItemBatch.Items)
        {
            using var packed = new MemoryStream();
            foreach (var item in own.AsSpan(first, Math.Min(ItemBatch.Items, own.Length - first)))
            {
                var bytes = Encoding.UTF8.GetBytes(item);
                BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
                packed.Write(length);
                packed.Write(bytes);
            }

            take(first, new PackedItems(packed.ToArray()));
        }
    };

    private static VoleShards Plan(int shards, int initiator, int responder, RevealTo reveal)
    {
        var (receiver, sender) = new SetSizes(initiator, responder).Sides(reveal);
        return VoleShards.Cut(shards, receiver, sender);
    }

    private static async Task<(BitArray? Initiator, BitArray? Responder, List<Sent> Wire)> RunAsync(string[] mine, string[] theirs, int shards,
        RevealTo reveal = RevealTo.Both, SecurityModel security = SecurityModel.SemiHonest, int seed = 1, int threads = 1, Action<Side, Side>? atTheEnd = null,
        Func<Sent, byte[]>? onTheWay = null)
    {
        var plan = Plan(shards, mine.Length, theirs.Length, reveal);
        using var one = new Side(true, mine, theirs.Length, plan, reveal, security, seed, threads);
        using var two = new Side(false, theirs, mine.Length, plan, reveal, security, seed, threads);
        var wire = new List<Sent>();
        foreach (var (stage, number) in one.Party.Rounds.Select(round => (round.Stage, round.Number)).Distinct().Order())
        {
            foreach (var (from, to) in new[] { (one, two), (two, one) })
            {
                if (from.Party.Rounds.SingleOrDefault(round => round.Number == number && round.Direction == RoundDirection.Outgoing) is { } round)
                {
                    var taken = to.Party.Rounds.Single(other => other.Number == number && other.Direction == RoundDirection.Incoming);
                    Assert.Equal((stage, round.Elements, round.ElementSizeBytes), (taken.Stage, taken.Elements, taken.ElementSizeBytes));
                    for (var sequence = 0; sequence < round.Batches; sequence++)
                    {
                        var sent = new Sent(from == one, round, sequence, await from.Party.ProduceAsync(round, sequence));
                        wire.Add(sent);
                        await to.Party.AbsorbAsync(taken, sequence, onTheWay?.Invoke(sent) ?? sent.Bytes);
                    }
                }
            }
        }

        var first = reveal != RevealTo.Responder ? (await one.Party.FinishAsync()).Positions : null;
        var second = reveal != RevealTo.Initiator ? (await two.Party.FinishAsync()).Positions : null;
        Assert.Equal((1, 1), (one.MostAlive, two.MostAlive));
        atTheEnd?.Invoke(one, two);
        return (first, second, wire);
    }

    private static string[] Set(int first, int count, string name = "item") =>
        [.. Enumerable.Range(first, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"{name} {i * 7919L % 1_000_000_007L}"))];

    private static void AssertIsIntersection(string[] own, string[] other, BitArray? positions)
    {
        var set = other.ToHashSet(StringComparer.Ordinal);
        Assert.Equal(own.Select(set.Contains), positions!.Cast<bool>());
    }

    [Theory]
    [InlineData(0, 0, 0, 2)]
    [InlineData(0, 5, 0, 3)]
    [InlineData(1, 1, 1, 5)]
    [InlineData(1, 1, 0, 2)]
    [InlineData(1, 3000, 1, 4)]
    [InlineData(3000, 1, 1, 3)]
    [InlineData(1000, 1000, 1000, 2)]
    [InlineData(20_000, 9000, 4321, 5)]
    public async Task Run_AnySizes_IsTheIntersection(int initiator, int responder, int common, int shards)
    {
        var (mine, theirs) = (Set(0, initiator), Set(initiator - common, responder));
        foreach (var security in new[] { SecurityModel.SemiHonest, SecurityModel.Malicious })
        {
            foreach (var reveal in new[] { RevealTo.Both, RevealTo.Initiator, RevealTo.Responder })
            {
                var (first, second, _) = await RunAsync(mine, theirs, shards, reveal, security, threads: 2);
                AssertIsIntersection(mine, theirs, first ?? new BitArray([.. mine.Select(theirs.Contains)]));
                AssertIsIntersection(theirs, mine, second ?? new BitArray([.. theirs.Select(mine.Contains)]));
            }
        }
    }

    /// <summary>Random sizes, overlaps and numbers of shards; nothing a shard is filled up with matches, since the plain sets are the oracle.</summary>
    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Run_ManyRandomRuns_AgreeWithPlainSets()
    {
        for (var run = 0; run < 60; run++)
        {
            var (initiator, responder) = (RandomNumberGenerator.GetInt32(0, run % 3 == 0 ? 50 : 3000), RandomNumberGenerator.GetInt32(0, 3000));
            var common = RandomNumberGenerator.GetInt32(0, Math.Min(initiator, responder) + 1);
            var (mine, theirs) = (Set(run, initiator), Set(run + initiator - common, responder));
            RandomNumberGenerator.Shuffle<string>(theirs);
            var reveal = (RevealTo[])[RevealTo.Both, RevealTo.Initiator, RevealTo.Responder];
            var security = run % 2 == 0 ? SecurityModel.SemiHonest : SecurityModel.Malicious;
            var (first, second, _) = await RunAsync(mine, theirs, 2 + (run % 4), reveal[run % 3], security, seed: run);
            AssertIsIntersection(mine, theirs, first ?? new BitArray([.. mine.Select(theirs.ToHashSet(StringComparer.Ordinal).Contains)]));
            AssertIsIntersection(theirs, mine, second ?? new BitArray([.. theirs.Select(mine.ToHashSet(StringComparer.Ordinal).Contains)]));
        }
    }

    /// <summary>What travels has the same number, order and length whatever is in the sets and whatever is in common.</summary>
    [Theory]
    [InlineData(SecurityModel.SemiHonest)]
    [InlineData(SecurityModel.Malicious)]
    public async Task Rounds_OfEqualSizes_LookTheSameWhateverTheData(SecurityModel security)
    {
        var (_, _, wire) = await RunAsync(Set(0, 900), Set(0, 1500), 3, security: security);
        foreach (var (mine, theirs) in new[] { (Set(0, 900, "x"), Set(0, 1500, "y")), (Set(500, 900), Set(1000, 1500)) })
        {
            var (_, _, other) = await RunAsync(mine, theirs, 3, security: security, seed: 2);
            Assert.Equal(wire.Select(Shape), other.Select(Shape));
        }

        // And every shard's rounds are of one size.
        Assert.Equal(3, wire.GroupBy(sent => sent.Round.Stage).Count());
        Assert.Single(wire.GroupBy(sent => sent.Round.Stage)
            .Select(stage => string.Join(' ', stage.Select(sent =>
                (sent.FromInitiator, (sent.Round.Number - 1) % 11, sent.Sequence, sent.Bytes.Length)))).Distinct());

        static (bool, int, int, int) Shape(Sent sent) => (sent.FromInitiator, sent.Round.Number, sent.Sequence, sent.Bytes.Length);
    }

    /// <summary>Parties made anew, on another number of threads, give the same bytes; one brought back in the middle of a shard too.</summary>
    [Theory]
    [InlineData(SecurityModel.SemiHonest)]
    [InlineData(SecurityModel.Malicious)]
    public async Task Parties_MadeAnewFromTheirSeeds_SendTheSameBytes(SecurityModel security)
    {
        var (mine, theirs) = (Set(0, 20_000), Set(10_000, 9000));
        var (_, _, wire) = await RunAsync(mine, theirs, 3, security: security, threads: 3);
        var (_, _, again) = await RunAsync(mine, theirs, 3, security: security);
        Assert.Equal(wire.Select(sent => Convert.ToHexString(sent.Bytes)), again.Select(sent => Convert.ToHexString(sent.Bytes)));

        // A restart in the middle of shard 2: given again what had come, and asked again for what had left.
        var until = wire.FindIndex(sent => sent.Round.Stage == 1 && (sent.Round.Number - 1) % 11 == 6);
        var plan = Plan(3, mine.Length, theirs.Length, RevealTo.Both);
        using var one = new Side(true, mine, theirs.Length, plan, RevealTo.Both, security, 1, 2);
        foreach (var stage in wire.Take(until).GroupBy(sent => sent.Round.Stage))
        {
            foreach (var sent in stage.Where(sent => !sent.FromInitiator))
            {
                var taken = one.Party.Rounds.Single(round => round.Number == sent.Round.Number && round.Direction == RoundDirection.Incoming);
                await one.Party.AbsorbAsync(taken, sent.Sequence, sent.Bytes);
            }

            foreach (var sent in stage.Where(sent => sent.FromInitiator))
            {
                Assert.Equal(sent.Bytes, await one.Party.ProduceAsync(sent.Round, sent.Sequence));
            }
        }
    }

    /// <summary>Shards share no secrets: equal rounds of two shards have nothing in common.</summary>
    [Fact]
    public async Task Shards_HaveSecretsOfTheirOwn()
    {
        var (_, _, wire) = await RunAsync(Set(0, 300), Set(0, 300), 4);
        foreach (var round in wire.GroupBy(sent => (sent.FromInitiator, (sent.Round.Number - 1) % 11, sent.Sequence)))
        {
            Assert.Equal(4, round.Select(sent => Convert.ToHexString(sent.Bytes)).Distinct(StringComparer.Ordinal).Count());
        }
    }

    [Theory]
    [InlineData(2, true)]
    [InlineData(3, true)]
    [InlineData(10, false)]
    [InlineData(11, true)]
    public async Task Message_OfASecondShardAltered_NeverGivesAFalseMatch(int number, bool fromInitiator)
    {
        var (mine, theirs) = (Set(0, 500), Set(250, 500));
        try
        {
            var altered = 0;
            var (first, second, _) = await RunAsync(mine, theirs, 2, onTheWay: sent =>
            {
                if (sent.Round.Number != number + 11 || sent.FromInitiator != fromInitiator)
                {
                    return sent.Bytes;
                }

                altered++;
                byte[] bytes = [.. sent.Bytes];
                bytes[bytes.Length / 2] ^= 1;
                return bytes;
            });
            Assert.True(altered > 0);
            Assert.All(Enumerable.Range(0, 500).Where(i => first![i]), i => Assert.Contains(mine[i], theirs));
            Assert.All(Enumerable.Range(0, 500).Where(i => second![i]), i => Assert.Contains(theirs[i], mine));
            Assert.True(number is 2 or 10);
        }
        catch (ProtocolViolationException violation)
        {
            Assert.Contains(violation.Code, new[] { "bad-batch", "failed-check", "result-mismatch" });
        }
    }

    [Fact]
    public async Task Batch_OfAnotherLength_IsRefusedWithItsShard()
    {
        var refusal = await Assert.ThrowsAsync<ProtocolViolationException>(() => RunAsync(Set(0, 50), Set(0, 50), 2,
            onTheWay: sent => sent.Round.Number == 11 + 7 ? sent.Bytes[1..] : sent.Bytes));
        Assert.Equal("bad-batch", refusal.Code);
    }

    [Fact]
    public async Task Party_AskedOutOfTurn_Refuses()
    {
        using var side = new Side(true, Set(0, 50), 50, Plan(3, 50, 50, RevealTo.Both), RevealTo.Both, SecurityModel.SemiHonest, 1, 1);
        var later = side.Party.Rounds.First(round => round is { Stage: 1, Direction: RoundDirection.Outgoing });
        await Assert.ThrowsAsync<InvalidOperationException>(() => side.Party.ProduceAsync(later, 0));
        await Assert.ThrowsAsync<InvalidOperationException>(() => side.Party.FinishAsync());
        Assert.NotEmpty(await side.Party.ProduceAsync(side.Party.Rounds.First(round => round is { Stage: 0, Direction: RoundDirection.Outgoing }), 0));
    }

    /// <summary>A set of which more falls into a shard than it holds begins again before anything of it leaves.</summary>
    [Fact]
    public async Task Set_ThatOverflowsAShard_BeginsAgain()
    {
        using var side = new Side(true, Set(0, 500), 500, new VoleShards(2, 200, 200), RevealTo.Both, SecurityModel.SemiHonest, 1, 1);
        var first = side.Party.Rounds.First(round => round is { Stage: 0, Direction: RoundDirection.Outgoing });
        await Assert.ThrowsAsync<RestartException>(() => side.Party.ProduceAsync(first, 0));
    }

    /// <summary>Every item is in one shard, in the order of the set, and a shard's size is no more than what it is filled up to.</summary>
    [Fact]
    public void Items_AreInOneShardEach_AndFilledUpWithBlocksNobodyElseHas()
    {
        const int Size = 30_000, Shards = 5;
        var padded = VoleShards.PaddedSize(Size, Shards);
        using var items = new ShardItems(Reader(Set(0, Size)), Size, Shards, padded, Transcript);
        items.Count(CancellationToken.None);
        Assert.Equal(Size, items.Totals.Sum());
        var (seen, blocks) = (new HashSet<int>(), new HashSet<(System.Runtime.Intrinsics.Vector128<byte>, System.Runtime.Intrinsics.Vector128<byte>)>());
        for (var shard = 0; shard < Shards; shard++)
        {
            using var key = SecretBytes.CopyOf(SHA256.HashData([(byte)shard]).AsSpan(0, 16));
            var (hashes, positions) = items.Read(shard, both: true, SHA256.HashData([(byte)shard]), key, CancellationToken.None);
            using (hashes)
            {
                Assert.Equal(positions.Order(), positions);
                Assert.All(positions, position => Assert.True(seen.Add(position)));
                Assert.Equal((items.Totals[shard], padded), (positions.Length, hashes.Count));
                for (var i = 0; i < hashes.Count; i++)
                {
                    Assert.True(blocks.Add((hashes.First.Span[i], hashes.Second[i])));
                }
            }
        }

        Assert.Equal((Size, Shards * padded), (seen.Count, blocks.Count));
    }

    /// <summary>
    /// The padded size against the binomial tail itself, summed in logarithms: a shard overflows with at most 2^-40 over all shards; and it is not wasteful:
    /// with more than a few items a tenth less of the excess would not do.
    /// </summary>
    [Theory]
    [InlineData(1, 2)]
    [InlineData(40, 2)]
    [InlineData(41, 3)]
    [InlineData(100, 5)]
    [InlineData(1000, 23)]
    [InlineData(5000, 4)]
    [InlineData(100_000, 23)]
    [InlineData(1_000_000, 7)]
    [InlineData(30_000_000, 8)]
    [InlineData(100_000_000, 23)]
    [InlineData(200_000_000, 23)]
    public void PaddedSize_IsExceededLessThanTheBound(int size, int shards)
    {
        var padded = VoleShards.PaddedSize(size, shards);
        Assert.InRange(padded, (size + shards - 1) / shards, size);
        Assert.True(BitsOfTail(size, shards, padded + 1) - Math.Log2(shards) >= 40, $"{padded} is too few");
        if (size >= 100_000)
        {
            Assert.True(BitsOfTail(size, shards, (int)(((double)size / shards) + (0.85 * (padded - ((double)size / shards))))) - Math.Log2(shards) < 40);
        }
    }

    [Fact]
    public void PaddedSize_OfRandomSizes_IsExceededLessThanTheBound()
    {
        for (var run = 0; run < 300; run++)
        {
            var (size, shards) = (1 << RandomNumberGenerator.GetInt32(0, 27), RandomNumberGenerator.GetInt32(2, 24));
            size += RandomNumberGenerator.GetInt32(0, size);
            Assert.True(BitsOfTail(size, shards, VoleShards.PaddedSize(size, shards) + 1) - Math.Log2(shards) >= 40, $"{size}, {shards}");
        }
    }

    /// <summary>−log2 of the chance that a binomial number is <paramref name="from"/> or more; its first term times a geometric series is above it.</summary>
    private static double BitsOfTail(int size, int shards, int from)
    {
        if (from > size)
        {
            return double.PositiveInfinity;
        }

        var p = 1.0 / shards;
        var term = LogFactorial(size) - LogFactorial(from) - LogFactorial(size - from) + (from * Math.Log(p)) + ((size - from) * Math.Log(1 - p));
        var ratio = (size - from) / (from + 1.0) * p / (1 - p);
        return ratio >= 1 ? 0 : -(term - Math.Log(1 - ratio)) / Math.Log(2);
    }

    /// <summary>ln n!, exact to ten digits: Stirling's series.</summary>
    private static double LogFactorial(double n) => n < 10 ? Enumerable.Range(1, (int)n).Sum(i => Math.Log(i))
        : ((n + 0.5) * Math.Log(n)) - n + (0.5 * Math.Log(2 * Math.PI)) + (1 / (12 * n)) - (1 / (360 * n * n * n));

    [Theory]
    [InlineData(1 << 22, 1 << 22, 1)]
    [InlineData((1 << 22) + 1, 1, 2)]
    [InlineData(1, (1 << 22) + 1, 2)]
    [InlineData(10_000_000, 10_000_000, 4)]
    [InlineData(1 << 24, 1 << 25, 11)]
    [InlineData(30_000_000, 30_000_000, 10)]
    [InlineData(100_000_000, 100_000_000, 23)]
    [InlineData(200_000_000, 200_000_000, 23)]
    public void Shards_FollowFromTheSizes(int receiver, int sender, int shards)
    {
        var plan = VoleShards.Of(receiver, sender);
        Assert.Equal(shards, plan.Count);
        Assert.True(plan.ReceiverSize <= VoleSettings.MaximumReceiverSize && plan.SenderSize <= VoleSettings.MaximumSenderSize);
        var sizes = new SetSizes(receiver, sender);
        Assert.Equal(shards * 11, VoleProtocol.Instance.HighestRoundOf(sizes, RevealTo.Initiator));

        // Memory of one shard: the sizes are those of shards, the tags those of whole sets.
        var whole = ShardedVoleParty.Settings(plan, receiver, sender, [], malicious: false, answers: false).EstimatedMemoryBytes(receives: true);
        var estimate = VoleProtocol.Instance.EstimatedMemoryBytes(sizes, RevealTo.Initiator, SecurityModel.SemiHonest, initiator: true);
        Assert.Equal(shards == 1 ? whole : whole + (4L * plan.ReceiverSize) + (receiver / 4), estimate);
    }

    /// <summary>Tags are as long as whole sets need, and as all pairs of filled shards need.</summary>
    [Fact]
    public void Tags_AreLongEnoughForWholeSets()
    {
        foreach (var (receiver, sender) in new[] { (30_000_000, 30_000_000), (1, 40_000_000), (100_000_000, 100_000_000) })
        {
            var plan = VoleShards.Of(receiver, sender);
            var settings = ShardedVoleParty.Settings(plan, receiver, sender, Transcript, malicious: false, answers: true);
            var pairs = plan.Count * Math.Max((double)plan.ReceiverSize * plan.SenderSize, Math.Pow(Math.Max(plan.ReceiverSize, plan.SenderSize), 2) / 2);
            Assert.True(settings.TagSizeBytes >= FalseMatchBound.TagSizeBytes(receiver, sender));
            Assert.True(8 * settings.TagSizeBytes >= 40 + Math.Log2(pairs));
            Assert.Equal(settings.TagSizeBytes, (settings with { Transcript = new byte[32] }).TagSizeBytes);
        }
    }
}
