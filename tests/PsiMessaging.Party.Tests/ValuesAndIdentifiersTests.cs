using System.Globalization;
using System.Text.Json;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Types;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Result;
using PsiMessaging.Party.Session;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>Values compared as values by both engines, and identifiers from the file to the result.</summary>
[Trait("Speed", "Slow")]
public class ValuesAndIdentifiersTests
{
    private static string[] Codes(int from, int count, string prefix = "") =>
        [.. Enumerable.Range(from, count).Select(i => prefix + i.ToString(CultureInfo.InvariantCulture))];

    private static string Csv(IEnumerable<string> ids) => "IDKEY;A\n" + string.Concat(ids.Select((id, i) => $"{id};{i % 3}\n"));

    /// <summary>The same values in many spellings, asked with both engines, against counting them in memory.</summary>
    /// <summary>190 rows of one identifier: what nearly all rows have in common would be that identifier's form.</summary>
    [Fact]
    public async Task IdentifierThatMostRowsRepeat_IsNotDescribedToThePeer()
    {
        await using var network = new TestNetwork();
        var few = string.Concat(Enumerable.Range(0, 9).Select(i => $"{i}-{i};x\n"));
        await network.AddDataAsync("IDKEY;A\n" + string.Concat(Enumerable.Repeat("ABCDEFGHIJK;x\n", 190))
            + few, "IDKEY;B\n" + few + "ABCDEFGHIJK;y\n", DuplicateRule.First);
        network.Start();
        await network.IntersectAsync();
        Assert.Null(network.Wire.Select(envelope => envelope.Message).OfType<ProposeSession>().Single().KeyForms);
        Assert.NotNull(network.Wire.Select(envelope => envelope.Message).OfType<AcceptSession>().Single().KeyForms);
    }

