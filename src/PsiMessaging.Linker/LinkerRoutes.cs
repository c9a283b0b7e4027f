using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Linker.Registering;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Linker;

/// <summary>Takes masked rows of a query that is open straight to their file; false where they have to wait.</summary>
internal delegate bool StraightRows(string session, MaskedRows rows, Envelope envelope);

/// <summary>
/// Who may send the linker what, when, and how much of it may wait. Frames for which there is no room stay with the broker only where what they wait for
/// goes by the linker's own work, and by no message that may lie behind them; or not for long.
/// </summary>
/// <param name="opening">What opens sessions.</param>
/// <param name="straight">Takes masked rows.</param>
internal sealed class LinkerRoutes(SessionOpening opening, StraightRows straight)
{
    private static readonly Limit RoomForBatches = Limit.By("64 batches and 512 MiB of a registered party");

    /// <summary>The table.</summary>
    /// <exception cref="InvalidOperationException">A message has no route.</exception>
    public RouteTable<LinkSession> Create() => new(
        [
            // Of the two parties' rows.
            new Route<RegisterDataset, LinkSession>(SenderRole.Party, Limit.OnePlace, SlotKinds.Registration)
            {
                BySender = true, Names = message => message.SessionId, Unknown = opening.ByRegistration, Rule = Registration,
            },
            new Route<DatasetBatch, LinkSession>(SenderRole.Party, RoomForBatches, SlotKinds.Batch)
            {
                BySender = true, Names = message => message.SessionId, Place = (message, _) => $"{message.Sequence:D8}",
                Unknown = opening.ByNothing, Rule = Batch, Account = arrival => RowsOf(arrival.From),
            },
            new Route<AbortSession, LinkSession>(SenderRole.Party, Limit.OnePlace, SlotKinds.Abort)
            {
                BySender = true, Names = message => message.SessionId, Unknown = opening.ByAbort, Rule = Anyone,
            },
            // Of questions.
            new Route<RunQuery, LinkSession>(SenderRole.Party, Limit.Few(PartyBounds.WaitingQuestions), SlotKinds.Query)
            {
                BySender = true, Names = message => message.SessionId, Place = (message, _) => message.QueryId, Unknown = opening.ByQuestion, Rule = Question,
            },
            new Route<OpenProduct, LinkSession>(SenderRole.Party, Limit.Few(PartyBounds.WaitingForQueries), SlotKinds.Opening)
            {
                BySender = true, Names = message => message.SessionId, Place = (message, _) => message.QueryId, Unknown = opening.ByNothing, Rule = Opening,
            },
            new Route<MaskedRows, LinkSession>(SenderRole.Party, Limit.Few(PartyBounds.WaitingForQueries), SlotKinds.MaskedRows)
            {
                BySender = true, Names = message => message.SessionId, Place = (message, _) => $"{message.QueryId}/{message.Sequence:D8}",
                Unknown = opening.ByNothing, Rule = Rows, Straight = straight.Invoke,
            },
            new Route<MaskedCorrection, LinkSession>(SenderRole.Party, Limit.Few(PartyBounds.WaitingForQueries), SlotKinds.Correction)
            {
                BySender = true, Names = message => message.SessionId, Place = (message, _) => message.QueryId, Unknown = opening.ByNothing, Rule = Correction,
            },
            new Route<ReleaseTables, LinkSession>(SenderRole.Party, Limit.Few(PartyBounds.WaitingForQueries), SlotKinds.Tables)
            {
                BySender = true, Names = message => message.SessionId, Place = (message, _) => message.QueryId, Unknown = opening.ByNothing, Rule = Tables,
            },
            new Route<WithdrawQuery, LinkSession>(SenderRole.Party, Limit.Few(PartyBounds.WaitingForQueries), SlotKinds.Withdrawal)
            {
                BySender = true, Names = message => message.SessionId, Place = (message, _) => message.QueryId, Unknown = opening.ByNothing, Rule = Withdrawal,
            },
            .. NotForALinker(),
        ],
        new Room(PartyBounds.WaitingMessages, PartyBounds.WaitingBytes),
        whom: " to a linker");

