using System.Runtime.Intrinsics;
using PsiMessaging.Cryptography.Fields;
using PsiMessaging.Cryptography.KeyValueStore;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Oprf;

/// <summary>
/// The oblivious pseudorandom function of Raghuraman and Rindal (ePrint 2022/320), after Rindal and Schoppmann (2021/266): from a VOLE C = Δ·A + B the
/// receiver, whose keys encode to P, sends A' = A + P; the sender has K = B + Δ·A'. The receiver's value for its own key x is Dec(C, x); the sender's for any y
/// is Dec(K, y) + Δ·v(y), which is the same for a common key and otherwise off by Δ times what the receiver cannot choose.
/// </summary>
/// <remarks>
/// The receiver learns the function at its n keys only (a malicious one at up to about 2.9·n, docs/protocols.md); the sender learns how many there are. Outputs
/// are hashed before they are compared: u to AES_k(u) ⊕ u under a session key, or in the malicious variant to AES_(u+w)(x) ⊕ x with w from both parties.
/// </remarks>
public sealed class VoleOprf : IDisposable
{
    private const int Chunk = 4096;
    private const int KeyChunk = 256;
    private readonly Aes128 _value;
    private readonly Aes128 _output;

    /// <param name="valueKey">Public key of v, 16 bytes, drawn after both sets were fixed.</param>
    /// <param name="outputKey">Public key of the output hash.</param>
    public VoleOprf(ReadOnlySpan<byte> valueKey, ReadOnlySpan<byte> outputKey) => (_value, _output) = (new Aes128(valueKey), new Aes128(outputKey));

    /// <summary>v(x) for each row: a hash of the key, and in the malicious variant of its second half too.</summary>
    /// <param name="rows">The keys.</param>
    /// <param name="second">Second halves of the item hashes in the items' own order, or empty.</param>
    /// <param name="cores">Threads.</param>
    public BlockBuffer Values(BandRows rows, ReadOnlyMemory<Vector128<byte>> second, Cores cores)
    {
        var values = new BlockBuffer(rows.Count);
        cores.Split(rows.Count, Chunk, (_, first, end) =>
        {
            var part = values.Span[first..end];
            _value.Hash(rows.Keys[first..end], part);
            if (!second.IsEmpty)
            {
                var halves = second.Span;
                for (var i = 0; i < part.Length; i++)
                {
                    part[i] ^= halves[rows.IndexOf(first + i)];
                }

                _value.Hash(part, part);
            }
        });
        return values;
    }

    /// <summary>target ⊕= mask: A' from P and A.</summary>
    public static void Add(BlockBuffer mask, BlockBuffer target, int columns, Cores cores) => cores.Split(columns, Chunk, (_, first, end) =>
    {
        var from = mask.Span[first..end];
        var to = target.Span[first..end];
        for (var i = 0; i < to.Length; i++)
        {
            to[i] ^= from[i];
        }
    });

    /// <summary>The sender's values: decoded K plus Δ·v, in place.</summary>
    /// <param name="decoded">Dec(K, y); receives the values.</param>
    /// <param name="values">v(y).</param>
    /// <param name="delta">Δ.</param>
    /// <param name="cores">Threads.</param>
    public static void Finish(BlockBuffer decoded, BlockBuffer values, Vector128<byte> delta, Cores cores) => cores.Split(
        Math.Min(decoded.Length, values.Length), Chunk,
        (_, first, end) => BinaryField128.MultiplyAdd(delta, values.Span[first..end], decoded.Span[first..end]));

    /// <summary>What is compared: a hash of each value.</summary>
    /// <param name="rows">The keys.</param>
    /// <param name="evaluated">u, in the rows' order.</param>
    /// <param name="share">w of the malicious variant, or null.</param>
    /// <param name="cores">Threads.</param>
    public BlockBuffer Outputs(BandRows rows, BlockBuffer evaluated, Vector128<byte>? share, Cores cores)
    {
        var outputs = new BlockBuffer(rows.Count);
        cores.Split(rows.Count, Chunk, (_, first, end) =>
        {
            if (share is not { } w)
            {
                _output.Hash(evaluated.Span[first..end], outputs.Span[first..end]);
                return;
            }

            Span<Vector128<byte>> keys = stackalloc Vector128<byte>[KeyChunk];
            for (var at = first; at < end; at += KeyChunk)
            {
                var values = evaluated.Span[at..Math.Min(end, at + KeyChunk)];
                for (var i = 0; i < values.Length; i++)
                {
                    keys[i] = values[i] ^ w;
                }

                Aes128.HashUnderKeys(keys[..values.Length], rows.Keys.Slice(at, values.Length), outputs.Span.Slice(at, values.Length), Aes128.IsAccelerated);
            }

            keys.Clear();
        });
        return outputs;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _value.Dispose();
        _output.Dispose();
    }
}
