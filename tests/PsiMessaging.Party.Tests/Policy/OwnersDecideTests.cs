using Microsoft.Extensions.Time.Testing;
using PsiMessaging.Contracts.V1;
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

    private static readonly PolicyGrant Bi = PolicyGrant.Everything with { Datasets = ["bi"] };

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
        network.P2.CommandAsync(session, new DecideApproval(session, id ?? session, approve, once, reason));

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
        Assert.Contains("with sets of nearly this size", approval.Why, StringComparison.Ordinal);

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
                Granting(Bi) with { Never = new Dictionary<string, IReadOnlyList<string>> { ["bi"] = ["CLASSE_REDDITO"] } });
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
            Approval? approval = null;
            await TestNetwork.EventuallyAsync(() => (approval = network.P2.Engine!.Store.Read(Approval.List).FirstOrDefault(one =>
                one.State == ApprovalState.Waiting)) is not null);
            Assert.Equal(("CLASSE_ETA", false), (approval!.Question, asking.IsCompleted));
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
}
