using System.Globalization;
using System.Text;
using CsCheck;
using DuckDB.NET.Data;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;

namespace PsiMessaging.Analytics.Tests;

/// <summary>
/// Engine masked against DuckDB on the joined plaintext: exact for counts and sums, 1e-9 elsewhere. Random data
/// with missing values, negative numbers, decimals, filters, weights.
/// </summary>
public class OracleTests
{
    private const string Weighted = "SUM(CAST(w AS DOUBLE))";

    /// <summary>Queries, and the same in SQL over a table j of the joined columns.</summary>
    private static readonly (string Query, string Sql)[] Tables =
    [
        ("g, h", "SELECT g, h, count(*) FROM j GROUP BY ALL"),
        ("count", "SELECT count(*) FROM j"),
        ("count by a", "SELECT a::VARCHAR, count(*) FROM j GROUP BY ALL"),
        ("sum(a), sum(x), sum(y) by g", "SELECT g, sum(a), sum(x), sum(y) FROM j GROUP BY ALL"),
        ("mean(x), var(x), sd(x) by h", "SELECT h, avg(x), var_samp(x), stddev_samp(x) FROM j GROUP BY ALL"),
        ("mean(y), var(y), cov(x, y), corr(x, y), cov(a, x) by g",
            "SELECT g, avg(y), var_samp(y), covar_samp(x, y), corr(x, y), covar_samp(a, x) FROM j GROUP BY ALL"),
        ("cov(y, b), corr(y, b), corr(a, b) by g, h", "SELECT g, h, covar_samp(y, b), corr(y, b), corr(a, b) FROM j GROUP BY ALL"),
        ("count, sum(y) by a in 0-9, 10-29, 30+ where h != 'u' and x >= -1.5",
            "SELECT CASE WHEN a BETWEEN 0 AND 9 THEN '0-9' WHEN a BETWEEN 10 AND 29 THEN '10-29' WHEN a >= 30 THEN '30+' WHEN a IS NULL THEN NULL ELSE "
                + "'(other)' END, count(*), sum(y) FROM j WHERE h <> 'u' AND x >= -1.5 GROUP BY ALL"),
        ("count by h in ('u', 'v') as UV where not (g = 'r' or a < 10) and b is not missing",
            "SELECT CASE WHEN h IN ('u','v') THEN 'UV' WHEN h IS NULL THEN NULL ELSE '(other)' END, count(*) FROM j WHERE NOT (g = 'r' OR a < 10) AND b IS NOT "
                + "NULL GROUP BY ALL"),
        ("sum(x) where y between -50 and 50 and g in ('r', 's')", "SELECT sum(x) FROM j WHERE y BETWEEN -50 AND 50 AND g IN ('r','s')"),
        ("count, sum(x), mean(x) by g weight w",
            "SELECT g, sum(w), sum(x*w), sum(CAST(x*w AS DOUBLE))/sum(CASE WHEN x IS NOT NULL THEN CAST(w AS DOUBLE) END) FROM j WHERE w "
                + "IS NOT NULL GROUP BY ALL"),
        ("mean(y), var(y) weight w",
            $"SELECT sum(CAST(y AS DOUBLE)*CAST(w AS DOUBLE))/{Weighted}, CASE WHEN count(*) >= 2 AND {Weighted} > 1 THEN (sum(CAST(y AS DOUBLE)*y*w) - "
                + $"sum(CAST(y AS DOUBLE)*w)*sum(CAST(y AS DOUBLE)*w)/{Weighted})/({Weighted}-1) END FROM j WHERE w IS NOT NULL AND y IS NOT NULL"),
        ("histogram(a, 0 to 50 step 25)",
            "SELECT * FROM (SELECT CASE WHEN a < 0 THEN '< 0' WHEN a < 25 THEN '[0, 25)' WHEN a <= 50 THEN '[25, 50]' WHEN a IS NULL THEN NULL ELSE '> 50' END "
                + "k, count(*) FROM j GROUP BY ALL) WHERE k IS NULL OR k NOT IN ('[0, 25)', '[25, 50]') UNION ALL SELECT '[0, 25)', count(*) FILTER (a >= 0 "
                + "AND a < 25) FROM j UNION ALL SELECT '[25, 50]', count(*) FILTER (a >= 25 AND a <= 50) FROM j"),
        ("sum(x) by g with totals", "SELECT coalesce(g, CASE WHEN grouping(g) = 1 THEN '(total)' END), sum(x) FROM j GROUP BY ROLLUP (g)"),
    ];

