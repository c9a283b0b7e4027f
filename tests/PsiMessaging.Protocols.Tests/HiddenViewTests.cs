using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Batches;
using PsiMessaging.Cryptography.HiddenIntersection;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Testing;

namespace PsiMessaging.Protocols.Tests;

/// <summary>
/// What each of the three sees of a hidden intersection: views of runs that differ in which records are matched are as long and pass the same tests of
/// randomness, and these tests fail when one protective step is taken away (here, by a participant of the test's own making).
/// </summary>
public sealed class HiddenViewTests
{
    private const int Size = 2000, Common = 700, P = 3, Q = 2, WordBits = 64;

    /// <summary>The first records are matched, or records here and there.</summary>
    private static (string[] Initiator, string[] Responder) Sets(bool scattered)
    {
        var mine = Enumerable.Range(0, Size).Select(i => $"A{i:D6}").ToArray();
        var theirs = Enumerable.Range(0, Size).Select(i => $"B{i:D6}").ToArray();
        for (var i = 0; i < Common; i++)
        {
            theirs[scattered ? i * 17 % Size : i] = mine[scattered ? i * 7 % Size : i];
        }

        return (mine, theirs);
    }

    private static async Task<HiddenExchange> RunAsync(
        (string[] Initiator, string[] Responder) sets, Func<HiddenExchange, HiddenMessage, byte[]>? onTheWay = null, DummyRule? dummies = null)
    {
        var run = new HiddenExchange(sets.Initiator, sets.Responder, dummies ?? DummyRule.Default, seed: 5);
        run.OnTheWay = message => onTheWay is null ? message.Bytes : onTheWay(run, message);
        await run.SetUpAsync();

        // Marks of zero and one, as counts have them: what is unmasked of them is seen at once.
        run.Ask(0, (P, Q), WordBits, (_, position, column) => (ulong)(position + column) % 2);
        run.Ask(1, (P, Q), WordBits, (_, position, column) => (ulong)(position + column) % 2);
        return run;
    }

    private static byte[] Of(HiddenExchange run, char from, char to, string name) =>
        [.. run.Messages.Where(message => message.From == from && message.To == to && message.Name == name).SelectMany(message => message.Bytes)];

    private static string Shape(HiddenExchange run, Func<HiddenMessage, bool> which) => string.Join('\n', run.Messages.Where(which)
        .Select(message => $"{message.From}{message.To} {message.Name} {message.Sequence} {message.Bytes.Length}"));

    private static void AddUnlessUniform(List<string> faults, string name, ReadOnlySpan<byte> bytes)
    {
        var counts = new int[256];
        foreach (var value in bytes)
        {
            counts[value]++;
        }

        // Chi-square with 255 degrees of freedom, normal approximation, 6 standard deviations.
        var expected = bytes.Length / 256.0;
        var statistic = counts.Sum(count => (count - expected) * (count - expected) / expected);
        if (statistic > 255 + (6 * Math.Sqrt(2 * 255)))
        {
            faults.Add($"{name}: chi-square {statistic:F0} with 255 degrees of freedom");
        }
    }

    /// <summary>Wald and Wolfowitz: whether matched places come in longer or shorter runs than by chance.</summary>
    private static void AddUnlessMixed(List<string> faults, string name, bool[] matched)
    {
        double n = matched.Length, ones = matched.Count(bit => bit), zeros = n - ones;
        var runs = 1 + Enumerable.Range(1, matched.Length - 1).Count(i => matched[i] != matched[i - 1]);
        var mean = 1 + (2 * ones * zeros / n);
        var deviation = Math.Sqrt((mean - 1) * (mean - 2) / (n - 1));
        if (Math.Abs(runs - mean) > 6 * deviation)
        {
            faults.Add($"{name}: {runs} runs of matched places in the place of {mean:F0} ± {deviation:F0}");
        }
    }

