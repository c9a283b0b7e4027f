using BenchmarkDotNet.Attributes;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Benchmarks;

/// <summary>Raw RSA operations, libcrypto against BouncyCastle.</summary>
public class RsaPrimitives : IDisposable
{
    private RsaPrivateKey _key = null!;
    private RsaArithmetic _libcrypto = null!;
    private RsaArithmetic _managed = null!;
    private byte[] _value = null!;
    private byte[] _result = null!;

    [Params(2048, 3072)]
    public int Bits { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _key = RsaPrivateKey.Generate(Bits);
        _libcrypto = RsaArithmetic.Create(_key);
        _managed = new BouncyCastleRsaArithmetic(_key.PublicKey, _key);
        _value = new byte[_libcrypto.SizeBytes];
        _result = new byte[_libcrypto.SizeBytes];
        BlindRsaSuite.Encode("benchmark"u8, _value);
    }

    [Benchmark(Baseline = true)]
    public void PrivateOperation_Libcrypto() => _libcrypto.PrivateOperation(_value, _result);

    [Benchmark]
    public void PrivateOperation_BouncyCastle() => _managed.PrivateOperation(_value, _result);

    [Benchmark]
    public void PublicOperation_Libcrypto() => _libcrypto.PublicOperation(_value, _result);

    [Benchmark]
    public void Multiply_Libcrypto() => _libcrypto.Multiply(_value, _value, _result);

    [Benchmark]
    public void EncodePss() => BlindRsaSuite.Encode("benchmark"u8, _value);

    [GlobalCleanup]
    public void Dispose()
    {
        _libcrypto.Dispose();
        _managed.Dispose();
        _key.Dispose();
    }
}

/// <summary>Symmetric work a row or identifier costs.</summary>
public class SymmetricPrimitives : IDisposable
{
    private readonly SecretBytes _seed = SecretBytes.Random(32);
    private readonly byte[] _value = new byte[32];
    private readonly byte[] _buffer = new byte[1 << 20];
    private DeterministicAead _aead = null!;
    private SeededStream _stream = null!;

    [GlobalSetup]
    public void Setup()
    {
        _aead = new DeterministicAead(_seed);
        _stream = new SeededStream(_seed, "bench"u8);
    }

    [Benchmark]
    public byte[] AesGcmSiv_OneValue() => _aead.Encrypt(_value);

    [Benchmark]
    public void SeededStream_OneMebibyte() => _stream.Fill(_buffer);

    [GlobalCleanup]
    public void Dispose()
    {
        _aead.Dispose();
        _stream.Dispose();
        _seed.Dispose();
    }
}
