using System.Globalization;
using System.Numerics;
using MathNet.Numerics.Distributions;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Batches;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Analytics.Statistics;

/// <summary>
/// From exact sums to an answer: groups and totals, measures, quantiles, the test of independence, the regression. Under a minimum cell size a group of fewer records is not
/// shown, nor is one from which such a group would follow (<see cref="ReleaseRule"/>); one line stands for all of them, whether there are none, few or many.
/// </summary>
/// <param name="query">The query.</param>
/// <param name="table">The sums.</param>
/// <param name="minCell">Fewest records anything is said about, 1 or more.</param>
/// <param name="commonRecords">Common records in all.</param>
public sealed class AnswerBuilder(BoundQuery query, IMomentTable table, int minCell, int commonRecords)
{
    private readonly List<string> _rules = [];
    private readonly long[] _records = [.. Enumerable.Range(0, table.Groups.Count).Select(group => (long)table.Sum(group, query.Records))];
    private bool[] _shown = [];
    private bool _others;
    private bool _isComplete = true;

    /// <summary>Cells in which the number of records may be known in which own columns differ from their most frequent values, or do not: how many each own group has the asking party knows.</summary>
    private readonly Dictionary<(Moment Moment, string AtBase), bool[]> _ownColumns = [];

    /// <summary>Builds the answer.</summary>
    /// <exception cref="QueryException">With a minimum of 1: no record passes the filter. A regression or test without a unique solution or about too few records.</exception>
    public Answer Build()
    {
        Decide();
        var groups = Enumerable.Range(0, _records.Length).Where(group => minCell > 1 || _shown[group]).ToArray();
        if (groups.Length == 0 && minCell == 1)
        {
            throw new QueryException(QueryException.NothingSelected, query.Where.Count > 0
                ? $"the filter `{string.Join(" and ", query.Where.Select(condition => QueryText.Write(condition.Condition)))}` selects none of the {commonRecords:N0} common records"
                : $"none of the {commonRecords:N0} common records has {(query.Weight is { } weight ? $"a weight in {weight.Name}" : "anything to count")}");
        }

        Array.Sort(groups, (left, right) => CompareLabels(table.Groups[left], table.Groups[right]));
        var answer = query.Query.Kind switch
        {
            QueryKind.Quantiles => Quantiles(groups),
            QueryKind.ChiSquare => ChiSquare(groups),
            QueryKind.Regression => Regression(groups),
            _ => Table([.. groups.Where(group => _shown[group])]),
        };
        var rules = _rules.Distinct().ToList();
        if (minCell > 1)
        {
            rules.AddRange(table.Own?.Notes ?? []);
            rules.Add(WithheldRule(minCell));
        }

        if (query.Weight is { } column)
        {
            rules.Add($"weighted by {column.Name}; records without a weight or with a weight of zero are left out; a count is the sum of weights, N in every formula is that sum");
        }

        return answer with { Rules = rules };
    }

    /// <summary>What stands behind every answer under a minimum cell size, whatever is withheld.</summary>
    public static string WithheldRule(int minCell) =>
        $"groups of fewer than {minCell} records are not shown, none and few alike; further groups are not shown where one of those could be calculated from them";

    /// <summary>Which groups are shown, and whether that is every group that can be.</summary>
    private void Decide()
    {
        if (minCell == 1 || table.IsComplete is not null)
        {
            _shown = Array.ConvertAll(_records, records => records > 0);
            _isComplete = minCell == 1 || table.IsComplete == true;
            return;
        }

        var own = table.Own ?? throw new InvalidOperationException("the asking party's own groups are not known");
        _others = table.OthersSelect || own.Groups.Sum(records => (long)records) > _records.Sum();
        _shown = new bool[_records.Length];
        foreach (var group in Enumerable.Range(0, _records.Length).GroupBy(table.OwnGroupOf))
        {
            var cells = group.ToArray();
            var shown = ReleaseRule.Show(Array.ConvertAll(cells, cell => _records[cell]), own.Groups[group.Key], _others, minCell);
            for (var i = 0; i < cells.Length; i++)
            {
                _shown[cells[i]] = shown[i];
            }
        }

        _isComplete = _shown.Length > 0 && Array.TrueForAll(_shown, cell => cell) && own.Aside == 0 && !(_others && OthersGroup);
    }

    /// <summary>Whether the other party's columns are grouped by: some of its groups may have been put aside.</summary>
    private bool OthersGroup => query.Groupings.Any(grouping => table.IsOthers(grouping.Column));

    private int CompareLabels(IReadOnlyList<string?> left, IReadOnlyList<string?> right)
    {
        for (var i = 0; i < query.Groupings.Count; i++)
        {
            if (query.Groupings[i].Compare(left[i], right[i]) is var order and not 0)
            {
                return order;
            }
        }

        return 0;
    }

    // ---- Tables ------------------------------------------------------------------------------------------------------------------------

    /// <summary>The answer to a query over no records at all: a table without rows.</summary>
    /// <exception cref="QueryException">The query asks for more than a table.</exception>
    public static Answer Empty(BoundQuery query) => query.Query.Kind == QueryKind.Table
        ? new Answer(Headings(query), [], 0, 0, new Dictionary<string, string>(), ["the two parties have no records in common"])
        : throw new QueryException(QueryException.NothingSelected, "the two parties have no records in common; there is nothing to ask about");

    private static List<AnswerColumn> Headings(BoundQuery query)
    {
        var columns = new List<AnswerColumn>(query.Groupings.Select(grouping => new AnswerColumn(grouping.Grouping.Column, AnswerRole.Label)));
        foreach (var (measure, names) in query.Measures)
        {
            var weightDecimals = query.Weight is { } weight ? query.Schema.TypeOf(weight).Decimals : 0;
            columns.Add(measure.Function switch
            {
                "count" => query.Weight is null ? new AnswerColumn("count", AnswerRole.Count) : new AnswerColumn("count", AnswerRole.Exact, weightDecimals),
                "sum" => new AnswerColumn(measure.Name, AnswerRole.Exact, query.Schema.TypeOf(names[0]).Decimals + weightDecimals),
                _ => new AnswerColumn(measure.Name, AnswerRole.Real),
            });
        }

        return columns;
    }

