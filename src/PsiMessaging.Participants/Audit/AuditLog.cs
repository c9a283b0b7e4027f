using System.Text.Json;
using System.Text.Json.Nodes;
using PsiMessaging.Files;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Audit;

/// <summary>
/// What a participant did, as a chain: every entry's hash covers all before it and is signed by the participant's identity. Removing or changing an entry
/// breaks the chain; cutting off its end is seen by who knows a later head, and the others do, since messages name it. Entries hold names, ids, counts and
/// codes, and never an identifier, a value or a label; docs/audit.md lists them.
/// </summary>
public sealed class AuditLog(ParticipantHome home, TimeProvider time)
{
    /// <summary>The field that names the heads of others' logs, by name.</summary>
    public const string Heard = "heard";

    private const int AtOnce = 500;
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
        var (before, text) = (last?.Head ?? AuditChain.Empty, entry.ToJsonString(PlainJson));
        var hash = AuditChain.HashOf(before, text);
        var signature = home.Signing.Sign(AuditChain.SignedPart(hash));
        transaction.AppendAudit(
            new AuditEntry((last?.Number ?? 0) + 1, text, AuditChain.HeadOf(before, AuditChain.CommitmentOf(hash, signature)), signature));
    }

    /// <summary>Appends an entry that a message leads to, with the head of its sender's log where it names one.</summary>
    public void Append(IStoreWriter transaction, string happening, Envelope? cause, params (string Name, JsonNode? Value)[] details) =>
        Append(transaction, happening, cause?.Header is { AuditHead: { } head, From: var from }
            ? [.. details, (Heard, new JsonObject { [from] = Convert.ToHexStringLower(head) })] : details);

    /// <summary>The log's head, as messages name it; null where nothing was entered.</summary>
    public static byte[]? HeadOf(IStoreReader transaction) => transaction.LastAudit()?.Head;

    /// <summary>Checks the whole chain.</summary>
    /// <returns>Number of entries and the head in hexadecimal; or the first entry that is wrong, and why.</returns>
    public (long Entries, string Head, string? Fault) Verify(IStoreReader transaction)
    {
        var (number, head, keys) = (0L, AuditChain.Empty, AuditKeys.Of(home, transaction));
        foreach (var entry in Entries(transaction))
        {
            if (entry.Number != number + 1)
            {
                return (number, "", $"entry {number + 1} is missing");
            }

            var hash = AuditChain.HashOf(head, entry.Entry);
            head = AuditChain.HeadOf(head, AuditChain.CommitmentOf(hash, entry.Signature));
            if (!keys.HasSigned(hash, entry.Signature) || !head.AsSpan().SequenceEqual(entry.Head))
            {
                return (number, "", NotSigned(entry.Number));
            }

            keys.Remember(AuditRecord.Of(entry));
            number = entry.Number;
        }

        return (number, number == 0 ? "" : Convert.ToHexStringLower(head), null);
    }

    /// <summary>Every entry by number, a few in memory at a time.</summary>
    public static IEnumerable<AuditEntry> Entries(IStoreReader transaction)
    {
        long number = 0;
        while (transaction.ListAudit(number, AtOnce) is { Count: > 0 } entries)
        {
            foreach (var entry in entries)
            {
                yield return entry;
            }

            number = entries[^1].Number;
        }
    }

    /// <summary>What is wrong with an entry whose signature is not one over what stands there.</summary>
    internal static string NotSigned(long number) => $"entry {number} is not what this participant has signed: it was changed, or one before it";
}
