using System.Globalization;
using System.Numerics;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Batches;

namespace PsiMessaging.Analytics.Statistics.Quantiles;

/// <summary>A table of quantiles: a row for each part of the records, from exact counts in bins.</summary>
internal sealed class QuantilesAnswer(AnswerGroups groups, QuantilesClause clause)
{
    private readonly BoundQuery _query = groups.Query;
    private readonly IMomentTable _table = groups.Table;

    private IEnumerable<BoundGrouping> PartGroupings => _query.Groupings.SkipLast(1);

    /// <param name="listed">The groups: each bin of each part.</param>
    public Answer Build(int[] listed)
    {
        var rows = new List<IReadOnlyList<AnswerCell>>();
        var parts = listed.GroupBy(group => LabelKey.Of(_table.Groups[group].SkipLast(1)), StringComparer.Ordinal).Select(part => part.ToArray()).ToArray();
        var drawn = _table.Release is { } release ? [.. parts.Select(part => Released(part, release))] : InTheClear(parts);
        var anyWithheld = parts.Length == 0 || _table.Own is { Aside: > 0 } || drawn.Contains(null)
            || (OthersHave(drawn) && PartGroupings.Any(grouping => _table.IsOthers(grouping.Column)));
        rows.AddRange(parts.Zip(drawn).Where(part => part.Second is not null).Select(part => RowOf(part.First, part.Second!)));
        if (anyWithheld && groups.HasMinimum)
        {
            rows.Add([.. PartGroupings.Select(_ => AnswerCell.WithheldGroups), .. clause.Probabilities.Select(_ => AnswerCell.Withheld), AnswerCell.Withheld]);
        }

        Describe(drawn.Sum(part => part?.Missing ?? 0));
        var all = groups.MinCell == 1 ? groups.Records.Sum() : !_table.OthersSelect && _table.Own is { } mine
            ? mine.Groups.Sum(count => (long)count) + mine.Aside : -1;
        return new Answer(Headings(), rows, all, rows.Count(row => row.Any(cell => cell.IsWithheld)), new Dictionary<string, string>(), []);
    }

    private AnswerColumn[] Headings() =>
    [
        .. PartGroupings.Select(grouping => new AnswerColumn(grouping.Grouping.Column, AnswerRole.Label)),
        .. clause.Probabilities.Select(p => new AnswerColumn($"quantile({clause.Column}, {QueryText.Number(p)})", AnswerRole.Real)),
        new AnswerColumn("n", AnswerRole.Count),
    ];

    /// <summary>What is drawn of a part.</summary>
    /// <param name="Records">Records in its bins; where none or few lack a value those are among them, as if above all bins.</param>
    /// <param name="Missing">Records without a value, where they are not few.</param>
    /// <param name="Bins">The bins; none where they may not be shown.</param>
    /// <param name="Weights">Their weights.</param>
    private sealed record Drawn(long Records, long Missing, QuantileBin[] Bins, BigInteger[] Weights);

    private QuantileBin[] BinsOf(int[] part)
    {
        var byTitle = part.Where(group => _table.Groups[group][^1] is not null).ToLookup(group => _table.Groups[group][^1], StringComparer.Ordinal);
        return [.. _query.Groupings[^1].Grouping.Categories!
            .Select(category => new QuantileBin(category.From, category.To, [.. byTitle[category.Title]]))];
    }

    private List<AnswerCell> RowOf(int[] part, Drawn drawn) =>
    [
        .. _table.Groups[part[0]].SkipLast(1).Select(label => new AnswerCell(label)),
        .. clause.Probabilities.Select(p => drawn.Records == 0 ? AnswerCell.None
            : drawn.Bins.Length == 0 ? AnswerCell.Withheld : AnswerCell.Real(Quantile(p, drawn.Bins, drawn.Weights))),
        new AnswerCell(drawn.Records.ToString(CultureInfo.InvariantCulture)),
    ];

    /// <summary>What is drawn of each part by the rule in the clear; null where it may not be shown.</summary>
    private Drawn?[] InTheClear(int[][] parts) =>
    [
        .. parts.Zip(ShowRecords(parts), ShowWeights(parts)).Select(part => InTheClear(part.First, part.Second, part.Third,
            parts.Count(other => _table.OwnGroupOf(other[0]) == _table.OwnGroupOf(part.First[0])) == 1)),
    ];

    private Drawn? InTheClear(int[] part, bool isShown, bool isWeightShown, bool isOnly)
    {
        var known = part.Where(group => _table.Groups[group][^1] is not null).ToArray();
        int[] unknown = [.. part.Except(known)];
        var (records, missing) = ((long)groups.Total(known, _query.Records), (long)groups.Total(unknown, _query.Records));
        if (groups.HasMinimum && (!isShown || records < groups.MinCell))
        {
            return null;
        }

        var bins = isWeightShown && records > 0 ? new BinMerge(groups, isOnly).Merge(BinsOf(part)) : [];
        var weights = Array.ConvertAll(bins, bin => groups.Total(bin.Members, _query.Sum([])));
        if (!groups.HasMinimum || missing >= groups.MinCell)
        {
            return new Drawn(records, missing, bins, weights);
        }

        if (weights.Length > 0)
        {
            weights[^1] += groups.Total(unknown, _query.Sum([]));
        }

        return new Drawn(records + missing, 0, bins, weights);
    }

