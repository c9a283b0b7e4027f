using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Party.Session;

/// <summary>The own people end a session.</summary>
internal sealed class Cancelling(PartyContext party, Ending ending)
{
    /// <summary>Does it, and says so.</summary>
    public TurnOutcome Cancel(Turn<PartySession> turn, Waiting<object> command)
    {
        var session = turn.Session;
        return session.State == SessionState.Failed
            ? CommandDesk.Answer(turn, command,
                CommandDesk.Refusal(session, FailureCodes.WrongState, $"the session has ended already: {session.FailureReason}"))
            : ending.Fail(turn, SessionTrigger.End, FailureCodes.Cancelled, $"{party.Name} cancelled the session",
                follow: effects => CommandDesk.Answer(effects, command, new CommandReply(true, session.Id, null, "cancelled")));
    }
}
