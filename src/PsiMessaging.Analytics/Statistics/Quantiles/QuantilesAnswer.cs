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
        var anyWithheld = parts.Length == 0 || _table.Own is { Aside: > 0 }
            || (groups.OthersHave && PartGroupings.Any(grouping => _table.IsOthers(grouping.Column)));
        var shown = new List<int>();
        foreach (var (part, isShown, isWeightShown) in parts.Zip(ShowRecords(parts), ShowWeights(parts)))
        {
            if (RowOf(part, parts, isShown, isWeightShown) is { } row)
            {
                shown.AddRange(part);
                rows.Add(row);
            }
            else
            {
                anyWithheld = true;
            }
        }

        if (anyWithheld && groups.HasMinimum)
        {
            rows.Add([.. PartGroupings.Select(_ => AnswerCell.WithheldGroups), .. clause.Probabilities.Select(_ => AnswerCell.Withheld), AnswerCell.Withheld]);
        }

        Describe(shown);
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

    /// <summary>The row of a part; null where it may not be shown.</summary>
    private List<AnswerCell>? RowOf(int[] part, int[][] parts, bool isShown, bool isWeightShown)
    {
        var labels = _table.Groups[part[0]].SkipLast(1).Select(label => new AnswerCell(label));
        var known = part.Where(group => _table.Groups[group][^1] is not null).ToArray();
        var (records, missing) = (groups.Total(known, _query.Records), groups.Total(part.Except(known), _query.Records));
        if (groups.HasMinimum && (!isShown || records < groups.MinCell))
        {
            return null;
        }

        if (records == 0)
        {
            return [.. labels, .. clause.Probabilities.Select(_ => AnswerCell.None), new AnswerCell("0")];
        }

        QuantileBin[] merged = [];
        if (isWeightShown)
        {
            var bins = _query.Groupings[^1].Grouping.Categories!
                .Select(category => new QuantileBin(category.From, category.To, [.. known.Where(group => _table.Groups[group][^1] == category.Title)]));
            var isOnly = parts.Count(other => _table.OwnGroupOf(other[0]) == _table.OwnGroupOf(part[0])) == 1;
            merged = new BinMerge(groups, isOnly).Merge([.. bins]);
        }

        var weights = Array.ConvertAll(merged, bin => groups.Total(bin.Members, _query.Sum([])));
        var counted = groups.HasMinimum && missing < groups.MinCell ? records + missing : records;
        return
        [
            .. labels, .. clause.Probabilities.Select(p => merged.Length == 0 ? AnswerCell.Withheld : AnswerCell.Real(Quantile(p, merged, weights))),
            new AnswerCell(counted.ToString(CultureInfo.InvariantCulture)),
        ];
    }

    private void Describe(List<int> shown)
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
                + $"also fewer outside {range} with the outermost; "
                + $"n counts records without a value too where they are none or fewer than {groups.MinCell}");
        }

        groups.Rules.AddMissing($"{clause.Column}: ", groups.Total(shown.Where(group => _table.Groups[group][^1] is null), _query.Records), "without a value");
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