    /// <summary>What linker and other party have released of a part; null where it is not shown.</summary>
    private Drawn? Released(int[] part, Disclosure.Release release)
    {
        var bins = BinsOf(part);
        var (first, last) = (bins[0].Members[0], bins[^1].Members[0]);
        var isKnown = release.Is(last, QuantilesDecisions.Known);
        if (!isKnown && !release.Is(last, QuantilesDecisions.All))
        {
            return null;
        }

        var records = (long)release.Sums(last, isKnown ? QuantilesDecisions.Known : QuantilesDecisions.All);
        bins[0] = bins[0] with { From = IsMany(first) ? null : bins[0].To };
        bins[^1] = bins[^1] with { To = IsMany(last) ? null : bins[^1].From };
        var (merged, weights, below) = (new List<QuantileBin>(), new List<BigInteger>(), BigInteger.Zero);
        QuantileBin? open = null;
        foreach (var bin in bins)
        {
            open = open?.With(bin) ?? bin;
            if (release.Is(bin.Members[0], QuantilesDecisions.End))
            {
                var sum = bin.Members[0] != last ? release.Sums(bin.Members[0], QuantilesDecisions.End) : _query.Weight is null ? records
                    : release.Sums(last, isKnown ? QuantilesDecisions.KnownWeight : QuantilesDecisions.AllWeight);
                merged.Add(open);
                weights.Add(sum - below);
                (below, open) = (sum, null);
            }
        }

        return new Drawn(records, isKnown ? (long)release.Sums(last, QuantilesDecisions.Missing) : 0, [.. merged], [.. weights]);

        bool IsMany(int bin) => _table.OwnBinOf(bin) is { } own ? own.Records >= groups.MinCell : release.Is(bin, QuantilesDecisions.Beyond);
    }

    /// <summary>Whether records of own groups may be in no part. What others have released says it where every part is shown.</summary>
    private bool OthersHave(Drawn?[] drawn) => _table.Release is null ? groups.OthersHave
        : _table.OthersSelect || drawn.Contains(null) || _table.Own!.Groups.Sum(count => (long)count) > drawn.Sum(part => part!.Records + part.Missing);

    private void Describe(long missing)
    {
        var bins = clause.Agreed;
        var range = $"{QueryText.Number(bins.From)} to {QueryText.Number(bins.To)}";
        var (error, merged) = groups.HasMinimum ? ("a merged bin", $", or in a bin put together with {groups.MinCell} records or more from there")
            : ("one bin", "");
        groups.Rules.Add($"quantiles from exact counts in bins of {QueryText.Number(bins.Step)}, straight lines within a bin: off by less than {error}; "
            + $"empty where the quantile lies outside {range}{merged}");
        if (groups.HasMinimum)
        {
            groups.Rules.Add($"bins of fewer than {groups.MinCell} records are put together with their neighbours, "
                + $"also fewer outside {range} with the outermost; where none or fewer than {groups.MinCell} records have no value, "
                + "n counts them too, as if above all bins");
        }

        if (!groups.HasMinimum || missing > 0)
        {
            groups.Rules.AddMissing($"{clause.Column}: ", missing, "without a value");
        }
    }

    /// <summary>Which parts are shown: the rule for cells, with a part's bins together.</summary>
    private bool[] ShowRecords(int[][] parts) => Show(parts, part => (long)groups.Total(part, _query.Records), group => _table.Own!.Groups[group]);

    /// <summary>The same rule for the records whose own weight differs from the most frequent one and, of two weights, for the others.</summary>
    private bool[] ShowWeights(int[][] parts)
    {
        var columns = groups.Columns;
        if (groups.MinCell == 1 || _query.Weight is not { } weight || columns.OwnSpread(weight) is not { } spread)
        {
            return Array.ConvertAll(parts, _ => true);
        }

        long Different(int[] part) => (long)groups.Total(part, _query.RecordsDifferent([], weight));
        var different = Show(parts, Different, group => spread.Groups[group].Different);
        long Rest(int[] part) => (long)groups.Total(part, _query.Records) - Different(part);
        var rest = Show(parts, Rest, group => spread.Groups[group].Records - spread.Groups[group].Different);
        return
        [
            .. parts.Select((part, i) => (different[i] || columns.HasNone(part, weight, isRest: false))
                && (!_table.IsTwoValued(weight) || rest[i] || columns.HasNone(part, weight, isRest: true))),
        ];
    }

    private bool[] Show(int[][] parts, Func<int[], long> countOf, Func<int, long> ownOf)
    {
        var shown = Array.ConvertAll(parts, _ => true);
        foreach (var own in Enumerable.Range(0, groups.MinCell == 1 ? 0 : parts.Length).GroupBy(part => _table.OwnGroupOf(parts[part][0])))
        {
            var places = own.ToArray();
            var cells = ReleaseRule.Show([.. places.Select(part => countOf(parts[part]))], ownOf(own.Key), groups.OthersHave, groups.MinCell);
            for (var i = 0; i < places.Length; i++)
            {
                shown[places[i]] = cells[i];
            }
        }

        return shown;
    }

    /// <summary>Where a quantile is in its bin; null in an open bin and where there is no record.</summary>
    private static double? Quantile(decimal probability, QuantileBin[] bins, BigInteger[] weights)
    {
        var all = weights.Aggregate(BigInteger.Zero, (sum, weight) => sum + weight);

        // target = p·N, exactly: compare below·10^28 with p·10^28·N.
        var scale = ExactRatio.PowerOfTen(28);
        var target = new BigInteger(probability * 1_000_000_000_000_000_000m) * ExactRatio.PowerOfTen(10) * all;
        var below = BigInteger.Zero;
        for (var i = 0; i < weights.Length; i++)
        {
            if (!weights[i].IsZero && (below + weights[i]) * scale >= target)
            {
                return bins[i] is { From: { } from, To: { } to }
                    ? (double)from + (ExactRatio.ToDouble(target - (below * scale), weights[i] * scale) * (double)(to - from)) : null;
            }

            below += weights[i];
        }

        return null;
    }
}