    [Fact]
    public void EveryTable_RandomData_EqualsPlainSql() => Gen.Int[1, 1 << 30].Sample(seed =>
    {
        var (p1, p2) = RandomData(seed, rows: 2 + (seed % 150));
        using var oracle = new DuckDBConnection("DataSource=:memory:");
        Join(oracle, p1, p2);
        using var run = Open(p1, p2);
        foreach (var (text, sql) in Tables)
        {
            var expected = Rows(oracle, sql);
            if (expected.Count == 0 || (expected.Count == 1 && text.Contains("where", StringComparison.Ordinal) && expected[0].All(cell => cell is null)))
            {
                continue;
            }

            var answer = run.AskAsync(text, asker: seed % 2 == 0 ? "P1" : "P2", pad: (seed % 3) + 1).GetAwaiter().GetResult();
            Equal(text, expected, answer);
        }
    }, iter: 12, threads: 1);

    /// <summary>A minimum cell size leaves out; it changes no number: what is shown is what is shown without one.</summary>
    [Fact]
    public void EveryTable_UnderAMinimum_ShowsTheNumbersOfTheAnswerWithoutOne() => Gen.Int[1, 1 << 30].Sample(seed =>
    {
        var (p1, p2) = RandomData(seed, rows: 40 + (seed % 150));
        using var run = Open(p1, p2);
        var compared = 0;
        foreach (var text in Tables.Select(table => table.Query).Concat(["g, h with totals", "count, sum(y), mean(x) by g, h with totals",
            "count, sum(x) by h, g where b > 0 with totals", "count by a in 0-9, 10-29, 30+, g, h with totals", "count by g where x > 0 with totals"]))
        {
            Answer whole, shown;
            try
            {
                whole = run.AskAsync(text, asker: seed % 2 == 0 ? "P1" : "P2").GetAwaiter().GetResult();
                shown = run.AskAsync(text, asker: seed % 2 == 0 ? "P1" : "P2", minCell: 4).GetAwaiter().GetResult();
            }
            catch (QueryException)
            {
                continue;
            }

            // Records that are put aside on the asking party's side are in no number: then there is nothing to compare with.
            if (shown.Rules.Any(rule => rule.Contains("are put aside", StringComparison.Ordinal)))
            {
                continue;
            }

            compared++;
            var labels = shown.Columns.TakeWhile(column => column.Role == AnswerRole.Label).Count();
            string Key(IReadOnlyList<AnswerCell> row) => string.Join('|', row.Take(labels).Select(cell => cell.IsTotal ? "(total)" : cell.Text ?? "<null>"));
            var rows = whole.Rows.GroupBy(Key).ToDictionary(group => group.Key, group => group.Single());
            foreach (var row in shown.Rows.Where(row => row[0] != AnswerCell.WithheldGroups))
            {
                Assert.All(row.Zip(rows[Key(row)]).Where(cell => !cell.First.IsWithheld),
                    cell => Assert.True(cell.First.Text == cell.Second.Text, $"{text}: {Key(row)}: {cell.First.Text} where {cell.Second.Text} is right"));
            }

            Assert.True(shown.Records < 0 || shown.Records == whole.Records, $"{text}: {shown.Records} records where there are {whole.Records}");
        }

        Assert.True(compared >= 10, $"{compared} tables compared");
    }, iter: 5, threads: 1);

