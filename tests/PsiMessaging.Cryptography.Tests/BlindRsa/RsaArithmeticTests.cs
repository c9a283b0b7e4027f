using CsCheck;
using PsiMessaging.Cryptography.BlindRsa;

namespace PsiMessaging.Cryptography.Tests.BlindRsa;

/// <summary>libcrypto and BouncyCastle must give the same results; both must agree with System.Numerics.</summary>
public sealed class RsaArithmeticTests : IDisposable
{
    private readonly RsaPrivateKey _key = RsaPrivateKey.Generate(2048);
    private readonly RsaArithmetic _managed;
    private readonly RsaArithmetic _native;

    public RsaArithmeticTests()
    {
        _managed = new BouncyCastleRsaArithmetic(_key.PublicKey, _key);
        _native = RsaArithmetic.Create(_key);
    }

    /// <summary>Weighted to the edges: 1, 2, n-1, n-2, small and random values below n.</summary>
    private Gen<byte[]> Values()
    {
        var modulus = new System.Numerics.BigInteger(_key.PublicKey.Modulus, isUnsigned: true, isBigEndian: true);
        var edges = new[] { 1, 2, 3, modulus - 1, modulus - 2, modulus / 2 }.Select(Bytes).ToArray();
        return Gen.Frequency((1, Gen.Int[0, edges.Length - 1].Select(i => edges[i])),
            (3, Gen.Byte.Array[256].Select(bytes => Bytes((new System.Numerics.BigInteger(bytes, isUnsigned: true, isBigEndian: true) % (modulus - 1)) + 1))));
    }

    private static byte[] Bytes(System.Numerics.BigInteger value) =>
        [.. new byte[256 - value.GetByteCount(isUnsigned: true)], .. value.ToByteArray(isUnsigned: true, isBigEndian: true)];

    private static System.Numerics.BigInteger Number(byte[] bytes) => new(bytes, isUnsigned: true, isBigEndian: true);

    [Fact]
    public void PrivateOperation_BothImplementations_AgreeAndInvertThePublicOne() => Values().Sample(value =>
    {
        var (native, managed, back) = (new byte[256], new byte[256], new byte[256]);
        _native.PrivateOperation(value, native);
        _managed.PrivateOperation(value, managed);
        _native.PublicOperation(native, back);
        Assert.Equal(native, managed);
        Assert.Equal(value, back);
    }, iter: 60);

    [Fact]
    public void MultiplyAndPublicOperation_AgreeWithSystemNumerics() => Values().Select(Values()).Sample((left, right) =>
    {
        var modulus = Number(_key.PublicKey.Modulus);
        foreach (var arithmetic in new[] { _native, _managed })
        {
            var result = new byte[256];
            arithmetic.Multiply(left, right, result);
            Assert.Equal(Bytes(Number(left) * Number(right) % modulus), result);
            arithmetic.PublicOperation(left, result);
            Assert.Equal(Bytes(System.Numerics.BigInteger.ModPow(Number(left), 65537, modulus)), result);
        }
    }, iter: 60);

    [Fact]
    public void TryInvertAll_EveryValueTimesItsInverse_IsOne() => Values().Array[0, 20].Sample(values =>
    {
        foreach (var arithmetic in new[] { _native, _managed })
        {
            var inverses = new byte[values.Length * 256];
            Assert.True(arithmetic.TryInvertAll(values.SelectMany(value => value).ToArray(), Bytes(7), inverses));
            for (var i = 0; i < values.Length; i++)
            {
                var product = new byte[256];
                arithmetic.Multiply(values[i], inverses.AsSpan(i * 256, 256), product);
                Assert.Equal(Bytes(1), product);
            }
        }
    }, iter: 60);

    [Fact]
    public void TryInvertAll_ValueSharingAFactor_IsRefused()
    {
        var rsa = System.Security.Cryptography.RSA.Create();
        rsa.ImportPkcs8PrivateKey(_key.Pkcs8.Span, out _);
        byte[] prime = [.. new byte[128], .. rsa.ExportParameters(true).P!];
        foreach (var arithmetic in new[] { _native, _managed })
        {
            Assert.False(arithmetic.TryInvertAll(prime, [], new byte[256]));
            Assert.False(arithmetic.TryInvertAll(Bytes(5), prime, new byte[256]));
            Assert.True(arithmetic.TryInvertAll(Bytes(5), [], new byte[256]));
        }
    }

    [Fact]
    public void Reduce_WideValues_AgreeWithSystemNumerics() => Gen.Byte.Array[272].Sample(wide =>
    {
        foreach (var arithmetic in new[] { _native, _managed })
        {
            var result = new byte[256];
            arithmetic.Reduce(wide, 272, result);
            Assert.Equal(Bytes(Number(wide) % Number(_key.PublicKey.Modulus)), result);
        }
    }, iter: 100);

    [Fact]
    public void IsInRange_ZeroModulusAndWrongLengths_AreRefused()
    {
        Assert.False(_native.IsInRange(new byte[256]));
        Assert.False(_native.IsInRange(_key.PublicKey.Modulus));
        Assert.False(_native.IsInRange(Enumerable.Repeat((byte)0xff, 256).ToArray()));
        Assert.False(_native.IsInRange(new byte[] { 1 }));
        Assert.False(_native.IsInRange(new byte[257]));
        Assert.True(_native.IsInRange(Bytes(1)));
        Assert.True(_native.IsInRange(Bytes(Number(_key.PublicKey.Modulus) - 1)));
    }

    [Fact]
    public void PrivateOperation_WithoutPrivateKey_IsRefused()
    {
        using var publicOnly = RsaArithmetic.Create(_key.PublicKey);
        Assert.Throws<InvalidOperationException>(() => publicOnly.PrivateOperation(Bytes(2), new byte[256]));
    }

    public void Dispose()
    {
        _managed.Dispose();
        _native.Dispose();
        _key.Dispose();
    }
}
