using System.Runtime.CompilerServices;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols.Vole;

/// <summary>
/// A party's set cut into shards by a keyed hash, all of one size. Nothing of the set stays in memory but how many items of each batch belong to each shard:
/// the set is read once to count, then once for every shard. Places follow from the counts, so they are the same on any number of threads.
/// </summary>
/// <param name="reader">Reads the set.</param>
/// <param name="size">Number of own items.</param>
/// <param name="shards">Number of shards.</param>
/// <param name="paddedSize">Size every shard is filled up to.</param>
/// <param name="transcript">Hash of the hand-shake, 32 bytes. The key follows from it: it is no secret, and nobody knew it before both sets were fixed.</param>
internal sealed class ShardItems(ItemReader reader, int size, int shards, int paddedSize, byte[] transcript) : IDisposable
{
    private readonly KeyedHash _hash = new(VoleSettings.Key("shard", transcript));

    // Items of a shard in a batch, then, once all are counted, where they begin in the shard.
    private readonly int[] _places = new int[((long)size + ItemBatch.Items - 1) / ItemBatch.Items * shards];
    private readonly int[] _totals = new int[shards];

    /// <summary>Items in every shard, once counted.</summary>
    public IReadOnlyList<int> Totals => _totals;

    /// <summary>Counts; to be called once, before anything else.</summary>
    /// <param name="cancellation">When to give up.</param>
    /// <exception cref="RestartException">A shard has more items than its size, less likely than 2^-40: under another key it will not.</exception>
    public void Count(CancellationToken cancellation)
    {
        reader((first, items) =>
        {
            var counts = _places.AsSpan(first / ItemBatch.Items * shards, shards);
            for (var i = 0; i < items.Count; i++)
            {
                counts[ShardOf(items[i])]++;
            }
        }, cancellation);
        for (var at = 0; at < _places.Length; at += shards)
        {
            for (var shard = 0; shard < shards; shard++)
            {
                (_places[at + shard], _totals[shard]) = (_totals[shard], _totals[shard] + _places[at + shard]);
            }
        }

        if (_totals.Any(total => total > paddedSize))
        {
            throw new RestartException("a shard of the set has more identifiers than its size under this session's keys");
        }
    }

    /// <summary>Hashes the items of one shard, in the order of the set, and what it is filled up with after them.</summary>
    /// <param name="shard">From 0.</param>
    /// <param name="both">Whether the second halves of the hashes are wanted.</param>
    /// <param name="shardTranscript">Transcript of the shard.</param>
    /// <param name="dummies">Key of what it is filled up with, 16 bytes, from the party's seed: blocks nobody else can tell from hashes.</param>
    /// <param name="cancellation">When to give up.</param>
    /// <returns>The hashes, and the positions in the set of those that stand for an item.</returns>
    public (ItemHashes Hashes, int[] Positions) Read(int shard, bool both, byte[] shardTranscript, SecretBytes dummies, CancellationToken cancellation)
    {
        var positions = new int[_totals[shard]];
        var hashes = new ItemHashes(paddedSize, both, shardTranscript);
        try
        {
            reader((first, items) =>
            {
                var place = _places[(first / ItemBatch.Items * shards) + shard];
                Span<int> which = stackalloc int[ItemBatch.Items];
                var count = 0;
                for (var i = 0; i < items.Count; i++)
                {
                    if (ShardOf(items[i]) == shard)
                    {
                        positions[place + count] = first + i;
                        which[count++] = i;
                    }
                }

                hashes.Add(place, items, which[..count]);
            }, cancellation);
            using var stream = new Aes128(dummies.Span);
            stream.Counter(0, hashes.First.Span[positions.Length..]);
            if (both)
            {
                stream.Counter((ulong)paddedSize, hashes.Second.AsSpan(positions.Length));
            }

            return (hashes, positions);
        }
        catch
        {
            hashes.Dispose();
            throw;
        }
    }

    /// <summary>Multiply-shift of the hash's upper word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int ShardOf(ReadOnlySpan<byte> item) => (int)Math.BigMul((ulong)(_hash.Compute(item) >> 64), (ulong)shards, out _);

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();
}
