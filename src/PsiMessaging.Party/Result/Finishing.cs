using System.Collections;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Exchange;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Result;

/// <summary>All rounds are over: what is common is found, written down and reported, in the order that says no more than was agreed.</summary>
internal sealed class Finishing(PartyContext party, Exchanges exchanges)
{
    /// <summary>Does the next piece of it.</summary>
    public async Task<TurnOutcome> FinishAsync(Turn<PartySession> turn, OpenExchange open)
    {
        var session = turn.Session;
        var reveal = session.Revealed;
        if (reveal == Reveal.Peer)
        {
            return Found(turn, null, null, effects => Report(effects, session, null, null));
        }

        if (reveal == Reveal.Own && !session.HasReported)
        {
            // Before anything is compared: how long that takes would tell the peer how much is common.
            return turn.Commit(session with { HasReported = true }, effects => Report(effects, session, null, null));
        }

        using var shared = party.SharedKeyWith(session);
        using var digest = new ResultDigest(shared, session.Transcript, party.Name, session.Peer);
        var found = await open.Exchange.FinishAsync(session, exchanges.StoredOf(session), digest.Append, turn.Ended);
        if (found.Positions is { } positions)
        {
            Write(turn, open.Exchange.Items!, positions, digest);
        }

        var (ownHash, peerHash) = digest.Complete();
        return reveal == Reveal.Own
            ? Found(turn, found.Count, null, null)
            : Found(turn, found.Count, peerHash, effects => Report(effects, session, found.Count, ownHash));
    }

    private static void Report(Effects effects, PartySession session, int? size, byte[]? hash) =>
        effects.Send(session.Peer, new CompleteSession(session.Id, session.Transcript, size, hash));

    private TurnOutcome Found(Turn<PartySession> turn, int? size, byte[]? peerHash, Action<Effects>? report)
    {
        var session = turn.Session;
        turn.Commit(session.Move(SessionTrigger.Found) with
        {
            HasReported = true,
            IntersectionSize = size,
            PeerIntersectionHash = peerHash,
            MatchedAt = turn.Now
        }, effects =>
        {
            effects.Forget(SlotKinds.OfRounds);
            report?.Invoke(effects);
        });
        exchanges.Close(session.Id);
        return TurnOutcome.Worked;
    }

    private void Write(Turn<PartySession> turn, IdentifierFile items, BitArray positions, ResultDigest digest)
    {
        var session = turn.Session;
        var folder = party.FolderOf(session);
        var matched = new MatchedRows(session.OwnRows);
        using var scratch = party.Scratch(turn, "output");
        using var sorter = new ExternalSorter(scratch, IdentifierOrder.Compare, furtherKey: IdentifierOrder.KeyOf);
        items.ReadAll((position, row, canonical) =>
        {
            if (positions[position])
            {
                matched.Add(row);
                sorter.Add(IdentifierOrder.KeyOf(canonical), canonical);
            }
        });
        matched.Write(folder.Path);
        IntersectionFile.Write(folder.Intersection, session.KeyNames, sorter.Read(), digest);
    }
}
