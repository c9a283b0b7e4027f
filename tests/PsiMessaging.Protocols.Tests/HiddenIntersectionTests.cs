using System.Buffers.Binary;
using System.Security.Cryptography;
using PsiMessaging.Batches;
using PsiMessaging.Cryptography.HiddenIntersection;
using PsiMessaging.Testing;

namespace PsiMessaging.Protocols.Tests;

/// <summary>The three sides of a hidden intersection against a plain set: sums over matched records, in both directions, and what each size does.</summary>
public sealed class HiddenIntersectionTests
{
    private static string[] Set(int first, int count) => [.. Enumerable.Range(first, count).Select(i => $"item {i * 7919L % 1_000_000_007L}")];

    /// <summary>A word of a record, from who it is: what a data set would have, reproducible.</summary>
    private static ulong Word(string item, int side, int column) =>
        BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{item}/{side}/{column}")));

    private static ulong[] Plain(string[][] sets, int asker, (int P, int Q) columns, int bits)
    {
        var sums = new ulong[columns.P * columns.Q];
        foreach (var item in sets[0].Intersect(sets[1], StringComparer.Ordinal))
        {
            for (var i = 0; i < columns.P; i++)
            {
                for (var j = 0; j < columns.Q; j++)
                {
                    sums[(i * columns.Q) + j] += Word(item, asker, i) * Word(item, 1 - asker, j);
                }
            }
        }

        PackedWords.Cut(sums, bits);
        return sums;
    }

    [Theory]
    [InlineData(0, 0, 0, false)]
    [InlineData(0, 5, 0, false)]
    [InlineData(5, 0, 0, true)]
    [InlineData(1, 1, 0, false)]
    [InlineData(1, 1, 1, false)]
    [InlineData(1, 1, 1, true)]
    [InlineData(700, 500, 0, true)]
    [InlineData(600, 600, 600, false)]
    [InlineData(3, 3000, 2, true)]
    [InlineData(3000, 3, 3, false)]
    [InlineData(2000, 1500, 777, true)]
    public async Task Ask_AnySizes_GivesTheSumsOfMatchedRecords(int first, int second, int common, bool dummies)
    {
        string[][] sets = [Set(0, first), Set(first - common, second)];
        using var run = new HiddenExchange(sets[0], sets[1], dummies ? DummyRule.Default : DummyRule.None);
        await run.SetUpAsync();
        Assert.Equal(common, sets[0].Intersect(sets[1], StringComparer.Ordinal).Count());
        Assert.InRange(run.Matched, common, common + (dummies ? DummyRule.Default.Dummies : 0));
        foreach (var (asker, bits) in new[] { (0, 64), (1, 32), (0, 24), (1, 61) })
        {
            Assert.Equal(Plain(sets, asker, (3, 2), bits), run.Ask(asker, (3, 2), bits, (side, position, column) => Word(sets[side][position], side, column)));
        }
    }

    [Fact]
    public async Task Ask_RandomSetsShapesAndWords_GivesTheSumsOfMatchedRecords()
    {
        using var secret = PsiMessaging.Cryptography.Symmetric.SecretBytes.CopyOf(SHA256.HashData("cases"u8));
        using var random = new PsiMessaging.Cryptography.Symmetric.SeededStream(secret, "cases"u8);
        for (var turn = 0; turn < 30; turn++)
        {
            var (first, second) = (random.NextInt(400), random.NextInt(400));
            var common = random.NextInt(Math.Min(first, second) + 1);
            string[][] sets = [Set(0, first), Set(first - common, second)];
            var dummies = random.NextInt(2) == 0 ? DummyRule.None : new DummyRule(1 + random.NextInt(3000), random.NextInt(12));
            using var run = new HiddenExchange(sets[0], sets[1], dummies, seed: turn);
            await run.SetUpAsync();
            var (columns, bits) = ((1 + random.NextInt(6), 1 + random.NextInt(6)), 1 + random.NextInt(64));
            for (var asker = 0; asker < 2; asker++)
            {
                var sums = run.Ask(asker, columns, bits, (side, position, column) => Word(sets[side][position], side, column));
                Assert.True(Plain(sets, asker, columns, bits).AsSpan().SequenceEqual(sums), $"turn {turn}: {first}, {second}, {common}, {columns}, w {bits}");
            }
        }
    }

