using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Result;

/// <summary>Holds the peer's report against the own result: a difference fails the session at both.</summary>
internal sealed class Comparing(PartyContext party) : ISessionArea<PartySession>
{
    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<PartySession> turn)
    {
        var session = turn.Session;
        WriteOwn(session);
        if (turn.Next<CompleteSession>(SlotKinds.Completion) is not { } waiting)
        {
            return new(TurnOutcome.Idle);
        }

        var completion = waiting.Message;
        var expected = session.PeerIntersectionHash is not null ? session.IntersectionSize : null;
        if (!completion.Transcript.AsSpan().SequenceEqual(session.Transcript) || completion.IntersectionSize != expected
            || !CryptographicOperations.FixedTimeEquals(completion.IntersectionHash ?? [], session.PeerIntersectionHash ?? []))
        {
            throw new ProtocolViolationException(FailureCodes.ResultMismatch,
                $"{session.Peer} and {party.Name} found different intersections; neither is kept");
        }

        turn.Commit(session.Move(SessionTrigger.Agree) with { HadResult = true, Warning = null, EndedAt = turn.Now }, effects =>
        {
            effects.Finish(waiting.Slot);
            effects.Forget(SlotKinds.OfRounds);
            effects.Audit("session-completed", waiting.Envelope, ("session", session.Id), ("peer", session.Peer),
                ("reveal", WireNames.NameOf(session.Reveal)), ("own", session.OwnDistinct), ("peers", session.PeerDistinct),
                ("common", session.IntersectionSize));
        });
        party.Log.Completed(session.Id, session.IntersectionSize is { } common ? $"{common}" : "the peer alone knows how many");
        return new(TurnOutcome.Worked);
    }

    /// <summary>While the peer computes. Where there is a list of common identifiers there is one that joins to the own file.</summary>
    private void WriteOwn(PartySession session)
    {
        var folder = party.FolderOf(session);
        if (!File.Exists(folder.OwnIntersection) && File.Exists(folder.Intersection))
        {
            IntersectionFile.WriteOwn(folder.OwnIntersection, party.DatasetOf(session), party.Datasets, MatchedRows.Read(folder.Path));
        }
    }
}
