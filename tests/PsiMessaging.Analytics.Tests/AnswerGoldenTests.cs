using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Analytics.Tokens;

namespace PsiMessaging.Analytics.Tests;

/// <summary>
/// What questions of every kind give, down to the last character, against their stored form: how they are read and written, the sums they ask for in their
/// order (the parties' matrices follow from it), answers with their rules, refusals. A difference is a change of behaviour. Rewrite the samples with
/// PSI_WRITE_GOLDEN=1.
/// </summary>
public class AnswerGoldenTests
{
    private static readonly string[] Questions =
    [
        "g, h", "count", "count by a in 0-9, 10-29, 30+", "g, h with totals",
        "count, sum(x), sum(y), mean(a), var(x), sd(y), cov(x, y), corr(x, y) by g", "cov(x, x), corr(a, b), sd(b)",
        "count, sum(y), mean(x) by g, h with totals", "mean(b), var(b) by g with totals",
        "count, sum(x) by h, g where b > 0 with totals", "count by a in 0-9, 10-29, 30+, g, h with totals",
        "count by g where x > 0 with totals", "g where h = 'u' and g != 'r' and a between 0 and 40",
        "count where a > 1000", "sum(x) where y between -50 and 50 and g in ('r', 's')",
        "count, sum(x), mean(y), var(y), corr(x, y) by g weight w", "count by h weight w with totals", "sum(b), mean(b) by h where a >= 10 weight w",
        "count by h in ('u', 'v') as UV where not (g = 'r' or a < 10) and b is not missing", "count where g = 'r' or h = 'u'",
        "histogram(a, 0 to 50 step 25)", "histogram(a, 0 to 55 step 10) by h", "histogram(b, -900 to 900 step 600) with totals",
        "histogram(b, -900 to 900 step 300) by g with totals", "histogram(a, 0 to 50 step 10) weight w",
        "quantile(b, 0.1, 0.5, 0.9, -600 to 600 step 50) by g", "quantile(a, 0.25, 0.75, 0 to 60 step 5) by h",
        "median(x, -10000 to 10000 step 500)", "median(a, 0 to 60 step 5) by g, h where b > -500",
        "quantile(b, 0.5, -999 to 999 step 37) by g weight w", "quantile(a, 0.5, 0 to 60 step 5) by h weight w",
        "chisq(g, h)", "chisq(g, h) where a > 45", "chisq(a in 0-19, 20-39, 40+, h in ('u') as U, ('v', 'z') as rest)", "chisq(g, b in ..0, 1+) where x > 0",
        "ols(y ~ x + a + b)", "ols(x ~ b) where a > 5", "ols(y ~ x) weight w where b > -500", "ols(b ~ C(h) + a)",
        "ols(a ~ C(g) + C(h) + b)", "ols(b ~ C(a in 0-19, 20-39, 40+) + x) weight w", "ols(a ~ C(g) + C(b in ..0, 1+))",
        "ols(x ~ a + b) where h = 'u' and g = 'r'", "ols(y ~ x) where a > 56", "mean(g)", "g, g", "nothing",
        "mean(x) by b in 0-10 weight g", "chisq(g, h) weight w", "ols(x ~ x)", "count by a in 0-1, g, h, b in 0-1, x in 0-1 with totals",
    ];

