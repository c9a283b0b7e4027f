using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Store;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Engine;

/// <content>How sessions end without a result, and what is cleaned up.</content>
public sealed partial class PartyEngine
{
    /// <summary>What a peer is told where the reason speaks of own files, datasets or settings.</summary>
    private string OwnMatter => $"{Home.Name} cannot go on with its own files or settings; its people see why";

    private void FailNow(PartySession session, string code, string reason, bool tellPeer, string? peerReason = null)
    {
        Store.Write(transaction =>
        {
            var current = PartySession.Parse(transaction.FindSession(session.Id)!);
            if (!current.IsEnded)
            {
                Fail(transaction, current, code, reason, tellPeer, peerReason);
            }
        });
        Outbox.Signal();
        Pump.Signal(session.Id);
    }

    /// <param name="transaction">State.</param>
    /// <param name="session">The session.</param>
    /// <param name="code">Why, as a code.</param>
    /// <param name="reason">Why, for this party's people.</param>
    /// <param name="tellPeer">Whether the peer is told.</param>
    /// <param name="peerReason">What it is told; null means the same.</param>
    private void Fail(IStoreTransaction transaction, PartySession session, string code, string reason, bool tellPeer, string? peerReason = null)
    {
        // Who alone learns the result has said its last word with its report: when a failure is seen after it depends on how long comparing took.
        var hasSaidAll = session.HasReported && SessionRules.RevealOf(session) == Protocols.Reveal.Own;
        if (tellPeer && !hasSaidAll && session.State != SessionState.Preparing)
        {
            Send(transaction, session.Peer, session.Id, new AbortSession(session.Id, code, Printable(peerReason ?? reason)));
        }

        if (session.Registration != RegistrationState.None)
        {
            Send(transaction, session.Linker, session.Id, new AbortSession(session.Id, code, "the parties ended the session"));
        }

        if (session.State == SessionState.Preparing)
        {
            Reply(transaction, session.ReplyTo, session.Correlation, new CommandReply(false, session.Id, code, reason));
        }

        transaction.DropRounds(session.Id);
        transaction.FinishAll(session.Id);
        Put(transaction, session with { State = SessionState.Failed, FailureCode = code, FailureReason = reason, EndedAt = Time.GetUtcNow(), OpenQueries = [], IsCleaned = false });
        Audit.Append(transaction, "session-failed", ("session", session.Id), ("peer", session.Peer), ("code", code));
        AnswerOpenQueries(transaction, session.Id, code, reason);
        foreach (var query in session.OpenQueries)
        {
            transaction.DeleteDocument(MaskedDocument, query);
            Retire(session.Id, query);
        }

        LogFailed(session.Id, code, reason);
        Deactivate(session.Id);
    }