    [Theory]
    [InlineData("masked")]
    [InlineData("tokens")]
    public async Task Values_SpelledInManyWays_AreCountedAsValues(string engine)
    {
        // A missing value is listed as a question mark.
        (string Spelling, string Value)[] children = [("1", "1"), ("1.0", "1"), (" 1", "1"),
            ("2.0", "2"), ("2", "2"), ("", "?"), ("\u00a0", "?"), ("-0", "0"), ("0", "0")];
        (string Spelling, string Value)[] wages = [("1.5", "1.5"), ("1.50", "1.5"), ("-2.25", "-2.25"), ("1e+2", "100"), ("100", "100"), ("", "?")];
        (string Spelling, string Value)[] regions = [("Nord", "Nord"), ("Nord ", "Nord"), (" Nord", "Nord"), ("Nord\u00a0", "Nord"), ("NORD", "NORD"),
            ("No\u0300rd", "Nòrd"), ("Nòrd", "Nòrd"), ("Nord\u200b", "Nord"), (" ", "?"), ("Nord  Est", "Nord Est"), ("Nord Est", "Nord Est")];
        (string Spelling, string Value)[] cells = [("1E2", "1E2"), ("100", "100"), ("12E3", "12E3"), ("", "?")];
        var state = 20UL;
        T Draw<T>(T[] from)
        {
            state = (state * 6364136223846793005UL) + 1442695040888963407UL;
            return from[(int)((state >> 33) % (ulong)from.Length)];
        }

        var rows = Enumerable.Range(0, 80)
            .Select(i => (Id: $"k{i}", Children: Draw(children), Wage: Draw(wages), Region: Draw(regions), Cell: Draw(cells))).ToArray();
        await using var network = new TestNetwork();
        await network.AddDataAsync(
            "IDKEY;CHILDREN;WAGE;REGION\n" + string.Concat(rows.Select(row => $"{row.Id};{row.Children.Spelling};{row.Wage.Spelling};{row.Region.Spelling}\n")),
            "IDKEY;CELL\n" + string.Concat(rows.Reverse().Select(row => $"{row.Id};{row.Cell.Spelling}\n")));
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: engine));
        Assert.True(session.State == SessionState.Completed, session.FailureReason);
        await network.SendRowsAsync(session.Id);
        async Task<string[]> AskAsync(string text, bool byP1 = true)
        {
            var answer = await (byP1 ? network.P1 : network.P2).CommandAsync(session.Id, new SubmitQuery(session.Id, text));
            Assert.True(answer.Ok, $"{text}: {answer.Message}");
            return [.. answer.Result!.Lines().Order(StringComparer.Ordinal)];
        }

        string[] Count(
                Func<(string Id, (string Spelling, string Value) Children, (string Spelling, string Value) Wage,
                    (string Spelling, string Value) Region, (string Spelling, string Value) Cell), string> key,
            string? only = null) =>
            [.. rows.GroupBy(key).Where(group => only is null || group.Key == only)
                .Select(group => only is null ? $"{group.Key}|{group.Count()}" : $"{group.Count()}").Order(StringComparer.Ordinal)];
        Assert.Equal(Count(row => row.Children.Value), await AskAsync("CHILDREN"));
        Assert.Equal(Count(row => row.Wage.Value), await AskAsync("WAGE", byP1: false));
        Assert.Equal(Count(row => row.Region.Value), await AskAsync("REGION"));
        Assert.Equal(Count(row => row.Cell.Value), await AskAsync("CELL"));
        Assert.Equal(Count(row => $"{row.Region.Value}|{row.Cell.Value}"), await AskAsync("REGION, CELL"));
        Assert.Equal(Count(row => row.Children.Value, "1"), await AskAsync("count where CHILDREN = 1"));
        Assert.Equal(Count(row => row.Wage.Value, "1.5"), await AskAsync("count where WAGE = 1.50"));
        Assert.Equal(Count(row => row.Region.Value, "Nòrd"), await AskAsync("count where REGION = 'No\u0300rd '", byP1: false));
        Assert.Equal(Count(row => row.Cell.Value, "100"), await AskAsync("count where CELL = '100'"));
        Assert.Equal(Count(row => row.Region.Value is "Nord" or "Nord Est" ? "in" : "out", "in"),
            await AskAsync("count where REGION in (' Nord', 'Nord\u00a0Est', 'Nord')"));
        Assert.Equal(Count(row => row.Children.Value is "?" or "1" ? "out" : "in", "in"), await AskAsync("count where CHILDREN != 1.0"));
        Assert.Equal(Count(row => row.Region.Value == "?" ? "missing" : "there", "missing"), await AskAsync("count where REGION is missing"));
        Assert.Equal(Count(row => row.Region.Value is "Nord" or "NORD" ? "north" : row.Region.Value == "?" ? "?" : "(other)"),
            await AskAsync("count by REGION in ('Nord ', 'NORD') as north"));
        var none = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "count where CHILDREN = 1.5"));
        Assert.True(none.Ok ? none.Result!.Lines().SequenceEqual(["0"]) : none.Code == FailureCodes.NothingSelected, none.Message);
    }

    [Theory]
    [InlineData(TextRule.Exact, TextRule.Normal)]
    [InlineData(TextRule.Normal, TextRule.Exact)]
    public async Task TextRules_ThatDiffer_AreRefusedByName(TextRule p1, TextRule p2)
    {
        await using var network = new TestNetwork();
        await network.P1.AddAsync("istat", Samples.Write(network.Folder, "istat.csv", Samples.Istat), texts: p1);
        await network.P2.AddAsync("bi", Samples.Write(network.Folder, "bi.csv", Samples.Bi), texts: p2);
        network.Start();
        Assert.True((await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh"))).Ok);
        var failed = await network.P1.WaitAsync(session => session.State == SessionState.Failed);
        Assert.Equal(FailureCodes.ProfileMismatch, failed.FailureCode);
        Assert.Contains($"texts {(p1 == TextRule.Exact ? "exact" : "normal")}", failed.FailureReason, StringComparison.Ordinal);
    }

    public static TheoryData<string, string[], string[], string?> Looks => new()
    {
        { "digits and prefixed codes", Codes(10_000_000, 20), Codes(10_000_000, 20, "P-"),
            "nearly all of P1 are digits, 8 characters; nearly all of P2 are with signs or blanks, upper case, 10 characters" },
        { "lost zeros", Codes(1_000_000, 20), Codes(1_000_000, 20, "0"), "7 characters; nearly all of P2 are digits, 8 characters" },
        { "case", Codes(100, 20, "AB"), Codes(100, 20, "ab"), "--case fold" },
        { "the same", Codes(10_000_000, 20), Codes(10_000_010, 20), null },
        { "counted up", Codes(1, 40), Codes(1, 400), null },
        { "too few to be described", Codes(10_000_000, 9), Codes(1, 9, "P-"), null },
    };

    [Theory]
    [MemberData(nameof(Looks))]
    public async Task IdentifiersThatLookDifferent_AreSaidAtBothPartiesBeforeTheRun(string kind, string[] p1, string[] p2, string? expected)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync(Csv(p1), Csv(p2));

        // What the parties say of themselves is in the hand-shake, and holds no character of an identifier.
        var forms = new List<IReadOnlyList<KeyForm>?>();
        network.Bend = envelope =>
        {
            if (envelope.Message is ProposeSession or AcceptSession)
            {
                lock (forms)
                {
                    forms.Add(envelope.Message is ProposeSession proposal ? proposal.KeyForms : ((AcceptSession)envelope.Message).KeyForms);
                }
            }

            return [envelope.Frame.ToArray()];
        };
        network.Start();
        var (one, other) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh"));
        Assert.Equal((SessionState.Completed, SessionState.Completed), (one.State, other.State));
        Assert.Equal(p1.Intersect(p2).Count(), one.IntersectionSize);
        Assert.Equal((expected is null, expected is null), (one.KeyWarning is null, other.KeyWarning is null));
        if (expected is not null)
        {
            Assert.Contains(expected, one.KeyWarning, StringComparison.Ordinal);
            Assert.Contains("nearly all of P1 are", other.KeyWarning, StringComparison.Ordinal);
        }

        Assert.Equal(2, forms.Count);
        Assert.True(kind == "too few to be described" ? forms.TrueForAll(form => form is null) : forms.TrueForAll(form => form is { Count: 1 }));
    }

    [Theory]
    [InlineData("hieroglyphs", null, 8)]
    [InlineData("digits", "UPPER", 8)]
    [InlineData("digits", null, 0)]
    [InlineData("digits", null, 65)]
    [InlineData("digits", null, -1)]
    public async Task KeyForms_OfAPeerThatCannotBe_AreRefused(string alphabet, string? letters, int length)
    {
        foreach (var cheat in new[] { "P1", "P2" })
        {
            await using var network = new TestNetwork();
            await network.AddDataAsync(Csv(Codes(100, 20)), Csv(Codes(110, 20)));
            IReadOnlyList<KeyForm> forms = [new KeyForm(alphabet, letters, length)];
            network.Bend = envelope => envelope.Header.From != cheat ? [envelope.Frame.ToArray()] : envelope.Message switch
            {
                ProposeSession proposal => [Envelope.Create(network.P1.Home, "P2", proposal.SessionId, proposal with { KeyForms = forms }).Frame.ToArray()],
                AcceptSession acceptance =>
                    [Envelope.Create(network.P2.Home, "P1", acceptance.SessionId, acceptance with { KeyForms = forms }).Frame.ToArray()],
                _ => [envelope.Frame.ToArray()],
            };
            network.Start();
            await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh"));
            var failed = await (cheat == "P1" ? network.P2 : network.P1).WaitAsync(session => session.State == SessionState.Failed);
            Assert.Equal(FailureCodes.Malformed, failed.FailureCode);
            Assert.DoesNotContain(alphabet == "hieroglyphs" ? alphabet : "UPPER", failed.FailureReason, StringComparison.Ordinal);
        }
    }

    /// <summary>A list that holds nothing where a form or a name belongs stops no inbox.</summary>
    [Theory]
    [InlineData("form")]
    [InlineData("name")]
    public async Task Proposal_WithNothingInAList_IsRefusedAndTheInboxGoesOn(string where)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        var bent = 0;
        network.Bend = envelope => envelope.Message is ProposeSession proposal && Interlocked.Increment(ref bent) == 1
            ? [Envelope.Create(network.P1.Home, "P2", proposal.SessionId,
                where == "form" ? proposal with { KeyForms = [null!] } : proposal with { KeyNames = [null!] }).Frame.ToArray()] : [envelope.Frame.ToArray()];
        network.Start();
        var first = await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh"));
        await TestNetwork.EventuallyAsync(() => network.P2.Engine!.Refused.Total == 1);
        await network.P1.CommandAsync(first.SessionId!, new CancelSession(first.SessionId!));
        var second = await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh"));
        var completed = await network.P2.WaitAsync(session => session.Id == second.SessionId && session.IsEnded);
        Assert.Equal((SessionState.Completed, 4), (completed.State, completed.IntersectionSize ?? 0));
    }

    /// <summary>The lists of both parties are one; the lists that join to their own files join to them, spelling by spelling and record by record.</summary>
    [Fact]
    public async Task Result_OfIdentifiersSpelledDifferently_JoinsToEachOwnFile()
    {
        string[] p1 = ["SURNAME,BORN,AGE", "\" Rossi  Mario\",1990,1", "NA,1991,9", "bianchi,1992,2",
            "cafe\u0301,1993,3", "½,1994,4", "=\"00123\",1995,5", "Straße,1996,6", "only here,1997,7"];
        string[] p2 = ["NOME,NATO,X", "caf\u00e9,1993,1", "\"ROSSI MARIO\",1990,2",
            "Bianchi,1992,3", "1⁄2,1994,4", "00123,1995,5", "STRASSE,1996,6", "NA,1991,7"];
        await using var network = new TestNetwork();
        foreach (var (participant, name, lines, key) in new[] { (network.P1, "istat", p1, "SURNAME,BORN"), (network.P2, "bi", p2, "NOME,NATO") })
        {
            await participant.AddAsync(name, Samples.Write(network.Folder, name + ".csv", string.Join('\n', lines) + "\n"), key: key, fold: true);
        }

        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh"));
        Assert.Equal(6, session.IntersectionSize);
        Assert.Equal(network.P1.Intersection(session.Id), network.P2.Intersection(session.Id));
        var common = network.P1.Intersection(session.Id).Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..];
        foreach (var (participant, lines) in new[] { (network.P1, p1), (network.P2, p2) })
        {
            var own = File.ReadAllLines(Path.Combine(participant.Home.SessionPath(session.Id), IntersectionFile.OwnName));
            Assert.Equal(string.Join(',', lines[0].Split(',')[..2]) + ",record,canonical_1,canonical_2", own[0]);
            var records = own[1..].Select(line => (Fields: Fields(line), Line: line)).ToArray();

            // The number leads to the record, which begins with the very key; the canonical forms are those of the list both have.
            Assert.All(records, record => Assert.Equal(record.Fields[..2], Fields(lines[int.Parse(record.Fields[2], CultureInfo.InvariantCulture)])[..2]));
            Assert.Equal(common.Order(StringComparer.Ordinal), records.Select(record => string.Join(',', record.Fields[3..])).Order(StringComparer.Ordinal));
            Assert.Equal(records.Select(record => int.Parse(record.Fields[2], CultureInfo.InvariantCulture))
                .Order(), records.Select(record => int.Parse(record.Fields[2], CultureInfo.InvariantCulture)));
        }

        // Enough of CSV for this file: commas outside quotes, doubled quotes inside.
        static string[] Fields(string line)
        {
            var (fields, quoted) = (new List<string> { "" }, false);
            for (var i = 0; i < line.Length; i++)
            {
                if (line[i] == '"' && (quoted || fields[^1].Length == 0))
                {
                    if (quoted && i + 1 < line.Length && line[i + 1] == '"')
                    {
                        fields[^1] += line[i++];
                    }
                    else
                    {
                        quoted = !quoted;
                    }
                }
                else if (line[i] == ',' && !quoted)
                {
                    fields.Add("");
                }
                else
                {
                    fields[^1] += line[i];
                }
            }

            return [.. fields];
        }
    }

    [Fact]
    public async Task Dataset_OfOlderRules_IsRefusedWithTheCommandsThatMendIt()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        foreach (var (participant, name) in new[] { (network.P1, "istat"), (network.P2, "bi") })
        {
            using IParticipantStore store = new SqliteParticipantStore(participant.Home.StatePath);
            var document = System.Text.Json.Nodes.JsonNode.Parse(store.Read(transaction => transaction.FindDocument("dataset", name))!)!.AsObject();

            // As the build before these rules wrote it.
            foreach (var member in new[] { "rules", "texts", "missingWords", "keyForms", "wholeNumbers" })
            {
                Assert.True(document.Remove(member), member);
            }

            store.Write(transaction =>
            {
                transaction.PutDocument("dataset", name, document.ToJsonString());
            });
            var refused = Assert.Throws<ParticipantException>(() => new DatasetCatalog(participant.Home, store, TimeProvider.System).Resolve(name));
            Assert.Equal(FailureCodes.UnusableDataset, refused.Code);
            Assert.Contains($"read identifiers by rules 1; now they are rules {Canonicalizer.Version}. Add it again: psi dataset remove {name}, then psi "
                + $"dataset add {name} FILE --key IDKEY",
                refused.Message, StringComparison.Ordinal);
        }

        network.Start();
        var reply = await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh"));
        Assert.Equal((false, FailureCodes.UnusableDataset), (reply.Ok, reply.Code));
    }

    [Fact]
    public async Task Proposal_OfOlderRules_IsRefusedByName()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Bend = envelope => envelope.Message is ProposeSession proposal
            ? [Envelope.Create(network.P1.Home, "P2", proposal.SessionId,
                proposal with { Profile = new CanonicalizationProfile(1, "keep", 1), KeyForms = null }).Frame.ToArray()] : [envelope.Frame.ToArray()];
        network.Start();
        await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh"));
        var failed = await network.P2.WaitAsync(session => session.State == SessionState.Failed);
        Assert.Equal(FailureCodes.ProfileMismatch, failed.FailureCode);
        Assert.Contains("proposes rules v1, case keep, 1 key column(s), P2's dataset has rules v2, case keep, 1 key column(s), texts normal",
            failed.FailureReason, StringComparison.Ordinal);
    }
}
