using PsiMessaging.Analytics.Queries;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Party.Policy;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>
/// Answers that linker and contributing party release: right ones, kills at every write, and who sends something else. In the session nothing is said of fewer
/// than four records.
/// </summary>
public class ReleaseTests
{
    private const string Text = "count, sum(TAX) by SEX, REGION";

    private static string People => "IDKEY;SEX;AGE\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"K{i};{(i % 2 == 0 ? "F" : "M")};{20 + i}\n"));

    private static string Firms => "IDKEY;REGION;TAX\n"
        + string.Concat(Enumerable.Range(0, 40).Select(i => $"K{i};{(i is 1 or 3 ? "W" : i % 5 is 0 or 1 or 2 ? "N" : "S")};{i * 2}\n"));

    private static async Task<(TestNetwork Network, string Session)> ReadyAsync()
    {
        var network = new TestNetwork();
        await network.AddDataAsync(People, Firms, minCell: 4);
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        Assert.Null(session.FailureReason);
        await network.SendRowsAsync(session.Id);
        return (network, session.Id);
    }

    /// <summary>What a count over the plain records gives, less what the rule takes.</summary>
    private static string[] Plain()
    {
        var cells = Enumerable.Range(0, 40).GroupBy(i => (Sex: i % 2 == 0 ? "F" : "M", Region: i is 1 or 3 ? "W" : i % 5 is 0 or 1 or 2 ? "N" : "S"))
            .Select(group => (group.Key.Sex, group.Key.Region, Count: group.Count(), Sum: group.Sum(i => i * 2))).ToArray();

        // Two of the men are in W, which P2 puts aside: nobody left over and few are alike, and of either sex the smaller of the other regions goes.
        var shown = cells.GroupBy(cell => cell.Sex).Select(group => group.MaxBy(cell => cell.Count))
            .OrderBy(cell => cell.Sex + cell.Region, StringComparer.Ordinal).ToArray();
        return [.. shown.Select(cell => $"{cell.Sex}|{cell.Region}|{cell.Count}|{cell.Sum}"), $"(withheld)|(withheld)|{40 - shown.Sum(cell => cell.Count)}|"];
    }

