using PsiMessaging.Contracts.V1;
using PsiMessaging.Linker.Engines;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Registering;

/// <summary>Takes the parties' registrations, which must agree; answers those that come too late.</summary>
/// <param name="linker">The linker.</param>
/// <param name="ending">How a session ends whose registrations are refused.</param>
/// <param name="engines">What rows are registered for.</param>
internal sealed class Registrations(LinkerContext linker, Ending ending, IReadOnlyList<ILinkerEngine> engines) : ISessionArea<LinkSession>
{
    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<LinkSession> turn) =>
        new(turn.Next<RegisterDataset>(SlotKinds.Registration) is { } request ? Take(turn, request) : TurnOutcome.Idle);

    private TurnOutcome Take(Turn<LinkSession> turn, Waiting<RegisterDataset> waiting)
    {
        var (session, from, request) = (turn.Session, waiting.From, waiting.Message);
        if (session.Ended)
        {
            return turn.Commit(effects =>
            {
                effects.Finish(waiting.Slot);
                var (code, reason) = (session.FailureCode ?? FailureCodes.WrongState, session.FailureReason ?? "the session was ended");
                effects.Audit("registration-refused", waiting.Envelope, ("session", session.Id), ("party", from), ("code", code));
                effects.SendRepeatable(from, new AbortSession(session.Id, code, reason));
            });
        }

        if (RegistrationCheck.FaultOf(linker, session, from, request, waiting.Envelope.Body.Span) is { } fault)
        {
            return ending.FailNow(turn, fault, session, effects =>
                effects.Audit("registration-refused", waiting.Envelope, ("session", session.Id), ("party", from), ("code", fault.Code)));
        }

        var engine = engines.Single(candidate => WireNames.NameOf(candidate.Kind) == request.Engine);
        var registration = new Registration(from, request.Peer, request.Transcript, engine.Kind, request.MinCell, request.Rows, request.Columns)
        {
            Complete = !engine.HasRows,
        };
        var offer = engine.Register(session.Id, from, waiting.Envelope.Body.Span);
        var next = session with { Registrations = [.. session.Registrations, registration] };
        turn.Commit(next.Move(next.IsWhole ? LinkTrigger.Complete : LinkTrigger.Take), effects =>
        {
            effects.Finish(waiting.Slot);
            effects.Audit("registration-opened", waiting.Envelope, ("session", session.Id), ("party", from), ("rows", request.Rows),
                ("columns", request.Columns.Count), ("minCell", request.MinCell));
            if (registration.Complete)
            {
                Announce(effects, session.Id, registration, offer);
            }
        });
        linker.Log.Registered(session.Id, from, request.Rows);
        return TurnOutcome.Worked;
    }

    /// <summary>Tells both parties that all of one's rows are here.</summary>
    /// <param name="effects">Where to.</param>
    /// <param name="session">The session.</param>
    /// <param name="registration">Whose rows.</param>
    /// <param name="offer">What that party is to hear of its registration's body.</param>
    public static void Announce(Effects effects, string session, Registration registration, byte[]? offer = null)
    {
        foreach (var party in new[] { registration.Party, registration.Peer })
        {
            effects.Send(party, new DatasetRegistered(session, registration.Party, registration.Rows, offer));
        }
    }
}
