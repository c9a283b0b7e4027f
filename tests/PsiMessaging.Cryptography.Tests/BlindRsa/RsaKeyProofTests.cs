using System.Numerics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.BlindRsa;

namespace PsiMessaging.Cryptography.Tests.BlindRsa;

/// <summary>The proof that 65537 permutes, for good keys and for one made to leak.</summary>
public class RsaKeyProofTests
{
    [Fact]
    public void Verify_HonestKey_Accepts_AndOnlyItsOwnProofInItsOwnContext()
    {
        using var key = RsaPrivateKey.Generate(2048);
        using var own = RsaArithmetic.Create(key);
        using var peer = RsaArithmetic.Create(key.PublicKey);
        var proof = RsaKeyProof.Create(own, "session"u8);
        Assert.Equal(RsaKeyProof.SizeBytes(256), proof.Length);
        Assert.True(RsaKeyProof.Verify(peer, "session"u8, proof));
        Assert.False(RsaKeyProof.Verify(peer, "another"u8, proof));
        Assert.False(RsaKeyProof.Verify(peer, "session"u8, proof[..^1]));
        Assert.False(RsaKeyProof.Verify(peer, "session"u8, new byte[proof.Length]));
        for (var root = 0; root < RsaKeyProof.Roots; root++)
        {
            var altered = proof.ToArray();
            altered[(root * 256) + 200] ^= 1;
            Assert.False(RsaKeyProof.Verify(peer, "session"u8, altered));
        }
    }

    /// <summary>
    /// n = p·q with p ≡ 1 mod 65537: it passes every check of form, and its owner, who knows p and q, still cannot show the roots, because all but one in 65537
    /// of the challenges have none.
    /// </summary>
    [Fact]
    public void Verify_ModulusWhoseExponentDoesNotPermute_Refuses()
    {
        BigInteger p;
        do
        {
            p = (new BigInteger(RandomNumberGenerator.GetBytes(126), isUnsigned: true) | (BigInteger.One << 1006)) * 2 * 65537 + 1;
            p = p % (BigInteger.One << 1024) | (BigInteger.One << 1023);
            p -= (p - 1) % (2 * 65537);
        }
        while (!IsProbablePrime(p));
        BigInteger q;
        do
        {
            q = new BigInteger(RandomNumberGenerator.GetBytes(128), isUnsigned: true) | (BigInteger.One << 1023) | (BigInteger.One << 1022) | 1;
        }
        while (!IsProbablePrime(q) || (p * q).GetBitLength() != 2048);
        Assert.Equal(BigInteger.One, p % 65537);
        Assert.True(RsaPublicKey.TryCreate(2048, (p * q).ToByteArray(isUnsigned: true, isBigEndian: true), [1, 0, 1], out var key, out _));
        using var arithmetic = RsaArithmetic.Create(key!);

        // A challenge has a 65537th root only if it is a 65537th power modulo p. At least one is not, so no proof exists, not even for who knows p and q.
        Assert.Contains(Enumerable.Range(0, RsaKeyProof.Roots), i =>
            BigInteger.ModPow(new BigInteger(RsaKeyProof.Challenge(arithmetic, "session"u8, i), isUnsigned: true, isBigEndian: true) % p,
                (p - 1) / 65537, p) != 1);
    }

    private static bool IsProbablePrime(BigInteger candidate)
    {
        if (candidate.IsEven || new[] { 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47 }.Any(prime => candidate % prime == 0))
        {
            return false;
        }

        return new[] { 2, 3, 5, 7, 11, 13, 17 }.All(a => BigInteger.ModPow(a, candidate - 1, candidate) == 1);
    }
}
