using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using DuckDB.NET.Data;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Tokens;
using PsiMessaging.Batches;
using PsiMessaging.Cli.Simulation;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Types;
using PsiMessaging.Data.Records;
using PsiMessaging.Files;
using PsiMessaging.InProcess;
using PsiMessaging.Linker;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Result;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Ecdh;
using PsiMessaging.Storage;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>send BROKER [rows]</c>: three real workers over RabbitMQ; both parties send rows × 3 columns to the linker and one asks a two-column query. The session
/// before it (the PSI itself) is written into the homes as completed. Prints the query's time at the linker against DuckDB alone on the same Parquet files, and
/// every process's peak memory.
/// </summary>
internal static class Sending
{
    private const string Session = "00000000000000000000000000000001";

    public static async Task<int> RunAsync(string[] args)
    {
        var broker = args[1];
        var rows = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 1_000_000;
        var root = Directory.CreateTempSubdirectory("psi-send-").FullName;
        var homes = LocalHomes.Create(root, config => config with { QueuePrefix = $"bench{Environment.ProcessId}", Broker = broker });

        var file = BenchData.Write(root, rows, rows).P1;
        var watch = Stopwatch.StartNew();
        foreach (var (home, peer) in new[] { (homes[0], "P2"), (homes[1], "P1") })
        {
            await PrepareAsync(home, peer, file, rows);
        }

        OpenChannel(homes[0], homes[1]);
        Console.WriteLine($"{rows:N0} rows × 3 columns; datasets added in {watch.Elapsed.TotalSeconds:0.0} s");
        using var workers = new WorkerProcesses(homes);
        try
        {
            watch.Restart();
            Run("send", Session, "--home", homes[0].Path, "--timeout", "600");
            Run("send", Session, "--home", homes[1].Path, "--timeout", "600");
            Console.WriteLine($"send, both parties one after the other: {watch.Elapsed.TotalSeconds:0.00} s");
            var linked = LinkSession.Parse(Store(homes[2]).Read(transaction => transaction.FindSession(Session))!);
            var (left, right) = (linked.Registrations[0], linked.Registrations[1]);
            var tables = new[] { left, right }.Select(registration =>
                new TokenRows(Path.Combine(homes[2].SessionPath(Session), registration.Party.ToLowerInvariant()))).ToArray();
            Console.WriteLine("run   question to answer   linker, whole query   DuckDB alone      ratio");
            for (var run = 0; run < 5; run++)
            {
                using var answer = JsonDocument.Parse(Run("query", Session, $"{left.Party}.A, {right.Party}.B", "--home", homes[0].Path, "--json"));
                var seconds = answer.RootElement.GetProperty("seconds").GetDouble();
                (bool, string)[] columns = [(false, Token(homes, left.Party, "A")), (true, Token(homes, right.Party, "B"))];
                watch.Restart();
                TokenEngine.Count(tables[0], tables[1], columns, 1, false, Path.Combine(root, "answer.parquet"), 512 << 20);
                var engine = watch.Elapsed.TotalSeconds;
                watch.Restart();
                DuckDbAlone($"SELECT l.\"{columns[0].Item2}\", r.\"{columns[1].Item2}\", count(*) FROM '{tables[0].Folder}/*.parquet' l JOIN "
                    + $"'{tables[1].Folder}/*.parquet' r ON l.\"row\" = r.\"row\" GROUP BY ALL");
                var alone = watch.Elapsed.TotalSeconds;
                Console.WriteLine(
                    $"{run,3} {seconds,18:0.000} s {engine,19:0.000} s {alone,12:0.000} s {engine / alone,10:0.00} (allowed {1.5 + (0.1 / alone):0.00})");
            }

            workers.PrintPeaks();
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }

        return 0;
    }

    /// <summary>A home as it stands after a completed session in which all rows are common.</summary>
    internal static async Task PrepareAsync(ParticipantHome home, string peer, string file,
        int rows, string session = Session, QueryEngine engine = QueryEngine.Tokens, int minCell = 1, IReadOnlyDictionary<string, ColumnType>? types = null)
    {
        using var store = Store(home);
        var catalog = new DatasetCatalog(home, store, TimeProvider.System);
        var dataset = catalog.Find("data")
            ?? await catalog.AddAsync(new DatasetRequest("data", file, ["ID"], new RecordReaderOptions(), false, DuplicateRule.Reject, types));
        var now = TimeProvider.System.GetUtcNow();
        PrivateFile.CreateFolder(home.SessionPath(session));
        var matched = new MatchedRows(rows);
        for (var row = 0; row < rows; row++)
        {
            matched.Add(row);
        }

        matched.Write(home.SessionPath(session));
        store.Write(transaction =>
        {
            transaction.PutSession(new PartySession(SessionState.Completed)
            {
                Id = session, IsInitiator = home.Name == "P1", Peer = peer, Linker = "LINKER", Dataset = "data", DatasetHash = dataset.Hash,
                Protocol = EcdhProtocol.Instance.Name, Engine = engine, Reveal = RevealTo.Both, MinCell = minCell, CreatedAt = now,
                DeadlineAt = now.AddHours(1), KeyNames = ["ID"], OwnRows = rows, OwnDistinct = rows, PeerDistinct = rows,
                ProposalHash = new byte[32], AcceptanceHash = new byte[32], IntersectionSize = rows, HadResult = true, EndedAt = now,
            }.ToStored());
            return true;
        });
    }

    /// <summary>The keys under which the two parties seal what they send each other in a session, as its hand-shake would have left them.</summary>
    internal static void OpenChannel(ParticipantHome one, ParticipantHome other, string session = Session)
    {
        foreach (var (from, to) in new[] { (one, other), (other, one) })
        {
            using var stored = Store(from);
            using var seed = SecretBytes.CopyOf(stored.Write(state => Channels.Ensure(state, session, to.Name)).Seed);
            using var key = new HybridKey(seed);
            using var receiver = Store(to);
            receiver.Write(state => Channels.Learn(state, to, session, from.Name, key.PublicKey));
        }
    }

    /// <summary>A column's token in the session written above.</summary>
    private static string Token(IReadOnlyList<ParticipantHome> homes, string party, string column)
    {
        using var shared = homes[0].SharedKeyWith(homes[1].Card);
        using var keys = new TokenKeys(shared, PartySession.Parse(Store(homes[0]).Read(transaction => transaction.FindSession(Session))!).Transcript);
        return keys.ColumnToken(party, column);
    }

    private static SqliteParticipantStore Store(ParticipantHome home) => new(home.StatePath);

    internal static string Run(params string[] arguments)
    {
        // The worker may still be starting: its inbox appears with its first connection.
        for (var attempt = 0; ; attempt++)
        {
            using var process = WorkerProcesses.Start(arguments);
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode == 0 || attempt == 5)
            {
                return process.ExitCode == 0 ? output : throw new InvalidOperationException($"psi {string.Join(' ', arguments)} failed");
            }
        }
    }

    private static void DuckDbAlone(string sql)
    {
        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
        }
    }
}
