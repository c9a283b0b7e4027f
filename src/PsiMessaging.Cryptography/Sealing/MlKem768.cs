using System.Security.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Kems;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Sealing;

/// <summary>ML-KEM-768 (FIPS 203), as BouncyCastle computes it: a key encapsulation that no quantum computer is known to open.</summary>
internal static class MlKem768
{
    /// <summary>Length of a private key's seed, d and z of FIPS 203 algorithm 16, in bytes.</summary>
    public const int SeedSizeBytes = 64;
    /// <summary>Length of an encapsulation key in bytes.</summary>
    public const int PublicKeySizeBytes = 1184;
    /// <summary>Length of a ciphertext in bytes.</summary>
    public const int CiphertextSizeBytes = 1088;
    /// <summary>Length of the shared secret in bytes.</summary>
    public const int SecretSizeBytes = 32;
    /// <summary>Length of what an encapsulation draws, m of FIPS 203 algorithm 17, in bytes.</summary>
    public const int MessageSizeBytes = 32;

    /// <summary>The private key that grows from a seed of <see cref="SeedSizeBytes"/>.</summary>
    public static MLKemPrivateKeyParameters FromSeed(ReadOnlySpan<byte> seed)
    {
        var copy = seed.ToArray();
        try
        {
            return MLKemPrivateKeyParameters.FromSeed(MLKemParameters.ml_kem_768, copy);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(copy);
        }
    }

    /// <summary>A new secret for the holder of a public key.</summary>
    /// <param name="publicKey"><see cref="PublicKeySizeBytes"/>, from anybody.</param>
    /// <param name="message">What it is drawn from, <see cref="MessageSizeBytes"/> of the system generator.</param>
    /// <param name="ciphertext">Receives <see cref="CiphertextSizeBytes"/>.</param>
    /// <returns>The secret; null when the key is none (FIPS 203 section 7.2).</returns>
    public static SecretBytes? TryEncapsulate(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, Span<byte> ciphertext)
    {
        MLKemPublicKeyParameters key;
        try
        {
            key = MLKemPublicKeyParameters.FromEncoding(MLKemParameters.ml_kem_768, publicKey.ToArray());
        }
        catch (ArgumentException)
        {
            return null;
        }

        using var drawn = new Drawn(message);
        var encapsulator = new MLKemEncapsulator(MLKemParameters.ml_kem_768);
        encapsulator.Init(new ParametersWithRandom(key, drawn));
        Span<byte> secret = stackalloc byte[SecretSizeBytes];
        encapsulator.Encapsulate(ciphertext, secret);
        var result = SecretBytes.CopyOf(secret);
        CryptographicOperations.ZeroMemory(secret);
        return result;
    }

    /// <summary>The secret in a ciphertext; for one that nobody made under this key, a random one that nobody knows (implicit rejection).</summary>
    /// <param name="key">From <see cref="FromSeed"/>.</param>
    /// <param name="ciphertext"><see cref="CiphertextSizeBytes"/>.</param>
    public static SecretBytes Decapsulate(MLKemPrivateKeyParameters key, ReadOnlySpan<byte> ciphertext)
    {
        var decapsulator = new MLKemDecapsulator(MLKemParameters.ml_kem_768);
        decapsulator.Init(key);
        Span<byte> secret = stackalloc byte[SecretSizeBytes];
        decapsulator.Decapsulate(ciphertext, secret);
        var result = SecretBytes.CopyOf(secret);
        CryptographicOperations.ZeroMemory(secret);
        return result;
    }

    /// <summary>
    /// Hands BouncyCastle what was drawn before, once: its own generator seeds itself from the system's, and the published vectors name what is drawn.
    /// </summary>
    private sealed class Drawn(ReadOnlySpan<byte> bytes) : SecureRandom(null), IDisposable
    {
        private readonly byte[] _bytes = bytes.ToArray();
        private bool _isTaken;

        public override void NextBytes(byte[] buf) => NextBytes(buf.AsSpan());

        public override void NextBytes(byte[] buf, int off, int len) => NextBytes(buf.AsSpan(off, len));

        public override void NextBytes(Span<byte> buffer)
        {
            if (_isTaken || buffer.Length != _bytes.Length)
            {
                throw new InvalidOperationException("an encapsulation draws its message and nothing else");
            }

            _isTaken = true;
            _bytes.CopyTo(buffer);
        }

        public void Dispose() => CryptographicOperations.ZeroMemory(_bytes);
    }
}
