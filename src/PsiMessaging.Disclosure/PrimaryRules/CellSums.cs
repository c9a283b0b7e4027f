using System.Numerics;

namespace PsiMessaging.Disclosure.PrimaryRules;

/// <summary>
/// What is known of a cell where its contributions are not: how many, their sum and sum of squares, and of a group that all of them are in, the two largest. An
/// engine that computes under a mask gives the first three; the last two its owner knows of its own column, before anybody knows who is in the cell.
/// </summary>
/// <param name="Count">n, 0 or more.</param>
/// <param name="Sum">Σx in the column's smallest unit, each x 0 or more.</param>
/// <param name="SumOfSquares">Σx².</param>
/// <param name="GroupLargest">The largest x of a group that the cell is a part of, or null where nobody can say.</param>
/// <param name="GroupSecond">The second largest of that group, or null; not above the largest.</param>
public readonly record struct CellSums(long Count, BigInteger Sum, BigInteger SumOfSquares, BigInteger? GroupLargest = null, BigInteger? GroupSecond = null)
{
    /// <summary>Whether n values of 0 or more can have these sums: Σx ≤ Σx² and (Σx)² ≤ n·Σx², Σx² ≤ (Σx)², and nothing where n is 0.</summary>
    public bool ArePossible => Count >= 0 && Sum.Sign >= 0 && SumOfSquares >= Sum && SumOfSquares <= Sum * Sum && Sum * Sum <= Count * SumOfSquares
        && (GroupLargest is not { } largest || (largest.Sign >= 0 && Sum <= Count * largest && (GroupSecond ?? 0) <= largest))
        && GroupSecond is not { Sign: < 0 };

    /// <summary>n·Σx² − (Σx)², n² times the variance.</summary>
    internal BigInteger Spread => (Count * SumOfSquares) - (Sum * Sum);

    /// <summary>
    /// The most that the largest contribution can be: x̄ + s·√(n − 1) with s² the variance over n (Samuelson 1968, "How deviant can you be?", Journal of the
    /// American Statistical Association 63, 1522–1525), reached where all others are equal; or the group's largest, where that is less. Rounded down.
    /// </summary>
    /// <returns>A number that no contribution exceeds; 0 for a cell of nobody.</returns>
    /// <exception cref="ArgumentException">No values of 0 or more have such sums.</exception>
    public BigInteger LargestAtMost() => TopAtMost(1);

    /// <summary>
    /// The most that the <paramref name="top"/> largest contributions can be together: top·x̄ + s·√(top·(n − top)), from the inequality of Cauchy and Schwarz;
    /// or Σx, or what the group's largest allow, where those are less. Rounded down.
    /// </summary>
    /// <exception cref="ArgumentException">No values of 0 or more have such sums.</exception>
    public BigInteger TopAtMost(int top)
    {
        if (!ArePossible)
        {
            throw new ArgumentException("no values of 0 or more have these sums; the column has others, or the sums are of different records");
        }

        if (Count <= top)
        {
            return Sum;
        }

        // (top·Σx + √(top·(n − top)·spread)) / n
        var most = BigInteger.Min(Sum, ((top * Sum) + FixedPointRoot(top * (Count - top) * Spread)) / Count);
        return GroupLargest is { } largest ? BigInteger.Min(most, largest + ((top - 1) * (GroupSecond ?? largest))) : most;
    }

    private static BigInteger FixedPointRoot(BigInteger n) => Noise.FixedPoint.SquareRoot(n);
}
