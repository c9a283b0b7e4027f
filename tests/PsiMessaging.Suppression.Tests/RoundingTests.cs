namespace PsiMessaging.Suppression.Tests;

/// <summary>Controlled rounding against published tables, and against every rounding of small random ones.</summary>
public class RoundingTests
{
    private static readonly long[][] Handbook = [[1, 0], [3, 3], [12, 20]];

    [Fact]
    public void Round_HandbooksTableBase5_IsBetterThanWhatItPrints()
    {
        var tables = Table(Handbook);
        var result = ControlledRounding.Round(tables, 5);
        Assert.Equal((RoundingOutcome.Optimal, 18, 18), (result.Outcome, result.Deviation, result.LowerBound));
        long[][][] optima = [[[0, 0], [0, 5], [15, 20]], [[0, 0], [5, 5], [10, 20]]];
        Assert.Contains(optima, optimum => Inner(tables, result).SequenceEqual(optimum.SelectMany(row => row)));

        // What the Handbook prints keeps the rules too, and deviates by 22.
        var printed = Table([[5, 0], [0, 5], [10, 20]]);
        Assert.Equal(22, printed.Cells.Zip(tables.Cells).Sum(pair => Math.Abs(pair.First.Value - pair.Second.Value)));
        var (feasible, least) = Enumerate(tables, 5);
        Assert.Equal((6, 18), (feasible, least));
    }

    [Fact]
    public void Round_HandbooksTableBase3_HasTheKnownOptimum()
    {
        var tables = Table(Handbook);
        var result = ControlledRounding.Round(tables, 3);
        Assert.Equal((RoundingOutcome.Optimal, 6), (result.Outcome, result.Deviation));
        Assert.Equal([0, 0, 3, 3, 12, 21], Inner(tables, result));
        Assert.Equal((2, 6), Enumerate(tables, 3));
    }

    [Fact]
    public void Round_ThreeWayTableWithoutARounding_SaysImpossible()
    {
        var tables = TableBuilder.ThreeWay(["1", "2"], ["1", "2"], ["1", "2"], [2, 3, 1, 2, 3, 1, 1, 0], (name, value, _) => new(name, value));
        var result = ControlledRounding.Round(tables, 2);
        Assert.Equal(RoundingOutcome.Impossible, result.Outcome);
        Assert.Empty(result.Values);
        Assert.Equal(0, Enumerate(tables, 2).Feasible);
    }

    [Fact]
    public void Round_WeightedCountsOfStatisticsCanada_IsNoWorseThanTheirs()
    {
        // RTRA, controlled rounding to 100 of weighted counts; in halves, so that they are whole.
        var tables = Table([[723, 241, 241], [723, 0, 482]]);
        var theirs = Table([[800, 200, 200], [600, 0, 600]]);
        var result = ControlledRounding.Round(tables, 200);
        Assert.Equal(RoundingOutcome.Optimal, result.Outcome);
        Assert.True(result.Deviation <= theirs.Cells.Zip(tables.Cells).Sum(pair => Math.Abs(pair.First.Value - pair.Second.Value)));
        AssertKeepsTheRules(tables, 200, result.Values);
    }

    [Fact]
    public void Round_RandomTables_AreAsGoodAsTheBestOfAll()
    {
        for (var seed = 0UL; seed < 60; seed++)
        {
            var random = new SplitMix64(seed);
            var tables = Table([[random.Below(9), random.Below(9)], [random.Below(9), random.Below(9)], [random.Below(9), random.Below(9)]]);
            var roundingBase = 2 + random.Below(4);
            var result = ControlledRounding.Round(tables, roundingBase);
            var (feasible, least) = Enumerate(tables, roundingBase);
            Assert.Equal(feasible > 0 ? RoundingOutcome.Optimal : RoundingOutcome.Impossible, result.Outcome);
            Assert.Equal(least, result.Deviation);
            AssertKeepsTheRules(tables, roundingBase, result.Values);
        }
    }

    [Fact]
    public void Round_BaseOfOne_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => ControlledRounding.Round(Table(Handbook), 1));

    private static LinkedTables Table(long[][] inner) =>
        Tables.TwoWay([.. inner.Select((_, i) => $"r{i}")], [.. inner[0].Select((_, i) => $"c{i}")], inner, (name, value) => new(name, value));

    private static IEnumerable<long> Inner(LinkedTables tables, RoundingResult result) =>
        result.Values.Where((_, cell) => !tables.Cells[cell].Name.Contains(TableBuilder.Total, StringComparison.Ordinal));

    private static void AssertKeepsTheRules(LinkedTables tables, long roundingBase, IReadOnlyList<long> values)
    {
        for (var cell = 0; cell < values.Count; cell++)
        {
            var value = tables.Cells[cell].Value;
            Assert.True(values[cell] % roundingBase == 0 && Math.Abs(values[cell] - value) < roundingBase);
        }

        Assert.All(tables.Relations, relation => Assert.Equal(0, relation.Terms.Sum(term => term.Factor * values[term.Cell])));
    }

    /// <summary>Every way to round every cell: how many keep the relations, and the least sum of deviations.</summary>
    private static (int Feasible, long Least) Enumerate(LinkedTables tables, long roundingBase)
    {
        var open = Enumerable.Range(0, tables.Cells.Count).Where(cell => tables.Cells[cell].Value % roundingBase != 0).ToList();
        var (feasible, least) = (0, long.MaxValue);
        for (var choice = 0; choice < 1 << open.Count; choice++)
        {
            var values = tables.Cells.Select(cell => cell.Value / roundingBase * roundingBase).ToArray();
            for (var i = 0; i < open.Count; i++)
            {
                values[open[i]] += (choice >> i & 1) * roundingBase;
            }

            if (tables.Relations.All(relation => relation.Terms.Sum(term => term.Factor * values[term.Cell]) == 0))
            {
                feasible++;
                least = Math.Min(least, values.Zip(tables.Cells).Sum(pair => Math.Abs(pair.First - pair.Second.Value)));
            }
        }

        return (feasible, feasible == 0 ? 0 : least);
    }
}
