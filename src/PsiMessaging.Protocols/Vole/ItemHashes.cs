using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols.Vole;

/// <summary>What the protocol knows of a set: 16 bytes of each identifier's hash, and 16 more where the malicious variant needs them, by position.</summary>
/// <param name="count">Number of identifiers.</param>
/// <param name="both">Whether the second halves are kept.</param>
/// <param name="transcript">Hash of the hand-shake, which salts the hashes: those of one session say nothing in another.</param>
public sealed class ItemHashes(int count, bool both, ReadOnlySpan<byte> transcript) : IDisposable
{
    private readonly byte[] _salt = ItemHash.SaltOf(transcript);

    /// <summary>Number of identifiers.</summary>
    public int Count { get; } = count;

    /// <summary>First halves.</summary>
    public BlockBuffer First { get; } = new(count);

    /// <summary>Second halves, or empty.</summary>
    public Vector128<byte>[] Second { get; } = both ? new Vector128<byte>[count] : [];

    /// <summary>Hashes identifiers into their places. May run for several batches at once.</summary>
    /// <param name="first">Position of the first.</param>
    /// <param name="items">Canonical identifiers.</param>
    public void Add(int first, PackedItems items)
    {
        Span<Vector128<byte>> hashes = stackalloc Vector128<byte>[2 * ItemHashLanes.Lanes];
        using var lanes = ItemHashLanes.IsSupported ? new ItemHashLanes(_salt) : null;
        for (var i = 0; i < items.Count; i += ItemHashLanes.Lanes)
        {
            var taken = Math.Min(ItemHashLanes.Lanes, items.Count - i);
            Hash(items, i, taken, lanes, hashes);
            for (var lane = 0; lane < taken; lane++)
            {
                First.Span[first + i + lane] = hashes[2 * lane];
                if (Second.Length > 0)
                {
                    Second[first + i + lane] = hashes[(2 * lane) + 1];
                }
            }
        }

        hashes.Clear();
    }

    /// <summary>On lanes those that fit; in the lanes of the others stands what was there before, and its hash is put over.</summary>
    private void Hash(PackedItems items, int first, int taken, ItemHashLanes? lanes, Span<Vector128<byte>> hashes)
    {
        for (var lane = 0; lanes is not null && lane < taken; lane++)
        {
            var item = items[first + lane];
            if (item.Length <= ItemHashLanes.MaximumBytes)
            {
                lanes.Put(lane, item);
            }
        }

        lanes?.Compute(hashes);
        for (var lane = 0; lane < taken; lane++)
        {
            var item = items[first + lane];
            if (lanes is null || item.Length > ItemHashLanes.MaximumBytes)
            {
                ItemHash.Compute(item, _salt, MemoryMarshal.AsBytes(hashes.Slice(2 * lane, 2)));
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        First.Dispose();
        Second.AsSpan().Clear();
    }
}
