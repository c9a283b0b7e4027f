namespace PsiMessaging.Suppression.Search;

/// <summary>One search for a pattern, from heuristics over the relaxation to whole patterns.</summary>
internal sealed class PatternSearch : IDisposable
{
    /// <summary>Steps times relations that take about a second on one core.</summary>
    private const double WorkPerSecond = 1e7;

    /// <summary>CP-SAT's seconds are shorter than they seem: on the machine on which the other unit is about a second, one took up to three.</summary>
    private const double SatWork = 1.25;

    /// <summary>Longer cuts are weak, and make the relaxation slow: only whole patterns are answered with them.</summary>
    private const int LongestCut = 300;

    /// <summary>Cells that move together when a pattern is cleaned the second time. Smaller groups clean better, and take longer.</summary>
    private const int SmallGroup = 40;

    private readonly Problem problem;
    private readonly SuppressionOptions options;
    private readonly JointMoves joint;
    private readonly JointCleaning cleaning;
    private readonly Separator separator;
    private readonly Unions unions;
    private readonly WholeNumbers whole;
    private readonly Heuristics heuristics;
    private readonly Master master;
    private readonly SortedSet<int> hopeless = [];
    private bool[] best = [];
    private long bestCost = long.MaxValue;
    private long bound;
    private int rounds;

    public PatternSearch(Problem problem, SuppressionOptions options)
    {
        this.problem = problem;
        this.options = options;
        var witnesses = new Witnesses(problem);
        joint = new(problem, witnesses);
        cleaning = new(problem, joint);
        separator = new(problem, witnesses, joint);
        unions = new(problem, options.IsUnionSensitive);
        whole = new(problem, witnesses, options.IsIntegral);
        heuristics = new(problem, separator, witnesses, unions);
        master = new(problem);
    }

    private double Spent => ((joint.Work + cleaning.Work + separator.Work + heuristics.Work + master.Work) / WorkPerSecond)
        + ((master.SatSeconds + whole.SatSeconds) * SatWork);

    public SuppressionResult Run()
    {
        SetAside();
        AddSeeds();
        TryTogether();
        Try(heuristics.NextSmallest());
        Try(problem.FixedPattern());
        var heuristicCost = bestCost;
        var isOptimal = bestCost == 0;
        if (!isOptimal)
        {
            var (x, reduced, relaxed) = Relax();
            isOptimal = bound >= bestCost || SolveWhole(x, reduced, relaxed);
        }

        var secondary = Enumerable.Range(0, problem.Count).Where(cell => best[cell] && !problem.IsFixed[cell]).ToList();
        var withheld = Enumerable.Range(0, problem.Count).Where(cell => best[cell] && problem.Tables.Cells[cell].Role != CellRole.Internal).ToList();
        return new(withheld, secondary, bestCost, isOptimal ? bestCost : Math.Min(bound, bestCost), isOptimal, heuristicCost, [.. hopeless])
        {
            AreUnionsSafe = unions.Hold(best),
            Effort = (master.CutCount, rounds),
        };
    }

    public void Dispose()
    {
        heuristics.Dispose();
        joint.Dispose();
        master.Dispose();
        separator.Dispose();
    }

    /// <summary>Takes out what not even withholding everything would protect.</summary>
    private void SetAside()
    {
        var aside = separator.Hopeless();
        problem.Requirements = [.. problem.Requirements.Where(requirement => !aside.Contains(requirement))];
        hopeless.UnionWith(aside.Select(requirement => requirement.Cell));
    }

    /// <summary>
    /// The first pattern, which is made whatever it takes, so that there is always one: all requirements together, which takes a few programs however many
    /// there are; those that are left, one by one. Then it is cleaned, which may take twice the limit: in large tables it is all there is.
    /// </summary>
    private void TryTogether()
    {
        var costs = problem.Cost.Select(cost => (double)cost).ToArray();
        var pattern = joint.Complete(problem.FixedPattern(), costs);
        var until = Spent + (options.WorkLimit * 2);
        if (options.IsUnionSensitive is null)
        {
            cleaning.Clean(pattern, problem.Requirements.Count * 3, () => Spent > until);
            cleaning.Clean(pattern, SmallGroup, () => Spent > until);
        }

        pattern = heuristics.Complete(pattern, costs, () => false)!;
        CleanOneByOne(pattern);
        Offer(pattern);
    }

    /// <summary>Completes a pattern, cleans it, and keeps it if it is the cheapest so far; of equally cheap ones the first stays.</summary>
    private void Try(bool[] start, double[]? weights = null)
    {
        var until = Math.Min(options.WorkLimit, Spent + (options.WorkLimit / 4));
        if (Spent < until && heuristics.Complete(start, weights ?? [.. problem.Cost.Select(cost => (double)cost)], () => Spent > until) is { } pattern)
        {
            CleanOneByOne(pattern);
            Offer(pattern);
        }
    }

    private void CleanOneByOne(bool[] pattern)
    {
        var until = Math.Min(options.WorkLimit, Spent + (options.WorkLimit / 4));
        heuristics.Clean(pattern, () => Spent > until);
    }

    /// <summary>Keeps a pattern that meets the requirements in broken numbers, with further cells where whole numbers need them.</summary>
    private void Offer(bool[] pattern)
    {
        while (problem.CostOf(pattern) < bestCost && whole.Broken(pattern).FirstOrDefault() is { } broken)
        {
            var near = problem.Columns[broken.Cell].SelectMany(place => problem.Tables.Relations[place.Cell].Terms.Select(term => term.Cell)).ToHashSet();
            var open = Enumerable.Range(0, problem.Count).Where(cell => problem.IsFree[cell] && !pattern[cell]).ToList();
            if (open.Count == 0)
            {
                hopeless.Add(broken.Cell);
                problem.Requirements = [.. problem.Requirements.Where(requirement => requirement != broken)];
                continue;
            }

            pattern[open.MinBy(cell => (!near.Contains(cell), problem.Cost[cell], cell))] = true;
        }

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
            var added = separator.Cuts(x, 1e-4, () => Spent > options.WorkLimit).Where(cut => cut.Cells.Length <= LongestCut).Count(master.Add);
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
    private void TryNear(double[] x) => Try([.. x.Select((value, cell) => problem.IsFixed[cell] || value > 0.99)], [.. problem.Cost.Select((cost,
        cell) => cost * (1.001 - x[cell]))]);

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

            var seconds = Math.Max(0.05, Math.Min((options.WorkLimit - Spent) / SatWork, options.WorkLimit / 4));
            var found = master.Solve(isOpen, best, bestCost, seconds, out var timedOut);
            if (found is null)
            {
                return !timedOut;
            }

            bound = Math.Max(bound, Math.Min(found.Bound, bestCost));
            var cuts = separator.Violated(found.Pattern, int.MaxValue).Select(violated =>
                violated.Cut).OfType<Cut>().Concat(unions.Cuts(found.Pattern)).ToList();
            if (cuts.Count == 0 && whole.Broken(found.Pattern).Any())
            {
                // Of more withheld cells nothing follows that did not before, so a good pattern has one that this has not.
                var others = Enumerable.Range(0, problem.Count).Where(cell => problem.IsFree[cell] && !found.Pattern[cell]).ToArray();
                cuts.Add(new(others, [.. others.Select(_ => 1L)], 1));
            }

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
