using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Store;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Engine;

/// <content>
/// Protocols over whole vectors after a restart: what was received is given to them again and what had been sent is made again and held against a hash of
/// it. Where that fails, or the keys are unlucky, nothing more is sent under the old secrets: both parties draw fresh ones and the rounds begin anew.
/// </content>
public sealed partial class PartyEngine
{
    /// <summary>Attempts after the first before a session gives up.</summary>
    private const int MaximumAttempts = 3;

    /// <summary>For tests: called before a protocol party makes a batch or compares, with the session as it is then; may throw what a party would throw.</summary>
    internal Action<PartySession> OnVectors { get; set; } = _ => { };

    /// <summary>Takes the peer's word that it begins again, and its nonce.</summary>
    /// <returns>Whether the session changed.</returns>
    private bool TakeRestart(PartySession session)
    {
        if (Store.Read(transaction => transaction.Pending(session.Id, "restart/", 1)) is not [var pending])
        {
            return false;
        }

        var restart = (RestartProtocol)Envelope.Parse(pending.Frame).Message;
        if (session.Chosen is not { CanRestart: true } || restart.Nonce.Length != 32 || restart.Attempt is < 1 or > MaximumAttempts || restart.Attempt > session.Attempt + 1
            || !restart.Transcript.AsSpan().SequenceEqual(session.HandshakeHash) || (restart.Attempt == session.Attempt && session.PeerAttemptNonce is not null))
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} restarts the protocol where it cannot be restarted");
        }

        if (restart.Attempt <= session.Attempt)
        {
            // It answers ours, or both had the same thought; an older one is over.
            Change(session, transaction =>
            {
                transaction.Finish(session.Id, pending.Slot);
                return restart.Attempt == session.Attempt ? session with { PeerAttemptNonce = restart.Nonce } : session;
            });
            return true;
        }

        Restart(session, $"{session.Peer} drew fresh secrets", restart.Nonce, pending.Slot);
        return true;
    }

    /// <summary>Gives up the attempt: fresh secrets first, then everything about the old rounds goes in one write, with the message to the peer.</summary>
    private void Restart(PartySession session, string reason, byte[]? peerNonce = null, string? slot = null)
    {
        if (session.HasReported || (session.Chosen?.ReleasingRounds ?? []).Any(session.Produced.ContainsKey))
        {
            // Another attempt would evaluate again what was agreed once: the peer could bring another set each time.
            throw new ProtocolViolationException(FailureCodes.WrongState, $"the protocol cannot begin again after {Home.Name} has sent what depends on the peer's set ({reason}); open another session");
        }

        var attempt = session.Attempt + 1;
        if (attempt > MaximumAttempts)
        {
            throw new ProtocolViolationException(FailureCodes.Internal, $"the protocol was begun {attempt} times without success; the last reason: {reason}");
        }

        // A crash between here and the write leaves an unused file, which the next try takes up: it was never sent under.
        using var secrets = SessionSecrets.LoadOrCreate(Home.SessionPath(session.Id), 0, attempt);
        var nonce = secrets.Nonce();
        Change(session, transaction =>
        {
            if (slot is not null)
            {
                transaction.Finish(session.Id, slot);
            }

            transaction.DropRounds(session.Id);
            Send(transaction, session.Peer, session.Id, new RestartProtocol(session.Id, session.HandshakeHash, attempt, nonce));
            Audit.Append(transaction, "protocol-restarted", ("session", session.Id), ("peer", session.Peer), ("attempt", attempt), ("reason", reason));
            return session with
            {
                Attempt = attempt, OwnAttemptNonce = nonce, PeerAttemptNonce = peerNonce, TotalBatches = 0,
                Produced = new Dictionary<int, int>(), Consumed = new Dictionary<int, int>(), Credit = new Dictionary<int, int>(), Sent = new Dictionary<int, byte[]>(),
            };
        });
        LogRestarted(session.Id, attempt, reason);
        Deactivate(session.Id);
        DisposeRetired(session.Id);
        SessionSecrets.Destroy(Home.SessionPath(session.Id), session.Attempt);
    }

    private void RestartOrFail(PartySession session, string reason)
    {
        try
        {
            Restart(session, reason);
        }
        catch (ProtocolViolationException violation)
        {
            FailNow(session, violation.Code, violation.Message, tellPeer: true);
        }
    }

    /// <summary>Brings a party over whole vectors to where the session stands on disk.</summary>
    /// <exception cref="RestartException">What it would send is not what it had sent.</exception>
    private async Task ResumeAsync(PartySession session, ActiveSession active, IVectorParty party)
    {
        // By number: no round depends on a later one.
        foreach (var round in party.Rounds.Where(round => round.Direction == RoundDirection.Incoming).OrderBy(round => round.Number))
        {
            var (batches, consumed) = (new List<int>(), session.Consumed.GetValueOrDefault(round.Number));
            Store.Read(transaction =>
            {
                transaction.ReadKept(session.Id, round.Number, (sequence, _) => batches.Add(sequence));
                return true;
            });
            if (batches.Count != consumed)
            {
                throw new RestartException("what the peer had sent is not all there any more");
            }

            foreach (var sequence in batches)
            {
                var frame = Store.Read(transaction => transaction.FindFrame(session.Id, SlotOf(round.Number, sequence, session.Attempt)))
                    ?? throw new RestartException("what the peer had sent is not all there any more");
                active.Taken.Add(new BatchPlace(round.Number, sequence, Incoming: true));
                try
                {
                    await party.AbsorbAsync(round, sequence, Envelope.Parse(frame).Body);
                }
                catch (ProtocolViolationException violation)
                {
                    // It was taken before, so it is not the peer that has changed: with another seed the check of the extension, say, fails.
                    throw new RestartException($"what the peer had sent does not fit the own secrets any more ({violation.Message})");
                }
            }
        }

        foreach (var round in party.Rounds.Where(round => round.Direction == RoundDirection.Outgoing && session.Produced.GetValueOrDefault(round.Number) > 0))
        {
            byte[]? hash = null;
            for (var sequence = 0; sequence < session.Produced[round.Number]; sequence++)
            {
                hash = Chain(hash, await party.ProduceAsync(round, sequence));
            }

            if (!hash.AsSpan().SequenceEqual(session.Sent.GetValueOrDefault(round.Number)))
            {
                throw new RestartException("the protocol would send other bytes than it had sent before");
            }
        }
    }

    /// <summary>A fault while a protocol over whole vectors read or wrote something: it is brought back from disk at the next step.</summary>
    private void ForgetVectors(string session)
    {
        bool vectors;
        lock (_cacheLock)
        {
            vectors = _active.TryGetValue(session, out var active) && active.Vectors is not null;
        }

        if (vectors)
        {
            Deactivate(session);
        }
    }

    /// <summary>Hash over a round's batches so far, 32 bytes.</summary>
    private static byte[] Chain(byte[]? former, byte[] batch)
    {
        using var hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        hash.AppendData(former ?? []);
        hash.AppendData(batch);
        return hash.GetHashAndReset();
    }

    [Microsoft.Extensions.Logging.LoggerMessage(EventId = 206, Level = Microsoft.Extensions.Logging.LogLevel.Warning, Message = "Session {Session}: attempt {Attempt} at the protocol: {Reason}")]
    private partial void LogRestarted(string session, int attempt, string reason);
}
