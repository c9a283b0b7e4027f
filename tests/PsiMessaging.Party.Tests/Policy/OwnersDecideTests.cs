using Microsoft.Extensions.Time.Testing;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Session;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests.Policy;

/// <summary>Sessions and questions of a partner, under what the other party's owner grants.</summary>
public class OwnersDecideTests
{
    private static StartSession Start => TestNetwork.Propose(protocol: "ecdh", engine: "masked");

    private static PartyPolicy Granting(PolicyGrant grant) =>
        new() { Version = 1, Partners = new Dictionary<string, IReadOnlyList<PolicyGrant>> { ["P1"] = [grant] } };

    private static readonly PolicyGrant Bi = PolicyGrant.Everything with { Datasets = ["bi"], Engines = ["masked"] };

    private static async Task<TestNetwork> NetworkAsync(PartyPolicy policy, TimeProvider? time = null)
    {
        var network = new TestNetwork(time);
        await network.AddDataAsync();
        policy.Write(network.P2.Home.Path);
        network.Start();
        return network;
    }

    private static Task<PartySession> BothWaitAsync(TestNetwork network) => network.P1.WaitAsync(session => session.Warning is not null);

    private static Task<TestReply> DecideAsync(
        TestNetwork network, string session, bool approve, bool once = false, string? id = null, string? reason = null) =>
        network.P2.CommandAsync(session, new DecideApproval(session, id ?? IdOf(network, session), approve, once, reason));

    private static string IdOf(TestNetwork network, string session) =>
        network.P2.Engine!.Store.Read(Approval.List).Single(approval => approval.Query is null && approval.Session == session).Id;

    private static async Task<Approval> WaitingAsync(TestNetwork network)
    {
        Approval? found = null;
        await TestNetwork.EventuallyAsync(() => (found = network.P2.Engine!.Store.Read(Approval.List).FirstOrDefault(one =>
            one.State == ApprovalState.Waiting)) is not null);
        return found!;
    }

    [Fact]
    public async Task FirstProposal_WaitsForAPerson_AndBothSidesSeeThat_ThenItRuns()
    {
        await using var network = await NetworkAsync(PartyPolicy.Default);
        await network.P1.CommandAsync(null, Start);
        var waiting = await BothWaitAsync(network);
        Assert.Equal((SessionState.Proposed, "P2's people have to approve the session first"), (waiting.State, waiting.Warning));
        var approval = Assert.Single(network.P2.Engine!.Store.Read(Approval.List));
        Assert.Equal(("P1", "bi", "nothing is granted to P1"), (approval.Partner, approval.Terms!.Dataset, approval.Why));
        Assert.DoesNotContain(network.Wire, envelope => envelope.Message is AcceptSession);

        // Through a kill of the worker it waits on.
        await network.P2.RestartAsync();
        Assert.True((await DecideAsync(network, waiting.Id, approve: true)).Ok);
        Assert.Equal(SessionState.Completed, (await network.P1.WaitAsync(session => session.IsEnded)).State);
        Assert.Single(network.Wire, envelope => envelope.Message is ApprovalPending);

        // The same terms ask no more.
        await network.P1.CommandAsync(null, Start);
        await network.P1.WaitAsync(session => session.Id != waiting.Id && session.State == SessionState.Completed);
    }

    [Fact]
    public async Task ApprovedOnce_AsksAgain_AndTakenBackTermsDoToo()
    {
        await using var network = await NetworkAsync(PartyPolicy.Default);
        await network.P1.CommandAsync(null, Start);
        var first = await BothWaitAsync(network);
        await DecideAsync(network, first.Id, approve: true, once: true);
        await network.P1.WaitAsync(session => session.IsEnded);
        Assert.Empty(network.P2.Engine!.Store.Read(ApprovedTerms.List));

        await network.P1.CommandAsync(null, Start);
        var second = await network.P1.WaitAsync(session => session.Id != first.Id && session.Warning is not null);
        await DecideAsync(network, second.Id, approve: true);
        await network.P1.WaitAsync(session => session.Id == second.Id && session.IsEnded);
        var terms = Assert.Single(network.P2.Engine.Store.Read(ApprovedTerms.List));
        Assert.True(network.P2.Engine.Store.Write(state => ApprovedTerms.Delete(state, terms.Id)));

        await network.P1.CommandAsync(null, Start);
        await network.P1.WaitAsync(session => session.Id != first.Id && session.Id != second.Id && session.Warning is not null);
    }

