using System.Diagnostics;
using System.Security.Cryptography;
using PsiMessaging.Disclosure.Noise;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>noise [draws]</c>: samplers of noise on one core, draws a second, and how long the system's generator takes for the same random bytes in the same run.
/// </summary>
internal static class Noise
{
    public static int Run(string[] args)
    {
        var draws = args.Length > 1 ? int.Parse(args[1]) : 1_000_000;
        NoiseLaw[] laws =
        [
            new DiscreteLaplace(1), new DiscreteLaplace(10), new DiscreteLaplace(1000), new DiscreteGaussian(1), new DiscreteGaussian(100),
            new DiscreteGaussian(10_000), new DiscreteGaussian(1_000_000), new DiscreteGaussian(1_000_000_000_000)
        ];
        Console.WriteLine($"{draws:N0} draws on one core; generator: the same random bytes from the system");
        Console.WriteLine("law                                        table s    draws/s   compared   bytes   generator s   ratio   distance   exact draws/s");
        foreach (var law in laws)
        {
            using var table = new TableSampler(law, new SystemRandomBytes());
            var noise = new long[draws];
            table.Fill(noise.AsSpan(0, Math.Min(draws, 10_000)));
            var (best, generator) = (double.MaxValue, double.MaxValue);
            for (var turn = 0; turn < 3; turn++)
            {
                best = Math.Min(best, Seconds(() => table.Fill(noise)));
                generator = Math.Min(generator, Generator((long)draws * table.RandomBytesPerDraw));
            }

            var few = new long[20_000];
            var exact = new ExactSampler(law, new SystemRandomBytes());
            exact.Fill(few.AsSpan(0, 1000));
            var slow = Seconds(() => exact.Fill(few));
            Console.WriteLine(
                $"{law,-40} {best,9:N3} {draws / best,10:N0} {table.ComparisonsPerDraw,10} {table.RandomBytesPerDraw,7}"
                + $" {generator,13:N3} {best / generator,7:N1}      2^{table.DistanceLog2,-5} {few.Length / slow,15:N0}");
        }

        return 0;
    }

    private static double Generator(long bytes)
    {
        var buffer = new byte[2 * sizeof(long) * 256];
        return Seconds(() =>
        {
            for (var left = bytes; left > 0; left -= buffer.Length)
            {
                RandomNumberGenerator.Fill(buffer);
            }
        });
    }

    private static double Seconds(Action work)
    {
        var watch = Stopwatch.StartNew();
        work();
        return watch.Elapsed.TotalSeconds;
    }
}
