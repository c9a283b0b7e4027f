using System.Numerics;
using System.Security.Cryptography;
using System.Text.Json;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Tests.Vectors;

namespace PsiMessaging.Cryptography.Tests.Rfc;

/// <summary>RFC 9474 appendix A.4: RSABSSA-SHA384-PSSZERO-Deterministic, every intermediate value, on both arithmetics.</summary>
public class Rfc9474Tests
{
    private static readonly JsonElement Vector = VectorFile.Load("rfc9474-appendix-a4.json")[0];

    public static TheoryData<string> Arithmetics => ["libcrypto", "BouncyCastle"];

    private static RsaPrivateKey Key()
    {
        using var rsa = RSA.Create(Parameters());
        return RsaPrivateKey.FromRsa(rsa);
    }

    private static RSAParameters Parameters()
    {
        var (p, q, d) = (Number("p"), Number("q"), Number("d"));
        var half = Vector.Hex("n").Length / 2;
        byte[] Bytes(BigInteger value, int size) =>
            [.. new byte[size - value.GetByteCount(isUnsigned: true)], .. value.ToByteArray(isUnsigned: true, isBigEndian: true)];
        return new RSAParameters
        {
            Modulus = Vector.Hex("n"),
            Exponent = [1, 0, 1],
            D = Bytes(d, half * 2),
            P = Bytes(p, half),
            Q = Bytes(q, half),
            DP = Bytes(d % (p - 1), half),
            DQ = Bytes(d % (q - 1), half),
            InverseQ = Bytes(BigInteger.ModPow(q, p - 2, p), half),
        };
    }

    private static BigInteger Number(string name) => new(Vector.Hex(name), isUnsigned: true, isBigEndian: true);

    private static RsaArithmetic Arithmetic(string name, RsaPrivateKey key)
    {
        Assert.SkipUnless(name != "libcrypto" || Libcrypto.IsAvailable, "OpenSSL 3 is not on this machine");
        return name == "libcrypto" ? new LibcryptoRsaArithmetic(key.PublicKey, key) : new BouncyCastleRsaArithmetic(key.PublicKey, key);
    }

    [Fact]
    public void Encode_PublishedMessage_GivesPublishedEncoding()
    {
        var encoded = new byte[512];
        BlindRsaSuite.Encode(Vector.Hex("input_msg"), encoded);
        Assert.Equal(Vector.Hex("encoded_msg"), encoded);
    }

    [Theory]
    [MemberData(nameof(Arithmetics))]
    public void Blind_PublishedBlind_GivesPublishedBlindedMessage(string name)
    {
        using var key = Key();
        using var arithmetic = Arithmetic(name, key);

        // The vector publishes r^-1; inverting it gives r.
        var blind = new byte[512];
        Assert.True(arithmetic.TryInvertAll(Vector.Hex("inv"), [], blind));
        var blinded = new byte[512];
        var inverse = new byte[512];
        Assert.True(BlindRsaSuite.TryBlind(arithmetic, Vector.Hex("encoded_msg"), blind, blinded, inverse));
        Assert.Equal(Vector.Hex("blinded_msg"), blinded);
        Assert.Equal(Vector.Hex("inv"), inverse);
    }

    [Theory]
    [MemberData(nameof(Arithmetics))]
    public void BlindSign_PublishedBlindedMessage_GivesPublishedBlindSignature(string name)
    {
        using var key = Key();
        using var arithmetic = Arithmetic(name, key);
        var signature = new byte[512];
        BlindRsaSuite.BlindSign(arithmetic, Vector.Hex("blinded_msg"), signature);
        Assert.Equal(Vector.Hex("blind_sig"), signature);
    }

    [Theory]
    [MemberData(nameof(Arithmetics))]
    public void Finalize_PublishedBlindSignature_GivesPublishedSignature(string name)
    {
        using var key = Key();
        using var arithmetic = Arithmetic(name, key);
        var signature = new byte[512];
        Assert.True(BlindRsaSuite.TryFinalize(arithmetic, Vector.Hex("encoded_msg"), Vector.Hex("blind_sig"), Vector.Hex("inv"), signature));
        Assert.Equal(Vector.Hex("sig"), signature);
    }

    [Theory]
    [MemberData(nameof(Arithmetics))]
    public void Finalize_AlteredBlindSignature_IsRefused(string name)
    {
        using var key = Key();
        using var arithmetic = Arithmetic(name, key);
        var altered = Vector.Hex("blind_sig");
        altered[100] ^= 1;
        Assert.False(BlindRsaSuite.TryFinalize(arithmetic, Vector.Hex("encoded_msg"), altered, Vector.Hex("inv"), new byte[512]));
        Assert.False(BlindRsaSuite.TryFinalize(arithmetic, Vector.Hex("encoded_msg"), Vector.Hex("n"), Vector.Hex("inv"), new byte[512]));
        Assert.False(BlindRsaSuite.TryFinalize(arithmetic, Vector.Hex("encoded_msg"), new byte[512], Vector.Hex("inv"), new byte[512]));
    }

    [Fact]
    public void PublishedSignature_VerifiesUnderTheStandardPss()
    {
        // .NET's PSS wants a salt as long as the hash, so the check is BouncyCastle's general one.
        using var key = Key();
        var verifier = new Org.BouncyCastle.Crypto.Signers.PssSigner(new Org.BouncyCastle.Crypto.Engines.RsaEngine(),
            new Org.BouncyCastle.Crypto.Digests.Sha384Digest(), 0);
        verifier.Init(forSigning: false, new Org.BouncyCastle.Crypto.Parameters.RsaKeyParameters(false,
            new Org.BouncyCastle.Math.BigInteger(1, key.PublicKey.Modulus), Org.BouncyCastle.Math.BigInteger.ValueOf(65537)));
        verifier.BlockUpdate(Vector.Hex("input_msg"), 0, Vector.Hex("input_msg").Length);
        Assert.True(verifier.VerifySignature(Vector.Hex("sig")));
    }
}