    /// <summary>
    /// The other kinds of questions under a minimum: a regression and a test are the same or are refused, and a quantile has as many records below it as it
    /// should, up to what can be in a bin of merged ones; where it is empty, it lies among four or more beyond the bins or with them.
    /// </summary>
    [Fact]
    public async Task EveryStatistic_UnderAMinimum_IsTheOneWithoutOrWithheld()
    {
        var (same, refused, quantiles, empty) = (0, 0, 0, 0);
        for (var seed = 1; seed <= 12; seed++)
        {
            var (p1, p2) = RandomData(seed * 104729, rows: 100 + (seed * 20));
            using var oracle = new DuckDBConnection("DataSource=:memory:");
            Join(oracle, p1, p2);
            using var run = await MaskedRun.OpenAsync(p1, p2);
            foreach (var text in new[] { "chisq(g, h)", "chisq(g, h) where a > 45", "ols(y ~ x + a + b)",
                "ols(x ~ b) where a > 5", "ols(y ~ x) weight w where b > -500", "ols(b ~ C(h) + a)" })
            {
                var whole = await run.AskAsync(text);
                try
                {
                    var shown = await run.AskAsync(text, minCell: 4);
                    if (shown.Rules.Any(rule => rule.Contains("as if none was", StringComparison.Ordinal)))
                    {
                        // n is another, and with it p-values and intervals.
                        Assert.Equal(whole.Rows.Select(row => (row[0].Text, row[1].Text, row[2].Text)),
                            shown.Rows.Select(row => (row[0].Text, row[1].Text, row[2].Text)));
                        Assert.InRange(
                            int.Parse(shown.Facts["n"], CultureInfo.InvariantCulture) - int.Parse(whole.Facts["n"], CultureInfo.InvariantCulture), 0, 3);
                    }
                    else
                    {
                        Assert.Equal(whole.Rows.Select(row => string.Join('|', row.Select(cell => cell.Text))),
                            shown.Rows.Select(row => string.Join('|', row.Select(cell => cell.Text))));
                        Assert.Equal(whole.Facts, shown.Facts);
                    }

                    same++;
                }
                catch (QueryException exception)
                {
                    Assert.Equal(QueryException.BelowMinimum, exception.Code);
                    refused++;
                }
            }

            decimal[] probabilities = [0.02m, 0.1m, 0.3m, 0.5m, 0.7m, 0.9m, 0.98m];
            var answer = await run.AskAsync(
                $"quantile(b, {string.Join(", ", probabilities.Select(p => p.ToString(CultureInfo.InvariantCulture)))}, -600 to 600 step 50) by g", minCell: 4);
            var values = Rows(oracle, "SELECT g, b FROM j WHERE b IS NOT NULL").GroupBy(row => row[0] ?? "")
                .ToDictionary(group => group.Key, group => group.Select(row => double.Parse(row[1]!, CultureInfo.InvariantCulture)).ToArray());
            var lacking = Rows(oracle, "SELECT g FROM j WHERE b IS NULL").ToLookup(row => row[0] ?? "");
            foreach (var row in answer.Rows.Where(row => row[0] != AnswerCell.WithheldGroups))
            {
                var all = values[row[0].Text ?? ""];

                // Where few lack a value they count as if above all bins.
                var few = lacking[row[0].Text ?? ""].Count() is var missing and < 4 ? missing : 0;
                Assert.Equal(all.Length + few, int.Parse(row[^1].Text!, CultureInfo.InvariantCulture));

                // A merged bin ends with the bin that brings it to four, and the last takes three more at most.
                var inOne = Enumerable.Range(0, 24).Max(bin => all.Count(value => value >= -600 + (50 * bin) && value <= -550 + (50 * bin))) + 6 + few;
                for (var i = 0; i < probabilities.Length; i++)
                {
                    var rank = (double)probabilities[i] * (all.Length + few);
                    var (below, above) = (all.Count(value => value < -600), all.Count(value => value > 600));
                    if (row[i + 1].Text is { } text)
                    {
                        Assert.InRange(all.Count(value => value < double.Parse(text, CultureInfo.InvariantCulture)) - rank, -inOne - 1, inOne + 1);
                        quantiles++;
                    }
                    else
                    {
                        Assert.True((below >= 4 && rank <= below + inOne) || (above >= 4 && rank >= all.Length - above - inOne),
                            $"{row[0].Text}: the quantile {probabilities[i]} is empty, of {all.Length} {below} are below and {above} above the bins");
                        empty++;
                    }

                    // Nobody beyond the bins is drawn into them.
                    Assert.True(row[i + 1].Text is null || ((below < 4 || rank > below) && (above < 4 || rank <= all.Length - above)));
                }
            }
        }

        Assert.True(same >= 50 && refused >= 5 && quantiles >= 50 && empty >= 10, $"{same} the same, {refused} refused, {quantiles} quantiles, {empty} empty");
    }

