using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace PsiMessaging.Cryptography.Symmetric;

/// <summary>
/// A pseudorandom sequence of 64-bit words that can be read from any place: AES-256 in counter mode (NIST SP 800-38A section 6.5) from a zero counter, two
/// words a block. The platform's AES does the work, many blocks at once in hardware. Not thread-safe; several objects under one key read the same sequence.
/// </summary>
public sealed class WordStream : IDisposable
{
    /// <summary>Key length in bytes.</summary>
    public const int KeySizeBytes = 32;

    private const int BlockWords = 2;
    private const int ChunkWords = 1 << 13;
    private readonly Aes _aes;
    private readonly UInt128 _start;

    /// <param name="key">32 bytes, used for one sequence only.</param>
    public WordStream(SecretBytes key)
        : this(key.Span, UInt128.Zero)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.SizeBytes, KeySizeBytes);
    }

    /// <summary>The bare counter mode from a given counter, for the published vectors.</summary>
    internal WordStream(ReadOnlySpan<byte> key, UInt128 start)
    {
        _aes = Aes.Create();
        _aes.SetKey(key);
        _start = start;
    }

    /// <summary>Writes the words from a place on.</summary>
    /// <param name="firstWord">Place of the first, 0 or more.</param>
    /// <param name="destination">Where they go.</param>
    public void Fill(long firstWord, Span<ulong> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstWord);
        Span<ulong> edge = stackalloc ulong[BlockWords];
        if (firstWord % BlockWords != 0 && destination.Length > 0)
        {
            FillBlocks(firstWord / BlockWords, edge);
            destination[0] = edge[1];
            destination = destination[1..];
            firstWord++;
        }

        while (destination.Length >= BlockWords)
        {
            var take = Math.Min(destination.Length & ~(BlockWords - 1), ChunkWords);
            FillBlocks(firstWord / BlockWords, destination[..take]);
            destination = destination[take..];
            firstWord += take;
        }

        if (destination.Length > 0)
        {
            FillBlocks(firstWord / BlockWords, edge);
            destination[0] = edge[0];
        }

        edge.Clear();
    }

    private void FillBlocks(long firstBlock, Span<ulong> words)
    {
        var counter = _start + (UInt128)firstBlock;
        for (var i = 0; i < words.Length; i += BlockWords)
        {
            words[i] = BinaryPrimitives.ReverseEndianness((ulong)(counter >> 64));
            words[i + 1] = BinaryPrimitives.ReverseEndianness((ulong)counter);
            counter++;
        }

        var bytes = MemoryMarshal.AsBytes(words);
        _aes.EncryptEcb(bytes, bytes, PaddingMode.None);
        if (!BitConverter.IsLittleEndian)
        {
            BinaryPrimitives.ReverseEndianness(words, words);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _aes.Dispose();
}
