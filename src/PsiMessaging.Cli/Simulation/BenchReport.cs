using PsiMessaging.Contracts.V1;
using PsiMessaging.Protocols;

namespace PsiMessaging.Cli.Simulation;

/// <summary>What <c>psi bench --out</c> writes and <c>--compare</c> reads.</summary>
internal sealed record BenchReport(string Version, DateTimeOffset MeasuredAt, IReadOnlyList<BenchRun> Runs);

/// <summary>One run: what was run, what the primitive alone could do in the same run, and what came out.</summary>
internal sealed record BenchRun
{
    public required string Protocol { get; init; }
    /// <summary>Which checks ran; null in the report where it is <see cref="SecurityModel.SemiHonest"/>.</summary>
    public SecurityModel Security { get; init; }
    public required RevealTo Reveal { get; init; }
    public required bool Reuse { get; init; }
    public required int RsaBits { get; init; }
    public required int Rows1 { get; init; }
    public required int Rows2 { get; init; }
    public required string Transport { get; init; }
    public required int Cores { get; init; }
    /// <summary>Costly operations the protocol needs at both parties, by name.</summary>
    public required IReadOnlyDictionary<string, long> Operations { get; init; }
    /// <summary>Each operation's own rate on one core, a second, measured before and after the run; also of some that are for comparison only.</summary>
    public required IReadOnlyDictionary<string, double> Rates { get; init; }
    public required SimulationReport Report { get; init; }

    /// <summary>What identifies a run when reports are compared.</summary>
    public string Title =>
        $"{Protocol}{(PsiProtocols.Find(Protocol) is { HasRsaKeys: true } ? $" {RsaBits}" : "")}{(WireNames.NameOf(Security) is { } model ? $" {model}" : "")}"
        + $"{(Reuse ? " reuse" : "")}{(Reveal == RevealTo.Both ? "" : $", to {WireNames.NameOf(Reveal)}")}, {Rows1:N0} x {Rows2:N0}, {Transport}, {Cores} "
        + $"core{(Cores == 1 ? "" : "s")}";

    /// <summary>Seconds that the operations alone would take on all cores.</summary>
    public double CeilingSeconds => Operations.Sum(operation => operation.Value / Rates[operation.Key]) / Cores;

    /// <summary>Seconds from the input files to the result files.</summary>
    public double SessionSeconds =>
        Report.Phases.Where(phase => phase.Name is "read" or "prepare" or "hand-shake" or "exchange" or "compare").Sum(phase => phase.Seconds);

    /// <summary>Seconds of the protocol's rounds.</summary>
    public double ExchangeSeconds => Report.Phases.Single(phase => phase.Name == "exchange").Seconds;

    /// <summary>Bytes between the parties, both ways, for each pair of identifiers (one of either party).</summary>
    public double BytesAPair =>
        (double)Report.Bytes.Where(edge => !edge.Key.Contains("LINKER", StringComparison.Ordinal)).Sum(edge => edge.Value) / Math.Max(Rows1, Rows2);

    /// <summary>The figures people compare, in order.</summary>
    public IEnumerable<(string Name, double Value, string Format)> Figures()
    {
        foreach (var phase in Report.Phases)
        {
            yield return ($"phase {phase.Name}, s", phase.Seconds, "0.000");
        }

        yield return ("session file to file, s", SessionSeconds, "0.000");
        foreach (var (name, rate) in Rates)
        {
            yield return ($"{name}, a second and core", rate, "N0");
        }

        yield return ("ceiling, s", CeilingSeconds, "0.000");
        yield return ("exchange / ceiling", ExchangeSeconds / CeilingSeconds, "0.00");
        yield return ("session / ceiling", SessionSeconds / CeilingSeconds, "0.00");
        foreach (var (edge, bytes) in Report.Bytes)
        {
            yield return ($"bytes {edge}", bytes, "N0");
        }

        yield return ("bytes a pair, between the parties", BytesAPair, "0.0");
        yield return ("peak memory, MiB", Report.PeakMemoryBytes / 1048576.0, "N0");
    }
}