    [Fact]
    public async Task Regression_RandomData_EqualsPlainNormalEquations()
    {
        for (var seed = 1; seed < 6; seed++)
        {
            var (p1, p2) = RandomData(seed * 7919, rows: 120);
            using var oracle = new DuckDBConnection("DataSource=:memory:");
            Join(oracle, p1, p2);
            using var run = await MaskedRun.OpenAsync(p1, p2);
            var answer = await run.AskAsync("ols(y ~ x + a + b)", asker: seed % 2 == 0 ? "P1" : "P2");
            var rows = Rows(oracle, "SELECT y, x, a, b FROM j WHERE y IS NOT NULL AND x IS NOT NULL AND a IS NOT NULL AND b IS NOT NULL")
                .ConvertAll(row => row.ConvertAll(cell => double.Parse(cell!, CultureInfo.InvariantCulture)));
            var design = MathNet.Numerics.LinearAlgebra.Matrix<double>.Build.DenseOfRows(rows.Select(row => new[] { 1, row[1], row[2], row[3] }));
            var outcome = MathNet.Numerics.LinearAlgebra.Vector<double>.Build.DenseOfEnumerable(rows.Select(row => row[0]));
            var beta = design.QR().Solve(outcome);
            var residuals = outcome - (design * beta);
            var error = ((design.TransposeThisAndMultiply(design)).Inverse() * (residuals.DotProduct(residuals) / (rows.Count - 4))).Diagonal().PointwiseSqrt();
            for (var i = 0; i < 4; i++)
            {
                Close(beta[i], answer.Rows[i][1].Text, $"coefficient {i}", 1e-8);
                Close(error[i], answer.Rows[i][2].Text, $"error {i}", 1e-8);
            }

            Assert.Equal(rows.Count.ToString(CultureInfo.InvariantCulture), answer.Facts["n"]);
        }
    }

