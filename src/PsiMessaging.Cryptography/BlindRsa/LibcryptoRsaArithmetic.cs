using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace PsiMessaging.Cryptography.BlindRsa;

/// <summary><see cref="RsaArithmetic"/> on OpenSSL 3. The private operation is constant-time, blinded and checked against faults by OpenSSL itself.</summary>
internal sealed unsafe class LibcryptoRsaArithmetic : RsaArithmetic
{
    private readonly nint _key;
    private readonly nint _modulus;
    private readonly nint _montgomery;
    private readonly bool _hasPrivate;
    private readonly ConcurrentBag<nint> _encrypters = [];
    private readonly ConcurrentBag<nint> _decrypters = [];
    private readonly ConcurrentBag<Numbers> _numbers = [];
    private bool _disposed;

    public LibcryptoRsaArithmetic(RsaPublicKey publicKey, RsaPrivateKey? privateKey)
        : base(publicKey)
    {
        _hasPrivate = privateKey is not null;
        using (var rsa = RSA.Create())
        {
            rsa.ImportParameters(new RSAParameters { Modulus = publicKey.Modulus, Exponent = RsaPublicKey.Exponent.ToArray() });
            fixed (byte* der = privateKey is null ? rsa.ExportSubjectPublicKeyInfo() : privateKey.Pkcs8.Span)
            {
                var cursor = der;
                _key = privateKey is null
                    ? Libcrypto.d2i_PUBKEY(null, &cursor, rsa.ExportSubjectPublicKeyInfo().Length)
                    : Libcrypto.d2i_AutoPrivateKey(null, &cursor, privateKey.Pkcs8.SizeBytes);
            }
        }

        if (_key == 0)
        {
            throw new CryptographicException("OpenSSL refused the RSA key.");
        }

        using var numbers = new Numbers();
        fixed (byte* modulus = publicKey.Modulus)
        {
            _modulus = Libcrypto.BN_bin2bn(modulus, publicKey.SizeBytes, 0);
        }

        _montgomery = Libcrypto.BN_MONT_CTX_new();
        Check(Libcrypto.BN_MONT_CTX_set(_montgomery, _modulus, numbers.Context));
    }

    public override string Name => "libcrypto";

    public override void PublicOperation(ReadOnlySpan<byte> value, Span<byte> result) => Raw(_encrypters, encrypt: true, value, result);

    public override void PrivateOperation(ReadOnlySpan<byte> value, Span<byte> result)
    {
        if (!_hasPrivate)
        {
            throw new InvalidOperationException("This arithmetic holds no private key.");
        }

        Raw(_decrypters, encrypt: false, value, result);
    }

