using System.Globalization;
using DuckDB.NET.Data;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Testing;

namespace PsiMessaging.Cli.Tests;

/// <summary><c>psi simulate</c> with queries of every kind, each against plain SQL on the joined files.</summary>
public class SimulatedQueriesTests
{
    private static readonly (string Query, string Sql)[] Cases =
    [
        ("SEX, CLASS", "SELECT SEX, CLASS, count(*) FROM j GROUP BY ALL"),
        ("count, sum(INCOME), mean(AGE), var(INCOME), sd(AGE) by SEX",
            "SELECT SEX, count(*), sum(INCOME), avg(AGE), var_samp(INCOME), stddev_samp(AGE) FROM j GROUP BY ALL"),
        ("cov(AGE, INCOME), corr(AGE, INCOME)", "SELECT covar_samp(AGE, INCOME), corr(AGE, INCOME) FROM j"),
        ("count by AGE in 0-17, 18-64, 65+ where INCOME >= 5000 and SEX = 'F'",
            "SELECT CASE WHEN AGE <= 17 THEN '0-17' WHEN AGE <= 64 THEN '18-64' ELSE '65+' END, count(*) FROM j WHERE INCOME >= 5000 "
                + "AND SEX = 'F' GROUP BY ALL"),
        ("count by SEX with totals", "SELECT coalesce(SEX, '(total)'), count(*) FROM j GROUP BY ROLLUP (SEX)"),
        ("count, mean(INCOME) by SEX weight WEIGHT",
            "SELECT SEX, sum(WEIGHT), sum(INCOME * WEIGHT)::DOUBLE / sum(WEIGHT) FILTER (INCOME IS NOT NULL)::DOUBLE FROM j GROUP BY ALL"),
        ("histogram(LOANS, 0 to 4 step 2)", "SELECT CASE WHEN LOANS < 2 THEN '[0, 2)' ELSE '[2, 4]' END, count(*) FROM j GROUP BY ALL"),
        ("chisq(SEX, AREA)", """
            SELECT n * (sum(o * o / (r * c)) - 1), 2, NULL, sqrt((sum(o * o / (r * c)) - 1)), n FROM
              (SELECT count(*)::DOUBLE o, SEX, AREA FROM j GROUP BY SEX, AREA) JOIN (SELECT count(*)::DOUBLE r, SEX FROM j GROUP BY SEX) USING (SEX)
              JOIN (SELECT count(*)::DOUBLE c, AREA FROM j GROUP BY AREA) USING (AREA), (SELECT count(*) n FROM j) GROUP BY n
            """),
        ("ols(INCOME ~ AGE)", "SELECT '(intercept)', regr_intercept(INCOME, AGE) FROM j UNION ALL SELECT 'AGE', regr_slope(INCOME, AGE) FROM j"),
        ("quantile(LOANS, 0.5, -0.5 to 3.5 step 1)",
            "SELECT -0.5 + i + (0.5 * (SELECT count(*) FROM j) - below) / here FROM (SELECT LOANS i, count(*) here, coalesce(sum(count(*)) OVER (ORDER BY "
                + "LOANS ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) below FROM j GROUP BY LOANS) WHERE below < 0.5 * (SELECT count(*) FROM j) AND "
                + "below + here >= 0.5 * (SELECT count(*) FROM j)"),
    ];