    private static readonly string[] Texts =
    [
        "mean(x)", "MEAN(x), Count by g", "count by count", "count, \"count\"", "count()", "count(x)",
        "sum()", "cov(x)", "corr(x, y, a)", "mean x", "mean", "g by h", "g by", "count, g", "sum(x), h by g",
        "histogram(x)", "histogram(x, 1 to 2)", "histogram(x, 2 to 1 step 1)", "histogram(x, 0 to 2 step 1",
        "histogram(x, 0 to 2 step 1) by x", "HISTOGRAM(x, 0 to 2.5 step 1) by g where h = 'u' with totals",
        "quantile(x)", "quantile(x, 0.5)", "quantile(x, 0 to 2 step 1)", "quantile(x, 0.1, -0.2, 0 to 2 step 1)",
        "quantile(x, 0.1, -2 to 2 step 1) with totals", "quantile(x, 1, 0 to 2 step 1)", "quantile(x, 0.5, 0 to 2 step 0) by x",
        "median(x, 0.5, 0 to 2 step 1)", "median(x, 0 to 2 step 1) by g weight w", "quantile by g", "chisq(g)", "chisq(g, h, a)",
        "chisq(g, h", "chisq(g, h) by a", "chisq(g, h) with totals", "chisq(g, g)", "chisq(g, h) weight w where a = 1",
        "ols(y)", "ols(y ~ )", "ols(y ~ x + C(g) + C(a in 0-1 as low, 2+))", "ols(y ~ x) by g", "ols(y ~ x) with totals",
        "ols(y ~ x", "ols(y ~ x + x)", "ols(g ~ x) where h > 1", "ols(y ~ C(a in 1-0))", "ols(y ~ C(a in 0-2, 1-3))", "ols, chisq",
        "sum(g) where h > 1", "sum(x) weight g", "count with", "count with totals with totals",
        "count where a = 1 where b = 2", "\"ols\", \"median\", \"mean\", \"corr\"", "g weight w weight w", "a in 5-1 by g",
        "{}", "{\"measures\":[]}", "{\"measures\":[\"count\"],\"ols\":{}}",
        "{\"measures\":[\"count\",{\"function\":\"MEAN\",\"columns\":[\"x\"]}],\"by\":[\"g\"],\"totals\":true}", "{\"measures\":[\"mean\"]}",
        "{\"measures\":[{\"function\":\"sum\"}]}", "{\"measures\":[{\"function\":\"mode\",\"columns\":[\"x\"]}]}",
        "{\"by\":[\"g\",{\"column\":\"a\",\"classes\":[{\"from\":0,\"to\":9,\"label\":\"low\"},{\"from\":10}]}],\"weight\":\"w\"}",
        "{\"histogram\":{\"column\":\"x\",\"from\":0,\"to\":10,\"step\":5},\"by\":[\"g\"]}",
        "{\"histogram\":{\"column\":\"x\",\"from\":0,\"to\":10}}", "{\"histogram\":{\"column\":\"x\",\"bins\":3}}",
        "{\"quantile\":{\"column\":\"x\",\"probabilities\":[0.5,0.25],\"from\":0,\"to\":10,\"step\":5},\"where\":{\"column\":\"g\",\"operator\":\"missing\"}}",
        "{\"quantile\":{\"column\":\"x\",\"from\":0,\"to\":10,\"step\":5}}",
        "{\"quantile\":{\"column\":\"x\",\"probabilities\":[],\"from\":0,\"to\":10,\"step\":5},\"totals\":true}", "{\"chisq\":[\"g\",\"h\"]}",
        "{\"chisq\":[\"g\"]}", "{\"chisq\":[\"g\",\"h\"],\"by\":[\"a\"]}", "{\"chisq\":[\"g\",\"h\"],\"totals\":true}",
        "{\"ols\":{\"outcome\":\"y\",\"terms\":[\"x\",{\"column\":\"g\"},{\"column\":\"a\",\"classes\":[{\"from\":0}]}]}}",
        "{\"ols\":{\"outcome\":\"y\"}}", "{\"ols\":{\"outcome\":\"y\",\"terms\":[\"x\"]},\"by\":[\"g\"]}", "{\"quantiles\":1}", "{\"totals\":true}",
    ];

    [Fact]
    public async Task EveryQuestion_Masked_GivesWhatIsStored()
    {
        var (p1, p2) = OracleTests.RandomData(20240711, rows: 160);
        using var run = await MaskedRun.OpenAsync(p1, p2, new Dictionary<string, string>
        {
            ["x"] = "decimal(11,2)",
            ["y"] = "decimal(15,3)",
            ["w"] = "decimal(5,1)",
            ["a"] = "integer",
            ["b"] = "integer(6)"
        });
        var found = new StringBuilder();
        foreach (var text in Questions)
        {
            foreach (var (asker, minCell) in new[] { ("P1", 1), ("P1", 4), ("P2", 4), ("P1", 12) })
            {
                found.Append(CultureInfo.InvariantCulture, $"=== {text} | {asker}, {minCell}\n");
                try
                {
                    var query = new BoundQuery(Query.Parse(text), run.Schema);
                    found.Append(CultureInfo.InvariantCulture, $"sums {await SumsAsync(run, query, asker, minCell)}\n")
                        .Append(Written(await run.AskAsync(text, asker, minCell)));
                }
                catch (QueryException exception)
                {
                    found.Append(CultureInfo.InvariantCulture, $"{exception.Code}: {exception.Message}\n");
                }
            }
        }

        Same(found, "masked");
    }

    [Fact]
    public void EveryQuestion_Tokens_GivesWhatIsStored()
    {
        var found = new StringBuilder();
        foreach (var text in Questions)
        {
            foreach (var (minCell, isComplete) in new[] { (1, true), (4, true), (4, false) })
            {
                found.Append(CultureInfo.InvariantCulture, $"=== {text} | {minCell}, {(isComplete ? "complete" : "not complete")}\n");
                try
                {
                    var query = new BoundQuery(Query.Parse(text), Schema);
                    TokenTable.Check(query, minCell);
                    var groups = Enumerable.Range(0, 40).GroupBy(i => string.Join('|', query.Groupings.Select(grouping => ValueOf(grouping, i) ?? "-")), i => i)
                        .Select(group => new TokenGroup([.. query.Groupings.Select(grouping => ValueOf(grouping, group.First()))], group.Count()))
                        .Where(group => group.Count >= minCell);
                    found.Append(Written(new AnswerBuilder(query, new TokenTable(query, groups, isComplete), minCell, 40).Build()));
                }
                catch (QueryException exception)
                {
                    found.Append(CultureInfo.InvariantCulture, $"{exception.Code}: {exception.Message}\n");
                }
            }

            found.Append(CultureInfo.InvariantCulture, $"=== {text} | no common records\n");
            try
            {
                found.Append(Written(AnswerBuilder.Empty(new BoundQuery(Query.Parse(text), Schema))));
            }
            catch (QueryException exception)
            {
                found.Append(CultureInfo.InvariantCulture, $"{exception.Code}: {exception.Message}\n");
            }
        }

        Same(found, "tokens");
    }

