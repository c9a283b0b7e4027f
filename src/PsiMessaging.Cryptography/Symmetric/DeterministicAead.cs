using System.Security.Cryptography;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Modes;
using Org.BouncyCastle.Crypto.Parameters;

namespace PsiMessaging.Cryptography.Symmetric;

/// <summary>
/// AES-256-GCM-SIV (RFC 8452). With a fixed nonce it is deterministic authenticated encryption: equal plaintexts under one key give equal ciphertexts and
/// nothing else is revealed, which is what lets the linker group values it cannot read. Hence one key per column and session.
/// Not thread-safe.
/// </summary>
public sealed class DeterministicAead : IDisposable
{
    /// <summary>Key length in bytes.</summary>
    public const int KeySizeBytes = 32;
    /// <summary>Nonce length in bytes.</summary>
    public const int NonceSizeBytes = 12;
    /// <summary>Bytes a ciphertext is longer than its plaintext.</summary>
    public const int TagSizeBytes = 16;

    private static readonly byte[] ZeroNonce = new byte[NonceSizeBytes];
    private readonly byte[] _key;

    /// <param name="key">32 bytes, used for one column of one session.</param>
    public DeterministicAead(SecretBytes key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.SizeBytes, KeySizeBytes);
        _key = key.Span.ToArray();
    }

    /// <summary>Encrypts under the fixed all-zero nonce; the result is <see cref="TagSizeBytes"/> longer.</summary>
    public byte[] Encrypt(ReadOnlySpan<byte> plaintext) => Process(true, _key, ZeroNonce, plaintext, []);

    /// <summary>Decrypts; null when the ciphertext was not made under this key.</summary>
    public byte[]? TryDecrypt(ReadOnlySpan<byte> ciphertext)
    {
        try
        {
            return ciphertext.Length < TagSizeBytes ? null : Process(false, _key, ZeroNonce, ciphertext, []);
        }
        catch (InvalidCipherTextException)
        {
            return null;
        }
    }

    /// <summary>The bare algorithm, for the published vectors.</summary>
    internal static byte[] Process(bool encrypt, byte[] key, byte[] nonce, ReadOnlySpan<byte> input, byte[] associatedData)
    {
        var cipher = new GcmSivBlockCipher();
        cipher.Init(encrypt, new AeadParameters(new KeyParameter(key), TagSizeBytes * 8, nonce, associatedData));
        var output = new byte[cipher.GetOutputSize(input.Length)];
        var written = cipher.ProcessBytes(input, output);
        written += cipher.DoFinal(output.AsSpan(written));
        return written == output.Length ? output : output[..written];
    }

    /// <inheritdoc/>
    public void Dispose() => CryptographicOperations.ZeroMemory(_key);
}
