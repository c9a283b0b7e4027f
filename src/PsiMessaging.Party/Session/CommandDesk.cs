using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Party.Session;

/// <summary>Does what a command of the own people asks of a session.</summary>
/// <param name="turn">The turn.</param>
/// <param name="command">The command.</param>
/// <returns>What was done; not worked where it has to wait.</returns>
internal delegate TurnOutcome CommandHandler(Turn<PartySession> turn, Waiting<object> command);

/// <summary>Commands of the own CLI about a session. A cancellation comes before whatever else waits; one that fails fails alone.</summary>
internal sealed class CommandDesk(PartyContext party, IReadOnlyDictionary<Type, CommandHandler> handlers) : ISessionArea<PartySession>
{
    /// <summary>The routes of commands about a session that is there.</summary>
    public IEnumerable<Route<PartySession>> Routes =>
    [
        CommandFor<SendDataset>(command => command.SessionId),
        CommandFor<SubmitQuery>(command => command.SessionId),
        CommandFor<CancelSession>(command => command.SessionId),
        CommandFor<DecideApproval>(command => command.SessionId),
    ];

    /// <summary>Says no.</summary>
    public static CommandReply Refusal(PartySession session, string code, string message) => new(false, session.Id, code, message);

    /// <summary>What a session that is not completed says to who wants something of it.</summary>
    public static CommandReply NotCompleted(PartySession session) => Refusal(session, FailureCodes.WrongState, session.State == SessionState.Failed
        ? $"the session failed: {session.FailureReason}"
        : $"the session is not completed yet ({session.State}); see: psi status {session.Id}");

    /// <summary>Answers a command, and is done with it.</summary>
    public static TurnOutcome Answer(Turn<PartySession> turn, Waiting<object> command, CommandReply reply) =>
        turn.Commit(effects => Answer(effects, command, reply));

    /// <summary>The same as part of something larger.</summary>
    public static void Answer(Effects effects, Waiting<object> command, CommandReply reply)
    {
        effects.Reply(command.Envelope.Header.ReplyTo, command.Envelope.Header.Correlation, reply);
        effects.Finish(command.Slot);
    }

    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<PartySession> turn)
    {
        DateTimeOffset? wakeAt = null;
        var commands = turn.Slots(SlotKinds.Command).Take(100).Select(turn.At<object>).OfType<Waiting<object>>().ToArray();
        foreach (var command in commands.OrderBy(command => command.Message is CancelSession ? 0 : 1))
        {
            var outcome = Do(turn, command);
            if (outcome.HasWorked)
            {
                return new(outcome);
            }

            wakeAt = wakeAt < outcome.WakeAt ? wakeAt : outcome.WakeAt ?? wakeAt;
        }

        return new(new TurnOutcome(false, wakeAt));
    }

    private TurnOutcome Do(Turn<PartySession> turn, Waiting<object> command)
    {
        try
        {
            return command.Envelope.Header.NotAfter < turn.Now
                ? Answer(turn, command, Refusal(turn.Session, FailureCodes.Deadline, "it was given up before it could begin"))
                : handlers.TryGetValue(command.Message.GetType(), out var handler) ? handler(turn, command)
                : Answer(turn, command, Refusal(turn.Session, FailureCodes.Unsupported, "the command is not known"));
        }
        catch (Exception exception) when (Faults.IsLasting(exception))
        {
            // It fails alone: what else the session does goes on.
            party.Log.StepFault(exception, turn.Session.Id);
            return Answer(turn, command,
                Refusal(turn.Session, FailureCodes.Internal, $"{party.Name} could not do it: {exception.GetType().Name}; its log says more"));
        }
    }

    private Route<PartySession> CommandFor<TCommand>(Func<TCommand, string> session) =>
        new Route<TCommand, PartySession>(SenderRole.Self, Limit.By("the own people's"), SlotKinds.Command)
    {
        For = (command, envelope) =>
            envelope.Header.Correlation is null ? throw new RejectedEnvelopeException("a command without a correlation id") : session(command),
        Place = (_, envelope) => envelope.Header.Correlation!,
        Unknown = arrival =>
        {
            party.Services.Post.Reply(arrival.State, arrival.Envelope.Header.ReplyTo, arrival.Envelope.Header.Correlation,
                new CommandReply(false, null, FailureCodes.UnknownSession, $"{party.Name} has no session {session(arrival.Message)}; see: psi sessions"));
            return null;
        },
    };
}
