using System.Numerics;

namespace PsiMessaging.Disclosure.PrimaryRules;

/// <summary>
/// The rules of concentration for who holds a larger set of records than the cell's, and does not see the cell: no contribution to the cell is larger than the
/// largest of the larger set, so a total from some bound on is safe whatever is in it. The converse does not hold: a cell below the bound may be safe too, and
/// is withheld. With the cell itself as the larger set it is the rule, edge and all (<see cref="PrimaryRule"/>).
/// </summary>
public static class DominanceBound
{
    /// <summary>How many of the largest contributions have to be known.</summary>
    /// <param name="percent">p of the p%-rule, 1 to 100; null for none.</param>
    /// <param name="rules">Rules (n,k).</param>
    public static int Needed(int? percent, DominanceRules rules) => rules.Rules.Select(rule => rule.Count).Append(percent is null ? 0 : 2).Max();

    /// <summary>The least total of a safe cell, in the values' unit.</summary>
    /// <param name="percent">p of the p%-rule; null for none. Safe is X − x1 − x2 ≥ p/100·x1.</param>
    /// <param name="rules">Rules (n,k). Safe is x1 + … + xn ≤ k/100·X.</param>
    /// <param name="largest">
    /// Magnitudes of the larger set's largest contributions, the largest first: <see cref="Needed"/> of them, or all where it has fewer. Negative contributions
    /// make a total smaller, so one that reaches the bound in spite of them leaves as much beside the largest as the rule asks.
    /// </param>
    /// <exception cref="ArgumentException">They are not in order, or one is below 0.</exception>
    public static BigInteger Of(int? percent, DominanceRules rules, IReadOnlyList<BigInteger> largest)
    {
        if (largest.Any(value => value.Sign < 0) || largest.Zip(largest.Skip(1)).Any(pair => pair.First < pair.Second))
        {
            throw new ArgumentException("magnitudes are 0 or more, and the largest stands first", nameof(largest));
        }

        var least = BigInteger.Zero;
        if (percent is { } p && largest.Count > 0)
        {
            least = largest[0] + (largest.Count > 1 ? largest[1] : 0) + Up(p * largest[0], 100);
        }

        foreach (var rule in rules.Rules)
        {
            var most = largest.Take(rule.Count).Aggregate(BigInteger.Zero, (sum, value) => sum + value);
            least = BigInteger.Max(least, Up(100 * most, rule.Percent));
        }

        return least;
    }

    private static BigInteger Up(BigInteger dividend, int divisor) => (dividend + divisor - 1) / divisor;
}
