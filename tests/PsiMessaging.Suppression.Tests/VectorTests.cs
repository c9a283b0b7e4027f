namespace PsiMessaging.Suppression.Tests;

/// <summary>Tables with published or checked answers (checked with GLPK): intervals and cheapest patterns.</summary>
public class VectorTests
{
    [Fact]
    public void Audit_GeurtsTable_HasTheHandbooksIntervals()
    {
        // SDC Handbook, example 3, after Geurts 1992, table 10. The first row adds up to 6, so 1,2 is 6 less what 1,1 may be.
        var tables = Tables.TwoWay(["1", "2", "3"], ["1", "2"], [[4, 2], [2, 1], [3, 3]], (name, value) => new(name, value));
        var report = Audit.Run(tables, tables.Indices("1,1", "1,2", "2,1", "2,2"));
        Assert.Equal([(3, 6), (0, 3), (0, 3), (0, 3)], report.Cells.Select(cell => (cell.Low, cell.High)));
    }

    [Theory]
    [InlineData(AuditKind.Linear)]
    [InlineData(AuditKind.Integer)]
    public void Audit_TwoWithheldInEveryLine_FindsTheCellThatFollows(AuditKind kind)
    {
        var tables = Tables.SdcTableProblem((name, value) => new(name, value));
        var report = Audit.Run(tables, tables.Indices(Tables.SdcTableWithheld), kind);
        var expected = new Dictionary<string, (double, double)>(StringComparer.Ordinal)
        {
            ["w,a"] = (25, 94), ["w,b"] = (47, 47), ["w,c"] = (0, 69), ["x,a"] = (26, 95), ["x,c"] = (0, 69),
            ["y,b"] = (0, 185), ["y,d"] = (0, 185), ["z,b"] = (906, 1091), ["z,d"] = (585, 770),
        };
        Assert.Equal(expected, report.Cells.ToDictionary(cell => cell.Cell.Name, cell => (cell.Low, cell.High), StringComparer.Ordinal));
        Assert.Equal(["w,b"], report.Cells.Where(cell => cell.IsExact).Select(cell => cell.Cell.Name));
    }

    [Theory]
    [InlineData("x,d", 0, 78)]
    [InlineData("w,d", 0, 136)]
    [InlineData("x,b", 0, 141)]
    [InlineData("y,a", 0, 141)]
    [InlineData("y,c", 0, 116)]
    [InlineData("z,a", 0, 141)]
    [InlineData("z,c", 0, 116)]
    public void Audit_OneMoreCellWithheld_OpensTheInterval(string added, double low, double high)
    {
        var tables = Tables.SdcTableProblem((name, value) => new(name, value));
        var report = Audit.Run(tables, tables.Indices([.. Tables.SdcTableWithheld, added]));
        Assert.Equal((low, high), (report["w,b"].Low, report["w,b"].High));
    }

    [Fact]
    public void Solve_OneCellFollows_AddsTheCheapestThatHelps()
    {
        var tables = Tables.SdcTableProblem((name, value) => new(name, value)
        {
            Cost = value,
            Protection = Tables.SdcTableWithheld.Contains(name, StringComparer.Ordinal) ? new(0, 0, name == "w,b" ? 1 : 0) : null,
        });
        var result = Suppressor.Solve(tables);
        Assert.Equal(["x,d"], tables.Names(result.Secondary));
        Assert.Equal((31, true), (result.Cost, result.IsOptimal));
    }

    [Fact]
    public void Solve_TauArgusExample_FindsItsOptimum()
    {
        var tables = Tables.TauExample(Protection.NotExact);
        var result = Suppressor.Solve(tables);
        Assert.Equal(["A,male", "C,female", "C,male"], tables.Names(result.Secondary));
        Assert.Equal((1950, 1950, true), (result.Cost, result.LowerBound, result.IsOptimal));
        var report = Audit.Run(tables, result.Withheld);
        Assert.Equal([(409, 1032), (0, 623), (432, 1055), (0, 623)], report.Cells.Select(cell => (cell.Low, cell.High)));
        Assert.True(report.IsSafe);
    }

    [Theory]
    [InlineData("B", 2621)]
    [InlineData("D", 2228)]
    public void Solve_TauArgusExample_OtherRowsCostMore(string row, long cost)
    {
        var original = Tables.TauExample(Protection.NotExact);
        var cells = original.Cells.Select(cell => cell.Name[0] == 'A' || cell.Name[0] == row[0] ? cell : cell with { Role = CellRole.Published }).ToList();
        var result = Suppressor.Solve(new(cells, original.Relations));
        Assert.Equal((cost, true), (result.Cost, result.IsOptimal));
    }

    [Fact]
    public void Solve_ZeroIsWithheld_MatchesTheVignette()
    {
        // GaussSuppression, vignette, example1 of 2014, maxN 1 with zeros withheld.
        var tables = Tables.TwoWay(["young", "old"], ["Spain", "Iceland", "Portugal"], [[5, 2, 0], [6, 3, 4]],
            (name, value) => new(name, value) { Cost = value, Protection = value <= 1 ? Protection.MinimumFrequency(value, 2, 0) : null });
        var result = Suppressor.Solve(tables);
        Assert.Equal(["old,Iceland", "old,Portugal", "young,Iceland", "young,Portugal"], tables.Names(result.Withheld));
    }

    [Theory]
    [InlineData(new long[] { 0, 0, 0 }, new[] { 0, 1 }, 0, 0)]
    [InlineData(new long[] { 10, 5, 0, 0 }, new[] { 2, 3 }, 0, 0)]
    [InlineData(new long[] { 10, 3, 1, 1 }, new[] { 2, 3 }, 1, 1)]
    public void Audit_ZerosAndOnesInARow_AreBothDisclosed(long[] row, int[] withheld, long low, double value)
    {
        // sdcTools UserSupport#194: what is withheld is known to be "low" or more.
        var tables = TableBuilder.OneWay([.. row.Select((_, i) => $"{i}")], row, (name, count, place) => new(name,
            count) { Low = withheld.Contains(place[0]) ? low : 0 });
        var report = Audit.Run(tables, withheld, AuditKind.Integer);
        Assert.All(report.Cells, cell => Assert.Equal((value, value, true), (cell.Low, cell.High, cell.IsExact)));
    }
}
