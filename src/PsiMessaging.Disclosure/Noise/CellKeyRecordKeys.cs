using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>
/// Record keys of the cell-key method: a word of 64 bits for each record, a pseudorandom function of its identifier, read as a fraction of one. The key of a
/// cell is the sum of its records' keys modulo 2^64: the same records have the same cell key in whatever table, and one record more or less makes another. The
/// sum is one more column of an engine that adds words modulo 2^64. Who has the function's key and the identifiers can compute the cell keys; the noise is
/// hidden from both data holders only where the table of noise, or a further key of it (<see cref="CellKeyNoise"/>), is the linker's alone. Source: SDC
/// Handbook (sdcTools/HandbookSDC), 5.4.
/// </summary>
public sealed class CellKeyRecordKeys : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyBytes = 32;

    private const int BlockBytes = 64;
    private const int StackBytes = 512;

    private static readonly byte[] Tag = Encoding.ASCII.GetBytes("psi-disclosure record key 1:");

    private readonly byte[] _inner;
    private readonly byte[] _outer;

    /// <param name="key">32 bytes that serve for record keys alone.</param>
    /// <exception cref="ArgumentException">The key has another length.</exception>
    public CellKeyRecordKeys(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeyBytes)
        {
            throw new ArgumentException($"a key of record keys has {KeyBytes} bytes, not {key.Length}", nameof(key));
        }

        _inner = [.. Padded(key, 0x36), .. Tag];
        _outer = Padded(key, 0x5c);
    }

    /// <summary>The key of a cell.</summary>
    /// <param name="recordKeys">Of the records in it, in any order.</param>
    /// <returns>Their sum modulo 2^64; of a cell of nobody 0.</returns>
    public static ulong CellKey(ReadOnlySpan<ulong> recordKeys)
    {
        var sum = 0UL;
        foreach (var key in recordKeys)
        {
            sum = unchecked(sum + key);
        }

        return sum;
    }

    /// <summary>The key of a record: the first 8 bytes, little-endian, of HMAC-SHA-256 of a tag and its identifier.</summary>
    /// <param name="identifier">What both parties call the record.</param>
    public ulong Of(ReadOnlySpan<byte> identifier)
    {
        // HMAC of two hashes (RFC 2104): the library's own sets up a context for each record, which takes ten times as long as hashing.
        var length = _inner.Length + identifier.Length;
        var message = length <= StackBytes ? stackalloc byte[StackBytes] : new byte[length];
        _inner.CopyTo(message);
        identifier.CopyTo(message[_inner.Length..]);
        Span<byte> outer = stackalloc byte[BlockBytes + SHA256.HashSizeInBytes];
        _outer.CopyTo(outer);
        SHA256.HashData(message[..length], outer[BlockBytes..]);
        Span<byte> code = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(outer, code);
        CryptographicOperations.ZeroMemory(message);
        CryptographicOperations.ZeroMemory(outer);
        return BinaryPrimitives.ReadUInt64LittleEndian(code);
    }

    /// <summary>Overwrites the key.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_inner);
        CryptographicOperations.ZeroMemory(_outer);
    }

    private static byte[] Padded(ReadOnlySpan<byte> key, byte pad)
    {
        var padded = new byte[BlockBytes];
        key.CopyTo(padded);
        for (var i = 0; i < padded.Length; i++)
        {
            padded[i] ^= pad;
        }

        return padded;
    }
}
