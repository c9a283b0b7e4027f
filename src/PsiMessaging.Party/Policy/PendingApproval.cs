using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Policy;

/// <summary>The other side lets know that a person there has to say yes first: shown to the own people, and nothing else.</summary>
internal sealed class PendingApproval(PartyContext party) : ISessionArea<PartySession>
{
    /// <summary>How it comes in.</summary>
    public static IEnumerable<Route<PartySession>> Routes =>
    [
        SessionRoutes.FromPeer<ApprovalPending>(SlotKinds.Pending, Limit.Few(32), message => message.SessionId, message => message.QueryId ?? "session",
            arrival => arrival.Message.QueryId is null
                ? arrival.Session!.State == SessionState.Proposed ? Admission.Store : Admission.Drop
                : arrival.Session!.OpenQueries.Contains(arrival.Message.QueryId) ? Admission.Store : Admission.Drop),
    ];

    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<PartySession> turn)
    {
        if (turn.Next<ApprovalPending>(SlotKinds.Pending) is not { } waiting)
        {
            return new(TurnOutcome.Idle);
        }

        var what = waiting.Message.QueryId is { } query ? $"the question {query[..8]}" : "the session";
        var session = turn.Session with { Warning = $"{turn.Session.Peer}'s people have to approve {what} first" };
        party.Log.KeyWarning(session.Id, session.Warning);
        return new(turn.Commit(session, effects =>
        {
            effects.Finish(waiting.Slot);
            effects.Audit("approval-pending", ("session", session.Id), ("peer", session.Peer), ("query", waiting.Message.QueryId));
        }));
    }
}
