namespace PsiMessaging.Suppression.Search;

/// <summary>Finds the requirements that a pattern does not meet, and for each the cut that every good pattern satisfies.</summary>
internal sealed class Separator(Problem problem, Witnesses witnesses, JointMoves joint) : IDisposable
{
    private readonly double[] down = new double[problem.Count];
    private readonly double[] up = new double[problem.Count];
    private bool[]? currentPattern;
    private AttackerProgram? current;
    private MoveProgram? moves;
    private readonly List<Cut> known = [];
    private readonly LinkedList<Requirement> recent = new();
    private double lastReach;

    /// <summary>So many requirements are asked one by one; more are first asked together.</summary>
    private const int Few = 8;

    /// <summary>See <see cref="AttackerProgram.Work"/>.</summary>
    public double Work { get; private set; }

    /// <summary>
    /// The first <paramref name="most"/> requirements, of all or of those <paramref name="within"/>, that do not hold in the <paramref name="pattern"/>, with
    /// their cuts.
    /// </summary>
    public List<(Requirement Requirement, Cut? Cut)> Violated(bool[] pattern, int most, IEnumerable<Requirement>? within = null)
    {
        var violated = new List<(Requirement, Cut?)>();
        foreach (var requirement in within ?? problem.Requirements)
        {
            if (!witnesses.Prove(requirement, pattern))
            {
                var cut = Test(requirement, pattern, out var holds);
                if (!holds)
                {
                    violated.Add((requirement, cut));
                    if (violated.Count >= most)
                    {
                        break;
                    }
                }
            }
        }

        return violated;
    }

    /// <summary>The requirements that no pattern meets, since not even withholding everything does.</summary>
    public HashSet<Requirement> Hopeless()
    {
        var pattern = problem.LargestPattern();
        var open = problem.Requirements.Count > Few ? joint.Unproven(pattern, problem.Requirements) : problem.Requirements;
        using var program = new AttackerProgram(problem, Enumerable.Range(0, pattern.Length).Where(cell => pattern[cell]));
        var hopeless = open.Where(requirement => !Holds(program, requirement, pattern, out _)).ToHashSet();
        known.Clear();
        return hopeless;
    }

    /// <summary>
    /// Whether a pattern meets every requirement. The cuts found before answer most of the patterns that do not, and of the others the requirement that
    /// failed last is asked first.
    /// </summary>
    public bool IsMet(bool[] pattern)
    {
        foreach (var cut in known)
        {
            if (!cut.IsMet(pattern))
            {
                return false;
            }
        }

        if (Following.Any(problem, pattern))
        {
            return false;
        }

        IEnumerable<Requirement> asked = recent.Count > 0 ? recent : problem.Requirements;
        var open = asked.Where(requirement => !witnesses.Prove(requirement, pattern)).ToList();
        if (open.Count > Few)
        {
            open = joint.Unproven(pattern, open);
        }

        if (Violated(pattern, 1, open) is [var violated])
        {
            if (recent.Count == 0)
            {
                foreach (var requirement in problem.Requirements)
                {
                    recent.AddLast(requirement);
                }
            }

            recent.Remove(violated.Requirement);
            recent.AddFirst(violated.Requirement);
            return false;
        }

        return true;
    }

    /// <summary>
    /// Cuts that a fractional pattern violates, as many as are found before it <paramref name="isOver"/>. Room is counted up to the level only: more of it is
    /// no use to this cell, and makes the relaxation weak.
    /// </summary>
    public List<Cut> Cuts(double[] x, double leastViolation, Func<bool> isOver)
    {
        var cuts = new List<Cut>();
        var columns = Enumerable.Range(0, x.Length).Where(cell => x[cell] > 1e-7).ToList();
        using var program = new AttackerProgram(problem, columns);
        var before = Work;
        foreach (var requirement in problem.Requirements.TakeWhile(_ => !isOver()))
        {
            var level = requirement.Level;
            Work = before + program.Work;
            foreach (var (lower, upper) in Parts(level))
            {
                var limit = Math.Max(lower, upper);
                foreach (var cell in columns)
                {
                    down[cell] = Math.Min(problem.Down[cell], limit) * Math.Min(1, x[cell]);
                    up[cell] = Math.Min(problem.Up[cell], limit) * Math.Min(1, x[cell]);
                }

                Close(requirement.Known);
                if (CutOf(program, requirement, lower, upper, lower > 0 && upper > 0 ? lower : lower + upper) is { } cut && cut.Violation(x) > leastViolation)
                {
                    cuts.Add(cut);
                }
            }
        }

        Work = before + program.Work;
        return cuts;
    }

    /// <summary>For each relation of a cell that must be protected: its other cells must give it room, or it has none.</summary>
    public IEnumerable<Cut> Seeds()
    {
        var prices = new double[problem.Tables.Relations.Count];
        foreach (var requirement in problem.Requirements)
        {
            foreach (var (row, factor) in problem.Columns[requirement.Cell])
            {
                foreach (var (lower, upper) in Parts(requirement.Level))
                {
                    var gains = new double[problem.Count];
                    var right = lower > 0 && upper > 0 ? lower : lower + upper;
                    foreach (var (sign, limit) in new[] { (-1, lower), (1, upper) })
                    {
                        prices[row] = (double)sign / factor;
                        right -= limit > 0 ? AddGains(gains, requirement, sign, limit, prices) : 0;
                        prices[row] = 0;
                    }

                    if (Keep(Cut.FromGains(problem, gains, right)) is { } cut)
                    {
                        yield return cut;
                    }
                }
            }
        }
    }

    public void Dispose()
    {
        current?.Dispose();
        moves?.Dispose();
    }

