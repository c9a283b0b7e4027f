using System.Collections.Immutable;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>
/// The noise of a table's last row for keys of 16 bits, so that a circuit can draw it: 2·D thresholds, and the noise of a key is how many of them are at most
/// the key, less D. The two tails are made equal, so that the mean is exactly 0;
/// the variance is off by D²/2^16 at most.
/// </summary>
public static class CellKeyThresholds
{
    /// <summary>Keys there are.</summary>
    public const int Keys = 1 << 16;

    /// <summary>The thresholds of a row that is that of all larger counts.</summary>
    /// <param name="row">From <see cref="CellKeyTable.CountIndependent"/>; noise from −D to D, each in one interval.</param>
    /// <exception cref="CellKeyTableException">
    /// A noise has no key of 65,536, or the row's tails are not of one length: says what to change.
    /// </exception>
    public static ImmutableArray<int> Of(CellKeyRow row)
    {
        var deviation = row.Intervals.Max(interval => Math.Abs(interval.Noise));
        var tails = new int[deviation];
        for (var noise = 1; noise <= deviation; noise++)
        {
            // P(Y ≥ noise) and P(Y ≤ −noise), which are one but for the digits that the table is printed with.
            var (below, upTo) = (EndOf(row, noise - 1), EndOf(row, -noise));
            if (1 - below - upTo is var off && (off > CellKeyTable.Tolerance || off < -1 * CellKeyTable.Tolerance))
            {
                throw new CellKeyTableException($"noise of {noise} or more and of -{noise} or less are not equally frequent; take a table that is even");
            }

            tails[noise - 1] = (int)((((1 - below + upTo) * Keys) + 1) / 2).Floor();
        }

        if (tails[^1] < 1 || tails.Zip(tails.Skip(1)).Any(pair => pair.First <= pair.Second) || 2 * tails[0] >= Keys)
        {
            throw new CellKeyTableException(
                $"some noise of -{deviation} to {deviation} would have none of {Keys} keys; take a smaller deviation or another variance");
        }

        return [.. tails.Reverse(), .. tails.Select(tail => Keys - tail)];
    }

    /// <summary>The end of the keys with some noise or less.</summary>
    private static Rational EndOf(CellKeyRow row, int noise) => row.Intervals.LastOrDefault(interval => interval.Noise <= noise)?.Upper ?? 0;
}
