using System.Security.Cryptography;

namespace PsiMessaging.Cryptography.Symmetric;

/// <summary>A secret held in memory that the garbage collector cannot copy, and wiped on disposal. Never printed.</summary>
public sealed class SecretBytes : IDisposable
{
    private readonly byte[] _bytes;
    private bool _disposed;

    private SecretBytes(int sizeBytes) => _bytes = GC.AllocateUninitializedArray<byte>(sizeBytes, pinned: true);

    /// <summary>Length in bytes.</summary>
    public int SizeBytes => _bytes.Length;

    /// <summary>The secret.</summary>
    /// <exception cref="ObjectDisposedException">After disposal.</exception>
    public ReadOnlySpan<byte> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _bytes;
        }
    }

    /// <summary>Draws a new secret from the system generator.</summary>
    /// <param name="sizeBytes">1 to 4,096 bytes.</param>
    public static SecretBytes Random(int sizeBytes)
    {
        var secret = new SecretBytes(sizeBytes);
        RandomNumberGenerator.Fill(secret._bytes);
        return secret;
    }

    /// <summary>Fills a new secret.</summary>
    internal static SecretBytes Fill(int sizeBytes, SpanAction fill)
    {
        var secret = new SecretBytes(sizeBytes);
        fill(secret._bytes);
        return secret;
    }

    /// <summary>Writes into a secret.</summary>
    internal delegate void SpanAction(Span<byte> bytes);

    /// <summary>Copies a secret in; the caller wipes its own copy.</summary>
    public static SecretBytes CopyOf(ReadOnlySpan<byte> value)
    {
        var secret = new SecretBytes(value.Length);
        value.CopyTo(secret._bytes);
        return secret;
    }

    /// <summary>HKDF-SHA-256 (RFC 5869) with this secret as input key material.</summary>
    /// <param name="salt">Any length, public.</param>
    /// <param name="info">Domain tag and context, public.</param>
    /// <param name="sizeBytes">1 to 8,160 bytes of output.</param>
    public SecretBytes Derive(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> info, int sizeBytes)
    {
        var derived = new SecretBytes(sizeBytes);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, Span, derived._bytes, salt, info);
        return derived;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_bytes);
    }

    /// <summary>Says the length only.</summary>
    public override string ToString() => $"secret of {_bytes.Length} bytes";
}