    private Answer Table(int[] groups)
    {
        var rows = new List<IReadOnlyList<AnswerCell>>();
        var listed = query.Query.HistogramColumn is not null && query.Groupings.Count == 1 ? WithEmptyBins(groups) : [.. groups.Select(group => (table.Groups[group], new[] { group }))];
        foreach (var (labels, members) in listed)
        {
            rows.Add([.. labels.Select(label => new AnswerCell(label)), .. members.Length == 0 && minCell > 1 ? query.Measures.Select(_ => AnswerCell.Withheld) : Measures(members)]);
        }

        // All records first: it is the number people ask for.
        var (released, total) = ReleasedTotals(query.Query.Totals && query.Groupings.Count > 0 ? Totals() : [(0, [.. Enumerable.Range(0, _records.Length)])]);
        if (query.Query.Totals && query.Groupings.Count > 0)
        {
            rows = WithTotals(rows, released);
        }

        if (!_isComplete)
        {
            rows.Add(WithheldLine(groups));
        }

        Describe(groups);
        var withheld = rows.Count(row => row.Any(cell => cell.IsWithheld));
        return new Answer(Headings(query), rows, total, withheld, new Dictionary<string, string>(), []);
    }

    /// <summary>
    /// The line that stands for every group that is not shown. How many records those have together it says only where everybody who holds the result can count them: no filter,
    /// no weight, and enough of them.
    /// </summary>
    private IReadOnlyList<AnswerCell> WithheldLine(int[] groups)
    {
        var together = query.Where.Count == 0 && query.Weight is null ? commonRecords - groups.Sum(group => _records[group]) : 0;
        return
        [
            .. query.Groupings.Select(_ => AnswerCell.WithheldGroups),
            .. query.Measures.Select(entry => entry.Measure.Function == "count" && together >= minCell && query.Groupings.Count > 0
                ? AnswerCell.Withheld with { Text = together.ToString(CultureInfo.InvariantCulture) } : AnswerCell.Withheld),
        ];
    }

    /// <summary>A histogram has its bins whether somebody is in them or not: they are the question's.</summary>
    private List<(IReadOnlyList<string?> Labels, int[] Members)> WithEmptyBins(int[] groups)
    {
        var found = groups.GroupBy(group => table.Groups[group][0] ?? "").ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
        var titles = query.Groupings[0].TitlesInOrder.ToArray();
        var all = titles.Where((title, i) => (i > 0 && i < titles.Length - 1) || found.ContainsKey(title))
            .Select(title => ((IReadOnlyList<string?>)[title], found.GetValueOrDefault(title, []))).ToList();
        if (found.TryGetValue("", out var missing))
        {
            all.Add(([null], missing));
        }

        return all;
    }

    /// <summary>Every total: which groupings it keeps, and the groups under it; that of all records first.</summary>
    private List<(int Kept, int[] Members)> Totals()
    {
        var count = query.Groupings.Count;
        // A cell that is not shown is under the totals, where the asking party has it.
        var all = Enumerable.Range(0, _records.Length).Where(group => minCell > 1 || _shown[group]).ToArray();
        return [.. Enumerable.Range(0, (1 << count) - 1).OrderBy(kept => int.PopCount(kept)).ThenBy(kept => kept).SelectMany(kept => kept == 0 ? [(kept, all)] : all
            .GroupBy(group => LabelKey.Of(Enumerable.Range(0, count).Where(i => (kept & (1 << i)) != 0).Select(i => table.Groups[group][i])), StringComparer.Ordinal)
            .Select(total => (kept, total.ToArray())))];
    }

    /// <summary>Cells of every total that has enough records, and the number of records that pass the filter; -1 where that is withheld.</summary>
    private (List<(int Kept, int[] Members, IEnumerable<AnswerCell> Cells)> Totals, long Records) ReleasedTotals(List<(int Kept, int[] Members)> totals)
    {
        var released = new List<(int, int[], IEnumerable<AnswerCell>)>();
        if (minCell == 1 || table.IsComplete is true)
        {
            released.AddRange(totals.Select(total => (total.Kept, total.Members, Measures(total.Members))));
            return (released, _records.Sum());
        }

        IEnumerable<AnswerCell> CountAlone(long records) => query.Measures.Select(entry => entry.Measure.Function == "count" && query.Weight is null ? new AnswerCell(records.ToString(CultureInfo.InvariantCulture)) : AnswerCell.Protected);
        if (table.IsComplete is not null)
        {
            // The linker's counts of what is not shown are not here: only the number of all common records is known.
            released.AddRange(totals.Where(total => total.Members.Sum(group => _records[group]) >= minCell || total.Kept == 0).Select(total =>
                (total.Kept, total.Members, total.Kept == 0 && query.Where.Count == 0 ? CountAlone(commonRecords) : query.Measures.Select(_ => AnswerCell.Protected))));
            return (released, query.Where.Count == 0 ? commonRecords : -1);
        }

        var own = table.Own!;
        var known = own.Groups.Sum(records => (long)records);
        var shown = ReleaseRule.ShowTotals(_records, _shown, [.. Enumerable.Range(0, _records.Length).Select(table.OwnGroupOf)], [.. own.Groups.Select(records => (long)records)], _others,
            [.. totals.Select(total => total.Members)], minCell);
        bool KeepsAll(int kept, bool others) => Enumerable.Range(0, query.Groupings.Count).All(i => (kept & (1 << i)) != 0 || table.IsOthers(query.Groupings[i].Column) != others);
        for (var t = 0; t < totals.Count; t++)
        {
            var (kept, members) = totals[t];

            // Which totals are listed follows from the cells shown: whether one stands there that may not be shown says nothing of what is hidden under it.
            if (kept != 0 && !Array.Exists(members, member => _shown[member]))
            {
                continue;
            }

            // A total must hold all that its name says: what was put aside, by either party, is in no cell.
            var (hasOwn, hasOthers) = (own.Aside == 0 || KeepsAll(kept, others: false), !(_others && OthersGroup) || KeepsAll(kept, others: true));
            if (kept == 0 && !table.OthersSelect)
            {
                // What was put aside belongs to all records too; the asking party knows how many those are.
                released.Add((kept, members, known + own.Aside > members.Sum(group => _records[group]) || !shown[t] ? CountAlone(known + own.Aside) : TotalMeasures(members)));
            }
            else if (hasOwn && !hasOthers && !table.OthersSelect && !Enumerable.Range(0, query.Groupings.Count).Any(i => (kept & (1 << i)) != 0 && table.IsOthers(query.Groupings[i].Column)))
            {
                released.Add((kept, members, CountAlone((long)OwnOf(members))));
            }
            else
            {
                released.Add((kept, members, hasOwn && hasOthers && shown[t] ? TotalMeasures(members) : query.Measures.Select(_ => AnswerCell.Protected)));
            }
        }

        var records = !table.OthersSelect ? known + own.Aside : !OthersGroup && own.Aside == 0 && shown is [true, ..] ? _records.Sum() : -1;
        return (released, records);
    }

