using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Rows;

/// <summary>
/// The own people allow that a session's common rows go to the linker, or that this party contributes to questions; the session's engine does it.
/// </summary>
internal sealed class RowsDesk(PartyContext party, QuestionEngines engines) : ISessionArea<PartySession>
{
    /// <summary>Takes their word.</summary>
    public TurnOutcome Allow(Turn<PartySession> turn, Waiting<object> command)
    {
        var session = turn.Session;
        if (session.State != SessionState.Completed)
        {
            return CommandDesk.Answer(turn, command, CommandDesk.NotCompleted(session));
        }

        if (session.Reveal != RevealTo.Both)
        {
            return CommandDesk.Answer(turn, command, CommandDesk.Refusal(session, FailureCodes.WrongState,
                $"only a session that reveals its result to both parties can send rows, and this one reveals {WireNames.NameOf(session.Reveal)}; open another "
                    + "with --reveal both"));
        }

        var allowed = RowsMachine.Next(session.Registration, RowsTrigger.Allow);
        var next = allowed == session.Registration ? session : session with { Registration = allowed, FailureReason = null, SendStartedAt = turn.Now };
        return turn.Commit(next, effects => CommandDesk.Answer(effects, command, new CommandReply(true, session.Id)));
    }

    /// <inheritdoc/>
    public async ValueTask<TurnOutcome> StepAsync(Turn<PartySession> turn) =>
        turn.Session.Registration is RegistrationState.Opening or RegistrationState.Sending && turn.InOutbox < PartyContext.OutboxWindow
            ? await engines.Of(turn.Session).SendRowsAsync(turn) : TurnOutcome.Idle;

    /// <summary>
    /// The rows cannot be read or sent: the intersection stands, and a person may try it again. What is
    /// at the linker already is not touched by a fault elsewhere.
    /// </summary>
    public TurnOutcome Fail(Turn<PartySession> turn, string reason)
    {
        var session = turn.Session;
        var registration = RowsMachine.Next(session.Registration, RowsTrigger.Fault);
        if (registration != session.Registration)
        {
            turn.Commit(session with { Registration = registration, SendSequence = 0, SendRow = 0, OwnColumns = null, FailureReason = reason });
        }

        party.Log.Failed(session.Id, FailureCodes.UnusableDataset, reason);
        return TurnOutcome.Idle;
    }
}
