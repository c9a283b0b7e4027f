using Microsoft.Extensions.Time.Testing;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Types;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>The whole job between real engines, and its refusals.</summary>
public class SessionTests
{
    [Fact]
    public async Task WholeJob_PrototypeSample_GivesThePrototypesResult()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (p1, p2) = await network.IntersectAsync();
        Assert.Equal((SessionState.Completed, 4), (p1.State, p1.IntersectionSize ?? 0));
        Assert.Equal((SessionState.Completed, 4), (p2.State, p2.IntersectionSize ?? 0));
        Assert.Equal(Samples.Intersection, network.P1.Intersection(p1.Id));
        Assert.Equal(Samples.Intersection, network.P2.Intersection(p2.Id));

        await network.SendRowsAsync(p1.Id);
        var answer = await network.P1.CommandAsync(p1.Id, new SubmitQuery(p1.Id, " CLASSE_ETA ,CLASSE_REDDITO "));
        Assert.True(answer.Ok, answer.Message);
        Assert.Equal(["< 20|MEDIA|1", "20-28|BASSA|1", "29-35|ALTA|1", "29-35|BASSA|1"], answer.Result!.Lines());

        // The other party may ask too, about one column or several, of either.
        var other = await network.P2.CommandAsync(p1.Id, new SubmitQuery(p1.Id, "NUMERO_FIGLI"));
        Assert.Equal(["1-2|1", ">2|3"], other.Result!.Lines());
        await TestNetwork.EventuallyAsync(() => !File.Exists(Path.Combine(network.P1.Home.SessionPath(p1.Id), "secret.key")));
    }

    [Fact]
    public async Task Command_AfterItWasGivenUp_IsNotBegun()
    {
        await using var network = new TestNetwork(new FakeTimeProvider(TimeProvider.System.GetUtcNow()));
        await network.AddDataAsync();
        network.Start();
        var start = new StartSession
        {
            Peer = "P2", Linker = "LINKER", Dataset = "istat", Protocol = "ecdh",
            Engine = "tokens", Reveal = "both", RsaBits = 3072, DeadlineSeconds = 86400
        };
        await network.P1.GiveAsync(start, network.Time.GetUtcNow().AddMilliseconds(-1));
        Assert.Null(network.P1.Session());
        await network.P1.GiveAsync(start, network.Time.GetUtcNow());
        Assert.NotNull(network.P1.Session());
    }

    [Fact]
    public async Task Query_MinimumCellSize_StricterOfTheTwoHolds()
    {
        // Changed with the rule: small groups are not listed. P2's dataset asks for 2.
        await using var network = new TestNetwork();
        await network.P1.AddAsync("istat", Samples.Write(network.Folder, "istat.csv", Samples.Istat));
        await network.P2.AddAsync("bi", Samples.Write(network.Folder, "bi.csv", Samples.Bi), minCell: 2);
        network.Start();
        var (p1, _) = await network.IntersectAsync();
        Assert.Equal(2, p1.MinCell);
        await network.SendRowsAsync(p1.Id);
        var answer = await network.P1.CommandAsync(p1.Id, new SubmitQuery(p1.Id, "CLASSE_REDDITO"));
        Assert.Equal(["BASSA|2", "(withheld)|2"], answer.Result!.Lines());
        Assert.Equal((1, 2), (answer.Result!.Answer.Withheld, answer.Result.MinCell));
    }

    /// <summary>Compared as they are; by the usual rule the values that differ from others in blanks alone come out without them.</summary>
    [Theory]
    [InlineData(TextRule.Exact)]
    [InlineData(TextRule.Normal)]
    public async Task Values_OfAnyKind_ComeOutAsTheyWentIn(TextRule texts)
    {
        await using var network = new TestNetwork();
        string[] values = ["< 20", ">2", "a,b", "he said \"hi\"", "two\nlines", "città", "👩‍👩‍👧", " spaced ", "", "null", "é|;"];
        var p1 = "IDKEY,V\n" + string.Concat(values.Select((value, i) => $"k{i},\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"\n"));
        var p2 = "IDKEY,W\n" + string.Concat(values.Select((_, i) => $"k{i},x\n"));
        await network.P1.AddAsync("istat", Samples.Write(network.Folder, "istat.csv", p1), texts: texts);
        await network.P2.AddAsync("bi", Samples.Write(network.Folder, "bi.csv", p2), texts: texts);
        network.Start();
        var (session, _) = await network.IntersectAsync();
        Assert.Equal(values.Length, session.IntersectionSize);
        await network.SendRowsAsync(session.Id);
        var answer = await network.P2.CommandAsync(session.Id, new SubmitQuery(session.Id, "V"));
        // An empty text is a missing value.
        string Form(string value) => texts == TextRule.Exact ? value : value.Trim().Replace('\n', ' ');
        Assert.Equal(values.Select(value => value.Length == 0 ? null : Form(value))
            .Order(StringComparer.Ordinal), answer.Result!.Answer.Rows.Select(row => row[0].Text).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Identifiers_WrittenDifferently_AreOneUnderTheProfile()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync("IDKEY;A\n  Rossi   Mario ;1\nﬁlippo;2\nÅngström;3\n;4\n", "IDKEY;B\nRossi Mario;1\nfilippo;2\nÅngström;3\nother;4\n");
        network.Start();
        var (session, _) = await network.IntersectAsync();
        Assert.Equal(3, session.IntersectionSize);
        Assert.Equal((1, 3), (session.OwnDropped, session.OwnDistinct));
        Assert.Equal(network.P1.Intersection(session.Id), network.P2.Intersection(session.Id));
    }

    [Fact]
    public async Task CompositeKeys_PartsDoNotRunTogether()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync("S;D;A\nab;c;1\nx;y;2\n", "S;D;B\na;bc;1\nx;y;2\n", key: "S,D");
        network.Start();
        var (session, _) = await network.IntersectAsync();
        Assert.Equal("S,D\nx,y\n", network.P1.Intersection(session.Id));
    }

    [Fact]
    public async Task DuplicatesFirst_TakesTheFirstRowOfEach()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync("IDKEY;A\nx;first\nx;second\ny;only\n", "IDKEY;B\nx;1\ny;2\ny;3\n", DuplicateRule.First);
        network.Start();
        var (session, _) = await network.IntersectAsync();
        await network.SendRowsAsync(session.Id);
        var answer = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "A,B"));
        Assert.Equal(["first|1|1", "only|2|1"], answer.Result!.Lines());
    }

    [Fact]
    public async Task EmptyIntersection_IsAResultLikeAnother()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync("IDKEY;A\nx;1\n", "IDKEY;B\ny;1\n");
        network.Start();
        var (session, _) = await network.IntersectAsync();
        Assert.Equal((SessionState.Completed, 0), (session.State, session.IntersectionSize ?? -1));
        Assert.Equal("IDKEY\n", network.P1.Intersection(session.Id));
        await network.SendRowsAsync(session.Id);
        var answer = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "A,B"));
        Assert.True(answer.Ok, answer.Message);
        Assert.Empty(answer.Result!.Answer.Rows);
        Assert.Equal(["A", "B", "count"], answer.Result.Answer.Columns.Select(column => column.Name));
    }

    // ---- Refusals ------------------------------------------------------------------------------------------------------------------------

    private static async Task<(PartySession P1, PartySession P2)> FailAsync(TestNetwork network, string code)
    {
        var (p1, p2) = await network.IntersectAsync();
        Assert.Equal((SessionState.Failed, code), (p1.State, p1.FailureCode));
        Assert.Equal((SessionState.Failed, code), (p2.State, p2.FailureCode));
        await TestNetwork.EventuallyAsync(() => !Directory.Exists(network.P1.Home.SessionPath(p1.Id)));
        return (p1, p2);
    }

    [Fact]
    public async Task DifferentProfiles_AreToldBeforeAnythingIsSent()
    {
        await using var network = new TestNetwork();
        await network.P1.AddAsync("istat", Path.Combine(network.Folder, Write(network, "a.csv", Samples.Istat)));
        await network.P2.AddAsync("bi", Path.Combine(network.Folder, Write(network, "b.csv", Samples.Bi)), fold: true);
        network.Start();
        var (p1, _) = await FailAsync(network, FailureCodes.ProfileMismatch);
        Assert.Contains("case keep", p1.FailureReason, StringComparison.Ordinal);
        Assert.DoesNotContain(network.Wire, envelope => envelope.Message is RoundBatch);
    }

    [Fact]
    public async Task DifferentDuplicateRules_AreToldBeforeAnythingIsSent()
    {
        await using var network = new TestNetwork();
        await network.P1.AddAsync("istat", Path.Combine(network.Folder, Write(network, "a.csv", Samples.Istat)));
        await network.P2.AddAsync("bi", Path.Combine(network.Folder, Write(network, "b.csv", Samples.Bi)), DuplicateRule.First);
        network.Start();
        await FailAsync(network, FailureCodes.DuplicateRuleMismatch);
    }

    private static string Write(TestNetwork network, string name, string text)
    {
        File.WriteAllText(Path.Combine(network.Folder, name), text);
        return name;
    }

    [Fact]
    public async Task DifferentSharedKeys_AreToldInsteadOfAnEmptyTable()
    {
        using var keys = new TempFolder();
        await using var network = new TestNetwork(configure: config =>
        {
            var path = keys.Write($"{config.Name}.key", System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            return config.Role == Participants.Identities.ParticipantRole.Party ? config with { SharedKeyFile = path } : config;
        });
        await network.AddDataAsync();
        network.Start();
        var (p1, _) = await FailAsync(network, FailureCodes.SharedKeyMismatch);
        Assert.Contains("different shared keys", p1.FailureReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SameSharedKeyFile_Works()
    {
        using var keys = new TempFolder();
        var path = keys.Write("shared.key", System.Security.Cryptography.RandomNumberGenerator.GetBytes(48));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await using var network = new TestNetwork(configure: config =>
            config.Role == Participants.Identities.ParticipantRole.Party ? config with { SharedKeyFile = path } : config);
        await network.AddDataAsync();
        network.Start();
        var (p1, _) = await network.IntersectAsync();
        await network.SendRowsAsync(p1.Id);
        Assert.True((await network.P1.CommandAsync(p1.Id, new SubmitQuery(p1.Id, "CLASSE_ETA"))).Ok);
    }

    [Fact]
    public async Task PeerWithoutDataset_IsNamed()
    {
        await using var network = new TestNetwork();
        await network.P1.AddAsync("istat", Path.Combine(network.Folder, Write(network, "a.csv", Samples.Istat)));
        network.Start();
        var (p1, _) = await FailAsync(network, FailureCodes.UnknownDataset);
        
        // Not "has none": a peer is not told how many there are (the attack PinnedPartner).
        Assert.Contains("P2 offers no dataset", p1.FailureReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LinkerThatTheResponderHasNotPinnedAsOne_IsRefused()
    {
        // P1 would be the linker itself, under another name: P2 must not send its rows there.
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        File.Delete(Path.Combine(network.P2.Home.Path, "cards", "linker.json"));
        network.Start();
        var (p1, _) = await FailAsync(network, FailureCodes.NotPinned);
        Assert.Contains("P2 has not pinned a linker LINKER", p1.FailureReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PeerSetLargerThanAllowed_IsRefused()
    {
        await using var network = new TestNetwork(configure: config => config.Name == "P2" ? config with { MaximumPeerSet = 9 } : config);
        await network.AddDataAsync();
        network.Start();
        var (p1, _) = await FailAsync(network, FailureCodes.Unsupported);
        Assert.Contains("takes 9 at most", p1.FailureReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RefusedCommand_Replayed_OpensNothingLater()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var correlation = new string('c', 32);
        Assert.False((await network.P1.CommandAsync(null, TestNetwork.Propose() with { Dataset = "later" }, correlation)).Ok);
        await network.P1.AddAsync("later", Path.Combine(network.Folder, Write(network, "later.csv", Samples.Istat)));
        network.Inject(network.P1, Participants.Envelopes.Envelope
            .Create(network.P1.Home, "P1", null, TestNetwork.Propose() with { Dataset = "later" }, correlation: correlation).Frame.ToArray());
        await network.P1.CommandAsync(new string('d', 32), new SendDataset(new string('d', 32)));
        Assert.Null(network.P1.Session());
    }

    [Theory]
    [InlineData("P9", "istat", "rsa", 2048, "no card of a party P9")]
    [InlineData("LINKER", "istat", "rsa", 2048, "no card of a party LINKER")]
    [InlineData("P2", "nope", "rsa", 2048, "no dataset nope; it has istat")]
    [InlineData("P2", "istat", "magic", 2048, "protocol magic")]
    [InlineData("P2", "istat", "rsa", 1024, "1024 bits is not allowed")]
    public async Task StartSession_BadRequest_IsRefusedInOneLine(string peer, string dataset, string protocol, int bits, string expected)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var reply = await network.P1.CommandAsync(null, TestNetwork.Propose() with { Peer = peer, Dataset = dataset, Protocol = protocol, RsaBits = bits });
        Assert.False(reply.Ok);
        Assert.Contains(expected, reply.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', reply.Message!);
    }

    [Fact]
    public async Task PeerThatHasNotPinnedUs_AnswersNothing_AndTheDeadlineSaysWhatMayBe()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        await using var network = new TestNetwork(time);
        await network.AddDataAsync();
        File.Delete(Path.Combine(network.P2.Home.Path, "cards", "p1.json"));
        network.Start();
        await network.P1.CommandAsync(null, TestNetwork.Propose());
        await TestNetwork.EventuallyAsync(() => !network.P2.Refused.IsEmpty);
        time.AdjustTime(time.GetUtcNow().AddSeconds(3601));
        time.Advance(TimeSpan.FromSeconds(61));
        var p1 = await network.P1.WaitAsync(session => session.IsEnded);
        Assert.Equal(FailureCodes.Deadline, p1.FailureCode);
        Assert.Contains("does it have P1's card pinned", p1.FailureReason, StringComparison.Ordinal);
        Assert.DoesNotContain(network.Wire, envelope => envelope.Header.From == "P2");
    }

    [Fact]
    public async Task PeerWhoseCardChanged_IsNotTrusted()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        await using var network = new TestNetwork(time);
        await network.AddDataAsync();
        network.P2.ReplaceIdentity();
        await network.P2.AddAsync("bi", Path.Combine(network.Folder, Write(network, "b.csv", Samples.Bi)));
        network.Start();
        await network.P1.CommandAsync(null, TestNetwork.Propose());

        // P2 cannot open what is sealed to the identity it had. What it proposes itself is signed by the one it has.
        await network.P2.CommandAsync(null, TestNetwork.Propose() with { Peer = "P1", Dataset = "bi" });
        await TestNetwork.EventuallyAsync(() => network.P1.Engine!.Refused.InNameOf("P2") > 0);

        // Anybody on the broker could have sent it: it changes nothing, and is told when the time is over.
        Assert.Equal((SessionState.Proposed, (string?)null), (network.P1.Session()!.State, network.P1.Session()!.Warning));
        time.AdjustTime(time.GetUtcNow().AddSeconds(3601));
        time.Advance(TimeSpan.FromSeconds(61));
        var p1 = await network.P1.WaitAsync(session => session.IsEnded);
        Assert.Equal(FailureCodes.Deadline, p1.FailureCode);
        Assert.Contains("not signed by the card pinned for it", p1.FailureReason, StringComparison.Ordinal);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Query_Refusals_AreOneLineEach()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (session, _) = await network.IntersectAsync();
        var early = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"));
        Assert.Equal(FailureCodes.NotRegistered, early.Code);
        Assert.Contains("does not have the rows of P1 and P2 yet", early.Message, StringComparison.Ordinal);

        await network.SendRowsAsync(session.Id);
        foreach (var (text, code, expected) in new[]
        {
            ("CLASSE_ETA, FOO", FailureCodes.UnknownColumn,
                "neither party has a column FOO; P1 has CLASSE_ETA, NUMERO_FIGLI; P2 has TIPO_RATA_MUTUO, PAGATORE_RATA_MUTUO, CLASSE_REDDITO"),
            ("IDKEY", FailureCodes.UnknownColumn, "a column IDKEY"),
            ("", FailureCodes.BadQuery, "empty"),
            ("CLASSE_ETA,,CLASSE_REDDITO", FailureCodes.BadQuery, "character 12"),
            ("CLASSE_ETA, CLASSE_ETA", FailureCodes.BadQuery, "twice"),
            ("\"CLASSE_ETA", FailureCodes.BadQuery, "not closed"),
        })
        {
            var reply = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, text));
            Assert.Equal((false, code), (reply.Ok, reply.Code));
            Assert.Contains(expected, reply.Message, StringComparison.Ordinal);
        }

        var unknown = await network.P1.CommandAsync(new string('a', 32), new SubmitQuery(new string('a', 32), "CLASSE_ETA"));
        Assert.Equal(FailureCodes.UnknownSession, unknown.Code);
    }

    [Fact]
    public async Task Cancel_EndsTheSessionEverywhereAndDeletesTheLinkersRows()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (session, _) = await network.IntersectAsync();
        await network.SendRowsAsync(session.Id);
        Assert.True(Directory.Exists(network.Linker.Home.SessionPath(session.Id)));
        Assert.True((await network.P2.CommandAsync(session.Id, new CancelSession(session.Id))).Ok);
        var p1 = await network.P1.WaitAsync(candidate => candidate.State == SessionState.Failed);
        Assert.Equal(FailureCodes.Cancelled, p1.FailureCode);
        var refused = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"));
        Assert.False(refused.Ok);

        // The party keeps its own result; the linker keeps nothing.
        Assert.Equal(Samples.Intersection, network.P1.Intersection(session.Id));
        using var patience = new CancellationTokenSource(TestNetwork.Patience);
        while (Directory.Exists(network.Linker.Home.SessionPath(session.Id)))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, patience.Token);
        }
    }
}