    /// <summary>
    /// Measures of a total: one is shown where it is shown in every cell under the total, so that no difference of totals and cells is that of a cell that is not shown. For counts
    /// without weights the rule of totals has decided.
    /// </summary>
    private IEnumerable<AnswerCell> TotalMeasures(int[] members) => query.Measures.Select(entry => (entry.Measure.Function == "count" && query.Weight is null)
        || Array.TrueForAll(members, member => _shown[member] && IsShown(member, entry.Columns)) ? Compute(entry.Measure.Function, entry.Columns, members) : AnswerCell.Protected);

    /// <summary>Adds a total for every combination of groupings, behind the rows it belongs to.</summary>
    private List<IReadOnlyList<AnswerCell>> WithTotals(List<IReadOnlyList<AnswerCell>> rows, List<(int Kept, int[] Members, IEnumerable<AnswerCell> Cells)> totals)
    {
        var count = query.Groupings.Count;
        var all = rows.ToList();
        foreach (var (kept, members, cells) in totals.OrderByDescending(total => total.Kept))
        {
            all.Add([.. Enumerable.Range(0, count).Select(i => (kept & (1 << i)) != 0 ? new AnswerCell(table.Groups[members[0]][i]) : AnswerCell.Total), .. cells]);
        }

        var ordered = all.ToArray();
        Array.Sort(ordered, (left, right) =>
        {
            for (var i = 0; i < count; i++)
            {
                var order = left[i].IsTotal || right[i].IsTotal ? left[i].IsTotal.CompareTo(right[i].IsTotal) : query.Groupings[i].Compare(left[i].Text, right[i].Text);
                if (order != 0)
                {
                    return order;
                }
            }

            return 0;
        });
        return [.. ordered];
    }

    private IEnumerable<AnswerCell> Measures(int[] members) => query.Measures.Select(entry =>
        minCell > 1 && !Array.TrueForAll(members, member => IsShown(member, entry.Columns)) ? AnswerCell.Withheld : Compute(entry.Measure.Function, entry.Columns, members));

    /// <summary>
    /// Whether a measure is shown in a cell. Of its own columns the asking party knows how many records differ in each own group, as it knows how many there are: the same rule
    /// then holds for those as for the records.
    /// </summary>
    private bool IsShown(int cell, ColumnName[] columns) => HasEnough([cell], columns)
        && BoundQuery.Subsets([.. NumbersOf([cell], columns).Where(column => !table.IsOthers(column) && table.Own is not null)]).Skip(1).All(numbers => BasesOf([cell], numbers).All(atBase => IsShownOf(cell, columns, numbers, atBase)));

    /// <summary>The columns that a measure is about: a weight is one of them, also of a count.</summary>
    private ColumnName[] WithWeight(ColumnName[] columns) => query.Weight is { } weight && !columns.Contains(weight) ? [.. columns, weight] : columns;

    /// <summary>Those of them that can tell records apart: a weight that is the same in all records of the own groups is none.</summary>
    private ColumnName[] NumbersOf(IReadOnlyList<int> members, ColumnName[] columns) => [.. WithWeight(columns).Distinct().Where(column => !HasNone(members, column, isRest: false))];

    /// <summary>
    /// Which of some columns may be at their most frequent value while the others differ, choice by choice: of many values only those that differ say something, of two either does.
    /// </summary>
    private IEnumerable<ColumnName[]> BasesOf(IReadOnlyList<int> members, ColumnName[] numbers) => BoundQuery.Subsets([.. numbers.Where(column => table.IsTwoValued(column) && !HasNone(members, column, isRest: true))]);

    /// <summary>Number of records in which some columns are at their most frequent value and the others of <paramref name="numbers"/> differ from theirs, from the numbers of those that differ.</summary>
    private static BigInteger Joint(ColumnName[] numbers, ColumnName[] atBase, Func<ColumnName[], BigInteger> different) =>
        BoundQuery.Subsets(atBase).Aggregate(BigInteger.Zero, (sum, subset) => sum + ((subset.Length % 2 == 0 ? 1 : -1) * different([.. numbers.Except(atBase), .. subset])));

    /// <summary>Whether the column is an own weight that is the most frequent one, or none of it, in all records of the own groups: then it tells nobody from the others.</summary>
    private bool HasNone(IEnumerable<int> members, ColumnName column, bool isRest) => column == query.Weight && OwnSpread(column) is { } spread
        && members.Select(table.OwnGroupOf).Distinct().All(group => spread.Groups[group] is var own && (isRest ? own.Records - own.Different : own.Different) == 0);

    private bool IsShownOf(int cell, ColumnName[] columns, ColumnName[] numbers, ColumnName[] atBase)
    {
        var key = (query.RecordsDifferent(columns, numbers), LabelKey.Of(atBase.Select(column => column.Name)));
        if (!_ownColumns.TryGetValue(key, out var shown))
        {
            shown = new bool[_records.Length];
            foreach (var group in Enumerable.Range(0, _records.Length).GroupBy(table.OwnGroupOf))
            {
                var cells = group.ToArray();
                var counts = Array.ConvertAll(cells, member => (long)Joint(numbers, atBase, different => table.Sum(member, query.RecordsDifferent(columns, different))));
                var here = ReleaseRule.Show(counts, (long)Joint(numbers, atBase, different => table.OwnCount(group.Key, query.RecordsDifferent(columns, different))), _others, minCell);
                for (var i = 0; i < cells.Length; i++)
                {
                    shown[cells[i]] = here[i];
                }
            }

            _ownColumns.Add(key, shown);
        }

        return shown[cell];
    }

    private ColumnAnnouncement? OwnSpread(ColumnName column) => table.IsOthers(column) ? null : table.Own?.Columns.FirstOrDefault(own => own.Column == column.Name);

    /// <summary>
    /// Whether a measure over some groups is about enough records: that have values, that differ from the most frequent one, and of two values those at either; of columns that are
    /// multiplied, in all of them at once. A sum of zeros and ones is a count of the ones, a sum of products of such a count of those that have both.
    /// </summary>
    private bool HasEnough(int[] members, ColumnName[] columns)
    {
        var numbers = NumbersOf(members, columns);
        return Total(members, columns.Length == 0 ? query.Records : query.RecordsWith(columns)) >= minCell
            && BasesOf(members, numbers).All(atBase => Joint(numbers, atBase, different => Total(members, query.RecordsDifferent(columns, different))) >= minCell);
    }

    private BigInteger Total(int[] members, Moment moment) => members.Aggregate(BigInteger.Zero, (sum, member) => sum + table.Sum(member, moment));

