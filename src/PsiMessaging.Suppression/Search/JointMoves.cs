namespace PsiMessaging.Suppression.Search;

/// <summary>Proves and completes patterns for all requirements at once, with a few <see cref="JointProgram"/>s in the place of one program for each.</summary>
internal sealed class JointMoves(Problem problem, Witnesses witnesses) : IDisposable
{
    /// <summary>What a cell that is withheld anyway costs in a move, relative to the dearest.</summary>
    public const double Withheld = 1e-4;

    /// <summary>Passes of a proof; each that proves nothing more is the last but one.</summary>
    private const int MostPasses = 12;

    /// <summary>How often the weights follow the last move. More gave no cheaper patterns.</summary>
    private const int Slopes = 3;

    private bool[]? currentPattern;
    private JointProgram? current;
    private JointProgram? all;
    private double disposedWork;

    /// <summary>See <see cref="AttackerProgram.Work"/>.</summary>
    public double Work => disposedWork + (current?.Work ?? 0) + (all?.Work ?? 0);

    /// <summary>Those of the requirements that moves known so far, and joint moves, do not prove in this pattern. They may hold nevertheless.</summary>
    public List<Requirement> Unproven(bool[] pattern, IEnumerable<Requirement> requirements)
    {
        var open = requirements.Where(requirement => !witnesses.Prove(requirement, pattern)).ToList();
        for (int pass = 0, idle = 0; pass < MostPasses && idle < 2; pass++)
        {
            var targets = TargetsOf(open, pattern, pass);
            if (targets.Count == 0)
            {
                break;
            }

            var program = ProgramOf(pattern);
            Keep(program.Columns, program.Move(targets, _ => Withheld, cell => pattern[cell]));
            var left = open.FindAll(requirement => !witnesses.Prove(requirement, pattern));
            idle = left.Count < open.Count || TargetsOf(left, pattern, pass).Count < targets.Count ? 0 : idle + 1;
            open = left;
        }

        return open;
    }

    /// <summary>
    /// A pattern with these cells in which the requirements that joint moves can meet are met. All move together at the least weight, and the weights follow
    /// what moved: a cell that moves by much costs little for a unit, as it is to be paid once and not by the unit (slope scaling, Kim and Pardalos 1999,
    /// Operations Research Letters 24).
    /// </summary>
    /// <param name="start">Cells that are withheld anyway.</param>
    /// <param name="costs">What each cell costs while looking for moves.</param>
    public bool[] Complete(bool[] start, double[] costs)
    {
        var pattern = (bool[])start.Clone();
        var open = Unproven(pattern, problem.Requirements);
        all ??= new(problem, Enumerable.Range(0, problem.Count).Where(cell => problem.IsFree[cell] || problem.IsFixed[cell]));
        var largest = Math.Max(1e-9, costs.Where((_, cell) => problem.IsFree[cell]).DefaultIfEmpty(1).Max());
        for (var pass = 0; pass < MostPasses && TargetsOf(open, pattern, pass) is { Count: > 0 } targets; pass++)
        {
            var moved = Cheapest(targets, pattern, [.. costs.Select(cost => cost / largest)]);
            Keep(all.Columns, moved);
            for (var i = 0; i < moved.Length; i++)
            {
                pattern[all.Columns[i]] |= Math.Abs(moved[i]) > Problem.Tolerance;
            }

            open = open.FindAll(requirement => !witnesses.Prove(requirement, pattern));
        }

        return pattern;
    }

    public void Dispose()
    {
        current?.Dispose();
        all?.Dispose();
    }

    private double[] Cheapest(List<Target> targets, bool[] pattern, double[] costs)
    {
        var weights = (double[])costs.Clone();
        double[] best = [];
        var least = double.PositiveInfinity;
        for (var slope = 0; slope < Slopes; slope++)
        {
            var moved = all!.Move(targets, cell => pattern[cell] ? Withheld : Math.Max(Withheld, weights[cell]), _ => true);
            double cost = 0;
            for (var i = 0; i < moved.Length; i++)
            {
                var (cell, distance) = (all.Columns[i], Math.Abs(moved[i]));
                if (distance > Problem.Tolerance && !pattern[cell])
                {
                    cost += costs[cell];
                    weights[cell] = Math.Min(costs[cell], costs[cell] / distance);
                }
                else
                {
                    weights[cell] = costs[cell];
                }
            }

            if (cost < least)
            {
                (least, best) = (cost, moved);
            }
        }

        return best;
    }

    /// <summary>What each requirement still needs first, one target for a cell. A width may lie on either side, so both are tried, by turns.</summary>
    private List<Target> TargetsOf(List<Requirement> open, bool[] pattern, int pass)
    {
        var targets = new Dictionary<int, Target>();
        foreach (var requirement in open.Where(requirement => requirement.Known.Length == 0))
        {
            var level = requirement.Level;
            var (down, up) = witnesses.Reach(requirement, pattern);
            var target = up < level.Upper - Problem.Tolerance ? new Target(requirement.Cell, 1, level.Upper)
                : down < level.Lower - Problem.Tolerance ? new Target(requirement.Cell, -1, level.Lower)
                : new Target(requirement.Cell, (requirement.Cell + pass) % 2 == 0 ? 1 : -1, level.Sliding);
            targets.TryAdd(requirement.Cell, target);
        }

        return [.. targets.Values];
    }

    /// <summary>Keeps a move in its parts: cells that no relation connects move without one another, and shorter moves are good in more patterns.</summary>
    public void Keep(ReadOnlySpan<int> columns, double[] moved)
    {
        var parts = new Dictionary<int, List<int>>();
        var parent = Enumerable.Range(0, moved.Length + problem.Tables.Relations.Count).ToArray();
        for (var i = 0; i < moved.Length; i++)
        {
            if (Math.Abs(moved[i]) > Problem.Tolerance)
            {
                foreach (var place in problem.Columns[columns[i]])
                {
                    parent[Root(i)] = Root(moved.Length + place.Cell);
                }
            }
        }

        for (var i = 0; i < moved.Length; i++)
        {
            if (Math.Abs(moved[i]) > Problem.Tolerance)
            {
                var root = Root(i);
                (parts.TryGetValue(root, out var part) ? part : parts[root] = []).Add(i);
            }
        }

        foreach (var part in parts.Values)
        {
            var cells = new int[part.Count];
            for (var i = 0; i < cells.Length; i++)
            {
                cells[i] = columns[part[i]];
            }

            witnesses.Add(cells, [.. part.Select(i => moved[i])]);
        }

        int Root(int node)
        {
            while (parent[node] != node)
            {
                node = parent[node] = parent[parent[node]];
            }

            return node;
        }
    }

    /// <summary>The program of a pattern that has these cells and perhaps somewhat more: those more are kept where they are.</summary>
    public JointProgram ProgramOf(bool[] pattern)
    {
        int missing = 0, needless = 0;
        for (var cell = 0; cell < pattern.Length && currentPattern is not null; cell++)
        {
            missing += pattern[cell] && !currentPattern[cell] ? 1 : 0;
            needless += !pattern[cell] && currentPattern[cell] ? 1 : 0;
        }

        if (current is null || missing > 0 || needless > current.Columns.Length / 2)
        {
            disposedWork += current?.Work ?? 0;
            current?.Dispose();
            currentPattern = (bool[])pattern.Clone();
            current = new(problem, Enumerable.Range(0, pattern.Length).Where(cell => pattern[cell]));
        }

        return current;
    }
}