    /// <summary>
    /// The Longley data and certified values of NIST's Statistical Reference Datasets (linear regression, higher difficulty), three columns at each party: the
    /// outcome and two predictors at P1, four at P2. Ill-conditioned on purpose; exact arithmetic reproduces every certified digit.
    /// </summary>
    [Fact]
    public async Task Regression_LongleySplitBetweenTheParties_ReproducesTheCertifiedValues()
    {
        double[][] data =
        [
            [60323, 83.0, 234289, 2356, 1590, 107608, 1947], [61122, 88.5, 259426, 2325, 1456, 108632, 1948],
            [60171, 88.2, 258054, 3682, 1616, 109773, 1949], [61187, 89.5, 284599, 3351, 1650, 110929, 1950],
            [63221, 96.2, 328975, 2099, 3099, 112075, 1951], [63639, 98.1, 346999, 1932, 3594, 113270, 1952],
            [64989, 99.0, 365385, 1870, 3547, 115094, 1953], [63761, 100.0, 363112, 3578, 3350, 116219, 1954],
            [66019, 101.2, 397469, 2904, 3048, 117388, 1955], [67857, 104.6, 419180, 2822, 2857, 118734, 1956],
            [68169, 108.4, 442769, 2936, 2798, 120445, 1957], [66513, 110.8, 444546, 4681, 2637, 121950, 1958],
            [68655, 112.6, 482704, 3813, 2552, 123366, 1959], [69564, 114.2, 502601, 3931, 2514, 125368, 1960],
            [69331, 115.7, 518173, 4806, 2572, 127852, 1961], [70551, 116.9, 554894, 4007, 2827, 130081, 1962],
        ];
        string Csv(string header, params int[] columns) => header + "\n"
            + string.Concat(data.Select((row, i) => $"{i};{string.Join(';', columns.Select(column => row[column].ToString(CultureInfo.InvariantCulture)))}\n"));
        using var run = await MaskedRun.OpenAsync(Csv("ID;y;x1;x2", 0, 1, 2), Csv("ID;x3;x4;x5;x6", 3, 4, 5, 6));
        (double Estimate, double Error)[] certified =
        [
            (-3482258.63459582, 890420.383607373), (15.0618722713733, 84.9149257747669),
            (-0.358191792925910E-01, 0.334910077722432E-01), (-2.02022980381683, 0.488399681651699),
            (-1.03322686717359, 0.214274163161675), (-0.511041056535807E-01, 0.226073200069370), (1829.15146461355, 455.478499142212),
        ];
        foreach (var asker in new[] { "P1", "P2" })
        {
            var answer = await run.AskAsync("ols(y ~ x1 + x2 + x3 + x4 + x5 + x6)", asker);
            for (var i = 0; i < certified.Length; i++)
            {
                Close(certified[i].Estimate, answer.Rows[i][1].Text, $"B{i}", 1e-13);
                Close(certified[i].Error, answer.Rows[i][2].Text, $"standard error of B{i}", 1e-13);
            }

            Close(0.995479004577296, answer.Facts["R²"], "R²", 1e-13);
            Close(304.854073561965, answer.Facts["residual standard error"], "residual standard deviation", 1e-13);
        }
    }

    [Fact]
    public async Task Regression_ClassTermsOfBothParties_EqualGroupMeans()
    {
        // With one class term the fitted values are the group means: the reference's is the intercept.
        var p1 = "ID;g;y\n" + string.Concat(Enumerable.Range(0, 60).Select(i => $"{i};{"rst"[i % 3]};{(i * i % 17) + (10 * (i % 3))}\n"));
        var p2 = "ID;h;w\n" + string.Concat(Enumerable.Range(0, 60).Select(i => $"{i};{"uv"[i / 7 % 2]};{1 + (i % 4)}\n"));
        using var run = await MaskedRun.OpenAsync(p1, p2);
        foreach (var (column, asker) in new[] { ("g", "P1"), ("g", "P2"), ("h", "P1"), ("h", "P2") })
        {
            foreach (var weight in new[] { "", " weight w" })
            {
                var means = (await run.AskAsync($"mean(y) by {column}{weight}")).Rows
                    .Select(row => double.Parse(row[1].Text!, CultureInfo.InvariantCulture)).ToArray();
                var answer = await run.AskAsync($"ols(y ~ C({column})){weight}", asker);
                Close(means[0], answer.Rows[0][1].Text, "intercept", 1e-12);
                for (var i = 1; i < means.Length; i++)
                {
                    Close(means[i] - means[0], answer.Rows[i][1].Text, answer.Rows[i][0].Text!, 1e-10);
                }
            }
        }

        var both = await run.AskAsync("ols(y ~ C(g) + C(h))");
        Assert.Equal(["(intercept)", "g[s]", "g[t]", "h[v]"], both.Rows.Select(row => row[0].Text));
    }

