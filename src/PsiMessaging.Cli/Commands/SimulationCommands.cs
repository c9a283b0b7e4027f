using System.CommandLine;
using PsiMessaging.Cli.Output;
using PsiMessaging.Cli.Simulation;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Participants.Identities;
using Spectre.Console;
using PsiMessaging.Protocols;

namespace PsiMessaging.Cli.Commands;

/// <summary><c>psi demo</c> and <c>psi simulate</c>: all participants in one process.</summary>
internal static class SimulationCommands
{
    private static readonly Option<string[]> Queries = new("--query")
    {
        Description = "What to ask: columns to count by, \"CLASSE_ETA, CLASSE_REDDITO\", or measures, \"mean(INCOME) by SEX\" (docs/analytics.md); repeatable",
        HelpName = "QUERY",
        AllowMultipleArgumentsPerToken = false
    };

    private static readonly Option<string?> Out = new("--out")
    {
        Description = "Folder for the results: intersections, one CSV a query, report.json",
        HelpName = "DIR"
    };

    private static readonly Option<string?> Plot = new("--plot")
    {
        Description = "Draw each answer too, as query-N.svg or query-N.png under --out",
        HelpName = "svg|png"
    };

    private static readonly Option<int> Pad = PsiRootCommand.Number("--pad",
        "Engine masked: round the numbers of columns the linker sees up to a multiple of this", 1, 1, 100);

    private static readonly Option<int> Parallelism = PsiRootCommand.Number("--parallelism", "Cores to use (default: all)", 0, 0, 1024);

    private static readonly Option<bool> AllowVole =
        new("--allow-vole") { Description = "Let --protocol auto take vole: the fastest by far, and on a younger assumption (docs/protocols.md)" };