    private AnswerCell Compute(string function, ColumnName[] columns, int[] members)
    {
        int DecimalsOf(Moment moment) => moment.Decimals(query.Schema);
        if (function == "count")
        {
            return new AnswerCell(FixedPoint.Write(Total(members, query.Sum([])), DecimalsOf(query.Sum([]))));
        }

        var records = Total(members, query.RecordsWith(columns));
        if (function == "sum")
        {
            return records.IsZero ? AnswerCell.None : new AnswerCell(FixedPoint.Write(Total(members, query.Sum(columns)), DecimalsOf(query.Sum(columns))));
        }

        // With units: W of the weights, X and Y of the values; the powers of ten that stay are those of the values.
        var weight = Total(members, query.Sum([], columns));
        var one = ExactRatio.PowerOfTen(DecimalsOf(query.Sum([])));
        var scale = ExactRatio.PowerOfTen(columns.Sum(column => query.Schema.TypeOf(column).Decimals));
        if (function == "mean")
        {
            return AnswerCell.Real(ExactRatio.ToDouble(Total(members, query.Sum(columns)), weight * scale));
        }

        if (records < 2 || weight <= one)
        {
            return AnswerCell.None;
        }

        var x = columns[0];
        var y = columns.Length > 1 ? columns[1] : x;
        BigInteger Comoment(ColumnName a, ColumnName b) => (weight * Total(members, query.Sum([a, b], columns))) - (Total(members, query.Sum([a], columns)) * Total(members, query.Sum([b], columns)));
        var product = Comoment(x, y);
        if (function == "corr")
        {
            var squares = Comoment(x, x) * Comoment(y, y);
            return squares.IsZero ? AnswerCell.None : AnswerCell.Real(product.Sign * Math.Sqrt(ExactRatio.ToDouble(product * product, squares)));
        }

        var variance = ExactRatio.ToDouble(product, weight * (weight - one) * (columns.Length > 1 ? scale : scale * scale));
        return AnswerCell.Real(function == "sd" ? Math.Sqrt(variance) : variance);
    }

    private void Describe(int[] groups)
    {
        foreach (var (measure, columns) in query.Measures.Where(entry => entry.Columns.Length > 0).DistinctBy(entry => LabelKey.Of(entry.Columns.Select(column => column.ToString()))))
        {
            DescribeMissing(string.Join(" or ", columns.Select(column => column.Name)), groups, query.RecordsWith(columns));
        }

        foreach (var function in query.Measures.Select(entry => entry.Measure.Function).Distinct())
        {
            _rules.Add(function switch
            {
                "count" => "count: exact",
                "sum" => "sum: exact, in fixed point",
                "mean" => "mean: Σx / N, both exact, rounded once to a double",
                "var" => "var: (N·Σx² − (Σx)²) / (N·(N − 1)), exact, rounded once to a double",
                "sd" => "sd: square root of the variance as a double",
                "cov" => "cov: (N·Σxy − Σx·Σy) / (N·(N − 1)) over records that have both, exact, rounded once to a double",
                _ => "corr: Pearson's r over records that have both, from exact sums; its square is rounded once, then the root",
            });
        }

        if (query.Groupings.Count > 0)
        {
            _rules.Add("a missing value is a group of its own");
        }
    }

    private void DescribeMissing(string names, int[] groups, Moment valid) => DescribeMissing($"{names}: ", Total(groups, query.Records) - Total(groups, valid), "without a value");

    /// <summary>How many records were left out; none and few alike under a minimum cell size.</summary>
    private void DescribeMissing(string names, BigInteger missing, string without) =>
        _rules.Add(minCell > 1 && missing < minCell ? $"{names}none or fewer than {minCell} records {without} are left out" : $"{names}{Times(missing)} {without} left out");

    /// <summary>
    /// How many common records a statistic leaves out that says its own n: both numbers are there to be subtracted anyway. What can be the reason depends on the question alone.
    /// </summary>
    private string LeftOut(BigInteger records, params string[] reasons)
    {
        string[] all = [.. query.Where.Count > 0 ? ["not passing the filter"] : Array.Empty<string>(), .. query.Weight is null ? Array.Empty<string>() : ["without a weight"], .. reasons];
        return $"{records:N0} of the {commonRecords:N0} common records are left out: {string.Join(", ", all.SkipLast(1))}{(all.Length > 1 ? " or " : "")}{all[^1]}";
    }

    private static string Times(BigInteger count) => count == 1 ? "1 record" : $"{count:N0} records";

    /// <summary>
    /// Whether a statistic about these records may be shown beside what the asking party knows of its own: enough of them, and as many or none left out by the other party.
    /// </summary>
    private bool IsAboutEnough(BigInteger records, BigInteger own) =>
        minCell == 1 || (records >= minCell && (own - records >= minCell || (own == records && !table.OthersSelect)));

    /// <summary>Common records on the asking party's side; with a minimum of 1 those that are counted.</summary>
    private BigInteger OwnOf(IEnumerable<int> groups) => table.Own is { } own ? groups.Select(table.OwnGroupOf).Distinct().Sum(group => (long)own.Groups[group]) : groups.Sum(group => _records[group]);

    // ---- Quantiles ---------------------------------------------------------------------------------------------------------------------

