using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Ristretto;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>curve [elements]</c>: batches of ristretto255 on the vector lanes of this machine against libsodium, one core, turn by turn in one process: least, median
/// and greatest of five rates and of their ratios. Then whether the time of a batch tells its scalar, its elements or what is hashed: Welch's t of one kind
/// against the other in an order that is no pattern. Beyond 4.5 it tells. A power modulo p by big integers, which does, shows that such a run can.
/// With <c>DOTNET_EnableAVX512=0</c> the lanes are four and no longer eight, with <c>DOTNET_EnableAVX2=0</c> there are none.
/// </summary>
internal static class Curve
{
    private const int Turns = 5;
    private const int Element = RistrettoGroup.ElementSizeBytes;
    private const int Uniform = RistrettoBatch.UniformSizeBytes;

    public static int Run(string[] args)
    {
        var count = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 2048;
        Console.WriteLine($"{RistrettoBatch.Path}, {count:N0} elements a turn, one core; a second: least / median / greatest of {Turns}");
        Rates(count);
        Console.WriteLine("time of a batch of 16, Welch's t; beyond 4.5 it tells:");
        Timing();
        return 0;
    }

    private static void Rates(int count)
    {
        var uniform = RandomNumberGenerator.GetBytes(count * Uniform);
        byte[] elements = new byte[count * Element], results = new byte[count * Element], scalars = RandomNumberGenerator.GetBytes(count * Element);
        RistrettoBatch.FromUniform(uniform, elements);
        using var scalar = RistrettoScalar.FromBytes(RandomNumberGenerator.GetBytes(Element));
        foreach (var (name, work) in new (string, Action<RistrettoPath>)[]
        {
            ("decode, multiply, encode", path => RistrettoBatch.TryMultiply(path, scalar, elements, results)),
            ("map, multiply, encode", path => RistrettoBatch.TryMultiplyMapped(path, scalar, uniform, results)),
            ("map, encode", path => RistrettoBatch.FromUniform(path, uniform, results)),
            ("decode", path => RistrettoBatch.AreUsable(path, elements)),
            ("one element, many scalars", path => RistrettoBatch.TryMultiplyEach(path, scalars, elements.AsSpan(0, Element), results)),
        })
        {
            double[] lanes = new double[Turns], libsodium = new double[Turns];
            work(RistrettoBatch.Path);
            work(RistrettoPath.Libsodium);
            for (var turn = 0; turn < Turns; turn++)
            {
                lanes[turn] = Rate(() => work(RistrettoBatch.Path));
                libsodium[turn] = Rate(() => work(RistrettoPath.Libsodium));
            }

            Console.WriteLine($"{name,-26} lanes {Spread(lanes, "N0"),-30} libsodium {Spread(libsodium, "N0"),-28} "
                + $"times {Spread([.. lanes.Zip(libsodium, (one, other) => one / other)], "N2")}");
        }

        double Rate(Action work)
        {
            var start = Stopwatch.GetTimestamp();
            work();
            return count / Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

    private static string Spread(double[] values, string format)
    {
        var ordered = values.Order().ToArray();
        return string.Join(" / ", new[] { ordered[0], ordered[ordered.Length / 2], ordered[^1] }
            .Select(value => value.ToString(format, CultureInfo.InvariantCulture)));
    }

    private static void Timing()
    {
        const int Count = 16;
        var order = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493", CultureInfo.InvariantCulture);

        // Half of a scalar is what is gone through: digits 0 but for the last, digits 7 throughout, and no pattern.
        using var light = Scalar(2);
        using var heavy = Scalar(new BigInteger([.. Enumerable.Repeat((byte)0xEE, Element - 1), 0x0E]));
        using var any = Scalar(new BigInteger(RandomNumberGenerator.GetBytes(40), isUnsigned: true) % order);
        byte[] uniform = RandomNumberGenerator.GetBytes(Count * Uniform), other = RandomNumberGenerator.GetBytes(Count * Uniform);
        var zero = new byte[Count * Uniform];
        byte[] elements = new byte[Count * Element], same = new byte[Count * Element], results = new byte[Count * Element];
        RistrettoBatch.FromUniform(uniform, elements);

        // Of one point, and not of zeros, which are mapped to the identity.
        RistrettoBatch.FromUniform([.. Enumerable.Repeat((byte)1, Count * Uniform)], same);
        var p = BigInteger.Pow(2, 255) - 19;
        foreach (var (name, runs, one, two) in new (string, int, Action, Action)[]
        {
            ("scalars, digits 0 and 7", 20_000, () => Multiply(light, elements), () => Multiply(heavy, elements)),
            ("scalars, digits 0 and any", 20_000, () => Multiply(light, elements), () => Multiply(any, elements)),
            ("elements, one and any", 20_000, () => Multiply(any, same), () => Multiply(any, elements)),
            ("mapped, zeros and any", 20_000, () => RistrettoBatch.FromUniform(zero, results), () => RistrettoBatch.FromUniform(uniform, results)),
            ("mapped, any and any", 20_000, () => RistrettoBatch.FromUniform(other, results), () => RistrettoBatch.FromUniform(uniform, results)),
            ("big integers, 2^255-1 and 1", 2_000, () => BigInteger.ModPow(7, p + 18, p), () => BigInteger.ModPow(7, 1, p)),
        })
        {
            var (turn, kinds) = (0, RandomNumberGenerator.GetBytes(2 * runs));
            var times = Noise.Times(runs, () =>
            {
                var kind = kinds[turn++ % kinds.Length] & 1;
                return (Noise.Ticks(kind == 0 ? one : two), kind);
            });
            var microseconds = times.Select(run => run.Time / Stopwatch.Frequency * 1e6).Order().ToArray();
            Console.WriteLine($"{name,-28} {runs,6:N0} runs, deciles 1, 5, 9 in µs {microseconds[microseconds.Length / 10]:N1} / "
                + $"{microseconds[microseconds.Length / 2]:N1} / {microseconds[microseconds.Length * 9 / 10]:N1}; t {Noise.Welch(times):N1}");
        }

        void Multiply(RistrettoScalar scalar, byte[] of) => RistrettoBatch.TryMultiply(scalar, of, results);
    }

    private static RistrettoScalar Scalar(BigInteger value)
    {
        var bytes = new byte[Element + 1];
        value.TryWriteBytes(bytes, out _);
        return RistrettoScalar.FromBytes(bytes.AsSpan(0, Element));
    }
}
