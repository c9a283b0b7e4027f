using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Sealing;

/// <summary>
/// One direction of hybrid public-key encryption (HPKE, RFC 9180), mode base: X-Wing as key encapsulation, HKDF-SHA-256, AES-256-GCM. The first message opens
/// with the receiver's key alone, each message at its own place in the row alone, and keys for other uses can be exported.
/// </summary>
/// <remarks>
/// Base mode says nothing of who sealed: messages are signed inside. Who learns the receiver's private key later opens what was sealed to it; keys that outlive
/// no session come from ephemeral keys. Not thread-safe.
/// </remarks>
public sealed class HpkeContext : IDisposable
{
    /// <summary>Bytes by which sealed text is longer than plain text.</summary>
    public const int TagSizeBytes = 16;
    /// <summary>X-Wing among HPKE's key encapsulations (IANA, from the X-Wing draft).</summary>
    internal const ushort XWingId = 0x647a;

    private const ushort HkdfSha256Id = 1;
    private const ushort Aes256GcmId = 2;
    private const int KeyBytes = 32;
    private const int NonceBytes = 12;
    private const int HashBytes = 32;
    private const byte ModeBase = 0;

    private readonly byte[] _suite;
    private readonly SecretBytes _exporter;
    private readonly byte[] _baseNonce;
    private readonly AesGcm _cipher;
    private ulong _sequence;

    private HpkeContext(byte[] suite, AesGcm cipher, byte[] baseNonce, SecretBytes exporter) =>
        (_suite, _cipher, _baseNonce, _exporter) = (suite, cipher, baseNonce, exporter);

    /// <summary>The sealing side.</summary>
    /// <param name="receiver">The receiver's public key, from its card or a signed message.</param>
    /// <param name="info">What both sides know and the keys are bound to, any length.</param>
    /// <param name="encapsulation">What the receiver needs beside the sealed text.</param>
    /// <returns>Null when the key is none.</returns>
    public static HpkeContext? TryToReceiver(ReadOnlySpan<byte> receiver, ReadOnlySpan<byte> info, out byte[] encapsulation)
    {
        if (!HybridKey.TryEncapsulate(receiver, out encapsulation, out var secret))
        {
            return null;
        }

        using (secret)
        {
            return Schedule(XWingId, secret!, info);
        }
    }

    /// <summary>The opening side.</summary>
    /// <param name="key">Own key.</param>
    /// <param name="encapsulation">What came.</param>
    /// <param name="info">What both sides know.</param>
    /// <returns>Null when the encapsulation is of a wrong length; any other gives a context, which opens nothing unless it was made for this key.</returns>
    public static HpkeContext? TryFromSender(HybridKey key, ReadOnlySpan<byte> encapsulation, ReadOnlySpan<byte> info)
    {
        using var secret = key.TryDecapsulate(encapsulation);
        return secret is null ? null : Schedule(XWingId, secret, info);
    }

    /// <summary>Seals the next message (RFC 9180 section 5.2).</summary>
    /// <param name="associated">What is authenticated beside it.</param>
    /// <param name="plain">The message.</param>
    /// <returns>The message's length and <see cref="TagSizeBytes"/> more.</returns>
    public byte[] Seal(ReadOnlySpan<byte> associated, ReadOnlySpan<byte> plain)
    {
        var result = new byte[plain.Length + TagSizeBytes];
        Seal(_sequence, associated, plain, result);
        _sequence++;
        return result;
    }