    public static Command Demo()
    {
        var session = new SessionOptions();
        var rows = PsiRootCommand.Number("--rows",
            "Rows of P1; P2 has 3.479 times as many, and some 73% of P1's are common", DemoData.DefaultRows, 10, 5_000_000);
        var dataOnly = new Option<string?>("--data-only")
        {
            Description = "Only write the generated files, istat.csv and bi.csv, into this folder",
            HelpName = "DIR"
        };
        var command = new Command("demo", "The whole job on generated data: intersection, encrypted rows to the linker, a table back")
        {
            rows, Queries, Out, Plot, SessionCommands.RawLabels,
            Pad, Parallelism, AllowVole, dataOnly
        };
        session.AddTo(command);
        return command.Do(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(dataOnly) is { } target)
            {
                PrivateFile.CreateFolder(target);
                var (istat, bi) = DemoData.Write(target, parsed.GetValue(rows));
                Console.Out.WriteLine($"{istat}\n{bi}");
                return;
            }

            await TemporaryFolder.UseAsync(async folder =>
            {
                var (p1, p2) = DemoData.Write(folder, parsed.GetValue(rows));
                var queries = parsed.GetValue(Queries) is { Length: > 0 } asked ? asked
                    : session.RevealOf(parsed, "P1", "P2") == RevealTo.Both ? ["CLASSE_ETA, CLASSE_REDDITO"] : Array.Empty<string>();
                var json = parsed.GetValue(PsiRootCommand.Json);
                var request = Request(parsed, session, p1, p2, ["IDKEY"], queries) with { CompareEngines = queries.Count() > 0 };
                if (!json)
                {
                    DemoNarrative.Begin(p1, p2, request);
                }

                var outcome = await RunAsync(request, json, cancellation);
                if (!json)
                {
                    DemoNarrative.End(outcome, request);
                }

                outcome.RequireAnswers();
                return outcome;
            });
        });
    }

    public static Command Simulate()
    {
        var (input, session) = (new InputOptions(), new SessionOptions());
        var (first, second) = (new InputOptions("p1-", input), new InputOptions("p2-", input));
        var p1 = new Option<string>("--p1")
        {
            Description = "P1's records: CSV, Parquet or .xlsx. Options of this file alone begin with --p1-: --p1-key, --p1-columns, --p1-type, "
                + "--p1-delimiter, --p1-encoding, --p1-decimal, --p1-thousands, --p1-missing, --p1-skip; without p1- they hold for both files",
            Required = true,
            HelpName = "FILE",
        };
        var p2 = new Option<string>("--p2") { Description = "P2's records, likewise with --p2-key and so on", Required = true, HelpName = "FILE" };
        var command = new Command("simulate",
            "The whole job on two files of yours, in one process") { p1, p2, Queries, Out, Plot, SessionCommands.RawLabels, Pad, Parallelism, AllowVole };
        input.AddTo(command);
        first.AddTo(command);
        second.AddTo(command);
        session.AddTo(command);
        return command.Do(async (parsed, cancellation) =>
        {
            var request = Request(parsed, session, parsed.GetValue(p1)!, parsed.GetValue(p2)!, first.KeyOf(parsed), parsed.GetValue(Queries) ?? []) with
            {
                P2Key = second.KeyOf(parsed),
                Duplicates = input.DuplicatesOf(parsed),
                FoldCase = input.FoldOf(parsed),
                Texts = input.TextsOf(parsed),
                MissingWords = input.MissingWordsOf(parsed),
                WholeNumbers = parsed.GetValue(input.WholeIdentifiers),
                Types = input.TypesOf(parsed),
                Reading = [first.ReadingOf(parsed), second.ReadingOf(parsed)],
                OwnTypes = [first.TypesOf(parsed), second.TypesOf(parsed)],
            };
            var json = parsed.GetValue(PsiRootCommand.Json);
            var outcome = await RunAsync(request, json, cancellation);
            if (!json)
            {
                Summary(outcome, request);
            }

            outcome.RequireAnswers();
        });
    }

    private static SimulationRequest Request(ParseResult parsed, SessionOptions session,
        string p1, string p2, IReadOnlyList<string> key, IReadOnlyList<string> queries)
    {
        var reveal = session.RevealOf(parsed, "P1", "P2");
        return reveal != RevealTo.Both && queries.Count > 0
            ? throw new UsageException("--query needs --reveal both: the linker counts rows that both parties send")
            : Build(parsed, session, p1, p2, key, queries, reveal);
    }

    private static SimulationRequest Build(ParseResult parsed, SessionOptions session, string p1,
        string p2, IReadOnlyList<string> key, IReadOnlyList<string> queries, RevealTo reveal) => new()
    {
        P1File = p1,
        P2File = p2,
        Key = key,
        Queries = queries,
        Protocol = PsiProtocols.Find(parsed.GetValue(session.Protocol)),
        Security = session.SecurityOf(parsed),
        AllowVole = parsed.GetValue(AllowVole),
        Engine = session.EngineOf(parsed),
        Reveal = reveal,
        RsaBits = parsed.GetValue(session.RsaBits),
        Reuse = parsed.GetValue(session.Reuse),
        MinCell = parsed.GetValue(session.MinCell) ?? ParticipantConfig.DefaultMinCell,
        Parallelism = parsed.GetValue(Parallelism),
        Broker = parsed.GetValue(PsiRootCommand.Broker),
        BrokerFiles = PsiRootCommand.FilesOf(parsed),
        OutputFolder = parsed.GetValue(Out),
        RawLabels = !parsed.GetValue(SessionCommands.RawLabels) ? false
            : parsed.GetValue(Out) is null ? throw new UsageException("--raw-labels is about files: add --out DIR")
            : true,
        Pad = parsed.GetValue(Pad),
        Plot = parsed.GetValue(Plot) is not { } form ? null
            : parsed.GetValue(Out) is null ? throw new UsageException("--plot needs a folder for the pictures: add --out DIR")
            : form is "svg" or "png" ? CheckedPlot(form) : throw new UsageException($"--plot takes svg or png, not {form}"),
    };

    private static string CheckedPlot(string form)
    {
        AnswerPlot.Check("." + form);
        return form;
    }

    private static async Task<SimulationOutcome> RunAsync(SimulationRequest request, bool json, CancellationToken cancellation)
    {
        var outcome = await ProgressDisplay.ShowAsync(update => new SimulationRun(request, TimeProvider.System, update).RunAsync(cancellation));
        if (json)
        {
            Terminal.Json(outcome.Report, OutputJson.Plain.SimulationReport);
        }

        return outcome;
    }

    private static void Summary(SimulationOutcome outcome, SimulationRequest request)
    {
        var report = outcome.Report;
        foreach (var (name, party) in report.Parties)
        {
            Console.Out.WriteLine(
                $"{name}: {party.Rows:N0} rows, {party.Distinct:N0} distinct "
                    + $"identifiers{(party.Dropped > 0 ? $", {party.Dropped:N0} rows without one left out" : "")}");
            Console.Out.WriteLine($"    read as {party.Reading}");
        }

        foreach (var (name, party) in report.Parties)
        {
            foreach (var notice in party.Notices ?? [])
            {
                Console.Out.WriteLine($"{name}: {notice}");
            }
        }

        if (report.KeyWarning is { } warning)
        {
            Console.Out.WriteLine($"Warning: {warning}");
        }

        Console.Out.WriteLine($"In common: {report.Intersection:N0}{DemoNarrative.WhoKnows(request.Reveal)}");
        foreach (var answer in outcome.Queries.OfType<PsiMessaging.Party.Questions.QueryResult>())
        {
            Console.Out.WriteLine();
            Console.Out.WriteLine($"Query: {answer.Text}");
            QueryOutput.Table(answer);
        }

        Console.Out.WriteLine();
        Console.Out.WriteLine($"Protocol {report.ProtocolText}{(request.Security == SecurityModel.SemiHonest ? "" : ", malicious variant (not reviewed)")}");
        Console.Out.WriteLine(
            $"{DemoNarrative.Seconds(report.TotalSeconds)} in all: "
                + $"{string.Join(", ", report.Phases.Select(phase => $"{phase.Name} {DemoNarrative.Seconds(phase.Seconds)}"))}");
        if (request.OutputFolder is { } folder)
        {
            Console.Out.WriteLine($"Results in {folder}");
        }
    }
}

