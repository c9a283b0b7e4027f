using System.Collections;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Vole;
using PsiMessaging.Testing;

namespace PsiMessaging.Protocols.Tests;

public sealed class VolePartyTests
{
    private static readonly byte[] Transcript = SHA256.HashData("a session"u8);

    private static VoleSettings Settings(int receiver, int sender, bool malicious = false, bool answers = true) =>
        new(Transcript, receiver, sender, malicious, answers);

    private static string[] Set(int first, int count) => [.. Enumerable.Range(first, count).Select(i => $"item {i * 7919L % 1_000_000_007L}")];

    private static async Task<(BitArray Receiver, BitArray? Sender, VectorExchange Exchange)> RunAsync(
        VoleSettings settings, string[] mine, string[] theirs, int? seed = null, int threads = 1, Func<bool, Round, int, byte[], byte[]>? onTheWay = null)
    {
        using var cores = new Cores(threads);
        using var exchange = new VectorExchange(settings, VectorExchange.Items(mine, settings.Transcript),
            VectorExchange.Items(theirs, settings.Transcript), (cores, cores), seed);
        exchange.OnTheWay = onTheWay ?? exchange.OnTheWay;
        var (receiver, sender) = await exchange.RunAsync();
        return (receiver, sender, exchange);
    }

    private static void AssertIsIntersection(string[] own, string[] other, BitArray positions)
    {
        var set = other.ToHashSet(StringComparer.Ordinal);
        Assert.Equal(own.Length, positions.Count);
        for (var i = 0; i < own.Length; i++)
        {
            if (positions[i] != set.Contains(own[i]))
            {
                Assert.Fail($"position {i} of {own.Length} is {(positions[i] ? "a false match" : "missed")}");
            }
        }
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 1, 0)]
    [InlineData(1, 5000, 1)]
    [InlineData(5000, 1, 1)]
    [InlineData(1000, 1000, 0)]
    [InlineData(1000, 1000, 1)]
    [InlineData(1000, 1000, 500)]
    [InlineData(1000, 1000, 1000)]
    [InlineData(3, 20_000, 2)]
    [InlineData(20_000, 3, 2)]
    [InlineData(70_000, 40_000, 12_345)]
    public async Task Run_AnySizes_BothGetTheIntersection(int receiver, int sender, int common)
    {
        foreach (var malicious in new[] { false, true })
        {
            var (mine, theirs) = (Set(0, receiver), Set(receiver - common, sender));
            var (positions, told, _) = await RunAsync(Settings(receiver, sender, malicious), mine, theirs, threads: 2);
            AssertIsIntersection(mine, theirs, positions);
            AssertIsIntersection(theirs, mine, told!);
        }
    }

    [Fact]
    public async Task Run_WithoutAnAnswer_TellsTheSenderNothing()
    {
        var settings = Settings(100, 200, answers: false);
        var (positions, told, exchange) = await RunAsync(settings, Set(0, 100), Set(50, 200));
        Assert.Equal(50, positions.OfType<bool>().Count(bit => bit));
        Assert.Null(told);
        Assert.DoesNotContain(exchange.Sender.Rounds, round => round.Number == 11);
    }

    /// <summary>
    /// Where the receiver alone learns the result, nothing is compared before it is asked for, which the engine does after it has said that it is over: how
    /// long comparing takes depends on how much is common, and would show in the credits of round 10 (57 to 86 ms of 2^20 outputs). Order, not time, is what
    /// this looks at.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task OneSided_NothingIsComparedBeforeTheEnd(bool malicious)
    {
        const int Mine = 3000, Theirs = 150_000;
        using var cores = new Cores(2);
        var settings = Settings(Mine, Theirs, malicious, answers: false);
        var (mine, theirs) = (Set(0, Mine), Set(1000, Theirs));
        using var exchange = new VectorExchange(settings, VectorExchange.Items(mine, Transcript), VectorExchange.Items(theirs, Transcript), (cores, cores));
        var receiver = (VoleReceiverParty)exchange.Receiver;
        var (batches, compared) = (0, 0);
        exchange.BeforeTheEnd = () => compared = receiver.ComparedBatches;
        exchange.OnTheWay = (_, round, _, bytes) =>
        {
            batches += round.Number == VoleSettings.OutputsRound ? 1 : 0;
            return bytes;
        };
        var (positions, _) = await exchange.RunAsync();
        AssertIsIntersection(mine, theirs, positions);
        Assert.True(batches > 1);
        Assert.Equal((0, batches), (compared, receiver.ComparedBatches));
    }

    /// <summary>And it reckons with what it keeps for that: the sender's outputs, whole.</summary>
    [Fact]
    public void OneSided_MemoryCountsTheOutputsKept()
    {
        var (alone, both) = (Settings(1000, 1 << 20, answers: false), Settings(1000, 1 << 20));
        Assert.Equal((long)both.TagSizeBytes << 20, alone.EstimatedMemoryBytes(receives: true) - both.EstimatedMemoryBytes(receives: true));
        Assert.Equal(both.EstimatedMemoryBytes(receives: false), alone.EstimatedMemoryBytes(receives: false));
    }

    /// <summary>Hashes of identifiers belong to a session: two that collide in one, found with much work, do not in another.</summary>
    [Fact]
    public void ItemHashes_OfTwoSessions_HaveNothingInCommon()
    {
        var items = Set(0, 1000);
        using var one = VectorExchange.Items(items, Transcript)(true, CancellationToken.None);
        using var same = VectorExchange.Items(items, Transcript)(true, CancellationToken.None);
        using var other = VectorExchange.Items(items, SHA256.HashData("another session"u8))(true, CancellationToken.None);
        Assert.Equal(one.First.Span, same.First.Span);
        Assert.Equal(2000, one.First.Span.ToArray().Concat(other.First.Span.ToArray()).Distinct().Count());
        Assert.Equal(2000, one.Second.Concat(other.Second).Distinct().Count());
    }

    /// <summary>
    /// Runs at 2^10 to 2^14, random overlap, random sizes on both sides; the plain sets are the oracle. No false match, no missed match. A thousand of them,
    /// and the large sizes as often as the specification asks, are the benchmarks' mode correctness.
    /// </summary>
    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Run_ManyRandomRuns_AgreeWithPlainSets()
    {
        using var cores = new Cores(2);
        for (var run = 0; run < 400; run++)
        {
            var most = run % 10 == 0 ? 1 << 14 : 1 << 11;
            var (receiver, sender) = (RandomNumberGenerator.GetInt32(1 << 10, most + 1), RandomNumberGenerator.GetInt32(1 << 10, most + 1));
            var common = RandomNumberGenerator.GetInt32(0, Math.Min(receiver, sender) + 1);
            await RunOnceAsync(receiver, sender, common, cores);
        }
    }

    private static async Task RunOnceAsync(int receiver, int sender, int common, Cores cores)
    {
        var settings = new VoleSettings(RandomNumberGenerator.GetBytes(32), receiver, sender, IsMalicious: false, AnswersResult: true);
        var (mine, theirs) = (Random(receiver), Random(sender));
        MemoryMarshal.AsBytes(mine.First.Span[..common]).CopyTo(MemoryMarshal.AsBytes(theirs.First.Span));
        var theirSet = theirs.First.Span.ToArray().ToHashSet();
        var mySet = mine.First.Span.ToArray().ToHashSet();
        bool[] expected = [.. mine.First.Span.ToArray().Select(theirSet.Contains)], expectedThere = [.. theirs.First.Span.ToArray().Select(mySet.Contains)];
        using var exchange = new VectorExchange(settings, (_, _) => mine, (_, _) => theirs, (cores, cores));
        var (positions, told) = await exchange.RunAsync();
        Assert.True(expected.SequenceEqual(positions.Cast<bool>()), $"{receiver} x {sender}, {common} in common");
        Assert.True(expectedThere.SequenceEqual(told!.Cast<bool>()), $"{receiver} x {sender}, {common} in common");
    }

    private static ItemHashes Random(int count)
    {
        var hashes = new ItemHashes(count, both: false, []);
        RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(hashes.First.Span));
        return hashes;
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(1 << 18, 6)]
    [InlineData(1 << 20, 2)]
    public async Task Run_LargeSets_AgreeWithPlainSets(int size, int runs)
    {
        // The full counts of the specification are run by the benchmarks (mode correctness).
        using var cores = new Cores(2);
        for (var run = 0; run < runs; run++)
        {
            await RunOnceAsync(size, size, RandomNumberGenerator.GetInt32(0, size + 1), cores);
        }
    }

    [Fact]
    public async Task Bytes_AtAMillion_AreWhatTheSpecificationSays()
    {
        const int Size = 1 << 20;
        var settings = Settings(Size, Size);
        using var cores = new Cores(2);
        using var exchange = new VectorExchange(settings, (_, _) => Random(Size), (_, _) => Random(Size), (cores, cores));
        await exchange.RunAsync();
        Assert.InRange(exchange.Bytes.ToSender + exchange.Bytes.ToReceiver, 29_000_000, 30_500_000);
    }

    private static async Task<byte[]> TranscriptHashAsync(bool malicious, int threads)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var messages = new List<(int Round, bool FromReceiver, int Sequence, byte[] Bytes)>();
        await RunAsync(Settings(3000, 2500, malicious), Set(0, 3000), Set(1000, 2500), seed: 7, threads, (fromReceiver, round, sequence, bytes) =>
        {
            lock (messages)
            {
                messages.Add((round.Number, fromReceiver, sequence, bytes));
            }

            return bytes;
        });
        foreach (var (_, _, _, bytes) in messages.OrderBy(message => message.Round).ThenBy(message => message.FromReceiver).ThenBy(message => message.Sequence))
        {
            hash.AppendData(bytes);
        }

        return hash.GetHashAndReset();
    }

    /// <summary>
    /// Everything that travels, from fixed seeds. A change here is a change of the protocol: parties of two versions would not understand each other. The same
    /// on any number of threads, and in a process that may not use the processor's special instructions.
    /// </summary>
    [Theory]
    [InlineData(false, "519454855A3B06BACFC775D27F93F84AD9276B8D59615B76B7B2CBBDCA03925D")]
    [InlineData(true, "492E82F881CF3DEC53F936ADBB6F9586340EDF3B656224C14A62C839E07E9822")]
    public async Task Transcript_FromFixedSeeds_IsTheStoredOne(bool malicious, string expected)
    {
        var actual = Convert.ToHexString(await TranscriptHashAsync(malicious, threads: 1));
        Assert.True(expected == actual, actual);
        Assert.Equal(expected, Convert.ToHexString(await TranscriptHashAsync(malicious, threads: 3)));
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("DOTNET_EnableHWIntrinsic")]
    [InlineData("DOTNET_EnableAVX512")]
    [InlineData("DOTNET_EnableAES")]
    public void Transcript_WithoutTheProcessorsInstructions_IsTheSame(string knob)
    {
        var start = new ProcessStartInfo(Path.ChangeExtension(typeof(VolePartyTests).Assembly.Location, null) + (OperatingSystem.IsWindows() ? ".exe" : ""))
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
            Environment = { [knob] = "0" },
        };
        foreach (var argument in new[] { "-noLogo", "-noColor", "-method",
            $"{typeof(VolePartyTests).FullName}.{nameof(Transcript_FromFixedSeeds_IsTheStoredOne)}" })
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, output);
        Assert.Contains("Total: 2", output, StringComparison.Ordinal);
    }

    /// <summary>After a restart: new parties from the same seeds, given what had come, send the same bytes.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Parties_MadeAnewFromTheirSeeds_SendTheSameBytes(bool malicious)
    {
        Assert.Equal(await TranscriptHashAsync(malicious, 2), await TranscriptHashAsync(malicious, 2));
    }

    public static TheoryData<int, bool, bool> Messages()
    {
        var data = new TheoryData<int, bool, bool>();
        foreach (var malicious in new[] { false, true })
        {
            foreach (var (round, fromReceiver) in new[] { (1, true), (1, false), (2, true), (3, true), (4, false), (7, true), (10, false), (11, true) })
            {
                data.Add(round, fromReceiver, malicious);
            }
        }

        foreach (var (round, fromReceiver) in new[] { (5, true), (6, false), (8, true), (9, false) })
        {
            data.Add(round, fromReceiver, true);
        }

        return data;
    }

    /// <summary>
    /// One byte of each message altered, as a faulty peer might send it (on its way it is signed). Nothing may come out that is not common: the session ends
    /// under a named reason, or matches are lost to the party that did it.
    /// </summary>
    [Theory]
    [MemberData(nameof(Messages))]
    public async Task Message_Altered_NeverGivesAFalseMatch(int number, bool fromReceiver, bool malicious)
    {
        var (mine, theirs) = (Set(0, 2000), Set(1000, 2000));
        for (var turn = 0; turn < 3; turn++)
        {
            var altered = 0;
            try
            {
                var (positions, told, _) = await RunAsync(Settings(2000, 2000, malicious), mine, theirs, threads: 1, onTheWay: (from, round, _, bytes) =>
                {
                    if (round.Number == number && from == fromReceiver)
                    {
                        bytes = [.. bytes];
                        bytes[bytes.Length * turn / 3] ^= 0x01;
                        altered++;
                    }

                    return bytes;
                });
                Assert.All(Enumerable.Range(0, 2000).Where(i => positions[i]), i => Assert.Contains(mine[i], theirs));
                Assert.All(Enumerable.Range(0, 2000).Where(i => told![i]), i => Assert.Contains(theirs[i], mine));

                // What nobody uses: base elements of the branch not chosen, columns of the extension at which Δ has no bit, corrections that are not opened. Or
                // what can only lose matches: store, share, outputs.
                Assert.True(number is 1 or 2 or 4 or 7 or 8 or 10, $"round {number} was altered and nobody noticed");
            }
            catch (ProtocolViolationException violation)
            {
                Assert.Contains(violation.Code, new[] { "bad-batch", "failed-check", "result-mismatch" });
            }

            Assert.True(altered > 0);
        }
    }

    [Theory]
    [InlineData(2, true, false)]
    [InlineData(3, true, false)]
    [InlineData(2, true, true)]
    [InlineData(3, true, true)]
    [InlineData(5, true, true)]
    [InlineData(6, false, true)]
    [InlineData(9, false, true)]
    public async Task CheatingParty_IsCaught(int number, bool fromReceiver, bool malicious)
    {
        // 5 can change nothing but the answer the cheater itself checks; all others are caught by the other side.
        var caught = 0;
        for (var turn = 0; turn < 8; turn++)
        {
            try
            {
                await RunAsync(Settings(500, 500, malicious), Set(0, 500), Set(0, 500), onTheWay: (from, round, _, bytes) =>
                {
                    if (round.Number != number || from != fromReceiver)
                    {
                        return bytes;
                    }

                    bytes = [.. bytes];
                    for (var at = turn; at < bytes.Length; at += number == 2 ? 160 : 13)
                    {
                        bytes[at] ^= 0x20;
                    }

                    return bytes;
                });
            }
            catch (ProtocolViolationException violation)
            {
                Assert.Equal("failed-check", violation.Code);
                Assert.Equal("a consistency check of the protocol failed", violation.Message);
                caught++;
            }
        }

        Assert.Equal(8, caught);
    }

    [Fact]
    public async Task Malicious_AReceiverThatClaimsMoreThanItHolds_IsCaught()
    {
        foreach (var malicious in new[] { false, true })
        {
            var refusal = await Assert.ThrowsAsync<ProtocolViolationException>(() =>
                RunAsync(Settings(800, 800, malicious), Set(0, 800), Set(400, 800), onTheWay: (_, round, _, bytes) =>
            {
                if (round.Number == 11)
                {
                    bytes = [.. bytes];
                    bytes[Array.FindIndex(bytes, value => value != 0xFF)] |= 0xFF;
                }

                return bytes;
            }));
            Assert.Equal("result-mismatch", refusal.Code);
        }
    }

    [Fact]
    public async Task Batch_OfAnotherLengthOrTwice_IsRefused()
    {
        using var seed = SecretBytes.Random(32);
        using var party = VoleParty.Create(Settings(10, 10), receives: false, seed, VectorExchange.Items(Set(0, 10), Transcript), Cores.One);
        var round = party.Rounds.Single(round => round.Direction == RoundDirection.Incoming && round.Number == 1);
        Assert.Equal("bad-batch", (await Assert.ThrowsAsync<ProtocolViolationException>(() => party.AbsorbAsync(round, 0, new byte[31]))).Code);
        Assert.Equal("bad-batch", (await Assert.ThrowsAsync<ProtocolViolationException>(() => party.AbsorbAsync(round, 0, new byte[32]))).Code);
        await Assert.ThrowsAsync<InvalidOperationException>(() => party.AbsorbAsync(round, 0, new byte[32]));
    }

    [Fact]
    public async Task Items_OfEqualHash_AreRefusedByName()
    {
        var refusal = await Assert.ThrowsAsync<ProtocolViolationException>(() => RunAsync(Settings(3, 3), ["a", "b", "a"], ["a", "b", "c"]));
        Assert.Equal("unusable-dataset", refusal.Code);
    }

    [Fact]
    public void Rounds_OfBothSides_FitTogether()
    {
        foreach (var malicious in new[] { false, true })
        {
            using var seed = SecretBytes.Random(32);
            using var receiver = VoleParty.Create(Settings(100_000, 3_000_000, malicious),
                receives: true, seed, VectorExchange.Items([], Transcript), Cores.One);
            using var sender = VoleParty.Create(Settings(100_000, 3_000_000, malicious),
                receives: false, seed, VectorExchange.Items([], Transcript), Cores.One);
            foreach (var (one, other) in new[] { (receiver, sender), (sender, receiver) })
            {
                foreach (var round in one.Rounds.Where(round => round.Direction == RoundDirection.Outgoing))
                {
                    var taken = other.Rounds.Single(taken => taken.Number == round.Number && taken.Direction == RoundDirection.Incoming);
                    Assert.Equal((round.Elements, round.ElementSizeBytes, round.BatchElements), (taken.Elements, taken.ElementSizeBytes, taken.BatchElements));
                    Assert.InRange(round.BatchElements * (long)round.ElementSizeBytes, 1, 1 << 20);

                    // A round may depend on what the other side sends, never on itself or on what comes later.
                    Assert.All(round.After, former => Assert.True(former < round.Number
                        && one.Rounds.Any(earlier => earlier.Number == former && earlier.Direction == RoundDirection.Incoming)));
                    Assert.All(taken.After, former => Assert.True(former < round.Number
                        && other.Rounds.Any(earlier => earlier.Number == former && earlier.Direction == RoundDirection.Outgoing)));
                }
            }
        }
    }
}
