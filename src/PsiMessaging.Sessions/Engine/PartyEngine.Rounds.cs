using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Ports;
using PsiMessaging.Protocols;

namespace PsiMessaging.Sessions.Engine;

/// <content>The protocol's rounds and the comparison of results.</content>
public sealed partial class PartyEngine
{
    private bool RunRounds(PartySession session)
    {
        var active = Activate(session);
        var rounds = active.Protocol.Rounds;
        if (session.TotalBatches == 0)
        {
            Change(session, _ => session with { TotalBatches = rounds.Where(round => round.Direction != RoundDirection.Reply).Sum(round => round.Batches) });
            return true;
        }

        // Cheap own work that gives the peer something to do comes first, then the peer's batches, then the rest.
        var producible = rounds.Where(round => round.Direction == RoundDirection.Outgoing && CanProduce(session, round, rounds)).ToArray();
        if (Array.Find(producible, round => Answers(round, rounds)) is { } asking)
        {
            return Produce(session, active, asking);
        }

        if (Store.Read(transaction => transaction.Pending(session.Id, "round/", 1)) is [var pending])
        {
            return Consume(session, active, pending);
        }

        if (producible.Length > 0)
        {
            return Produce(session, active, producible[0]);
        }

        var allProduced = rounds.Where(round => round.Direction == RoundDirection.Outgoing).All(round => session.Produced.GetValueOrDefault(round.Number) == round.Batches);
        var allConsumed = rounds.Where(round => round.Direction == RoundDirection.Incoming)
            .All(round => Store.Read(transaction => transaction.CountFinished(session.Id, $"round/{round.Number:D3}/")) == round.Batches);
        return allProduced && allConsumed && Finish(session, active);
    }

    private bool CanProduce(PartySession session, Round round, IReadOnlyList<Round> rounds)
    {
        var next = session.Produced.GetValueOrDefault(round.Number);
        return next < round.Batches && Store.Read(transaction =>
            transaction.CountOutgoing(session.Id) < OutboxWindow
            && (!Answers(round, rounds) || next - transaction.CountFinished(session.Id, $"round/{round.Number + 1:D3}/") < ReplyWindow));
    }

    /// <summary>Whether the peer answers each batch of this round with one of the next.</summary>
    private static bool Answers(Round round, IReadOnlyList<Round> rounds) =>
        rounds.Any(other => other.Direction == RoundDirection.Reply && other.Number == round.Number + 1);

    private bool Produce(PartySession session, ActiveSession active, Round round)
    {
        var sequence = session.Produced.GetValueOrDefault(round.Number);
        var payload = active.Protocol.Produce(round, sequence);
        Change(session, transaction =>
        {
            Send(transaction, session.Peer, session.Id, new RoundBatch(session.Id, session.Transcript, round.Number, sequence, round.Batches, round.CountOf(sequence), round.ElementSizeBytes), payload);
            return session with { Produced = new Dictionary<int, int>(session.Produced) { [round.Number] = sequence + 1 } };
        });
        return true;
    }

    private bool Consume(PartySession session, ActiveSession active, PendingMessage pending)
    {
        var envelope = Envelope.Parse(pending.Frame);
        var batch = (RoundBatch)envelope.Message;
        var round = active.Protocol.Rounds.FirstOrDefault(round => round.Number == batch.Round && round.Direction == RoundDirection.Incoming)
            ?? throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} sent a batch of round {batch.Round}, which it has no part in");
        if (batch.SessionId != session.Id || !batch.Transcript.AsSpan().SequenceEqual(session.Transcript))
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} sent a batch of another session");
        }

        if (batch.Batches != round.Batches || batch.Sequence < 0 || batch.Sequence >= round.Batches || batch.ElementSizeBytes != round.ElementSizeBytes
            || batch.Count != round.CountOf(batch.Sequence) || envelope.Body.Length != batch.Count * round.ElementSizeBytes)
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} sent a batch of round {round.Name} that does not fit the announced sizes");
        }

        var outcome = active.Protocol.Consume(round, batch.Sequence, envelope.Body.Span);
        Change(session, transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            if (outcome.Keep is { } keep)
            {
                transaction.PutKept(session.Id, round.Number, batch.Sequence, keep);
            }

            if (outcome.Reply is { } reply)
            {
                var answer = active.Protocol.Rounds.Single(other => other.Direction == RoundDirection.Reply && other.Number == round.Number + 1);
                Send(transaction, session.Peer, session.Id, new RoundBatch(session.Id, session.Transcript, answer.Number, batch.Sequence, answer.Batches, batch.Count, answer.ElementSizeBytes), reply);
            }

            return session with { Consumed = session.Consumed + 1 };
        });
        return true;
    }

    private bool Finish(PartySession session, ActiveSession active)
    {
        var matched = active.Protocol.Match();
        var path = Home.SessionPath(session.Id);
        MatchedFile.Write(path, matched);
        var sorted = active.Keys.Sorted(matched);
        using var shared = Home.SharedKeyWith(PinnedPeer(session));
        var (own, peers) = IntersectionFile.Write(Path.Combine(path, IntersectionFile.Name), session.KeyNames, active.Keys, sorted, shared, session.Transcript, Home.Name, session.Peer);
        Change(session, transaction =>
        {
            transaction.DropRounds(session.Id);
            Send(transaction, session.Peer, session.Id, new CompleteSession(session.Id, session.Transcript, matched.Length, own));
            return session with { State = SessionState.Comparing, IntersectionSize = matched.Length, PeerIntersectionHash = peers, MatchedAt = Time.GetUtcNow() };
        });
        Deactivate(session.Id);
        DisposeRetired(session.Id);
        return true;
    }

    private bool Compare(PartySession session)
    {
        if (Store.Read(transaction => transaction.Pending(session.Id, nameof(CompleteSession), 1)) is not [var pending])
        {
            return false;
        }

        var completion = (CompleteSession)Envelope.Parse(pending.Frame).Message;
        if (!completion.Transcript.AsSpan().SequenceEqual(session.Transcript) || completion.IntersectionSize != session.IntersectionSize
            || !CryptographicOperations.FixedTimeEquals(completion.IntersectionHash, session.PeerIntersectionHash))
        {
            throw new ProtocolViolationException(FailureCodes.ResultMismatch, $"{session.Peer} and {Home.Name} found different intersections; neither is kept");
        }

        Change(session, transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            Audit.Append(transaction, "session-completed", ("session", session.Id), ("peer", session.Peer), ("own", session.OwnDistinct), ("peers", session.PeerDistinct), ("common", session.IntersectionSize));
            return session with { State = SessionState.Completed, HadResult = true, EndedAt = Time.GetUtcNow() };
        });
        LogCompleted(session.Id, session.IntersectionSize ?? 0);
        return true;
    }
}
