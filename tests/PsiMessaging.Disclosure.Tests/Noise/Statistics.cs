using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Disclosure.Noise;

namespace PsiMessaging.Disclosure.Tests.Noise;

/// <summary>Laws as numbers, and tests of draws against them with a false alarm in a million; seeds are fixed, so a run that passes passes again.</summary>
internal static class Statistics
{
    /// <summary>Quantile of the normal distribution that is exceeded with probability 1e-6.</summary>
    private const double Z = 4.753424308822899;

    public static SeededRandomBytes Stream(string name) => new(SHA256.HashData(Encoding.UTF8.GetBytes(name)));

    public static NoiseLaw Law(string text) =>
        text[0] == 'L' ? new DiscreteLaplace(Rational.Parse(text[1..])) : new DiscreteGaussian(Rational.Parse(text[1..]));

    /// <summary>P(0), P(1), … until less than 2^-104 is left, in units of 2^-320.</summary>
    public static BigInteger[] Exact(NoiseLaw law)
    {
        var weights = new List<BigInteger>();
        for (var weight = law.Weight(0); weight > BigInteger.One << 150; weight = law.Weight(weights.Count))
        {
            weights.Add(weight);
        }

        var total = (2 * weights.Aggregate(BigInteger.Add)) - weights[0];
        return [.. weights.Select(weight => (weight << FixedPoint.Bits) / total)];
    }

    public static double[] Probabilities(NoiseLaw law) => [.. Exact(law).Select(p => Math.ScaleB((double)(p >> (FixedPoint.Bits - 200)), -200))];

    public static double Moment(double[] probabilities, int order) =>
        probabilities.Select((p, y) => (y == 0 && order > 0 ? 0 : y == 0 ? p : 2 * p) * Math.Pow(y, order)).Sum();

    /// <summary>
    /// Kolmogorov–Smirnov: the greatest distance of the two distribution functions, which for a discrete law is smaller than the bound allows.
    /// </summary>
    public static void AssertKolmogorovSmirnov(long[] draws, double[] probabilities)
    {
        var bound = Math.Sqrt(Math.Log(2 / 1e-6) / (2 * draws.Length));
        var counts = draws.GroupBy(y => y).ToDictionary(group => group.Key, group => group.Count());
        var (observed, expected) = (0.0, 0.0);
        for (var y = -(probabilities.Length - 1L); y < probabilities.Length; y++)
        {
            observed += counts.GetValueOrDefault(y) / (double)draws.Length;
            expected += probabilities[Math.Abs(y)];
            Assert.True(Math.Abs(observed - expected) <= bound, $"at {y}: {observed} of the draws, {expected} of the law");
        }
    }

    /// <summary>Chi-square over the values expected five times or more, the rest on each side together; the quantile by Wilson and Hilferty.</summary>
    public static void AssertChiSquare(long[] draws, double[] probabilities)
    {
        var edge = Array.FindLastIndex(probabilities, p => p * draws.Length >= 5);
        var cells = draws.GroupBy(y => Math.Clamp(y, -edge, edge)).ToDictionary(group => group.Key, group => group.Count());
        var tail = probabilities.Skip(edge).Sum();
        var statistic = 0.0;
        for (var y = -edge; y <= edge; y++)
        {
            var expected = draws.Length * (Math.Abs(y) == edge ? tail : probabilities[Math.Abs(y)]);
            statistic += Math.Pow(cells.GetValueOrDefault(y) - expected, 2) / expected;
        }

        double freedom = 2 * edge;
        var bound = freedom * Math.Pow(1 - (2 / (9 * freedom)) + (Z * Math.Sqrt(2 / (9 * freedom))), 3);
        Assert.True(statistic <= bound, $"chi-square {statistic} over {freedom} degrees of freedom, at most {bound}");
    }

    /// <summary>Mean, variance and sign within what the law's moments allow at one false alarm in a million each.</summary>
    public static void AssertMoments(long[] draws, double[] probabilities)
    {
        var (second, fourth) = (Moment(probabilities, 2), Moment(probabilities, 4));
        var count = draws.Length;
        Assert.InRange(draws.Average(y => (double)y) / Math.Sqrt(second / count), -4.9, 4.9);
        Assert.InRange((draws.Average(y => (double)y * y) - second) / Math.Sqrt((fourth - (second * second)) / count), -4.9, 4.9);
        var (plus, minus) = (draws.Count(y => y > 0), draws.Count(y => y < 0));
        Assert.InRange((plus - minus) / Math.Sqrt(plus + minus), -4.9, 4.9);
        var zero = draws.Count(y => y == 0) / (double)count;
        Assert.InRange((zero - probabilities[0]) / Math.Sqrt(probabilities[0] * (1 - probabilities[0]) / count), -4.9, 4.9);
    }
}
