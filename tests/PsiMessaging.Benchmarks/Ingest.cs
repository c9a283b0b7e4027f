using System.Diagnostics;
using PsiMessaging.Cli.Simulation;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;

namespace PsiMessaging.Benchmarks;

/// <summary><c>ingest [rows]</c>: rows a second from a CSV file to canonical, distinct identifiers, against merely reading the file's lines.</summary>
internal static class Ingest
{
    public static int Run(string[] args)
    {
        var rows = args.Length > 1 ? int.Parse(args[1]) : 1_000_000;
        var folder = Directory.CreateTempSubdirectory("psi-ingest-").FullName;
        var (path, _) = BenchData.Write(folder, rows);
        Console.WriteLine("run    lines/s        rows/s     ratio");
        for (var run = 0; run < 5; run++)
        {
            var watch = Stopwatch.StartNew();
            var lines = File.ReadLines(path).Count();
            var bare = lines / watch.Elapsed.TotalSeconds;
            watch.Restart();
            using var reader = RecordReader.Open(path, new RecordReaderOptions());
            var table = KeyTable.Build(reader, [0], new Canonicalizer(foldCase: false));
            var rate = table.Rows / watch.Elapsed.TotalSeconds;
            Console.WriteLine($"{run,3} {bare,12:N0} {rate,12:N0} {rate / bare,9:P0}   ({table.Count:N0} distinct)");
        }

        Directory.Delete(folder, recursive: true);
        return 0;
    }
}
