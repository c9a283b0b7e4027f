using System.Numerics;

namespace PsiMessaging.Disclosure.PrimaryRules;

/// <summary>What one record adds to a cell of a magnitude table.</summary>
/// <param name="Value">In the column's smallest unit, unweighted. The rules of concentration are defined for values of 0 and more.</param>
/// <param name="Weight">Sampling weight in units of 1/<see cref="Contributions.WeightOne"/>; 0 counts nobody, less than 0 is refused.</param>
/// <param name="Holder">Enterprise group whose contributions count as one ("holding"), or null for a contributor of its own.</param>
public readonly record struct Contribution(long Value, long Weight = 1, string? Holder = null);

/// <summary>
/// All contributions to a cell. What the rules need of them is kept: never shown, and not to be sent to anybody, since the largest contribution is what they
/// protect.
/// </summary>
public sealed class Contributions
{
    /// <summary>Takes a cell's records. Those of weight 0 are left out: they add nothing.</summary>
    /// <param name="records">In any order.</param>
    /// <param name="weightOne">What a weight of one is written as: 1, or 1000 where weights have three decimal places.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="weightOne"/> is below 1, or a weight below 0.</exception>
    public Contributions(IEnumerable<Contribution> records, long weightOne = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(weightOne, 1);
        WeightOne = weightOne;
        Records = [.. records.Where(record => record.Weight != 0)];
        foreach (var record in Records)
        {
            if (record.Weight < 0)
            {
                throw new ArgumentOutOfRangeException(nameof(records), "a weight below 0 cannot be judged; leave such records out, or mend the column");
            }

            Total += (BigInteger)record.Value * record.Weight;
            HasNegative |= record.Value < 0;
            HasSeveralValues |= record.Value != Records[0].Value;
        }
    }

    /// <summary>The records with a weight above 0.</summary>
    public IReadOnlyList<Contribution> Records { get; }

    /// <summary>What a weight of one is written as.</summary>
    public long WeightOne { get; }

    /// <summary>The cell's value, Σ weight·value, in units of the column's smallest unit over <see cref="WeightOne"/>.</summary>
    public BigInteger Total { get; }

    /// <summary>Whether a value is below zero, for which the rules of concentration mean nothing.</summary>
    public bool HasNegative { get; }

    /// <summary>Whether two values differ.</summary>
    public bool HasSeveralValues { get; }
}