    [Fact]
    public void EveryText_ReadAndWritten_GivesWhatIsStored()
    {
        var found = new StringBuilder();
        foreach (var text in Texts.Concat(Questions))
        {
            found.Append(CultureInfo.InvariantCulture, $"=== {text}\n");
            try
            {
                var query = Query.Parse(text);
                found.Append(CultureInfo.InvariantCulture, $"{QueryText.Write(query)}\n{QueryJson.Write(query)}\n");
                var bound = new BoundQuery(query, Schema);
                found.Append(CultureInfo.InvariantCulture,
                    $"{string.Join(", ", bound.Groupings.Select(grouping => grouping.Column.Name))}; "
                        + $"{string.Join(", ", bound.Measures.Select(entry => entry.Measure.Name))}\n");
            }
            catch (QueryException exception)
            {
                found.Append(CultureInfo.InvariantCulture, $"{exception.Code}: {exception.Message}\n");
            }
        }

        Same(found, "texts");
    }

    private static QuerySchema Schema { get; } = new(new Dictionary<string, IReadOnlyList<TypedColumn>>(StringComparer.Ordinal)
    {
        ["P1"] = [new("g", TypeOf("text")), new("a", TypeOf("integer")), new("x", TypeOf("decimal(11,2)")), new("w", TypeOf("decimal(5,1)"))],
        ["P2"] = [new("h", TypeOf("text")), new("y", TypeOf("decimal(15,3)")), new("b", TypeOf("integer(6)"))],
    });

    private static Data.Types.ColumnType TypeOf(string text) => Data.Types.ColumnType.TryParse(text)!;

    /// <summary>Forty records, of which some lack a value.</summary>
    private static string? ValueOf(BoundGrouping grouping, int i) => i % 13 == 0 ? null : grouping.Column.Name switch
    {
        "g" => $"{"rst"[i % 3]}",
        "h" => $"{"uv"[i % 2]}",
        _ => $"{i % 4 * 10}",
    };

    /// <summary>The factors of both matrices in their order, and how they are cut, as one digest.</summary>
    private static async Task<string> SumsAsync(MaskedRun run, BoundQuery query, string asker, int minCell)
    {
        var other = asker == "P1" ? "P2" : "P1";
        var left = await PartyMatrix.OpenAsync(query, asker, asker == "P1" ? run.P1 : run.P2, minCell, other);
        var right = await PartyMatrix.OpenAsync(query, other, asker == "P1" ? run.P2 : run.P1, minCell);
        var plan = MaskedPlan.Build(query, run.P1.Rows, (asker, left.Shape), (other, right.Shape), 1, minCell);
        static string Factor(Moment moment) =>
            $"{string.Join(',', moment.Powers)};{string.Join(',', moment.Valid)};{string.Join(',', moment.Levels)};{string.Join(',', moment.Different)}";
        var all = string.Join('\n', plan.A.Factors.Select(Factor).Append(plan.A.Text).Concat(plan.B.Factors.Select(Factor)).Append(plan.B.Text));
        var needed = string.Concat(plan.NeededEntries().Select(entry => entry ? '1' : '0'));
        return $"{plan.Sums} {plan.A.Columns} x {plan.B.Columns} {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all + needed)))[..16]}";
    }

    private static string Written(Answer answer)
    {
        static string Cell(AnswerCell cell) => (cell.Text ?? "?") + (cell.IsWithheld ? "!" : "") + (cell.IsTotal ? "+" : "");
        var lines = new[] { string.Join(" | ", answer.Columns.Select(column => $"{column.Name}:{column.Role}:{column.Decimals}")) }
            .Concat(answer.Rows.Select(row => string.Join(" | ", row.Select(Cell))))
            .Append($"records {answer.Records}, withheld {answer.Withheld}")
            .Concat(answer.Facts.Select(fact => $"{fact.Key}: {fact.Value}"))
            .Concat(answer.Rules.Select(rule => $"- {rule}"));
        return string.Concat(lines.Select(line => line + "\n"));
    }

    private static void Same(StringBuilder found, string name, [CallerFilePath] string source = "")
    {
        if (Environment.GetEnvironmentVariable("PSI_WRITE_GOLDEN") == "1")
        {
            File.WriteAllText(Path.Combine(Path.GetDirectoryName(source)!, "Golden", name + ".txt"), found.ToString());
        }

        var stored = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", name + ".txt"));
        Assert.Equal(stored.Split('\n'), found.ToString().Split('\n'));
    }
}
