using System.Security.Cryptography;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Linker;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests;

/// <summary>A participant whose card is pinned, and who sends whatever it likes under its good signature.</summary>
public class PinnedPartner
{
    private static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    private static void Send(TestNetwork network, TestParticipant from, TestParticipant to, string session, object message, byte[]? body = null) =>
        network.Inject(to, Envelope.CreateUnbounded(from.Home, to.Home.Name, session, message, body ?? []).Frame.ToArray());

    private static T Read<T>(TestParticipant participant, Func<IStoreReader, T> read) => participant.Engine!.Store.Read(read);

    private static async Task TakenAsync(TestParticipant participant)
    {
        // Frames are taken one after the other: with this one all before it are.
        var before = participant.Refused.Count;
        await participant.CommandBarrierAsync();
        Assert.True(participant.Refused.Count > before);
    }

    /// <summary>The name of a peer that is an address: it bound the peer's queue to the linker's own inbox.</summary>
    [Theory]
    [InlineData("linker.inbox.v1?bind=true&queue=psi.p2.spy&x=")]
    [InlineData("P2\n")]
    [InlineData("p2")]
    [InlineData("LINKER")]
    [InlineData("P3")]
    [InlineData("")]
    public async Task RegistersRowsWithAPeerThatIsAnAddress_TheLinkerWritesToNobody(string peer)
    {
        await using var network = new TestNetwork();
        network.Start();
        var id = NewId();
        Send(network, network.P1, network.Linker, id, new RegisterDataset(id, new byte[32], peer, "masked", 1, 10, []));
        await TakenAsync(network.Linker);
        Assert.Empty(network.Wire);
        Assert.Empty(Read(network.Linker, transaction => transaction.OutgoingQueues()));
        Assert.Empty(Read(network.Linker, transaction => transaction.ListSessions()));
    }

    [Theory]
    [InlineData("EVIL\n")]
    [InlineData("EVIL\r\n")]
    [InlineData("psi.p1?x")]
    [InlineData("a.b")]
    [InlineData("ÄRGER")]
    [InlineData("")]
    public void AName_ThatIsNotOnlyLettersDigitsAndHyphens_IsNone(string name)
    {
        Assert.False(ParticipantNames.IsValid(name));
        Assert.Null(QueueAddress.Restore($"psi.{name}.inbox.v1"));
        Assert.Throws<ParticipantException>(() => QueueAddress.ComputeOf("psi", name));
        Assert.Throws<ParticipantException>(() => QueueAddress.ComputeOf(name, "P1"));
    }

    /// <summary>Proposals with texts of two megabytes were stored before they were looked at; 150 of them kept a worker from starting again.</summary>
    [Fact]
    public async Task ProposesWithTextsOfMegabytes_NothingIsStored()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        for (var i = 0; i < 20; i++)
        {
            var id = NewId();
            Send(network, network.P2, network.P1, id, StrangerWithABrokerLogin.Proposal(id, "P2", protocol: new string('x', i < 10 ? 900_000 : 50_000)));
        }

