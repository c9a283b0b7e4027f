using System.Globalization;
using System.Numerics;
using MathNet.Numerics.Distributions;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Analytics.Statistics;

/// <summary>
/// From exact sums to an answer: groups and totals, measures, quantiles, the test of independence, the regression. A group of fewer records than the minimum
/// cell size shows its labels and nothing else; so does a total that such a group goes into, since subtraction would give it away.
/// </summary>
/// <param name="query">The query.</param>
/// <param name="table">The sums.</param>
/// <param name="minCell">Fewest records anything is said about, 1 or more.</param>
/// <param name="commonRecords">Common records in all.</param>
public sealed class AnswerBuilder(BoundQuery query, IMomentTable table, int minCell, int commonRecords)
{
    private readonly List<string> _rules = [];

    /// <summary>Builds the answer.</summary>
    /// <exception cref="QueryException">No record passes the filter; a regression without a unique solution or with too few records.</exception>
    public Answer Build()
    {
        var groups = Enumerable.Range(0, table.Groups.Count).Where(group => table.IsWithheld(group) || table.Sum(group, query.Records) > 0).ToArray();
        if (groups.Length == 0)
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
            QueryKind.Regression => Regression(groups[0]),
            _ => Table(groups),
        };
        var rules = _rules.Distinct().ToList();
        if (minCell > 1)
        {
            rules.Add($"numbers about fewer than {minCell} records are withheld, and totals they go into");
        }

        if (query.Weight is { } column)
        {
            rules.Add($"weighted by {column.Name}; records without a weight are left out; a count is the sum of weights, N in every formula is that sum");
        }