    /// <summary>What is wrong with the linker's view but for lengths: everything it holds, and everything it can make of its keys and the uploads.</summary>
    /// <param name="run">The run.</param>
    /// <param name="keysOf">The keys it holds of a contributing party's records, in the direction of an asking party; null for those of the transfer.</param>
    /// <param name="orderOf">In which order a party's tokens came, as places in the product's order; null for that.</param>
    private static List<string> FaultsOfLinker(HiddenExchange run, Func<int, Vector128<byte>[]>? keysOf = null, Func<int, int[]>? orderOf = null)
    {
        var faults = new List<string>();
        for (var asker = 0; asker < 2; asker++)
        {
            using var records = run.Linker.RecordsFor(asker == 0);
            using var others = run.Linker.RecordsFor(asker != 0);
            var (keys, ownKeys) = (keysOf?.Invoke(asker) ?? records.Keys.ToArray(), keysOf?.Invoke(1 - asker) ?? others.Keys.ToArray());
            var (a, b) = ("12"[asker], "21"[asker]);
            AddUnlessUniform(faults, $"tokens of {a}", LowBytes(Of(run, a, 'L', "tokens"), run.Parties[asker].TokensCut.ElementSizeBytes));
            AddUnlessUniform(faults, $"covered keys of {a}", Of(run, a, 'L', "covered keys"));
            AddUnlessUniform(faults, $"asked rows of {a}", Of(run, a, 'L', "asked rows"));
            AddUnlessUniform(faults, $"contributed rows of {b}", Of(run, b, 'L', "contributed rows"));
            AddUnlessUniform(faults, $"keys in the direction of {a}", MemoryMarshal.AsBytes(keys.AsSpan()));
            var places = orderOf?.Invoke(1 - asker) ?? [.. Enumerable.Range(0, records.ContributorRecords)];
            AddUnlessMixed(faults, $"matched records of {b}", [.. places.Select(place => records.PartnerOf(place) >= 0)]);

            // Uploads less the masks under keys that it holds: of the matched record, and of the same party's records in the other direction.
            var (rows, question) = (Of(run, a, 'L', "asked rows"), Of(run, a, 'L', "triple")[..16]);
            var matched = Enumerable.Range(0, records.ContributorRecords).Where(j => records.PartnerOf(j) >= 0).ToArray();
            AddUnlessUniform(faults, $"rows of {a}, unmasked by keys of {b}",
                Unmasked(rows, question, [.. matched.Select(records.PartnerOf)], [.. matched.Select(j => keys[j])]));
            AddUnlessUniform(faults, $"rows of {a}, unmasked by keys of {a}", Unmasked(rows, question, [.. Enumerable.Range(0, ownKeys.Length)], ownKeys));
        }

        return faults;
    }

    /// <summary>Sorted tokens begin with bytes that ascend; the others are as they were drawn.</summary>
    private static byte[] LowBytes(byte[] tokens, int size) => [.. tokens.Where((_, i) => i % size >= 3)];

    private static byte[] Unmasked(byte[] rows, byte[] question, int[] places, Vector128<byte>[] keys)
    {
        using var mask = new RecordMask(question);
        var words = new ulong[keys.Length * P];
        mask.Fill(keys, P, words);
        var unmasked = new byte[words.Length * 8];
        for (var i = 0; i < keys.Length; i++)
        {
            for (var column = 0; column < P; column++)
            {
                var sent = BinaryPrimitives.ReadUInt64LittleEndian(rows.AsSpan(((places[i] * P) + column) * 8));
                BinaryPrimitives.WriteUInt64LittleEndian(unmasked.AsSpan(((i * P) + column) * 8), sent - words[(column * keys.Length) + i]);
            }
        }

        return unmasked;
    }

    [Fact]
    public async Task Linker_OtherRecordsAreMatched_SeesTheSame()
    {
        using var first = await RunAsync(Sets(scattered: false));
        using var second = await RunAsync(Sets(scattered: true));
        Assert.Equal(first.Matched, second.Matched);
        Assert.Equal(Shape(first, message => message.To == 'L' || message.From == 'L'), Shape(second, message => message.To == 'L' || message.From == 'L'));
        Assert.Empty(FaultsOfLinker(first));
        Assert.Empty(FaultsOfLinker(second));
        Assert.NotEqual(Of(first, '1', 'L', "tokens"), Of(second, '2', 'L', "tokens"));
    }

    /// <summary>The same test, where the transfer carries one key for both directions.</summary>
    [Fact]
    public async Task Linker_OneKeyForBothDirections_IsSeen()
    {
        using var run = await RunAsync(Sets(scattered: true), (exchange, message) =>
        {
            if (message.Name != "covered keys")
            {
                return message.Bytes;
            }

            // κ' ⊕ κ on top of what covers κ': the party sends the key of its own uploads.
            var party = exchange.Parties[message.From - '1'];
            var bytes = message.Bytes.ToArray();
            Span<byte> mine = MemoryMarshal.AsBytes(party.UploadKeys.Span), peers = MemoryMarshal.AsBytes(party.PeerKeys.Span);
            for (var i = 0; i < bytes.Length; i++)
            {
                bytes[i] ^= (byte)(mine[i] ^ peers[i]);
            }

            return bytes;
        });
        Assert.Contains(FaultsOfLinker(run), fault => fault.StartsWith("rows of 1, unmasked by keys of 1", StringComparison.Ordinal));
        Assert.Contains(FaultsOfLinker(run), fault => fault.StartsWith("rows of 2, unmasked by keys of 2", StringComparison.Ordinal));
    }

