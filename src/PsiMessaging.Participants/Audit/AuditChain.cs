using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Identities;

namespace PsiMessaging.Participants.Audit;

/// <summary>
/// How entries hang together: an entry's hash is made over the head of the log before it and its text, its signature over that hash, and the log's head over
/// both. Others may know a head: nobody can compute a signature, so it cannot be used to try out what the entry under it says.
/// </summary>
internal static class AuditChain
{
    /// <summary>Bytes of a hash or head.</summary>
    public const int SizeBytes = SHA256.HashSizeInBytes;

    /// <summary>Head of a log without entries.</summary>
    public static byte[] Empty => new byte[SizeBytes];

    /// <summary>An entry's hash.</summary>
    public static byte[] HashOf(ReadOnlySpan<byte> headBefore, string entry) =>
        SHA256.HashData([.. DomainTags.Audit, .. headBefore, .. Encoding.UTF8.GetBytes(entry)]);

    /// <summary>The head of a log that ends with an entry.</summary>
    public static byte[] HeadOf(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature) => SHA256.HashData([.. DomainTags.AuditHead, .. hash, .. signature]);

    /// <summary>What an entry's signature is made over.</summary>
    public static byte[] SignedPart(ReadOnlySpan<byte> hash) => [.. DomainTags.Audit, .. hash];

    /// <summary>What is wrong with an entry, or null.</summary>
    /// <param name="key">Ed25519 public key of the log's owner, 32 bytes.</param>
    /// <param name="headBefore">Head before it.</param>
    /// <param name="number">Its number.</param>
    /// <param name="entry">Its text.</param>
    /// <param name="hash">Its hash, as it is given.</param>
    /// <param name="signature">Its signature.</param>
    public static string? FaultOf(byte[] key, ReadOnlySpan<byte> headBefore, long number, string entry, ReadOnlySpan<byte> hash, byte[] signature) =>
        !HashOf(headBefore, entry).AsSpan().SequenceEqual(hash) ? $"entry {number} was changed, or one before it"
            : !SigningKey.Verify(key, SignedPart(hash), signature) ? $"entry {number} is not signed by this participant"
            : null;
}
