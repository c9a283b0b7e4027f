using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Engine;

/// <content>
/// The protocol's rounds, for any protocol: batches are read, evaluated, stored and sent as they come; results of evaluations are committed one at a time,
/// with the message that follows from them in the same transaction. Then the comparison of tags and of results.
/// </content>
public sealed partial class PartyEngine
{
    /// <summary>Batches of a protocol over whole vectors that may be in hand: making or taking one is quick once its vector is there.</summary>
    private const int VectorBatchesInHand = 4;

    private bool RunRounds(PartySession session)
    {
        if (TakeRestart(session))
        {
            return true;
        }

        if (!session.IsAttemptAgreed)
        {
            return false;
        }

        DisposeRetired(session.Id);
        if (!HasRoomForVectors(session))
        {
            return false;
        }

        var active = Activate(session);
        if (!active.Resumed.IsCompleted)
        {
            _ = active.Resumed.ContinueWith(_ => Pump.Signal(session.Id), TaskScheduler.Default);
            return false;
        }

        active.Resumed.GetAwaiter().GetResult();
        var rounds = active.Protocol.Rounds;
        if (session.TotalBatches == 0)
        {
            Change(session, _ => session with { TotalBatches = rounds.Where(round => round.Direction != RoundDirection.Reply).Sum(round => round.Batches) });
            return true;
        }

        if (TakeCredit(session, active) || CommitEvaluated(session, active))
        {
            return true;
        }

        if ((active.Vectors is not null ? active.InHand.Count < VectorBatchesInHand : _evaluator.HasRoom(active.InHand.Count)) && BeginNext(session, active))
        {
            return true;
        }

        return active.InHand.Count == 0
            && rounds.All(round => round.Direction switch
            {
                RoundDirection.Outgoing => session.Produced.GetValueOrDefault(round.Number) == round.Batches,
                RoundDirection.Incoming => session.Consumed.GetValueOrDefault(round.Number) == round.Batches,
                _ => true,
            })
            && Finish(session, active);
    }

    private bool BeginNext(PartySession session, ActiveSession active)
    {
        var rounds = active.Protocol.Rounds;

        // Own work that gives the peer something to do comes first, then the peer's batches, then the rest.
        var open = rounds.Where(round => round.Direction == RoundDirection.Outgoing && CanProduce(session, active, round)).ToArray();
        if (Array.Find(open, round => IsAnswered(round, rounds)) is { } asking)
        {
            BeginOutgoing(session, active, asking);
            return true;
        }

        foreach (var slot in Store.Read(transaction => transaction.PendingSlots(session.Id, "round/")))
        {
            if (BeginIncoming(session, active, slot))
            {
                return true;
            }
        }

        if (open.Length == 0)
        {
            return false;
        }

        BeginOutgoing(session, active, open[0]);
        return true;
    }

    /// <summary>The first batch that is neither sent nor in hand: after a fault that may be one before others in hand.</summary>
    private static int NextOf(PartySession session, ActiveSession active, Round round)
    {
        var next = session.Produced.GetValueOrDefault(round.Number);
        while (active.InHand.ContainsKey(new BatchPlace(round.Number, next, Incoming: false)))
        {
            next++;
        }

        return next;
    }

    private bool CanProduce(PartySession session, ActiveSession active, Round round)
    {
        var next = NextOf(session, active, round);
        if (next >= round.Batches || next >= AllowedBatches(session, active, round))
        {
            return false;
        }

        if (!round.After.All(former => active.Protocol.Rounds.Single(other => other.Number == former && other.Direction == RoundDirection.Incoming).Batches == session.Consumed.GetValueOrDefault(former)))
        {
            return false;
        }

        return Store.Read(transaction => transaction.CountOutgoing(session.Id)) < OutboxWindow;
    }

    /// <summary>Batches of an outgoing round that may have been sent by now: bounds the peer's inbox.</summary>
    private static int AllowedBatches(PartySession session, ActiveSession active, Round round) => IsAnswered(round, active.Protocol.Rounds)
        ? session.Consumed.GetValueOrDefault(round.Number + 1) + CreditWindow
        : Math.Max(CreditWindow, session.Credit.GetValueOrDefault(round.Number));

