using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Exchange;

/// <summary>
/// Rounds that begin again: where a party cannot go on under the secrets it has, nothing more is sent under them; both parties draw fresh ones. Never after
/// something left that depends on the peer's set, and three times at most.
/// </summary>
internal sealed class Attempts(PartyContext party, Exchanges exchanges, Ending ending) : ISessionArea<PartySession>
{
    /// <summary>Attempts after the first before a session gives up.</summary>
    public const int Maximum = 3;

    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<PartySession> turn)
    {
        if (turn.Next<RestartProtocol>(SlotKinds.Restart) is not { } waiting)
        {
            return new(TurnOutcome.Idle);
        }

        var (session, restart) = (turn.Session, waiting.Message);
        if (session.State != SessionState.Running)
        {
            throw TooLate(party.Name, session);
        }

        if (!MayTake(session, restart))
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} restarts the protocol where it cannot be restarted");
        }

        if (restart.Attempt <= session.Attempt)
        {
            // It answers ours, or both had the same thought; an older one is over.
            var next = restart.Attempt == session.Attempt ? session with { PeerAttemptNonce = restart.Nonce } : session;
            return new(turn.Commit(next, effects => effects.Finish(waiting.Slot)));
        }

        return new(Restart(turn, $"{session.Peer} drew fresh secrets", restart.Nonce, waiting.Slot));
    }

    /// <summary>A peer that begins again after this party's rounds were over.</summary>
    public static ProtocolViolationException TooLate(string name, PartySession session) =>
        new(FailureCodes.WrongState, $"{session.Peer} had to begin the protocol again after {name} was done; open another session");

    /// <summary>Begins again, or ends the session where that cannot be.</summary>
    public TurnOutcome RestartOrFail(Turn<PartySession> turn, string reason)
    {
        try
        {
            return Restart(turn, reason);
        }
        catch (ProtocolViolationException violation)
        {
            return ending.Fail(turn, SessionTrigger.Fault, violation.Code, violation.Message);
        }
    }

    private static bool MayTake(PartySession session, RestartProtocol restart) =>
        session.Chosen is { CanRestart: true } && restart.Nonce.Length == 32 && restart.Attempt is >= 1 and <= Maximum && restart.Attempt <= session.Attempt + 1
        && restart.Transcript.AsSpan().SequenceEqual(session.HandshakeHash) && (restart.Attempt != session.Attempt || session.PeerAttemptNonce is null);

    /// <summary>Gives up the attempt: fresh secrets first, then everything about the old rounds goes in one write, with the message to the peer.</summary>
    private TurnOutcome Restart(Turn<PartySession> turn, string reason, byte[]? peerNonce = null, string? slot = null)
    {
        var session = turn.Session;
        if (session.HasReported || session.Chosen!.ReleasingRounds.Any(session.Produced.ContainsKey))
        {
            // Another attempt would evaluate again what was agreed once: the peer could bring another set each time.
            throw new ProtocolViolationException(FailureCodes.WrongState,
                $"the protocol cannot begin again after {party.Name} has sent what depends on the peer's set ({reason}); open another session");
        }

        var attempt = session.Attempt + 1;
        if (attempt > Maximum)
        {
            throw new ProtocolViolationException(FailureCodes.Internal, $"the protocol was begun {attempt} times without success; the last reason: {reason}");
        }

        // A crash between here and the write leaves an unused file, which the next try takes up: it was never sent under.
        var folder = party.FolderOf(session).Path;
        using var secrets = SessionSecrets.LoadOrCreate(folder, 0, attempt);
        var nonce = secrets.Nonce();
        var restarted = session.Move(SessionTrigger.Restart) with
        {
            Attempt = attempt, OwnAttemptNonce = nonce, PeerAttemptNonce = peerNonce, TotalBatches = 0,
            Produced = new Dictionary<int, int>(), Consumed = new Dictionary<int, int>(),
            Credit = new Dictionary<int, int>(), Sent = new Dictionary<int, byte[]>(),
        };
        turn.Commit(restarted, effects =>
        {
            if (slot is not null)
            {
                effects.Finish(slot);
            }

            effects.Forget(SlotKinds.OfRounds);
            effects.Send(session.Peer, new RestartProtocol(session.Id, session.HandshakeHash, attempt, nonce));
            effects.Audit("protocol-restarted", ("session", session.Id), ("peer", session.Peer), ("attempt", attempt), ("reason", reason));
        });
        party.Log.Restarted(session.Id, attempt, reason);
        exchanges.Close(session.Id);
        SessionSecrets.Destroy(folder, session.Attempt);
        return TurnOutcome.Worked;
    }
}
