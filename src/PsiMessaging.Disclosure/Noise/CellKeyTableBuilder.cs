using System.Collections.Immutable;
using System.Globalization;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>
/// Makes p-tables by maximum entropy: of all laws on the noise a count may get, with mean 0 and the stated variance, the one of greatest entropy, which is p(v)
/// proportional to exp(a·v + b·v²). Source: Giessing (2016), Computational issues in the design of transition probabilities and disclosure risk estimation for
/// additive noise, PSD 2016; the ptable package makes the same.
/// </summary>
public static class CellKeyTableBuilder
{
    private const int Steps = 64;
    private const double Enough = 1e-10;
    private const double Steepest = 100;
    private const long Digits = 1_000_000_000_000;

    /// <summary>Makes a table.</summary>
    /// <param name="maximumDeviation">D, 1 to 20.</param>
    /// <param name="variance">Of every row, above 0.</param>
    /// <param name="avoided">js, results from 1 to this do not occur; 0 to 20.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not in its range.</exception>
    /// <exception cref="CellKeyTableException">No law has that variance at some small count; the message says which and what to change.</exception>
    public static CellKeyTable Build(int maximumDeviation, Rational variance, int avoided)
    {
        Require(maximumDeviation, variance);
        ArgumentOutOfRangeException.ThrowIfNegative(avoided);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(avoided, 20);
        var rows = Enumerable.Range(1, maximumDeviation + avoided + 1).Select(count => Row(count, maximumDeviation, variance.ToDouble(), avoided)).ToArray();
        return CellKeyTable.Checked([.. rows], variance, maximumDeviation, avoided);
    }

    /// <summary>
    /// The row of all counts above the deviation, for who shows no smaller ones: small counts have other laws, and do not bound the variance here.
    /// </summary>
    /// <param name="maximumDeviation">D, 1 to 20.</param>
    /// <param name="variance">Above 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not in its range.</exception>
    /// <exception cref="CellKeyTableException">No law has that variance; the message says what to change.</exception>
    public static CellKeyRow LastRow(int maximumDeviation, Rational variance)
    {
        Require(maximumDeviation, variance);
        return Row(maximumDeviation + 1, maximumDeviation, variance.ToDouble(), 0);
    }

    private static void Require(int maximumDeviation, Rational variance)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maximumDeviation, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maximumDeviation, 20);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(variance.Sign, 0, nameof(variance));
    }

    private static CellKeyRow Row(int count, int maximumDeviation, double variance, int avoided)
    {
        var support = Enumerable.Range(-maximumDeviation, (2 * maximumDeviation) + 1)
            .Where(noise => count + noise >= 0 && (count + noise == 0 || count + noise > avoided)).ToArray();
        var p = Solve(support, variance) ?? throw new CellKeyTableException(
            $"row of count {count}: no noise of {string.Join(", ", support)} has mean 0 and variance {variance}; take another variance or a larger deviation");
        var cumulated = 0.0;
        var intervals = ImmutableArray.CreateBuilder<CellKeyInterval>();
        var last = 0L;
        for (var i = 0; i < support.Length; i++)
        {
            cumulated += p[i];
            var end = i == support.Length - 1 ? Digits : (long)Math.Round(cumulated * Digits);
            if (end > last)
            {
                intervals.Add(new CellKeyInterval(end == Digits ? "1" : $"0.{end.ToString("D12", CultureInfo.InvariantCulture)}", support[i]));
                last = end;
            }
        }

        return new CellKeyRow(count, intervals.ToImmutable());
    }

    /// <summary>
    /// Halving intervals, since both are monotone: for each b the a with mean 0, and over b the variance there, whose derivative is Var(v²) − Cov(v,
    /// v²)²/Var(v), which is not negative.
    /// </summary>
    /// <returns>The law, or null where none has that variance.</returns>
    private static double[]? Solve(int[] support, double variance)
    {
        if (support[0] >= 0)
        {
            return null;
        }

        var (low, high) = (-Steepest, Steepest);
        for (var step = 0; step < Steps; step++)
        {
            var middle = (low + high) / 2;
            (low, high) = Second(Centred(support, middle)) < variance ? (middle, high) : (low, middle);
        }

        var law = Centred(support, high);
        return Math.Abs(Second(law) - variance) < Enough && Math.Abs(support.Zip(law, (v, p) => v * p).Sum()) < Enough ? law : null;

        double Second(double[] p) => support.Zip(p, (v, probability) => v * v * probability).Sum();
    }

    private static double[] Centred(int[] support, double b)
    {
        var (low, high) = (-Steepest * support.Length, Steepest * support.Length);
        for (var step = 0; step < Steps; step++)
        {
            var middle = (low + high) / 2;
            (low, high) = support.Zip(Law(support, middle, b), (v, p) => v * p).Sum() < 0 ? (middle, high) : (low, middle);
        }

        return Law(support, high, b);
    }

    private static double[] Law(int[] support, double a, double b)
    {
        var exponents = support.Select(v => (a * v) + (b * v * v)).ToArray();
        var most = exponents.Max();
        var weights = exponents.Select(exponent => Math.Exp(exponent - most)).ToArray();
        var sum = weights.Sum();
        return [.. weights.Select(weight => weight / sum)];
    }
}
