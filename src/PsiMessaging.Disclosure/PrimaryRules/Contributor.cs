using System.Numerics;

namespace PsiMessaging.Disclosure.PrimaryRules;

/// <summary>
/// Who adds to a cell: a record, or a holder with all of its records. A record of a weight below one is one contributor nevertheless, since somebody has that
/// value; so the largest contributions never count less than they are, while the total is what is published. All in units of <see cref="Contributions.Total"/>.
/// </summary>
/// <param name="Sampled">What it has in the sample: its value, or the sum of its values.</param>
/// <param name="Unit">What counts as one contribution where weights replicate.</param>
/// <param name="Weight">How many of those it stands for, in units of 1/<see cref="Contributions.WeightOne"/>; at least one.</param>
/// <param name="Weighted">All that it adds.</param>
internal readonly record struct Contributor(BigInteger Sampled, BigInteger Unit, long Weight, BigInteger Weighted)
{
    /// <summary>
    /// The contributors of a cell. τ-ARGUS refuses weights together with holdings, since nobody knows which holder a replicated contributor belongs to. Here a
    /// holder of several records counts as one contribution of all that it adds, weighted, but under <see cref="WeightRule.Sampled"/>: that is never milder
    /// than its records by themselves.
    /// </summary>
    public static IReadOnlyList<Contributor> Of(Contributions cell, bool groupHolders)
    {
        var one = cell.WeightOne;
        if (!groupHolders)
        {
            return [.. cell.Records.Select(record => Single(record, one))];
        }

        var alone = cell.Records.Where(record => record.Holder is null).Select(record => Single(record, one));
        var holders = cell.Records.Where(record => record.Holder is not null).GroupBy(record => record.Holder, StringComparer.Ordinal);
        return [.. alone, .. holders.Select(holder => Together([.. holder.Select(record => Single(record, one))], one))];
    }

    /// <summary>Sum of the largest contributions, rounded up.</summary>
    /// <param name="contributors">All of the cell, each of 0 or more.</param>
    /// <param name="count">How many.</param>
    /// <param name="weights">What is a contribution.</param>
    /// <param name="weightOne">What a weight of one is written as.</param>
    public static BigInteger Largest(IReadOnlyList<Contributor> contributors, int count, WeightRule weights, long weightOne)
    {
        if (weights != WeightRule.Replicated)
        {
            return contributors.Select(contributor => weights == WeightRule.Known ? contributor.Weighted : contributor.Sampled)
                .OrderDescending().Take(count).Aggregate(BigInteger.Zero, BigInteger.Add);
        }

        var left = (BigInteger)count * weightOne;
        var sum = BigInteger.Zero;
        foreach (var contributor in contributors.OrderByDescending(contributor => contributor.Unit).Take(count))
        {
            var taken = BigInteger.Min(left, contributor.Weight);
            sum += contributor.Unit * taken;
            left -= taken;
        }

        return (sum + weightOne - 1) / weightOne;
    }

    /// <summary>
    /// The most that p·x_i + 100·(w_i·x_i + w_j·x_j) is over all pairs: with known weights the one that is estimated best need not be the largest. Source: SDC
    /// Handbook, 4.2.2, the p%-rule for weights that are not confidential.
    /// </summary>
    public static BigInteger WorstPair(IReadOnlyList<Contributor> contributors, int percent)
    {
        var top = contributors.Select(contributor => contributor.Weighted).OrderDescending().Take(2).ToArray();
        return contributors.Select(contributor =>
        {
            var other = contributor.Weighted == top[0] ? top.ElementAtOrDefault(1) : top[0];
            return (percent * contributor.Unit) + (100 * (contributor.Weighted + other));
        }).Max();
    }

    private static Contributor Single(Contribution record, long one)
    {
        var weight = Math.Max(record.Weight, one);
        var value = (BigInteger)record.Value * one;
        return new Contributor(value, value, weight, (BigInteger)record.Value * weight);
    }

    private static Contributor Together(Contributor[] records, long one)
    {
        if (records.Length == 1)
        {
            return records[0];
        }

        var weighted = records.Aggregate(BigInteger.Zero, (sum, record) => sum + record.Weighted);
        return new Contributor(records.Aggregate(BigInteger.Zero, (sum, record) => sum + record.Sampled), weighted, one, weighted);
    }
}
