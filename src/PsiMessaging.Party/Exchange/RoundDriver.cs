using System.Globalization;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Result;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Exchange;

/// <summary>
/// Drives the protocol's rounds, for any protocol: batches are read, evaluated, stored and sent as they come; results of evaluations are committed one at a
/// time, with the message that follows from them in the same transaction.
/// </summary>
internal sealed class RoundDriver(PartyContext party, Exchanges exchanges, VectorMemory memory, Finishing finishing) : ISessionArea<PartySession>
{
    /// <summary>How long a session that gave up its place leaves it to others.</summary>
    private static readonly TimeSpan AfterGivingUp = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public async ValueTask<TurnOutcome> StepAsync(Turn<PartySession> turn)
    {
        var session = turn.Session;
        if (!session.IsAttemptAgreed)
        {
            return TurnOutcome.Idle;
        }

        if (memory.IsAskedBack(session.Id) && exchanges.Find(session.Id)?.InHand.Count is null or 0)
        {
            // It stood still while another needs its memory; it is brought back from disk when there is room again.
            exchanges.Close(session.Id);
            return TurnOutcome.IdleUntil(turn.Now + AfterGivingUp);
        }

        if (memory.Take(session) is { } wait)
        {
            return wait;
        }

        var open = exchanges.Open(session);
        if (!open.Recovered.IsCompleted)
        {
            SignalAfter(open.Recovered, session.Id);
            return TurnOutcome.Idle;
        }

        await open.Recovered;
        if (session.TotalBatches == 0)
        {
            return turn.Commit(session.Move(SessionTrigger.Progress) with { TotalBatches = open.Book.TotalBatches });
        }

        return await AdvanceAsync(turn, open);
    }

    private async ValueTask<TurnOutcome> AdvanceAsync(Turn<PartySession> turn, OpenExchange open)
    {
        if (TakeCredit(turn, open) || CommitEvaluated(turn, open) || (open.Exchange.HasRoom(open.InHand.Count) && BeginNext(turn, open)))
        {
            return TurnOutcome.Worked;
        }

        return open.InHand.Count == 0 && open.Book.IsOver(CountsOf(turn.Session)) ? await finishing.FinishAsync(turn, open) : TurnOutcome.Idle;
    }

    private static RoundCounts CountsOf(PartySession session) => new(session.Produced, session.Consumed, session.Credit);

    private void SignalAfter(Task task, string session) => _ = task.ContinueWith(_ => party.Signal(session), TaskScheduler.Default);

    /// <summary>Own work that gives the peer something to do comes first, then the peer's batches, then the rest.</summary>
    private bool BeginNext(Turn<PartySession> turn, OpenExchange open)
    {
        var counts = CountsOf(turn.Session);
        var outgoing = open.Book.Rounds
            .Where(round => round.Direction == RoundDirection.Outgoing && open.Book.MayProduce(round, counts, open.InHand.ContainsKey)).ToArray();
        if (outgoing.Length > 0 && turn.InOutbox >= PartyContext.OutboxWindow)
        {
            outgoing = [];
        }

        if (Array.Find(outgoing, open.Book.IsAnswered) is { } asking)
        {
            BeginOutgoing(turn.Session, open, asking);
            return true;
        }

        foreach (var slot in turn.Slots(SlotKinds.Round))
        {
            if (BeginIncoming(turn, open, slot))
            {
                return true;
            }
        }

        if (outgoing.Length == 0)
        {
            return false;
        }

        BeginOutgoing(turn.Session, open, outgoing[0]);
        return true;
    }

    private void BeginOutgoing(PartySession session, OpenExchange open, Round round)
    {
        var sequence = RoundBook.NextOf(round, CountsOf(session), open.InHand.ContainsKey);
        Hold(session, open, new BatchPlace(round.Number, sequence, Incoming: false), open.Exchange.ProduceAsync(session, round, sequence));
    }

    private bool BeginIncoming(Turn<PartySession> turn, OpenExchange open, string slot)
    {
        // A batch in hand need not be read again.
        var place = PlaceOf(slot);
        if (open.InHand.ContainsKey(place) || open.Taken.Contains(place) || turn.At<RoundBatch>(slot) is not { } waiting)
        {
            return false;
        }

        var session = turn.Session;
        var round = RequireFit(session, open.Book, waiting);
        if (!open.Book.HasBegun(round.Stage, CountsOf(session)))
        {
            // The peer is in the next stage; what is left of this one comes first.
            return false;
        }

        Hold(session, open, place, open.Exchange.AbsorbAsync(round, waiting.Message.Sequence, waiting.Envelope.Body));
        return true;
    }

    /// <summary>Slots say round and sequence: see <see cref="SlotKinds.RestOfBatch"/>.</summary>
    private static BatchPlace PlaceOf(string slot)
    {
        var rest = slot.AsSpan(SlotKinds.Round.Length + 1);
        return new BatchPlace(int.Parse(rest[..3], CultureInfo.InvariantCulture), int.Parse(rest.Slice(4, 8), CultureInfo.InvariantCulture), Incoming: true);
    }

