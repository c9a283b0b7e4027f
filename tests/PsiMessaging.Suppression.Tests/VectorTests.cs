namespace PsiMessaging.Suppression.Tests;

/// <summary>Tables with published or checked answers (checked with GLPK): intervals and cheapest patterns.</summary>
public class VectorTests
{
    [Fact]
    public void Audit_GeurtsTable_HasTheHandbooksIntervals()
    {
        // SDC Handbook, example 3, after Geurts 1992, table 10. A list of vectors that goes round has [1, 4] for 1,2, which is wrong: the first row adds up to
        // 6, so with 1,1 from 3 to 6 (as that list has it too) 1,2 is from 0 to 3; both ends occur, (6, 0; 0, 3) and (3, 3; 3, 0).
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

    /// <summary>
    /// GaussSuppression, vignette "Magnitude table suppression" (MIT): its 20 contributions, each somebody's own, in tenths; the (1,80) rule finds four cells.
    /// </summary>
    private static LinkedTables Magnitude(Func<long, long> cost)
    {
        var contributions = new Dictionary<string, long[]>(StringComparer.Ordinal)
        {
            ["Agriculture,Iceland"] = [], ["Agriculture,Portugal"] = [759, 245], ["Agriculture,Spain"] = [966, 432],
            ["Entertainment,Iceland"] = [168], ["Entertainment,Portugal"] = [71, 23], ["Entertainment,Spain"] = [774, 115, 164],
            ["Governmental,Iceland"] = [], ["Governmental,Portugal"] = [216, 20], ["Governmental,Spain"] = [65, 27],
            ["Industry,Iceland"] = [96, 88, 19], ["Industry,Portugal"] = [257, 34], ["Industry,Spain"] = [84],
        };
        return Tables.TwoWay(["Agriculture", "Entertainment", "Governmental", "Industry"], ["Iceland", "Portugal", "Spain"],
            [.. contributions.Values.Chunk(3).Select(row => row.Select(cell => cell.Sum()).ToArray())], (name, value) => new(name, value)
            {
                Cost = cost(value), Role = value == 0 ? CellRole.Published : CellRole.Free,
                Protection = contributions.TryGetValue(name, out var cell) && Protection.Dominance(cell, 1, 80) is not null ? Protection.NotExact : null,
            });
    }

    private static readonly string[] GaussSecondary =
        ["Entertainment,Portugal", "Governmental,Spain", "Governmental,Total", "Industry,Iceland", "Industry,Total"];

    [Fact]
    public void Dominance_MagnitudeVignette_FindsItsFourCells()
    {
        var tables = Magnitude(_ => 1);
        var primary = Enumerable.Range(0, tables.Cells.Count).Where(cell => tables.Cells[cell].Protection is not null);
        Assert.Equal(["Entertainment,Iceland", "Governmental,Portugal", "Industry,Portugal", "Industry,Spain"], tables.Names(primary));
        Assert.Equal([0.7559761, 0.9152542, 0.8831615], new[] { 759 / 1004.0, 216 / 236.0, 257 / 291.0 }.Select(share => Math.Round(share, 7)));
    }

    [Fact]
    public void Solve_MagnitudeVignette_IsSafeWithFewerCellsThanTheVignettes()
    {
        var tables = Magnitude(_ => 1);
        List<int> theirs = [.. Enumerable.Range(0, tables.Cells.Count).Where(cell => tables.Cells[cell].Protection is not null),
            .. tables.Indices(GaussSecondary)];
        var audit = Audit.Run(tables, theirs);
        Assert.True(audit.IsSafe, audit.ToString());
        var ours = Suppressor.Solve(tables);
        Assert.True(ours.IsOptimal && ours.Secondary.Count < GaussSecondary.Length, string.Join(' ', tables.Names(ours.Secondary)));
        Assert.True(Audit.Run(tables, ours.Withheld).IsSafe);

        var byValue = Magnitude(value => value);
        var least = Suppressor.Solve(byValue);
        Assert.True(least.IsOptimal && least.Cost < theirs.Sum(cell => tables.Cells[cell].Protection is null ? tables.Cells[cell].Value : 0));
        Assert.True(Audit.Run(byValue, least.Withheld).IsSafe);
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
