using System.Buffers.Binary;
using System.Security.Cryptography;

namespace PsiMessaging.Cryptography.BlindRsa;

/// <summary>
/// A proof that x → x^65537 permutes the units modulo n, that is, that 65537 does not divide φ(n) (Goldberg, Reyzin, Sagga, Baldimtsi, ePrint 2018/057, the RSA
/// permutation proof for a prime exponent). Without it, a peer could choose n with 65537 | φ(n): r^e would then cover only a part of the group, and a
/// blinded message would leak a residue class of the message before any signature is checked.
/// </summary>
/// <remarks>
/// The prover shows 65537-th roots of <see cref="Roots"/> values that a hash draws from Z_n. If 65537 | φ(n), a prime q | n has 65537 | q - 1 (65537 itself
/// does not divide n: <see cref="RsaPublicKey"/>), so q ≥ 131,075, and a value of Z_n has a root modulo q with probability at most 1/65537 + 1/q &lt; 2^-15.4,
/// the second term for zero. A false proof passes with probability below 2^-138 for each try of the hash (random oracle); eight roots would give no more than
/// 2^-123. The roots reveal nothing: they are signatures on values nobody chose.
/// </remarks>
public static class RsaKeyProof
{
    /// <summary>Number of roots.</summary>
    public const int Roots = 9;

    /// <summary>Length of a proof in bytes for a modulus of so many bytes.</summary>
    public static int SizeBytes(int modulusSizeBytes) => Roots * modulusSizeBytes;

    /// <summary>Makes the proof.</summary>
    /// <param name="own">Arithmetic with the private key.</param>
    /// <param name="context">Public bytes the proof is bound to: the session.</param>
    public static byte[] Create(RsaArithmetic own, ReadOnlySpan<byte> context)
    {
        var proof = new byte[SizeBytes(own.SizeBytes)];
        for (var i = 0; i < Roots; i++)
        {
            own.PrivateOperation(Challenge(own, context, i), proof.AsSpan(i * own.SizeBytes, own.SizeBytes));
        }

        return proof;
    }

    /// <summary>Checks a peer's proof; false for any wrong length or root.</summary>
    public static bool Verify(RsaArithmetic peer, ReadOnlySpan<byte> context, ReadOnlySpan<byte> proof)
    {
        if (proof.Length != SizeBytes(peer.SizeBytes))
        {
            return false;
        }

        Span<byte> power = stackalloc byte[peer.SizeBytes];
        for (var i = 0; i < Roots; i++)
        {
            var root = proof.Slice(i * peer.SizeBytes, peer.SizeBytes);
            if (!peer.IsInRange(root))
            {
                return false;
            }

            peer.PublicOperation(root, power);
            if (!power.SequenceEqual(Challenge(peer, context, i)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The i-th value: a counter-mode SHA-256 expansion of tag, context, modulus and i, 16 bytes wider than n, reduced modulo n.</summary>
    internal static byte[] Challenge(RsaArithmetic arithmetic, ReadOnlySpan<byte> context, int index)
    {
        var seed = SHA256.HashData([.. DomainTags.RsaKeyProof, (byte)index, .. SHA256.HashData(context), .. arithmetic.PublicKey.Modulus]);
        var wide = new byte[arithmetic.SizeBytes + BlindRsaSuite.BlindMarginBytes];
        Span<byte> input = stackalloc byte[36];
        Span<byte> block = stackalloc byte[32];
        seed.CopyTo(input);
        for (int offset = 0, counter = 0; offset < wide.Length; offset += block.Length, counter++)
        {
            BinaryPrimitives.WriteInt32BigEndian(input[32..], counter);
            SHA256.HashData(input, block);
            block[..Math.Min(block.Length, wide.Length - offset)].CopyTo(wide.AsSpan(offset));
        }

        var value = new byte[arithmetic.SizeBytes];
        arithmetic.Reduce(wide, wide.Length, value);
        return value;
    }
}
