using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Batches;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Analytics.Tokens;

/// <summary>
/// The keys of engine <c>tokens</c> for one session, derived from the key the two parties share and the session's transcript. The linker has none of them.
/// Row tokens: HMAC-SHA-256 of the canonical identifier, cut to 16 bytes. Column tokens: HMAC-SHA-256 of owner and name, cut to 16 bytes, in
/// hexadecimal. Values: AES-256-GCM-SIV under a key of its own for each column. Not thread-safe.
/// </summary>
public sealed class TokenKeys : IDisposable
{
    /// <summary>Length of a row token in bytes.</summary>
    public const int RowTokenSizeBytes = EncryptedBatch.RowTokenSizeBytes;

    private readonly SecretBytes _shared;
    private readonly byte[] _transcript;
    private readonly IncrementalHash _row;

    /// <param name="shared">The key the parties share; stays owned by the caller and must outlive this object.</param>
    /// <param name="transcript">Hash of the hand-shake, 32 bytes.</param>
    public TokenKeys(SecretBytes shared, byte[] transcript)
    {
        _shared = shared;
        _transcript = transcript;
        using var key = shared.Derive(transcript, DomainTags.RowToken, 32);
        _row = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key.Span);
    }

    /// <summary>Token of an identifier; equal at both parties, unlinkable across sessions.</summary>
    public byte[] RowToken(ReadOnlySpan<byte> canonical)
    {
        _row.AppendData(canonical);
        return _row.GetHashAndReset()[..RowTokenSizeBytes];
    }

    /// <summary>Token of a column, 32 hexadecimal digits.</summary>
    public string ColumnToken(string party, string name)
    {
        using var key = _shared.Derive(_transcript, DomainTags.ColumnToken, 32);
        return Convert.ToHexStringLower(HMACSHA256.HashData(key.Span, Context(party, name)).AsSpan(0, 16));
    }

    /// <summary>Cipher of a column's values; the caller disposes it.</summary>
    public ValueCipher ValueCipher(string party, string name)
    {
        using var key = _shared.Derive(_transcript, [.. DomainTags.ColumnValues, .. Context(party, name)], DeterministicAead.KeySizeBytes);
        return new ValueCipher(key);
    }

    private static byte[] Context(string party, string name)
    {
        var owner = Encoding.UTF8.GetBytes(party);
        return [(byte)owner.Length, .. owner, .. Encoding.UTF8.GetBytes(name)];
    }

    /// <inheritdoc/>
    public void Dispose() => _row.Dispose();
}

/// <summary>
/// Encrypts one column's values so that equal ones stay equal. A value is padded to a multiple of 32 bytes first, so that its length says little.
/// A plain value is encrypted once and remembered: columns worth grouping by have few different values. Not thread-safe.
/// </summary>
public sealed class ValueCipher : IDisposable
{
    /// <summary>Plaintexts are padded to a multiple of this many bytes.</summary>
    public const int BlockSizeBytes = 32;
    /// <summary>Longest value in UTF-8 bytes.</summary>
    public const int MaximumValueBytes = 65_000;

    private const int RememberedValues = 1 << 16;
    private const byte Null = 0;
    private const byte Text = 1;

    private readonly DeterministicAead _aead;
    private readonly Dictionary<string, byte[]> _remembered = new(StringComparer.Ordinal);
    private byte[]? _null;

    internal ValueCipher(SecretBytes key) => _aead = new DeterministicAead(key);

    /// <summary>Encrypts a value; null stands for a missing one.</summary>
    /// <exception cref="ArgumentException">The value is longer than <see cref="MaximumValueBytes"/>.</exception>
    public byte[] Encrypt(string? value)
    {
        if (value is null)
        {
            return _null ??= _aead.Encrypt(Pad(Null, ""));
        }

        if (_remembered.TryGetValue(value, out var known))
        {
            return known;
        }

        var encrypted = _aead.Encrypt(Pad(Text, value));
        if (_remembered.Count < RememberedValues)
        {
            _remembered.Add(value, encrypted);
        }

        return encrypted;
    }

    /// <summary>Decrypts a value; false when it was not encrypted under this column's key.</summary>
    public bool TryDecrypt(ReadOnlySpan<byte> ciphertext, out string? value)
    {
        value = null;
        if (_aead.TryDecrypt(ciphertext) is not { Length: > 0 } padded)
        {
            return false;
        }

        // 0x80 ends the value, zeros fill up (ISO/IEC 7816-4).
        var end = padded.AsSpan().LastIndexOfAnyExcept((byte)0);
        if (end < 1 || padded[end] != 0x80 || padded[0] > Text)
        {
            return false;
        }

        value = padded[0] == Null ? null : Encoding.UTF8.GetString(padded, 1, end - 1);
        return true;
    }

    private static byte[] Pad(byte kind, string value)
    {
        var size = Encoding.UTF8.GetByteCount(value);
        if (size > MaximumValueBytes)
        {
            throw new ArgumentException($"a value is longer than {MaximumValueBytes:N0} bytes", nameof(value));
        }

        var padded = new byte[(size + 2 + BlockSizeBytes - 1) / BlockSizeBytes * BlockSizeBytes];
        padded[0] = kind;
        Encoding.UTF8.GetBytes(value, padded.AsSpan(1));
        padded[size + 1] = 0x80;
        return padded;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _aead.Dispose();
        _remembered.Clear();
    }
}
