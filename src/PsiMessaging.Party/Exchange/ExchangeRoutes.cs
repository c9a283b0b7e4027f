using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Exchange;

/// <summary>How the messages of agreement and rounds come in: a peer's batches within its credit, before it is known which of them belong there.</summary>
internal sealed class ExchangeRoutes(PartyContext party)
{
    private static readonly Limit ByCredit = Limit.By("the credit of the round, and the bytes of all rounds");

    /// <summary>The routes.</summary>
    public IEnumerable<Route<PartySession>> Routes =>
    [
        SessionRoutes.FromPeer<AcceptSession>(SlotKinds.Acceptance, Limit.OnePlace, message => message.SessionId, rule: arrival =>
            arrival.Session!.State == SessionState.Completed ? Admission.Drop : Admission.Store),
        SessionRoutes.FromPeer<CompleteSession>(SlotKinds.Completion, Limit.OnePlace, message => message.SessionId),
        SessionRoutes.FromPeer<RestartProtocol>(SlotKinds.Restart, Limit.By("one an attempt"),
            message => message.SessionId, message => $"{message.Attempt}", AdmitRestart),
        Rounds(),
        SessionRoutes.FromPeer<GrantCredit>(SlotKinds.Credit, Limit.By("16 a session"), message => message.SessionId,
            message => $"{message.Round:D3}/{message.Batches:D8}{SlotKinds.SuffixOf(message.Attempt ?? 0)}", AdmitCredit),
    ];

    private static Route<PartySession> Rounds()
    {
        var route = SessionRoutes.FromPeer<RoundBatch>(SlotKinds.Round, ByCredit, message => message.SessionId,
            message => SlotKinds.RestOfBatch(message.Round, message.Sequence, message.Attempt ?? 0), AdmitBatch);
        return new Route<RoundBatch, PartySession>(route.From, ByCredit, SlotKinds.Round)
        {
            Names = route.Names, Place = route.Place, Rule = route.Rule, Account = arrival => PeerBounds.RoundsOf(arrival.From),
        };
    }

    private Admission AdmitRestart(Arrival<RestartProtocol, PartySession> arrival)
    {
        var (session, restart) = (arrival.Session!, arrival.Message);
        if (!IsOfRounds(session.State))
        {
            // The rounds are over here: what this party sent or found cannot be taken back.
            return session.IsEnded ? Admission.Drop : Admission.EndSession(FailureCodes.WrongState, Attempts.TooLate(party.Name, session).Message);
        }

        return restart.Attempt is >= 1 and <= Attempts.Maximum && restart.Nonce.Length == 32
            && restart.Transcript.Length == 32 ? Admission.Store : OutOfRange(arrival);
    }

    private static Admission AdmitBatch(Arrival<RoundBatch, PartySession> arrival)
    {
        var (session, batch) = (arrival.Session!, arrival.Message);
        if (IsLate(session, batch.Attempt))
        {
            // Late or idle: nothing waits for it any more.
            return Admission.Drop;
        }

        return (batch.Attempt ?? 0) == session.Attempt && batch.Round >= 1 && batch.Round <= HighestRoundOf(session) && batch.Transcript.Length == 32
            && arrival.Envelope.Body.Length <= PsiProtocols.MaximumBatchBytes
            && batch.Sequence >= 0 && batch.Sequence < session.Consumed.GetValueOrDefault(batch.Round) + RoundBook.CreditWindow
            && PeerBounds.HasRoomForRound(arrival.State, arrival.Envelope) ? Admission.Store : OutOfRange(arrival);
    }

    private static Admission AdmitCredit(Arrival<GrantCredit, PartySession> arrival)
    {
        var (session, grant) = (arrival.Session!, arrival.Message);
        if (IsLate(session, grant.Attempt))
        {
            return Admission.Drop;
        }

        return (grant.Attempt ?? 0) == session.Attempt && grant.Round >= 1
            && grant.Round <= HighestRoundOf(session) && grant.Transcript.Length == 32 && grant.Batches > 0
            && arrival.Waiting(SlotKinds.Credit + "/") < RoundBook.CreditWindow ? Admission.Store : OutOfRange(arrival);
    }

    /// <summary>By the sizes, where they are agreed: with each round the peer may fill another window, and only the largest sets have many.</summary>
    private static int HighestRoundOf(PartySession session) =>
        session is { Chosen: { } protocol, Reveal: { } reveal } ? protocol.HighestRoundOf(session.Sizes, reveal) : PsiProtocols.HighestRound;

    private static bool IsOfRounds(SessionState state) => state is SessionState.Proposed or SessionState.Running;

    private static bool IsLate(PartySession session, int? attempt) => !IsOfRounds(session.State) || (attempt ?? 0) < session.Attempt;

    private static Admission OutOfRange<TMessage>(Arrival<TMessage, PartySession> arrival) => Admission.EndSession(FailureCodes.BadBatch,
        $"{arrival.From} sent a {arrival.Envelope.Header.Type} message out of range, or beyond the credit it has");
}
