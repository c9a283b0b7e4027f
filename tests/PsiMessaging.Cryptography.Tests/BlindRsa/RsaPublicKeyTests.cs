using PsiMessaging.Cryptography.BlindRsa;

namespace PsiMessaging.Cryptography.Tests.BlindRsa;

/// <summary>Keys a peer might send.</summary>
public sealed class RsaPublicKeyTests : IDisposable
{
    private static readonly byte[] F4 = [1, 0, 1];
    private readonly RsaPrivateKey _key = RsaPrivateKey.Generate(2048);

    [Fact]
    public void TryCreate_ProperKey_IsAccepted()
    {
        Assert.True(RsaPublicKey.TryCreate(2048, _key.PublicKey.Modulus, F4, out var key, out var fault));
        Assert.Null(fault);
        Assert.Equal(256, key!.SizeBytes);
    }

    [Theory]
    [InlineData(1024)]
    [InlineData(1792)]
    [InlineData(2049)]
    [InlineData(8448)]
    [InlineData(0)]
    [InlineData(-2048)]
    public void TryCreate_LengthNotAllowed_IsRefused(int bits) => Refused(bits, new byte[Math.Max(0, bits / 8)], F4, "not allowed");

    [Fact]
    public void TryCreate_ShorterModulusThanAgreed_IsRefused() => Refused(3072, _key.PublicKey.Modulus, F4, "not exactly 3072 bits");

    [Fact]
    public void TryCreate_HighestBitClear_IsRefused()
    {
        var modulus = _key.PublicKey.Modulus.ToArray();
        modulus[0] &= 0x7f;
        Refused(2048, modulus, F4, "not exactly 2048 bits");
    }

    [Fact]
    public void TryCreate_EvenModulus_IsRefused()
    {
        var modulus = _key.PublicKey.Modulus.ToArray();
        modulus[^1] &= 0xfe;
        Refused(2048, modulus, F4, "small factor");
    }

    [Theory]
    [InlineData(3)]
    [InlineData(65521 % 997)]
    [InlineData(997)]
    public void TryCreate_ModulusWithSmallFactor_IsRefused(int factor)
    {
        // The nearest odd multiple of the factor below the modulus, highest bit still set.
        var number = new System.Numerics.BigInteger(_key.PublicKey.Modulus, isUnsigned: true, isBigEndian: true);
        number -= number % factor;
        number = number.IsEven ? number - factor : number;
        Refused(2048, number.ToByteArray(isUnsigned: true, isBigEndian: true), F4, "small factor");
    }

    [Theory]
    [InlineData("03")]
    [InlineData("00010001")]
    [InlineData("010003")]
    [InlineData("")]
    public void TryCreate_OtherExponent_IsRefused(string exponent) => Refused(2048, _key.PublicKey.Modulus, Convert.FromHexString(exponent), "exponent");

    private static void Refused(int bits, byte[] modulus, byte[] exponent, string because)
    {
        Assert.False(RsaPublicKey.TryCreate(bits, modulus, exponent, out var key, out var fault));
        Assert.Null(key);
        Assert.Contains(because, fault, StringComparison.Ordinal);
    }

    public void Dispose() => _key.Dispose();
}
