using System.Text;
using System.Text.Json.Nodes;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Party.Policy;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>
/// The promise: with engine masked the linker learns sizes only. Its whole view, every frame it received and every file it stored, of two runs whose data have
/// equal sizes and differ in everything else: all that is not masked must be equal but for names drawn at random, and the masked words must pass for coins
/// thrown. The same test must fail with engine tokens, since that engine shows each column's histogram: words repeat, as often as values do.
/// </summary>
[Trait("Speed", "Slow")]
public class LinkerViewTests
{
    private const int Rows = 400;

    private sealed record View(string Plain, byte[] Payload, string Files, string Shown);

    [Fact]
    public async Task Masked_TwoRunsOfEqualSizes_LookAlikeAndRandom()
    {
        var (first, second) = (await RunAsync("masked", 1), await RunAsync("masked", 2));
        Assert.Equal(first.Plain, second.Plain);
        Assert.Equal(first.Files, second.Files);
        foreach (var view in new[] { first, second })
        {
            Assert.Empty(Faults(view.Payload));
        }

        // And nothing of one run helps with the other.
        Assert.Empty(Words(first.Payload).Intersect(Words(second.Payload)));
    }

    /// <summary>
    /// The same where the answer is released: groups of as many bits, cells that are all large in one run and of which some are small or empty in the
    /// other, where lines are withheld; a regression that is withheld in both. The release's programs are the same; tables and
    /// what is sealed pass for coins thrown.
    /// </summary>
    [Fact]
    public async Task Released_TwoRunsOfEqualShapes_LookAlikeAndRandom()
    {
        var (first, second) = (await RunAsync("masked", 1, minCell: 10), await RunAsync("masked", 3, minCell: 10));
        Assert.Equal(first.Plain, second.Plain);
        Assert.Contains("ReleaseTables", first.Plain, StringComparison.Ordinal);
        Assert.Equal(first.Files, second.Files);
        Assert.All(new[] { first, second }, view => Assert.Empty(Faults(view.Payload)));
        Assert.Empty(Words(first.Payload).Intersect(Words(second.Payload)));

        // Lines and cells that are withheld: none in one run.
        Assert.DoesNotMatch("[1-9]", first.Shown);
        Assert.Matches("[1-9]", second.Shown);
    }

    /// <summary>
    /// The same with noise by cell keys: of counts and of keys nothing is there, and the program, the same in both, has the law of the noise alone. A cell is
    /// empty in one run and large in the other.
    /// </summary>
    [Fact]
    public async Task CellKeys_TwoRunsOfEqualShapes_LookAlikeAndRandom()
    {
        var noise = new PolicyNoise { Law = NoiseKind.CellKey, Variance = 1.08m, Deviation = 2 };
        var (first, second) = (await RunAsync("masked", 1, minCell: 10, noise), await RunAsync("masked", 3, minCell: 10, noise));
        Assert.Equal(first.Plain, second.Plain);
        Assert.Contains("ReleaseTables", first.Plain, StringComparison.Ordinal);
        Assert.Equal(first.Files, second.Files);
        Assert.All(new[] { first, second }, view => Assert.Empty(Faults(view.Payload)));
        Assert.Empty(Words(first.Payload).Intersect(Words(second.Payload)));
        Assert.NotEqual(first.Shown, second.Shown);

        // And it is another view than that of exact answers.
        Assert.NotEqual(first.Plain, (await RunAsync("masked", 1, minCell: 10)).Plain);
    }

    [Fact]
    public async Task Tokens_TheSameTest_Fails()
    {
        var (first, second) = (await RunAsync("tokens", 1), await RunAsync("tokens", 2));

        // Sizes are padded and tell nothing; equal values are equal ciphertexts, and how many there are depends on the data.
        Assert.Equal(first.Plain, second.Plain);
        var repeats =
                new[] { first, second }.Select(view => Assert.Single(Faults(view.Payload), fault => fault.StartsWith("words repeat", StringComparison.Ordinal)))
            .ToArray();
        Assert.NotEqual(repeats[0], repeats[1]);
    }

    [Fact]
    public void Faults_OfBiasedWords_AreFound()
    {
        // The tests themselves: each must see what it is there for.
        var random = System.Security.Cryptography.RandomNumberGenerator.GetBytes(80_000);
        Assert.Empty(Faults(random));
        var biased = random.ToArray();
        for (var i = 0; i < biased.Length; i += 20)
        {
            biased[i] |= 0x80;
        }

        Assert.Contains(Faults(biased), fault => fault.StartsWith("bits", StringComparison.Ordinal) || fault.StartsWith("bytes", StringComparison.Ordinal));
        Assert.Contains(Faults([.. random[..40_000], .. random[..40_000]]), fault => fault.StartsWith("words repeat", StringComparison.Ordinal));
        Assert.Contains(Faults([.. Enumerable.Range(0, 80_000).Select(i => (byte)(i * 31))]),
            fault => fault.StartsWith("neighbours", StringComparison.Ordinal) || fault.StartsWith("words repeat", StringComparison.Ordinal));
    }