/// <summary>A progress bar for each phase, on a terminal only.</summary>
internal static class ProgressDisplay
{
    private static readonly Dictionary<string, string> Titles = new(StringComparer.Ordinal)
    {
        ["read"] = "Reading the files", ["reusable set"] = "Making the sender's reusable set",
        ["exchange"] = "Finding the common records", ["send"] = "Sending them encrypted to the linker", ["query"] = "Asking the linker",
    };

    public static async Task<T> ShowAsync<T>(Func<Action<SimulationProgress>, Task<T>> work)
    {
        if (!Terminal.ShowsProgress)
        {
            return await work(_ => { });
        }

        return await Terminal.Progress.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async context =>
            {
                var bars = new Dictionary<string, ProgressTask>(StringComparer.Ordinal);
                var gate = new Lock();
                return await work(progress =>
                {
                    lock (gate)
                    {
                        if (progress.Phase != "done" && !bars.ContainsKey(progress.Phase))
                        {
                            foreach (var former in bars.Values)
                            {
                                former.Value = 1;
                                former.StopTask();
                            }

                            bars.Add(progress.Phase, context.AddTask(Titles.GetValueOrDefault(progress.Phase, progress.Phase), maxValue: 1));
                        }

                        if (bars.TryGetValue(progress.Phase, out var bar))
                        {
                            bar.Value = Math.Max(bar.Value, progress.Done);
                        }
                    }
                });
            });
    }
}
