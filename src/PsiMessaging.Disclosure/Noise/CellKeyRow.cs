using System.Collections.Immutable;
using System.Numerics;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>Noise of the cell keys up to an end, from the end of the interval before.</summary>
public sealed record CellKeyInterval
{
    /// <param name="upper">The end, a decimal fraction of at most 1, which belongs to the interval.</param>
    /// <param name="noise">What is added to the count.</param>
    /// <exception cref="FormatException">The end is no number.</exception>
    public CellKeyInterval(string upper, int noise)
    {
        UpperText = upper;
        Upper = Rational.Parse(upper);
        Noise = noise;
    }

    /// <summary>The end as it was written.</summary>
    public string UpperText { get; }

    /// <summary>The end, exactly.</summary>
    public Rational Upper { get; }

    public int Noise { get; }

    /// <summary>The beginning that the text named, where it named one.</summary>
    internal string? LowerText { get; init; }
}

/// <summary>One row of a table: which noise at which cell key.</summary>
public sealed class CellKeyRow
{
    private readonly ulong[] _lastKeys;

    internal CellKeyRow(int count, ImmutableArray<CellKeyInterval> intervals)
    {
        Count = count;
        Intervals = intervals;
        // key/2^64 ≤ upper exactly where key ≤ ⌊upper·2^64⌋; of the last interval every key.
        _lastKeys = [.. intervals.Select(interval => (ulong)BigInteger.Clamp((interval.Upper * TwoTo64).Floor(), BigInteger.Zero, ulong.MaxValue))];
    }

    /// <summary>The count whose row it is, or from which on it is.</summary>
    public int Count { get; }

    public ImmutableArray<CellKeyInterval> Intervals { get; }

    /// <summary>Σ probability · noise, exactly.</summary>
    public Rational Mean => Moment(noise => noise);

    /// <summary>Σ probability · noise², exactly: the variance where the mean is 0.</summary>
    public Rational Variance => Moment(noise => noise * noise);

    private static Rational TwoTo64 => new(BigInteger.One << 64, 1);

    /// <summary>The noise at a key, the same comparisons whatever it is.</summary>
    public int Noise(ulong cellKey)
    {
        var noise = Intervals[0].Noise;
        for (var i = 1; i < _lastKeys.Length; i++)
        {
            // All ones where the key lies beyond the interval before: the borrow of last − key (Warren, Hacker's Delight, 2-13).
            var last = _lastKeys[i - 1];
            var beyond = -(int)(((~last & cellKey) | ((~last | cellKey) & unchecked(last - cellKey))) >> 63);
            noise = (noise & ~beyond) | (Intervals[i].Noise & beyond);
        }

        return noise;
    }

    /// <summary>What is wrong with the row, and what to do; null where nothing is.</summary>
    internal string? Fault(Rational variance, int maximumDeviation, int avoided)
    {
        Rational lower = 0;
        foreach (var interval in Intervals)
        {
            if (interval.LowerText is { } text && Rational.Parse(text) != lower)
            {
                return $"an interval begins at {text} and the one before ends at {lower.ToDouble()}; they must join";
            }

            if (interval.Upper <= lower || interval.Upper > 1)
            {
                return $"an interval ends at {interval.UpperText}, not above {lower.ToDouble()} and at most 1; put them in order";
            }

            if (Count + interval.Noise < 0 || (Count + interval.Noise > 0 && Count + interval.Noise <= avoided))
            {
                return $"noise {interval.Noise} makes {Count + interval.Noise}, which must not occur; make another table";
            }

            if (Math.Abs(interval.Noise) > maximumDeviation)
            {
                return $"noise {interval.Noise} is beyond the stated deviation {maximumDeviation}";
            }

            lower = interval.Upper;
        }

        var off = Variance - variance;
        return lower != 1 ? $"its probabilities sum to {lower.ToDouble()} and not to 1"
            : Mean > CellKeyTable.Tolerance || Mean < -1 * CellKeyTable.Tolerance ? $"its mean is {Mean.ToDouble()} and not 0: sums over many cells would drift"
            : off > CellKeyTable.Tolerance || off < -1 * CellKeyTable.Tolerance
                ? $"its variance is {Variance.ToDouble()} and not {variance.ToDouble()} as stated"
            : null;
    }

    private Rational Moment(Func<int, int> power)
    {
        Rational sum = 0;
        Rational lower = 0;
        foreach (var interval in Intervals)
        {
            sum += (interval.Upper - lower) * power(interval.Noise);
            lower = interval.Upper;
        }

        return sum;
    }
}
