using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Identities;
using PsiMessaging.Files;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Audit;

/// <summary>First line of an exported log.</summary>
/// <param name="PsiAudit">Version of the format, 2.</param>
/// <param name="Card">The owner's card.</param>
/// <param name="EarlierKeys">Ed25519 public keys that the owner had before, in order; null where it had none.</param>
/// <param name="Session">The one session whose entries can be read; null where all can.</param>
/// <param name="Entries">How many entries follow.</param>
internal sealed record AuditFileBegin(int PsiAudit, ParticipantCard Card, IReadOnlyList<byte[]>? EarlierKeys, string? Session, long Entries);

/// <summary>One entry of an exported log: all of it, or where it belongs to another session what stands for it and nothing else.</summary>
internal sealed record AuditFileEntry(long Number, string? Entry = null, byte[]? Signature = null, string? Commitment = null);

/// <summary>Last line of an exported log: its head, and the owner's signature over everything before.</summary>
internal sealed record AuditFileEnd(string Head, byte[] Signature);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, AllowDuplicateProperties = false, MaxDepth = 8)]
[JsonSerializable(typeof(AuditFileBegin))]
[JsonSerializable(typeof(AuditFileEntry))]
[JsonSerializable(typeof(AuditFileEnd))]
internal sealed partial class AuditFileJson : JsonSerializerContext
{
    /// <summary>Nothing in a file steers the terminal of who prints it.</summary>
    public static AuditFileJson Plain { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Encoder = PrintableJson.Encoder,
    });
}

/// <summary>
/// An exported audit log, checked: a file of JSON lines that holds the owner's card, the entries with their hashes and signatures, and at the end the owner's
/// signature over the whole. What comes from a file is not believed: its size, lines and entries are bounded.
/// </summary>
public sealed class AuditFile
{
    /// <summary>Most entries.</summary>
    public const int MaximumEntries = 1_000_000;

    /// <summary>Longest file in bytes.</summary>
    public const long MaximumBytes = 256L << 20;

    /// <summary>Longest line in bytes.</summary>
    public const int MaximumLineBytes = 1 << 20;

    private const int Version = 2;
    private const int MostKeys = 100;
    private readonly Dictionary<string, long> _heads;
    private readonly ILookup<string, AuditRecord> _bySession;

    private AuditFile(ParticipantCard card, string? session, List<AuditRecord> records, Dictionary<string, long> heads, string head)
    {
        (Card, Session, Records, Head) = (card, session, records, head);
        _heads = heads;
        _bySession = records.Where(record => record.Session is not null).ToLookup(record => record.Session!, StringComparer.Ordinal);
    }

    /// <summary>The owner's card, as the file has it: whether it is pinned is for who reads it to see.</summary>
    public ParticipantCard Card { get; }

    /// <summary>The one session whose entries can be read; null where all can.</summary>
    public string? Session { get; }

    /// <summary>The entries that can be read, by number.</summary>
    public IReadOnlyList<AuditRecord> Records { get; }

    /// <summary>The sessions of those entries.</summary>
    public IEnumerable<string> Sessions => _bySession.Select(session => session.Key);

    /// <summary>The entries of a session that can be read, by number.</summary>
    public IEnumerable<AuditRecord> Of(string session) => _bySession[session];

    /// <summary>All entries there are.</summary>
    public long Entries => _heads.Count;

    /// <summary>The log's head in hexadecimal; empty where there is no entry.</summary>
    public string Head { get; }

    /// <summary>Number of the entry after which the log had a head, in hexadecimal; null where it never had.</summary>
    public long? NumberOf(string head) => _heads.TryGetValue(head, out var number) ? number : null;