    private static ulong Ones(int side, int position, int column) => 1;

    /// <summary>A length that does not follow from the announced sizes is refused by whoever gets it, and says which message it was.</summary>
    [Theory]
    [InlineData("round 1 base offer", "base transfers|round")]
    [InlineData("round 1 base choice", "round base choice")]
    [InlineData("round 2 extension", "round extension")]
    [InlineData("round 3 extension check", "round extension check")]
    [InlineData("round 4 trees", "round trees")]
    [InlineData("round 7 masked store", "round masked store")]
    [InlineData("round 12 base offer", "base transfers|round")]
    [InlineData("round 13 extension", "round extension")]
    [InlineData("round 18 masked store", "round masked store")]
    [InlineData("tokens", "tokens of the")]
    [InlineData("choice", "base transfers")]
    [InlineData("offer", "base transfers")]
    [InlineData("columns", "columns of the key transfer")]
    [InlineData("opening", "check of the key transfer")]
    [InlineData("covered keys", "covered mask keys")]
    [InlineData("triple", "triple of a question")]
    [InlineData("triple seed", "seed of a question's triple")]
    [InlineData("triple shares", "shares of a product")]
    [InlineData("asked rows", "masked rows of the asking party")]
    [InlineData("contributed rows", "masked rows of the contributing party")]
    [InlineData("aligned rows", "aligned rows of the linker")]
    [InlineData("cover", "cover of a question's shares")]
    [InlineData("linker's share", "shares of a product")]
    [InlineData("contributor's share", "shares of a product")]
    public async Task Message_CutOrLengthened_IsRefusedByName(string name, string named)
    {
        foreach (var change in new Func<byte[], byte[]>[] { bytes => bytes[..^1], bytes => [.. bytes, 0], _ => [] })
        {
            using var run = new HiddenExchange(Set(0, 300), Set(100, 300), DummyRule.None);
            var changed = 0;
            run.OnTheWay = message => message.Name == name && changed++ == 0 ? change(message.Bytes) : message.Bytes;
            var fault = await Record.ExceptionAsync(async () =>
            {
                await run.SetUpAsync();
                run.Ask(0, (2, 2), 32, Ones);
            });
            Assert.True(fault is ProtocolViolationException or InvalidDataException, $"{name}: {fault}");
            Assert.Contains(named.Split('|'), part => fault.Message.Contains(part, StringComparison.Ordinal));
            Assert.Equal(1, changed);
        }
    }