    /// <summary>What a failed session leaves behind goes after the failure is on disk, on the session's own pump, and again at the next start if need be.</summary>
    private async Task<bool> CleanUpAsync(PartySession session)
    {
        await DisposeRetiredAsync(session.Id);

        // A step that ran beside the failure may have made it active again.
        Deactivate(session.Id);
        DisposeRetired(session.Id);
        var folder = Home.SessionPath(session.Id);
        ForgetIdentifiers(folder);
        ForgetAligned(folder);
        SessionSecrets.Destroy(folder);
        if (!session.HadResult && Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        MarkCleaned(session);
        return false;
    }

    /// <summary>Until this is on disk the session stays open, so that a clean-up that failed is tried again.</summary>
    private void MarkCleaned(PartySession session)
    {
        if (!session.IsCleaned)
        {
            Change(session, transaction => PartySession.Parse(transaction.FindSession(session.Id)!) with { IsCleaned = true });
        }
    }

    private void FailSend(PartySession session, string reason)
    {
        Store.Write(transaction =>
        {
            // Rows that are on their way or at the linker already are not touched by a fault elsewhere.
            if (PartySession.Parse(transaction.FindSession(session.Id)!) is { Registration: RegistrationState.Sending } current)
            {
                Put(transaction, current with { Registration = RegistrationState.None, SendSequence = 0, SendRow = 0, OwnColumns = null, FailureReason = reason });
            }
        });
        LogFailed(session.Id, FailureCodes.UnusableDataset, reason);
    }

    /// <inheritdoc/>
    protected override void OnStepFault(string session, Exception exception)
    {
        LogStepFault(exception, session);
        if (exception is IOException or System.Data.Common.DbException)
        {
            // It may pass: the next tick tries again, and the session's deadline bounds how often. What holds vectors in memory may have a hole now and is built again.
            ForgetVectors(session);
            Warn(session, $"{Home.Name} cannot use its disk and tries again every second: {Printable(exception.Message)}");
            return;
        }

        var stored = Store.Read(transaction => transaction.FindSession(session));
        if (stored is not null && PartySession.Parse(stored) is { State: SessionState.Completed, Registration: RegistrationState.Sending } sending)
        {
            FailSend(sending, $"{Home.Name} could not go on: {exception.GetType().Name}; its log says more");
        }
        else if (stored is not null && PartySession.Parse(stored) is { IsEnded: false } open)
        {
            FailNow(open, FailureCodes.Internal, $"{Home.Name} could not go on: {exception.GetType().Name}; its log says more", tellPeer: true);
        }
    }

    private void Warn(string id, string? warning) => Store.Write(transaction =>
    {
        if (transaction.FindSession(id) is { } stored && PartySession.Parse(stored) is { IsEnded: false } session && session.Warning != warning)
        {
            Put(transaction, session with { Warning = warning });
        }
    });

    /// <inheritdoc/>
    protected override void OnTick()
    {
        var now = Time.GetUtcNow();
        foreach (var id in Store.Read(transaction => transaction.DueSessions(now, DueAtOnce)))
        {
            if (Store.Read(transaction => transaction.FindSession(id)) is not { } stored)
            {
                continue;
            }

            var session = PartySession.Parse(stored);
            if (!session.IsEnded && now > session.DeadlineAt)
            {
                FailNow(session, FailureCodes.Deadline, DeadlineReason(session), tellPeer: true, DeadlineReason(session with { Warning = null }));
            }
            else if (session.OpenQueries.Count > 0)
            {
                ExpireQueries(session, now);
            }
            else
            {
                // Written by an earlier build, which did not say when it is due.
                Store.Write(transaction => Refresh(transaction, id));
            }
        }
    }

    /// <inheritdoc/>
    protected override (TimeSpan Age, int Sessions) Kept => (PeerBounds.FailedAge, PeerBounds.FailedSessions);

    private const int DueAtOnce = 4096;

    private static void Refresh(IStoreTransaction transaction, string id)
    {
        if (transaction.FindSession(id) is { } stored)
        {
            transaction.PutSession(PartySession.Parse(stored).ToStored());
        }
    }

    private string DeadlineReason(PartySession session)
    {
        var waited = session.State switch
        {
            SessionState.Proposed => $"{session.Peer} did not answer the proposal; is its worker running, and does it have {Home.Name}'s card pinned? It answers nobody whose card it has not (psi trust CARD.json){OtherCard(session.Peer)}",
            SessionState.Running => RunningReason(session),
            SessionState.Comparing => $"{session.Peer} did not report its result",
            _ => "it was still being prepared",
        };
        return $"the session's deadline passed while {waited}{(session.Warning is null ? "" : $"; {session.Warning}")}";
    }

    /// <summary>Messages in the peer's name under another card: anybody on the broker could have sent them, so they end nothing and are only counted.</summary>
    private string OtherCard(string peer) => Refused.InNameOf(peer) is > 0 and var count
        ? $"; {count} message(s) in the name of {peer} were not signed by the card pinned for it: if {peer} made a new identity, compare fingerprints and pin it with: psi trust CARD.json --replace" : "";

    /// <summary>Which round stands still, and whose turn it is.</summary>
    private string RunningReason(PartySession session)
    {
        ActiveSession? active;
        lock (_cacheLock)
        {
            _active.TryGetValue(session.Id, out active);
        }

        var silent = active?.Protocol.Rounds.Where(round => round.Direction == RoundDirection.Incoming && session.Consumed.GetValueOrDefault(round.Number) < round.Batches)
            .Select(round => $"{round.Name} ({session.Consumed.GetValueOrDefault(round.Number):N0} of {round.Batches:N0} batches)").ToArray() ?? [];
        return silent.Length == 0 ? $"the rounds with {session.Peer} did not finish" : $"{session.Peer} had not sent all of {string.Join(", ", silent)}";
    }
}
