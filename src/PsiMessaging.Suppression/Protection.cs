namespace PsiMessaging.Suppression;

/// <summary>
/// How far the interval that an attacker computes for a cell must reach (SDC Handbook 2026, 4.2 and 4.3: protection levels, feasibility interval). All are in
/// units of the value and not negative.
/// </summary>
/// <param name="Lower">The interval begins at the value less this, or below.</param>
/// <param name="Upper">The interval ends at the value and this, or above.</param>
/// <param name="Sliding">The interval is at least as long as this, wherever it lies.</param>
public sealed record Protection(long Lower, long Upper, long Sliding)
{
    /// <summary>The value must not follow exactly, which is all that the Handbook asks for a minimum frequency: two whole numbers remain possible.</summary>
    public static Protection NotExact { get; } = new(0, 0, 1);

    /// <summary>
    /// A count under a minimum frequency: the interval reaches the minimum, so that nobody can tell that the cell is small, and it holds two small counts, so
    /// that somebody who guesses that this is the small one among the hidden cells still has two to choose from. The second needs a lower level only for the
    /// largest small count.
    /// </summary>
    /// <param name="value">The count, <paramref name="smallest"/> to <paramref name="minimum"/> − 1.</param>
    /// <param name="minimum">The least count that may be printed, 2 or more.</param>
    /// <param name="smallest">The least count that is withheld: 1 where zeros are printed, 0 where they are not.</param>
    /// <exception cref="ArgumentOutOfRangeException">The value is not under the minimum, or not withheld.</exception>
    public static Protection MinimumFrequency(long value, long minimum, long smallest = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(smallest, 0);
        ArgumentOutOfRangeException.ThrowIfLessThan(minimum, smallest + 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(value, smallest);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(value, minimum);
        var isLargest = value == minimum - 1 && value > smallest;
        return new(isLargest ? 1 : 0, minimum - value, 0);
    }

    /// <summary>
    /// The p% rule: nobody, the second largest contributor included, may come within p% of the largest. Level p/100·x1 − (X − x1 − x2), rounded up, on both
    /// sides (SDC Handbook 2026, 4.2.2); null where the cell is not sensitive, which is at level 0 too, as the Handbook's rule is "more than".
    /// </summary>
    /// <param name="contributions">What each contributor adds, none below zero, in any order.</param>
    /// <param name="percent">p, above 0.</param>
    public static Protection? PPercent(IEnumerable<long> contributions, decimal percent)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(percent, 0);
        var (largest, second, sum) = LargestTwo(contributions);
        var level = (percent / 100 * largest) - (sum - largest - second);
        return Both(level);
    }

    /// <summary>
    /// The (n,k) rule: the n largest contributors have more than k% together. Level 100/k·(x1 + … + xn) − X, rounded up, above and below (SDC Handbook 2026,
    /// 4.2.2); null where they have k% or less.
    /// </summary>
    /// <param name="contributions">What each contributor adds, none below zero, in any order.</param>
    /// <param name="largest">n, 1 or more.</param>
    /// <param name="percent">k, above 0 and below 100.</param>
    public static Protection? Dominance(IEnumerable<long> contributions, int largest, decimal percent)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(largest, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(percent, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(percent, 100);
        var sorted = contributions.OrderDescending().ToList();
        return Both((100 / percent * sorted.Take(largest).Sum()) - sorted.Sum());
    }

    private static Protection? Both(decimal level)
    {
        if (level <= 0)
        {
            return null;
        }

        var whole = (long)Math.Ceiling(level);
        return new(whole, whole, 0);
    }

    private static (long Largest, long Second, long Sum) LargestTwo(IEnumerable<long> contributions)
    {
        long largest = 0, second = 0, sum = 0;
        foreach (var value in contributions)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value, nameof(contributions));
            (largest, second) = value > largest ? (value, largest) : (largest, Math.Max(second, value));
            sum = checked(sum + value);
        }

        return (largest, second, sum);
    }
}