    [Fact]
    public async Task Denied_TheOtherLearnsThatAndTheReason()
    {
        await using var network = await NetworkAsync(PartyPolicy.Default);
        await network.P1.CommandAsync(null, Start);
        var waiting = await BothWaitAsync(network);
        Assert.True((await DecideAsync(network, waiting.Id, approve: false, reason: "not this year")).Ok);
        var failed = await network.P1.WaitAsync(session => session.IsEnded);
        Assert.Equal((FailureCodes.Denied, "P2: P2's people have denied it: not this year"), (failed.FailureCode, failed.FailureReason));
        var late = await DecideAsync(network, waiting.Id, approve: true);
        Assert.Equal((false, FailureCodes.WrongState), (late.Ok, late.Code));
    }

    [Fact]
    public async Task ApprovedAfterTheDeadline_IsRefusedByName_AndNothingRuns()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        await using var network = await NetworkAsync(PartyPolicy.Default, time);
        await network.P1.CommandAsync(null, Start with { DeadlineSeconds = 60 });
        var waiting = await BothWaitAsync(network);
        time.Advance(TimeSpan.FromSeconds(62));
        await network.P2.WaitAsync(session => session.IsEnded);
        var late = await DecideAsync(network, waiting.Id, approve: true);
        Assert.False(late.Ok);
        Assert.Contains("nothing is left to decide, it is over", late.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(network.Wire, envelope => envelope.Message is AcceptSession);
    }

    [Fact]
    public async Task NotGranted_WhereNothingAsks_IsRefusedUnderItsCode_WithoutThePolicysWords()
    {
        await using var network = await NetworkAsync(Granting(Bi with { LeastSet = 1_000_000 }) with { Otherwise = Otherwise.Refuse });
        await network.P1.CommandAsync(null, Start);
        var failed = await network.P1.WaitAsync(session => session.IsEnded);
        Assert.Equal((FailureCodes.NotGranted, "P2: P2 has not granted this session; its people decide what it grants"),
            (failed.FailureCode, failed.FailureReason));
        Assert.Contains("1,000,000 are the least", (await network.P2.WaitAsync(session => session.IsEnded)).FailureReason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ \"version\": 1, \"partners\": { \"P1\": [{ \"datasetz\": [\"bi\"] }] } }")]
    [InlineData("")]
    public async Task PolicyThatCannotBeRead_GrantsNothing(string text)
    {
        await using var network = await NetworkAsync(PartyPolicy.Default);
        File.WriteAllText(Path.Combine(network.P2.Home.Path, PartyPolicy.FileName), text);
        await network.P1.CommandAsync(null, Start);
        Assert.Equal((FailureCodes.NotGranted, "P2: P2 cannot read its own policy; its people see why"),
            await network.P1.WaitAsync(session => session.IsEnded) is var failed ? (failed.FailureCode, failed.FailureReason) : default);
    }

