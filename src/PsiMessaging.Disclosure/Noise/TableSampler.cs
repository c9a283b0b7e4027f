using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>
/// Draws a law with the same work whatever comes out: a fixed number of random bytes and of comparisons for each draw, no branch, no address that depends on
/// a draw. It is not exactly the law: the total variation distance of one draw is at most 2^<see cref="DistanceLog2"/>, below 2^-90 for every law that can be
/// made. What was promised with (ε, δ) holds with δ greater by (1 + e^ε) times that, for each draw.
/// <para>
/// The discrete Laplace is made of independent parts: whether it is zero, its sign, and the digits of |Y| − 1 in base 16, which are independent since |Y| − 1
/// is geometric. The discrete Gaussian is one table of |Y| up to σ of about 10. Above, it is X + k·X' of two of σ²/(k² + 1): the sum's law is the Gaussian of
/// σ² times a factor that differs from a constant by at most ε = 2·exp(−2π²·s²)·1.01, s² = σ²/(k² + 1)² (completing the square, then Poisson summation; the
/// argument of Micciancio and Walter, ePrint 2017/259, in one dimension). k is the greatest that keeps s² at 3.7 or more, ε below 2^-104; the two are made the
/// same way again.
/// </para>
/// Not for several threads. That the compiler keeps it free of branches was read in the code that it makes, not proved.
/// </summary>
public sealed class TableSampler : INoiseSampler, IDisposable
{
    /// <summary>Where a law is cut off: what is left out has less than 2^-103 of it.</summary>
    internal const int TailBits = 104;

    private const int DigitBits = 4;
    private const int MostThresholds = 128;
    private const double SmoothingBits = 104.3;

    private static readonly Rational LeastSmoothing = new(37, 10);

    private readonly Part[] _parts;
    private readonly IRandomBytes _random;
    private readonly long[] _words = new long[2 * ThresholdTable.Block];
    private readonly long[] _draws = new long[ThresholdTable.Block];
    private readonly long[] _sums = new long[ThresholdTable.Block];

    /// <summary>Makes the tables: a few milliseconds.</summary>
    /// <param name="law">What is drawn.</param>
    /// <param name="random">Where the randomness is from.</param>
    public TableSampler(NoiseLaw law, IRandomBytes random)
    {
        Law = law;
        _random = random;
        var distance = 0.0;
        _parts = law switch
        {
            DiscreteLaplace laplace => [.. LaplaceParts(laplace)],
            DiscreteGaussian gaussian => [.. GaussianParts(gaussian, 1, ref distance)],
            _ => throw new ArgumentException($"no table of a {law}", nameof(law))
        };
        // Each table: cut off, and thresholds rounded to the nearest.
        distance += _parts.Sum(part => Math.ScaleB(1, 1 - TailBits) + (part.Table.Count * Math.ScaleB(1, -ThresholdTable.Bits)));
        DistanceLog2 = (int)Math.Ceiling(Math.Log2(distance));
    }

    private enum PartKind
    {
        /// <summary>A number that is added, its sign from its last random bit.</summary>
        Signed,
        /// <summary>A digit of a magnitude that is being made.</summary>
        Digit,
        /// <summary>Zero or not, and the sign: makes the magnitude that the digits before it gave the draw.</summary>
        ZeroAndSign,
    }

    /// <param name="Kind">What its draws are.</param>
    /// <param name="Table">Its law.</param>
    /// <param name="Factor">What its draws are multiplied by.</param>
    private sealed record Part(PartKind Kind, ThresholdTable Table, long Factor);

    public NoiseLaw Law { get; }

    /// <summary>Logarithm to base 2 of a bound of the total variation distance to the law, of one draw, rounded up.</summary>
    public int DistanceLog2 { get; }

    /// <summary>Comparisons of each draw.</summary>
    public int ComparisonsPerDraw => _parts.Sum(part => part.Table.Count);

    /// <summary>Random bytes of each draw.</summary>
    public int RandomBytesPerDraw => 2 * sizeof(long) * _parts.Length;

