namespace PsiMessaging.Suppression.Tests;

/// <summary>Random small tables against trying everything.</summary>
public class PropertyTests
{
    private const long Minimum = 3;

    [Fact]
    public void AuditInteger_RandomPatterns_HasTheIntervalsOfAllTables()
    {
        for (var seed = 0UL; seed < 120; seed++)
        {
            var random = new SplitMix64(seed);
            var tables = seed % 3 == 0 ? Cube(random, 4) : Random(random, 3, 3, 7, _ => null);
            var withheld = Enumerable.Range(0, tables.Cells.Count).Where(cell => Size(tables, cell) && random.Below(100) < 55).Take(8).ToList();
            var report = Audit.Run(tables, withheld, AuditKind.Integer);
            var expected = BruteForce.Intervals(tables, withheld, 60);
            Assert.Equal(withheld.Select(cell => ((double)expected[cell].Low, (double)expected[cell].High)), report.Cells.Select(cell => (cell.Low,
                cell.High)));
        }
    }

    [Fact]
    public void AuditLinear_RandomPatterns_HoldsEveryTable()
    {
        for (var seed = 200UL; seed < 260; seed++)
        {
            var random = new SplitMix64(seed);
            var tables = Cube(random, 4);
            var withheld = Enumerable.Range(0, tables.Cells.Count).Where(cell => Size(tables, cell) && random.Below(100) < 55).Take(8).ToList();
            var expected = BruteForce.Intervals(tables, withheld, 60);
            var report = Audit.Run(tables, withheld);
            Assert.All(withheld.Zip(report.Cells), pair => Assert.True(pair.Second.Low <= expected[pair.First].Low
                && pair.Second.High >= expected[pair.First].High));
        }
    }

    [Fact]
    public void Solve_RandomTables_IsAsCheapAsTheCheapestOfAllPatterns()
    {
        var solved = 0;
        for (var seed = 0UL; seed < 60; seed++)
        {
            var random = new SplitMix64(seed);
            var tables = Random(random, 2, 3, 6, value => value is > 0 and < Minimum ? Protection.MinimumFrequency(value, Minimum) : null);
            var cheapest = BruteForce.CheapestPattern(tables, 40);
            var result = Suppressor.Solve(tables);
            Assert.Equal(cheapest is null, result.Unprotectable.Count > 0);
            if (cheapest is not null)
            {
                solved++;
                Assert.Equal((cheapest.Value, cheapest.Value, true), (result.Cost, result.LowerBound, result.IsOptimal));
                Assert.True(BruteForce.IsSafe(tables, [.. result.Withheld], 40));
                Assert.True(result.Cost <= result.HeuristicCost);
            }
        }

        Assert.True(solved > 30, $"only {solved}");
    }

    [Fact]
    public void Solve_RandomTablesWithSingletons_IsAsCheapAsTheCheapestOfAllPatterns()
    {
        var solved = 0;
        for (var seed = 500UL; seed < 530; seed++)
        {
            var random = new SplitMix64(seed);
            var plain = Random(random, 2, 3, 6, value => value is > 0 and < Minimum ? Protection.NotExact : null);
            var singletons = Enumerable.Range(0, plain.Cells.Count).Where(cell => plain.Cells[cell].Value == 1).Select(cell => new Insider([cell])).ToList();
            LinkedTables tables = new(plain.Cells, plain.Relations, singletons);
            var cheapest = BruteForce.CheapestPattern(tables, 40);
            var result = Suppressor.Solve(tables);
            Assert.Equal(cheapest is null, result.Unprotectable.Count > 0);
            if (cheapest is not null)
            {
                solved++;
                Assert.Equal((cheapest.Value, true), (result.Cost, result.IsOptimal));
            }
        }

        Assert.True(solved > 10, $"only {solved}");
    }

    [Fact]
    public void Solve_RandomCubes_IsSafeAgainstWholeNumbers()
    {
        for (var seed = 900UL; seed < 920; seed++)
        {
            var tables = Cube(new SplitMix64(seed), 9, value => value is > 0 and < Minimum ? Protection.MinimumFrequency(value, Minimum) : null);
            var result = Suppressor.Solve(tables);
            var report = Audit.Run(tables, result.Withheld, AuditKind.Integer);
            Assert.All(report.Cells.Where(cell => !result.Unprotectable.Contains(tables.IndexOf(cell.Cell.Name))), cell => Assert.True(cell.IsSafe,
                report.ToString()));
        }
    }

