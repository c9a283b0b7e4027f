using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Cryptography;

namespace PsiMessaging.Participants.Audit;

/// <summary>
/// How entries hang together: an entry's hash is made over the log's head before it and its text, and is signed. A commitment over both stands for the entry
/// where it is not shown, and the log's head with it is made over the head before it and that. So whoever is shown commitments alone computes every head, and
/// none of them says what an entry may be tried against: nobody else can compute a signature.
/// </summary>
internal static class AuditChain
{
    /// <summary>Bytes of a hash, commitment or head.</summary>
    public const int SizeBytes = SHA256.HashSizeInBytes;

    /// <summary>Head of a log without entries.</summary>
    public static byte[] Empty => new byte[SizeBytes];

    /// <summary>An entry's hash.</summary>
    public static byte[] HashOf(ReadOnlySpan<byte> headBefore, string entry) =>
        SHA256.HashData([.. DomainTags.Audit, .. headBefore, .. Encoding.UTF8.GetBytes(entry)]);

    /// <summary>What an entry's signature is made over.</summary>
    public static byte[] SignedPart(ReadOnlySpan<byte> hash) => [.. DomainTags.Audit, .. hash];

    /// <summary>What stands for an entry.</summary>
    public static byte[] CommitmentOf(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature) =>
        SHA256.HashData([.. DomainTags.AuditCommitment, .. hash, .. signature]);

    /// <summary>The head of a log with one more entry.</summary>
    public static byte[] HeadOf(ReadOnlySpan<byte> headBefore, ReadOnlySpan<byte> commitment) =>
        SHA256.HashData([.. DomainTags.AuditHead, .. headBefore, .. commitment]);
}