    /// <summary>Holds a batch to what follows from the announced sizes.</summary>
    /// <exception cref="ProtocolViolationException">It does not fit.</exception>
    private static Round RequireFit(PartySession session, RoundBook book, Waiting<RoundBatch> waiting)
    {
        var batch = waiting.Message;
        var round = book.Incoming(batch.Round)
            ?? throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} sent a batch of round {batch.Round}, which it has no part in");
        if (batch.SessionId != session.Id || !batch.Transcript.AsSpan().SequenceEqual(session.Transcript))
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} sent a batch of another session");
        }

        if (batch.Batches != round.Batches || batch.Sequence < 0 || batch.Sequence >= round.Batches || batch.ElementSizeBytes != round.ElementSizeBytes
            || batch.Count != round.CountOf(batch.Sequence) || waiting.Envelope.Body.Length != (long)batch.Count * round.ElementSizeBytes)
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch,
                $"{session.Peer} sent a batch of round {round.Name} that does not fit the announced sizes");
        }

        return book.MayCome(round, CountsOf(session)) ? round
            : throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} sent a batch of round {round.Name} before its time");
    }

    private void Hold(PartySession session, OpenExchange open, BatchPlace place, Task<byte[]> work)
    {
        open.UsedAt = party.Time.GetUtcNow();
        memory.Touch(session.Id);
        open.InHand.Add(place, work);
        if (!work.IsCompleted)
        {
            SignalAfter(work, session.Id);
        }
    }

    /// <summary>Commits one finished evaluation: own batches in their sequence, the peer's in any.</summary>
    private bool CommitEvaluated(Turn<PartySession> turn, OpenExchange open)
    {
        foreach (var (place, work) in open.InHand)
        {
            if (!work.IsCompleted || (!place.Incoming && place.Sequence != turn.Session.Produced.GetValueOrDefault(place.Round)))
            {
                continue;
            }

            if (!work.IsCompletedSuccessfully)
            {
                // Taken out of hand, so that a fault that may pass is tried again.
                open.InHand.Remove(place);
            }

            var result = work.GetAwaiter().GetResult();
            if (place.Incoming)
            {
                CommitIncoming(turn, open, place, result);
            }
            else
            {
                CommitOutgoing(turn, open, place, result);
            }

            open.InHand.Remove(place);
            if (open.InHand.Count == 0)
            {
                memory.Rest(turn.Session.Id);
            }

            return true;
        }

        return false;
    }

    private static void CommitOutgoing(Turn<PartySession> turn, OpenExchange open, BatchPlace place, byte[] payload)
    {
        var session = turn.Session;
        var round = open.Book.Outgoing(place.Round)!;
        var sent = open.Exchange.IsReplayed
            ? new Dictionary<int, byte[]>(session.Sent) { [place.Round] = VectorExchange.Chain(session.Sent.GetValueOrDefault(place.Round), payload) }
            : session.Sent;
        turn.Commit(session.Move(SessionTrigger.Progress) with { Produced = With(session.Produced, place.Round, place.Sequence + 1), Sent = sent },
            effects => Send(effects, session, round, place.Sequence, payload));
    }

    private static void CommitIncoming(Turn<PartySession> turn, OpenExchange open, BatchPlace place, byte[] result)
    {
        var session = turn.Session;
        var round = open.Book.Incoming(place.Round)!;
        var consumed = session.Consumed.GetValueOrDefault(place.Round) + 1;
        if (open.Exchange.IsReplayed)
        {
            open.Taken.Add(place);
        }

        turn.Commit(session.Move(SessionTrigger.Progress) with { Consumed = With(session.Consumed, place.Round, consumed) }, effects =>
        {
            if (!open.Exchange.IsReplayed)
            {
                effects.Finish(SlotKinds.OfBatch(place.Round, place.Sequence, session.Attempt));
            }

            if (open.Exchange.IsReplayed || round.Keeps != TagSide.None)
            {
                // Of a batch that stays in the inbox, for a restart, only that it was taken is noted.
                effects.Keep(place.Round, place.Sequence, result);
            }

            if (open.Book.ReplyTo(round) is { } reply)
            {
                Send(effects, session, reply, place.Sequence, result);
            }
            else if (open.Book.GrantAfter(round, consumed) is { } batches)
            {
                effects.Send(session.Peer, new GrantCredit(session.Id, session.Transcript, place.Round, batches, AttemptOf(session)));
            }
        });
    }

    private static void Send(Effects effects, PartySession session, Round round, int sequence, byte[] payload) => effects.Send(session.Peer,
        new RoundBatch(session.Id, session.Transcript, round.Number, sequence, round.Batches,
            round.CountOf(sequence), round.ElementSizeBytes, AttemptOf(session)), payload);

    /// <summary>As it travels: absent in the first attempt.</summary>
    private static int? AttemptOf(PartySession session) => session.Attempt == 0 ? null : session.Attempt;

    private static Dictionary<int, int> With(IReadOnlyDictionary<int, int> counts, int round, int count) => new(counts) { [round] = count };

    private static bool TakeCredit(Turn<PartySession> turn, OpenExchange open)
    {
        if (turn.Next<GrantCredit>(SlotKinds.Credit) is not { } waiting)
        {
            return false;
        }

        var (session, grant) = (turn.Session, waiting.Message);
        if (grant.SessionId != session.Id || !grant.Transcript.AsSpan().SequenceEqual(session.Transcript) || !open.Book.IsGrant(grant.Round, grant.Batches))
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} granted credit that fits no round");
        }

        var credit = Math.Max(grant.Batches, session.Credit.GetValueOrDefault(grant.Round));
        turn.Commit(session.Move(SessionTrigger.Progress) with { Credit = With(session.Credit, grant.Round, credit) }, effects => effects.Finish(waiting.Slot));
        return true;
    }
}
