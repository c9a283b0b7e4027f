using PsiMessaging.Cryptography.Identities;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Audit;

/// <summary>
/// Under which keys a log is signed: those that its owner had, in order. The entry that tells of new keys is the last under the old ones. Follows a log from
/// its first entry.
/// </summary>
/// <param name="keys">Ed25519 public keys, 32 bytes each; the last is that of the owner's card.</param>
/// <param name="isWhole">Whether every entry is there to be read, so that new keys without an entry that names them are a fault.</param>
internal sealed class AuditKeys(IReadOnlyList<byte[]> keys, bool isWhole)
{
    /// <summary>The entry that tells of new keys.</summary>
    public const string Rotated = "keys-rotated";

    /// <summary>Its fields: the key that signs it, and the one that signs from then on, in hexadecimal.</summary>
    public const string OldKey = "fromKey", NewKey = "toKey";

    private int _current;
    private string? _named;

    /// <summary>All keys but the last.</summary>
    public IEnumerable<byte[]> Earlier => keys.Take(keys.Count - 1);

    /// <summary>The keys of a participant's own log.</summary>
    public static AuditKeys Of(ParticipantHome home, IStoreReader state)
    {
        var told = AuditLog.Entries(state).Where(entry => entry.Entry.Contains(Rotated, StringComparison.Ordinal)).Select(AuditRecord.Of)
            .Where(record => record.Event == Rotated).Select(record => (From: Bytes(record.Text(OldKey)), To: Bytes(record.Text(NewKey)))).ToArray();

        // Told of and not done, since the process was killed between: then the next goes out from the same old key again, or the home has it still.
        var done = told.Where((word, index) => word.From.Length == SigningKey.PublicKeySizeBytes
            && word.To.AsSpan().SequenceEqual(index + 1 < told.Length ? told[index + 1].From : home.Signing.PublicKey));
        return new AuditKeys([.. done.Select(word => word.From), home.Signing.PublicKey], isWhole: true);
    }

    /// <summary>Whether the next entry is signed under the key that holds, or under the one after it.</summary>
    public bool HasSigned(byte[] hash, byte[] signature)
    {
        var part = AuditChain.SignedPart(hash);
        if (SigningKey.Verify(keys[_current], part, signature))
        {
            return true;
        }

        if (_current + 1 == keys.Count || (isWhole && _named != Convert.ToHexStringLower(keys[_current + 1]))
            || !SigningKey.Verify(keys[_current + 1], part, signature))
        {
            return false;
        }

        _current++;
        return true;
    }

    /// <summary>Remembers what an entry tells of keys.</summary>
    public void Remember(AuditRecord record) => _named = record.Event == Rotated ? record.Text(NewKey) : null;

    private static byte[] Bytes(string? hex) => hex?.Length == 64 && hex.All(char.IsAsciiHexDigit) ? Convert.FromHexString(hex) : [];
}