        await TakenAsync(network.P1);
        Assert.Empty(Read(network.P1, transaction => transaction.ListSessions()));
        Assert.Equal((0, 0L), Read(network.P1, transaction => transaction.Waiting("P2")));
    }

    [Fact]
    public async Task ProposesWithoutEnd_SessionsAndRefusalsAreBounded_AndTheWorkerStartsAgain()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();

        // Nobody reads for P2, so that what is open stays open and refusals wait.
        network.Bend = _ => throw new UnroutableException("nobody");
        for (var i = 0; i < 3 * PeerBounds.OpenSessions; i++)
        {
            var id = NewId();
            using var shared = network.P2.Home.SharedKeyWith(network.P1.Home.Card);
            Send(network, network.P2, network.P1, id,
                StrangerWithABrokerLogin.Proposal(id, "P2") with { SharedKeyCheck = SessionSecrets.SharedKeyCheck(shared, id) });
        }

        await TakenAsync(network.P1);
        Assert.InRange(Read(network.P1, transaction => transaction.CountSessions("P2", openOnly: true)), 1, PeerBounds.OpenSessions);
        Assert.InRange(Read(network.P1, transaction => transaction.ListSessions()).Count, 1, PeerBounds.OpenSessions);
        Assert.InRange(Read(network.P1, transaction => transaction.Outgoing(network.P2.Home.Inbox, 1000)
            .Count(message => !FrameSealing.IsOpeningAlone(message.Frame)
                && Envelope.Parse(message.Frame).Message is AbortSession)), 1, PeerBounds.WaitingRefusals);
        await network.P1.RestartAsync();
        Assert.InRange(Read(network.P1, transaction => transaction.CountSessions("P2", openOnly: true)), 1, PeerBounds.OpenSessions);
    }

    /// <summary>An end of a session that is not there leaves a mark, so that its proposal finds it ended; marks have a number and an age.</summary>
    [Fact]
    public async Task EndsSessionsThatAreNot_MarksAreFewAndGo()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UnixEpoch);
        await using var network = new TestNetwork(time);
        network.Start();
        for (var i = 0; i < PeerBounds.FailedSessions + 100; i++)
        {
            var id = NewId();
            Send(network, network.P2, network.P1, id, new AbortSession(id, FailureCodes.Cancelled, "x"));
            Send(network, network.P2, network.Linker, id, new AbortSession(id, FailureCodes.Cancelled, "x"));
        }

        await TakenAsync(network.P1);
        await TakenAsync(network.Linker);
        Assert.InRange(Read(network.Linker, transaction => transaction.ListSessions()).Count, 1, 2 * PartyBounds.EndedSessions);
        await AfterAsync(TimeSpan.FromMinutes(2), () => Read(network.P1, transaction => transaction.ListSessions()).Count <= PeerBounds.FailedSessions
            && Read(network.Linker, transaction => transaction.ListSessions()).Count <= PartyBounds.EndedSessions);
        await AfterAsync(PeerBounds.FailedAge + TimeSpan.FromDays(1), () =>
            Read(network.P1, transaction => transaction.ListSessions()).Count + Read(network.Linker, transaction => transaction.ListSessions()).Count == 0);

        async Task AfterAsync(TimeSpan span, Func<bool> condition)
        {
            // Set, and then let run for a while: a month of ticks would be many.
            time.AdjustTime(time.GetUtcNow() + span);
            await TestNetwork.EventuallyAsync(() =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return condition();
            });
        }
    }

    /// <summary>Proposals that fail are answered; a peer that reads none of it must not fill the state with them.</summary>
    [Fact]
    public async Task ProposesWhatFailsAndReadsNothing_RefusalsAreBounded()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        network.Bend = _ => throw new UnroutableException("nobody");
        network.P1.Engine!.Store.Write(transaction =>
        {
            for (var i = 0; i < Post.MostBeforeRefusals - 5; i++)
            {
                transaction.Enqueue(NewId(), null, network.P2.Home.Inbox, new byte[10], bestEffort: false);
            }
        });
        for (var i = 0; i < 20; i++)
        {
            var id = NewId();
            Send(network, network.P2, network.P1, id, StrangerWithABrokerLogin.Proposal(id, "P2", protocol: "magic"));
        }

        await TakenAsync(network.P1);
        await TestNetwork.EventuallyAsync(() =>
            Read(network.P1, transaction => transaction.ListSessions()) is { Count: 20 } sessions && sessions.All(session => session.State == "Failed"));
        Assert.Equal(Post.MostBeforeRefusals, Read(network.P1, transaction => transaction.CountOutgoing(network.P2.Home.Inbox)));
    }

    /// <summary>Each registration is told to the other party: of one that reads nothing, messages would gather without end.</summary>
    [Fact]
    public async Task RegistersAndEndsWithoutEndForAPartnerThatReadsNothing_WhatWaitsIsBounded()
    {
        await using var network = new TestNetwork();
        network.Start();
        network.Bend = _ => throw new UnroutableException("nobody");
        network.Linker.Engine!.Store.Write(transaction =>
        {
            for (var i = 0; i < PartyBounds.UnreadMessages; i++)
            {
                transaction.Enqueue(NewId(), null, network.P2.Home.Inbox, new byte[10], bestEffort: false);
            }
        });
        for (var i = 0; i < 40; i++)
        {
            var id = NewId();
            Send(network, network.P1, network.Linker, id, new RegisterDataset(id, new byte[32], "P2", "masked", 1, 10, []));
            await network.Linker.CommandBarrierAsync();
            await TestNetwork.EventuallyAsync(() => Read(network.Linker, transaction => transaction.PendingSlots(id, "register/")).Count == 0);
            Send(network, network.P1, network.Linker, id, new AbortSession(id, FailureCodes.Cancelled, "x"));
        }

        Assert.InRange(Read(network.Linker, transaction => transaction.CountOutgoing(network.P2.Home.Inbox)),
            PartyBounds.UnreadMessages, PartyBounds.UnreadMessages + 1);

        // Whoever comes then, and has piled up nothing, is told.
        Assert.Contains(Read(network.Linker, transaction => transaction.Outgoing(network.P1.Home.Inbox, 1000)), message =>
            !FrameSealing.IsOpeningAlone(message.Frame) && Envelope.Parse(message.Frame).Message is AbortSession { Reason: var reason }
            && reason.Contains("P2 has not read", StringComparison.Ordinal));
    }

    /// <summary>The other side says that its counts have noise, of a kind that there is not or on what can have none.</summary>
    [Theory]
    [InlineData("R in ('a') as one", "{\"law\":\"gaussian\",\"spread\":0}", FailureCodes.BadContribution, "what no noise can be")]
    [InlineData("R in ('a') as one", "{\"law\":\"gaussian\",\"spread\":-20}", FailureCodes.BadContribution, "what no noise can be")]
    [InlineData("R in ('a') as one", "{\"law\":\"laplace\",\"spread\":1e28}", FailureCodes.BadContribution, "what no noise can be")]
    [InlineData("R in ('a') as one", "{\"law\":\"gaussian\",\"spread\":1e400}", FailureCodes.Malformed, "cannot be read")]
    [InlineData("R in ('a') as one", "{\"law\":\"uniform\",\"spread\":20}", FailureCodes.Malformed, "cannot be read")]
    [InlineData("R in ('a') as one", "{\"law\":7,\"spread\":20}", FailureCodes.BadContribution, "what no noise can be")]
    [InlineData("R", "{\"law\":\"cellKey\"}", FailureCodes.BadContribution, "what no noise can be")]
    [InlineData("R", "{\"law\":\"cellKey\",\"spread\":2,\"thresholds\":[9,65527]}", FailureCodes.BadContribution, "what no noise can be")]
    [InlineData("R", "{\"law\":\"cellKey\",\"thresholds\":[9,65526]}", FailureCodes.BadContribution, "what no noise can be")]
    [InlineData("R", "{\"law\":\"cellKey\",\"thresholds\":[1,2,3,65533,65534,65535]}", FailureCodes.EngineCannot, "its noise goes up to 3")]
    [InlineData("mean(N)", "{\"law\":\"cellKey\",\"thresholds\":[9,65527]}", FailureCodes.EngineCannot, "counts alone have it")]
    [InlineData("R", "{\"law\":\"gaussian\",\"spread\":20,\"thresholds\":[9,65527]}", FailureCodes.BadContribution, "what no noise can be")]
    [InlineData("R", "{\"law\":\"gaussian\"}", FailureCodes.BadContribution, "what no noise can be")]
    [InlineData("R", "{\"law\":\"gaussian\",\"spread\":20}", FailureCodes.EngineCannot, "name its classes in the question")]
    [InlineData("mean(N)", "{\"law\":\"gaussian\",\"spread\":20}", FailureCodes.EngineCannot, "counts alone have it")]
    public async Task SaysThatItsCountsHaveNoiseThatCannotBe_IsRefusedByName(string text, string noise, string code, string expected) =>
        await IsRefusedByNameAsync(text, $"\"noise\":{noise}", code, expected);

    /// <summary>A question whose acceptance says something more.</summary>
    private static async Task IsRefusedByNameAsync(string text, string member, string code, string expected)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync("IDKEY;A\n" + string.Concat(Enumerable.Range(0, 12).Select(i => $"K{i};{1 + (i % 4)}\n")),
            "IDKEY;R;N\n" + string.Concat(Enumerable.Range(0, 12).Select(i => $"K{i};{"ab"[i % 2]};{i}\n")), minCell: 3);
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        await network.SendRowsAsync(session.Id);
        network.Bend = envelope =>
        {
            if (envelope.Message is not AcceptQuery accepted)
            {
                return [envelope.Frame.ToArray()];
            }

            var own = network.P2.Session()!;
            var labels = Sealing.Unseal(network.P1.Home, network.P1.Session()!, network.P2.Home.Card, accepted.QueryId, nameof(AcceptQuery), envelope.Body);
            var body = Sealing.Seal(network.P2.Home, own, network.P1.Home.Card, accepted.QueryId, $"{{{member},{labels[1..]}", nameof(AcceptQuery));
            return [Envelope.Create(network.P2.Home, "P1", session.Id, accepted, body).Frame.ToArray()];
        };
        var answer = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, text));
        Assert.Equal(code, answer.Code);
        Assert.Contains(expected, answer.Message, StringComparison.Ordinal);
        Assert.Equal(SessionState.Completed, network.P1.Session()!.State);
    }

    [Theory]
    [InlineData("count by R", "[\"N\"]", FailureCodes.BadContribution, "rules that this question has none of")]
    [InlineData("sum(N)", "[\"N\",\"N\"]", FailureCodes.BadContribution, "rules that this question has none of")]
    [InlineData("sum(N)", "[\"A\"]", FailureCodes.BadContribution, "rules that this question has none of")]
    [InlineData("sum(N)", "[null]", FailureCodes.BadContribution, "rules that this question has none of")]
    [InlineData("sum(N) weight A", "[\"N\"]", FailureCodes.EngineCannot, "how much a record weighs by A it cannot know")]
    public async Task SaysThatItHoldsSumsToRulesThatCannotBe_IsRefusedByName(string text, string columns, string code, string expected) =>
        await IsRefusedByNameAsync(text, $"\"dominance\":{columns}", code, expected);

    /// <summary>The peer takes back a question of ours: it ended here without an answer or a reason.</summary>
    [Fact]
    public async Task TakesBackTheOthersQuestion_ItIsStillAnswered()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        await network.SendRowsAsync(session.Id);
        var takenBack = 0;
        network.Bend = envelope =>
        {
            if (envelope.Message is AcceptQuery { QueryId: var id })
            {
                takenBack++;
                Send(network, network.P2, network.P1, session.Id, new WithdrawQuery(session.Id, id, FailureCodes.Cancelled));
            }

            return [envelope.Frame.ToArray()];
        };
        var answer = await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_REDDITO"));
        Assert.True(answer.Ok, answer.Message);
        Assert.Equal(1, takenBack);
    }

    [Fact]
    public async Task TakesBackTheOthersQuestionAtTheLinker_ItStaysOpen()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        await network.SendRowsAsync(session.Id);
        var (early, late) = (NewId(), NewId());
        foreach (var query in new[] { early, late })
        {
            if (query == early)
            {
                await TakeBackAsync(query);
            }

            Send(network, network.P1, network.Linker, session.Id,
                new OpenProduct(session.Id, query, "P1", query == early ? 1 : 2, session.IntersectionSize!.Value, 1, 1, MaskedBatch.RowsOf(1)));
            await TestNetwork.EventuallyAsync(() => Products().ContainsKey(query));
            if (query == late)
            {
                await TakeBackAsync(query);
            }
        }

        Assert.Equal(2, Products().Count);

        // Who asked takes it back, before it is opened or after.
        Send(network, network.P1, network.Linker, session.Id, new WithdrawQuery(session.Id, late, FailureCodes.Cancelled));
        await TestNetwork.EventuallyAsync(() => Products().Count == 1);

        IReadOnlyDictionary<string, LinkProduct> Products() =>
            LinkSession.Parse(Read(network.Linker, transaction => transaction.FindSession(session.Id))!).Products;

        async Task TakeBackAsync(string query)
        {
            Send(network, network.P2, network.Linker, session.Id, new WithdrawQuery(session.Id, query, FailureCodes.Cancelled));
            await network.Linker.CommandBarrierAsync();
            await TestNetwork.EventuallyAsync(() => Read(network.Linker, transaction => transaction.PendingSlots(session.Id, "withdraw/")).Count == 0);
        }
    }

    /// <summary>The peer answers its own question: the answer held a place of the session for good.</summary>
    [Fact]
    public async Task AnswersItsOwnQuestion_NothingIsStored()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        await network.SendRowsAsync(session.Id);

        // As much is on its way out as may be, so that P1 takes the question and comes no further.
        network.P1.Engine!.Store.Write(transaction =>
        {
            for (var i = 0; i < PartyContext.OutboxWindow; i++)
            {
                transaction.Enqueue(NewId(), session.Id, QueueAddress.Restore("psi.nobody.inbox.v1")!, new byte[10], bestEffort: false);
            }
        });
        var asking = network.P2.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"));
        var query = (await network.P1.WaitAsync(changed => changed.OpenQueries.Count == 1)).OpenQueries[0];
        Send(network, network.P2, network.P1, session.Id, new AcceptQuery(session.Id, session.Transcript, query), new byte[100]);
        Send(network, network.P2, network.P1, session.Id, new RefuseQuery(session.Id, session.Transcript, query, FailureCodes.Internal, 1), new byte[100]);
        await TakenAsync(network.P1);
        Assert.Equal(0, Read(network.P1, transaction => transaction.Waiting("P2")).Messages);
        Assert.True((await network.P2.CommandAsync(session.Id, new CancelSession(session.Id))).Ok);
        Assert.False((await asking).Ok);
    }

    /// <summary>Codes of refusals are ours by their number; one of a peer's making is not shown as one.</summary>
    [Fact]
    public async Task EndsASessionUnderACodeOfItsOwn_ItIsNotTakenForOne()
    {
        await using var network = new TestNetwork();
        network.Start();
        var id = NewId();
        Send(network, network.P2, network.P1, id, new AbortSession(id, "completed\u001b[31m", "x"));
        await network.P1.CommandBarrierAsync();
        Assert.Equal(FailureCodes.Malformed, network.P1.Session()!.FailureCode);
    }

    /// <summary>Every kind of message the linker takes, for sessions that nobody registered.</summary>
    [Fact]
    public async Task SendsBatchesAndQueriesForSessionsThatNobodyRegistered_TheLinkerKeepsNothing()
    {
        await using var network = new TestNetwork();
        network.Start();
        var body = new byte[1 << 20];
        for (var i = 0; i < 60; i++)
        {
            var id = i < 30 ? new string('a', 32) : NewId();
            Send(network, network.P1, network.Linker, id, new DatasetBatch(id, i, 10, false), body);
            Send(network, network.P1, network.Linker, id, new MaskedRows(id, NewId(), i, 10), body);
            Send(network, network.P1, network.Linker, id, new MaskedCorrection(id, NewId()), body);
            Send(network, network.P1, network.Linker, id, new OpenProduct(id, NewId(), "P1", 1, 10, 1, 1, 10));
            Send(network, network.P1, network.Linker, id, new WithdrawQuery(id, NewId(), FailureCodes.Cancelled));
        }

        // Without the linker's key of the session, which nobody has who has not registered, nothing but a registration is taken.
        await TakenAsync(network.Linker);
        Assert.Empty(Read(network.Linker, transaction => transaction.ListSessions()));
        Assert.Equal((0, 0L), Read(network.Linker, transaction => transaction.Waiting("P1")));
    }

    /// <summary>Proposals that are refused leave a failed session each, and nothing that is looked at again.</summary>
    [Fact]
    public async Task ProposesWhatIsRefused_NothingOfItStaysOpen()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        network.Bend = _ => [];
        for (var i = 0; i < 20; i++)
        {
            var id = NewId();
            Send(network, network.P2, network.P1, id, StrangerWithABrokerLogin.Proposal(id, "P2", protocol: "magic"));
        }

        await TakenAsync(network.P1);
        await TestNetwork.EventuallyAsync(() =>
            Read(network.P1, transaction => transaction.ListSessions()) is { Count: 20 } sessions && sessions.All(session => session.State == "Failed"));
        await TestNetwork.EventuallyAsync(() => Read(network.P1, transaction => transaction.OpenSessions()).Count == 0);
        Assert.Equal((0, 0L), Read(network.P1, transaction => transaction.Waiting("P2")));
    }

    /// <summary>
    /// Openings of products in sessions that will never be ready filled what a party may have waiting, and
    /// rows of other sessions then held the linker's hands for ever.
    /// </summary>
    [Fact]
    public async Task OpensProductsInSessionsThatAreNotReady_TheLinkerHasHandsForTheOthers()
    {
        await using var network = new TestNetwork();
        network.Start();
        network.Bend = _ => [];
        for (var i = 0; i < 40; i++)
        {
            var id = NewId();
            Send(network, network.P1, network.Linker, id, new RegisterDataset(id, new byte[32], "P2", "masked", 1, 10, []));
            for (var j = 0; j < 64; j++)
            {
                Send(network, network.P1, network.Linker, id, new OpenProduct(id, NewId(), "P1", 1, 10, 1, 1, 10));
            }
        }

        await TakenAsync(network.Linker);
        await TestNetwork.EventuallyAsync(() => Read(network.Linker, transaction => transaction.Waiting("P1")).Messages == 0);
        var other = NewId();
        Send(network, network.P1, network.Linker, other, new RegisterDataset(other, new byte[32], "P2", "tokens", 1, 10, [NewId()]));
        Send(network, network.P1, network.Linker, other, new DatasetBatch(other, 0, 10, false), new byte[1000]);
        await TakenAsync(network.Linker);
    }

    /// <summary>A linker that was away finds the rows of a registration, in order, and takes them with four hands: none may be turned away.</summary>
    [Fact]
    public async Task ALinkerThatWasAway_TakesTheRowsBehindTheirRegistration()
    {
        await using var network = new TestNetwork();
        network.Start();
        network.Bend = _ => [];
        for (var round = 0; round < 5; round++)
        {
            var id = NewId();
            var frames = new System.Collections.Concurrent.ConcurrentQueue<byte[]>(
            [
                Envelope.Create(network.P1.Home, "LINKER", id, new RegisterDataset(id, new byte[32], "P2", "tokens", 1, 100_000, [NewId()])).Frame.ToArray(),
                .. Enumerable.Range(0, 60).Select(i =>
                    Envelope.Create(network.P1.Home, "LINKER", id, new DatasetBatch(id, i, 10, false), RandomNumberGenerator.GetBytes(300_000)).Frame
                        .ToArray()),
            ]);
            frames.TryDequeue(out var registration);
            network.Inject(network.Linker, registration!);
            await network.Linker.CommandBarrierAsync();
            TestNetwork.OpenChannel(id, network.Linker, network.P1);
            var refused = new System.Collections.Concurrent.ConcurrentQueue<string>();
            await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
            {
                while (frames.TryDequeue(out var frame))
                {
                    while (true)
                    {
                        try
                        {
                            await network.Linker.Engine!.ReceiveAsync(network.Seal(network.P1, network.Linker, frame));
                            break;
                        }
                        catch (ReceiverBusyException)
                        {
                            await Task.Yield();
                        }
                        catch (RejectedEnvelopeException exception)
                        {
                            refused.Enqueue(exception.Message);
                            break;
                        }
                    }
                }
            })));
            // What is no batch ends the session, and its key with it: the rest cannot be opened any more.
            Assert.All(refused, reason => Assert.Contains("or not any more", reason, StringComparison.Ordinal));
        }
    }

    /// <summary>As much of a peer waits as may wait: what its sessions need still gets through.</summary>
    [Fact]
    public async Task FillsWhatMayWait_ItsSessionsStillRun()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        foreach (var participant in new[] { network.P1, network.P2 })
        {
            participant.Engine!.Store.Write(transaction =>
            {
                foreach (var sender in new[] { "P1", "P2", "LINKER" })
                {
                    for (var i = 0; i < PeerBounds.WaitingMessages; i++)
                    {
                        transaction.PutInbound(new string('f', 32), $"ask/{sender}/{i}", [1], [1], sender);
                    }
                }
            });
        }

        var (p1, p2) = await network.IntersectAsync(TestNetwork.Propose(protocol: "vole", engine: "masked"));
        Assert.Equal((SessionState.Completed, SessionState.Completed), (p1.State, p2.State));
        await network.SendRowsAsync(p1.Id);
        Assert.Equal(RegistrationState.Registered, network.P1.Session()!.Registration);
    }

    /// <summary>The linker confirms rows that this party has not sent: neither consent nor columns follow from it.</summary>
    [Fact]
    public async Task AsLinker_ConfirmsRowsThatWereNotSent_ThePartyIsStillItsPeoples()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        TestNetwork.OpenChannel(session.Id, network.Linker, network.P1);
        foreach (var party in new[] { "P1", "P2" })
        {
            Send(network, network.Linker, network.P1, session.Id, new DatasetRegistered(session.Id, party, session.IntersectionSize!.Value));
        }

        await network.P1.CommandBarrierAsync();
        await network.P1.WaitAsync(changed => changed.PeerRegistered);
        Assert.Equal(RegistrationState.None, network.P1.Session()!.Registration);
        await network.SendRowsAsync(session.Id);
        Assert.True((await network.P1.CommandAsync(session.Id, new SubmitQuery(session.Id, "CLASSE_ETA"))).Ok);
        Assert.True((await network.P1.CommandAsync(session.Id, new CancelSession(session.Id))).Ok);
    }

    [Fact]
    public async Task RegistersMoreThanItMay_IsToldSo()
    {
        await using var network = new TestNetwork();
        network.Start();
        network.Linker.Engine!.Store.Write(transaction =>
        {
            for (var i = 0; i < PartyBounds.OpenSessions; i++)
            {
                transaction.PutSession(new StoredSession(NewId(), "Receiving", "{}", DateTimeOffset.UnixEpoch, "P1", IsOpen: true));
            }
        });
        var id = NewId();
        Send(network, network.P1, network.Linker, id, new RegisterDataset(id, new byte[32], "P2", "masked", 1, 10, []));
        await TestNetwork.EventuallyAsync(() => network.Wire.Any(envelope => envelope.Message is AbortSession abort && abort.SessionId == id));
    }

    /// <summary>200 questions of a peer, each as large as one may be, took half a gigabyte.</summary>
    [Fact]
    public async Task AsksWithoutEnd_WaitingQuestionsAreBounded()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));

        // P1 has not allowed questions yet: they wait.
        for (var i = 0; i < 200; i++)
        {
            Send(network, network.P2, network.P1, session.Id, new ProposeQuery(session.Id, session.Transcript, NewId(), i + 1, 600), new byte[60_000]);
        }

        await TakenAsync(network.P1);
        var (messages, bytes) = Read(network.P1, transaction => transaction.Waiting("P2"));
        Assert.InRange(messages, 1, 16);
        Assert.InRange(bytes, 1, 16 * 64 * 1024);
    }

    /// <summary>Answers to questions that nobody asked, news of parties that are none, under a session that another peer has.</summary>
    [Fact]
    public async Task AnswersWhatNobodyAsked_NothingIsStored()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        for (var i = 0; i < 50; i++)
        {
            Send(network, network.Linker, network.P1, session.Id, new ProductComputed(session.Id, NewId(), 4, 1, 1), new byte[8]);
            Send(network, network.Linker, network.P1, session.Id, new QueryRefused(session.Id, NewId(), FailureCodes.Internal, "x"));
            Send(network, network.Linker, network.P1, session.Id, new DatasetRegistered(session.Id, "X" + i, 4));
            Send(network, network.P2, network.P1, session.Id, new AcceptQuery(session.Id, session.Transcript, NewId()), new byte[100]);
            Send(network, network.P2, network.P1, session.Id, new CompleteSession(NewId(), session.Transcript));
        }

        await TakenAsync(network.P1);
        Assert.Equal((0, 0),
            (Read(network.P1, transaction => transaction.Waiting("LINKER")).Messages, Read(network.P1, transaction => transaction.Waiting("P2")).Messages));
        Assert.Equal(SessionState.Completed, network.P1.Session()!.State);
    }

    /// <summary>Every message has bounds, and one over each is refused before anything of it is kept.</summary>
    [Fact]
    public async Task SendsEveryMessageLargerThanItsTypeMayBe_EachIsRefused()
    {
        await using var network = new TestNetwork();
        network.Start();
        var sent = 0;
        foreach (var name in ContractCatalog.Names)
        {
            var type = ContractCatalog.Find(name)!;
            if (MessageLimits.Of(type) is not { } limit)
            {
                continue;
            }

            var sample = System.Text.Json.JsonSerializer.Deserialize(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", name + ".json")),
                type, ContractJson.Default)!;
            if (limit.BodyBytes < 12 << 20)
            {
                Send(network, network.P2, network.P1, NewId(), sample, new byte[limit.BodyBytes + 1]);
                sent++;
            }
        }

        await TestNetwork.EventuallyAsync(() => network.P1.Refused.Count == sent);
        Assert.All(network.P1.Refused, reason => Assert.Contains("larger than its type may be", reason, StringComparison.Ordinal));
        Assert.True(sent > 20);
        Assert.Empty(Read(network.P1, transaction => transaction.ListSessions()));
    }
}