    private void Raw(ConcurrentBag<nint> pool, bool encrypt, ReadOnlySpan<byte> value, Span<byte> result)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(value.Length, SizeBytes);
        ArgumentOutOfRangeException.ThrowIfNotEqual(result.Length, SizeBytes);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!pool.TryTake(out var context))
        {
            context = Libcrypto.EVP_PKEY_CTX_new(_key, 0);
            Check(encrypt ? Libcrypto.EVP_PKEY_encrypt_init(context) : Libcrypto.EVP_PKEY_decrypt_init(context));
            Check(Libcrypto.EVP_PKEY_CTX_set_rsa_padding(context, Libcrypto.NoPadding));
        }

        fixed (byte* input = value)
        fixed (byte* output = result)
        {
            nint length = SizeBytes;
            var ok = encrypt
                ? Libcrypto.EVP_PKEY_encrypt(context, output, &length, input, value.Length)
                : Libcrypto.EVP_PKEY_decrypt(context, output, &length, input, value.Length);
            if (ok != 1 || length != SizeBytes)
            {
                Libcrypto.EVP_PKEY_CTX_free(context);
                Libcrypto.ERR_clear_error();
                throw new InvalidOperationException("The RSA operation failed.");
            }
        }

        pool.Add(context);
    }

    public override void Multiply(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result)
    {
        using var lease = Rent();
        var n = lease.Numbers;
        Load(n.A, left);
        Load(n.B, right);

        // a·R, then (a·R)·b·R^-1 = a·b.
        Check(Libcrypto.BN_to_montgomery(n.A, n.A, _montgomery, n.Context));
        Check(Libcrypto.BN_mod_mul_montgomery(n.A, n.A, n.B, _montgomery, n.Context));
        Store(n.A, result);
    }

    public override void Reduce(ReadOnlySpan<byte> wide, int wideSizeBytes, Span<byte> results)
    {
        using var lease = Rent();
        var n = lease.Numbers;
        for (int i = 0, count = wide.Length / wideSizeBytes; i < count; i++)
        {
            Load(n.A, wide.Slice(i * wideSizeBytes, wideSizeBytes));
            Check(Libcrypto.BN_nnmod(n.B, n.A, _modulus, n.Context));
            Store(n.B, results.Slice(i * SizeBytes, SizeBytes));
        }
    }

    public override bool TryInvertAll(ReadOnlySpan<byte> values, ReadOnlySpan<byte> alsoCoprime, Span<byte> inverses)
    {
        using var lease = Rent();
        var n = lease.Numbers;
        var count = values.Length / SizeBytes;
        var montgomeryForms = new nint[count];
        var prefixes = new nint[count];
        try
        {
            // n.C: running product of the values, n.D: of those that are only checked; both in Montgomery form.
            Libcrypto.BN_set_word(n.C, 1);
            Check(Libcrypto.BN_to_montgomery(n.C, n.C, _montgomery, n.Context));
            Libcrypto.BN_set_word(n.D, 1);
            Check(Libcrypto.BN_to_montgomery(n.D, n.D, _montgomery, n.Context));
            for (var i = 0; i < count; i++)
            {
                montgomeryForms[i] = Libcrypto.BN_new();
                prefixes[i] = Libcrypto.BN_new();
                Load(n.A, values.Slice(i * SizeBytes, SizeBytes));
                Check(Libcrypto.BN_to_montgomery(montgomeryForms[i], n.A, _montgomery, n.Context));
                Check(Libcrypto.BN_mod_mul_montgomery(prefixes[i], n.C, montgomeryForms[i], _montgomery, n.Context));
                (n.C, prefixes[i]) = (prefixes[i], n.C);
            }

            for (var i = 0; i < alsoCoprime.Length / SizeBytes; i++)
            {
                Load(n.A, alsoCoprime.Slice(i * SizeBytes, SizeBytes));
                Check(Libcrypto.BN_to_montgomery(n.A, n.A, _montgomery, n.Context));
                Check(Libcrypto.BN_mod_mul_montgomery(n.D, n.D, n.A, _montgomery, n.Context));
            }

            Check(Libcrypto.BN_mod_mul_montgomery(n.A, n.C, n.D, _montgomery, n.Context));
            Check(Libcrypto.BN_from_montgomery(n.B, n.A, _montgomery, n.Context));
            Libcrypto.BN_set_flags(n.B, Libcrypto.ConstantTime);
            if (Libcrypto.BN_mod_inverse(n.A, n.B, _modulus, n.Context) == 0)
            {
                Libcrypto.ERR_clear_error();
                return false;
            }

            // inverse of all, times the product of the merely checked: the inverse of the product of the values.
            Check(Libcrypto.BN_to_montgomery(n.A, n.A, _montgomery, n.Context));
            Check(Libcrypto.BN_mod_mul_montgomery(n.A, n.A, n.D, _montgomery, n.Context));
            for (var i = count - 1; i >= 0; i--)
            {
                Check(Libcrypto.BN_mod_mul_montgomery(n.B, n.A, prefixes[i], _montgomery, n.Context));
                Check(Libcrypto.BN_from_montgomery(n.B, n.B, _montgomery, n.Context));
                Store(n.B, inverses.Slice(i * SizeBytes, SizeBytes));
                Check(Libcrypto.BN_mod_mul_montgomery(n.A, n.A, montgomeryForms[i], _montgomery, n.Context));
            }

            return true;
        }
        finally
        {
            foreach (var number in montgomeryForms.Concat(prefixes).Where(number => number != 0))
            {
                Libcrypto.BN_clear_free(number);
            }
        }
    }

    private static void Load(nint number, ReadOnlySpan<byte> value)
    {
        fixed (byte* bytes = value)
        {
            Check(Libcrypto.BN_bin2bn(bytes, value.Length, number) == 0 ? 0 : 1);
        }
    }

    private void Store(nint number, Span<byte> result)
    {
        fixed (byte* bytes = result)
        {
            Check(Libcrypto.BN_bn2binpad(number, bytes, SizeBytes) == SizeBytes ? 1 : 0);
        }
    }

    private static void Check(int result)
    {
        if (result != 1)
        {
            Libcrypto.ERR_clear_error();
            throw new CryptographicException("An OpenSSL big-number operation failed.");
        }
    }

    private Lease Rent()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new Lease(_numbers, _numbers.TryTake(out var numbers) ? numbers : new Numbers());
    }

    private protected override void Dispose(bool disposing)
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        while (_encrypters.TryTake(out var context) || _decrypters.TryTake(out context))
        {
            Libcrypto.EVP_PKEY_CTX_free(context);
        }

        while (_numbers.TryTake(out var numbers))
        {
            numbers.Dispose();
        }

        Libcrypto.BN_MONT_CTX_free(_montgomery);
        Libcrypto.BN_clear_free(_modulus);
        Libcrypto.EVP_PKEY_free(_key);
    }

    /// <summary>Scratch numbers of one thread.</summary>
    private sealed class Numbers : IDisposable
    {
        public readonly nint Context = Libcrypto.BN_CTX_new();
        public readonly nint A = Libcrypto.BN_new();
        public readonly nint B = Libcrypto.BN_new();
        public nint C = Libcrypto.BN_new();
        public readonly nint D = Libcrypto.BN_new();

        public void Dispose()
        {
            Libcrypto.BN_clear_free(A);
            Libcrypto.BN_clear_free(B);
            Libcrypto.BN_clear_free(C);
            Libcrypto.BN_clear_free(D);
            Libcrypto.BN_CTX_free(Context);
        }
    }

    private readonly struct Lease(ConcurrentBag<Numbers> pool, Numbers numbers) : IDisposable
    {
        public Numbers Numbers => numbers;

        public void Dispose() => pool.Add(numbers);
    }
}
