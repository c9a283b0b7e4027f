using System.CommandLine;
using System.Diagnostics;
using PsiMessaging.Cli.Output;
using PsiMessaging.Cli.Simulation;
using PsiMessaging.Cryptography.BlindRsa;

namespace PsiMessaging.Cli.Commands;

/// <summary><c>psi bench</c>: the whole job end to end on generated data, held against the primitive's own speed measured in the same run.</summary>
internal static class BenchCommand
{
    private static readonly TimeSpan RateSample = TimeSpan.FromSeconds(1.5);

    public static Command Create()
    {
        var session = new SessionOptions();
        var rows = PsiRootCommand.Number("--rows", "Rows of each party, half of them in common", 10_000, 10, 10_000_000);
        var parallelism = PsiRootCommand.Number("--parallelism", "Cores to use (default: all)", 0, 0, 1024);
        var command = new Command("bench", "Time the whole job on this machine against the primitive's own speed") { rows, parallelism };
        session.AddTo(command);
        return command.Do(async (parsed, cancellation) =>
        {
            var cores = parsed.GetValue(parallelism) is > 0 and var asked ? asked : Environment.ProcessorCount;
            var bits = parsed.GetValue(session.RsaBits);
            var before = PrimitiveRate(bits);
            var folder = Directory.CreateTempSubdirectory("psi-bench-").FullName;
            try
            {
                var count = parsed.GetValue(rows);
                var (p1, p2) = BenchData.Write(folder, count);
                var outcome = await ProgressDisplay.ShowAsync(update => new LocalSimulation(new SimulationRequest
                {
                    P1File = p1,
                    P2File = p2,
                    Key = ["ID"],
                    Queries = ["A, X"],
                    Protocol = parsed.GetValue(session.Protocol)!,
                    Engine = parsed.GetValue(session.Engine)!,
                    RsaBits = bits,
                    MinCell = parsed.GetValue(session.MinCell),
                    Parallelism = cores,
                    Broker = parsed.GetValue(PsiRootCommand.Broker),
                }, TimeProvider.System, update).RunAsync(cancellation));

                // The machine's speed drifts: the rate is taken before and after, and the mean of both counts.
                var rate = (before + PrimitiveRate(bits)) / 2;
                Print(parsed, outcome.Report, count, bits, rate, cores);
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        });
    }

    private static void Print(ParseResult parsed, SimulationReport report, int rows, int bits, double rate, int cores)
    {
        if (parsed.GetValue(PsiRootCommand.Json))
        {
            Terminal.Json(report, OutputJson.Plain.SimulationReport);
            return;
        }

        // Each identifier of either party is signed once by its owner and once, blinded, by the other.
        var operations = 4L * rows;
        var ceiling = operations / (rate * cores);
        var whole = report.Phases.Where(phase => phase.Name is "read" or "prepare" or "hand-shake" or "exchange" or "compare").Sum(phase => phase.Seconds);
        var exchange = report.Phases.Single(phase => phase.Name == "exchange").Seconds;
        List<IReadOnlyList<string>> table = [["rows a side, half in common", $"{rows:N0}"], ["protocol, engine, transport", $"{report.Protocol} {bits}, {report.Engine}, {report.Transport}"]];
        table.AddRange(report.Phases.Select(phase => (IReadOnlyList<string>)[$"phase {phase.Name}", $"{phase.Seconds:0.000} s"]));
        table.AddRange(report.Bytes.Select(edge => (IReadOnlyList<string>)[$"bytes {edge.Key}", $"{edge.Value:N0}"]));
        table.Add(["peak memory, all three participants", $"{report.PeakMemoryBytes / 1048576.0:N0} MiB"]);
        table.Add(["primitive: private operations a second, one core", $"{rate:N0} ({RsaName(bits)})"]);
        table.Add(["operations needed", $"{operations:N0}"]);
        table.Add([$"ceiling on {cores} cores", $"{ceiling:0.000} s"]);
        table.Add(["exchange against the ceiling", $"{ceiling / exchange:P0}"]);
        table.Add(["session against the ceiling, file to file", $"{ceiling / whole:P0}"]);
        Terminal.Table(["figure", "value"], table, 1);
    }

    private static string RsaName(int bits)
    {
        using var key = RsaPrivateKey.Generate(bits);
        using var arithmetic = RsaArithmetic.Create(key.PublicKey);
        return arithmetic.Name;
    }

    private static double PrimitiveRate(int bits)
    {
        using var key = RsaPrivateKey.Generate(bits);
        using var arithmetic = RsaArithmetic.Create(key);
        var value = new byte[arithmetic.SizeBytes];
        var result = new byte[arithmetic.SizeBytes];
        BlindRsaSuite.Encode("psi bench"u8, value);
        arithmetic.PrivateOperation(value, result);
        var watch = Stopwatch.StartNew();
        var count = 0;
        while (watch.Elapsed < RateSample)
        {
            arithmetic.PrivateOperation(value, result);
            count++;
        }

        return count / watch.Elapsed.TotalSeconds;
    }
}
