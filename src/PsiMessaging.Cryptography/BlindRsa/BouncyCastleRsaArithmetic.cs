using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;
using BigInteger = Org.BouncyCastle.Math.BigInteger;

namespace PsiMessaging.Cryptography.BlindRsa;

/// <summary><see cref="RsaArithmetic"/> in managed code, for machines without OpenSSL 3. About sixteen times slower; not constant-time in every step.</summary>
internal sealed class BouncyCastleRsaArithmetic : RsaArithmetic
{
    private static readonly BigInteger Exponent = BigInteger.ValueOf(65537);
    private readonly BigInteger _modulus;
    private readonly RsaPrivateCrtKeyParameters? _private;

    public BouncyCastleRsaArithmetic(RsaPublicKey publicKey, RsaPrivateKey? privateKey)
        : base(publicKey)
    {
        _modulus = new BigInteger(1, publicKey.Modulus);
        _private = privateKey is null ? null : (RsaPrivateCrtKeyParameters)PrivateKeyFactory.CreateKey(privateKey.Pkcs8.Span.ToArray());
    }

    public override string Name => "BouncyCastle";

    public override void PublicOperation(ReadOnlySpan<byte> value, Span<byte> result) => Write(Read(value).ModPow(Exponent, _modulus), result);

    public override void PrivateOperation(ReadOnlySpan<byte> value, Span<byte> result)
    {
        if (_private is null)
        {
            throw new InvalidOperationException("This arithmetic holds no private key.");
        }

        // BouncyCastle's own engine refuses 1 and other small values, which RSASP1 (RFC 8017 section 5.2.1) allows; hence the steps here: blind against
        // timing, exponentiate by the Chinese remainder theorem, unblind, verify against a fault.
        var input = Read(value);
        var blind = new BigInteger(1, RandomNumberGenerator.GetBytes(SizeBytes + BlindRsaSuite.BlindMarginBytes)).Mod(_modulus);
        var hidden = input.Multiply(blind.ModPow(Exponent, _modulus)).Mod(_modulus);
        var p = hidden.Mod(_private.P).ModPow(_private.DP, _private.P);
        var q = hidden.Mod(_private.Q).ModPow(_private.DQ, _private.Q);
        var h = p.Subtract(q).Multiply(_private.QInv).Mod(_private.P);
        var output = h.Multiply(_private.Q).Add(q).Multiply(blind.ModInverse(_modulus)).Mod(_modulus);
        if (!output.ModPow(Exponent, _modulus).Equals(input))
        {
            throw new InvalidOperationException("The RSA private operation failed.");
        }

        Write(output, result);
    }

    public override void Multiply(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result) =>
        Write(Read(left).Multiply(Read(right)).Mod(_modulus), result);

    public override void Reduce(ReadOnlySpan<byte> wide, int wideSizeBytes, Span<byte> results)
    {
        for (int i = 0, count = wide.Length / wideSizeBytes; i < count; i++)
        {
            Write(Read(wide.Slice(i * wideSizeBytes, wideSizeBytes)).Mod(_modulus), results.Slice(i * SizeBytes, SizeBytes));
        }
    }

    public override bool TryInvertAll(ReadOnlySpan<byte> values, ReadOnlySpan<byte> alsoCoprime, Span<byte> inverses)
    {
        var count = values.Length / SizeBytes;
        var numbers = new BigInteger[count];
        var prefix = new BigInteger[count];
        var product = BigInteger.One;
        for (var i = 0; i < count; i++)
        {
            numbers[i] = Read(values.Slice(i * SizeBytes, SizeBytes));
            prefix[i] = product;
            product = product.Multiply(numbers[i]).Mod(_modulus);
        }

        var further = BigInteger.One;
        for (var i = 0; i < alsoCoprime.Length / SizeBytes; i++)
        {
            further = further.Multiply(Read(alsoCoprime.Slice(i * SizeBytes, SizeBytes))).Mod(_modulus);
        }

        var all = product.Multiply(further).Mod(_modulus);
        if (!all.Gcd(_modulus).Equals(BigInteger.One))
        {
            return false;
        }

        var inverse = all.ModInverse(_modulus).Multiply(further).Mod(_modulus);
        for (var i = count - 1; i >= 0; i--)
        {
            Write(inverse.Multiply(prefix[i]).Mod(_modulus), inverses.Slice(i * SizeBytes, SizeBytes));
            inverse = inverse.Multiply(numbers[i]).Mod(_modulus);
        }

        return true;
    }

    private static BigInteger Read(ReadOnlySpan<byte> value) => new(1, value.ToArray());

    private void Write(BigInteger value, Span<byte> result)
    {
        var bytes = value.ToByteArrayUnsigned();
        result[..(SizeBytes - bytes.Length)].Clear();
        bytes.CopyTo(result[(SizeBytes - bytes.Length)..]);
        CryptographicOperations.ZeroMemory(bytes);
    }

    private protected override void Dispose(bool disposing)
    {
        // BouncyCastle's integers are immutable and cannot be wiped; docs/decisions say so.
    }
}
