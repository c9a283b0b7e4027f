using System.Numerics;

namespace PsiMessaging.Cryptography.BlindRsa;

/// <summary>An RSA public key whose form has been checked. The exponent is always 65537.</summary>
public sealed class RsaPublicKey
{
    /// <summary>Shortest modulus accepted, in bits.</summary>
    public const int MinimumBits = 2048;
    /// <summary>Longest modulus accepted, in bits; keeps a hostile peer from asking for hours of work.</summary>
    public const int MaximumBits = 8192;
    /// <summary>Moduli are a multiple of this many bits.</summary>
    public const int BitsStep = 256;

    private static readonly BigInteger SmallPrimes = ProductOfPrimesBelow(1000) * 65537;

    private RsaPublicKey(byte[] modulus) => Modulus = modulus;

    /// <summary>Big-endian, <see cref="SizeBytes"/> bytes, highest bit set, odd.</summary>
    public byte[] Modulus { get; }

    /// <summary>The exponent 65537, big-endian.</summary>
    public static ReadOnlySpan<byte> Exponent => [1, 0, 1];

    /// <summary>Length of the modulus, of messages and of signatures in bytes.</summary>
    public int SizeBytes => Modulus.Length;

    /// <summary>Length of the modulus in bits.</summary>
    public int Bits => Modulus.Length * 8;

    /// <summary>Whether a length in bits may be asked for.</summary>
    public static bool IsAllowedLength(int bits) => bits is >= MinimumBits and <= MaximumBits && bits % BitsStep == 0;

    /// <summary>
    /// Checks a key a peer sent: exact length, highest bit set, odd, free of prime factors below 1,000 and of 65537, exponent 65537.
    /// That the exponent permutes the group is shown by <see cref="RsaKeyProof"/>, which must be verified before anything is blinded under the key.
    /// </summary>
    /// <param name="bits">Agreed length in bits.</param>
    /// <param name="modulus">Big-endian.</param>
    /// <param name="exponent">Big-endian.</param>
    /// <param name="key">The key, when the result is true.</param>
    /// <param name="fault">What is wrong, when the result is false.</param>
    public static bool TryCreate(int bits, ReadOnlySpan<byte> modulus, ReadOnlySpan<byte> exponent, out RsaPublicKey? key, out string? fault)
    {
        key = null;
        fault = !IsAllowedLength(bits) ? $"an RSA modulus of {bits} bits is not allowed: take {MinimumBits} to {MaximumBits}, a multiple of {BitsStep}"
            : modulus.Length * 8 != bits || (modulus[0] & 0x80) == 0 ? $"the RSA modulus is not exactly {bits} bits long"
            : (modulus[^1] & 1) == 0 || !BigInteger.GreatestCommonDivisor(new BigInteger(modulus, isUnsigned: true, isBigEndian: true), SmallPrimes).IsOne
            ? "the RSA modulus has a small factor"
            : !exponent.SequenceEqual(Exponent) ? "the RSA exponent is not 65537"
            : null;
        if (fault is not null)
        {
            return false;
        }

        key = new RsaPublicKey(modulus.ToArray());
        return true;
    }

    private static BigInteger ProductOfPrimesBelow(int limit)
    {
        var product = BigInteger.One;
        for (var candidate = 3; candidate < limit; candidate += 2)
        {
            var prime = true;
            for (var divisor = 3; divisor * divisor <= candidate; divisor += 2)
            {
                prime &= candidate % divisor != 0;
            }

            product *= prime ? candidate : 1;
        }

        return product;
    }
}
