using System.Buffers.Binary;
using System.Security.Cryptography;

namespace PsiMessaging.Cryptography.Ristretto;

/// <summary>A scalar in the digits that a multiplication goes through. No branch and no address depends on the scalar.</summary>
internal static class ScalarDigits
{
    /// <summary>Digits of a scalar: base 16, each -8 to 8.</summary>
    public const int Count = 64;

    private const int Words = 4;

    /// <summary>ℓ = 2^252 + 27742317777372353535851937790883648493, the order of the group, in words of 64 bits, lowest first.</summary>
    private static ReadOnlySpan<ulong> Order => [0x5812631A5CF5D3ED, 0x14DEF9DEA2F79CD6, 0, 0x1000000000000000];

    /// <summary>Digits d with scalar = Σ d[i]·16^i; the highest bit of the 256 is left out, as libsodium does.</summary>
    /// <param name="scalar">32 bytes, little-endian.</param>
    /// <param name="halved">
    /// Whether the digits shall be of half the scalar modulo ℓ, for <see cref="RistrettoLanes{TLanes}.EncodeDoubled"/>: an odd scalar is made even by adding
    /// ℓ, which changes no multiple of an element, and both are below 2^255 + 2^253.
    /// </param>
    /// <param name="digits">Receives 64.</param>
    public static void Recode(ReadOnlySpan<byte> scalar, bool halved, Span<sbyte> digits)
    {
        Span<ulong> words = stackalloc ulong[Words];
        for (var i = 0; i < Words; i++)
        {
            words[i] = BinaryPrimitives.ReadUInt64LittleEndian(scalar[(8 * i)..]);
        }

        words[3] &= ulong.MaxValue >> 1;
        if (halved)
        {
            Halve(words);
        }

        // 0 to 15 become -8 to 7 with a carry of 1; the last digit is at most 7 and takes the carry as it is.
        long carry = 0;
        for (var i = 0; i < Count - 1; i++)
        {
            var digit = (long)((words[i >> 4] >> ((i & 15) * 4)) & 15) + carry;
            carry = (digit + 8) >> 4;
            digits[i] = (sbyte)(digit - (carry << 4));
        }

        digits[Count - 1] = (sbyte)((long)(words[3] >> 60) + carry);
        CryptographicOperations.ZeroMemory(System.Runtime.InteropServices.MemoryMarshal.AsBytes(words));
    }

    private static void Halve(Span<ulong> words)
    {
        var odd = 0 - (words[0] & 1);
        UInt128 sum = 0;
        for (var i = 0; i < Words; i++)
        {
            sum = (sum >> 64) + words[i] + (Order[i] & odd);
            words[i] = (ulong)sum;
        }

        for (var i = 0; i < Words - 1; i++)
        {
            words[i] = (words[i] >> 1) | (words[i + 1] << 63);
        }

        words[Words - 1] >>= 1;
    }
}