    /// <summary>The same test, where keys are sent in the place of the transfer.</summary>
    [Fact]
    public async Task Linker_KeysInTheClear_AreSeen()
    {
        using var run = await RunAsync(Sets(scattered: true));
        var faults = FaultsOfLinker(run, keysOf: asker => run.Parties[1 - asker].PeerKeys.Span.ToArray());
        Assert.Contains(faults, fault => fault.StartsWith("rows of 1, unmasked by keys of 2", StringComparison.Ordinal));
        Assert.Contains(faults, fault => fault.StartsWith("rows of 2, unmasked by keys of 1", StringComparison.Ordinal));
    }

    /// <summary>The same test, where tokens come in the order of the data set.</summary>
    [Fact]
    public async Task Linker_TokensInTheOrderOfTheDataset_IsSeen()
    {
        using var run = await RunAsync(Sets(scattered: false));
        var faults = FaultsOfLinker(run, orderOf: side => [.. Enumerable.Range(0, run.Parties[side].OwnRecords)
            .Where(place => run.Parties[side].PositionOf(place) >= 0).OrderBy(run.Parties[side].PositionOf)]);
        Assert.Contains(faults, fault => fault.StartsWith("matched records of 2", StringComparison.Ordinal));
        Assert.Contains(faults, fault => fault.StartsWith("matched records of 1", StringComparison.Ordinal));
    }

