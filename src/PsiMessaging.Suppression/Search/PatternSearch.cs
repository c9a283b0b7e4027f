namespace PsiMessaging.Suppression.Search;

/// <summary>One search for a pattern, from heuristics over the relaxation to whole patterns.</summary>
internal sealed class PatternSearch : IDisposable
{
    /// <summary>Steps times relations that take about a second on one core.</summary>
    private const double WorkPerSecond = 1e7;

    private readonly Problem problem;
    private readonly SuppressionOptions options;
    private readonly Separator separator;
    private readonly Unions unions;
    private readonly Heuristics heuristics;
    private readonly Master master;
    private bool[] best = [];
    private long bestCost = long.MaxValue;
    private long bound;
    private int rounds;

    public PatternSearch(Problem problem, SuppressionOptions options)
    {
        this.problem = problem;
        this.options = options;
        separator = new(problem, new Witnesses(problem));
        unions = new(problem, options.IsUnionSensitive);
        heuristics = new(problem, separator, unions);
        master = new(problem);
    }

    private double Spent => ((separator.Work + heuristics.Work + master.Work) / WorkPerSecond) + master.SatSeconds;

    public SuppressionResult Run()
    {
        var unprotectable = SetAside();
        Try(heuristics.NextSmallest());
        Try(problem.FixedPattern());
        var heuristicCost = bestCost;
        var isOptimal = bestCost == 0;
        if (!isOptimal)
        {
            AddSeeds();
            var (x, reduced, relaxed) = Relax();
            isOptimal = bound >= bestCost || SolveWhole(x, reduced, relaxed);
        }

        var secondary = Enumerable.Range(0, problem.Count).Where(cell => best[cell] && !problem.IsFixed[cell]).ToList();
        var withheld = Enumerable.Range(0, problem.Count).Where(cell => best[cell] && problem.Tables.Cells[cell].Role != CellRole.Internal).ToList();
        return new(withheld, secondary, bestCost, isOptimal ? bestCost : Math.Min(bound, bestCost), isOptimal, heuristicCost, unprotectable)
        {
            Effort = (master.CutCount, rounds),
        };
    }

    public void Dispose()
    {
        heuristics.Dispose();
        master.Dispose();
        separator.Dispose();
    }

    /// <summary>Takes out what not even withholding everything would protect, and returns its cells.</summary>
    private List<int> SetAside()
    {
        var hopeless = separator.Violated(problem.LargestPattern(), int.MaxValue).Select(violated => violated.Requirement).ToHashSet();
        problem.Requirements = [.. problem.Requirements.Where(requirement => !hopeless.Contains(requirement))];
        return [.. hopeless.Select(requirement => requirement.Cell).Distinct().Order()];
    }

    /// <summary>Completes a pattern, cleans it, and keeps it if it is the cheapest so far; of equally cheap ones the first stays.</summary>
    private void Try(bool[] start, double[]? weights = null)
    {
        var pattern = heuristics.Complete(start, weights ?? [.. problem.Cost.Select(cost => (double)cost)]);
        heuristics.Clean(pattern);
        Offer(pattern);
    }

    private void Offer(bool[] pattern)
    {
        var cost = problem.CostOf(pattern);
        if (cost < bestCost)
        {
            (best, bestCost) = ((bool[])pattern.Clone(), cost);
        }
    }

    /// <summary>Of every relation of a primary cell something else must be withheld: the cuts that everybody knows, before any program is asked.</summary>
    private void AddSeeds()
    {
        foreach (var cut in separator.Seeds())
        {
            master.Add(cut);
        }
    }

    private (double[] Pattern, double[] ReducedCosts, double Bound) Relax()
    {
        var (cost, x, reduced) = master.Relax();
        var last = cost;
        for (int round = 1, idle = 0; Spent < options.WorkLimit * 0.6 && idle < 6; round++)
        {
            var added = separator.Cuts(x, 1e-4).Count(master.Add);
            if (added == 0)
            {
                break;
            }

            (cost, x, reduced) = master.Relax();
            idle = cost - last < 1e-4 * Math.Max(1, last) ? idle + 1 : 0;
            last = cost;
            if (round % 8 == 0)
            {
                TryNear(x);
            }
        }

        TryNear(x);
        bound = Math.Max(bound, (long)Math.Ceiling(cost - 1e-6));
        return (x, reduced, cost);
    }

    /// <summary>A pattern near the fractional one: what that takes anyway costs little.</summary>
    private void TryNear(double[] x) => Try(problem.FixedPattern(), [.. problem.Cost.Select((cost, cell) => cost * (1.001 - x[cell]))]);

    /// <summary>True when the best pattern is proven to be so.</summary>
    private bool SolveWhole(double[] x, double[] reduced, double relaxed)
    {
        while (Spent < options.WorkLimit)
        {
            rounds++;
            // A cell whose reduced cost closes the gap is in no cheaper pattern.
            var isOpen = new bool[problem.Count];
            for (var cell = 0; cell < isOpen.Length; cell++)
            {
                isOpen[cell] = problem.IsFree[cell] && (x[cell] > 1e-9 || relaxed + reduced[cell] < bestCost - 1 + 1e-6);
            }

            var seconds = Math.Max(0.05, Math.Min(options.WorkLimit - Spent, options.WorkLimit / 4));
            var found = master.Solve(isOpen, best, bestCost, seconds, out var timedOut);
            if (found is null)
            {
                return !timedOut;
            }

            bound = Math.Max(bound, Math.Min(found.Bound, bestCost));
            var cuts = separator.Violated(found.Pattern, int.MaxValue).Select(violated => violated.Cut).OfType<Cut>().Concat(unions.Cuts(found.Pattern)).ToList();
            if (cuts.Count == 0)
            {
                Offer(found.Pattern);
                if (found.IsBest)
                {
                    return true;
                }

                continue;
            }

            if (cuts.Count(master.Add) == 0)
            {
                return false;
            }

            Try(found.Pattern);
        }

        return false;
    }
}
