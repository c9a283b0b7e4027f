using PsiMessaging.Suppression;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>suppression [tables] [primary of 50 x 40, by commas] [N]</c>: secondary cells of random tables with skewed counts, ours and the best
/// heuristic's, and seconds of processor time, which other programs on the machine do not change. With a last argument N also N tables of 20 x 15
/// x 10.
/// </summary>
internal static class Suppression
{
    private const long Minimum = 3;

    public static int Run(string[] args)
    {
        var tables = args.Length > 1 ? int.Parse(args[1]) : 50;
        var counts = args.Length > 2 ? args[2].Split(',').Select(int.Parse).ToList() : [21, 42, 67, 105];
        Console.WriteLine("table          primary secondary heuristic    bound  proven  mean s   max s");
        foreach (var primary in counts)
        {
            Measure("50 x 40", tables, seed => TwoWay(50, 40, primary, seed));
        }

        if (args.Length > 3)
        {
            Measure("20 x 15 x 10", int.Parse(args[3]), seed => ThreeWay([20, 15, 10], 325, seed));
        }

        return 0;
    }

    private static void Measure(string name, int tables, Func<ulong, LinkedTables> table)
    {
        double secondary = 0, heuristic = 0, bound = 0, primary = 0;
        int proven = 0, dearer = 0, unprotected = 0;
        var seconds = new List<double>();
        for (var seed = 1; seed <= tables; seed++)
        {
            var linked = table((ulong)seed);
            var before = Environment.CpuUsage.TotalTime;
            var result = Suppressor.Solve(linked);
            seconds.Add((Environment.CpuUsage.TotalTime - before).TotalSeconds);
            secondary += result.Secondary.Count;
            heuristic += result.HeuristicCost;
            bound += result.LowerBound;
            primary += linked.Cells.Count(cell => cell.Protection is not null);
            proven += result.IsOptimal ? 1 : 0;
            dearer += result.Cost > result.HeuristicCost ? 1 : 0;
            unprotected += result.Unprotectable.Count;
        }

        string[] means = [.. new[] { primary, secondary, heuristic, bound }.Select(sum => $"{sum / tables,9:0.0}")];
        Console.WriteLine($"{name,-12} {string.Concat(means)} {proven,7}  {seconds.Average(),6:0.0}  {seconds.Max(),6:0.0}");
        if (dearer + unprotected > 0)
        {
            Console.WriteLine($"{dearer} tables are dearer than the heuristic, {unprotected} cells cannot be protected");
        }
    }

    /// <summary>
    /// Skewed counts, as in tables of a population: log-normal inside. The smallest non-zero ones are primary, down to a minimum that gives so many.
    /// </summary>
    private static LinkedTables TwoWay(int rows, int columns, int primary, ulong seed) => ThreeWay([rows, columns], primary, seed);

    private static LinkedTables ThreeWay(int[] lengths, int primary, ulong seed)
    {
        var random = new Seeded(seed);
        var size = lengths.Aggregate(1, (product, length) => product * length);
        var inner = new long[size];
        for (var i = 0; i < size; i++)
        {
            inner[i] = (long)Math.Exp(3.0 + (1.5 * random.Normal())) + Minimum;
        }

        // So many cells at random get 1 to the minimum less 1.
        for (var left = primary; left > 0;)
        {
            var cell = random.Below(size);
            if (inner[cell] >= Minimum)
            {
                inner[cell] = 1 + random.Below((int)Minimum - 1);
                left--;
            }
        }

        return TableBuilder.Build([.. lengths.Select(length => Enumerable.Range(1, length).Select(code => $"{code}").ToArray())], inner,
            (name, value, _) => new(name, value) { Protection = value < Minimum ? Protection.MinimumFrequency(value, Minimum) : null });
    }

    private sealed class Seeded(ulong seed)
    {
        private ulong state = seed;

        public int Below(int end) => (int)(Next() % (ulong)end);

        public double Normal() => Math.Sqrt(-2 * Math.Log(1 - Unit())) * Math.Cos(2 * Math.PI * Unit());

        private double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

        private ulong Next()
        {
            var z = state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }
}