    /// <summary>What to look at by itself: down by so much, up by so much, and both together.</summary>
    private static IEnumerable<(double Lower, double Upper)> Parts(Protection level)
    {
        if (level.Lower > 0)
        {
            yield return (level.Lower, 0);
        }

        if (level.Upper > 0)
        {
            yield return (0, level.Upper);
        }

        if (level.Sliding > level.Lower + level.Upper)
        {
            yield return (level.Sliding, level.Sliding);
        }
    }

    private Cut? Test(Requirement requirement, bool[] pattern, out bool holds)
    {
        holds = IsReached(requirement, pattern);
        if (holds)
        {
            return null;
        }

        holds = Holds(ProgramOf(pattern), requirement, pattern, out var cut);
        return cut;
    }

    private bool Holds(AttackerProgram program, Requirement requirement, bool[] pattern, out Cut? cut)
    {
        foreach (var cell in program.Columns)
        {
            (down[cell], up[cell]) = pattern[cell] ? (problem.Down[cell], problem.Up[cell]) : (0, 0);
        }

        Close(requirement.Known);
        var before = program.Work;
        var holds = true;
        cut = null;
        foreach (var (lower, upper) in Parts(requirement.Level))
        {
            var needed = lower > 0 && upper > 0 ? lower : lower + upper;
            cut = CutOf(program, requirement, lower, upper, needed);
            holds &= lastReach >= needed - (Problem.Tolerance * Math.Max(1, needed * 1e-6));
            if (!holds)
            {
                break;
            }
        }

        Work += program.Work - before;
        return holds;
    }

    /// <summary>
    /// Whether short moves meet the requirement, one for each direction. Where not, two together may still give an interval of the sliding width.
    /// </summary>
    private bool IsReached(Requirement requirement, bool[] pattern)
    {
        ProgramOf(pattern);
        var level = requirement.Level;
        return (level.Upper == 0 || Reaches(1, level.Upper)) && (level.Lower == 0 || Reaches(-1, level.Lower))
            && (level.Sliding <= level.Lower + level.Upper || Reaches(1, level.Sliding) || Reaches(-1, level.Sliding));

        bool Reaches(int sign, double distance)
        {
            var before = moves!.Work;
            var moved = moves.Cheapest(requirement.Cell, sign, distance, cell => pattern[cell] && Array.IndexOf(requirement.Known, cell) < 0);
            Work += moves.Work - before;
            if (moved is null)
            {
                return false;
            }

            witnesses.Add(moves.Columns, moved);
            return true;
        }
    }

    /// <summary>Moves the cell and, where it does not get as far as needed, makes the cut of why.</summary>
    private Cut? CutOf(AttackerProgram program, Requirement requirement, double lower, double upper, double needed)
    {
        lastReach = 0;
        var gains = new double[problem.Count];
        var right = needed;
        foreach (var (sign, limit) in new[] { (-1, lower), (1, upper) })
        {
            if (limit <= 0)
            {
                continue;
            }

            var move = program.Farthest(requirement.Cell, sign, limit, down, up);
            witnesses.Add(program.Columns, move.Deviations);
            lastReach += move.Distance;
            if (lastReach >= needed - Problem.Tolerance)
            {
                return null;
            }

            right -= AddGains(gains, requirement, sign, limit, move.Prices);
        }

        return Keep(Cut.FromGains(problem, gains, right));
    }

    private Cut? Keep(Cut? cut)
    {
        if (cut is not null)
        {
            known.Add(cut);
        }

        return cut;
    }

    /// <summary>Adds what each free cell would give, by the prices, and returns what the fixed ones give.</summary>
    private double AddGains(double[] gains, Requirement requirement, int sign, double limit, double[] prices)
    {
        var given = 0.0;
        for (var cell = 0; cell < gains.Length; cell++)
        {
            if ((!problem.IsFree[cell] && !problem.IsFixed[cell]) || Array.IndexOf(requirement.Known, cell) >= 0)
            {
                continue;
            }

            double gain = cell == requirement.Cell ? sign : 0;
            foreach (var (row, factor) in problem.Columns[cell])
            {
                gain -= prices[row] * factor;
            }

            if (Math.Abs(gain) < 1e-7)
            {
                continue;
            }

            var room = gain > 0 ? problem.Up[cell] : problem.Down[cell];
            var distance = Math.Abs(gain) * (cell == requirement.Cell ? Math.Min(room, limit) : room);
            gains[cell] += distance;
            given += problem.IsFixed[cell] ? distance : 0;
        }

        return given;
    }

    private void Close(int[] known)
    {
        foreach (var cell in known)
        {
            (down[cell], up[cell]) = (0, 0);
        }
    }

    /// <summary>The programs of a pattern that has these cells and perhaps somewhat more: those more are kept where they are.</summary>
    private AttackerProgram ProgramOf(bool[] pattern)
    {
        int missing = 0, needless = 0;
        for (var cell = 0; cell < pattern.Length && currentPattern is not null; cell++)
        {
            missing += pattern[cell] && !currentPattern[cell] ? 1 : 0;
            needless += !pattern[cell] && currentPattern[cell] ? 1 : 0;
        }

        if (currentPattern is null || missing > 0 || needless > current!.Columns.Length / 2)
        {
            Dispose();
            currentPattern = (bool[])pattern.Clone();
            var columns = Enumerable.Range(0, pattern.Length).Where(cell => pattern[cell]).ToList();
            current = new AttackerProgram(problem, columns);
            moves = new MoveProgram(problem, columns);
            moves.Weigh(cell => problem.IsFixed[cell] ? 0.1 : 1);
        }

        return current;
    }
}