    /// <summary>
    /// Seals the message of a place in the row, where messages may come in any order (RFC 9180 section 9.7.1) and their place travels with them.
    /// </summary>
    /// <param name="sequence">The place; the caller never uses one twice.</param>
    /// <param name="associated">What is authenticated beside it.</param>
    /// <param name="plain">The message.</param>
    /// <param name="output">Receives the message's length and <see cref="TagSizeBytes"/> more; may begin where <paramref name="plain"/> does.</param>
    public void Seal(ulong sequence, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> plain, Span<byte> output)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes];
        NonceOf(sequence, nonce);
        _cipher.Encrypt(nonce, plain, output[..plain.Length], output.Slice(plain.Length, TagSizeBytes), associated);
    }

    /// <summary>Opens the next message; null, and the same is expected again, when it is not that.</summary>
    public byte[]? TryOpen(ReadOnlySpan<byte> associated, ReadOnlySpan<byte> sealedText)
    {
        var plain = TryOpen(_sequence, associated, sealedText);
        _sequence += plain is null ? 0u : 1u;
        return plain;
    }

    /// <summary>Opens the message of a place in the row; null when it is not that.</summary>
    public byte[]? TryOpen(ulong sequence, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> sealedText)
    {
        if (sealedText.Length < TagSizeBytes)
        {
            return null;
        }

        Span<byte> nonce = stackalloc byte[NonceBytes];
        NonceOf(sequence, nonce);
        var plain = GC.AllocateUninitializedArray<byte>(sealedText.Length - TagSizeBytes);
        try
        {
            _cipher.Decrypt(nonce, sealedText[..^TagSizeBytes], sealedText[^TagSizeBytes..], plain, associated);
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }

        return plain;
    }

    /// <summary>A key for another use, the same on both sides (RFC 9180 section 5.3).</summary>
    /// <param name="context">What for, any length.</param>
    /// <param name="sizeBytes">1 to 8,160 bytes.</param>
    public SecretBytes Export(ReadOnlySpan<byte> context, int sizeBytes) => Expand(_suite, _exporter, "sec", context, sizeBytes);

    /// <inheritdoc/>
    public void Dispose()
    {
        _cipher.Dispose();
        _exporter.Dispose();
    }

    /// <summary>RFC 9180 section 5.1, mode base; under the id of any key encapsulation, for the published vectors.</summary>
    internal static HpkeContext Schedule(ushort kem, SecretBytes shared, ReadOnlySpan<byte> info)
    {
        var suite = new byte[10];
        "HPKE"u8.CopyTo(suite);
        BinaryPrimitives.WriteUInt16BigEndian(suite.AsSpan(4), kem);
        BinaryPrimitives.WriteUInt16BigEndian(suite.AsSpan(6), HkdfSha256Id);
        BinaryPrimitives.WriteUInt16BigEndian(suite.AsSpan(8), Aes256GcmId);
        using var noPskId = Extract(suite, [], "psk_id_hash", []);
        using var infoHash = Extract(suite, [], "info_hash", info);
        byte[] context = [ModeBase, .. noPskId.Span, .. infoHash.Span];
        using var secret = Extract(suite, shared.Span, "secret", []);
        using var nonce = Expand(suite, secret, "base_nonce", context, NonceBytes);
        using var key = Expand(suite, secret, "key", context, KeyBytes);
        return new HpkeContext(suite, new AesGcm(key.Span, TagSizeBytes), nonce.Span.ToArray(), Expand(suite, secret, "exp", context, HashBytes));
    }

    private void NonceOf(ulong sequence, Span<byte> nonce)
    {
        BinaryPrimitives.WriteUInt64BigEndian(nonce[4..], sequence);
        for (var i = 0; i < NonceBytes; i++)
        {
            nonce[i] ^= _baseNonce[i];
        }
    }

    private static SecretBytes Extract(ReadOnlySpan<byte> suite, ReadOnlySpan<byte> salt, string label, ReadOnlySpan<byte> material)
    {
        byte[] labeled = [.. "HPKE-v1"u8, .. suite, .. Encoding.ASCII.GetBytes(label), .. material];
        Span<byte> key = stackalloc byte[HashBytes];
        HKDF.Extract(HashAlgorithmName.SHA256, labeled, salt, key);
        var result = SecretBytes.CopyOf(key);
        CryptographicOperations.ZeroMemory(labeled);
        CryptographicOperations.ZeroMemory(key);
        return result;
    }

    private static SecretBytes Expand(ReadOnlySpan<byte> suite, SecretBytes key, string label, ReadOnlySpan<byte> info, int sizeBytes)
    {
        byte[] labeled = [(byte)(sizeBytes >> 8), (byte)sizeBytes, .. "HPKE-v1"u8, .. suite, .. Encoding.ASCII.GetBytes(label), .. info];
        var output = new byte[sizeBytes];
        HKDF.Expand(HashAlgorithmName.SHA256, key.Span, output, labeled);
        var result = SecretBytes.CopyOf(output);
        CryptographicOperations.ZeroMemory(output);
        return result;
    }
}
