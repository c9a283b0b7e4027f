using System.Numerics;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Analytics.Masked;

/// <summary>The unmasked product as a table of exact sums, at the asking party.</summary>
public sealed class MaskedTable : IMomentTable
{
    private readonly BoundQuery _query;
    private readonly MaskedPlan _plan;
    private readonly ulong[] _product;
    private readonly PartyLabels _asker, _other;
    private readonly int[] _ownGroups;
    private readonly Dictionary<Moment, IReadOnlyList<int>> _ownCounts = [];

    /// <param name="query">The query.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="product">AᵀB, p × q words with padding; entries the answer does not need hold nothing of use.</param>
    /// <param name="asker">The asking party's groups.</param>
    /// <param name="other">The other party's.</param>
    /// <param name="own">How many records the asking party knows its groups to have; null where the session has no minimum cell size.</param>
    /// <param name="release">What others have decided, where they have: words that it does not open are 0 in the product.</param>
    /// <exception cref="InvalidDataException">The product cannot be that of the two matrices: counts below zero, above n, or of another sum.</exception>
    public MaskedTable(BoundQuery query, MaskedPlan plan, ulong[] product, PartyLabels asker, PartyLabels other, OwnRecords? own = null,
        Disclosure.Release? release = null)
    {
        (_query, _plan, _product, _asker, _other, Own, Release) = (query, plan, product, asker, other, own, release);

        foreach (var (moment, counts) in query.OwnMoments(plan.A.Party, term => Levels(term).Count).Zip(own?.Counts ?? []))
        {
            _ownCounts.Add(moment, counts);
        }

        // The bins of a quantile belong to one own group.
        var bins = own is { Groups.Count: > 0 } ? asker.Groups.Count / own.Groups.Count : 1;
        _ownGroups = [.. asker.Groups.SelectMany((_, left) => Enumerable.Repeat(left / bins, other.Groups.Count))];
        Groups = [.. asker.Groups.SelectMany(left => other.Groups.Select(right => Join(left, right)))];
        // With an account a count may be anything; by cell keys it is off by so much at most.
        var isNoisy = release?.Noise is { Law: not NoiseKind.CellKey };
        var off = release?.Noise is { Law: NoiseKind.CellKey } keyed ? Disclosure.CellKeyRule.Deviation(keyed) : 0;
        var total = BigInteger.Zero;
        var inGroups = new BigInteger[own?.Groups.Count ?? asker.Groups.Count];
        for (var group = 0; group < Groups.Count; group++)
        {
            var records = Sum(group, query.Records);
            total += records;
            inGroups[_ownGroups[group]] += records;
            if (!isNoisy && (records < 0 || records > plan.Rows + off))
            {
                throw new InvalidDataException("a count is below zero or above the number of common records");
            }
        }

        if (isNoisy)
        {
            return;
        }

        // Without a filter and without weights every record is in exactly one group; of an own group no more than it has.
        if (own is not null && inGroups.Zip(own.Groups).Any(group => group.First > group.Second + (off * Groups.Count)))
        {
            throw new InvalidDataException("more records are counted than one of the own groups has");
        }

        if (total > plan.Rows + (off * Groups.Count) || (own is null && query.Where.Count == 0 && query.Weight is null && total != plan.Rows))
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
    public bool? IsComplete => null;

    /// <inheritdoc/>
    public OwnRecords? Own { get; }

    /// <inheritdoc/>
    public Disclosure.Release? Release { get; }

    /// <inheritdoc/>
    public int OwnGroupOf(int group) => _ownGroups[group];

    /// <inheritdoc/>
    public int OwnCount(int ownGroup, Moment moment) => _ownCounts[moment.Of(_plan.A.Party)][ownGroup];

    /// <inheritdoc/>
    public ColumnSpread? OwnBinOf(int group) => Own?.Bins?[group / _other.Groups.Count];

    /// <inheritdoc/>
    public bool OthersSelect =>
        _query.Where.Any(condition => condition.Party != _plan.A.Party) || (_query.Weight is { } weight && weight.Party != _plan.A.Party);

    /// <inheritdoc/>
    public bool IsTwoValued(ColumnName column) =>
        (column.Party == _plan.A.Party ? _asker : _other).TwoValued?.Contains(column.Name, StringComparer.Ordinal) == true;

    /// <inheritdoc/>
    public bool IsOthers(ColumnName column) => column.Party != _plan.A.Party;

    /// <inheritdoc/>
    public IReadOnlyList<string> Levels(BoundTerm term)
    {
        var own = term.Column.Party == _plan.A.Party;
        var index = _query.Terms.Where(candidate => candidate.Grouping is not null && candidate.Column.Party == term.Column.Party).ToList().IndexOf(term);
        return (own ? _asker : _other).Levels[index];
    }
}
