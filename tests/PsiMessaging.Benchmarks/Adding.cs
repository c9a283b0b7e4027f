using System.Diagnostics;
using System.Globalization;
using System.Runtime;
using System.Text;
using DuckDB.NET.Data;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;
using PsiMessaging.Files;
using PsiMessaging.InProcess;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Storage;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>add [ROWS [COLUMNS]]</c>: <c>dataset add</c> of a CSV (an identifier, a name, a category, a whole number, a decimal, and so on in turn) against DuckDB's
/// own read of it and write of a Parquet file, by turns in one process, five each; wall-clock and processor time of the process.
/// </summary>
internal static class Adding
{
    private const int Turns = 5;

    private static readonly string[] Syllables =
        ["ma", "ri", "an", "ros", "si", "lu", "ca", "bian", "chi", "ver", "di", "fer", "ra", "gio", "van", "ni", "el", "le", "na", "to"];

    public static async Task<int> RunAsync(string[] args)
    {
        var (rows, columns) = (Number(args, 1, 1_000_000), Number(args, 2, 5));
        var root = Directory.CreateTempSubdirectory("psi-add-").FullName;
        try
        {
            var csv = Path.Combine(root, "in.csv");
            Write(csv, rows, columns);
            var home = LocalHomes.Create(root, config => config)[0];
            using var store = new SqliteParticipantStore(home.StatePath);
            var catalog = new DatasetCatalog(home, store, TimeProvider.System);
            using var duck = new DuckDBConnection("DataSource=:memory:");
            duck.Open();
            Console.WriteLine($"{rows:N0} rows x {columns} columns, {new FileInfo(csv).Length / 1e6:f1} MB, {Environment.ProcessorCount} cores");
            var (ours, theirs) = (new List<Spent>(), new List<Spent>());
            for (var turn = 0; turn < Turns; turn++)
            {
                ours.Add(await TimeAsync(() => catalog.AddAsync(new DatasetRequest($"d{turn}", csv, ["ID"], new RecordReaderOptions(),
                    FoldCase: false, DuplicateRule.Reject))));
                theirs.Add(await TimeAsync(() => Task.FromResult(Copy(duck, csv, Path.Combine(root, $"d{turn}.parquet")))));
                Console.WriteLine($"turn {turn}: dataset add {ours[^1]}; DuckDB {theirs[^1]}");
            }

            Say("dataset add", ours);
            Say("DuckDB", theirs);
            Console.WriteLine($"ratio: min {ours.Min(one => one.Seconds) / theirs.Min(one => one.Seconds):f2}, "
                + $"median {Median(ours) / Median(theirs):f2}, max {ours.Max(one => one.Seconds) / theirs.Max(one => one.Seconds):f2}");
            var stored = Directory.GetFiles(Path.Combine(home.DatasetsPath, "d0")).Append(Path.Combine(root, "d0.parquet"));
            Console.WriteLine(string.Join(", ", stored.Select(path => $"{Path.GetFileName(path)} {new FileInfo(path).Length / 1e6:f1} MB")));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }

        return 0;
    }

    private static int Number(string[] args, int at, int otherwise) => args.Length > at ? int.Parse(args[at], CultureInfo.InvariantCulture) : otherwise;

    private static int Copy(DuckDBConnection duck, string csv, string parquet)
    {
        using var command = duck.CreateCommand();
        command.CommandText = $"COPY (SELECT * FROM read_csv({DuckText.Literal(csv)})) TO {DuckText.Literal(parquet)} (FORMAT parquet)";
        return command.ExecuteNonQuery();
    }

    private static async Task<Spent> TimeAsync<T>(Func<Task<T>> what)
    {
        GC.Collect();
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        var compiling = JitInfo.GetCompilationTime();
        var watch = Stopwatch.StartNew();
        await what();
        return new Spent(watch.Elapsed.TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds,
            (JitInfo.GetCompilationTime() - compiling).TotalSeconds);
    }

    private static double Median(List<Spent> all) => all.Select(one => one.Seconds).Order().ElementAt(all.Count / 2);

    private static void Say(string what, List<Spent> all) => Console.WriteLine(
        $"{what}: min {all.Min(one => one.Seconds):f3}, median {Median(all):f3}, max {all.Max(one => one.Seconds):f3} s; CPU "
            + $"{all.Select(one => one.Processor).Order().ElementAt(all.Count / 2):f2} s (median)");

    private static void Write(string path, int rows, int columns)
    {
        using var seed = SecretBytes.CopyOf(Encoding.UTF8.GetBytes("psi add data, version 1"));
        using var random = new SeededStream(seed, "psi/add"u8, 0);
        using var writer = new StreamWriter(path, append: false, new UTF8Encoding(false), 1 << 16) { NewLine = "\n" };
        writer.WriteLine(string.Join(',', Enumerable.Range(0, columns).Select(i => i == 0 ? "ID" : $"C{i}")));
        for (var row = 0; row < rows; row++)
        {
            writer.Write($"{row * 7919L % 1_000_000_007L:D12}");
            for (var i = 1; i < columns; i++)
            {
                writer.Write(',');
                switch ((i - 1) % 4)
                {
                    case 0:
                        for (var part = 2 + random.NextInt(3); part > 0; part--)
                        {
                            writer.Write(Syllables[random.NextInt(Syllables.Length)]);
                        }

                        break;
                    case 1:
                        writer.Write($"{(char)('A' + random.NextInt(12))}{random.NextInt(10)}");
                        break;
                    case 2:
                        writer.Write(random.NextInt(100_000));
                        break;
                    default:
                        writer.Write($"{random.NextInt(100_000)}.{random.NextInt(100):D2}");
                        break;
                }
            }

            writer.WriteLine();
        }
    }

    private sealed record Spent(double Seconds, double Processor, double Compiling)
    {
        public override string ToString() => $"{Seconds:f3} s ({Processor:f2} s CPU, {Compiling:f2} s of it compiling)";
    }
}