    /// <summary>What the draws of each table are multiplied by, for tests.</summary>
    internal IReadOnlyList<long> Factors => [.. _parts.Select(part => part.Factor)];

    /// <summary>The tables, for tests.</summary>
    internal IReadOnlyList<ThresholdTable> Tables => [.. _parts.Select(part => part.Table)];

    /// <summary>Fills with independent draws. The work depends on the length alone, in blocks of 256.</summary>
    public void Fill(Span<long> destination) => Fill(destination, _random);

    /// <summary>The same with other randomness, for noise that a key decides: the tables are made once.</summary>
    internal void Fill(Span<long> destination, IRandomBytes random)
    {
        for (var at = 0; at < destination.Length; at += ThresholdTable.Block)
        {
            DrawBlock(random);
            var count = Math.Min(ThresholdTable.Block, destination.Length - at);
            _sums.AsSpan(0, count).CopyTo(destination[at..]);
        }

        Wipe();
    }

    /// <summary>Overwrites what is left of the last draws.</summary>
    public void Dispose() => Wipe();

    private void Wipe()
    {
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_words.AsSpan()));
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_draws.AsSpan()));
        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_sums.AsSpan()));
    }

    private void DrawBlock(IRandomBytes random)
    {
        Array.Clear(_sums);
        foreach (var part in _parts)
        {
            random.Fill(MemoryMarshal.AsBytes(_words.AsSpan()));
            part.Table.Draw(_words, _draws);
            var signs = _words.AsSpan(ThresholdTable.Block);
            for (var i = 0; i < ThresholdTable.Block; i++)
            {
                var minus = -(signs[i] & 1);
                _sums[i] = part.Kind switch
                {
                    PartKind.Digit => _sums[i] + (_draws[i] * part.Factor),
                    PartKind.Signed => _sums[i] + (((_draws[i] ^ minus) - minus) * part.Factor),
                    _ => (((_sums[i] + 1) & -_draws[i]) ^ minus) - minus
                };
            }
        }
    }

    /// <summary>
    /// With q = exp(−1/scale): P(0) = (1 − q)/(1 + q), and of |Y| − 1 the digit d of place 16^j has a probability in proportion to q^(d·16^j).
    /// </summary>
    private static IEnumerable<Part> LaplaceParts(DiscreteLaplace law)
    {
        var smallest = BigInteger.One << (FixedPoint.Bits - TailBits);
        var place = BigInteger.One;
        do
        {
            var weights = Enumerable.Range(0, 1 << DigitBits).Select(digit => law.Weight(digit * place)).ToArray();
            yield return new Part(PartKind.Digit, new ThresholdTable(weights), (long)place);
            place <<= DigitBits;
        }
        while (law.Weight(place) > smallest);
        var q = law.Weight(1);
        yield return new Part(PartKind.ZeroAndSign, new ThresholdTable([FixedPoint.One - q, 2 * q]), 1);
    }

    private static IEnumerable<Part> GaussianParts(DiscreteGaussian law, long factor, ref double distance)
    {
        var smallest = BigInteger.One << (FixedPoint.Bits - TailBits);
        if (law.Weight(MostThresholds) <= smallest)
        {
            var weights = new List<BigInteger> { law.Weight(0) };
            for (var weight = law.Weight(1); weight > smallest; weight = law.Weight(weights.Count))
            {
                weights.Add(2 * weight);
            }

            return [new Part(PartKind.Signed, new ThresholdTable(weights), factor)];
        }

        // The greatest k with (k² + 1)² ≤ σ²/3.7.
        var multiple = (long)FixedPoint.SquareRoot(FixedPoint.SquareRoot((law.SigmaSquared / LeastSmoothing).Floor()) - 1);
        distance += Math.Pow(2, -SmoothingBits + 1);
        var half = new DiscreteGaussian(law.SigmaSquared / ((multiple * multiple) + 1));
        return [.. GaussianParts(half, factor, ref distance), .. GaussianParts(half, checked(factor * multiple), ref distance)];
    }
}
