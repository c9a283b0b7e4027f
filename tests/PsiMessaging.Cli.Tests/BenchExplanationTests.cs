using PsiMessaging.Cli.Simulation;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Cli.Tests;

/// <summary>What <c>psi bench --explain</c> says of a run.</summary>
public class BenchExplanationTests
{
    private static BenchRun RunOf(params PhaseReport[] phases) => new()
    {
        Protocol = "vole", Reveal = RevealTo.Both, Reuse = false, RsaBits = 0, Rows1 = 10, Rows2 = 10, Transport = "memory", Cores = 2,
        Operations = new Dictionary<string, long> { ["blocks"] = 4_000 }, Rates = new Dictionary<string, double> { ["blocks"] = 1_000 },
        Report = new SimulationReport(
            "vole", QueryEngine.Masked, "memory", new Dictionary<string, PartyReport>(), 5, phases, new Dictionary<string, long>(), 1, []),
    };

    private static PhaseReport Phase(string name, double seconds, PhaseLoad load) => new(name, seconds) { Load = load };

    /// <summary>Lengths are times, and the parts of a bar what the cores did: all of it this process, or others, or at rest.</summary>
    [Fact]
    public void Bars_AreAsLongAsThePhases_AndFilledByWhoWasBusy()
    {
        var cores = Environment.ProcessorCount;
        PhaseLoad Load(double own, double others) => new([], own * cores, others * cores, 0, 0, 0, 0, null, 0, 0);
        var bars = BenchExplanation.Bars(RunOf(
            Phase("read", 2, Load(1, 0)), Phase("exchange", 4, Load(0.25, 0.5)), Phase("compare", 0.001, Load(0, 0)))).ToArray();
        Assert.Equal($"read     {new string('█', 24)} 2.00 s", bars[0]);
        Assert.Equal($"exchange {new string('█', 12)}{new string('▒', 24)}{new string('·', 12)} 4.00 s", bars[1]);
        Assert.Equal("compare  · 0.00 s", bars[2]);
        Assert.Equal(4, bars.Length);
        Assert.Empty(BenchExplanation.Bars(RunOf(new PhaseReport("read", 1))));
    }

    [Fact]
    public void Ceiling_IsThatOfThePrimitives() =>
        Assert.StartsWith("ceiling 2.000 s: 4,000 blocks at 1,000 a second and core, on 2; the session took 2.0 times that, its rounds 1.5",
            BenchExplanation.Ceiling(RunOf(new PhaseReport("read", 1), new PhaseReport("exchange", 3))), StringComparison.Ordinal);

    /// <summary>What was made, sent and burnt between two looks is in between, and nothing of what was before.</summary>
    [Fact]
    public void Load_OfAStretch_IsWhatHappenedInIt()
    {
        var sent = 7L;
        using var sampler = new LoadSampler(TimeProvider.System, () => Volatile.Read(ref sent));
        var from = TimeProvider.System.GetUtcNow();
        Volatile.Write(ref sent, 30);
        var burnt = System.Diagnostics.Process.GetCurrentProcess().TotalProcessorTime;
        byte[] made = [];
        while (System.Diagnostics.Process.GetCurrentProcess().TotalProcessorTime - burnt < TimeSpan.FromMilliseconds(60))
        {
            made = new byte[1 << 20];
        }

        var load = sampler.Between(from, TimeProvider.System.GetUtcNow());
        Assert.Equal(23, load.SentBytes);
        Assert.True(load.AllocatedBytes >= made.Length);
        Assert.True(load.OwnCores > 0);
        Assert.InRange(load.KernelShare, 0, 1);
        Assert.All(load.Cores, core => Assert.InRange(core, 0, 1));
    }
}