    private static IEnumerable<Route<LinkSession>> NotForALinker() =>
    [
        // Between the parties.
        RouteTable<LinkSession>.Never<ProposeSession>(), RouteTable<LinkSession>.Never<AcceptSession>(), RouteTable<LinkSession>.Never<RestartProtocol>(),
        RouteTable<LinkSession>.Never<ApprovalPending>(),
        RouteTable<LinkSession>.Never<RoundBatch>(), RouteTable<LinkSession>.Never<GrantCredit>(), RouteTable<LinkSession>.Never<CompleteSession>(),
        RouteTable<LinkSession>.Never<AnnounceColumns>(), RouteTable<LinkSession>.Never<ProposeQuery>(), RouteTable<LinkSession>.Never<AcceptQuery>(),
        RouteTable<LinkSession>.Never<RefuseQuery>(),
        // The linker's own words.
        RouteTable<LinkSession>.Never<DatasetRegistered>(), RouteTable<LinkSession>.Never<QueryAnswered>(), RouteTable<LinkSession>.Never<QueryRefused>(),
        RouteTable<LinkSession>.Never<QueryAsked>(), RouteTable<LinkSession>.Never<ProductComputed>(), RouteTable<LinkSession>.Never<ReleaseTransfer>(),
        // Commands of a party's people, and their answer.
        RouteTable<LinkSession>.Never<StartSession>(), RouteTable<LinkSession>.Never<SendDataset>(), RouteTable<LinkSession>.Never<SubmitQuery>(),
        RouteTable<LinkSession>.Never<CancelSession>(), RouteTable<LinkSession>.Never<DecideApproval>(), RouteTable<LinkSession>.Never<CommandReply>(),
    ];

    /// <summary>Most bytes of a release's program behind a correction.</summary>
    private const int LongestProgram = 2 << 20;

    private Admission Registration(Arrival<RegisterDataset, LinkSession> arrival)
    {
        opening.RequireRegistration(arrival.From, arrival.Message);
        return Outsider(arrival) ?? opening.Unread(arrival, arrival.Message.Peer) ?? Admission.Store;
    }

    private static Admission Anyone<TMessage>(Arrival<TMessage, LinkSession> arrival) => Outsider(arrival) ?? Admission.Store;

    private static Admission Batch(Arrival<DatasetBatch, LinkSession> arrival)
    {
        if (Outsider(arrival) is { } refusal)
        {
            return refusal;
        }

        if (arrival.Session!.Ended)
        {
            return Admission.Drop;
        }

        if (arrival.Message.Sequence is < 0 or >= PartyBounds.Batches || arrival.Envelope.Body.Length > EncryptedBatch.MaximumBodyBytes)
        {
            return Unwanted(arrival);
        }

        // Rows go on their way to files, and count by themselves; they leave their party after its registration was taken here.
        return !IsRegistered(arrival) ? Unwanted(arrival)
            : arrival.Waiting($"{SlotKinds.Of(SlotKinds.Batch, arrival.From)}/") < PartyBounds.WaitingBatches && HasRoom(arrival) ? Admission.Store
            : Admission.Busy;
    }

    private Admission Question(Arrival<RunQuery, LinkSession> arrival)
    {
        if (Outsider(arrival) is { } refusal)
        {
            return refusal;
        }

        return OtherOf(arrival.Session!, arrival.From) is { } other && opening.Unread(arrival, other) is { } unread ? unread
            : ParticipantNames.IsId(arrival.Message.QueryId) ? Admission.Store : Unwanted(arrival);
    }

    private static Admission Opening(Arrival<OpenProduct, LinkSession> arrival) => ForQuery(arrival, arrival.Message.QueryId, isReady: true, isFresh: true);

    private static Admission Correction(Arrival<MaskedCorrection, LinkSession> arrival) =>
        ForQuery(arrival, arrival.Message.QueryId, isReady: true, isFresh: true) is var admission && admission == Admission.Store
            && arrival.Envelope.Body.Length > (8 * MaskedBatch.MaximumColumns * MaskedBatch.MaximumColumns) + LongestProgram ? Unwanted(arrival) : admission;

