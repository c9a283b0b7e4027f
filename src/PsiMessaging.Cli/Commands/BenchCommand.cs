using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using PsiMessaging.Cli.Output;
using PsiMessaging.Cli.Simulation;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Files;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Protocols.Choice;
using PsiMessaging.Protocols;

namespace PsiMessaging.Cli.Commands;

/// <summary><c>psi bench</c>: the whole job end to end on generated data, held against the primitive's own speed measured in the same run.</summary>
internal static class BenchCommand
{
    private const int MostRows = 100_000_000;

    public static Command Create()
    {
        var session = new SessionOptions();
        var rows = new Option<string[]>("--rows")
        {
            Description = "Rows of each party, half of them in common; N, or NxM for different sizes; repeatable",
            HelpName = "N[xM]", DefaultValueFactory = _ => ["10000"],
        };
        var protocols = new Option<string[]>("--protocol")
        {
            Description = "PSI protocol; repeatable",
            HelpName = string.Join('|', PsiProtocols.Names),
            DefaultValueFactory = _ => [PsiProtocols.Names[0]]
        };
        var transports = new Option<string[]>("--transport")
        {
            Description = "memory or rabbitmq, which needs --broker; repeatable (default: rabbitmq with --broker, else memory)",
            HelpName = "memory|rabbitmq"
        };
        var whole = new Option<bool>("--whole") { Description = "Also send the rows to the linker and ask a question" };
        var parallelism = PsiRootCommand.Number("--parallelism", "Cores to use (default: all)", 0, 0, 1024);
        var output = new Option<string?>("--out") { Description = "Write the report into this file, as JSON, for --compare", HelpName = "FILE" };
        var compare = new Option<string[]?>("--compare")
        {
            Description = "Measure nothing: print two reports side by side",
            HelpName = "OLD.json NEW.json",
            Arity = new ArgumentArity(2, 2),
            AllowMultipleArgumentsPerToken = true
        };
        var explain = new Option<bool>("--explain") { Description = "Also say where the time went: cores, compiler, memory and traffic of each phase" };
        var calibrate = new Option<bool>("--calibrate") { Description = "Measure only what --protocol auto reckons with, and keep it in the home (--home)" };
        var command = new Command("bench", "Time the whole job on this machine against the primitive's own speed")
        {
            rows, protocols, transports, session.Reveal, session.Reuse, session.RsaBits, session.Security, whole, parallelism, output, compare,
            explain, calibrate,
        };
        return command.Do(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(compare) is [var former, var latter])
            {
                Compare(Read(former), Read(latter), Path.GetFileName(former), Path.GetFileName(latter));
                return;
            }

            if (parsed.GetValue(calibrate))
            {
                await CalibrateAsync(parsed, parsed.GetValue(parallelism), cancellation);
                return;
            }

            var sizes = Array.ConvertAll(parsed.GetValue(rows)!, SizesOf);
            var broker = parsed.GetValue(PsiRootCommand.Broker);
            var ways = parsed.GetValue(transports) is { Length: > 0 } named ? named : [broker is null ? "memory" : "rabbitmq"];
            foreach (var way in ways)
            {
                _ = way switch
                {
                    "memory" => true,
                    "rabbitmq" => broker is not null ? true : throw new UsageException("--transport rabbitmq needs --broker URL"),
                    _ => throw new UsageException($"--transport takes memory or rabbitmq, not {way}"),
                };
            }

            var runs = new List<BenchRun>();
            foreach (var name in parsed.GetValue(protocols)!)
            {
                var protocol = PsiProtocols.Find(name)
                    ?? throw new UsageException($"--protocol takes {WireNames.Listed(PsiProtocols.Names, "or")}, not {name}");
                var reveal = session.RevealOf(parsed, "P1", "P2", protocol);
                foreach (var (rows1, rows2) in sizes)
                {
                    foreach (var way in ways)
                    {
                        var run = await RunAsync(parsed, session, protocol, reveal, rows1, rows2,
                            way == "memory" ? null : broker, parsed.GetValue(whole), parsed.GetValue(parallelism), parsed.GetValue(explain), cancellation);
                        runs.Add(run);
                        if (!parsed.GetValue(PsiRootCommand.Json))
                        {
                            Console.Out.WriteLine(run.Title);
                            Terminal.Table(["figure", "value"], run.Figures()
                                .Select(figure => (IReadOnlyList<string>)[figure.Name, figure.Value.ToString(figure.Format, CultureInfo.InvariantCulture)]), 1);
                            Explain(run);
                        }
                    }
                }
            }

            var report = new BenchReport(typeof(BenchCommand).Assembly.GetName().Version!.ToString(3), TimeProvider.System.GetUtcNow(), runs);
            if (parsed.GetValue(output) is { } file)
            {
                AtomicFile.Write(file, JsonSerializer.SerializeToUtf8Bytes(report, OutputJson.Plain.BenchReport));
            }

            if (parsed.GetValue(PsiRootCommand.Json))
            {
                Terminal.Json(report, OutputJson.Plain.BenchReport);
            }
        });
    }

    private static async Task<BenchRun> RunAsync(
        ParseResult parsed, SessionOptions session, PsiProtocol protocol, RevealTo reveal, int rows1,
        int rows2, string? broker, bool whole, int parallelism, bool explain, CancellationToken cancellation)
    {
        var cores = Cores.CountOf(parallelism);
        var bits = parsed.GetValue(session.RsaBits);
        var reuse = parsed.GetValue(session.Reuse);
        return await TemporaryFolder.UseAsync(async folder =>
        {
            var (p1, p2) = BenchData.Write(folder, rows1, rows2);
            var before = PrimitiveRates.Measure(protocol, bits);
            ResetPeakMemory();
            var outcome = await ProgressDisplay.ShowAsync(update => new SimulationRun(new SimulationRequest
            {
                P1File = p1,
                P2File = p2,
                Key = ["ID"],
                Queries = whole && reveal == RevealTo.Both ? ["A, X"] : [],
                Protocol = protocol,
                Security = session.SecurityOf(parsed),
                Reveal = reveal,
                Reuse = reuse,
                SendRows = whole,
                RsaBits = bits,
                Parallelism = cores,
                Broker = broker,
                OutputFolder = Path.Combine(folder, "out"),
                Explain = explain,
            }, TimeProvider.System, update).RunAsync(cancellation));
            outcome.RequireAnswers();

            // The machine's speed drifts: rates are taken before and after, and their mean counts.
            var after = PrimitiveRates.Measure(protocol, bits);
            return new BenchRun
            {
                Protocol = protocol.Name,
                Security = session.SecurityOf(parsed),
                Reveal = reveal,
                Reuse = reuse,
                RsaBits = protocol.HasRsaKeys ? bits : 0,
                Rows1 = rows1,
                Rows2 = rows2,
                Transport = broker is null ? "memory" : "rabbitmq",
                Cores = cores,
                Operations = protocol.OperationsOf(new SetSizes(rows1, rows2), reveal, reuse),
                Rates = before.ToDictionary(rate => rate.Key, rate => (rate.Value + after[rate.Key]) / 2),
                Report = outcome.Report,
            };
        });
    }

    /// <summary>Where the time went; nothing where nobody looked.</summary>
    private static void Explain(BenchRun run)
    {
        if (run.Report.Phases.All(phase => phase.Load is null))
        {
            return;
        }

        Terminal.Table(BenchExplanation.CoreColumns, BenchExplanation.Cores(run), [.. Enumerable.Range(1, BenchExplanation.CoreColumns.Length - 1)]);
        Terminal.Table(BenchExplanation.MemoryColumns, BenchExplanation.Memory(run), [.. Enumerable.Range(1, BenchExplanation.MemoryColumns.Length - 1)]);
        foreach (var line in BenchExplanation.Bars(run))
        {
            Console.Out.WriteLine(line);
        }

        Console.Out.WriteLine(BenchExplanation.Ceiling(run));
    }

    private static async Task CalibrateAsync(ParseResult parsed, int parallelism, CancellationToken cancellation)
    {
        using var home = ParticipantHome.Open(PsiRootCommand.HomeOf(parsed));
        var cores = Cores.CountOf(parallelism > 0 ? parallelism : home.Config.Parallelism);
        var costs = await Calibration.RunAsync(cores, TimeProvider.System, cancellation);
        AtomicFile.Write(Path.Combine(home.Path, ProtocolCosts.FileName), costs.ToJson());
        if (parsed.GetValue(PsiRootCommand.Json))
        {
            Console.Out.WriteLine(System.Text.Encoding.UTF8.GetString(costs.ToJson()));
            return;
        }

        Terminal.Table(["figure", "value"],
        [
            ["ecdh: multiplications a second and core", costs.EcdhMultiplications.ToString("N0", CultureInfo.InvariantCulture)],
            ["ecdh: hashes to the group a second and core", costs.EcdhHashes.ToString("N0", CultureInfo.InvariantCulture)],
            ["vole: seconds whatever the sizes", costs.VoleFixedSeconds.ToString("0.00", CultureInfo.InvariantCulture)],
            ["vole: microseconds an identifier of the receiver", (costs.VoleReceiverSeconds * 1e6).ToString("0.00", CultureInfo.InvariantCulture)],
            ["vole: microseconds an identifier of the sender", (costs.VoleSenderSeconds * 1e6).ToString("0.00", CultureInfo.InvariantCulture)],
        ], 1);
        var even = Enumerable.Range(1, 24).Select(log => 1 << log).First(size => costs.Vole(size, size) < costs.Ecdh(size, size, cores) || size == 1 << 24);
        Console.Out.WriteLine(
            $"Kept in {Path.Combine(home.Path, ProtocolCosts.FileName)}. With it, auto takes vole from some {even:N0} identifiers a side on, where both "
                + "parties allow it.");
    }

    private static (int Rows1, int Rows2) SizesOf(string text)
    {
        var parts = text.Split('x');
        int[] sizes = [.. parts.Select(part =>
            int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size is >= 10 and <= MostRows ? size : -1)];
        return sizes is [var both] && both > 0 ? (both, both) : sizes is [var one, var other] && one > 0 && other > 0 ? (one, other)
            : throw new UsageException($"--rows takes 10 to {MostRows} or two such numbers, for example 10000 or 1000x1000000, not {text}");
    }

    private static BenchReport Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), OutputJson.Plain.BenchReport) ?? throw new JsonException("it is empty");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException or NotSupportedException)
        {
            throw new SimulationException($"{path} cannot be read as a report of psi bench --out: {exception.Message}");
        }
    }

    private static void Compare(BenchReport former, BenchReport latter, string formerName, string latterName)
    {
        var (left, right) = formerName == latterName ? ("first", "second") : (formerName, latterName);
        var matched = former.Runs.Join(latter.Runs, run => run.Title, run => run.Title, (one, other) => (one, other), StringComparer.Ordinal).ToArray();
        foreach (var (one, other) in matched)
        {
            Console.Out.WriteLine(one.Title);
            var others = other.Figures().ToDictionary(figure => figure.Name, StringComparer.Ordinal);
            Terminal.Table(["figure", left, right, "second / first"], one.Figures().Where(figure => others.ContainsKey(figure.Name)).Select(figure =>
            {
                var value = others[figure.Name].Value;
                return (IReadOnlyList<string>)
                [
                    figure.Name, figure.Value.ToString(figure.Format, CultureInfo.InvariantCulture),
                    value.ToString(figure.Format, CultureInfo.InvariantCulture),
                    figure.Value > 0 ? (value / figure.Value).ToString("0.00", CultureInfo.InvariantCulture) : "",
                ];
            }), 1, 2, 3);
        }

        foreach (var (name, run) in former.Runs.Except(matched.Select(pair => pair.one)).Select(run => (left, run))
            .Concat(latter.Runs.Except(matched.Select(pair => pair.other)).Select(run => (right, run))))
        {
            Console.Out.WriteLine($"Only in {name}: {run.Title}");
        }
    }

    /// <summary>Where the system allows it, so that several runs in one process each have their own peak.</summary>
    private static void ResetPeakMemory()
    {
        GC.Collect();
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Then the peak is that of the process so far.
        }
    }
}
