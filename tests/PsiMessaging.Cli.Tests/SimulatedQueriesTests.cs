using System.Globalization;
using DuckDB.NET.Data;
using PsiMessaging.Testing;

namespace PsiMessaging.Cli.Tests;

/// <summary><c>psi simulate</c> with queries of every kind, each against plain SQL on the joined files.</summary>
public class SimulatedQueriesTests
{
    private static readonly (string Query, string Sql)[] Cases =
    [
        ("SEX, CLASS", "SELECT SEX, CLASS, count(*) FROM j GROUP BY ALL"),
        ("count, sum(INCOME), mean(AGE), var(INCOME), sd(AGE) by SEX", "SELECT SEX, count(*), sum(INCOME), avg(AGE), var_samp(INCOME), stddev_samp(AGE) FROM j GROUP BY ALL"),
        ("cov(AGE, INCOME), corr(AGE, INCOME)", "SELECT covar_samp(AGE, INCOME), corr(AGE, INCOME) FROM j"),
        ("count by AGE in 0-17, 18-64, 65+ where INCOME >= 5000 and SEX = 'F'", "SELECT CASE WHEN AGE <= 17 THEN '0-17' WHEN AGE <= 64 THEN '18-64' ELSE '65+' END, count(*) FROM j WHERE INCOME >= 5000 AND SEX = 'F' GROUP BY ALL"),
        ("count by SEX with totals", "SELECT coalesce(SEX, '(total)'), count(*) FROM j GROUP BY ROLLUP (SEX)"),
        ("count, mean(INCOME) by SEX weight WEIGHT", "SELECT SEX, sum(WEIGHT), sum(INCOME * WEIGHT)::DOUBLE / sum(WEIGHT) FILTER (INCOME IS NOT NULL)::DOUBLE FROM j GROUP BY ALL"),
        ("histogram(LOANS, 0 to 4 step 2)", "SELECT CASE WHEN LOANS < 2 THEN '[0, 2)' ELSE '[2, 4]' END, count(*) FROM j GROUP BY ALL"),
        ("chisq(SEX, AREA)", """
            SELECT n * (sum(o * o / (r * c)) - 1), 2, NULL, sqrt((sum(o * o / (r * c)) - 1)), n FROM
              (SELECT count(*)::DOUBLE o, SEX, AREA FROM j GROUP BY SEX, AREA) JOIN (SELECT count(*)::DOUBLE r, SEX FROM j GROUP BY SEX) USING (SEX)
              JOIN (SELECT count(*)::DOUBLE c, AREA FROM j GROUP BY AREA) USING (AREA), (SELECT count(*) n FROM j) GROUP BY n
            """),
        ("ols(INCOME ~ AGE)", "SELECT '(intercept)', regr_intercept(INCOME, AGE) FROM j UNION ALL SELECT 'AGE', regr_slope(INCOME, AGE) FROM j"),
        ("quantile(LOANS, 0.5, -0.5 to 3.5 step 1)", "SELECT -0.5 + i + (0.5 * (SELECT count(*) FROM j) - below) / here FROM (SELECT LOANS i, count(*) here, coalesce(sum(count(*)) OVER (ORDER BY LOANS ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) below FROM j GROUP BY LOANS) WHERE below < 0.5 * (SELECT count(*) FROM j) AND below + here >= 0.5 * (SELECT count(*) FROM j)"),
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
        var result = await PsiProcess.RunAsync(["simulate", "--p1", people, "--p2", taxes, "--key", "ID", "--min-cell", "1", "--out", output, "--pad", pad, .. Cases.SelectMany(one => new[] { "--query", one.Query })]);
        Assert.True(result.ExitCode == 0, result.Error);
        using var oracle = new DuckDBConnection("DataSource=:memory:");
        oracle.Open();
        Read(oracle, $"CREATE TABLE j AS SELECT * FROM read_csv('{people}', delim=';', types={{'WEIGHT':'DECIMAL(9,1)'}}) a JOIN read_csv('{taxes}', delim=';', types={{'INCOME':'DECIMAL(11,2)'}}) b USING (ID)");
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
                        Assert.True(double.TryParse(line[c], NumberStyles.Float, CultureInfo.InvariantCulture, out var found) && Math.Abs(found - number) <= 1e-9 * Math.Max(1, Math.Abs(number)), $"{Cases[i].Query}: {line[c]} in {Key(line)}, expected {row[c]}");
                    }
                }
            }
        }
    }

    /// <summary>The labels of a row: what is no number.</summary>
    private static string Key(string?[] row) => string.Join('|', row.Where(cell => cell is not null && !double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out _)));

    private static List<string?[]> Read(DuckDBConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<string?[]>();
        while (reader.Read())
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? null : Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture))]);
        }

        return rows;
    }
}