    /// <summary>Writes a log, or what there is of one session, in one transaction.</summary>
    /// <param name="home">Whose.</param>
    /// <param name="state">Its state.</param>
    /// <param name="session">The session, or null for all.</param>
    /// <param name="to">Where to.</param>
    /// <returns>Entries that can be read in it, and all entries.</returns>
    /// <exception cref="ParticipantException">There are more than a file may hold, or one cannot be read.</exception>
    public static (long Shown, long All) Write(ParticipantHome home, IStoreReader state, string? session, Stream to)
    {
        var (shown, all) = (0L, state.LastAudit()?.Number ?? 0);
        if (all > MaximumEntries)
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"the audit log has {all:N0} entries, and a file holds {MaximumEntries:N0}");
        }

        byte[][] earlier = [.. AuditKeys.Of(home, state).Earlier];
        if (earlier.Length > MostKeys)
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"the log's keys were changed {earlier.Length} times, and a file holds {MostKeys}");
        }

        var begin = new AuditFileBegin(Version, home.Card, earlier.Length == 0 ? null : earlier, session, all);
        using var whole = new Whole(begin);
        var head = AuditChain.Empty;
        WriteLine(to, begin, AuditFileJson.Plain.AuditFileBegin);
        foreach (var entry in AuditLog.Entries(state))
        {
            var commitment = AuditChain.CommitmentOf(AuditChain.HashOf(head, entry.Entry), entry.Signature);
            head = entry.Head;
            whole.Add(head);
            var isShown = session is null || AuditRecord.Of(entry).Session == session;
            shown += isShown ? 1 : 0;
            WriteLine(to, isShown ? new AuditFileEntry(entry.Number, entry.Entry, entry.Signature)
                : new AuditFileEntry(entry.Number, Commitment: Convert.ToHexStringLower(commitment)), AuditFileJson.Plain.AuditFileEntry);
        }

        var end = new AuditFileEnd(all == 0 ? "" : Convert.ToHexStringLower(head), home.Signing.Sign(whole.SignedPart()));
        WriteLine(to, end, AuditFileJson.Plain.AuditFileEnd);
        return (shown, all);
    }

    /// <summary>Reads and checks an exported log: its chain, every signature under the card in it, and the signature at its end.</summary>
    /// <exception cref="ParticipantException">It is none, or something in it is wrong: the first fault, in one line.</exception>
    public static AuditFile Read(Stream file, string name)
    {
        try
        {
            using var lines = new BoundedLines(file, MaximumLineBytes, MaximumBytes);
            return Read(lines);
        }
        catch (Exception exception) when (exception is JsonException or InvalidDataException or FormatException)
        {
            var why = exception is InvalidDataException ? exception.Message : "a line is not of the format";
            throw new ParticipantException(FailureCodes.Malformed, $"{name} is not an intact export of an audit log: {why}", exception);
        }
    }

    private static AuditFile Read(BoundedLines lines)
    {
        var begin = ReadBegin(lines);
        var card = ParticipantCard.Parse(begin.Card.ToJson(), "the file's card");
        var keys = new AuditKeys([.. begin.EarlierKeys ?? [], card.SigningKey], begin.Session is null);
        using var whole = new Whole(begin);
        var (records, heads, head) = (new List<AuditRecord>(), new Dictionary<string, long>(StringComparer.Ordinal), AuditChain.Empty);
        for (long number = 1; number <= begin.Entries; number++)
        {
            var line = ReadEntry(lines.Next(), number);

            var commitment = line.Entry is null && begin.Session is not null ? Bytes(line.Commitment, AuditChain.SizeBytes, number)
                : Take(keys, begin.Session, head, line, records);
            head = AuditChain.HeadOf(head, commitment);
            whole.Add(head);
            if (!heads.TryAdd(Convert.ToHexStringLower(head), number))
            {
                throw new InvalidDataException($"entry {number} stands there twice");
            }
        }

        var last = heads.Count == 0 ? "" : Convert.ToHexStringLower(head);
        RequireEnd(lines, card, last, whole.SignedPart());
        return new AuditFile(card, begin.Session, records, heads, last);
    }

    private static AuditFileEntry ReadEntry(ReadOnlySpan<byte> line, long number)
    {
        try
        {
            return JsonSerializer.Deserialize(line, AuditFileJson.Default.AuditFileEntry) is { } entry && entry.Number == number ? entry
                : throw new InvalidDataException($"entry {number} is missing");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"entry {number} is missing, or its line is not of the format", exception);
        }
    }

    private static AuditFileBegin ReadBegin(BoundedLines lines)
    {
        var begin = JsonSerializer.Deserialize(lines.Next(), AuditFileJson.Default.AuditFileBegin);
        return begin is { PsiAudit: Version, Card: not null, Entries: >= 0 and <= MaximumEntries } && (begin.Session is not { } id || ParticipantNames.IsId(id))
            && begin.EarlierKeys is not { Count: > MostKeys } && begin.EarlierKeys?.All(key => key is { Length: SigningKey.PublicKeySizeBytes }) != false
            ? begin : throw new InvalidDataException($"it is of another version, or says that it holds more than {MaximumEntries:N0} entries");
    }

    private static void RequireEnd(BoundedLines lines, ParticipantCard card, string head, byte[] signedPart)
    {
        var end = JsonSerializer.Deserialize(lines.Next(), AuditFileJson.Default.AuditFileEnd);
        if (end?.Head != head || end.Signature is null || !SigningKey.Verify(card.SigningKey, signedPart, end.Signature) || !lines.IsAtEnd)
        {
            throw new InvalidDataException("its end is not signed by its owner");
        }
    }

    /// <summary>Checks an entry that is there in full; its commitment.</summary>
    private static byte[] Take(AuditKeys keys, string? session, byte[] headBefore, AuditFileEntry line, List<AuditRecord> records)
    {
        if (line.Entry is null || line.Signature is null || line.Commitment is not null)
        {
            throw new InvalidDataException($"entry {line.Number} is missing");
        }

        var hash = AuditChain.HashOf(headBefore, line.Entry);
        if (!keys.HasSigned(hash, line.Signature))
        {
            throw new InvalidDataException(AuditLog.NotSigned(line.Number));
        }

        var record = AuditRecord.Parse(line.Number, line.Entry);
        keys.Remember(record);
        if (session is not null && record.Session != session)
        {
            throw new InvalidDataException($"entry {line.Number} belongs to another session");
        }

        records.Add(record);
        return AuditChain.CommitmentOf(hash, line.Signature);
    }

    private static byte[] Bytes(string? hex, int length, long number) => hex?.Length == 2 * length ? Convert.FromHexString(hex)
        : throw new InvalidDataException($"a hash of entry {number} is of the wrong length");

    private static void WriteLine<T>(Stream to, T line, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        JsonSerializer.Serialize(to, line, type);
        to.Write("\n"u8);
    }

    /// <summary>What the signature at the end is made over: whose, its keys, which session, how many entries, and the log's head after each.</summary>
    private sealed class Whole : IDisposable
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public Whole(AuditFileBegin begin)
        {
            Span<byte> counts = stackalloc byte[2 * sizeof(long)];
            BinaryPrimitives.WriteInt64BigEndian(counts, begin.Entries);
            BinaryPrimitives.WriteInt64BigEndian(counts[sizeof(long)..], begin.EarlierKeys?.Count ?? 0);
            _hash.AppendData(Convert.FromHexString(begin.Card.Fingerprint));
            _hash.AppendData(Encoding.ASCII.GetBytes((begin.Session ?? "").PadLeft(32, '-')));
            _hash.AppendData(counts);
            foreach (var key in begin.EarlierKeys ?? [])
            {
                _hash.AppendData(key);
            }
        }

        public void Add(byte[] head) => _hash.AppendData(head);

        public byte[] SignedPart() => [.. DomainTags.AuditExport, .. _hash.GetHashAndReset()];

        public void Dispose() => _hash.Dispose();
    }
}
