using System.Buffers.Binary;
using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Identities;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Files;

namespace PsiMessaging.Participants.Identities;

/// <summary>A participant's private keys, and until when its card is believed.</summary>
/// <param name="Signing">Ed25519 seed, 32 bytes.</param>
/// <param name="Agreement">X25519 key, 32 bytes.</param>
/// <param name="Sealing">X-Wing seed, 32 bytes.</param>
/// <param name="Expires">Last day of the card.</param>
internal sealed record IdentityKeys(SecretBytes Signing, SecretBytes Agreement, SecretBytes Sealing, DateOnly Expires) : IDisposable
{
    public static IdentityKeys Draw(DateOnly expires) => new(
        SecretBytes.Random(SigningKey.SecretSizeBytes), SecretBytes.Random(AgreementKey.SizeBytes), SecretBytes.Random(HybridKey.SizeBytes), expires);

    public void Dispose()
    {
        Signing.Dispose();
        Agreement.Dispose();
        Sealing.Dispose();
    }
}

/// <summary>
/// <c>identity.key</c>. Plain: magic <c>PSIKEY02</c>, the three keys, the day. Protected: magic <c>PSIKEY03</c>, protection (1: passphrase, 2: mounted
/// key), passes and KiB of Argon2id (RFC 9106; 4 bytes each, big-endian), salt (16 bytes), nonce (12 bytes), the same content under AES-256-GCM with all
/// before it authenticated.
/// </summary>
internal static class IdentityFile
{
    private const int ContentBytes = 100;
    private const int HeadBytes = 8 + 1 + 4 + 4 + PasswordHash.SaltSizeBytes + NonceBytes;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private static readonly byte[] Plain = "PSIKEY02"u8.ToArray();
    private static readonly byte[] Protected = "PSIKEY03"u8.ToArray();

    /// <summary>Under what the keys of a file lie.</summary>
    public static KeyProtection ProtectionOf(string path)
    {
        using var file = File.OpenRead(path);
        Span<byte> head = stackalloc byte[9];
        return file.ReadAtLeast(head, 9, throwOnEndOfStream: false) == 9 && head.StartsWith(Protected) && head[8] is 1 or 2
            ? (KeyProtection)head[8] : KeyProtection.None;
    }

    /// <summary>Reads the keys.</summary>
    /// <param name="path">Where.</param>
    /// <param name="opener">What opens them; null looks where it is said to be, and asks.</param>
    /// <exception cref="ParticipantException">The file is missing, open to others or damaged; or what opens it is wrong, or nowhere to be had.</exception>
    public static IdentityKeys Read(string path, SecretBytes? opener = null)
    {
        var bytes = OwnerOnlyFile.Read(path, "the identity key file");
        try
        {
            if (bytes.Length == Plain.Length + ContentBytes && bytes.AsSpan().StartsWith(Plain))
            {
                return KeysOf(bytes.AsSpan(Plain.Length));
            }

            return bytes.Length == HeadBytes + ContentBytes + TagBytes && bytes.AsSpan().StartsWith(Protected) && bytes[8] is 1 or 2 ? Open(bytes, path, opener)
                : throw Damaged(path);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    /// <summary>Writes the keys.</summary>
    /// <param name="path">Where.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="protection">Under what they lie.</param>
    /// <param name="opener">What opens them; null where nothing is needed.</param>
    public static void Write(string path, IdentityKeys keys, KeyProtection protection, SecretBytes? opener)
    {
        byte[] content = new byte[ContentBytes], file = [];
        try
        {
            keys.Signing.Span.CopyTo(content);
            keys.Agreement.Span.CopyTo(content.AsSpan(32));
            keys.Sealing.Span.CopyTo(content.AsSpan(64));
            BinaryPrimitives.WriteInt32BigEndian(content.AsSpan(96), keys.Expires.DayNumber);
            file = protection == KeyProtection.None ? [.. Plain, .. content] : Seal(content, protection, opener!);
            using var before = File.Exists(path) ? PrivateFile.Open(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete) : null;
            AtomicFile.Write(path, file);
            Overwrite(before);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
            CryptographicOperations.ZeroMemory(file);
        }
    }

    /// <summary>The file that stood here goes with its name, and its content would not.</summary>
    private static void Overwrite(FileStream? before)
    {
        if (before is not null)
        {
            before.Write(new byte[before.Length]);
            before.Flush(flushToDisk: true);
        }
    }

    private static byte[] Seal(byte[] content, KeyProtection protection, SecretBytes opener)
    {
        var file = new byte[HeadBytes + ContentBytes + TagBytes];
        Protected.CopyTo(file, 0);
        file[8] = (byte)protection;
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(9), PasswordHash.UsualPasses);
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(13), PasswordHash.UsualMemoryKiB);
        RandomNumberGenerator.Fill(file.AsSpan(17, PasswordHash.SaltSizeBytes + NonceBytes));
        using var key = KeyOf(file, opener);
        using var cipher = new AesGcm(key.Span, TagBytes);
        cipher.Encrypt(NonceOf(file), content, file.AsSpan(HeadBytes, ContentBytes), file.AsSpan(HeadBytes + ContentBytes), file.AsSpan(0, HeadBytes));
        return file;
    }

    private static IdentityKeys Open(byte[] file, string path, SecretBytes? given)
    {
        if (BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(9)) is < 1 or > PasswordHash.MostPasses
            || BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(13)) is < 8 or > PasswordHash.MostMemoryKiB)
        {
            throw Damaged(path);
        }

        var protection = (KeyProtection)file[8];
        using var found = given is null ? IdentityLock.Find(protection, path) : null;
        using var key = KeyOf(file, given ?? found!);
        using var cipher = new AesGcm(key.Span, TagBytes);
        var content = new byte[ContentBytes];
        try
        {
            cipher.Decrypt(NonceOf(file), file.AsSpan(HeadBytes, ContentBytes), file.AsSpan(HeadBytes + ContentBytes), content, file.AsSpan(0, HeadBytes));
            return KeysOf(content);
        }
        catch (AuthenticationTagMismatchException exception)
        {
            throw new ParticipantException(FailureCodes.WeakKey,
                $"{(protection == KeyProtection.Passphrase ? "the passphrase" : "the mounted key")} does not open {path}, or the file is damaged", exception);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }

    private static SecretBytes KeyOf(byte[] file, SecretBytes opener) => (KeyProtection)file[8] == KeyProtection.Passphrase
        ? PasswordHash.Derive(opener, file.AsSpan(17, PasswordHash.SaltSizeBytes), BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(9)),
            BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(13)), 32)
        : opener.Derive(file.AsSpan(17, PasswordHash.SaltSizeBytes), DomainTags.IdentityFileKey, 32);

    private static ReadOnlySpan<byte> NonceOf(byte[] file) => file.AsSpan(17 + PasswordHash.SaltSizeBytes, NonceBytes);

    private static IdentityKeys KeysOf(ReadOnlySpan<byte> content) => new(
        SecretBytes.CopyOf(content[..32]), SecretBytes.CopyOf(content[32..64]), SecretBytes.CopyOf(content[64..96]),
        DateOnly.FromDayNumber(Math.Clamp(BinaryPrimitives.ReadInt32BigEndian(content[96..]), 0, DateOnly.MaxValue.DayNumber - 1)));

    private static ParticipantException Damaged(string path) => new(FailureCodes.Malformed,
        $"{path} is damaged, or an earlier release's; restore it from a backup, or make a new home and have the others pin its card");
}
