using System.Numerics;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;

namespace PsiMessaging.Analytics.Masked;

/// <summary>What the two parties have told each other about a query's groups.</summary>
/// <param name="Groups">Labels of each group, one for each of the party's groupings; null where the value is missing.</param>
/// <param name="Levels">Labels of the levels of each of the party's class terms.</param>
public sealed record PartyLabels(IReadOnlyList<IReadOnlyList<string?>> Groups, IReadOnlyList<IReadOnlyList<string>> Levels)
{
    /// <summary>The shape that follows.</summary>
    public PartyShape Shape => new(Groups.Count, [.. Levels.Select(level => level.Count)]);
}

/// <summary>The unmasked product as a table of exact sums, at the asking party.</summary>
public sealed class MaskedTable : IMomentTable
{
    private readonly BoundQuery _query;
    private readonly MaskedPlan _plan;
    private readonly ulong[] _product;
    private readonly PartyLabels _asker, _other;

    /// <param name="query">The query.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="product">AᵀB, p × q words with padding; entries the answer does not need hold nothing of use.</param>
    /// <param name="asker">The asking party's groups.</param>
    /// <param name="other">The other party's.</param>
    /// <exception cref="InvalidDataException">The product cannot be that of the two matrices: counts below zero, above n, or of another sum.</exception>
    public MaskedTable(BoundQuery query, MaskedPlan plan, ulong[] product, PartyLabels asker, PartyLabels other)
    {
        (_query, _plan, _product, _asker, _other) = (query, plan, product, asker, other);
        Groups = [.. asker.Groups.SelectMany(left => other.Groups.Select(right => Join(left, right)))];
        var total = BigInteger.Zero;
        for (var group = 0; group < Groups.Count; group++)
        {
            var records = Sum(group, query.Records);
            total += records;
            if (records < 0 || records > plan.Rows)
            {
                throw new InvalidDataException("a count is below zero or above the number of common records");
            }
        }

        // Without a filter and without weights every record is in exactly one group.
        if (total > plan.Rows || (query.Where.Count == 0 && query.Weight is null && total != plan.Rows))
        {
            throw new InvalidDataException("the counts do not add up to the common records");
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<IReadOnlyList<string?>> Groups { get; }

    private string?[] Join(IReadOnlyList<string?> left, IReadOnlyList<string?> right)
    {
        var (i, j) = (0, 0);
        return [.. _query.Groupings.Select(grouping => grouping.Column.Party == _plan.A.Party ? left[i++] : right[j++])];
    }

    /// <inheritdoc/>
    public BigInteger Sum(int group, Moment moment) => _plan.Read(_product, moment, group / _other.Groups.Count, group % _other.Groups.Count);

    /// <inheritdoc/>
    public bool IsWithheld(int group) => false;

    /// <inheritdoc/>
    public IReadOnlyList<string> Levels(BoundTerm term)
    {
        var own = term.Column.Party == _plan.A.Party;
        var index = _query.Terms.Where(candidate => candidate.Grouping is not null && candidate.Column.Party == term.Column.Party).ToList().IndexOf(term);
        return (own ? _asker : _other).Levels[index];
    }
}