    [Theory]
    [InlineData("1")]
    [InlineData("7")]
    public async Task EveryKindOfQuery_EqualsPlainSql(string pad)
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "PsiMessaging.sln")))
        {
            root = root.Parent!;
        }

        var (people, taxes) = (Path.Combine(root.FullName, "docs", "examples", "people.csv"), Path.Combine(root.FullName, "docs", "examples", "taxes.csv"));
        using var folder = new TempFolder();
        var output = Path.Combine(folder.Path, "out");
        var result = await PsiProcess.RunAsync(["simulate", "--p1", people, "--p2", taxes, "--key", "ID", "--min-cell",
            "1", "--out", output, "--pad", pad, .. Cases.SelectMany(one => new[] { "--query", one.Query })]);
        Assert.True(result.ExitCode == 0, result.Error);
        using var oracle = new DuckDBConnection("DataSource=:memory:");
        oracle.Open();
        Read(oracle, $"CREATE TABLE j AS SELECT * FROM read_csv('{people}', delim=';', types={{'WEIGHT':'DECIMAL(9,1)'}}) a JOIN read_csv('{taxes}', "
            + "delim=';', types={'INCOME':'DECIMAL(11,2)'}) b USING (ID)");
        for (var i = 0; i < Cases.Length; i++)
        {
            var expected = Read(oracle, Cases[i].Sql).Select(row => row.ToArray()).ToDictionary(Key);
            var lines = Read(oracle, $"SELECT * FROM read_csv('{Path.Combine(output, $"query-{i + 1}.csv")}', header=true, all_varchar=true)").ToList();
            Assert.Equal(expected.Count, lines.Count);
            foreach (var line in lines)
            {
                Assert.True(expected.TryGetValue(Key(line), out var row), $"{Cases[i].Query}: no row {Key(line)} among {string.Join(" / ", expected.Keys)}");
                for (var c = 0; c < row!.Length; c++)
                {
                    if (double.TryParse(row[c], NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
                    {
                        Assert.True(double.TryParse(line[c], NumberStyles.Float, CultureInfo.InvariantCulture, out var found)
                            && Math.Abs(found - number) <= 1e-9 * Math.Max(1, Math.Abs(number)),
                                $"{Cases[i].Query}: {line[c]} in {Key(line)}, expected {row[c]}");
                    }
                }
            }
        }
    }

    private const string People = "ID,G,AGE\n1,x,10\n2,x,20\n3,y,30\n4,y,40\n";
    private const string Taxes = "ID,INCOME,CLASS\n1,100,low\n2,200,low\n3,300,high\n4,400,high\n";

    [Theory]
    [InlineData("count by GG", 1, "query 2, `count by GG`: neither party has a column GG; P1 has G, AGE; P2 has INCOME, CLASS")]
    [InlineData("mean(CLASS)", 1, "query 2, `mean(CLASS)`: mean(CLASS): P2.CLASS is text, and mean needs numbers")]
    [InlineData("count where AGE > 10 or INCOME > 100", 1, "query 2, `count where AGE > 10 or INCOME > 100`: the engine masked cannot filter by")]
    [InlineData("count by", 2, "query 2, `count by`: ")]
    public async Task AQuestionThatCannotBe_IsNamedBeforeAnythingIsExchanged(string question, int exitCode, string expected)
    {
        using var folder = new TempFolder();
        var output = Path.Combine(folder.Path, "out");
        var result = await PsiProcess.RunAsync("simulate", "--p1", folder.Write("a.csv", People), "--p2",
            folder.Write("b.csv", Taxes), "--key", "ID", "--min-cell", "1", "--query", "G", "--query", question, "--out", output);
        Assert.Equal(exitCode, result.ExitCode);
        Assert.StartsWith($"psi: {expected}", result.Error, StringComparison.Ordinal);
        Assert.Equal("", result.Output);
        Assert.False(Directory.Exists(output));
    }

    [Theory]
    [InlineData("ols(INCOME ~ AGE + C(AGE))", "names the column AGE twice", false)]
    [InlineData("ols(INCOME ~ C(G) + C(CLASS))", "the regression has no unique solution", true)]
    [InlineData("count where AGE > 99", "the filter `AGE > 99` selects none of the 4 common records", true)]
    public async Task AQuestionThatIsRefusedLate_LeavesTheOthersAnswered(string question, string reason, bool isLate)
    {
        using var folder = new TempFolder();
        var output = Path.Combine(folder.Path, "out");
        var result = await PsiProcess.RunAsync("simulate", "--p1", folder.Write("a.csv", People), "--p2", folder.Write("b.csv", Taxes),
            "--key", "ID", "--min-cell", "1", "--query", "G", "--query", question, "--query", "sum(INCOME)", "--out", output);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(reason, result.Error, StringComparison.Ordinal);
        Assert.Contains($"query 2, `{question}`: ", result.Error, StringComparison.Ordinal);
        Assert.Equal(isLate, result.Output.Contains("1,000", StringComparison.Ordinal));
        Assert.Equal(isLate, File.Exists(Path.Combine(output, "query-1.csv")) && File.Exists(Path.Combine(output, "query-3.csv"))
            && File.ReadAllText(Path.Combine(output, "report.json")).Contains(reason, StringComparison.Ordinal));
        Assert.False(File.Exists(Path.Combine(output, "query-2.csv")));
    }

    /// <summary>The labels of a row: what is no number.</summary>
    private static string Key(string?[] row) =>
        string.Join('|', row.Where(cell => cell is not null && !double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out _)));

    private static List<string?[]> Read(DuckDBConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<string?[]>();
        while (reader.Read())
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount)
                .Select(i => reader.IsDBNull(i) ? null : Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture))]);
        }

        return rows;
    }
}