    /// <summary>
    /// One bit altered where a check can see it. Elsewhere what travels is uniformly random, and any bytes could be it: envelopes are signed, so that only a
    /// participant itself can send others, which then gives random sums.
    /// </summary>
    [Theory]
    [InlineData("round 2 extension")]
    [InlineData("round 3 extension check")]
    [InlineData("round 13 extension")]
    [InlineData("columns")]
    [InlineData("opening")]
    public async Task Message_Altered_FailsTheCheck(string name)
    {
        using var run = new HiddenExchange(Set(0, 300), Set(100, 300), DummyRule.Default);
        run.OnTheWay = message =>
        {
            if (message.Name != name)
            {
                return message.Bytes;
            }

            var bytes = message.Bytes.ToArray();
            bytes[bytes.Length / 3] ^= 16;
            return bytes;
        };
        var fault = await Assert.ThrowsAsync<ProtocolViolationException>(run.SetUpAsync);
        Assert.Contains("check", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Element_OutOfRange_IsRefused()
    {
        foreach (var name in new[] { "round 1 base offer", "round 1 base choice", "offer", "choice" })
        {
            using var run = new HiddenExchange(Set(0, 30), Set(10, 30), DummyRule.None);
            run.OnTheWay = message => message.Name == name ? [.. Enumerable.Repeat((byte)0xFF, message.Bytes.Length)] : message.Bytes;
            var fault = await Record.ExceptionAsync(run.SetUpAsync);
            Assert.True(fault is ProtocolViolationException or InvalidDataException, $"{name}: {fault}");
            Assert.Contains("base transfers", fault.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Equal tokens would give two records one place: a party that sends one twice, or any other order, is refused.</summary>
    [Theory]
    [InlineData('1', true)]
    [InlineData('1', false)]
    [InlineData('2', true)]
    [InlineData('2', false)]
    public async Task Tokens_TwiceOrOutOfOrder_AreRefused(char from, bool twice)
    {
        using var run = new HiddenExchange(Set(0, 300), Set(100, 300), DummyRule.None);
        run.OnTheWay = message =>
        {
            if (message.Name != "tokens" || message.From != from)
            {
                return message.Bytes;
            }

            var (bytes, size) = (message.Bytes.ToArray(), run.Parties[0].TokensCut.ElementSizeBytes);
            bytes.AsSpan(10 * size, size).CopyTo(bytes.AsSpan((twice ? 11 : 200) * size));
            return bytes;
        };
        var fault = await Assert.ThrowsAsync<InvalidDataException>(run.SetUpAsync);
        Assert.Equal($"tokens of the {(from == '1' ? "initiator" : "responder")} are not in ascending order, or one came twice", fault.Message);
    }

    [Fact]
    public async Task Batch_OutOfRangeOrTwice_IsRefused()
    {
        using var run = new HiddenExchange(Set(0, 300), Set(100, 300), DummyRule.None);
        var round = run.Parties[0].Rounds.First(candidate => candidate.Direction == RoundDirection.Incoming);
        await Assert.ThrowsAsync<ProtocolViolationException>(() => run.Parties[0].AbsorbAsync(round, 1, new byte[10]));
        await Assert.ThrowsAsync<ProtocolViolationException>(() => run.Parties[0].AbsorbAsync(round, -1, new byte[10]));
        Assert.Throws<InvalidDataException>(() => run.Linker.TakeTokens(ofInitiator: true, 1, new byte[10]));
        Assert.Throws<InvalidDataException>(run.Linker.Match);
        Assert.Throws<InvalidDataException>(() => run.Linker.Choose(ofInitiator: true));
        Assert.Throws<InvalidDataException>(() => run.Linker.RecordsFor(ofInitiator: true));
        Assert.Throws<InvalidOperationException>(() => run.Parties[0].Tokens(0));
        await run.SetUpAsync();
        Assert.Contains("twice", Assert.Throws<InvalidDataException>(() => run.Linker.TakeTokens(ofInitiator: true, 0, run.Parties[0].Tokens(0))).Message,
            StringComparison.Ordinal);
        Assert.Throws<ProtocolViolationException>(() => run.Parties[0].TakeColumns(7, new byte[10]));
        Assert.Throws<ProtocolViolationException>(() => run.Parties[0].TakeOpening(new byte[10]));
        Assert.Throws<ProtocolViolationException>(() => run.Parties[0].TakeOffer(run.Linker.TransferOf(initiator: true).Offer));
    }

    [Theory]
    [InlineData(HiddenSizes.MaximumRecords + 1, 5, 10)]
    [InlineData(5, -1, 10)]
    [InlineData(5, 5, 7)]
    [InlineData(5, 5, 17)]
    public void Sizes_OutOfRange_AreRefused(int first, int second, int token) =>
        Assert.Throws<InvalidDataException>(() => new HiddenSizes(new byte[32], first, second, token).Check());

    [Theory]
    [InlineData(0, 1, 64)]
    [InlineData(1001, 1, 64)]
    [InlineData(1, 0, 64)]
    [InlineData(1, 1, 0)]
    [InlineData(1, 1, 65)]
    public void Shape_OutOfRange_IsRefused(int p, int q, int bits) => Assert.Throws<InvalidDataException>(() => new HiddenShape(5, 5, p, q, bits).Check());

    /// <summary>Several messages of each kind, wide matrices and several threads.</summary>
    [Fact]
    [Trait("Speed", "Slow")]
    public async Task Ask_ManyMessagesAndThreads_GivesTheSums()
    {
        string[][] sets = [Set(0, 120_000), Set(50_000, 110_000)];
        using var cores = new PsiMessaging.Cryptography.Memory.Cores(2);
        using var run = new HiddenExchange(sets[0], sets[1], DummyRule.Default, cores: cores) { Keeps = false };
        await run.SetUpAsync();
        var sums = run.Ask(1, (9, 12), 32, (side, position, column) => side == 1 ? (position % 9 == column ? 1UL : 0) : (position % 12 == column ? 1UL : 0));
        var expected = new ulong[9 * 12];
        for (var i = 50_000; i < 120_000; i++)
        {
            expected[((i - 50_000) % 9 * 12) + (i % 12)]++;
        }

        Assert.Equal(expected, sums);
    }
}
