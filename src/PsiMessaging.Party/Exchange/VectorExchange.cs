using System.Security.Cryptography;
using PsiMessaging.Data.Keys;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Exchange;

/// <summary>
/// A protocol over whole vectors. After a restart it is given again what the peer had sent, from the inbox, and made to produce again what had left, which is
/// held against a hash of it: nothing else may leave under the same secrets.
/// </summary>
/// <param name="side">Secrets and files; owned from here on.</param>
/// <param name="party">The protocol's side; owned from here on.</param>
/// <param name="onVectors">Called before the party makes a batch or compares.</param>
internal sealed class VectorExchange(PartySide side, IVectorParty party, Action<PartySession> onVectors) : IExchange
{
    /// <summary>Batches that may be in hand: making or taking one is quick once its vector is there.</summary>
    private const int BatchesInHand = 4;

    /// <inheritdoc/>
    public IReadOnlyList<Round> Rounds => party.Rounds;

    /// <inheritdoc/>
    public IdentifierFile? Items => side.Items;

    /// <inheritdoc/>
    public bool IsReplayed => true;

    /// <inheritdoc/>
    public bool HasRoom(int inHand) => inHand < BatchesInHand;

    /// <inheritdoc/>
    public async Task<byte[]> ProduceAsync(PartySession session, Round round, int sequence)
    {
        onVectors(session);
        return await party.ProduceAsync(round, sequence);
    }

    /// <inheritdoc/>
    public async Task<byte[]> AbsorbAsync(Round round, int sequence, ReadOnlyMemory<byte> payload)
    {
        await party.AbsorbAsync(round, sequence, payload);
        return [];
    }

    /// <inheritdoc/>
    public async Task RecoverAsync(PartySession session, IStoredRounds stored)
    {
        // Stage by stage, as it went: what a party keeps of a stage it forgets with the next.
        foreach (var stage in Rounds.GroupBy(round => round.Stage).OrderBy(stage => stage.Key))
        {
            // By number: no round depends on a later one.
            foreach (var round in stage.Where(round => round.Direction == RoundDirection.Incoming).OrderBy(round => round.Number))
            {
                await AbsorbAgainAsync(round, session.Consumed.GetValueOrDefault(round.Number), stored);
            }

            foreach (var round in stage.Where(round => round.Direction == RoundDirection.Outgoing && session.Produced.GetValueOrDefault(round.Number) > 0))
            {
                await ProduceAgainAsync(round, session);
            }
        }
    }

    private async Task ProduceAgainAsync(Round round, PartySession session)
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

    private async Task AbsorbAgainAsync(Round round, int consumed, IStoredRounds stored)
    {
        var batches = new List<int>();
        stored.ReadKept(round.Number, (sequence, _) => batches.Add(sequence));
        if (batches.Count != consumed)
        {
            throw new RestartException("what the peer had sent is not all there any more");
        }

        foreach (var sequence in batches)
        {
            var batch = stored.FindBatch(round.Number, sequence) ?? throw new RestartException("what the peer had sent is not all there any more");
            try
            {
                await party.AbsorbAsync(round, sequence, batch);
            }
            catch (ProtocolViolationException violation)
            {
                // It was taken before, so it is not the peer that has changed: with another seed the check of the extension, say, fails.
                throw new RestartException($"what the peer had sent does not fit the own secrets any more ({violation.Message})");
            }
        }
    }

    /// <inheritdoc/>
    public async Task<MatchedSet> FinishAsync(PartySession session, IStoredRounds stored, TagSink onTag, CancellationToken ended)
    {
        onVectors(session);
        var (positions, count) = await party.FinishAsync();
        return new MatchedSet(positions, count);
    }

    /// <summary>Hash over a round's batches so far, 32 bytes.</summary>
    public static byte[] Chain(byte[]? former, byte[] batch)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(former ?? []);
        hash.AppendData(batch);
        return hash.GetHashAndReset();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        party.Dispose();
        side.Dispose();
    }
}
