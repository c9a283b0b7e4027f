using Microsoft.Extensions.Logging.Abstractions;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests.Units;

/// <summary>The party's route table: who may send what, in which session and state, and how much of it may wait.</summary>
public sealed class RouteTests : IAsyncDisposable, IEnvelopeSender
{
    private static readonly string Id = new('a', 32), Query = new('b', 32);
    private static readonly byte[] Hash = new byte[32];

    /// <summary>Messages inside a session, each as its sender would send it.</summary>
    private static readonly object[] FromPeer =
    [
        new AcceptSession { SessionId = Id, ProposalHash = Hash, SetSize = 1, Nonce = Hash, MinCell = 1 },
        new CompleteSession(Id, Hash), new ApprovalPending(Id), new RestartProtocol(Id, Hash, 1, Hash),
        new RoundBatch(Id, Hash, 1, 0, 1, 0, 8), new GrantCredit(Id, Hash, 1, 24),
        new AnnounceColumns(Id, Hash, []), new AbortSession(Id, FailureCodes.Cancelled, "over"),
        new ProposeQuery(Id, Hash, Query, 1, 60), new AcceptQuery(Id, Hash, Query),
        new RefuseQuery(Id, Hash, Query, FailureCodes.Malformed, 0), new WithdrawQuery(Id, Query, FailureCodes.Cancelled),
    ];

    private static readonly object[] FromLinker =
    [
        new DatasetRegistered(Id, "P2", 1), new QueryAsked(Id, Query, "P2", [], "answered"),
        new QueryAnswered(Id, Query, 0, 1, true), new QueryRefused(Id, Query, FailureCodes.Malformed, "no"),
        new ProductComputed(Id, Query, 1, 1, 1), new ReleaseTransfer(Id, Query),
    ];

    private readonly TestNetwork _network = new();
    private readonly SqliteParticipantStore _store;
    private readonly PartyParticipant _party;

    public RouteTests()
    {
        _store = new SqliteParticipantStore(_network.P1.Home.StatePath);
        _party = new PartyParticipant(_network.P1.Home, _store, this, TimeProvider.System, NullLogger<PartyParticipant>.Instance);
    }

    public static TheoryData<Type, SenderRole> Senders => new()
    {
        { typeof(StartSession), SenderRole.Self }, { typeof(SendDataset), SenderRole.Self },
        { typeof(SubmitQuery), SenderRole.Self }, { typeof(CancelSession), SenderRole.Self }, { typeof(DecideApproval), SenderRole.Self },
        { typeof(ProposeSession), SenderRole.Party },
        { typeof(RegisterDataset), SenderRole.Nobody }, { typeof(DatasetBatch), SenderRole.Nobody },
        { typeof(RunQuery), SenderRole.Nobody }, { typeof(OpenProduct), SenderRole.Nobody },
        { typeof(MaskedRows), SenderRole.Nobody }, { typeof(MaskedCorrection), SenderRole.Nobody }, { typeof(ReleaseTables), SenderRole.Nobody },
        { typeof(CommandReply), SenderRole.Nobody },
    };

    [Theory]
    [MemberData(nameof(Senders))]
    public void Message_HasItsSender(Type message, SenderRole sender) => Assert.Equal(sender, _party.Table.Of(message).From);

    [Fact]
    public void EveryMessage_HasARouteWithALimit()
    {
        Assert.Equal(MessageLimits.Messages.Count, _party.Table.Routes.Count);
        Assert.All(_party.Table.Routes, route => Assert.NotEmpty(route.Limit.Rule));
        Assert.Equal(MessageLimits.Messages.Count, Senders.Count + FromPeer.Length + FromLinker.Length);
    }

