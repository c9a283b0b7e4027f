using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using PsiMessaging.Contracts.V1;
using PsiMessaging.InProcess;
using PsiMessaging.Party.Policy;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>masked BROKER [rows [engine [minimum]]]</c>: question to answer through RabbitMQ with three workers as processes, 9 groups at one party and 12 at the
/// other, engines <c>masked</c>, with a minimum of 10 (released and bound), with a history too, and of 1 (neither), and <c>tokens</c> in one run. The
/// intersection itself is written into the homes as completed. Prints seconds, the peak memory of every process, and the ratios.
/// </summary>
internal static class Masked
{
    public static async Task<int> RunAsync(string[] args)
    {
        var broker = args[1];
        var rows = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 1_000_000;
        var engines = args.Length <= 3 ? Enum.GetValues<QueryEngine>()
            : WireNames.TryParse(args[3], out QueryEngine asked)
            ? [asked] : throw new ArgumentException($"the engines are {WireNames.Listed(WireNames.Engines, "and")}");
        var root = Directory.CreateTempSubdirectory("psi-masked-").FullName;
        var homes = LocalHomes.Create(root, config => config with { QueuePrefix = $"bench{Environment.ProcessId}", Broker = broker });

        var files = new[] { ("P1", "A", 9), ("P2", "B", 12) }.Select(side =>
        {
            var path = Path.Combine(root, side.Item1 + ".csv");
            using var writer = new StreamWriter(path);
            writer.WriteLine($"ID;{side.Item2};X{side.Item2}");
            for (var row = 0; row < rows; row++)
            {
                writer.WriteLine($"{row:D9};{side.Item2}{(row * 2654435761L >> 7) % side.Item3};{row % 1000}");
            }

            return path;
        }).ToArray();
        Case[] cases = [.. engines.SelectMany(engine =>
            engine == QueryEngine.Masked ? [new Case(engine, 10), new Case(engine, 10, HasHistory: true), new Case(engine, 1)]
                : new[] { new Case(engine, 1) })];
        if (args.Length > 4)
        {
            cases = [.. cases.Where(one => one.MinCell == int.Parse(args[4], CultureInfo.InvariantCulture) && !one.HasHistory)];
        }

        foreach (var one in cases)
        {
            await Sending.PrepareAsync(homes[0], "P2", files[0], rows, one.Session, one.Engine, one.MinCell);
            await Sending.PrepareAsync(homes[1], "P1", files[1], rows, one.Session, one.Engine, one.MinCell);
            Sending.OpenChannel(homes[0], homes[1], one.Session);
        }

        using var workers = new WorkerProcesses(homes);
        try
        {
            var best = new Dictionary<Case, double>();
            foreach (var one in cases)
            {
                var grant = PolicyGrant.Everything with
                {
                    History = one.HasHistory ? HistoryRule.Guard : HistoryRule.Off, Engines = [WireNames.NameOf(one.Engine)],
                };
                foreach (var home in homes.Take(2))
                {
                    (PartyPolicy.Open with { Partners = new Dictionary<string, IReadOnlyList<PolicyGrant>> { [PolicyGrant.Any] = [grant] } }).Write(home.Path);
                }

                var watch = Stopwatch.StartNew();
                Sending.Run("send", one.Session, "--home", homes[0].Path, "--timeout", "3000");
                Sending.Run("send", one.Session, "--home", homes[1].Path, "--timeout", "3000");
                Console.WriteLine($"{one}: send by both {watch.Elapsed.TotalSeconds:f1} s");
                foreach (var text in one.Engine != QueryEngine.Masked ? ["A, B", "A, B", "A, B"] : one.HasHistory ? new[] { "A, B", "A, B", "A, B", "A, B" }
                    : ["A, B", "A, B", "A, B", "mean(XA), sd(XA), corr(XA, XB) by B", "median(XB, 0 to 1000 step 10) by A"])
                {
                    watch.Restart();
                    using var answer = JsonDocument.Parse(Sending.Run("query", one.Session, text,
                        "--home", homes[0].Path, "--json", "--timeout", "3000", "--deadline", "3000"));
                    var (seconds, records) = (answer.RootElement.GetProperty("seconds").GetDouble(), answer.RootElement.GetProperty("records").GetInt64());
                    Console.WriteLine($"{one}: {text}: {seconds:f2} s from question to answer ({watch.Elapsed.TotalSeconds:f2} s with the "
                        + $"command), {records:N0} records");
                    if (text == "A, B")
                    {
                        best[one] = Math.Min(seconds, best.GetValueOrDefault(one, double.MaxValue));
                    }
                }
            }

            foreach (var one in cases[1..])
            {
                Console.WriteLine($"{cases[0]} / {one}: {best[cases[0]] / best[one]:f2}");
            }

            workers.PrintPeaks();
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }

        return 0;
    }

    /// <summary>A session of the run.</summary>
    private sealed record Case(QueryEngine Engine, int MinCell, bool HasHistory = false)
    {
        public string Session { get; } = $"{(HasHistory ? "c" : Engine == QueryEngine.Masked ? "a" : "b")}{MinCell}".PadRight(32, '0');

        public override string ToString() => $"{WireNames.NameOf(Engine)}, minimum {MinCell}{(HasHistory ? ", history" : "")}";
    }
}
