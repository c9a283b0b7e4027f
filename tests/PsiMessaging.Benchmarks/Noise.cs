using System.Diagnostics;
using System.Security.Cryptography;
using PsiMessaging.Disclosure.Noise;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>noise [draws]</c>: samplers of noise on one core, draws a second, and how long the system's generator takes for the same random bytes in the same run;
/// then whether their time tells what they drew: Welch's t of the times of large draws against small ones, and of the table's times for the least and the
/// greatest random numbers against each other (as dudect does it: Reparaz, Balasch, Verbauwhede, ePrint 2016/1123). Beyond 4.5 it tells.
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

        Timing(new DiscreteLaplace(10));
        Timing(new DiscreteGaussian(100));
        Timing(new DiscreteGaussian(10_000));
        return 0;
    }

    /// <summary>Times of single draws of the exact sampler and of blocks of the table's, each with what came out.</summary>
    private static void Timing(NoiseLaw law)
    {
        const int Runs = 20_000;
        var bytes = RandomNumberGenerator.GetBytes(2 * Runs);
        using var table = new TableSampler(law, new SystemRandomBytes());
        var same = new Same();
        using var extreme = new TableSampler(law, same);
        var exact = new ExactSampler(law, new SystemRandomBytes());
        var draw = new long[1];
        var block = new long[256];
        double One() => Ticks(() => exact.Fill(draw));
        double Block(TableSampler sampler) => Ticks(() => sampler.Fill(block));
        var exactTimes = Times(Runs, () => (One(), Math.Abs(draw[0])));
        var tableTimes = Times(Runs, () => (Block(table), block.Sum(Math.Abs)));
        var turn = 0;
        var extremes = Times(Runs, () =>
        {
            // One sampler for both, in an order that is no pattern.
            same.Value = (bytes[turn++] & 1) == 0 ? byte.MinValue : byte.MaxValue;
            return (Block(extreme), same.Value);
        });
        Console.WriteLine(
            $"{law,-40} t of large against small: exact {Welch(exactTimes),8:N1}   table {Welch(tableTimes),8:N1}   least, greatest {Welch(extremes),8:N1}");
    }

    /// <summary>Times of many runs, without the slowest tenth, each with what it was about.</summary>
    internal static (double Time, long Size)[] Times(int runs, Func<(double, long)> measure)
    {
        for (var i = 0; i < runs / 10; i++)
        {
            measure();
        }

        var all = Enumerable.Range(0, runs).Select(_ => measure()).ToArray();
        // Interrupts apart.
        var limit = all.Select(one => one.Item1).Order().ElementAt(runs * 9 / 10);
        return [.. all.Where(one => one.Item1 <= limit)];
    }

    /// <summary>Welch's t of the times of larger ones against those of the others.</summary>
    internal static double Welch((double Time, long Size)[] times)
    {
        var middle = times.Average(one => (double)one.Size);
        var large = times.Where(one => one.Size > middle).Select(one => one.Time).ToArray();
        var small = times.Where(one => one.Size <= middle).Select(one => one.Time).ToArray();
        double Error(double[] x)
        {
            var mean = x.Average();
            return x.Average(value => Math.Pow(value - mean, 2)) / x.Length;
        }

        return (large.Average() - small.Average()) / Math.Sqrt(Error(large) + Error(small));
    }

    internal static double Ticks(Action work)
    {
        var begun = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetTimestamp() - begun;
    }

    private sealed class Same : IRandomBytes
    {
        public byte Value { get; set; }

        public void Fill(Span<byte> destination) => destination.Fill(Value);
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