    [Fact]
    public void Solve_DearCells_AreProtectedToo()
    {
        // What a cell costs must not come near what the programs pay for room: with costs of millions no move was found once.
        for (var seed = 600UL; seed < 612; seed++)
        {
            var random = new SplitMix64(seed);
            long[] inner = [.. Enumerable.Range(0, 36).Select(_ => random.Below(10) < 3 ? 1 + random.Below(2) : 20_000_000L + random.Below(400_000_000))];
            string[] codes = [.. Enumerable.Range(0, 6).Select(code => $"{code}")];
            var tables = TableBuilder.TwoWay(codes, codes, inner, (name, value, _) => new(name, value)
            {
                Cost = Math.Min(value, LinkedTables.LargestCost), Protection = value < Minimum ? Protection.MinimumFrequency(value, Minimum) : null,
            });
            var result = Suppressor.Solve(tables);
            Assert.Empty(result.Unprotectable);
            var report = Audit.Run(tables, result.Withheld);
            Assert.True(report.IsSafe, report.ToString());
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Speed", "Slow")]
    public void Solve_LargerCubes_AreSafeAgainstWholeNumbers_AndTheSameTwice(bool isExactOnly)
    {
        for (var seed = 950UL; seed < 953; seed++)
        {
            var tables = Larger(seed, isExactOnly);
            Assert.True(tables.Cells.Count(cell => cell.Protection is not null) > 20);
            var result = Suppressor.Solve(tables, new() { WorkLimit = 0.5 });
            Assert.Empty(result.Unprotectable);
            Assert.True(result.LowerBound <= result.Cost);
            var report = Audit.Run(tables, result.Withheld, AuditKind.Integer);
            Assert.True(report.IsSafe, report.ToString());
            Assert.Equal(result.Withheld, Suppressor.Solve(Larger(seed, isExactOnly), new() { WorkLimit = 0.5 }).Withheld);
        }

        static LinkedTables Larger(ulong seed, bool isExactOnly)
        {
            var random = new SplitMix64(seed);
            string[][] codes = [["a", "b", "c", "d", "e", "f"], ["a", "b", "c", "d", "e"], ["a", "b", "c", "d"]];
            return TableBuilder.Build(codes, [.. Enumerable.Range(0, 120).Select(_ => random.Below(10) < 3 ? 1L + random.Below(2) : 3 + random.Below(60))],
                (name, value, _) => new(name, value) { Protection = value >= Minimum ? null
                    : isExactOnly ? Protection.NotExact : Protection.MinimumFrequency(value, Minimum) });
        }
    }

    [Fact]
    public void Solve_Twice_GivesTheSamePattern()
    {
        for (var seed = 40UL; seed < 44; seed++)
        {
            var (first, second) = (Suppressor.Solve(Table(seed)), Suppressor.Solve(Table(seed)));
            Assert.Equal(first.Withheld, second.Withheld);
            Assert.Equal((first.Cost, first.LowerBound, first.Effort), (second.Cost, second.LowerBound, second.Effort));
        }

        static LinkedTables Table(ulong seed) => Random(new SplitMix64(seed), 8, 7, 25, value => value is > 0 and < Minimum
            ? Protection.MinimumFrequency(value, Minimum) : null);
    }

    [Fact]
    public void SuppressionOff_TheAttackerFindsTheValue_AndOn_DoesNot()
    {
        var found = 0;
        for (var seed = 70UL; seed < 90; seed++)
        {
            var tables = Random(new SplitMix64(seed), 5, 5, 30, value => value is > 0 and < Minimum ? Protection.MinimumFrequency(value, Minimum) : null);
            var primary = Enumerable.Range(0, tables.Cells.Count).Where(cell => tables.Cells[cell].Protection is not null).ToList();
            var off = Audit.Run(tables, primary, AuditKind.Integer);
            found += off.Cells.Count(cell => cell.IsExact && cell.Low == cell.Cell.Value);
            var on = Audit.Run(tables, Suppressor.Solve(tables).Withheld, AuditKind.Integer);
            Assert.True(on.IsSafe, on.ToString());
            Assert.DoesNotContain(on.Cells, cell => cell.Needed is not null && cell.IsExact);
        }

        Assert.True(found > 20, $"only {found}");
    }

    private static LinkedTables Random(SplitMix64 random, int rows, int columns, int most, Func<long, Protection?> protection)
    {
        long[] inner = [.. Enumerable.Range(0, rows * columns).Select(_ => (long)random.Below(most))];
        return TableBuilder.TwoWay([.. Enumerable.Range(0, rows).Select(row => $"r{row}")], [.. Enumerable.Range(0, columns).Select(column =>
            $"c{column}")], inner,
            (name, value, _) => new(name, value) { Cost = 1 + random.Below(5), Protection = protection(value) });
    }

    private static LinkedTables Cube(SplitMix64 random, int most, Func<long, Protection?>? protection = null) =>
        TableBuilder.ThreeWay(["a", "b"], ["a", "b"], ["a", "b"], [.. Enumerable.Range(0, 8).Select(_ => (long)random.Below(most))],
            (name, value, _) => new(name, value) { Protection = protection?.Invoke(value) });

    /// <summary>Small enough to try everything.</summary>
    private static bool Size(LinkedTables tables, int cell) => tables.Cells[cell].Value <= 12;
}