    /// <summary>Whether the peer answers each batch of this outgoing round with one of the next.</summary>
    private static bool IsAnswered(Round round, IReadOnlyList<Round> rounds) => rounds.Any(other => other.IsAnswer && other.Number == round.Number + 1);

    private static Round? ReplyTo(Round round, IReadOnlyList<Round> rounds) => rounds.FirstOrDefault(other => other.Direction == RoundDirection.Reply && other.Number == round.Number + 1);

    private void BeginOutgoing(PartySession session, ActiveSession active, Round round)
    {
        var sequence = NextOf(session, active, round);
        var payload = round.Source switch
        {
            RoundSource.PreparedTags => Task.FromResult(active.PreparedTags(round, sequence)),
            RoundSource.Vector => ProduceAsync(session, active, round, sequence),
            RoundSource.SortedPeerTags => Task.FromResult(active.SortedPeerTags(round, sequence, () => GatherPeerTags(session, active))),
            _ => Evaluate(session, active, round, sequence, default),
        };
        Hold(session, active, new BatchPlace(round.Number, sequence, Incoming: false), payload);
    }

    private bool BeginIncoming(PartySession session, ActiveSession active, string slot)
    {
        // Slots end in the sequence; a batch in hand need not be read again.
        var place = new BatchPlace(int.Parse(slot.AsSpan("round/".Length, 3), System.Globalization.CultureInfo.InvariantCulture), int.Parse(slot.AsSpan("round/000/".Length, 8), System.Globalization.CultureInfo.InvariantCulture), Incoming: true);
        if (active.InHand.ContainsKey(place) || active.Taken.Contains(place) || Store.Read(transaction => transaction.FindFrame(session.Id, slot)) is not { } frame)
        {
            return false;
        }

        var envelope = Envelope.Parse(frame);
        var batch = (RoundBatch)envelope.Message;
        var round = active.Protocol.Rounds.FirstOrDefault(round => round.Number == batch.Round && round.Direction == RoundDirection.Incoming)
            ?? throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} sent a batch of round {batch.Round}, which it has no part in");
        if (batch.SessionId != session.Id || !batch.Transcript.AsSpan().SequenceEqual(session.Transcript))
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} sent a batch of another session");
        }

        if (batch.Batches != round.Batches || batch.Sequence < 0 || batch.Sequence >= round.Batches || batch.ElementSizeBytes != round.ElementSizeBytes
            || batch.Count != round.CountOf(batch.Sequence) || envelope.Body.Length != (long)batch.Count * round.ElementSizeBytes)
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} sent a batch of round {round.Name} that does not fit the announced sizes");
        }

        if (round.After.Any(own => active.Protocol.Rounds.Single(other => other.Number == own && other.Direction == RoundDirection.Outgoing).Batches != session.Produced.GetValueOrDefault(own)))
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} sent a batch of round {round.Name} before its time");
        }

        Hold(session, active, place, active.Vectors is { } party ? AbsorbAsync(party, round, batch.Sequence, envelope.Body.ToArray()) : Evaluate(session, active, round, batch.Sequence, envelope.Body));
        return true;
    }

    private async Task<byte[]> ProduceAsync(PartySession session, ActiveSession active, Round round, int sequence)
    {
        OnVectors(session);
        return await active.Vectors!.ProduceAsync(round, sequence);
    }

    private static async Task<byte[]> AbsorbAsync(IVectorParty party, Round round, int sequence, byte[] payload)
    {
        await party.AbsorbAsync(round, sequence, payload);
        return payload;
    }

    private Task<byte[]> Evaluate(PartySession session, ActiveSession active, Round round, int sequence, ReadOnlyMemory<byte> payload)
    {
        var items = round.Direction == RoundDirection.Outgoing || round.WithItems ? active.Items!.ReadPacked(round.FirstOf(sequence), round.CountOf(sequence)) : default;
        return active.Batches!.Evaluate(round, sequence, items, payload) is { } request
            ? _evaluator.EvaluateAsync(session.Id, round.Number, sequence, request, active.Ended)
            : Task.FromResult(payload.ToArray());
    }

    private void Hold(PartySession session, ActiveSession active, BatchPlace place, Task<byte[]> work)
    {
        active.UsedAt = Time.GetUtcNow();
        active.InHand.Add(place, work);
        if (!work.IsCompleted)
        {
            _ = work.ContinueWith(_ => Pump.Signal(session.Id), TaskScheduler.Default);
        }
    }

    /// <summary>Commits one finished evaluation: own batches in their sequence, the peer's in any.</summary>
    private bool CommitEvaluated(PartySession session, ActiveSession active)
    {
        foreach (var (place, work) in active.InHand)
        {
            if (!work.IsCompleted || (!place.Incoming && place.Sequence != session.Produced.GetValueOrDefault(place.Round)))
            {
                continue;
            }

            if (!work.IsCompletedSuccessfully)
            {
                // Taken out of hand, so that a fault that may pass is tried again.
                active.InHand.Remove(place);
            }

            var result = work.GetAwaiter().GetResult();
            if (place.Incoming)
            {
                CommitIncoming(session, active, place, result);
            }
            else
            {
                CommitOutgoing(session, active, place, result);
            }

            active.InHand.Remove(place);
            return true;
        }

        return false;
    }

    private void CommitOutgoing(PartySession session, ActiveSession active, BatchPlace place, byte[] payload)
    {
        var round = active.Protocol.Rounds.Single(round => round.Number == place.Round && round.Direction == RoundDirection.Outgoing);
        Change(session, transaction =>
        {
            SendBatch(transaction, session, round, place.Sequence, payload);
            return session with
            {
                Produced = With(session.Produced, place.Round, place.Sequence + 1),
                Sent = round.Source == RoundSource.Vector ? new Dictionary<int, byte[]>(session.Sent) { [place.Round] = Chain(session.Sent.GetValueOrDefault(place.Round), payload) } : session.Sent,
            };
        });
    }

    private void CommitIncoming(PartySession session, ActiveSession active, BatchPlace place, byte[] result)
    {
        if (active.Vectors is not null)
        {
            active.Taken.Add(place);
        }

        var round = active.Protocol.Rounds.Single(round => round.Number == place.Round && round.Direction == RoundDirection.Incoming);
        var consumed = session.Consumed.GetValueOrDefault(place.Round) + 1;
        Change(session, transaction =>
        {
            if (active.Vectors is not null)
            {
                // The frame stays where it is, for a restart; only that it was taken is noted.
                transaction.PutKept(session.Id, place.Round, place.Sequence, []);
            }
            else
            {
                transaction.Finish(session.Id, SlotOf(place.Round, place.Sequence, session.Attempt));
            }

            if (round.Keeps != TagSide.None)
            {
                transaction.PutKept(session.Id, place.Round, place.Sequence, result);
            }

            if (ReplyTo(round, active.Protocol.Rounds) is { } reply)
            {
                SendBatch(transaction, session, reply, place.Sequence, result);
            }
            else if (consumed % CreditStep == 0 && consumed - CreditStep + CreditWindow < round.Batches && !round.IsAnswer)
            {
                // Rounds that answer an own one are bounded by it; all others by what is granted here.
                Send(transaction, session.Peer, session.Id, new GrantCredit(session.Id, session.Transcript, place.Round, consumed + CreditWindow, session.Attempt == 0 ? null : session.Attempt));
            }

            return session with { Consumed = With(session.Consumed, place.Round, consumed) };
        });
    }

    private void SendBatch(IStoreTransaction transaction, PartySession session, Round round, int sequence, byte[] payload) => Send(
        transaction, session.Peer, session.Id,
        new RoundBatch(session.Id, session.Transcript, round.Number, sequence, round.Batches, round.CountOf(sequence), round.ElementSizeBytes, session.Attempt == 0 ? null : session.Attempt), payload);

    private static Dictionary<int, int> With(IReadOnlyDictionary<int, int> counts, int round, int count) => new(counts) { [round] = count };

    private bool TakeCredit(PartySession session, ActiveSession active)
    {
        if (Store.Read(transaction => transaction.Pending(session.Id, "credit/", 1)) is not [var pending])
        {
            return false;
        }

        var grant = (GrantCredit)Envelope.Parse(pending.Frame).Message;
        var round = active.Protocol.Rounds.FirstOrDefault(round => round.Direction == RoundDirection.Outgoing && round.Number == grant.Round && !IsAnswered(round, active.Protocol.Rounds));
        if (grant.SessionId != session.Id || !grant.Transcript.AsSpan().SequenceEqual(session.Transcript) || round is null
            || grant.Batches < CreditWindow || grant.Batches > round.Batches + CreditWindow)
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} granted credit that fits no round");
        }

        Change(session, transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            return session with { Credit = With(session.Credit, grant.Round, Math.Max(grant.Batches, session.Credit.GetValueOrDefault(grant.Round))) };
        });
        return true;
    }

    private ExternalSorter GatherPeerTags(PartySession session, ActiveSession active)
    {
        var sorter = new ExternalSorter(SessionScratch(session, "sorted"), (left, right) => left.SequenceCompareTo(right));
        var round = active.Protocol.Rounds.Single(round => round.Keeps == TagSide.Peer);
        try
        {
            Store.Read(transaction =>
            {
                transaction.ReadKept(session.Id, round.Number, (_, tags) => TagFile.Add(sorter, tags, active.Protocol.TagSizeBytes));
                return true;
            });
            return sorter;
        }
        catch
        {
            sorter.Dispose();
            throw;
        }
    }

    private ScratchFolder SessionScratch(PartySession session, string name) => Datasets.Scratch(Path.Combine(Home.SessionPath(session.Id), "scratch-" + name));

    private bool Finish(PartySession session, ActiveSession active)
    {
        var reveal = SessionRules.RevealOf(session);
        var path = Home.SessionPath(session.Id);
        if (reveal == Reveal.Peer)
        {
            Complete(session, null, null, transaction => Report(transaction, session, null, null));
            return true;
        }

        if (reveal == Reveal.Own && !session.HasReported)
        {
            // Before anything is compared: how long that takes would tell the peer how much is common.
            Report(session, null, null);
            return true;
        }

        using var shared = Home.SharedKeyWith(PinnedPeer(session));
        using var digest = new ResultDigest(shared, session.Transcript, Home.Name, session.Peer);
        int count;
        if (active.Vectors is { } party)
        {
            OnVectors(session);
            var (found, size) = party.FinishAsync().GetAwaiter().GetResult();
            count = size;
            WriteIntersection(session, active, found, digest, path);
        }
        else
        {
            count = CompareTags(session, active, reveal, digest, path);
        }

        var (ownHash, peerHash) = digest.Complete();
        if (reveal == Reveal.Own)
        {
            Complete(session, count, null);
        }
        else
        {
            Complete(session, count, peerHash, transaction => Report(transaction, session, count, ownHash));
        }

        return true;
    }

    private int CompareTags(PartySession session, ActiveSession active, Reveal reveal, ResultDigest digest, string path)
    {
        using (var own = SessionScratch(session, "own"))
        using (var peer = SessionScratch(session, "peer"))
        using (var match = new TagMatch(active.Protocol.TagSizeBytes, session.OwnDistinct, own, peer))
        {
            foreach (var round in active.Protocol.Rounds.Where(round => round.Keeps != TagSide.None))
            {
                Store.Read(transaction =>
                {
                    transaction.ReadKept(session.Id, round.Number, (sequence, tags) =>
                    {
                        if (round.Keeps == TagSide.Own)
                        {
                            match.AddOwn(round.FirstOf(sequence), tags);
                        }
                        else
                        {
                            match.AddPeer(tags);
                        }
                    });
                    return true;
                });
            }

            var (positions, common) = match.Run(tag =>
            {
                if (reveal == Reveal.Size)
                {
                    digest.Append(tag);
                }
            });
            if (reveal != Reveal.Size)
            {
                WriteIntersection(session, active, positions, digest, path);
            }

            return common;
        }
    }

    private void Report(PartySession session, int? size, byte[]? hash) => Change(session, transaction =>
    {
        Report(transaction, session, size, hash);
        return session with { HasReported = true };
    });

    private void Report(IStoreTransaction transaction, PartySession session, int? size, byte[]? hash) =>
        Send(transaction, session.Peer, session.Id, new CompleteSession(session.Id, session.Transcript, size, hash));

    private void WriteIntersection(PartySession session, ActiveSession active, System.Collections.BitArray positions, ResultDigest digest, string path)
    {
        var matched = new MatchedRows(session.OwnRows);
        using var scratch = SessionScratch(session, "output");
        using var sorter = new ExternalSorter(scratch, IdentifierOrder.Compare);
        active.Items!.ReadAll((position, row, canonical) =>
        {
            if (positions[position])
            {
                matched.Add(row);
                sorter.Add(IdentifierOrder.KeyOf(canonical), canonical);
            }
        });
        matched.Write(path);
        IntersectionFile.Write(Path.Combine(path, IntersectionFile.Name), session.KeyNames, sorter.Read(), digest);
    }

    private void Complete(PartySession session, int? size, byte[]? peerHash, Action<IStoreTransaction>? report = null)
    {
        Change(session, transaction =>
        {
            transaction.DropRounds(session.Id);
            report?.Invoke(transaction);
            return session with { State = SessionState.Comparing, HasReported = true, IntersectionSize = size, PeerIntersectionHash = peerHash, MatchedAt = Time.GetUtcNow() };
        });
        Deactivate(session.Id);
        DisposeRetired(session.Id);
    }

    private bool Compare(PartySession session)
    {
        if (Store.Read(transaction => transaction.PendingSlots(session.Id, "restart/")).Count > 0)
        {
            // It came while the last step was taken.
            throw new ProtocolViolationException(FailureCodes.WrongState, $"{session.Peer} had to begin the protocol again after {Home.Name} was done; open another session");
        }

        // While the peer computes. Where there is a list of common identifiers there is one that joins to the own file.
        var folder = Home.SessionPath(session.Id);
        var own = Path.Combine(folder, IntersectionFile.OwnName);
        if (!File.Exists(own) && File.Exists(Path.Combine(folder, IntersectionFile.Name)))
        {
            IntersectionFile.WriteOwn(own, OwnDataset(session), Datasets, MatchedRows.Read(folder));
        }

        if (Store.Read(transaction => transaction.Pending(session.Id, nameof(CompleteSession), 1)) is not [var pending])
        {
            return false;
        }

        var completion = (CompleteSession)Envelope.Parse(pending.Frame).Message;
        var compares = session.PeerIntersectionHash is not null;
        if (!completion.Transcript.AsSpan().SequenceEqual(session.Transcript) || completion.IntersectionSize != (compares ? session.IntersectionSize : null)
            || !CryptographicOperations.FixedTimeEquals(completion.IntersectionHash ?? [], session.PeerIntersectionHash ?? []))
        {
            throw new ProtocolViolationException(FailureCodes.ResultMismatch, $"{session.Peer} and {Home.Name} found different intersections; neither is kept");
        }

        Change(session, transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            transaction.DropRounds(session.Id);
            Audit.Append(transaction, "session-completed", ("session", session.Id), ("peer", session.Peer), ("reveal", WireNames.NameOf(session.Reveal)), ("own", session.OwnDistinct), ("peers", session.PeerDistinct), ("common", session.IntersectionSize));
            return session with { State = SessionState.Completed, HadResult = true, Warning = null, EndedAt = Time.GetUtcNow() };
        });
        LogCompleted(session.Id, session.IntersectionSize is { } common ? $"{common}" : "the peer alone knows how many");
        return true;
    }
}