    private Answer Quantiles(int[] groups)
    {
        var bins = query.Query.Bins!;
        var categories = query.Groupings[^1].Grouping.Categories!;
        var one = ExactRatio.PowerOfTen(query.Sum([]).Decimals(query.Schema));
        AnswerColumn[] columns =
        [
            .. query.Groupings.SkipLast(1).Select(grouping => new AnswerColumn(grouping.Grouping.Column, AnswerRole.Label)),
            .. query.Query.Probabilities.Select(p => new AnswerColumn($"quantile({query.Query.QuantileColumn}, {QueryText.Number(p)})", AnswerRole.Real)),
            new AnswerColumn("n", AnswerRole.Count),
        ];
        var rows = new List<IReadOnlyList<AnswerCell>>();
        var parts = groups.GroupBy(group => LabelKey.Of(table.Groups[group].SkipLast(1)), StringComparer.Ordinal).Select(part => part.ToArray()).ToArray();
        var anyWithheld = parts.Length == 0 || table.Own is { Aside: > 0 } || (_others && query.Groupings.SkipLast(1).Any(grouping => table.IsOthers(grouping.Column)));
        var shown = new List<int>();
        foreach (var (part, isShown, isWeightShown) in parts.Zip(ShowParts(parts), ShowWeights(parts)))
        {
            var labels = table.Groups[part[0]].SkipLast(1).Select(label => new AnswerCell(label));
            var known = part.Where(group => table.Groups[group][^1] is not null).ToArray();
            var (records, missing) = (Total(known, query.Records), Total([.. part.Except(known)], query.Records));
            if (minCell > 1 && (!isShown || records < minCell))
            {
                anyWithheld = true;
                continue;
            }

            shown.AddRange(part);
            if (records == 0)
            {
                rows.Add([.. labels, .. query.Query.Probabilities.Select(_ => AnswerCell.None), new AnswerCell("0")]);
                continue;
            }

            var merged = isWeightShown ? Merge([.. categories.Select(category => (category.From, category.To, known.Where(group => table.Groups[group][^1] == category.Title).ToArray()))], parts.Count(other => table.OwnGroupOf(other[0]) == table.OwnGroupOf(part[0])) == 1) : [];
            var weights = Array.ConvertAll(merged, bin => Total(bin.Members, query.Sum([])));
            rows.Add([.. labels, .. query.Query.Probabilities.Select(p => merged.Length == 0 ? AnswerCell.Withheld : AnswerCell.Real(Quantile(p, merged, weights))), new AnswerCell((minCell > 1 && missing < minCell ? records + missing : records).ToString(CultureInfo.InvariantCulture))]);
        }

        if (anyWithheld && minCell > 1)
        {
            rows.Add([.. query.Groupings.SkipLast(1).Select(_ => AnswerCell.WithheldGroups), .. query.Query.Probabilities.Select(_ => AnswerCell.Withheld), AnswerCell.Withheld]);
        }

        _rules.Add($"quantiles from exact counts in bins of {QueryText.Number(bins.Step)}, straight lines within a bin: off by less than {(minCell > 1 ? "a merged bin" : "one bin")}; empty where the quantile lies outside {QueryText.Number(bins.From)} to {QueryText.Number(bins.To)}{(minCell > 1 ? $", or in a bin put together with {minCell} records or more from there" : "")}");
        if (minCell > 1)
        {
            _rules.Add($"bins of fewer than {minCell} records are put together with their neighbours, also fewer outside {QueryText.Number(bins.From)} to {QueryText.Number(bins.To)} with the outermost; n counts records without a value too where they are none or fewer than {minCell}");
        }

        DescribeMissing($"{query.Query.QuantileColumn}: ", Total([.. shown.Where(group => table.Groups[group][^1] is null)], query.Records), "without a value");
        var all = minCell == 1 ? _records.Sum() : !table.OthersSelect && table.Own is { } mine ? mine.Groups.Sum(count => (long)count) + mine.Aside : -1;
        return new Answer(columns, rows, all, rows.Count(row => row.Any(cell => cell.IsWithheld)), new Dictionary<string, string>(), []);
    }

    /// <summary>Which parts are shown that a table of quantiles has: the rule for cells, with a part's bins together.</summary>
    private bool[] ShowParts(int[][] parts)
    {
        return ShowParts(parts, part => (long)Total(part, query.Records), group => table.Own!.Groups[group]);
    }

    /// <summary>The same rule for the records whose own weight differs from the most frequent one and, of two weights, for the others.</summary>
    private bool[] ShowWeights(int[][] parts)
    {
        if (minCell == 1 || query.Weight is not { } weight || OwnSpread(weight) is not { } spread)
        {
            return Array.ConvertAll(parts, _ => true);
        }

        long Different(int[] part) => (long)Total(part, query.RecordsDifferent([], weight));
        var different = ShowParts(parts, Different, group => spread.Groups[group].Different);
        var rest = ShowParts(parts, part => (long)Total(part, query.Records) - Different(part), group => spread.Groups[group].Records - spread.Groups[group].Different);
        return [.. parts.Select((part, i) => (different[i] || HasNone(part, weight, isRest: false)) && (!table.IsTwoValued(weight) || rest[i] || HasNone(part, weight, isRest: true)))];
    }

    private bool[] ShowParts(int[][] parts, Func<int[], long> countOf, Func<int, long> ownOf)
    {
        var shown = Array.ConvertAll(parts, _ => true);
        foreach (var own in Enumerable.Range(0, minCell == 1 ? 0 : parts.Length).GroupBy(part => table.OwnGroupOf(parts[part][0])))
        {
            var places = own.ToArray();
            var cells = ReleaseRule.Show([.. places.Select(part => countOf(parts[part]))], ownOf(own.Key), _others, minCell);
            for (var i = 0; i < places.Length; i++)
            {
                shown[places[i]] = cells[i];
            }
        }

        return shown;
    }

    /// <summary>
    /// Bins put together with their neighbours until each says something about enough records: two quantiles in different bins give the number between them. From below; what is
    /// left over goes to the last. Few records outside the outermost bins are in them then; where they are not few, the bin that holds them has no end on that side. None where
    /// all bins together are not enough.
    /// </summary>
    /// <param name="bins">Bounds and members, in order.</param>
    /// <param name="isOnly">Whether the part is the only one of its own group.</param>
    private (decimal? From, decimal? To, int[] Members)[] Merge((decimal? From, decimal? To, int[] Members)[] bins, bool isOnly)
    {
        if (minCell == 1)
        {
            return bins;
        }

        // A bin of few, or of none, without an end has none of its own: it ends where its neighbour begins.
        var bounds = bins.Select(bin => HasFew(bin.Members) ? (From: bin.From ?? bin.To, To: bin.To ?? bin.From, bin.Members) : bin).ToArray();
        static (decimal? From, decimal? To, int[] Members) Join((decimal? From, decimal? To, int[] Members) left, (decimal? From, decimal? To, int[] Members) right) =>
            (left.From, right.To, [.. left.Members, .. right.Members]);
        bool IsEnough(int[] members) => HasEnough(members, []) && LeavesEnoughOfBins(members, isOnly);
        var merged = new List<(decimal? From, decimal? To, int[] Members)>();
        (decimal? From, decimal? To, int[] Members)? open = null;
        foreach (var bin in bounds)
        {
            if (open is { } few && bin.To is null && merged.Count > 0 && IsEnough(bin.Members))
            {
                // Those above have a bin of their own: what is left over would lose its end with them.
                (merged[^1], open) = (Join(merged[^1], few), null);
            }

            open = open is { } left ? Join(left, bin) : bin;
            if (IsEnough(open.Value.Members))
            {
                merged.Add(open.Value);
                open = null;
            }
        }

        if (open is { } over && merged.Count > 0)
        {
            merged[^1] = Join(merged[^1], over);
        }

        return [.. merged];
    }

