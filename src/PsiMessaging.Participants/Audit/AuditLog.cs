using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Identities;
using PsiMessaging.Files;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Audit;

/// <summary>
/// What a participant did, as a chain: every entry's hash covers the one before it and is signed by the participant's identity. Removing or changing an
/// entry breaks the chain; cutting off its end is seen only by who kept a later hash, which is why <c>psi audit verify</c> prints the last one.
/// Entries hold names, ids and counts, never an identifier or a value.
/// </summary>
public sealed class AuditLog(ParticipantHome home, TimeProvider time)
{
    private static readonly JsonSerializerOptions PlainJson = new() { Encoder = PrintableJson.Encoder };

    /// <summary>Appends an entry inside a transaction.</summary>
    public void Append(IStoreWriter transaction, string happening, params (string Name, JsonNode? Value)[] details)
    {
        var entry = new JsonObject { ["at"] = time.GetUtcNow().ToString("O"), ["event"] = happening };
        foreach (var (name, value) in details)
        {
            entry[name] = value;
        }

        var last = transaction.LastAudit();
        var text = entry.ToJsonString(PlainJson);
        var hash = HashOf(last?.Hash, text);
        transaction.AppendAudit(new AuditEntry((last?.Number ?? 0) + 1, text, hash, home.Signing.Sign([.. DomainTags.Audit, .. hash])));
    }

    /// <summary>Checks the whole chain.</summary>
    /// <returns>Number of entries and the last hash in hexadecimal; or the first entry that is wrong, and why.</returns>
    public (long Entries, string LastHash, string? Fault) Verify(IStoreReader transaction)
    {
        long number = 0;
        byte[]? previous = null;
        while (true)
        {
            var entries = transaction.ListAudit(number, 500);
            if (entries.Count == 0)
            {
                return (number, previous is null ? "" : Convert.ToHexStringLower(previous), null);
            }

            foreach (var entry in entries)
            {
                var fault = entry.Number != number + 1 ? $"entry {number + 1} is missing"
                    : !HashOf(previous, entry.Entry).AsSpan().SequenceEqual(entry.Hash) ? $"entry {entry.Number} was changed, or one before it"
                    : !SigningKey.Verify(home.Signing.PublicKey, [.. DomainTags.Audit, .. entry.Hash], entry.Signature)
                    ? $"entry {entry.Number} is not signed by this participant"
                    : null;
                if (fault is not null)
                {
                    return (number, "", fault);
                }

                number = entry.Number;
                previous = entry.Hash;
            }
        }
    }

    private static byte[] HashOf(byte[]? previous, string entry) =>
        SHA256.HashData([.. DomainTags.Audit, .. previous ?? new byte[32], .. Encoding.UTF8.GetBytes(entry)]);
}