    /// <summary>Tables are waited for from the party that does not ask, once the linker has offered its bits.</summary>
    private static Admission Tables(Arrival<ReleaseTables, LinkSession> arrival) =>
        ForQuery(arrival, arrival.Message.QueryId, isReady: true, isFresh: true) is var admission && admission != Admission.Store ? admission
            : arrival.Session!.Products.GetValueOrDefault(arrival.Message.QueryId) is { IsReleasing: true } product && product.Asker != arrival.From
                ? Admission.Store : Unwanted(arrival);

    private static Admission Withdrawal(Arrival<WithdrawQuery, LinkSession> arrival) =>
        ForQuery(arrival, arrival.Message.QueryId, isReady: false, isFresh: false);

    private static Admission Rows(Arrival<MaskedRows, LinkSession> arrival)
    {
        var (message, from) = (arrival.Message, arrival.From);
        if (ForQuery(arrival, message.QueryId, isReady: true, isFresh: false) is var admission && admission != Admission.Store)
        {
            return admission;
        }

        if (message.Sequence < 0 || arrival.Envelope.Body.Length > MaskedBatch.MaximumBodyBytes)
        {
            return Unwanted(arrival);
        }

        // Masked rows before their opening was looked at.
        return arrival.Waiting($"{SlotKinds.Of(SlotKinds.MaskedRows, from)}/") >= PartyBounds.WaitingForQueries
            && arrival.State.FindFrame(arrival.Id!, SlotKinds.Of(SlotKinds.Opening, from, message.QueryId)) is not null ? Admission.Busy : Admission.Store;
    }

    /// <summary>What holds for all that belongs to a query of engine <c>masked</c>.</summary>
    /// <param name="arrival">The message.</param>
    /// <param name="query">The query it names.</param>
    /// <param name="isReady">Whether the session must be ready: the parties ask when both have heard that both are registered.</param>
    /// <param name="isFresh">Whether it is dropped where the query is known to be over.</param>
    private static Admission ForQuery<TMessage>(Arrival<TMessage, LinkSession> arrival, string query, bool isReady, bool isFresh)
    {
        var session = arrival.Session!;
        return Outsider(arrival) is { } refusal ? refusal
            : session.Ended || (isFresh && session.EndedProducts.Contains(query)) ? Admission.Drop
            : (isReady && session.State != LinkState.Ready) || !ParticipantNames.IsId(query) ? Unwanted(arrival)
            : Admission.Store;
    }

    private static Admission? Outsider<TMessage>(Arrival<TMessage, LinkSession> arrival) =>
        arrival.Session!.IsPartOf(arrival.From) ? null : Admission.Refuse($"{arrival.From} has no part in this session");

    /// <summary>The party that is told of a question; null while no registration names it.</summary>
    private static string? OtherOf(LinkSession session, string from) =>
        session.Registrations is [var first, ..] ? first.Party == from ? first.Peer : first.Party : null;

    /// <summary>Whether a party's registration is here, looked at or not yet.</summary>
    private static bool IsRegistered<TMessage>(Arrival<TMessage, LinkSession> arrival) =>
        arrival.Session!.HasRegistered(arrival.From) || arrival.State.FindFrame(arrival.Id!, SlotKinds.Of(SlotKinds.Registration, arrival.From)) is not null;

    private static bool HasRoom<TMessage>(Arrival<TMessage, LinkSession> arrival) =>
        arrival.State.Waiting(RowsOf(arrival.From)).Bytes + arrival.Envelope.Frame.Length <= PartyBounds.WaitingBytes;

    private static string RowsOf(string party) => party + "/rows";

    private static Admission Unwanted<TMessage>(Arrival<TMessage, LinkSession> arrival) =>
        Admission.Refuse($"{arrival.From} sent a {arrival.Envelope.Header.Type} message that nothing waits for, or more than may wait here");
}
