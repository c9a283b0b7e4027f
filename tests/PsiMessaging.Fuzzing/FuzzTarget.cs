using System.Buffers.Binary;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Batches;
using PsiMessaging.Compute;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Data;
using PsiMessaging.Data.Records;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Pairing;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Policy;
using PsiMessaging.Storage;

namespace PsiMessaging.Fuzzing;

/// <summary>
/// A decoder of what comes from outside, held to this: any bytes are read, or refused with the one exception its documentation names, in bounded time and
/// memory.
/// </summary>
/// <param name="Name">Its name, and its corpus's folder.</param>
/// <param name="Seeds">Inputs that it reads.</param>
/// <param name="Run">Reads an input. What it throws is a fault.</param>
public sealed record FuzzTarget(string Name, Func<IReadOnlyList<byte[]>> Seeds, Action<byte[]> Run)
{
    private static readonly string Session = new('a', 32);
    private static readonly string[] Columns = ["00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"];

    /// <summary>All targets.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("sealed-frame", () => [SealedFrameOf(4096)], bytes => Refusing<RejectedEnvelopeException>(() => SealedEnvelope.Parse(bytes))),
        new("sealed-content", () => [SealedContentOf([1, 2, 3])], bytes => Refusing<RejectedEnvelopeException>(() => SealedEnvelope.Split(bytes))),
        new("envelope", () => [.. Messages().Select(message => EnvelopeOf(message.Name, message.Json))],
            bytes => Refusing<RejectedEnvelopeException>(() => Envelope.Parse(bytes))),
        new("contract", () => [.. Messages().Select(message => Encoding.UTF8.GetBytes($"{message.Name}\n{message.Json}"))], Contract),
        new("compute-frame", () => [.. Messages().Where(message => message.Name is "psi.v1.EvaluateBatch" or "psi.v1.BatchEvaluated" or "psi.v1.ComputeReady"
            or "psi.v1.ComputeRun")
            .Select(message => ComputeFrameOf(message.Name, message.Json))], bytes => Refusing<RejectedEnvelopeException>(() => SealedFrame.Read(bytes))),
        new("card", () => [Encoding.UTF8.GetBytes(CardText())], bytes => Refusing<ParticipantException>(() => Card(Encoding.UTF8.GetString(bytes)))),
        new("pairing", () => [JsonSerializer.SerializeToUtf8Bytes(new { card = CardText(), has = new[] { "P2" } })], Pairing),
        new("policy", () => [Encoding.UTF8.GetBytes(PolicyText.Template), Encoding.UTF8.GetBytes(Policy)], bytes => ReadPolicy(Encoding.UTF8.GetString(bytes))),
        new("question", () => [.. Questions.Select(Encoding.UTF8.GetBytes)],
            bytes => Refusing<QueryException>(() => PolicyRules.UsesOf(Query.Parse(Encoding.UTF8.GetString(bytes))))),
        new("audit-file", () => [AuditExport(null), AuditExport(Session)],
            bytes => Refusing<ParticipantException>(() => AuditFile.Read(new MemoryStream(bytes), "the file"))),
        new("records", () => [.. Tables.Select(Encoding.UTF8.GetBytes), Parquet()],
            bytes => InFile(bytes, path => Refusing<InputException>(() => ReadAll(path)))),
        new("batch", () => [Parquet()], bytes => InFile(bytes, path => Refusing<InvalidDataException>(() => ParquetInspection.CheckBatch(path, Columns, 3)))),
        new("release-program", () => [ReleasePrograms()], bytes => Refusing<InvalidDataException>(() => ReleaseCircuit.Of(ReleaseProgram.Read(bytes, 64)))),
        new("masked-batch", () => [MaskedBatch.WriteAsync(new ulong[] { 1, 2, 3, 4, 5, 6 }, 3, 2, 21).GetAwaiter().GetResult().ToArray()], ReadMasked),
    ];

    private static byte[] ReleasePrograms() => new ReleaseProgram(
        [new SharedNumber(12, [(0, 1), (5, -1)]), new SharedNumber(20, [(63, 3)]), new SharedNumber(12, [])],
        [
            new Decision.AtLeast(0, 10), new Decision.Not(0), new Decision.All([0, 1]), new Decision.Any([0, 2]),
            new Decision.Cells([0, 1, 2], 1, 0, 10), new Decision.CellOf(4, 2),
            new Decision.Merge([0, 1, 2, 1], [new MergeRule(), new MergeRule(OrNone: true, Unless: 0)], 1, 2, 10), new Decision.CellOf(6, 1),
            new Decision.NotNegative(2),
        ],
        [new Opening(5, [0, 1]), new Opening(7, [64, 65]) { Computed = [0] }])
    {
        Sums = [[0, 1], [64, 2]], Computed = [new ComputedNumber(1, [0, 2, 3], 1, 21)],
    }.Write();

    private static string Policy => """
        {"version":1,"otherwise":"refuse","notify":{"command":["/bin/true"]},"never":{"people":["NAME"]},"partners":{"P2":[{"datasets":["people"],
        "protocols":["ecdh"],"reveal":["both"],"engines":["masked"],"leastSet":1,"mostSet":9,"minCell":3,"sessionsPerDay":1,"questionsPerDay":1,
        "evaluationsPerDay":1,"hours":"08:00-18:00","until":"2027-12-31","columns":{"groupBy":["A"],"measure":["B"],"filter":["C"],"never":["D"]}}]}}
        """;

    private static string[] Questions =>
    [
        "A, B", "mean(C) by A where B = 'x' weight D", "count where A = 'x' or not (B in ('y', \"z\") and C is missing) with totals",
        "corr(C, D)", "chisq(A, B)",
        "ols(C ~ D + C(A)) where E >= -1.5e3", "quantile(C, 0.5, 0 to 100 step 10) by A", "histogram(C, 0 to 100 step 10)",
        "{\"by\":[\"A\"],\"measures\":[\"mean(C)\"]}",
    ];

    private static string[] Tables => ["ID;A;B\n1;x;\"y\"\"z\"\n2;;1,5\n", "\uFEFFID,A\r\n\"a\nb\",2\r\n", "ID\tA\n1\t2\n", "ID|A\n"];

    private static void Refusing<TRefusal>(Action read)
        where TRefusal : Exception
    {
        try
        {
            read();
        }
        catch (TRefusal)
        {
            // As documented.
        }
    }

    private static void Refusing<TRefusal>(Func<object> read)
        where TRefusal : Exception => Refusing<TRefusal>(() => { _ = read(); });

    private static void Contract(byte[] bytes)
    {
        var end = Array.IndexOf(bytes, (byte)'\n');
        if (end > 0 && ContractCatalog.Find(Encoding.UTF8.GetString(bytes, 0, end)) is { } type)
        {
            Refusing<JsonException>(() => ContractCatalog.Serialize(ContractCatalog.Deserialize(type, bytes.AsSpan(end + 1))));
        }
    }

    private static object Card(string text)
    {
        var card = ParticipantCard.Parse(text, "the card");
        return (card.IsValidAt(DateTimeOffset.UnixEpoch), card.Follows(card), card.ToJson());
    }

    private static void Pairing(byte[] bytes)
    {
        try
        {
            if (PairingCode.Read(bytes) is { } word)
            {
                Refusing<ParticipantException>(() => Card(word.Card));
                _ = word.Has.Contains("P1", StringComparer.OrdinalIgnoreCase);
            }
        }
        catch (JsonException)
        {
            // As documented.
        }
    }

    private static void ReadPolicy(string text)
    {
        if (PolicyText.Parse(text, "policy.json").Policy is not { } policy)
        {
            return;
        }

        PolicyRules.GrantFor(policy, new SessionRequest("P2", "people", "ecdh", "both", "masked", 5, 3), DateTimeOffset.UnixEpoch);
        foreach (var grant in policy.GrantsOf("P2"))
        {
            PolicyRules.FaultOf(policy, grant.Columns, "people", [("A", ColumnUse.Filter), ("B", ColumnUse.GroupBy)]);
        }
    }

    private static void ReadAll(string path)
    {
        using var reader = RecordReader.Open(path, new RecordReaderOptions());
        while (reader.Read())
        {
            for (var i = 0; i < reader.Columns.Count; i++)
            {
                _ = reader.GetText(i);
            }
        }
    }

    private static void ReadMasked(byte[] bytes) => InFile(bytes, path => Refusing<InvalidDataException>(() =>
    {
        using var reader = new MaskedReader();
        reader.Read(path, 2, new ulong[6], 21);
    }));

    private static void InFile(byte[] bytes, Action<string> read)
    {
        var path = Path.Combine(Path.GetTempPath(), $"psi-fuzz-{Environment.ProcessId}-{Environment.CurrentManagedThreadId}");
        File.WriteAllBytes(path, bytes);
        try
        {
            read(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>The stored form of every message of the contract.</summary>
    private static IEnumerable<(string Name, string Json)> Messages()
    {
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var name in assembly.GetManifestResourceNames().Where(name => ContractCatalog.Find(name) is not null).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return (name, reader.ReadToEnd().Trim());
        }
    }

    /// <summary>A frame as a sender signs it; the signature is looked at later, by who knows the sender's card.</summary>
    private static byte[] EnvelopeOf(string name, string json)
    {
        var header = Encoding.UTF8.GetBytes($$"""
            {"type":"{{name}}","session":"{{new string('a', 32)}}","from":"P1","to":"P2","card":"x","bodySize":3,
            "bodyHash":"{{Convert.ToBase64String(SHA256.HashData("abc"u8))}}","message":{{json}}}
            """);
        var frame = new byte[9 + header.Length + 64 + 3];
        "PSI1"u8.CopyTo(frame);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), header.Length);
        header.CopyTo(frame, 9);
        "abc"u8.CopyTo(frame.AsSpan(9 + header.Length + 64));
        return frame;
    }

    private static byte[] ComputeFrameOf(string name, string json)
    {
        var (title, header) = (Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(json));
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, 1 + title.Length + header.Length);
        return [.. length, (byte)title.Length, .. title, .. header, 1, 2, 3];
    }

    private static byte[] SealedFrameOf(int length)
    {
        var frame = new byte[SealedEnvelope.PrefixBytes + length + 16];
        "PSI2"u8.CopyTo(frame);
        return frame;
    }

    private static byte[] SealedContentOf(byte[] frame)
    {
        var plain = new byte[SealedEnvelope.PaddedLength(5 + frame.Length)];
        plain[0] = 2;
        BinaryPrimitives.WriteInt32BigEndian(plain.AsSpan(1), frame.Length);
        frame.CopyTo(plain, 5);
        return plain;
    }

    private static byte[] Parquet()
    {
        byte[][] rows = [.. Enumerable.Range(1, 3).Select(i => Enumerable.Repeat((byte)i, EncryptedBatch.RowTokenSizeBytes).ToArray())];
        byte[][] cells = [[1, 2], [3], [4, 5, 6]];
        return EncryptedBatch.WriteAsync(rows, Columns, [cells, cells]).GetAwaiter().GetResult();
    }

    private static string CardText() => WithHome(home => home.Card.ToJson());

    /// <summary>An exported log of three entries, two of them of one session.</summary>
    private static byte[] AuditExport(string? session) => WithHome(home =>
    {
        using IParticipantStore store = new SqliteParticipantStore(home.StatePath);
        var log = new AuditLog(home, TimeProvider.System);
        store.Write(state =>
        {
            log.Append(state, "card-pinned", ("name", "P2"));
            log.Append(state, "query-asked", ("session", Session), ("text", "A"));
            log.Append(state, "query-answered", ("session", Session), ("groups", 2), (AuditLog.Heard, new JsonObject { ["P2"] = new string('0', 64) }));
        });
        using var file = new MemoryStream();
        store.Read(state => AuditFile.Write(home, state, session, file));
        return file.ToArray();
    });

    private static T WithHome<T>(Func<ParticipantHome, T> use)
    {
        var folder = Directory.CreateTempSubdirectory("psi-fuzz-").FullName;
        try
        {
            using var made = ParticipantHome.Create(Path.Combine(folder, "P1"), new ParticipantConfig { Name = "P1", Role = ParticipantRole.Party });
            return use(made);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