    /// <summary>The same test, where the rows of the contributing party go as they are.</summary>
    [Fact]
    public async Task Linker_RowsThatAreNotMasked_AreSeen()
    {
        using var run = await RunAsync(Sets(scattered: true), (_, message) =>
            message.Name == "contributed rows" ? new byte[message.Bytes.Length] : message.Bytes);
        Assert.Contains(FaultsOfLinker(run), fault => fault.StartsWith("contributed rows of", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Parties_OtherRecordsAndOtherNumbersAreMatched_SeeTheSame()
    {
        var apart = (Enumerable.Range(0, Size).Select(i => $"A{i:D6}").ToArray(), Enumerable.Range(0, Size).Select(i => $"B{i:D6}").ToArray());
        var equal = (apart.Item1, apart.Item1);
        var shapes = new HashSet<string>(StringComparer.Ordinal);
        foreach (var sets in new[] { Sets(scattered: false), Sets(scattered: true), apart, equal })
        {
            using var run = await RunAsync(sets);
            shapes.Add(Shape(run, _ => true));
            var faults = new List<string>();
            foreach (var party in new[] { '1', '2' })
            {
                AddUnlessUniform(faults, $"columns to {party}", Of(run, 'L', party, "columns"));
                AddUnlessUniform(faults, $"aligned rows to {party}", Of(run, 'L', party, "aligned rows"));
            }

            Assert.Empty(faults);
        }

        Assert.Single(shapes);
    }

    /// <summary>
    /// The asking party knows U, V and W_H. Without the cover it reads UᵀB off the linker's share: sums over all records of the other, matched or not.
    /// </summary>
    [Fact]
    public async Task Asker_WhoDealt_ReadsNothingOffOneShare()
    {
        using var run = await RunAsync(Sets(scattered: true));
        var (dealt, shape) = (Of(run, '1', 'L', "triple"), new HiddenShape(run.Parties[0].OwnRecords, run.Parties[1].OwnRecords, P, Q, WordBits));
        var (key, u) = (dealt[..16], Words(dealt[16..48], dealt[..16], shape.ContributorRecords * P));
        var v = Words(Of(run, '1', '2', "triple seed")[..32], key, shape.ContributorRecords * Q);
        var b = new ulong[v.Length];
        for (var j = 0; j < shape.ContributorRecords; j++)
        {
            for (var column = 0; column < Q; column++)
            {
                var position = run.Parties[1].PositionOf(j);
                b[(column * shape.ContributorRecords) + j] = position < 0 ? 0 : (ulong)(position + column) % 2;
            }
        }

        Assert.Equal(1, shape.ContributedRows.Batches);
        var (ofAll, expected) = (MemoryMarshal.Cast<byte, ulong>(Of(run, 'L', '1', "linker's share")[..(8 * P * Q)]).ToArray(), new ulong[P * Q]);
        ColumnProducts.Add(u, P, b, Q, shape.ContributorRecords, expected);
        var known = new ulong[P * Q];
        ColumnProducts.Add(u, P, v, Q, shape.ContributorRecords, known);
        ColumnProducts.AddTo(ofAll, known);
        ColumnProducts.SubtractFrom(ofAll, Words(dealt[48..], key, P * Q));

        Assert.Empty(ofAll.Intersect(expected));
        ColumnProducts.SubtractFrom(ofAll, Words(Of(run, '2', 'L', "cover")[..32], key, P * Q));
        Assert.Equal(expected, ofAll);
    }

    private static ulong[] Words(byte[] seed, byte[] key, int count)
    {
        using var secret = SecretBytes.CopyOf(seed);
        using var stream = TripleStream.Open(secret, key);
        var words = new ulong[count];
        stream.Fill(0, words);
        return words;
    }

    [Fact]
    public async Task Restart_OfAllThree_SendsTheSameBytes()
    {
        using var first = await RunAsync(Sets(scattered: true));
        using var second = await RunAsync(Sets(scattered: true));
        Assert.Equal(first.Messages.Count, second.Messages.Count);
        Assert.All(first.Messages.Zip(second.Messages), pair => Assert.Equal(pair.First.Bytes, pair.Second.Bytes));
        using var third = new HiddenExchange(Sets(scattered: true).Initiator, Sets(scattered: true).Responder, DummyRule.Default, seed: 6);
        await third.SetUpAsync();
        Assert.NotEqual(Of(first, '1', 'L', "tokens"), Of(third, '1', 'L', "tokens"));
    }

    /// <summary>A party, and the linker, made anew and given again what each had received: a kill anywhere shows nothing new.</summary>
    [Fact]
    public async Task Restart_OfOneFromWhatItReceived_SendsTheSameBytes()
    {
        using var before = await RunAsync(Sets(scattered: true));
        using var after = new HiddenExchange(Sets(scattered: true).Initiator, Sets(scattered: true).Responder, DummyRule.Default, seed: 5);
        var (ofParty, ofLinker) = (0, 0);
        foreach (var message in before.Messages.TakeWhile(message => message.Name != "triple"))
        {
            if (message.From == '1' && await RepeatAsync(after.Parties[0], message) is var repeated)
            {
                Assert.Equal(message.Bytes, repeated);
                ofParty++;
            }
            else if (message.To == '1')
            {
                await GiveAsync(after.Parties[0], message);
            }

            if (message.From == 'L')
            {
                Assert.Equal(message.Bytes, Repeat(after.Linker, message));
                ofLinker++;
            }
            else if (message.To == 'L')
            {
                Give(after.Linker, message);
            }
        }

        // Rounds 1, 2, 3 and 7 as receiver, 1 and 4 as sender, tokens, choice and covered keys; offer, columns and opening for each party.
        Assert.Equal((9, 6), (ofParty, ofLinker));
    }

    private static Round RoundOf(PsiMessaging.Protocols.HiddenIntersection.HiddenParty party, HiddenMessage message, RoundDirection direction) =>
        party.Rounds.Single(round => round.Direction == direction
            && round.Number == int.Parse(message.Name.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture));

    private static async Task<byte[]> RepeatAsync(PsiMessaging.Protocols.HiddenIntersection.HiddenParty party, HiddenMessage message)
    {
        if (message.Name == "tokens" && message.Sequence == 0)
        {
            await party.FinishRoundsAsync();
        }

        return message.Name switch
        {
            "tokens" => party.Tokens(message.Sequence),
            "choice" => party.Choice,
            "covered keys" => party.CoveredKeys(message.Sequence),
            _ => await party.ProduceAsync(RoundOf(party, message, RoundDirection.Outgoing), message.Sequence),
        };
    }

    private static async Task GiveAsync(PsiMessaging.Protocols.HiddenIntersection.HiddenParty party, HiddenMessage message)
    {
        switch (message.Name)
        {
            case "offer":
                party.TakeOffer(message.Bytes);
                break;
            case "columns":
                party.TakeColumns(message.Sequence, message.Bytes);
                break;
            case "opening":
                party.TakeOpening(message.Bytes);
                break;
            default:
                await party.AbsorbAsync(RoundOf(party, message, RoundDirection.Incoming), message.Sequence, message.Bytes);
                break;
        }
    }

    private static byte[] Repeat(HiddenLinker linker, HiddenMessage message)
    {
        var transfer = linker.TransferOf(initiator: message.To == '1');
        if (message.Name == "columns" && message.Sequence == 0)
        {
            if (linker.Matched == 0)
            {
                linker.Match();
            }

            linker.Choose(ofInitiator: message.To == '1');
        }

        return message.Name switch { "offer" => transfer.Offer, "columns" => transfer.Columns(message.Sequence), _ => transfer.Opening };
    }

    private static void Give(HiddenLinker linker, HiddenMessage message)
    {
        var transfer = linker.TransferOf(initiator: message.From == '1');
        switch (message.Name)
        {
            case "tokens":
                linker.TakeTokens(message.From == '1', message.Sequence, message.Bytes);
                break;
            case "choice":
                transfer.TakeChoice(message.Bytes);
                break;
            default:
                transfer.TakeKeys(message.Sequence, message.Bytes);
                break;
        }
    }
}
