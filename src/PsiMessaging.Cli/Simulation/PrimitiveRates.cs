using System.Diagnostics;
using PsiMessaging.Protocols;

namespace PsiMessaging.Cli.Simulation;

/// <summary>The primitives' own speed on one core: the ceiling a run is held against.</summary>
internal static class PrimitiveRates
{
    private static readonly TimeSpan Sample = TimeSpan.FromSeconds(1);

    /// <summary>Measures every operation a protocol needs, and what they are compared with: operations a second, by name.</summary>
    /// <param name="protocol">The protocol.</param>
    /// <param name="rsaBits">Modulus length in bits, for a protocol with RSA keys.</param>
    public static Dictionary<string, double> Measure(PsiProtocol protocol, int rsaBits)
    {
        using var samples = protocol.Samples(rsaBits);
        return samples.All.Concat(samples.References).ToDictionary(sample => sample.Name, sample => sample.Count * Rate(sample.Run));
    }

    private static double Rate(Action operation)
    {
        operation();
        var watch = Stopwatch.StartNew();
        var count = 0;
        while (watch.Elapsed < Sample)
        {
            operation();
            count++;
        }

        return count / watch.Elapsed.TotalSeconds;
    }
}