    [Fact]
    public async Task Table_AskedByOne_IsThatOfThePlainRecordsLessWhatTheRuleTakes()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, Text));
            Assert.True(answer.Ok, answer.Message);
            Assert.Equal(Plain(), answer.Result!.Lines());
        }
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("P1")]
    [InlineData("P2")]
    [InlineData("LINKER")]
    public async Task KilledAtAnyWriteOfTheQuestion_TheAnswerIsTheSame(string victimName)
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            await KilledAtAnyWrite.OfAQuestionAsync(network, session, victimName, Text, 5, (_, answer) => Assert.Equal(Plain(), answer.Lines()));
        }
    }

    /// <summary>
    /// A worker that somebody has changed: it sends nine more in a row than its correction is of, or takes ten from its correction. The linker refuses both by
    /// name, and the session goes on. (Rows and correction that fit each other and are no zeros and ones: Analytics.Tests <c>ChangedAsker</c>.)
    /// </summary>
    [Theory]
    [InlineData("rows", "its correction is not that of its rows")]
    [InlineData("correction", "its correction is not that of its rows")]
    public async Task ChangedAsker_WhoSendsOtherRowsOrAnotherCorrection_IsRefused(string lie, string expected)
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            var (columns, bits) = (0, 0);
            network.Bend = envelope =>
            {
                if (envelope.Header.From != "P1" || envelope.Header.To != "LINKER")
                {
                    return [envelope.Frame.ToArray()];
                }

                (columns, bits) = envelope.Message is OpenProduct open ? (open.OwnColumns, open.WordBits) : (columns, bits);
                var body = (lie, envelope.Message) switch
                {
                    ("rows", MaskedRows rows) => Changed(envelope.Body, columns, rows.Rows, bits),
                    ("correction", MaskedCorrection) => BodyWords.Write(Less(BodyWords.Read(envelope.Body.Span), 10)),
                    _ => null,
                };
                return body is null ? [envelope.Frame.ToArray()]
                    : [Envelope.Create(network.P1.Home, "LINKER", session, envelope.Message!, body).Frame.ToArray()];
            };
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, Text));
            Assert.Equal((false, FailureCodes.BadContribution), (answer.Ok, answer.Code));
            Assert.Contains(expected, answer.Message, StringComparison.Ordinal);
            network.Bend = envelope => [envelope.Frame.ToArray()];
            Assert.Equal(Plain(), (await network.P1.CommandAsync(session, new SubmitQuery(session, Text))).Result!.Lines());
        }
    }

    /// <summary>
    /// What linker and contributing party see of a release, of two runs whose data have equal shapes and differ in which cells are large, small and empty:
    /// messages of the same sizes, and in them bits as of coins thrown.
    /// </summary>
    [Fact]
    public async Task CuriousLinkerAndContributor_OfOtherCounts_SeeMessagesThatLookAlike()
    {
        var views = new List<(string Sizes, byte[] Bits)>();
        foreach (var cut in new[] { (N: 20, S: 32), (N: 14, S: 22) })
        {
            // The women are the first twenty: in one run they are all in N, in the other in two regions.
            await using var network = new TestNetwork();
            await network.AddDataAsync(
                "IDKEY;SEX\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"K{i};{(i < 20 ? "F" : "M")}\n")),
                "IDKEY;REGION;TAX\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"K{i};{(i < cut.N ? "N" : i < cut.S ? "S" : "W")};{i * 2}\n")),
                minCell: 4);
            var (sizes, bits) = (new List<string>(), new List<byte>());
            network.Bend = envelope =>
            {
                if (envelope.Message is MaskedCorrection or ReleaseTransfer or ReleaseTables or ProductComputed)
                {
                    lock (sizes)
                    {
                        sizes.Add($"{envelope.Header.From} to {envelope.Header.To}: {envelope.Message.GetType().Name} {envelope.Body.Length}");
                        bits.AddRange(envelope.Message is ReleaseTransfer or ReleaseTables ? envelope.Body.ToArray() : []);
                    }
                }

                return [envelope.Frame.ToArray()];
            };
            network.Start();
            var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
            await network.SendRowsAsync(session.Id);
            Assert.True((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, Text))).Ok);
            views.Add((string.Join('\n', sizes.Order(StringComparer.Ordinal)), [.. bits]));
        }

        Assert.Contains(nameof(ReleaseTables), views[0].Sizes, StringComparison.Ordinal);
        Assert.Equal(views[0].Sizes, views[1].Sizes);
        foreach (var (_, bits) in views)
        {
            // Six standard deviations.
            var (all, ones) = (8.0 * bits.Length, bits.Sum(value => (double)int.PopCount(value)));
            Assert.InRange(ones, (all / 2) - (3 * Math.Sqrt(all)), (all / 2) + (3 * Math.Sqrt(all)));
        }

        // Nothing of one run is in the other.
        static IEnumerable<ulong> Words(byte[] bits) => Enumerable.Range(0, bits.Length / 8).Select(i => BitConverter.ToUInt64(bits, 8 * i));
        Assert.Empty(Words(views[0].Bits).Intersect(Words(views[1].Bits)));
    }

    /// <summary>An owner that takes questions only in which a changed worker is bound.</summary>
    [Theory]
    [InlineData("count, sum(TAX), mean(TAX) by SEX, REGION", null)]
    [InlineData("chisq(SEX, REGION)", null)]
    [InlineData("sum(AGE) by REGION", "nothing binds the asking party to the numbers of its column AGE")]
    [InlineData("sum(TAX) by SEX weight AGE", "nothing binds the asking party to the numbers of its column AGE")]
    [InlineData("ols(TAX ~ AGE)", "nothing binds the asking party to the rows of a regression")]
    [InlineData("median(TAX, 0 to 100 step 10)", null)]
    [InlineData("median(AGE, 0 to 100 step 10) by REGION", null)]
    [InlineData("median(TAX, 0 to 100 step 10) weight AGE", "nothing binds the asking party to the numbers of its column AGE")]
    public async Task OwnerWhoTakesBoundQuestionsOnly_RefusesTheOthers(string text, string? refused)
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            var policy = new PartyPolicy
            {
                Version = 1, Partners = new Dictionary<string, IReadOnlyList<PolicyGrant>> { ["P1"] = [PolicyGrant.Everything with { BoundOnly = true }] },
            };
            policy.Write(network.P2.Home.Path);
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, text));
            Assert.Equal(refused is not null, answer.Code == FailureCodes.NotGranted);
            Assert.Contains(refused ?? "", answer.Message ?? "", StringComparison.Ordinal);
        }
    }

    /// <summary>The others' messages of a release, altered: refused by name, or without an answer at the deadline; the session goes on.</summary>
    [Theory]
    [InlineData("tables", "the product is refused")]
    [InlineData("short-tables", "the release is refused")]
    [InlineData("sealed", "has not sealed what it releases")]
    [InlineData("labels", "opens to nothing")]
    [InlineData("program", "the release is refused")]
    public async Task Release_SomebodySendsSomethingElse_IsRefusedByName(string lie, string expected)
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            network.Bend = envelope =>
            {
                var body = envelope.Body.ToArray();
                var home = envelope.Header.From == "P2" ? network.P2.Home : network.Linker.Home;
                switch (lie, envelope.Message)
                {
                    case ("tables", ReleaseTables):
                        // Every row of the first circuit's gates: whatever is looked up, something is wrong.
                        for (var i = 0; i < 4096; i++)
                        {
                            body[i] ^= 0x5A;
                        }

                        break;
                    case ("short-tables", ReleaseTables):
                        body = body[..^1];
                        break;
                    case ("sealed", ReleaseTables):
                        body[^1] ^= 1;
                        break;
                    case ("labels", ProductComputed product):
                        body[8 * product.AskerColumns * product.PeerColumns] ^= 1;
                        break;
                    case ("program", MaskedCorrection) when envelope.Header.From == "P2":
                        body[^1] ^= 0xFF;
                        break;
                    default:
                        return [envelope.Frame.ToArray()];
                }

                return [Envelope.Create(home, envelope.Header.To, session, envelope.Message!, body).Frame.ToArray()];
            };
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, Text));
            Assert.Equal((false, FailureCodes.BadContribution), (answer.Ok, answer.Code));
            Assert.Contains(expected, answer.Message, StringComparison.Ordinal);
            network.Bend = envelope => [envelope.Frame.ToArray()];
            Assert.Equal(Plain(), (await network.P1.CommandAsync(session, new SubmitQuery(session, Text))).Result!.Lines());
        }
    }

    /// <summary>What binds the asking party comes from the other, and fits: else the question is refused before a row is multiplied.</summary>
    [Theory]
    [InlineData("no groups")]
    [InlineData("groups without end")]
    [InlineData("an offset twice")]
    [InlineData("an offset beyond the group")]
    [InlineData("no offset")]
    [InlineData("more offsets than columns")]
    [InlineData("a short seed")]
    [InlineData("the asking party's own")]
    [InlineData("none")]
    public async Task Binding_ThatCannotBe_IsRefusedByTheLinker(string lie)
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            network.Bend = envelope =>
            {
                if (envelope.Message is not OpenProduct open || (lie == "the asking party's own") != (envelope.Header.From == "P1"))
                {
                    return [envelope.Frame.ToArray()];
                }

                var honest = open.Binding ?? new ProductBinding(new byte[32], 1, 1, [0]);
                var bent = lie switch
                {
                    "no groups" => honest with { Groups = 0 },
                    "groups without end" => honest with { Groups = int.MaxValue, Width = int.MaxValue },
                    "an offset twice" => honest with { Offsets = [0, 0] },
                    "an offset beyond the group" => honest with { Offsets = [honest.Width] },
                    "no offset" => honest with { Offsets = [] },
                    "more offsets than columns" => honest with { Width = 100, Offsets = [.. Enumerable.Range(0, 64)] },
                    "a short seed" => honest with { Seed = new byte[31] },
                    "none" => null,
                    _ => honest,
                };
                var home = envelope.Header.From == "P1" ? network.P1.Home : network.P2.Home;
                return [Envelope.Create(home, "LINKER", session, open with { Binding = bent }).Frame.ToArray()];
            };
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, Text));
            Assert.Equal((false, FailureCodes.BadContribution), (answer.Ok, answer.Code));
            Assert.Contains(lie == "none" ? "masked rows that do not fit" : "in a way that cannot be", answer.Message, StringComparison.Ordinal);
            network.Bend = envelope => [envelope.Frame.ToArray()];
            Assert.Equal(Plain(), (await network.P1.CommandAsync(session, new SubmitQuery(session, Text))).Result!.Lines());
        }
    }

    /// <summary>
    /// A linker that alters its transfer gets no table: the contributing party stops, the question ends at its deadline, and the session goes on.
    /// </summary>
    [Fact]
    public async Task HostileLinker_WhoAltersItsTransfer_GetsNoTables()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            var tables = 0;
            network.Bend = envelope =>
            {
                Interlocked.Add(ref tables, envelope.Message is ReleaseTables ? 1 : 0);
                if (envelope.Message is not ReleaseTransfer)
                {
                    return [envelope.Frame.ToArray()];
                }

                var body = envelope.Body.ToArray();
                body[100] ^= 1;
                return [Envelope.Create(network.Linker.Home, "P2", session, envelope.Message, body).Frame.ToArray()];
            };
            var answer = await network.P1.CommandAsync(session, new SubmitQuery(session, Text, DeadlineSeconds: 3));
            Assert.Equal((false, FailureCodes.Deadline, 0), (answer.Ok, answer.Code, tables));
            await TestNetwork.EventuallyAsync(() => network.P2.Session()!.OpenQueries.Count == 0);
            network.Bend = envelope => [envelope.Frame.ToArray()];
            Assert.Equal(Plain(), (await network.P1.CommandAsync(session, new SubmitQuery(session, Text))).Result!.Lines());
        }
    }

    private static ulong[] Less(ulong[] words, ulong number)
    {
        words[0] -= number;
        return words;
    }

    /// <summary>Nine more in the first row's first column.</summary>
    private static byte[] Changed(ReadOnlyMemory<byte> body, int columns, int rows, int bits)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, body.Span);
            using var reader = new MaskedReader();
            var words = new ulong[columns * rows];
            reader.Read(path, columns, words, bits);
            words[0] += 9;
            return MaskedBatch.WriteAsync(words, rows, columns, bits).GetAwaiter().GetResult().ToArray();
        }
        finally
        {
            File.Delete(path);
        }
    }
}