    [Fact]
    public async Task ChiSquare_PublishedTable_ReproducesItsStatistic()
    {
        // R's documentation of chisq.test: party affiliation by gender, Agresti (2007), 762 327 468 / 484 239 477: X-squared = 30.07, df = 2.
        var people =
            new[] { ("F", "Democrat", 762), ("F", "Independent", 327), ("F", "Republican", 468),
                ("M", "Democrat", 484), ("M", "Independent", 239), ("M", "Republican", 477) }
            .SelectMany(cell => Enumerable.Repeat((cell.Item1, cell.Item2), cell.Item3)).ToArray();
        using var run = await MaskedRun.OpenAsync("ID;sex\n" + string.Concat(people.Select((person, i) => $"{i};{person.Item1}\n")), "ID;party\n"
            + string.Concat(people.Select((person, i) => $"{i};{person.Item2}\n")));
        var answer = await run.AskAsync("chisq(sex, party)");
        Assert.Equal(30.07, double.Parse(answer.Rows[0][0].Text!, CultureInfo.InvariantCulture), 0.005);
        Assert.Equal(("2", "2757"), (answer.Rows[0][1].Text, answer.Rows[0][4].Text));
        Close(Math.Sqrt(30.0701490957547 / 2757), answer.Rows[0][3].Text, "V", 1e-9);
        Close(2.95358918321176e-07, answer.Rows[0][2].Text, "p", 1e-9);
    }

    [Fact]
    public async Task Quantile_AgreedBins_IsWithinOneBinOfTheTruth()
    {
        var (p1, p2) = RandomData(77, rows: 140);
        using var oracle = new DuckDBConnection("DataSource=:memory:");
        Join(oracle, p1, p2);
        using var run = await MaskedRun.OpenAsync(p1, p2);
        var answer = await run.AskAsync("quantile(a, 0.1, 0.5, 0.9, -10 to 60 step 2) by h");
        foreach (var row in Rows(oracle, "SELECT h, quantile_disc(a, 0.1), quantile_disc(a, 0.5), quantile_disc(a, 0.9), count(a) FROM j GROUP BY ALL"))
        {
            var found = answer.Rows.Single(candidate => candidate[0].Text == row[0]);
            for (var i = 1; i < 4; i++)
            {
                Assert.InRange(double.Parse(found[i].Text!, CultureInfo.InvariantCulture) - double.Parse(row[i]!, CultureInfo.InvariantCulture), -2, 2);
            }

            Assert.Equal(row[4], found[4].Text);
        }
    }

    /// <summary>Both parties with the types that <c>RandomData</c> is declared to have.</summary>
    private static MaskedRun Open(string p1, string p2) =>
        MaskedRun.OpenAsync(p1, p2, new Dictionary<string, string>
        {
            ["x"] = "decimal(11,2)",
            ["y"] = "decimal(15,3)",
            ["w"] = "decimal(5,1)",
            ["a"] = "integer",
            ["b"] = "integer(6)",
        }).WaitAsync(TimeSpan.FromMinutes(1)).GetAwaiter().GetResult();

    private static void Equal(string text, List<List<string?>> expected, Answer answer)
    {
        var labels = answer.Columns.TakeWhile(column => column.Role == AnswerRole.Label).Count();
        var found = answer.Rows.ToDictionary(row => string.Join('|', row.Take(labels).Select(cell => cell.Text ?? "?")), row => row, StringComparer.Ordinal);
        Assert.True(expected.Count == answer.Rows.Count, $"{text}: {answer.Rows.Count} rows, expected {expected.Count}");
        foreach (var row in expected)
        {
            var key = string.Join('|', row.Take(labels).Select(cell => cell ?? "?"));
            Assert.True(found.TryGetValue(key, out var cells), $"{text}: no group {key}");
            for (var i = labels; i < row.Count; i++)
            {
                if (answer.Columns[i].Role is AnswerRole.Count or AnswerRole.Exact && row[i] is not null && !row[i]!.Contains('E', StringComparison.Ordinal))
                {
                    Assert.True(cells![i].Text is { } number
                        && decimal.Parse(number, CultureInfo.InvariantCulture) == decimal.Parse(row[i]!, NumberStyles.Float, CultureInfo.InvariantCulture),
                            $"{text}, {key}: {cells[i].Text}, expected {row[i]}");
                }
                else if (row[i] is null || row[i] == "NaN")
                {
                    Assert.Null(cells![i].Text);
                }
                else
                {
                    Close(double.Parse(row[i]!, CultureInfo.InvariantCulture), cells![i].Text, $"{text}, {key}, column {i}", 1e-9);
                }
            }
        }
    }

