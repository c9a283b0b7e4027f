namespace PsiMessaging.Suppression.Tests;

/// <summary>An attacker who reads more in a table than its numbers: the marks, the rule, the whole program.</summary>
public class MarkTests
{
    private const long Minimum = 4;

    [Fact]
    public void MinimumFrequency_EveryValueAndMinimum_ReachesTheMinimumAndLeavesTwoSmallCounts()
    {
        for (var minimum = 2L; minimum < 12; minimum++)
        {
            for (var value = 1L; value < minimum; value++)
            {
                var level = Protection.MinimumFrequency(value, minimum);
                var (low, high) = (value - level.Lower, value + level.Upper);
                Assert.True(high >= minimum);
                Assert.True(minimum == 2 || Enumerable.Range(1, (int)minimum - 1).Count(count => count >= low && count <= high) >= 2);
            }
        }
    }

    [Fact]
    public void Solve_RandomTables_GuessingThatACellIsTheSmallOne_LeavesTwoCounts()
    {
        for (var seed = 0UL; seed < 30; seed++)
        {
            var tables = Table(seed, 4, 4);
            var result = Suppressor.Solve(tables);
            var report = Audit.Run(tables, result.Withheld, AuditKind.Integer);
            Assert.All(report.Cells.Where(cell => cell.Needed is not null), cell => Assert.True(Math.Min(cell.High, Minimum - 1) - Math.Max(cell.Low,
                1) >= 1 && cell.High >= Minimum));
        }
    }

    [Fact]
    public void Told_ThePatternOfAlikeMarks_MayNotBeEnough_AndItsOwnIs()
    {
        var broken = 0;
        for (var seed = 0UL; seed < 40; seed++)
        {
            var tables = Table(seed, 4, 4);
            var told = TableMarks.Told(tables, Minimum);
            var alike = Audit.Run(told, Suppressor.Solve(tables).Withheld, AuditKind.Integer);
            broken += alike.IsSafe ? 0 : 1;
            var result = Suppressor.Solve(told);
            var own = Audit.Run(told, result.Withheld, AuditKind.Integer);
            Assert.All(own.Cells.Where(cell => !result.Unprotectable.Contains(told.IndexOf(cell.Cell.Name))), cell => Assert.True(cell.IsSafe, own.ToString()));
        }

        Assert.True(broken > 0);
    }

    [Fact]
    public void Told_MinimumOfTwo_SaysThatNothingProtects()
    {
        var tables = Tables.TwoWay(["1", "2"], ["1", "2"], [[1, 5], [6, 7]], (name, value) => new(name, value) { Protection = value == 1
            ? Protection.MinimumFrequency(1, 2) : null });
        Assert.Empty(Suppressor.Solve(tables).Unprotectable);
        Assert.Equal([0], Suppressor.Solve(TableMarks.Told(tables, 2)).Unprotectable);
    }

    /// <summary>
    /// Somebody who has this program keeps of all tables that agree with what is printed those for which it withholds the same cells. It is not claimed that
    /// this leaves two values; docs/suppression.md says how often it did not here.
    /// </summary>
    [Fact]
    [Trait("Speed", "Slow")]
    public void WholeProgramKnown_SmallTables_StillLeavesTwoValues()
    {
        int exact = 0, primary = 0;
        for (var seed = 0UL; seed < 25; seed++)
        {
            var random = new SplitMix64(seed);
            var tables = Build([.. Enumerable.Range(0, 4).Select(_ => 1L + random.Below(9))], 2, 2);
            var result = Suppressor.Solve(tables);
            if (result.Withheld.Count is 0 or > 4 || result.Unprotectable.Count > 0)
            {
                continue;
            }

            var possible = Agreeing(tables, result.Withheld);
            foreach (var cell in result.Withheld.Where(cell => tables.Cells[cell].Protection is not null))
            {
                primary++;
                var values = possible.Select(table => table.Cells[cell].Value).Distinct().ToList();
                Assert.Contains(tables.Cells[cell].Value, values);
                exact += values.Count == 1 ? 1 : 0;
            }
        }

        Assert.Equal((0, 23), (exact, primary));
    }

    private static List<LinkedTables> Agreeing(LinkedTables tables, IReadOnlyList<int> withheld)
    {
        var found = new List<LinkedTables>();
        var inner = withheld.Where(cell => !tables.Cells[cell].Name.Contains(TableBuilder.Total, StringComparison.Ordinal)).ToList();
        var report = Audit.Run(tables, withheld, AuditKind.Integer);
        Try(0, [.. tables.Cells.Select(cell => cell.Value)]);
        return found;

        void Try(int next, long[] values)
        {
            if (next < inner.Count)
            {
                var seen = report[tables.Cells[inner[next]].Name];
                for (var value = (long)seen.Low; value <= Math.Min(seen.High, 40); value++)
                {
                    values[inner[next]] = value;
                    Try(next + 1, values);
                }

                return;
            }

            var table = Build([.. Enumerable.Range(0, tables.Cells.Count).Where(cell => !tables.Cells[cell].Name.Contains(TableBuilder.Total,
                StringComparison.Ordinal)).Select(cell => values[cell])], 2, 2);
            if (Enumerable.Range(0, values.Length).All(cell => withheld.Contains(cell) || table.Cells[cell].Value == tables.Cells[cell].Value)
                && Suppressor.Solve(table).Withheld.SequenceEqual(withheld))
            {
                found.Add(table);
            }
        }
    }

    private static LinkedTables Table(ulong seed, int rows, int columns)
    {
        var random = new SplitMix64(seed);
        return Build([.. Enumerable.Range(0, rows * columns).Select(_ => 1L + random.Below(20))], rows, columns);
    }

    private static LinkedTables Build(long[] inner, int rows, int columns) =>
        TableBuilder.TwoWay([.. Enumerable.Range(0, rows).Select(row => $"r{row}")], [.. Enumerable.Range(0, columns).Select(column => $"c{column}")], inner,
            (name, value, _) => new(name, value) { Protection = value is > 0 and < Minimum ? Protection.MinimumFrequency(value, Minimum) : null });
}
