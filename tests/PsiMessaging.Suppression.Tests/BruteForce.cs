namespace PsiMessaging.Suppression.Tests;

/// <summary>The plain answers, by trying everything: no program, no theory.</summary>
internal static class BruteForce
{
    /// <summary>
    /// For each withheld cell the least and largest value among all tables of whole numbers that agree with what is printed. Values are tried up to <paramref
    /// name="most"/>, which has to be as large as anything can be.
    /// </summary>
    public static Dictionary<int, (long Low, long High)> Intervals(LinkedTables tables, IReadOnlyCollection<int> withheld, long most)
    {
        var intervals = new Dictionary<int, (long, long)>();
        var values = tables.Cells.Select(cell => cell.Value).ToArray();
        var isOpen = new bool[values.Length];
        foreach (var cell in withheld)
        {
            isOpen[cell] = true;
        }

        Try();
        return intervals;

        void Try()
        {
            if (Next() is not { } next)
            {
                foreach (var cell in withheld)
                {
                    var (low, high) = intervals.GetValueOrDefault(cell, (values[cell], values[cell]));
                    intervals[cell] = (Math.Min(low, values[cell]), Math.Max(high, values[cell]));
                }

                return;
            }

            isOpen[next.Cell] = false;
            for (var value = next.Low; value <= next.High; value++)
            {
                values[next.Cell] = value;
                if (tables.Relations.All(relation => relation.Terms.Any(term => isOpen[term.Cell]) || relation.Terms.Sum(term =>
                    term.Factor * values[term.Cell]) == 0))
                {
                    Try();
                }
            }

            isOpen[next.Cell] = true;
        }

        // A cell that is the last open one of a relation has one value; else any open cell, with all its values.
        (int Cell, long Low, long High)? Next()
        {
            foreach (var relation in tables.Relations)
            {
                if (relation.Terms.Count(term => isOpen[term.Cell]) == 1)
                {
                    var last = relation.Terms.Single(term => isOpen[term.Cell]);
                    var value = -last.Factor * relation.Terms.Where(term => !isOpen[term.Cell]).Sum(term => term.Factor * values[term.Cell]);
                    var own = tables.Cells[last.Cell];
                    return (last.Cell, Math.Max(own.Low, value), Math.Min(own.High ?? most, value));
                }
            }

            var open = Array.IndexOf(isOpen, true);
            return open < 0 ? null : (open, tables.Cells[open].Low, Math.Min(tables.Cells[open].High ?? most, most));
        }
    }

    /// <summary>
    /// The least cost of any pattern in which every primary cell, and against every insider, is as protected as it must be; null where there is none.
    /// </summary>
    public static long? CheapestPattern(LinkedTables tables, long most, Func<IReadOnlyList<int>, bool>? isUnionSensitive = null)
    {
        var free = Enumerable.Range(0, tables.Cells.Count).Where(cell => !tables.Cells[cell].IsHidden && tables.Cells[cell].Role == CellRole.Free).ToList();
        var hidden = Enumerable.Range(0, tables.Cells.Count).Where(cell => tables.Cells[cell].IsHidden).ToList();
        var byCost = Enumerable.Range(0, 1 << free.Count).Select(choice => (Choice: choice, Cost: Enumerable.Range(0, free.Count).Sum(i =>
            (choice >> i & 1) * tables.Cells[free[i]].Cost)));
        foreach (var (choice, cost) in byCost.OrderBy(pair => pair.Cost))
        {
            List<int> withheld = [.. hidden, .. free.Where((_, i) => (choice >> i & 1) == 1)];
            if (IsSafe(tables, withheld, most) && (isUnionSensitive is null || !GivesAway(tables, withheld, isUnionSensitive)))
            {
                return cost;
            }
        }

        return null;
    }

    public static bool IsSafe(LinkedTables tables, IReadOnlyCollection<int> withheld, long most) =>
        Holds(tables, Intervals(tables, withheld, most), _ => true, protection => protection)
        && tables.Insiders.All(insider => Holds(tables, Intervals(tables, [.. withheld.Except(insider.Knows)], most), cell => !insider.Knows.Contains(cell),
            protection => insider.IsFull ? protection : Protection.NotExact));

    private static bool Holds(LinkedTables tables, Dictionary<int, (long Low, long High)> intervals, Func<int, bool> counts, Func<Protection,
        Protection> level) =>
        intervals.All(pair => !counts(pair.Key) || tables.Cells[pair.Key].Protection is not { } protection || Reaches(tables.Cells[pair.Key].Value,
            pair.Value, level(protection)));

    private static bool Reaches(long value, (long Low, long High) interval, Protection level) =>
        interval.Low <= value - level.Lower && interval.High >= value + level.Upper && interval.High - interval.Low >= level.Sliding;

    private static bool GivesAway(LinkedTables tables, List<int> withheld, Func<IReadOnlyList<int>, bool> isSensitive) => tables.Relations.Any(relation =>
    {
        var terms = relation.Terms.Where(term => withheld.Contains(term.Cell)).ToList();
        return terms.Count > 1 && terms.TrueForAll(term => term.Factor == terms[0].Factor) && isSensitive([.. terms.Select(term => term.Cell)]);
    });
}
