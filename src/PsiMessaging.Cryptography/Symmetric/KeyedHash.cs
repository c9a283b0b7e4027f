using System.Buffers.Binary;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Ristretto;

namespace PsiMessaging.Cryptography.Symmetric;

/// <summary>
/// SipHash-2-4 with 128-bit output (Aumasson and Bernstein, ePrint 2012/351), a fast pseudorandom function for short inputs. Sorting a set by it under a
/// secret key is a uniform shuffle to anybody without the key, whatever the set; equal items fall together. Thread-safe.
/// </summary>
public sealed unsafe class KeyedHash : IDisposable
{
    /// <summary>Bytes of the key.</summary>
    public const int KeySizeBytes = 16;

    private readonly SecretBytes _key;

    /// <param name="key">16 bytes; copied.</param>
    public KeyedHash(ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeySizeBytes);
        _key = SecretBytes.CopyOf(key);
    }

    /// <summary>A hash under a fresh key from the system generator.</summary>
    public static KeyedHash Random()
    {
        Span<byte> key = stackalloc byte[KeySizeBytes];
        RandomNumberGenerator.Fill(key);
        var hash = new KeyedHash(key);
        CryptographicOperations.ZeroMemory(key);
        return hash;
    }

    /// <summary>The hash of an input, its 16 bytes read as one big-endian number.</summary>
    public UInt128 Compute(ReadOnlySpan<byte> input)
    {
        Span<byte> output = stackalloc byte[16];
        fixed (byte* to = output, from = input, key = _key.Span)
        {
            if (Libsodium.crypto_shorthash_siphashx24(to, from, (ulong)input.Length, key) != 0)
            {
                throw new CryptographicException("libsodium refused to hash");
            }
        }

        return BinaryPrimitives.ReadUInt128BigEndian(output);
    }

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}