    [Fact]
    public void Table_WithoutARoute_OrWithTwo_IsNone()
    {
        var routes = _party.Table.Routes.ToArray();
        Assert.Contains("has no route",
            Assert.Throws<InvalidOperationException>(() => new RouteTable<PartySession>(routes[1..], PeerBounds.Room)).Message, StringComparison.Ordinal);
        Assert.Contains("has two routes",
            Assert.Throws<InvalidOperationException>(() => new RouteTable<PartySession>([.. routes, routes[0]], PeerBounds.Room)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>Nobody but the session's own peer and linker, whatever their cards say.</summary>
    [Fact]
    public void InASession_OnlyItsPeerAndItsLinker()
    {
        foreach (var message in FromPeer.Where(message => message is not AbortSession))
        {
            Assert.IsType<Admission.Refusal>(Admit(message, _network.Linker, Session(SessionState.Running)));
            Assert.IsType<Admission.Refusal>(Admit(message, _network.P2, Session(SessionState.Running) with { Peer = "P3" }));
        }

        foreach (var message in FromLinker)
        {
            Assert.IsType<Admission.Refusal>(Admit(message, _network.P2, Session(SessionState.Completed)));
        }

        Assert.IsType<Admission.Storing>(Admit(new AbortSession(Id, FailureCodes.Cancelled, "over"), _network.Linker, Session(SessionState.Running)));
        Assert.IsType<Admission.Refusal>(Admit(new AbortSession(Id, FailureCodes.Cancelled, "over"),
            _network.P2, Session(SessionState.Running) with { Peer = "P3" }));
    }

    /// <summary>A failed session waits for nothing.</summary>
    [Fact]
    public void FailedSession_DropsAll()
    {
        Assert.All(FromPeer, message => Assert.IsType<Admission.Dropping>(Admit(message, _network.P2, Session(SessionState.Failed))));
        Assert.All(FromLinker, message => Assert.IsType<Admission.Dropping>(Admit(message, _network.Linker, Session(SessionState.Failed))));
    }

    public static TheoryData<SessionState, Type, Type> RoundStates => new()
    {
        { SessionState.Preparing, typeof(Admission.Dropping), typeof(Admission.Ending) },
        { SessionState.Asked, typeof(Admission.Dropping), typeof(Admission.Ending) },
        { SessionState.Proposed, typeof(Admission.Storing), typeof(Admission.Storing) },
        { SessionState.Running, typeof(Admission.Storing), typeof(Admission.Storing) },
        { SessionState.Comparing, typeof(Admission.Dropping), typeof(Admission.Ending) },
        { SessionState.Completed, typeof(Admission.Dropping), typeof(Admission.Dropping) },
    };

    [Theory]
    [MemberData(nameof(RoundStates))]
    public void Rounds_ByState(SessionState state, Type batches, Type restart)
    {
        Assert.IsType(batches, Admit(new RoundBatch(Id, Hash, 1, 0, 1, 0, 8), _network.P2, Session(state)));
        Assert.IsType(batches, Admit(new GrantCredit(Id, Hash, 1, 24), _network.P2, Session(state)));
        Assert.IsType(restart, Admit(new RestartProtocol(Id, Hash, 1, Hash), _network.P2, Session(state)));
    }

    public static TheoryData<string, object> OutOfRange => new()
    {
        { "round 0", new RoundBatch(Id, Hash, 0, 0, 1, 0, 8) }, { "a round of no protocol", new RoundBatch(Id, Hash, 99, 0, 1, 0, 8) },
        { "a short transcript", new RoundBatch(Id, [], 1, 0, 1, 0, 8) },
        { "before the first", new RoundBatch(Id, Hash, 1, -1, 1, 0, 8) }, { "beyond the credit", new RoundBatch(Id, Hash, 1, 16, 1, 0, 8) },
        { "a later attempt", new RoundBatch(Id, Hash, 1, 0, 1, 0, 8, 1) },
        { "no credit", new GrantCredit(Id, Hash, 1, 0) }, { "credit of no round", new GrantCredit(Id, Hash, 0, 24) },
        { "attempt 4", new RestartProtocol(Id, Hash, 4, Hash) }, { "a short nonce", new RestartProtocol(Id, Hash, 1, []) },
    };

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public void Rounds_OutOfRange_EndTheSession(string what, object message) =>
        Assert.True(Admit(message, _network.P2, Session(SessionState.Running)) is Admission.Ending { Verdict.Code: FailureCodes.BadBatch }, what);

    /// <summary>Nothing waits for these: no question was asked, no rows were sent, the engine has no such messages.</summary>
    [Fact]
    public void Unasked_GoesToTheErrorQueue()
    {
        var session = Session(SessionState.Completed);
        Assert.All(FromLinker.Where(message => message is QueryAnswered or QueryRefused or ProductComputed or ReleaseTransfer),
            message => Assert.IsType<Admission.Refusal>(Admit(message, _network.Linker, session)));
        Assert.All(FromPeer.Where(message => message is AcceptQuery or RefuseQuery),
            message => Assert.IsType<Admission.Refusal>(Admit(message, _network.P2, session)));
        Assert.IsType<Admission.Refusal>(Admit(new DatasetRegistered(Id, "P1", 1), _network.Linker, session));
        Assert.IsType<Admission.Storing>(Admit(new DatasetRegistered(Id, "P1", 1), _network.Linker,
            session with { Registration = RegistrationState.Sent, OwnColumns = [] }));
        Assert.IsType<Admission.Storing>(Admit(new ProposeQuery(Id, Hash, Query, 1, 60), _network.P2, session));
        Assert.IsType<Admission.Refusal>(Admit(new ProposeQuery(Id, Hash, Query, 1, 60), _network.P2, session with { Engine = QueryEngine.Tokens }));
        Assert.IsType<Admission.Refusal>(Admit(new ProposeQuery(Id, Hash, "../x", 1, 60), _network.P2, session));
        Assert.IsType<Admission.Refusal>(Admit(new ProposeQuery(Id, Hash, Query, 0, 60), _network.P2, session));
    }

    /// <summary>A proposal under the id of another session opens nothing and changes nothing.</summary>
    [Fact]
    public void Proposal_UnderAnothersId_IsRefused()
    {
        var proposal = new ProposeSession
        {
            SessionId = Id, Initiator = "P2", Responder = "P1", Linker = "LINKER", Protocol = "ecdh",
            Engine = "masked", Reveal = "both", Profile = new CanonicalizationProfile(2, "keep", 1),
            Duplicates = "reject", MinCell = 1, KeyNames = ["ID"], SetSize = 1, Nonce = Hash, SharedKeyCheck = new byte[16], DeadlineSeconds = 60,
        };
        Assert.IsType<Admission.Refusal>(Admit(proposal, _network.P2, Session(SessionState.Proposed)));
        Assert.IsType<Admission.Refusal>(Admit(proposal, _network.P2, Session(SessionState.Asked) with { IsInitiator = false, Peer = "P3" }));
        Assert.IsType<Admission.Storing>(Admit(proposal, _network.P2, Session(SessionState.Asked) with { IsInitiator = false }));
        Assert.IsType<Admission.Dropping>(Admit(proposal, _network.P2, Session(SessionState.Failed) with { IsInitiator = false }));
    }

    private static PartySession Session(SessionState state) => new(state)
    {
        Id = Id, IsInitiator = true, Peer = "P2", Linker = "LINKER", Protocol = "vole", Engine = QueryEngine.Masked, Reveal = RevealTo.Both, MinCell = 1,
        CreatedAt = DateTimeOffset.UnixEpoch, DeadlineAt = DateTimeOffset.UnixEpoch,
    };

    private Admission Admit(object message, TestParticipant from, PartySession session)
    {
        var envelope = Envelope.Parse(Envelope.Create(from.Home, "P1", Id, message).Frame);
        return _store.Write(state => _party.Table.Of(message.GetType()).Admit(envelope, session, state, DateTimeOffset.UnixEpoch));
    }

    Task IEnvelopeSender.SendAsync(QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation) => Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _party.DisposeAsync();
        _store.Dispose();
        await _network.DisposeAsync();
    }
}