        // How many records a filter leaves is itself a number about them.
        return answer with { Rules = rules, Records = answer.Records < minCell ? -1 : answer.Records };
    }

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
            rows.Add([.. labels.Select(label => new AnswerCell(label)), .. Measures(members)]);
        }

        var totals = query.Query.Totals && query.Groupings.Count > 0;
        if (totals)
        {
            rows = WithTotals(rows, groups);
        }

        Describe(groups);
        var withheld = rows.Count(row => row.Any(cell => cell.IsWithheld));
        return new Answer(Headings(query), rows, Records(groups), withheld, new Dictionary<string, string>(), []);
    }

    /// <summary>A histogram has its bins whether somebody is in them or not.</summary>
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

    /// <summary>Adds a total for every combination of groupings, behind the rows it belongs to.</summary>
    private List<IReadOnlyList<AnswerCell>> WithTotals(List<IReadOnlyList<AnswerCell>> rows, int[] groups)
    {
        var count = query.Groupings.Count;
        if (count > 4)
        {
            throw new QueryException(QueryException.BadQuery, $"totals are given for up to 4 groupings, not for {count}");
        }

        var all = rows.ToList();
        for (var kept = (1 << count) - 2; kept >= 0; kept--)
        {
            var totals = groups.GroupBy(group => string.Join('\u0001', Enumerable.Range(0, count).Where(i => (kept & (1 << i)) != 0).Select(i => table.Groups[group][i] is { } label ? "1" + label : "0")));
            foreach (var total in totals)
            {
                var labels = table.Groups[total.First()];
                all.Add([.. Enumerable.Range(0, count).Select(i => (kept & (1 << i)) != 0 ? new AnswerCell(labels[i]) : AnswerCell.Total), .. Measures([.. total])]);
            }
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

    private IEnumerable<AnswerCell> Measures(int[] members)
    {
        // What the linker or the rule withholds of one member is withheld of their sum.
        if (Array.Exists(members, IsSmall))
        {
            return query.Measures.Select(_ => AnswerCell.Withheld);
        }

        return query.Measures.Select(entry => entry.Columns.Length > 0 && Array.Exists(members, member => table.Sum(member, query.RecordsWith(entry.Columns)) is var valid && valid > 0 && valid < minCell)
            ? AnswerCell.Withheld : Compute(entry.Measure.Function, entry.Columns, members));
    }

    private bool IsSmall(int group) => table.IsWithheld(group) || (table.Sum(group, query.Records) is var records && records > 0 && records < minCell);

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
        foreach (var (measure, columns) in query.Measures.Where(entry => entry.Columns.Length > 0).DistinctBy(entry => string.Join('\u0001', entry.Columns.Select(column => column.ToString()))))
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

    private void DescribeMissing(string names, int[] groups, Moment valid)
    {
        if (Array.Exists(groups, table.IsWithheld))
        {
            return;
        }

        var missing = Total(groups, query.Records) - Total(groups, valid);
        _rules.Add(missing > 0 && missing < minCell ? $"{names}: fewer than {minCell} records without a value are left out" : $"{names}: {Times(missing)} without a value left out");
    }

    private static string Times(BigInteger count) => count == 1 ? "1 record" : $"{count:N0} records";

    /// <summary>Records in all groups; unknown where one of them is withheld, which the number would give away.</summary>
    private long Records(int[] groups) => Array.Exists(groups, IsSmall) ? -1 : (long)Total(groups, query.Records);

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
        foreach (var part in groups.GroupBy(group => string.Join('\u0001', table.Groups[group].SkipLast(1).Select(label => label is null ? "0" : "1" + label)), StringComparer.Ordinal))
        {
            var labels = table.Groups[part.First()].SkipLast(1).Select(label => new AnswerCell(label));
            var known = part.Where(group => table.Groups[group][^1] is not null).ToArray();
            var records = Total(known, query.Records);
            if (records == 0 || records < minCell || Array.Exists(known, table.IsWithheld))
            {
                rows.Add([.. labels, .. query.Query.Probabilities.Select(_ => records == 0 ? AnswerCell.None : AnswerCell.Withheld), records == 0 ? new AnswerCell("0") : AnswerCell.Withheld]);
                continue;
            }

            var weights = categories.Select(category => Total([.. known.Where(group => table.Groups[group][^1] == category.Title)], query.Sum([]))).ToArray();
            rows.Add([.. labels, .. query.Query.Probabilities.Select(p => Quantile(p, categories, weights) is var (bin, value) && bin is { } place && Total([.. known.Where(group => table.Groups[group][^1] == categories[place].Title)], query.Records) < minCell ? AnswerCell.Withheld : AnswerCell.Real(value)), new AnswerCell(records.ToString(CultureInfo.InvariantCulture))]);
        }

        _rules.Add($"quantiles from exact counts in bins of {QueryText.Number(bins.Step)}, straight lines within a bin: off by less than one bin; empty where the quantile lies outside {QueryText.Number(bins.From)} to {QueryText.Number(bins.To)}");
        var missing = Total([.. groups.Where(group => table.Groups[group][^1] is null)], query.Records);
        _rules.Add(missing > 0 && missing < minCell ? $"fewer than {minCell} records without a value are left out" : $"{query.Query.QuantileColumn}: {Times(missing)} without a value left out");
        return new Answer(columns, rows, Records(groups), rows.Count(row => row.Any(cell => cell.IsWithheld)), new Dictionary<string, string>(), []);
    }

    /// <summary>The bin a quantile falls into, and its place there; no place in the open bins below and above.</summary>
    private static (int? Bin, double? Value) Quantile(decimal probability, IReadOnlyList<Category> categories, BigInteger[] weights)
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
                if (categories[i] is not { From: { } from, To: { } to })
                {
                    return (i, null);
                }

                return (i, (double)from + (ExactRatio.ToDouble(target - (below * scale), weights[i] * scale) * (double)(to - from)));
            }

            below += weights[i];
        }

        return (null, null);
    }

    // ---- Independence ------------------------------------------------------------------------------------------------------------------

    private Answer ChiSquare(int[] groups)
    {
        if (Array.Exists(groups, table.IsWithheld))
        {
            throw new QueryException(QueryException.EngineCannot, "the engine tokens cannot test independence here, because the linker withholds small counts before they arrive; take a session with --engine masked, or coarser classes");
        }

        var known = groups.Where(group => table.Groups[group].All(label => label is not null)).ToArray();
        var counts = known.Select(group => (Row: table.Groups[group][0]!, Column: table.Groups[group][1]!, Count: table.Sum(group, query.Records))).ToArray();
        var rows = counts.GroupBy(cell => cell.Row).ToDictionary(group => group.Key, group => group.Aggregate(BigInteger.Zero, (sum, cell) => sum + cell.Count), StringComparer.Ordinal);
        var columns = counts.GroupBy(cell => cell.Column).ToDictionary(group => group.Key, group => group.Aggregate(BigInteger.Zero, (sum, cell) => sum + cell.Count), StringComparer.Ordinal);
        var n = rows.Values.Aggregate(BigInteger.Zero, (sum, count) => sum + count);
        var name = $"chisq({string.Join(", ", query.Groupings.Select(grouping => grouping.Grouping.Column))})";
        if (rows.Count < 2 || columns.Count < 2)
        {
            throw new QueryException(QueryException.NothingSelected, $"{name} needs two or more values on each side; among the records that count {query.Groupings[rows.Count < 2 ? 0 : 1].Grouping.Column} has one");
        }

        if (n < minCell)
        {
            throw new QueryException(QueryException.NothingSelected, $"{name} would be about fewer than {minCell} records and is withheld");
        }

        if (counts.Any(cell => cell.Count < minCell) || rows.Values.Concat(columns.Values).Any(count => count < minCell))
        {
            throw new QueryException(QueryException.NothingSelected, $"{name} is withheld: a cell of its table has fewer than {minCell} records, and the statistic could give it away; take coarser classes");
        }

        // χ² = N·(Σ O²/(R·C) − 1): every term from integers.
        var sum = counts.Sum(cell => ExactRatio.ToDouble(cell.Count * cell.Count, rows[cell.Row] * columns[cell.Column]));
        var statistic = Math.Max(0, (double)n * (sum - 1));
        var freedom = (rows.Count - 1) * (columns.Count - 1);
        var v = Math.Sqrt(statistic / ((double)n * (Math.Min(rows.Count, columns.Count) - 1)));
        var low = rows.Values.Sum(row => columns.Values.Count(column => row * column < 5 * n));
        DescribeMissing(string.Join(" or ", query.Groupings.Select(grouping => grouping.Grouping.Column)), groups, n);
        _rules.Add("chi-square: N·(Σ O²/(R·C) − 1) of exact counts, terms and sum as doubles; p from the chi-square distribution; no continuity correction");
        if (low > 0)
        {
            _rules.Add($"{low:N0} of {rows.Count * columns.Count:N0} expected counts are below 5: take the p-value with care");
        }

        return new Answer(
            [new AnswerColumn("chi-square", AnswerRole.Real), new AnswerColumn("df", AnswerRole.Count), new AnswerColumn("p-value", AnswerRole.Real), new AnswerColumn("Cramér's V", AnswerRole.Real), new AnswerColumn("n", AnswerRole.Count)],
            [[AnswerCell.Real(statistic), new AnswerCell(freedom.ToString(CultureInfo.InvariantCulture)), AnswerCell.Real(UpperTail(freedom, statistic)), AnswerCell.Real(v), new AnswerCell(n.ToString(CultureInfo.InvariantCulture))]],
            Records(groups), 0, new Dictionary<string, string>(), []);
    }

    /// <summary>P(χ² ≥ x), without the loss of 1 − CDF in the tail.</summary>
    private static double UpperTail(int freedom, double x) => x <= 0 ? 1 : MathNet.Numerics.SpecialFunctions.GammaUpperRegularized(freedom / 2.0, x / 2.0);

    private void DescribeMissing(string names, int[] groups, BigInteger known)
    {
        var missing = Total(groups, query.Records) - known;
        _rules.Add(missing > 0 && missing < minCell ? $"{names}: fewer than {minCell} records without a value are left out" : $"{names}: {Times(missing)} without a value left out");
    }

    // ---- Regression --------------------------------------------------------------------------------------------------------------------

    private Answer Regression(int group)
    {
        var design = query.Design(term => table.Levels(term).Count);
        string NameOf(int i) => design[i] switch
        {
            { Term: null } => "(intercept)",
            { Term: var term, Level: { } level } => $"{term!.Grouping!.Grouping.Column}[{table.Levels(term)[level]}]",
            { Term: var term } => term!.Column.Name,
        };
        int DecimalsOf(DesignColumn? column) => column is null ? query.Schema.TypeOf(query.Outcome!).Decimals : column.Term is { Grouping: null } term ? query.Schema.TypeOf(term.Column).Decimals : 0;
        BigInteger Sum(DesignColumn? left, DesignColumn? right) => table.Sum(group, query.Product(left, right));

        var n = (long)table.Sum(group, query.CompleteRecords);
        var size = design.Count;
        if (n <= size || n < minCell)
        {
            throw new QueryException(QueryException.NothingSelected, n < minCell && minCell > 1
                ? $"the regression would be about fewer than {minCell} records and is withheld"
                : $"the regression has {size} coefficients and only {n:N0} complete records");
        }

        for (var i = 0; i < size; i++)
        {
            if (design[i].Level is not null && table.Sum(group, query.RecordsAt(design[i])) is var at && at > 0 && at < minCell)
            {
                throw new QueryException(QueryException.NothingSelected, $"{NameOf(i)} has fewer than {minCell} records; put its class together with another");
            }
        }

        foreach (var term in query.Terms.Where(term => term.Grouping is not null && table.Levels(term).Count > 0))
        {
            var reference = n - (long)design.Where(column => column.Term == term).Aggregate(BigInteger.Zero, (sum, column) => sum + table.Sum(group, query.RecordsAt(column)));
            if (reference > 0 && reference < minCell)
            {
                throw new QueryException(QueryException.NothingSelected, $"{term.Column.Name}[{table.Levels(term)[0]}] has fewer than {minCell} records; put its class together with another");
            }
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
        var student = new StudentT(0, 1, freedom);
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
                new AnswerCell(NameOf(i)), AnswerCell.Real(estimate), AnswerCell.Real(error), AnswerCell.Real(t), AnswerCell.Real(t is { } value ? TwoSided(freedom, value) : null),
                AnswerCell.Real(estimate - (quantile * error)), AnswerCell.Real(estimate + (quantile * error)),
            ]);
        }

        var (weight, total) = (Sum(design[0], design[0]), Sum(design[0], null));
        var spread = (squares * weight) - (total * total);
        var determination = 1 - ExactRatio.ToDouble(residual * weight, spread * determinant);
        var facts = new Dictionary<string, string>
        {
            ["n"] = n.ToString(CultureInfo.InvariantCulture),
            ["degrees of freedom"] = freedom.ToString(CultureInfo.InvariantCulture),
            ["residual standard error"] = AnswerCell.Real(Math.Sqrt(ExactRatio.ToDouble(residual, determinant * freedom * ExactRatio.PowerOfTen((2 * outcomeDecimals) + query.Sum([]).Decimals(query.Schema))))).Text ?? "",
            ["R²"] = spread.IsZero ? "" : AnswerCell.Real(determination).Text ?? "",
            ["adjusted R²"] = spread.IsZero ? "" : AnswerCell.Real(1 - ((1 - determination) * (n - 1) / freedom)).Text ?? "",
        };
        foreach (var term in query.Terms.Where(term => term.Grouping is not null && table.Levels(term).Count > 0))
        {
            _rules.Add($"{term.Column.Name}: the reference is {table.Levels(term)[0]}");
        }

        var incomplete = (long)table.Sum(group, query.Records) - n;
        _rules.Add(incomplete > 0 && incomplete < minCell ? $"fewer than {minCell} records without all values are left out" : $"{Times(incomplete)} without all values left out");
        _rules.Add("the normal equations are exact integers and are solved exactly; coefficients are rounded once to doubles, standard errors are the root of an exact quotient; t and the 95% interval from Student's distribution");
        return new Answer(
            [
                new AnswerColumn("term", AnswerRole.Label), new AnswerColumn("estimate", AnswerRole.Real), new AnswerColumn("std error", AnswerRole.Real), new AnswerColumn("t", AnswerRole.Real),
                new AnswerColumn("p-value", AnswerRole.Real), new AnswerColumn("low 95%", AnswerRole.Real), new AnswerColumn("high 95%", AnswerRole.Real),
            ],
            rows, n, 0, facts, []);
    }

    /// <summary>P(|T| ≥ |t|), by the incomplete beta function so that small ones keep their digits.</summary>
    private static double TwoSided(long freedom, double t) => MathNet.Numerics.SpecialFunctions.BetaRegularized(freedom / 2.0, 0.5, freedom / (freedom + (t * t)));
}