    /// <summary>Whether a bin has none or few records. Of own bins the asking party's own records count, which tell nothing of the other's.</summary>
    private bool HasFew(int[] members) => (members.Length > 0 && table.OwnBinOf(members[0]) is not null ? members.Sum(member => (long)table.OwnBinOf(member)!.Records) : Total(members, query.Records)) < minCell;

    /// <summary>Of own bins the asking party knows how many records they have: enough of them are elsewhere, or none because there is nowhere else to be.</summary>
    private bool LeavesEnoughOfBins(int[] members, bool isOnly)
    {
        if (members.Length == 0 || table.OwnBinOf(members[0]) is null)
        {
            return true;
        }

        bool IsEnough(BigInteger left) => left >= minCell || (left == 0 && !_others && isOnly);
        var own = Array.ConvertAll(members, member => table.OwnBinOf(member)!);
        var (records, different) = (own.Sum(bin => (long)bin.Records), own.Sum(bin => (long)bin.Different));
        if (!IsEnough(records - Total(members, query.Records)) || query.Weight is not { } weight || OwnSpread(weight) is null)
        {
            return IsEnough(records - Total(members, query.Records));
        }

        var here = Total(members, query.RecordsDifferent([], weight));
        return (different == 0 || IsEnough(different - here)) && (!table.IsTwoValued(weight) || records == different || IsEnough(records - different - (Total(members, query.Records) - here)));
    }

