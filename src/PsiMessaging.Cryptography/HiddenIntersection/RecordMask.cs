using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.HiddenIntersection;

/// <summary>
/// The masks of a question by a record's identity: words ρ(κ)_(2c), ρ(κ)_(2c+1) = π(κ ⊕ c) ⊕ κ ⊕ c, π AES-128 under the question's key, which linker and both
/// parties know (Matyas–Meyer–Oseas, correlation robust with AES as an ideal cipher, ePrint 2019/074). Uniform to who lacks κ; both parties make the same
/// mask for the same person without knowing that they do. Never two questions under one key. Thread-safe.
/// </summary>
/// <param name="questionKey">K_Q, 16 bytes, bound to all that the question is.</param>
public sealed class RecordMask(ReadOnlySpan<byte> questionKey) : IDisposable
{
    /// <summary>Bytes of a question's key.</summary>
    public const int KeySizeBytes = Aes128.KeySizeBytes;

    private const int Chunk = 1024;
    private readonly Aes128 _cipher = new(questionKey);

    /// <summary>Writes the masks of some records.</summary>
    /// <param name="keys">κ of each.</param>
    /// <param name="columns">Words a record.</param>
    /// <param name="words">Receives them, column after column.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Fill(ReadOnlySpan<Vector128<byte>> keys, int columns, Span<ulong> words)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(words.Length, keys.Length * columns);
        Span<Vector128<byte>> blocks = new Vector128<byte>[Math.Min(Chunk, keys.Length)];
        for (var at = 0; at < keys.Length; at += Chunk)
        {
            var part = keys.Slice(at, Math.Min(Chunk, keys.Length - at));
            for (var column = 0; column < columns; column += 2)
            {
                var counter = Vector128.Create((ulong)(column / 2), 0UL).AsByte();
                for (var i = 0; i < part.Length; i++)
                {
                    blocks[i] = part[i] ^ counter;
                }

                _cipher.Hash(blocks[..part.Length], blocks);
                Spread(blocks[..part.Length], words[((column * keys.Length) + at)..],
                    column + 1 < columns ? words[(((column + 1) * keys.Length) + at)..] : default);
            }
        }

        blocks.Clear();
    }

    private static void Spread(ReadOnlySpan<Vector128<byte>> blocks, Span<ulong> even, Span<ulong> odd)
    {
        for (var i = 0; i < blocks.Length; i++)
        {
            even[i] = blocks[i].AsUInt64().GetElement(0);
        }

        for (var i = 0; !odd.IsEmpty && i < blocks.Length; i++)
        {
            odd[i] = blocks[i].AsUInt64().GetElement(1);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _cipher.Dispose();
}
