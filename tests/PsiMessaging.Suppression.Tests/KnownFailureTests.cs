namespace PsiMessaging.Suppression.Tests;

/// <summary>What other tools got wrong, as their users reported it (sdcTools/UserSupport).</summary>
public class KnownFailureTests
{
    /// <summary>#135: the counts under 2 are withheld, and who is alone in a cell knows it.</summary>
    private static LinkedTables Singletons(bool withInsiders)
    {
        var tables = Tables.TwoWay(["1", "2"], ["A", "B", "H", "M", "W"], [[1, 1, 7, 1, 0], [1, 0, 0, 2, 8]],
            (name, value) => new(name, value) { Protection = value is > 0 and <= 2 ? Protection.NotExact : null });
        var alone = Enumerable.Range(0, tables.Cells.Count).Where(cell => tables.Cells[cell].Value == 1);
        return withInsiders ? new(tables.Cells, tables.Relations, [.. alone.Select(cell => new Insider([cell]))]) : tables;
    }

    [Fact]
    public void Solve_SingletonsInOneRow_NoneFindsAnother()
    {
        var tables = Singletons(withInsiders: true);
        var result = Suppressor.Solve(tables);
        Assert.Empty(result.Unprotectable);
        Assert.All(tables.Insiders, insider =>
        {
            var report = Audit.Run(tables, result.Withheld, AuditKind.Integer, [.. insider.Knows]);
            Assert.DoesNotContain(report.Cells, cell => cell.Needed is not null && cell.IsExact);
        });
    }

    [Fact]
    public void Solve_TwoSingletonsInARow_WithoutInsidersOneFindsTheOther_AndWithThemNot()
    {
        // A row of two ones: each alone knows the other's, though nobody else does.
        LinkedTables Row(bool withInsiders)
        {
            var tables = TableBuilder.OneWay(["A", "B", "C", "D"], [1, 1, 6, 9], (name, value, _) => new(name, value) { Protection = value == 1
                ? Protection.NotExact : null });
            return withInsiders ? new(tables.Cells, tables.Relations, [new([0]), new([1])]) : tables;
        }

        var open = Suppressor.Solve(Row(withInsiders: false));
        Assert.Equal([0, 1], open.Withheld);
        Assert.True(Audit.Run(Row(withInsiders: true), open.Withheld, AuditKind.Integer, [0])["B"].IsExact);

        var closed = Suppressor.Solve(Row(withInsiders: true));
        Assert.Equal(3, closed.Withheld.Count);
        Assert.False(Audit.Run(Row(withInsiders: true), closed.Withheld, AuditKind.Integer, [0])["B"].IsExact);
    }

    [Fact]
    public void Solve_ThreeSingletonsWhoTalk_AreHeldToo()
    {
        var plain = TableBuilder.OneWay(["A", "B", "C", "D", "E"], [1, 1, 1, 6, 9], (name, value, _) => new(name, value) { Protection = value == 1
            ? Protection.NotExact : null });
        LinkedTables tables = new(plain.Cells, plain.Relations, [new([0, 1]), new([0, 2]), new([1, 2])]);
        var result = Suppressor.Solve(tables);
        Assert.Equal(4, result.Withheld.Count);
        Assert.True(BruteForce.IsSafe(tables, [.. result.Withheld], 20));
    }

    [Fact]
    public void Solve_UnionOfWithheldCellsIsDominated_WithholdsTheCellThatEndsIt()
    {
        // #160: B05, B06 and B07 are dominated (2,80), and so is their sum, which the total gives away; with B09 the largest two still have 85 %.
        long[][] contributors = [[700, 40], [90], [60], [250, 240, 230, 220], [70, 60]];
        string[] codes = ["B05", "B06", "B07", "B08", "B09"];
        bool IsDominated(IReadOnlyList<int> cells) => Protection.Dominance(cells.SelectMany(cell => contributors[cell]), 2, 80) is not null;
        var tables = TableBuilder.OneWay(codes, [.. contributors.Select(list => list.Sum())],
            (name, value, place) => new(name, value) { Cost = value, Protection = place[0] < 3 ? Protection.NotExact : null });

        var without = Suppressor.Solve(tables);
        Assert.Equal([0, 1, 2], without.Withheld);
        Assert.True(IsDominated(without.Withheld));

        var with = Suppressor.Solve(tables, new() { IsUnionSensitive = cells => cells.All(cell => cell < codes.Length) && IsDominated(cells) });
        Assert.False(IsDominated([.. with.Withheld.Where(cell => cell < codes.Length)]));
        Assert.Equal(BruteForceUnion(), with.Cost);
        Assert.True(with.IsOptimal);

        long BruteForceUnion() => Enumerable.Range(0, 4).Select(choice => (List<int>)[0, 1, 2, .. new[] { 3, 4 }.Where((_, i) => (choice >> i & 1) == 1)])
            .Where(cells => !IsDominated(cells)).Min(cells => cells.Skip(3).Sum(cell => tables.Cells[cell].Value));
    }