    private static void Close(double expected, string? found, string what, double tolerance)
    {
        Assert.True(found is not null
            && Math.Abs(double.Parse(found, CultureInfo.InvariantCulture) - expected) <= tolerance * Math.Max(1e-3, Math.Abs(expected)),
                $"{what}: {found}, expected {expected:R}");
    }

    private static List<List<string?>> Rows(DuckDBConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<List<string?>>();
        while (reader.Read())
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount)
                .Select(i => reader.IsDBNull(i) ? null : Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture))]);
        }

        return rows;
    }

    private static void Join(DuckDBConnection connection, string p1, string p2)
    {
        connection.Open();
        var folder = Directory.CreateTempSubdirectory("psi-oracle-").FullName;
        File.WriteAllText(Path.Combine(folder, "1.csv"), p1);
        File.WriteAllText(Path.Combine(folder, "2.csv"), p2);
        using var command = connection.CreateCommand();
        command.CommandText = $$"""
            CREATE TABLE j AS SELECT g, a, x, w, h, y, b FROM
              read_csv('{{folder}}/1.csv', delim=';', columns={'ID':'VARCHAR','g':'VARCHAR','a':'BIGINT','x':'DECIMAL(18,2)','w':'DECIMAL(18,1)'}) JOIN
              read_csv('{{folder}}/2.csv', delim=';', columns={'ID':'VARCHAR','h':'VARCHAR','y':'DECIMAL(18,3)','b':'BIGINT'}) USING (ID)
            """;
        command.ExecuteNonQuery();
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>P1: ID, g, a, x, w. P2: ID, h, y, b; y may need both limbs. About a tenth of the values are missing.</summary>
    internal static (string P1, string P2) RandomData(int seed, int rows)
    {
        var state = (ulong)seed;
        int Next(int below)
        {
            state = (state * 6364136223846793005UL) + 1442695040888963407UL;
            return (int)((state >> 33) % (ulong)below);
        }

        string Maybe(string value) => Next(10) == 0 ? "" : value;
        var (p1, p2) = (new StringBuilder("ID;g;a;x;w\n"), new StringBuilder("ID;h;y;b\n"));
        foreach (var i in Enumerable.Range(0, rows))
        {
            p1.Append(CultureInfo.InvariantCulture,
                $"{i};{Maybe("rst"[Next(3)].ToString())};{Maybe((Next(70) - 10).ToString(CultureInfo.InvariantCulture))}"
                    + $";{Maybe(((Next(2000000) - 1000000) / 100m).ToString(CultureInfo.InvariantCulture))}"
                    + $";{Maybe(((Next(50) + 1) / 10m).ToString(CultureInfo.InvariantCulture))}\n");
        }

        // Another order: both sides sort by row token.
        foreach (var i in Enumerable.Range(0, rows).Reverse())
        {
            p2.Append(CultureInfo.InvariantCulture,
                $"{i};{Maybe("uvz"[Next(3)].ToString())}"
                    + $";{Maybe(((Next(200000) - 100000) / 1000m * (Next(20) == 0 ? 1000000 : 1)).ToString(CultureInfo.InvariantCulture))}"
                    + $";{Maybe((Next(1999) - 999).ToString(CultureInfo.InvariantCulture))}\n");
        }

        return (p1.ToString(), p2.ToString());
    }
}
