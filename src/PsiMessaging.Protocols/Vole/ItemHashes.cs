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
        Span<byte> hash = stackalloc byte[ItemHash.SizeBytes];
        for (var i = 0; i < items.Count; i++)
        {
            ItemHash.Compute(items[i], _salt, hash);
            var halves = MemoryMarshal.Cast<byte, Vector128<byte>>(hash);
            First.Span[first + i] = halves[0];
            if (Second.Length > 0)
            {
                Second[first + i] = halves[1];
            }
        }

        hash.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        First.Dispose();
        Second.AsSpan().Clear();
    }
}