    /// <summary>Where a quantile is in its bin; null in an open bin and where there is no record.</summary>
    private static double? Quantile(decimal probability, (decimal? From, decimal? To, int[] Members)[] bins, BigInteger[] weights)
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
                return bins[i] is { From: { } from, To: { } to } ? (double)from + (ExactRatio.ToDouble(target - (below * scale), weights[i] * scale) * (double)(to - from)) : null;
            }

            below += weights[i];
        }

        return null;
    }

    // ---- Independence ------------------------------------------------------------------------------------------------------------------

    private Answer ChiSquare(int[] groups)
    {
        if (!_isComplete && table.IsComplete is not null)
        {
            throw new QueryException(QueryException.EngineCannot, "the engine tokens cannot test independence here, because the linker keeps small groups back and it cannot be known that none is missing; take a session with --engine masked, or coarser classes");
        }

        var known = groups.Where(group => table.Groups[group].All(label => label is not null)).ToArray();
        var counts = known.Select(group => (Row: table.Groups[group][0]!, Column: table.Groups[group][1]!, Count: table.Sum(group, query.Records))).ToArray();
        var rows = counts.GroupBy(cell => cell.Row).ToDictionary(group => group.Key, group => group.Aggregate(BigInteger.Zero, (sum, cell) => sum + cell.Count), StringComparer.Ordinal);
        var columns = counts.GroupBy(cell => cell.Column).ToDictionary(group => group.Key, group => group.Aggregate(BigInteger.Zero, (sum, cell) => sum + cell.Count), StringComparer.Ordinal);
        var n = rows.Values.Aggregate(BigInteger.Zero, (sum, count) => sum + count);
        var name = $"chisq({string.Join(", ", query.Groupings.Select(grouping => grouping.Grouping.Column))})";

        // None and few alike: also a cell that does not occur, and records that are left out. Own records without a label are none of them: the asking party knows how many it has.
        var own = OwnOf(groups.Where(group => !Enumerable.Range(0, query.Groupings.Count).Any(i => table.Groups[group][i] is null && !table.IsOthers(query.Groupings[i].Column))));
        if (minCell > 1 && (counts.Length < rows.Count * columns.Count || counts.Length == 0 || counts.Any(cell => cell.Count < minCell) || !(table.IsComplete == true ? IsLeftOutEnough(commonRecords - n) : IsAboutEnough(n, own))))
        {
            throw new QueryException(QueryException.BelowMinimum, $"{name} is withheld: a cell of its table, or what is left out of it, has fewer than {minCell} records, none and few alike, and the statistic could give it away; take coarser classes");
        }

        if (rows.Count < 2 || columns.Count < 2)
        {
            throw new QueryException(QueryException.NothingSelected, $"{name} needs two or more values on each side; among the records that count {query.Groupings[rows.Count < 2 ? 0 : 1].Grouping.Column} has one");
        }

        // χ² = N·(Σ O²/(R·C) − 1): every term from integers.
        var sum = counts.Sum(cell => ExactRatio.ToDouble(cell.Count * cell.Count, rows[cell.Row] * columns[cell.Column]));
        var statistic = Math.Max(0, (double)n * (sum - 1));
        var freedom = (rows.Count - 1) * (columns.Count - 1);
        var v = Math.Sqrt(statistic / ((double)n * (Math.Min(rows.Count, columns.Count) - 1)));
        var low = rows.Values.Sum(row => columns.Values.Count(column => row * column < 5 * n));
        if (minCell == 1)
        {
            DescribeMissing($"{string.Join(" or ", query.Groupings.Select(grouping => grouping.Grouping.Column))}: ", Total(groups, query.Records) - n, "without a value");
        }
        else
        {
            _rules.Add(LeftOut(commonRecords - n, $"without a value in {string.Join(" or ", query.Groupings.Select(grouping => grouping.Grouping.Column))}", $"in a group of fewer than {minCell}"));
        }

        _rules.Add("chi-square: N·(Σ O²/(R·C) − 1) of exact counts, terms and sum as doubles; p from the chi-square distribution; no continuity correction");
        if (low > 0)
        {
            _rules.Add($"{low:N0} of {rows.Count * columns.Count:N0} expected counts are below 5: take the p-value with care");
        }

        return new Answer(
            [new AnswerColumn("chi-square", AnswerRole.Real), new AnswerColumn("df", AnswerRole.Count), new AnswerColumn("p-value", AnswerRole.Real), new AnswerColumn("Cramér's V", AnswerRole.Real), new AnswerColumn("n", AnswerRole.Count)],
            [[AnswerCell.Real(statistic), new AnswerCell(freedom.ToString(CultureInfo.InvariantCulture)), AnswerCell.Real(UpperTail(freedom, statistic)), AnswerCell.Real(v), new AnswerCell(n.ToString(CultureInfo.InvariantCulture))]],
            minCell == 1 ? _records.Sum() : (long)n, 0, new Dictionary<string, string>(), []);
    }

    /// <summary>P(χ² ≥ x), without the loss of 1 − CDF in the tail.</summary>
    private static double UpperTail(int freedom, double x) => x <= 0 ? 1 : MathNet.Numerics.SpecialFunctions.GammaUpperRegularized(freedom / 2.0, x / 2.0);

    private bool IsLeftOutEnough(BigInteger leftOut) => leftOut == 0 || leftOut >= minCell;

    // ---- Regression --------------------------------------------------------------------------------------------------------------------

    private Answer Regression(int[] groups)
    {
        var design = query.Design(term => table.Levels(term).Count);
        string NameOf(int i) => design[i] switch
        {
            { Term: null } => "(intercept)",
            { Term: var term, Level: { } level } => $"{term!.Grouping!.Grouping.Column}[{table.Levels(term)[level]}]",
            { Term: var term } => term!.Column.Name,
        };
        int DecimalsOf(DesignColumn? column) => column is null ? query.Schema.TypeOf(query.Outcome!).Decimals : column.Term is { Grouping: null } term ? query.Schema.TypeOf(term.Column).Decimals : 0;

        // No group: the other party's filter leaves none, or few.
        var group = groups.Length == 0 ? -1 : groups[0];
        BigInteger Sum(DesignColumn? left, DesignColumn? right) => table.Sum(group, query.Product(left, right));
        var n = group < 0 ? 0 : (long)table.Sum(group, query.CompleteRecords);
        var size = design.Count;
        var own = minCell == 1 ? n : (long)OwnOf(groups);

        // Too few for the minimum or for the coefficients is one text, and none and few left out give the same.
        if (group < 0 || (minCell > 1 && (n < minCell || (table.OthersSelect && own - n < minCell) || (own - n < minCell ? own - minCell + 1 : n) <= size)))
        {
            throw new QueryException(QueryException.BelowMinimum, $"the regression, or what is left out of it, would be about fewer than {minCell} records, or about too few for its coefficients, none and few alike, and is withheld");
        }

        if (n <= size)
        {
            throw new QueryException(QueryException.NothingSelected, $"the regression has {size} coefficients and only {n:N0} complete records");
        }

        for (var i = 0; minCell > 1 && i < size; i++)
        {
            if (design[i].Level is { } level && table.Sum(group, query.RecordsAt(design[i])) is var at && (at < minCell || LeavesFew(design[i].Term!, level, at)))
            {
                throw new QueryException(QueryException.BelowMinimum, $"{NameOf(i)} has, or leaves out, fewer than {minCell} records, none and few alike; put its class together with another");
            }
        }

        foreach (var term in query.Terms.Where(term => minCell > 1 && term.Grouping is not null && table.Levels(term).Count > 0))
        {
            var reference = n - (long)design.Where(column => column.Term == term).Aggregate(BigInteger.Zero, (sum, column) => sum + table.Sum(group, query.RecordsAt(column)));
            if (reference < minCell || LeavesFew(term, 0, reference))
            {
                throw new QueryException(QueryException.BelowMinimum, $"{term.Column.Name}[{table.Levels(term)[0]}] has, or leaves out, fewer than {minCell} records, none and few alike; put its class together with another");
            }
        }

        foreach (var column in minCell > 1 ? WithWeight([.. query.RegressionNumbers]) : [])
        {
            // Of its own columns the asking party knows how many differ: none of few of them may be left out by the other party.
            var different = table.Sum(group, query.RecordsDifferent(query.RegressionColumns, column));
            bool IsFew(BigInteger here, Func<ColumnSpread, int> ownOf) => here < minCell || (table.OthersSelect && OwnSpread(column) is { } mine && ownOf(mine.Groups[0]) - here < minCell);
            if ((!HasNone([group], column, isRest: false) && IsFew(different, own => own.Different))
                || (table.IsTwoValued(column) && !HasNone([group], column, isRest: true) && IsFew(n - different, own => own.Records - own.Different)))
            {
                throw new QueryException(QueryException.BelowMinimum, $"{column.Name} has one value in all but fewer than {minCell} of the records the regression is about, or of those it leaves out, none and few alike; leave it out");
            }
        }

        if (minCell > 1 && FewTogether(group, own) is { } few)
        {
            throw new QueryException(QueryException.BelowMinimum, $"{few} have, or leave out, fewer than {minCell} records together at one of their classes or values, none and few alike; take coarser classes or leave one out");
        }

        var gram = new BigInteger[size, size];
        var right = new BigInteger[size];
        for (var i = 0; i < size; i++)
        {
            right[i] = Sum(design[i], null);
            for (var j = 0; j < size; j++)
            {
                gram[i, j] = Sum(design[i], design[j]);
            }
        }

        var solution = LeastSquares.Solve(gram, right, NameOf);
        var (determinant, outcomeDecimals, squares) = (solution.Determinant, DecimalsOf(null), Sum(null, null));
        var explained = Enumerable.Range(0, size).Aggregate(BigInteger.Zero, (sum, i) => sum + (solution.Coefficient(i) * right[i]));

        // Residual sum of squares over the determinant, in units of the outcome squared.
        var residual = (squares * determinant) - explained;
        var freedom = n - size;

        // None and few left out look alike: n is then that of the asking party's own side.
        var (shownN, shownFreedom) = minCell > 1 && own - n < minCell ? (own, own - size) : (n, freedom);
        var student = new StudentT(0, 1, shownFreedom);
        var quantile = student.InverseCumulativeDistribution(0.975);
        var rows = new List<IReadOnlyList<AnswerCell>>();
        for (var i = 0; i < size; i++)
        {
            var shift = DecimalsOf(design[i]) - outcomeDecimals;
            var (up, down) = (ExactRatio.PowerOfTen(Math.Max(0, shift)), ExactRatio.PowerOfTen(Math.Max(0, -shift)));
            var estimate = ExactRatio.ToDouble(solution.Coefficient(i) * up, determinant * down);
            var error = Math.Sqrt(ExactRatio.ToDouble(residual * solution.Inverse(i) * up * up, determinant * determinant * freedom * down * down));
            var t = error > 0 ? estimate / error : (double?)null;
            rows.Add(
            [
                new AnswerCell(NameOf(i)), AnswerCell.Real(estimate), AnswerCell.Real(error), AnswerCell.Real(t), AnswerCell.Real(t is { } value ? TwoSided(shownFreedom, value) : null),
                AnswerCell.Real(estimate - (quantile * error)), AnswerCell.Real(estimate + (quantile * error)),
            ]);
        }

        var (weight, total) = (Sum(design[0], design[0]), Sum(design[0], null));
        var spread = (squares * weight) - (total * total);
        var determination = 1 - ExactRatio.ToDouble(residual * weight, spread * determinant);
        var facts = new Dictionary<string, string>
        {
            ["n"] = shownN.ToString(CultureInfo.InvariantCulture),
            ["degrees of freedom"] = shownFreedom.ToString(CultureInfo.InvariantCulture),
            ["residual standard error"] = AnswerCell.Real(Math.Sqrt(ExactRatio.ToDouble(residual, determinant * freedom * ExactRatio.PowerOfTen((2 * outcomeDecimals) + query.Sum([]).Decimals(query.Schema))))).Text ?? "",
            ["R²"] = spread.IsZero ? "" : AnswerCell.Real(determination).Text ?? "",
            ["adjusted R²"] = spread.IsZero ? "" : AnswerCell.Real(1 - ((1 - determination) * (shownN - 1) / shownFreedom)).Text ?? "",
        };
        foreach (var term in query.Terms.Where(term => term.Grouping is not null && table.Levels(term).Count > 0))
        {
            _rules.Add($"{term.Column.Name}: the reference is {table.Levels(term)[0]}");
        }

        if (minCell > 1 && query.Terms.Any(term => term.Grouping is not null))
        {
            _rules.Add($"classes of fewer than {minCell} records are counted with the reference, if there are any");
        }

        if (minCell == 1)
        {
            DescribeMissing("", (long)table.Sum(group, query.Records) - n, "without all values");
        }
        else
        {
            _rules.Add(LeftOut(commonRecords - shownN, "without one of the values"));
        }

        if (minCell > 1 && own - n < minCell)
        {
            _rules.Add($"none or fewer than {minCell} more lack a value of the other party's and are left out too; n, the degrees of freedom, p-values, intervals and adjusted R² are as if none was, estimates and standard errors of those that count");
        }

        _rules.Add("the normal equations are exact integers and are solved exactly; coefficients are rounded once to doubles, standard errors are the root of an exact quotient; t and the 95% interval from Student's distribution");
        return new Answer(
            [
                new AnswerColumn("term", AnswerRole.Label), new AnswerColumn("estimate", AnswerRole.Real), new AnswerColumn("std error", AnswerRole.Real), new AnswerColumn("t", AnswerRole.Real),
                new AnswerColumn("p-value", AnswerRole.Real), new AnswerColumn("low 95%", AnswerRole.Real), new AnswerColumn("high 95%", AnswerRole.Real),
            ],
            rows, shownN, 0, facts, []);
    }

    /// <summary>Whether the other party's filter leaves out so few records of one of the own classes that it would show.</summary>
    private bool LeavesFew(BoundTerm term, int level, BigInteger records)
    {
        if (!table.OthersSelect || table.IsOthers(term.Column))
        {
            return false;
        }

        var index = query.Terms.Where(candidate => candidate.Grouping is not null && !table.IsOthers(candidate.Column)).ToList().IndexOf(term);
        return table.Own!.Levels[index][level] - records < minCell;
    }

    /// <summary>
    /// Two terms of a regression, or a term and the outcome, that have too few records together, also with the weight: the normal equations have sums of their products, so the
    /// coefficients of classes are means of the outcome in each, those of a mark of ten people how many of the ten have another. Null where there are none.
    /// </summary>
    private string? FewTogether(int group, long records)
    {
        BigInteger At(IReadOnlyList<(BoundTerm Term, int Level)> levels, ColumnName[] different, Func<Moment, BigInteger> sum)
        {
            // What is at no other level is at the reference.
            if (levels.FirstOrDefault(entry => entry.Level == 0).Term is not { } term)
            {
                return sum(query.RecordsAt(levels.Select(entry => (entry.Term.Column, entry.Level)), different));
            }

            var rest = levels.Where(entry => entry.Term != term).ToArray();
            return Enumerable.Range(1, table.Levels(term).Count - 1).Aggregate(At(rest, different, sum), (left, level) => left - At([.. rest, (term, level)], different, sum));
        }

        bool IsFew((BoundTerm Term, int Level)[] levels, ColumnName[] numbers, ColumnName[] atBase)
        {
            var (ownLevels, ownNumbers) = (Array.FindAll(levels, entry => !table.IsOthers(entry.Term.Column)), Array.FindAll(numbers, column => !table.IsOthers(column)));
            var mine = ownLevels.Length + ownNumbers.Length == 0 ? records
                : Joint(ownNumbers, Array.FindAll(atBase, column => !table.IsOthers(column)), different => At(ownLevels, different, moment => table.OwnCount(0, moment)));
            var here = Joint(numbers, atBase, different => At(levels, different, moment => table.Sum(group, moment)));

            // Where the asking party has nobody itself, nothing follows; of its own it knows how many there are before the other party's filter.
            return mine > 0 && (here < minCell || (table.OthersSelect && ownLevels.Length + ownNumbers.Length == levels.Length + numbers.Length && mine - here < minCell));
        }

        var factors = query.Terms.SelectMany(term => term.Grouping is null ? [(Term: term, Level: -1, Number: term.Column)] : Enumerable.Range(0, table.Levels(term).Count).Select(level => (Term: term, Level: level, Number: (ColumnName?)null)))
            .Select(factor => (Term: (BoundTerm?)factor.Term, factor.Level, factor.Number)).Append((null, -1, query.Outcome)).ToArray();
        string NameOf((BoundTerm? Term, int Level, ColumnName? Number) factor) => factor.Number?.Name ?? $"C({factor.Term!.Column.Name})";
        for (var i = 0; i < factors.Length; i++)
        {
            // From the factor itself, which is multiplied with the weight alone.
            for (var j = i; j < factors.Length; j++)
            {
                var (left, right) = (factors[i], factors[j]);
                if (j > i && left.Term == right.Term && left.Level >= 0)
                {
                    continue;
                }

                (BoundTerm? Term, int Level, ColumnName? Number)[] pair = i == j ? [left] : [left, right];
                var levels = pair.Where(factor => factor.Level >= 0).Select(factor => (factor.Term!, factor.Level)).ToArray();
                var numbers = NumbersOf([group], [.. pair.Select(factor => factor.Number).OfType<ColumnName>()]);
                if (levels.Length + numbers.Length > 1 && BasesOf([group], numbers).Any(atBase => IsFew(levels, numbers, atBase)))
                {
                    return string.Join(" and ", pair.Select(NameOf).Concat(numbers.Where(column => column == query.Weight).Select(column => column.Name)).Distinct());
                }
            }
        }

        return null;
    }

    /// <summary>P(|T| ≥ |t|), by the incomplete beta function so that small ones keep their digits.</summary>
    private static double TwoSided(long freedom, double t) => MathNet.Numerics.SpecialFunctions.BetaRegularized(freedom / 2.0, 0.5, freedom / (freedom + (t * t)));
}