    [Fact]
    public async Task PolicyThatOthersMayChange_GrantsNothing()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "rights of files");
        await using var network = await NetworkAsync(Granting(Bi));
        File.SetUnixFileMode(Path.Combine(network.P2.Home.Path, PartyPolicy.FileName), (UnixFileMode)0x1B6);
        await network.P1.CommandAsync(null, Start);
        Assert.Equal(FailureCodes.NotGranted, (await network.P1.WaitAsync(session => session.IsEnded)).FailureCode);
        Assert.Contains("chmod 600", (await network.P2.WaitAsync(session => session.IsEnded)).FailureReason, StringComparison.Ordinal);
    }

    /// <summary>Bounds of a day hold over sessions, also through a restart: they are counted where they are granted.</summary>
    [Fact]
    public async Task CuriousPartner_MoreSessionsThanADayHas_AreRefused_AndTheNextDayHasThemAgain()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        await using var network = await NetworkAsync(Granting(Bi with { SessionsPerDay = 2 }), time);
        Assert.Null(await OneAsync());
        Assert.Null(await OneAsync());
        Assert.Equal(FailureCodes.OverBudget, await OneAsync());
        await network.P2.RestartAsync();
        Assert.Equal(FailureCodes.OverBudget, await OneAsync());
        time.AdjustTime(time.GetUtcNow() + TimeSpan.FromHours(25));
        Assert.Null(await OneAsync());

        async Task<string?> OneAsync()
        {
            time.Advance(TimeSpan.FromSeconds(1));
            var reply = await network.P1.CommandAsync(null, Start);
            return (await network.P1.WaitAsync(session => session.Id == reply.SessionId && session.IsEnded)).FailureCode;
        }
    }

    [Fact]
    public async Task CuriousPartner_MoreIdentifiersThanADayHas_AreRefused()
    {
        await using var network = await NetworkAsync(Granting(Bi with { EvaluationsPerDay = 15 }));
        await network.IntersectAsync(Start);
        var reply = await network.P1.CommandAsync(null, Start);
        Assert.Equal(FailureCodes.OverBudget, (await network.P1.WaitAsync(session => session.Id == reply.SessionId && session.IsEnded)).FailureCode);
    }

    /// <summary>
    /// Leaves out one record after the other: the difference of two results tells whether it is the other's. After three such sessions a person is asked,
    /// whatever the policy grants.
    /// </summary>
    [Fact]
    public async Task CuriousPartner_ChangesItsSetByARecord_APersonIsAskedSoon()
    {
        await using var network = await NetworkAsync(Granting(Bi));
        var lines = Samples.Istat.TrimEnd('\n').Split('\n');
        for (var i = 0; i < PolicyDesk.MostNearlySame; i++)
        {
            var session = await RunAsync(i);
            await network.P1.WaitAsync(one => one.Id == session && one.State == SessionState.Completed);
        }

        var last = await RunAsync(PolicyDesk.MostNearlySame);
        await network.P1.WaitAsync(one => one.Id == last && one.Warning is not null);
        var approval = Assert.Single(network.P2.Engine!.Store.Read(Approval.List));
        Assert.Contains("with other sets of nearly this size", approval.Why, StringComparison.Ordinal);

        async Task<string> RunAsync(int without)
        {
            await network.P1.AddAsync($"istat{without}", Path.Combine(network.Folder, Write(without)));
            return (await network.P1.CommandAsync(null, Start with { Dataset = $"istat{without}" })).SessionId!;
        }

        string Write(int without)
        {
            var path = Path.Combine(network.Folder, $"istat{without}.csv");
            File.WriteAllText(path, string.Join('\n', lines.Where((_, row) => row != without + 1)) + "\n");
            return path;
        }
    }

    [Fact]
    public async Task Question_AboutAColumnThatIsNotGranted_IsRefusedByItsName()
    {
        var columns = new PolicyColumns { GroupBy = ["TIPO_RATA_MUTUO"], Measure = [], Filter = [] };
        await using var network = await NetworkAsync(Granting(Bi with { Columns = columns }));
        var (session, _) = await network.IntersectAsync(Start);
        await network.SendRowsAsync(session.Id);
        var refused = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_REDDITO"));
        Assert.Equal((false, FailureCodes.NotGranted), (refused.Ok, refused.Code));
        Assert.Contains("the column CLASSE_REDDITO may not make groups; P2's policy has it so", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>Many columns for coarse cells, few for fine ones: who has the fine cells gets the few, wherever that grant stands in the list.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task CuriousPartner_UnderTwoGrants_GetsTheColumnsOfTheOneThatCoversItsSession(bool coarseFirst)
    {
        var coarse = Bi with { MinCell = 1_000 };
        var fine = Bi with { Columns = new PolicyColumns { GroupBy = ["TIPO_RATA_MUTUO"] } };
        await using var network = await NetworkAsync(Granting(Bi) with
        {
            Partners = new Dictionary<string, IReadOnlyList<PolicyGrant>> { ["P1"] = coarseFirst ? [coarse, fine] : [fine, coarse] },
        });
        var (session, _) = await network.IntersectAsync(Start);
        await network.SendRowsAsync(session.Id);
        var refused = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_REDDITO"));
        Assert.Equal((false, FailureCodes.NotGranted), (refused.Ok, refused.Code));
        Assert.True((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "TIPO_RATA_MUTUO"))).Ok);
    }

    /// <summary>What is taken out of the policy is not granted from the next question on; nor does it leave more than there was.</summary>
    [Fact]
    public async Task CuriousPartner_WhoseGrantIsTakenBack_GetsNoMoreAnswers()
    {
        await using var network = await NetworkAsync(Granting(Bi with { Columns = new PolicyColumns { GroupBy = ["TIPO_RATA_MUTUO"] } }));
        var (session, _) = await network.IntersectAsync(Start);
        await network.SendRowsAsync(session.Id);
        Assert.True((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "TIPO_RATA_MUTUO"))).Ok);
        foreach (var (policy, answer) in new[]
        {
            (PartyPolicy.Default, "P2 has taken back what it granted"),
            (Granting(Bi with { Until = new DateOnly(2020, 1, 1) }), "P2 has taken back what it granted"),
        })
        {
            policy.Write(network.P2.Home.Path);
            foreach (var question in new[] { "TIPO_RATA_MUTUO", "CLASSE_REDDITO" })
            {
                var refused = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, question));
                Assert.Equal((false, FailureCodes.NotGranted), (refused.Ok, refused.Code));
                Assert.Contains(answer, refused.Message, StringComparison.Ordinal);
            }
        }
    }

    /// <summary>A large set is approved, and a list of three guesses comes under the same terms.</summary>
    [Fact]
    public async Task CuriousPartner_WhoseTermsWereApproved_ComesWithAFewGuesses_WaitsAgain()
    {
        await using var network = await NetworkAsync(PartyPolicy.Default);
        await network.P1.CommandAsync(null, Start);
        var first = await BothWaitAsync(network);
        await DecideAsync(network, first.Id, approve: true);
        await network.P1.WaitAsync(session => session.IsEnded);

        var path = Path.Combine(network.Folder, "few.csv");
        File.WriteAllText(path, string.Join('\n', Samples.Istat.Split('\n').Take(4)) + "\n");
        await network.P1.AddAsync("few", path);
        await network.P1.CommandAsync(null, Start with { Dataset = "few" });
        var second = await network.P1.WaitAsync(session => session.Id != first.Id && session.Warning is not null);
        Assert.Equal(SessionState.Proposed, second.State);
    }

    [Fact]
    public async Task ColumnThatIsNever_IsNotEvenAnnounced_NorSentAsARow()
    {
        foreach (var engine in new[] { "masked", "tokens" })
        {
            await using var network = await NetworkAsync(
                Granting(Bi with { Engines = [engine] }) with { Never = new Dictionary<string, IReadOnlyList<string>> { ["bi"] = ["CLASSE_REDDITO"] } });
            var (session, _) = await network.IntersectAsync(Start with { Engine = engine });
            await network.SendRowsAsync(session.Id);
            Assert.DoesNotContain(network.P1.Session()!.PeerColumns!, column => column.Name == "CLASSE_REDDITO");
            Assert.All(network.Wire.Where(envelope => envelope.Header.From == "P2").Select(envelope => envelope.Message).OfType<RegisterDataset>(),
                register => Assert.Equal(engine == "tokens" ? network.P1.Session()!.PeerColumns!.Count : 0, register.Columns.Count));
            var refused = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_REDDITO"));
            Assert.Equal((false, FailureCodes.UnknownColumn), (refused.Ok, refused.Code));
        }
    }

    [Fact]
    public async Task Question_ThatWaitsForAPerson_IsAnsweredOnceApproved_AndNotWhenDenied()
    {
        await using var network = await NetworkAsync(Granting(Bi with { AskQuestions = true }));
        var (session, _) = await network.IntersectAsync(Start);
        await network.SendRowsAsync(session.Id);
        foreach (var approve in new[] { true, false })
        {
            var asking = network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"));
            var approval = await WaitingAsync(network);
            Assert.Equal(("CLASSE_ETA", false), (approval.Question, asking.IsCompleted));
            Assert.True((await DecideAsync(network, session.Id, approve, id: approval.Id, reason: "because")).Ok);
            var answer = await asking;
            Assert.Equal(approve ? (true, null) : (false, FailureCodes.Denied), (answer.Ok, answer.Code));
        }
    }

    [Fact]
    public async Task CuriousPartner_MoreQuestionsThanADayHas_AreRefused()
    {
        await using var network = await NetworkAsync(Granting(Bi with { QuestionsPerDay = 1 }));
        var (session, _) = await network.IntersectAsync(Start);
        await network.SendRowsAsync(session.Id);
        Assert.True((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"))).Ok);
        var second = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"));
        Assert.Equal((false, FailureCodes.OverBudget), (second.Ok, second.Code));
    }

    /// <summary>Ids are the partner's to choose: a person's yes to a question opens no session that bears the question's.</summary>
    [Fact]
    public async Task CuriousPartner_WhoseQuestionWasApproved_OpensNoSessionUnderItsId()
    {
        await using var network = await NetworkAsync(Granting(Bi with { AskQuestions = true }));
        var (session, _) = await network.IntersectAsync(Start);
        await network.SendRowsAsync(session.Id);
        var id = new string('a', 32);
        var asking = network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"), id);
        Assert.True((await DecideAsync(network, session.Id, approve: true, id: (await WaitingAsync(network)).Id)).Ok);
        Assert.True((await asking).Ok);

        PartyPolicy.Default.Write(network.P2.Home.Path);
        await network.P1.CommandAsync(null, Start, id);
        var waiting = await network.P1.WaitAsync(one => one.Id == id && (one.Warning is not null || one.IsEnded));
        Assert.Equal(SessionState.Proposed, waiting.State);
    }

    /// <summary>A question that is given up leaves nothing to approve, which another under its id could use.</summary>
    [Fact]
    public async Task CuriousPartner_WithdrawsAQuestion_NothingIsLeftToApprove()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        await using var network = await NetworkAsync(Granting(Bi with { AskQuestions = true }), time);
        var (session, _) = await network.IntersectAsync(Start);
        await network.SendRowsAsync(session.Id);
        var asking = network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA", DeadlineSeconds: 60));
        var approval = await WaitingAsync(network);
        time.Advance(TimeSpan.FromSeconds(62));
        Assert.Equal(FailureCodes.Deadline, (await asking).Code);
        await TestNetwork.EventuallyAsync(() => network.P2.Engine!.Store.Read(Approval.List).Count == 0);
        Assert.Equal(FailureCodes.WrongState, (await DecideAsync(network, session.Id, approve: true, id: approval.Id)).Code);
    }

    /// <summary>Many at once, each judged before any is counted: the bound holds where they are counted.</summary>
    [Fact]
    public async Task CuriousPartner_ProposesAndAsksManyAtOnce_GetsWhatADayHas()
    {
        await using var network = await NetworkAsync(Granting(Bi with { SessionsPerDay = 2, QuestionsPerDay = 3 }));
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => network.P1.CommandAsync(null, Start)));
        await TestNetwork.EventuallyAsync(() => Sessions().All(one => one.IsEnded));
        var completed = Sessions().Where(one => one.State == SessionState.Completed).ToArray();
        Assert.Equal(2, completed.Length);
        Assert.Equal(4, Sessions().Count(one => one.FailureCode == FailureCodes.OverBudget));

        foreach (var participant in new[] { network.P1, network.P2 })
        {
            await Task.WhenAll(completed.Select(one => participant.CommandAsync(one.Id, new SendDataset(one.Id))));
        }

        await TestNetwork.EventuallyAsync(() => Sessions().Count(one => one.MayAsk) == 2);
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i =>
            network.P1.CommandAsync(completed[i % 2].Id, new SubmitQuery(completed[i % 2].Id, "CLASSE_ETA"))));
        Assert.Equal(3, answers.Count(answer => answer.Ok));
        Assert.Equal(5, answers.Count(answer => answer.Code == FailureCodes.OverBudget));

        PartySession[] Sessions() => [.. network.P1.Engine!.Store.Read(state => state.ListSessions()).Select(PartySession.Parse)];
    }

    /// <summary>Tries column after column: what is refused counts as well, and what comes after the last fills no log.</summary>
    [Fact]
    public async Task CuriousPartner_WhoseQuestionsAreRefused_HasAskedThem()
    {
        var policy = Granting(Bi with { QuestionsPerDay = 2, Columns = new PolicyColumns { GroupBy = ["TIPO_RATA_MUTUO"] } });
        await using var network = await NetworkAsync(policy, new FakeTimeProvider(DateTimeOffset.UnixEpoch));
        var (session, _) = await network.IntersectAsync(Start);
        await network.SendRowsAsync(session.Id);
        Assert.Equal((FailureCodes.NotGranted, FailureCodes.NotGranted), (await AskAsync("CLASSE_REDDITO"), await AskAsync("CLASSE_REDDITO")));
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(FailureCodes.OverBudget, await AskAsync("TIPO_RATA_MUTUO"));
        }

        Assert.Single(network.P2.Engine!.Store.Read(state => AuditLog.Entries(state).ToArray()),
            entry => entry.Entry.Contains(FailureCodes.OverBudget, StringComparison.Ordinal));

        async Task<string?> AskAsync(string text) => (await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, text))).Code;
    }

    /// <summary>With engine tokens the linker answers without asking again: a column that is not granted must not be there.</summary>
    [Fact]
    public async Task CuriousPartner_WithTokens_GetsNoColumnThatIsNotGranted()
    {
        var columns = new PolicyColumns { GroupBy = ["TIPO_RATA_MUTUO"], Filter = ["TIPO_RATA_MUTUO"] };
        await using var network = await NetworkAsync(Granting(Bi with { Engines = ["tokens"], Columns = columns }));
        var (session, _) = await network.IntersectAsync(Start with { Engine = "tokens" });
        await network.SendRowsAsync(session.Id);
        Assert.Equal(["TIPO_RATA_MUTUO"], network.P1.Session()!.PeerColumns!.Select(column => column.Name));
        var sent = network.Wire.Where(envelope => envelope.Header.From == "P2").Select(envelope => envelope.Message).OfType<RegisterDataset>();
        Assert.Single(Assert.Single(sent).Columns);
        Assert.Equal(FailureCodes.UnknownColumn, (await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_REDDITO"))).Code);
        Assert.True((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "TIPO_RATA_MUTUO"))).Ok);
    }

    /// <summary>A person let a session be under a grant of few columns; once that is deleted there are not more.</summary>
    [Fact]
    public async Task CuriousPartner_WhoseNarrowGrantIsDeleted_GetsNoOtherColumns()
    {
        var narrow = Bi with { MinCell = 1_000, Columns = new PolicyColumns { GroupBy = ["TIPO_RATA_MUTUO"] } };
        await using var network = await NetworkAsync(Granting(narrow));
        await network.P1.CommandAsync(null, Start);
        var session = await BothWaitAsync(network);
        await DecideAsync(network, session.Id, approve: true);
        await network.P1.WaitAsync(one => one.State == SessionState.Completed);
        await network.SendRowsAsync(session.Id);
        foreach (var policy in new[] { Granting(narrow), PartyPolicy.Default })
        {
            policy.Write(network.P2.Home.Path);
            Assert.True((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "TIPO_RATA_MUTUO"))).Ok);
            Assert.Equal(FailureCodes.NotGranted, (await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_REDDITO"))).Code);
        }
    }

    /// <summary>Adds records that nobody has, so that no two of its sets have the same size: after 30 sessions a person says.</summary>
    [Fact]
    public async Task CuriousPartner_WhoPadsItsSets_APersonIsAskedAfterAMonthsMany()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        await using var network = await NetworkAsync(Granting(Bi), time);
        var had = Enumerable.Range(1, PolicyDesk.MostAboutADataset).Select(i => new SessionUse(time.GetUtcNow(), "bi", i * 1_000, [(byte)i])).ToArray();
        Remember(network, new Usage { Sessions = had });
        await network.P1.CommandAsync(null, Start);
        await BothWaitAsync(network);
        Assert.Contains("has had 30 sessions in 30 days about bi", (await WaitingAsync(network)).Why, StringComparison.Ordinal);
    }

    /// <summary>A person is put no more before than a person can look at, and told of it no more often.</summary>
    [Fact]
    public async Task CuriousPartner_AsksAPersonAllDay_IsRefusedUnseen()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        await using var network = await NetworkAsync(PartyPolicy.Default, time);
        Remember(network, new Usage { Hours = new Dictionary<long, HourUse> { [0] = new(Asked: PolicyDesk.MostAsked) } });
        await network.P1.CommandAsync(null, Start);
        Assert.Equal((FailureCodes.OverBudget, "P2: P2's people have been asked often enough today"),
            await network.P1.WaitAsync(one => one.IsEnded) is var failed ? (failed.FailureCode, failed.FailureReason) : default);
        Assert.Empty(network.P2.Engine!.Store.Read(Approval.List));
    }

    private static void Remember(TestNetwork network, Usage usage) => network.P2.Engine!.Store.Write(state =>
        state.PutDocument("usage", "P1", System.Text.Json.JsonSerializer.Serialize(usage, UsageJson.Default.Usage)));
}
