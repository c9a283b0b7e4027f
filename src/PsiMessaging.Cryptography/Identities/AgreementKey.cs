using System.Security.Cryptography;
using Org.BouncyCastle.Math.EC.Rfc7748;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Identities;

/// <summary>X25519 (RFC 7748): a participant's key-agreement key. Thread-safe.</summary>
public sealed class AgreementKey : IDisposable
{
    /// <summary>Length of private keys, public keys and results in bytes.</summary>
    public const int SizeBytes = 32;

    private readonly SecretBytes _secret;

    /// <summary>Takes ownership of <paramref name="secret"/>, 32 bytes.</summary>
    public AgreementKey(SecretBytes secret)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(secret.SizeBytes, SizeBytes);
        _secret = secret;
        PublicKey = new byte[SizeBytes];
        var copy = secret.Span.ToArray();
        X25519.ScalarMultBase(copy, 0, PublicKey, 0);
        CryptographicOperations.ZeroMemory(copy);
    }

    /// <summary>The public key, 32 bytes.</summary>
    public byte[] PublicKey { get; }

    /// <summary>
    /// The key both sides share: HKDF-SHA-256 over the X25519 result, with both public keys in sorted order as salt so that either side derives the same.
    /// Null when the other's key is of the wrong length or of small order (all-zero result, RFC 7748 section 6.1).
    /// </summary>
    public SecretBytes? TryAgree(ReadOnlySpan<byte> otherPublicKey)
    {
        if (otherPublicKey.Length != SizeBytes)
        {
            return null;
        }

        var scalar = _secret.Span.ToArray();
        var shared = new byte[SizeBytes];
        try
        {
            if (!X25519.CalculateAgreement(scalar, 0, otherPublicKey.ToArray(), 0, shared, 0))
            {
                return null;
            }

            var mineFirst = PublicKey.AsSpan().SequenceCompareTo(otherPublicKey) <= 0;
            byte[] salt = mineFirst ? [.. PublicKey, .. otherPublicKey] : [.. otherPublicKey, .. PublicKey];
            using var raw = SecretBytes.CopyOf(shared);
            return raw.Derive(salt, DomainTags.PairwiseKey, 32);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(scalar);
            CryptographicOperations.ZeroMemory(shared);
        }
    }

    /// <summary>The bare function of RFC 7748 section 5, for the published vectors.</summary>
    internal static byte[] ScalarMult(byte[] scalar, byte[] element)
    {
        var result = new byte[SizeBytes];
        X25519.ScalarMult(scalar, 0, element, 0, result, 0);
        return result;
    }

    /// <summary>The private key, for its file; the caller disposes of the copy.</summary>
    public SecretBytes Copy() => SecretBytes.CopyOf(_secret.Span);

    /// <inheritdoc/>
    public void Dispose() => _secret.Dispose();
}
