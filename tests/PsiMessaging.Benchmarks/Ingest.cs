using System.Diagnostics;
using PsiMessaging.Cli.Simulation;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Sorting;

namespace PsiMessaging.Benchmarks;

/// <summary><c>ingest [rows]</c>: rows a second from a CSV file to canonical, distinct identifiers on disk, against merely reading the file's lines.</summary>
internal static class Ingest
{
    public static int Run(string[] args)
    {
        var rows = args.Length > 1 ? int.Parse(args[1]) : 1_000_000;
        var folder = Directory.CreateTempSubdirectory("psi-ingest-").FullName;
        var (path, _) = BenchData.Write(folder, rows, rows);
        Console.WriteLine("run    lines/s    rows read/s   rows/s in all   ratio");
        for (var run = 0; run < 5; run++)
        {
            var watch = Stopwatch.StartNew();
            var lines = File.ReadLines(path).Count();
            var bare = lines / watch.Elapsed.TotalSeconds;
            watch.Restart();
            using var reader = RecordReader.Open(path, new RecordReaderOptions());
            using var hash = KeyedHash.Random();
            using var scratch = new ScratchFolder(Path.Combine(folder, "scratch"));
            using var set = new IdentifierSet(canonical => (ulong)(hash.Compute(canonical) >> 64), [0], new Canonicalizer(foldCase: false), scratch);
            while (reader.Read())
            {
                set.Add(reader);
            }

            var parsed = rows / watch.Elapsed.TotalSeconds;
            var counts = set.Write(Path.Combine(folder, "identifiers.bin"));
            var rate = counts.Rows / watch.Elapsed.TotalSeconds;
            Console.WriteLine($"{run,3} {bare,12:N0} {parsed,12:N0} {rate,12:N0} {rate / bare,9:P0}   ({counts.Distinct:N0} distinct)");
        }

        Directory.Delete(folder, recursive: true);
        return 0;
    }
}
