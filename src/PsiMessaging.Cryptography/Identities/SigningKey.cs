using Org.BouncyCastle.Math.EC.Rfc8032;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Identities;

/// <summary>Ed25519 (RFC 8032): a participant's signing key. Deterministic, so a repeated message carries the same signature. Thread-safe.</summary>
public sealed class SigningKey : IDisposable
{
    /// <summary>Length of a private key in bytes.</summary>
    public const int SecretSizeBytes = 32;
    /// <summary>Length of a public key in bytes.</summary>
    public const int PublicKeySizeBytes = 32;
    /// <summary>Length of a signature in bytes.</summary>
    public const int SignatureSizeBytes = 64;

    private readonly SecretBytes _secret;

    /// <summary>Takes ownership of <paramref name="secret"/>, 32 bytes.</summary>
    public SigningKey(SecretBytes secret)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(secret.SizeBytes, SecretSizeBytes);
        _secret = secret;
        PublicKey = new byte[PublicKeySizeBytes];
        var copy = secret.Span.ToArray();
        Ed25519.GeneratePublicKey(copy, 0, PublicKey, 0);
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(copy);
    }

    /// <summary>The public key, 32 bytes.</summary>
    public byte[] PublicKey { get; }

    /// <summary>Signs; the result is 64 bytes.</summary>
    public byte[] Sign(ReadOnlySpan<byte> message)
    {
        var copy = _secret.Span.ToArray();
        var signature = new byte[SignatureSizeBytes];
        var text = message.ToArray();
        Ed25519.Sign(copy, 0, PublicKey, 0, text, 0, text.Length, signature, 0);
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(copy);
        return signature;
    }

    /// <summary>Whether the signature is valid; false for any malformed input (RFC 8032 section 5.1.7, with the range check on S).</summary>
    public static bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (publicKey.Length != PublicKeySizeBytes || signature.Length != SignatureSizeBytes)
        {
            return false;
        }

        var text = message.ToArray();
        return Ed25519.Verify(signature.ToArray(), 0, publicKey.ToArray(), 0, text, 0, text.Length);
    }

    /// <summary>The private key, for its file; the caller disposes of the copy.</summary>
    public SecretBytes Copy() => SecretBytes.CopyOf(_secret.Span);

    /// <inheritdoc/>
    public void Dispose() => _secret.Dispose();
}
