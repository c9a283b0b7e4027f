using System.Buffers.Binary;
using System.Security.Cryptography;
using PsiMessaging.Cryptography;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>
/// Record keys of the cell-key method: a word of 64 bits for each record, a pseudorandom function of its identifier, read as a fraction of one. The key of a
/// cell is the sum of its records' keys modulo 2^64: the same records have the same cell key in whatever table, and one record more or less makes another. The
/// sum is one more column of an engine that adds words modulo 2^64. Who has the function's key and knows who is in a cell can compute the cell's key,
/// and with the table its noise. Source: SDC Handbook (sdcTools/HandbookSDC), 5.4.
/// </summary>
public sealed class CellKeyRecordKeys : IDisposable
{
    /// <summary>Bytes of a key.</summary>
    public const int KeyBytes = 32;

    private readonly byte[] _key;

    /// <param name="key">32 bytes that serve for record keys alone.</param>
    /// <exception cref="ArgumentException">The key has another length.</exception>
    public CellKeyRecordKeys(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeyBytes)
        {
            throw new ArgumentException($"a key of record keys has {KeyBytes} bytes, not {key.Length}", nameof(key));
        }

        _key = key.ToArray();
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
        Span<byte> code = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, [.. DomainTags.CellRecordKey, .. identifier], code);
        return BinaryPrimitives.ReadUInt64LittleEndian(code);
    }

    /// <summary>Overwrites the key.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(_key);
}
