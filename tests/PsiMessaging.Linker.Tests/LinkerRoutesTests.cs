using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Linker.Registering;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Mailbox;

namespace PsiMessaging.Linker.Tests;

/// <summary>
/// The linker's route table: every message, who may send it, in which state, and how much of it may wait. The door alone: nothing is dealt with.
/// </summary>
public sealed class LinkerRoutesTests : IAsyncDisposable
{
    private static readonly Type[] FromParties =
    [
        typeof(RegisterDataset), typeof(DatasetBatch), typeof(AbortSession), typeof(RunQuery),
        typeof(OpenProduct), typeof(MaskedRows), typeof(MaskedCorrection), typeof(ReleaseTables), typeof(WithdrawQuery),
    ];

    private readonly LinkerDesk _desk = new();

    public ValueTask DisposeAsync() => _desk.DisposeAsync();

    [Fact]
    public void EveryMessage_HasARouteAndALimit_AndOnlyPartiesAreHeard()
    {
        var routes = _desk.Routes().Routes;
        Assert.Equal(MessageLimits.Messages.Count, routes.Count);
        Assert.All(routes, route => Assert.Equal(FromParties.Contains(route.Message) ? SenderRole.Party : SenderRole.Nobody, route.From));
        Assert.All(routes, route => Assert.NotEmpty(route.Limit.Rule));
    }

    [Fact]
    public void AMessageWithoutARoute_TheTableIsNotMade()
    {
        var table = _desk.Routes();
        foreach (var missing in MessageLimits.Messages)
        {
            var routes = table.Routes.Where(route => route.Message != missing);
            var fault = Assert.Throws<InvalidOperationException>(() => new RouteTable<LinkSession>(routes, table.Room));
            Assert.StartsWith($"{missing.Name} has no route", fault.Message, StringComparison.Ordinal);
        }

        Assert.Throws<InvalidOperationException>(() => new RouteTable<LinkSession>(table.Routes.Append(RouteTable<LinkSession>.Never<RunQuery>()), table.Room));
    }

