using System.Globalization;
using System.Text;

namespace PsiMessaging.Cli.Simulation;

/// <summary>Where the time of a run went, as <c>psi bench --explain</c> prints it: a table, and a bar a phase whose length is its time.</summary>
internal static class BenchExplanation
{
    private const int BarWidth = 48;
    private const int MostNamedCores = 8;

    /// <summary>Head of the table of cores; all columns but the first are numbers.</summary>
    public static string[] CoreColumns { get; } = ["phase", "s", "cores here", "others", "each core", "kernel", "compiler, s", "GC, s"];

    /// <summary>Head of the table of memory and traffic, likewise.</summary>
    public static string[] MemoryColumns { get; } = ["phase", "objects, MB", "new pages", "sent, MB", "memory, MiB"];

    /// <summary>What the cores did, a line a phase.</summary>
    public static IEnumerable<IReadOnlyList<string>> Cores(BenchRun run) => Rows(run, (phase, load) =>
    [
        phase.Name, Text(phase.Seconds, "0.000"), Text(load.OwnCores, "0.00"), load.OtherCores is { } others ? Text(others, "0.00") : "", EachOf(load.Cores),
        Text(load.KernelShare, "0%"), Text(load.CompileSeconds, "0.00"), Text(load.PauseSeconds, "0.00"),
    ]);

    /// <summary>Memory and traffic, a line a phase.</summary>
    public static IEnumerable<IReadOnlyList<string>> Memory(BenchRun run) => Rows(run, (phase, load) =>
    [
        phase.Name, Text(load.AllocatedBytes / 1e6, "N0"), load.PageFaults is { } pages ? Text(pages, "N0") : "", Text(load.SentBytes / 1e6, "N1"),
        Text(load.ResidentBytes / 1048576.0, "N0"),
    ]);

    private static IEnumerable<IReadOnlyList<string>> Rows(BenchRun run, Func<PhaseReport, PhaseLoad, IReadOnlyList<string>> row) =>
        run.Report.Phases.Where(phase => phase.Load is not null).Select(phase => row(phase, phase.Load!));

    /// <summary>The bars, and what they are.</summary>
    public static IEnumerable<string> Bars(BenchRun run)
    {
        var phases = run.Report.Phases.Where(phase => phase.Load is not null).ToArray();
        if (phases.Length == 0)
        {
            yield break;
        }

        var (longest, name) = (phases.Max(phase => phase.Seconds), phases.Max(phase => phase.Name.Length));
        foreach (var phase in phases)
        {
            var width = Math.Max(1, (int)Math.Round(BarWidth * phase.Seconds / longest));
            var load = phase.Load!;
            var (own, others) = (Part(load.OwnCores), Part(load.OtherCores ?? 0));
            var bar = new StringBuilder().Append('█', own).Append('▒', Math.Min(others, width - own)).Append('·', Math.Max(0, width - own - others));
            yield return $"{phase.Name.PadRight(name)} {bar} {Text(phase.Seconds, "0.00")} s";

            int Part(double cores) => Math.Clamp((int)Math.Round(width * cores / Math.Max(1, Environment.ProcessorCount)), 0, width);
        }

        yield return $"{new string(' ', name)} █ this process on {Environment.ProcessorCount} cores, ▒ others (the broker among them), · cores at rest; "
            + "the length is the time";
    }

    /// <summary>What the primitive alone would take.</summary>
    public static string Ceiling(BenchRun run) =>
        $"ceiling {Text(run.CeilingSeconds, "0.000")} s: {string.Join(" and ", run.Operations.Select(operation => $"{operation.Value:N0} {operation.Key} at "
            + $"{run.Rates[operation.Key]:N0} a second and core"))}, on {run.Cores}; the session took {Text(run.SessionSeconds / run.CeilingSeconds, "0.0")} "
            + $"times that, its rounds {Text(run.ExchangeSeconds / run.CeilingSeconds, "0.0")}";

    /// <summary>How busy each core was; of many cores the least and the most.</summary>
    private static string EachOf(IReadOnlyList<double> cores) => cores.Count switch
    {
        0 => "",
        <= MostNamedCores => string.Join(' ', cores.Select(core => Text(core, "0%"))),
        _ => $"{Text(cores.Min(), "0%")} to {Text(cores.Max(), "0%")}",
    };

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