    private static string Person(int variant, int i) => variant switch
    {
        1 => $"P{i};{i % 2};{(i * 7 % 91) + 10};{"ABC"[i % 3]}",
        2 => $"Q{i};{(i < Rows / 10 ? 0 : 1)};{(i % 2) + 50};{"XYZ"[i < 3 ? i : 0]}",
        _ => $"R{i};{(i < 150 ? 0 : 1)};{(i % 5) + 50};{"DEF"[i < 200 ? 0 : i < 360 ? 1 : 2]}",
    };

    private static string Firm(int variant, int i) => variant switch
    {
        1 => $"P{i};{(i * 13 % 800) + 100};{"uv"[i % 2]}",
        2 => $"Q{i};{(i % 3) + 500};{"st"[i < 5 ? 0 : 1]}",
        _ => $"R{i};{(i % 3) + 500};{"wx"[i is >= 195 and < 300 ? 0 : 1]}",
    };

    private static async Task<View> RunAsync(string engine, int variant, int minCell = 1, PolicyNoise? noise = null)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync("IDKEY;S;A;G\n" + string.Concat(Enumerable.Range(0, Rows).Select(i => Person(variant, i) + "\n")), "IDKEY;T;H\n"
            + string.Concat(Enumerable.Range(0, Rows).Select(i => Firm(variant, i) + "\n")), minCell: minCell);
        var shown = new StringBuilder();
        var files = new StringBuilder();
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: engine));
        if (noise is not null)
        {
            (PartyPolicy.Open with { Noise = new Dictionary<string, PolicyNoise> { ["bi"] = noise } }).Write(network.P2.Home.Path);
        }

        await network.SendRowsAsync(session.Id);

        // With a minimum of 1 only bins that somebody is in have a column; how many those are is a size.
        string[] quantiles = minCell > 1 ? ["quantile(A, 0.1, 0.5, 0 to 110 step 10) by H", "median(T, 0 to 1000 step 100) by G"] : [];
        string[] asked = noise is not null ? ["G, H", "count by S, H where G != 'q' with totals", "H"] : engine == "masked"
            ? ["G, H", "mean(A), sum(T), corr(A, T) by S", "ols(T ~ A + C(G)) where H != 'q'", .. quantiles] : ["G, H"];
        foreach (var text in asked)
        {
            var answer = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, text));
            Assert.True(answer.Ok || minCell > 1, answer.Message);
            shown.AppendLine(answer.Ok ? string.Join('\n', answer.Result!.Answer.Rows.Select(row => row.Count(cell => cell.IsWithheld))) : answer.Code);
        }

        // A product's files go in a turn after the one that ends it.
        var stored = network.Linker.Home.SessionPath(session.Id);
        await TestNetwork.EventuallyAsync(() => engine != "masked" || Directory.GetFiles(stored, "*.parquet", SearchOption.AllDirectories).Length == 0);

        // What it stores: the state's size is that of its messages; files by name, without what is random in them, and size.
        foreach (var file in Directory.GetFiles(stored, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            files.AppendLine($"{Path.GetFileName(file)} {new FileInfo(file).Length}");
        }

        // Which of two messages that are on their way at once is first is chance.
        var (plain, payload, open) = (new List<string>(), new MemoryStream(), new Dictionary<string, OpenProduct>(StringComparer.Ordinal));
        foreach (var party in new[] { "P1", "P2" })
        {
            foreach (var envelope in network.Wire.Where(envelope => envelope.Header.To == "LINKER" && envelope.Header.From == party))
            {
                var message = JsonNode.Parse(ContractCatalog.Serialize(envelope.Message))!.AsObject();
                foreach (var random in new[] { "sessionId", "queryId", "transcript", "columns" })
                {
                    // Drawn at random, or derived from what was: their number and length stay in the comparison.
                    if (message[random] is JsonArray names)
                    {
                        message[random] = names.Count;
                    }
                    else if (message.ContainsKey(random))
                    {
                        message[random] = message[random]!.ToString().Length;
                    }
                }

                if (message["binding"] is JsonObject binding)
                {
                    binding["seed"] = binding["seed"]!.ToString().Length;
                }

                plain.Add($"{envelope.Header.From} {envelope.Header.Type} {message.ToJsonString()} {envelope.Body.Length}");
                if (envelope.Message is OpenProduct opened)
                {
                    open[opened.QueryId] = opened;
                }

                Extract(envelope, payload, plain, open);
            }
        }

        plain.Sort(StringComparer.Ordinal);
        return new View(string.Join('\n', plain), payload.ToArray(), files.ToString(), shown.ToString());
    }

    /// <summary>The part of a frame that is masked or encrypted, without the Parquet around it; what is neither is plain.</summary>
    private static void Extract(Envelope envelope, MemoryStream payload, List<string> plain, Dictionary<string, OpenProduct> open)
    {
        switch (envelope.Message)
        {
            case MaskedRows rows:
                var path = Path.Combine(Path.GetTempPath(), $"psi-view-{Environment.ProcessId}-{Guid.CreateVersion7():N}.parquet");
                File.WriteAllBytes(path, envelope.Body.ToArray());
                var opened = open[rows.QueryId];
                var columns = opened.OwnColumns - (opened.Binding is null ? 0 : BindingLayout.FromSeed);
                var words = new ulong[rows.Rows * columns];
                using (var reader = new MaskedReader())
                {
                    reader.Read(path, columns, words, opened.WordBits);
                }

                File.Delete(path);
                WritePacked(words, opened.WordBits, payload);
                break;
            case MaskedCorrection correction:
                var product = open[correction.QueryId];
                var masked = 8 * ((product.OwnColumns * product.PeerColumns) + (product.Binding is { } bound ? product.PeerColumns + bound.Offsets.Count : 0));
                WritePacked(BodyWords.Read(envelope.Body.Span[..masked]), product.WordBits, payload);
                plain.Add($"{envelope.Header.From} program of {envelope.Body.Length - masked} bytes "
                    + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(envelope.Body.Span[masked..])));
                break;
            case ReleaseTables:
                payload.Write(envelope.Body.Span);
                break;
            case DatasetBatch:
                payload.Write(envelope.Body.Span);
                break;
        }
    }

    /// <summary>Words one behind the other, and of their last byte what is whole.</summary>
    private static void WritePacked(ulong[] words, int bits, MemoryStream payload)
    {
        Assert.All(words, word => Assert.Equal(0UL, word & ~PackedWords.Mask(bits)));
        var packed = new byte[PackedWords.SizeBytes(words.Length, bits)];
        PackedWords.Write(words, bits, packed);
        payload.Write(packed.AsSpan(0, words.Length * bits / 8));
    }

    private static IEnumerable<ulong> Words(byte[] payload) =>
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(payload.AsSpan(0, payload.Length / 8 * 8)).ToArray();

    /// <summary>What tells a payload from uniformly random words, each at odds below one in a million for true randomness.</summary>
    private static List<string> Faults(byte[] payload)
    {
        var faults = new List<string>();
        var words = Words(payload).ToArray();

        // Collisions: among N random words of 64 bits a repeat has odds N²/2^65.
        var repeats = words.Length - words.Distinct().Count();
        if (repeats > 0)
        {
            faults.Add($"words repeat: {repeats} of {words.Length}");
        }

        // Each of the 64 places of a word is set half the time: within 6 standard deviations.
        for (var bit = 0; bit < 64; bit++)
        {
            var ones = words.Count(word => ((word >> bit) & 1) == 1);
            if (Math.Abs(ones - (words.Length / 2.0)) > 6 * Math.Sqrt(words.Length) / 2)
            {
                faults.Add($"bits: place {bit} is set {ones} of {words.Length} times");
            }
        }

        // All 256 bytes are equally frequent: chi-square with 255 degrees of freedom, normal approximation, 6 standard deviations.
        var counts = new int[256];
        foreach (var value in payload)
        {
            counts[value]++;
        }

        var expected = payload.Length / 256.0;
        var statistic = counts.Sum(count => (count - expected) * (count - expected) / expected);
        if (Math.Abs(statistic - 255) > 6 * Math.Sqrt(2 * 255))
        {
            faults.Add($"bytes: chi-square {statistic:F0} with 255 degrees of freedom");
        }

        // Neighbouring words have nothing to do with each other: bits of their difference are set half the time.
        var pairs = words.Zip(words.Skip(1), (left, right) => (double)ulong.PopCount(left ^ right)).ToArray();
        if (Math.Abs(pairs.Sum() - (32.0 * pairs.Length)) > 6 * Math.Sqrt(64.0 * pairs.Length) / 2)
        {
            faults.Add($"neighbours: {pairs.Average():F3} of 64 bits differ on average");
        }

        return faults;
    }
}