    /// <summary>
    /// By state of the session: not here; one registration, P2's, waits (Asked); P1's was taken (Half); Ready; Deleted; Failed. Opens is stored, and the
    /// session is new; Marks leaves an ended session behind; Answers refuses in the outbox. P1 is a
    /// party of the session, P3 of none.
    /// </summary>
    [Fact]
    public void EveryMessage_InEveryState()
    {
        const string Table = """
            message          by | none    Asked   Half    Ready   Deleted Failed
            RegisterDataset  P1 | Opens   Stores  Stores  Stores  Stores  Stores
            RegisterDataset  P3 | Opens   Refuses Refuses Refuses Refuses Refuses
            DatasetBatch     P1 | Drops   Refuses Stores  Stores  Drops   Drops
            DatasetBatch     P3 | Drops   Refuses Refuses Refuses Refuses Refuses
            AbortSession     P1 | Marks   Stores  Stores  Stores  Stores  Stores
            AbortSession     P3 | Marks   Refuses Refuses Refuses Refuses Refuses
            RunQuery         P1 | Answers Stores  Stores  Stores  Stores  Stores
            RunQuery         P3 | Answers Refuses Refuses Refuses Refuses Refuses
            OpenProduct      P1 | Drops   Refuses Refuses Stores  Drops   Drops
            OpenProduct      P3 | Drops   Refuses Refuses Refuses Refuses Refuses
            MaskedRows       P1 | Drops   Refuses Refuses Stores  Drops   Drops
            MaskedRows       P3 | Drops   Refuses Refuses Refuses Refuses Refuses
            MaskedCorrection P1 | Drops   Refuses Refuses Stores  Drops   Drops
            MaskedCorrection P3 | Drops   Refuses Refuses Refuses Refuses Refuses
            ReleaseTables    P1 | Drops   Refuses Refuses Refuses Drops   Drops
            ReleaseTables    P3 | Drops   Refuses Refuses Refuses Refuses Refuses
            WithdrawQuery    P1 | Drops   Stores  Stores  Stores  Drops   Drops
            WithdrawQuery    P3 | Drops   Refuses Refuses Refuses Refuses Refuses
            """;
        var door = _desk.Door();
        var rows = Table.Split('\n').Select(row => row.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        Assert.Equal(FromParties.SelectMany(type => new[] { $"{type.Name} P1", $"{type.Name} P3" }), rows[1..].Select(row => $"{row[0]} {row[1]}"));
        foreach (var (message, by, state, expected) in rows[1..].SelectMany(row => row[3..].Select((cell, i) => (row[0], row[1], rows[0][3 + i], cell))))
        {
            var id = LinkerDesk.NewId();
            Prepare(id, state);
            Assert.Equal($"{message} {by} {state}: {expected}", $"{message} {by} {state}: {Receive(door, id, by, MessageOf(message, id, by))}");
        }
    }

    [Fact]
    public void EveryMessage_FromALinkerOrForNoSession_IsRefused()
    {
        var door = _desk.Door();
        foreach (var type in FromParties)
        {
            var id = LinkerDesk.NewId();
            Prepare(id, "Ready");
            foreach (var (from, session) in new[] { ("OTHER", id), ("LINKER", id), ("P1", null) })
            {
                Assert.Equal($"{from} may not send a {ContractCatalog.NameOf(type)} message to a linker",
                    Refusal(door, from, session, MessageOf(type.Name, id, "P1")));
            }

            Assert.Equal("the message names another session than its envelope", Refusal(door, "P1", id, MessageOf(type.Name, LinkerDesk.NewId(), "P1")));
        }

        var unasked = new QueryAsked(LinkerDesk.NewId(), LinkerDesk.NewId(), "P1", [], "answered");
        Assert.Equal("P1 may not send a psi.v1.QueryAsked message to a linker", Refusal(door, "P1", unasked.SessionId, unasked));
    }

    /// <summary>A registration names a party that is pinned as one, and not who sends it.</summary>
    [Theory]
    [InlineData("P1")]
    [InlineData("OTHER")]
    [InlineData("NOBODY")]
    public void Registration_WithSomebodyElseThanAPinnedParty_IsRefused(string peer)
    {
        var id = LinkerDesk.NewId();
        Assert.Equal("P1 registers rows with a party that this linker has not pinned",
            Refusal(_desk.Door(), "P1", id, new RegisterDataset(id, new byte[32], peer, "masked", 1, 4, [])));
        Assert.Null(_desk.Session(id));
    }

    [Theory]
    [InlineData("query", 16, nameof(RunQuery))]
    [InlineData("open", 64, nameof(OpenProduct))]
    [InlineData("masked", 64, nameof(MaskedRows))]
    [InlineData("correction", 64, nameof(MaskedCorrection))]
    [InlineData("withdraw", 64, nameof(WithdrawQuery))]
    public void Questions_NoMoreThanTheirLimitWait(string kind, int most, string message)
    {
        var (id, door) = (LinkerDesk.NewId(), _desk.Door());
        Prepare(id, "Ready");
        Fill(id, $"{kind}/P1", most - 1, "P1");
        Assert.Equal("Stores", Receive(door, id, "P1", MessageOf(message, id, "P1")));
        Assert.Equal("Refuses", Receive(door, id, "P1", MessageOf(message, id, "P1")));
        Assert.Equal("Stores", Receive(door, id, "P2", MessageOf(message, id, "P2")));
    }

    [Fact]
    public void MaskedRows_BehindAnOpeningThatWaits_StayWithTheBroker()
    {
        var (id, query, door) = (LinkerDesk.NewId(), LinkerDesk.NewId(), _desk.Door());
        Prepare(id, "Ready");
        Fill(id, "masked/P1", 64, "P1");
        Assert.Equal("Stores", Receive(door, id, "P1", new OpenProduct(id, query, "P1", 1, 4, 1, 1, 1)));
        Assert.Equal("Waits", Receive(door, id, "P1", new MaskedRows(id, query, 0, 4)));
    }

    [Fact]
    public void Batches_WaitByTheirRegistration()
    {
        var (asked, half, door) = (LinkerDesk.NewId(), LinkerDesk.NewId(), _desk.Door());
        Prepare(asked, "Asked");
        Assert.Equal("Refuses", Receive(door, asked, "P1", new DatasetBatch(asked, 0, 1, false)));

        // Of a registered party they wait for the linker's own work, and count by themselves.
        Prepare(half, "Half");
        Fill(half, "batch/P1", 63, "P1/rows");
        Assert.Equal("Stores", Receive(door, half, "P1", new DatasetBatch(half, 100, 1, false)));
        Assert.Equal("Waits", Receive(door, half, "P1", new DatasetBatch(half, 101, 1, false)));
        Assert.Equal((0, 64), (_desk.Read(state => state.Waiting("P1")).Messages, _desk.Read(state => state.Waiting("P1/rows")).Messages));
        Assert.Equal("Refuses", Receive(door, half, "P1", new DatasetBatch(half, -1, 1, false)));
        Assert.Equal("Refuses", Receive(door, half, "P1", new DatasetBatch(half, PartyBounds.Batches, 1, false)));
    }

    [Fact]
    public void MessagesOfAllSessions_HaveNoMoreThanTheirRoom()
    {
        var (id, door) = (LinkerDesk.NewId(), _desk.Door());
        Prepare(id, "Ready");
        Fill(LinkerDesk.NewId(), "query/P1", PartyBounds.WaitingMessages, "P1");
        foreach (var message in new[] { nameof(RunQuery), nameof(OpenProduct), nameof(MaskedRows), nameof(MaskedCorrection), nameof(WithdrawQuery) })
        {
            Assert.Equal("Refuses", Receive(door, id, "P1", MessageOf(message, id, "P1")));
        }

        // What ends a session has its place always.
        Assert.Equal("Stores", Receive(door, id, "P1", MessageOf(nameof(AbortSession), id, "P1")));
    }

    [Theory]
    [InlineData(nameof(RunQuery))]
    [InlineData(nameof(OpenProduct))]
    [InlineData(nameof(MaskedRows))]
    [InlineData(nameof(MaskedCorrection))]
    [InlineData(nameof(ReleaseTables))]
    [InlineData(nameof(WithdrawQuery))]
    public void Query_WhoseIdIsNone_IsRefused(string message)
    {
        var id = LinkerDesk.NewId();
        Prepare(id, "Ready");
        Assert.Equal("Refuses", Receive(_desk.Door(), id, "P1", MessageOf(message, id, "P1", "../../x")));
    }

    [Fact]
    public void Query_ThatIsOver_ItsRemainsAreDropped()
    {
        var (id, query, door) = (LinkerDesk.NewId(), LinkerDesk.NewId(), _desk.Door());
        Prepare(id, "Ready", session => session with { EndedProducts = [query] });
        Assert.Equal("Drops", Receive(door, id, "P1", MessageOf(nameof(OpenProduct), id, "P1", query)));
        Assert.Equal("Drops", Receive(door, id, "P1", MessageOf(nameof(MaskedCorrection), id, "P1", query)));
    }

    /// <summary>What is told to a party that reads nothing is not begun; who asks for it is told.</summary>
    [Fact]
    public void APartnerThatReadsNothing_NothingIsBegunWithIt()
    {
        var door = _desk.Door();
        _desk.Store.Write(state =>
        {
            for (var i = 0; i < PartyBounds.UnreadMessages; i++)
            {
                state.Enqueue(LinkerDesk.NewId(), null, _desk.InboxOf("P2"), new byte[1], bestEffort: false);
            }

            return true;
        });
        foreach (var state in new[] { "none", "Half", "Ready" })
        {
            var id = LinkerDesk.NewId();
            Prepare(id, state);
            Assert.Equal("Answers", Receive(door, id, "P1", MessageOf(nameof(RegisterDataset), id, "P1")));
        }

        var ready = LinkerDesk.NewId();
        Prepare(ready, "Ready");
        Assert.Equal("Answers", Receive(door, ready, "P1", MessageOf(nameof(RunQuery), ready, "P1")));
        Assert.Equal("P1 sent a question whose id is none", Refusal(door, "P1", ready, MessageOf(nameof(RunQuery), ready, "P1", "x")));

        // P2's own partner reads.
        Assert.Equal("Stores", Receive(door, ready, "P2", MessageOf(nameof(RunQuery), ready, "P2")));
        Assert.Contains(_desk.Read(state => state.Outgoing(_desk.InboxOf("P1"), 10)), message =>
            Envelope.Parse(message.Frame).Message is AbortSession { Reason: var reason }
            && reason.StartsWith("P2 has not read the 4,096 messages", StringComparison.Ordinal));
    }

    [Fact]
    public void Sessions_OfOneParty_AreBounded()
    {
        var door = _desk.Door();
        var id = LinkerDesk.NewId();
        _desk.Store.Write(state =>
        {
            for (var i = 0; i < PartyBounds.OpenSessions; i++)
            {
                state.PutSession(new Participants.Store.StoredSession(LinkerDesk.NewId(), "Receiving", "{}", DateTimeOffset.UnixEpoch, "P1"));
            }

            return true;
        });
        Assert.Equal("Answers", Receive(door, id, "P1", MessageOf(nameof(RegisterDataset), id, "P1")));
        Assert.Equal("Opens", Receive(door, id, "P2", new RegisterDataset(id, new byte[32], "P1", "masked", 1, 4, [])));
    }

    [Fact]
    public void ForgottenSession_IsNotOpenedAgain()
    {
        var (id, door) = (LinkerDesk.NewId(), _desk.Door());
        Prepare(id, "Deleted");
        _desk.Store.Write(state =>
        {
            state.DeleteSession(id);
            return true;
        });
        Assert.All(FromParties, type => Assert.Equal("a session of that id has ended long ago", Refusal(door, "P1", id, MessageOf(type.Name, id, "P1"))));
    }

    /// <summary>The door never changes a session: what is wrong with a message is told to its turn.</summary>
    [Fact]
    public void ARepeat_Altered_IsLeftToTheTurn()
    {
        var (id, door) = (LinkerDesk.NewId(), _desk.Door());
        Prepare(id, "Half");
        var version = _desk.Read(state => state.FindVersion(id));
        Assert.Equal("Stores", Receive(door, id, "P1", new DatasetBatch(id, 0, 1, false)));
        Receive(door, id, "P1", new DatasetBatch(id, 0, 2, false));
        Assert.Equal(["batch/P1/00000000", Verdict.Slot], _desk.Read(state => state.PendingSlots(id, "")));
        Assert.Equal((LinkState.Receiving, version), (_desk.Session(id)!.State, _desk.Read(state => state.FindVersion(id))));
    }

    private void Prepare(string id, string state, Func<LinkSession, LinkSession>? change = null)
    {
        var session = LinkSession.Open(id, _desk.Time.GetUtcNow(), "P1", "P2");
        var own = new Registration("P1", "P2", new byte[32], QueryEngine.Masked, 1, 4, []) { Complete = true };
        session = state switch
        {
            "none" or "Asked" => session,
            "Half" => session with { Registrations = [own with { Complete = false }] },
            "Ready" => (session with { Registrations = [own, own with { Party = "P2", Peer = "P1" }] }).Move(LinkTrigger.Complete),
            "Deleted" => (session with { Registrations = [own] }).Move(LinkTrigger.End),
            "Failed" => (session with { Registrations = [own] }).Move(LinkTrigger.Fault),
            _ => throw new ArgumentException(state, nameof(state)),
        };
        if (state != "none")
        {
            _desk.Store.Write(writer =>
            {
                writer.PutSession((change?.Invoke(session) ?? session).ToStored());
                if (state == "Asked")
                {
                    writer.PutInbound(id, "register/P2", new byte[32], _desk.Frame("P2", id, MessageOf(nameof(RegisterDataset), id, "P2")), "P2");
                }

                return true;
            });
        }
    }

    private void Fill(string id, string kind, int count, string sender) => _desk.Store.Write(state =>
    {
        for (var i = 0; i < count; i++)
        {
            state.PutInbound(id, $"{kind}/{i}", new byte[32], new byte[1], sender);
        }

        return true;
    });

    private static object MessageOf(string type, string id, string from, string? query = null) => type switch
    {
        nameof(RegisterDataset) => new RegisterDataset(id, new byte[32], from == "P2" ? "P1" : "P2", "masked", 1, 4, []),
        nameof(DatasetBatch) => new DatasetBatch(id, 0, 1, false),
        nameof(AbortSession) => new AbortSession(id, FailureCodes.Cancelled, "x"),
        nameof(RunQuery) => new RunQuery(id, query ?? LinkerDesk.NewId(), []),
        nameof(OpenProduct) => new OpenProduct(id, query ?? LinkerDesk.NewId(), "P1", 1, 4, 1, 1, MaskedBatch.RowsOf(1)),
        nameof(MaskedRows) => new MaskedRows(id, query ?? LinkerDesk.NewId(), 0, 4),
        nameof(MaskedCorrection) => new MaskedCorrection(id, query ?? LinkerDesk.NewId()),
        nameof(ReleaseTables) => new ReleaseTables(id, query ?? LinkerDesk.NewId()),
        nameof(WithdrawQuery) => new WithdrawQuery(id, query ?? LinkerDesk.NewId(), FailureCodes.Cancelled),
        _ => throw new ArgumentException(type, nameof(type)),
    };

    private string? Refusal(Doorkeeper<LinkSession> door, string from, string? session, object message) =>
        Assert.Throws<RejectedEnvelopeException>(() => door.Receive(_desk.Opened(from, session, message))).Message;

    /// <summary>What became of a message; and that a session that was here was left as it was.</summary>
    private string Receive(Doorkeeper<LinkSession> door, string id, string from, object message)
    {
        var (version, slots, sent) = (_desk.Read(state => state.FindVersion(id)), Slots(), Sent());
        try
        {
            door.Receive(_desk.Opened(from, id, message));
        }
        catch (RejectedEnvelopeException exception)
        {
            Assert.True(exception.IsAuthentic);
            return Slots() == slots && Sent() == sent ? "Refuses" : "refuses and keeps";
        }
        catch (ReceiverBusyException)
        {
            return Slots() == slots && Sent() == sent ? "Waits" : "waits and keeps";
        }

        Assert.True(version is null || version == _desk.Read(state => state.FindVersion(id)), "the door changed a session");
        return (Slots() > slots, Sent() > sent, version is null && _desk.Session(id) is not null) switch
        {
            (true, false, true) => "Opens",
            (true, false, false) => "Stores",
            (false, true, false) => "Answers",
            (false, false, true) => "Marks",
            (false, false, false) => "Drops",
            var other => other.ToString(),
        };

        int Slots() => _desk.Read(state => state.PendingSlots(id, "")).Count;
        int Sent() => _desk.Read(state => state.CountOutgoing(id));
    }
}