    [Fact]
    public void Solve_UnionAsAnInternalCell_KeepsItsProtectionLevel()
    {
        // A sum that no table prints, with its own level: the tables' relations know it, and nothing else.
        var plain = TableBuilder.OneWay(["A", "B", "C", "D"], [50, 30, 40, 60], (name, value, _) => new(name, value) { Cost = value,
            Protection = name is "A" or "B" ? new(10, 10, 0) : null });
        List<Cell> cells = [.. plain.Cells, new("A+B", 80) { Role = CellRole.Internal, Protection = new(20, 20, 0) }];
        LinkedTables tables = new(cells, [.. plain.Relations, Relation.Sum(5, [0, 1])]);
        Assert.Equal(["A", "B"], plain.Names(Suppressor.Solve(plain).Withheld));
        var result = Suppressor.Solve(tables);
        Assert.Equal(["A", "B", "C"], tables.Names(result.Withheld));
        Assert.True(Audit.Run(tables, result.Withheld).IsSafe);
    }

    [Fact]
    public void Solve_StructuralZero_ProtectsNothing()
    {
        Cell Make(string name, long value, bool isKnown) => new(name, value)
        {
            Cost = value, Role = isKnown && value == 0 ? CellRole.Published : CellRole.Free, Protection = value == 1 ? Protection.NotExact : null,
        };
        LinkedTables Row(bool isKnown) => TableBuilder.OneWay(["A", "B", "C"], [1, 0, 5], (name, value, _) => Make(name, value, isKnown));
        Assert.Equal(["A", "B"], Row(false).Names(Suppressor.Solve(Row(false)).Withheld));
        Assert.Equal(["A", "C"], Row(true).Names(Suppressor.Solve(Row(true)).Withheld));
        Assert.Throws<ArgumentException>(() => Audit.Run(Row(true), [0, 1]));
    }

    [Fact]
    public void Solve_EverythingIsZeroButOne_SaysWhatCannotBeProtected()
    {
        var tables = TableBuilder.OneWay(["A", "B"], [1, 0], (name, value, _) =>
            new(name, value) { Role = value == 0 ? CellRole.Published : CellRole.Free, Protection = name == "A" ? Protection.NotExact : null });
        var published = new LinkedTables([.. tables.Cells.Select(cell => cell.Name == TableBuilder.Total ? cell with { Role = CellRole.Published }
            : cell)], tables.Relations);
        Assert.Equal([0], Suppressor.Solve(published).Unprotectable);
    }

    [Fact]
    public void Solve_LinkedTables_AreProtectedTogether()
    {
        // #136: two tables of the same regions, by county and by group; what protects in one follows from the other.
        long[] values = [2, 2, 8, 8, 3, 3, 3, 7];
        string[] names = ["A", "B", "I", "J", "K", "L", "M", "N", "county-1", "county-2", "BIG", "small", "Total"];
        long[] all = [.. values, 20, 16, 6, 30, 36];
        var cells = names.Select((name, i) => new Cell(name, all[i]) { Cost = all[i], Protection = all[i] < 4 && i < 8 ? Protection.NotExact : null }).ToList();
        LinkedTables tables = new(cells, [Relation.Sum(8, [0, 1, 2, 3]), Relation.Sum(9, [4, 5, 6, 7]), Relation.Sum(10, [5, 6]), Relation.Sum(11, [0,
            1, 2, 3, 4, 7]),
            Relation.Sum(12, [8, 9]), Relation.Sum(12, [10, 11])]);
        var result = Suppressor.Solve(tables);
        Assert.Equal(BruteForce.CheapestPattern(tables, 40), result.Cost);
        Assert.True(Audit.Run(tables, result.Withheld, AuditKind.Integer).IsSafe);
        var alone = Audit.Run(tables, tables.Indices("A", "B", "K", "L", "M"), AuditKind.Integer);
        Assert.True(alone["K"].IsExact);
    }
}
