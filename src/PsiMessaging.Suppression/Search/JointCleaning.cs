namespace PsiMessaging.Suppression.Search;

/// <summary>
/// Prints again what a pattern does not need, for tables with so many requirements that they cannot be asked one by one. The requirements are put into groups
/// whose cells move together; a cell is printed again where every group still can. That asks for more than protection does, the more the larger the groups
/// are, so what was cleaned with large groups, which is quick, is cleaned with small ones again.
/// </summary>
internal sealed class JointCleaning(Problem problem, JointMoves joint)
{
    /// <summary>See <see cref="AttackerProgram.Work"/>.</summary>
    public double Work { get; private set; }

    /// <summary>Prints again what groups of so many targets do not need, the dearest cell first, until it <paramref name="isOver"/>.</summary>
    public void Clean(bool[] pattern, int size, Func<bool> isOver)
    {
        if (GroupsOf(pattern, size) is not { } groups)
        {
            return;
        }

        var columns = Enumerable.Range(0, pattern.Length).Where(cell => pattern[cell]).ToArray();
        var places = columns.Select((cell, place) => (cell, place)).ToDictionary(pair => pair.cell, pair => pair.place);
        var programs = groups.ConvertAll(_ => new JointProgram(problem, columns));
        try
        {
            var before = Work;
            var moves = groups.Zip(programs, (group, program) => program.Fit(group, pattern)).ToArray();
            var chosen = columns.Where(cell => !problem.IsFixed[cell]).OrderByDescending(cell => problem.Cost[cell]).ThenByDescending(cell => cell);
            foreach (var cell in chosen.ToList().TakeWhile(_ => !isOver() && Array.TrueForAll(moves, move => move is not null)))
            {
                pattern[cell] = false;
                var isNeeded = Following.Any(problem, pattern) || !TryFit(groups, programs, moves, places[cell], pattern);
                pattern[cell] = isNeeded;
                Work = before + programs.Sum(program => program.Work);
            }

            foreach (var move in moves.OfType<double[]>())
            {
                joint.Keep(columns, move);
            }
        }
        finally
        {
            programs.ForEach(program => program.Dispose());
        }
    }

    /// <summary>Moves the groups that moved the cell at this place without it; where one cannot, all stay as they were.</summary>
    private static bool TryFit(List<List<Target>> groups, List<JointProgram> programs, double[]?[] moves, int place, bool[] pattern)
    {
        var found = ((double[]?[])moves.Clone());
        for (var i = 0; i < found.Length; i++)
        {
            if (Math.Abs(found[i]![place]) > Problem.Tolerance && (found[i] = programs[i].Fit(groups[i], pattern)) is null)
            {
                return false;
            }
        }

        found.CopyTo(moves, 0);
        return true;
    }

    /// <summary>The requirements as groups of targets that move together in this pattern; null where some are not found to, or are against insiders.</summary>
    private List<List<Target>>? GroupsOf(bool[] pattern, int size)
    {
        if (problem.Requirements.Any(requirement => requirement.Known.Length > 0))
        {
            return null;
        }

        var groups = new List<List<Target>>();
        var program = joint.ProgramOf(pattern);
        var open = problem.Requirements.SelectMany(TargetsOf).ToList();
        for (int pass = 0, idle = 0; open.Count > 0 && idle < 2; pass++)
        {
            // From all over the table: neighbours would be in each other's way.
            var step = (open.Count + size - 1) / size;
            var targets = open.Where((_, i) => i % step == 0).DistinctBy(target => target.Cell).ToDictionary(target => target.Cell, target =>
                target.Sign != 0 ? target : target with { Sign = (target.Cell + pass) % 2 == 0 ? 1 : -1 });
            var moved = program.Move(targets.Values, _ => JointMoves.Withheld, cell => pattern[cell]);
            var reached = new List<Target>();
            for (var i = 0; i < moved.Length; i++)
            {
                if (targets.TryGetValue(program.Columns[i], out var target) && moved[i] * target.Sign >= target.Distance - Problem.Tolerance)
                {
                    reached.Add(target);
                }
            }

            var done = reached.ToHashSet();
            open.RemoveAll(target => done.Contains(target)
                || (target.Sign == 0 && (done.Contains(target with { Sign = 1 }) || done.Contains(target with { Sign = -1 }))));
            idle = reached.Count > 0 ? 0 : idle + 1;
            if (reached.Count > 0)
            {
                groups.Add(reached);
            }
        }

        return open.Count > 0 ? null : groups;
    }

    /// <summary>A width that neither level gives may lie on either side: its sign is 0 until one is tried.</summary>
    private static IEnumerable<Target> TargetsOf(Requirement requirement)
    {
        var (cell, level) = (requirement.Cell, requirement.Level);
        return new Target[]
        {
            new(cell, 1, level.Upper), new(cell, -1, level.Lower), new(cell, 0, level.Sliding > level.Lower + level.Upper ? level.Sliding : 0),
        }.Where(target => target.Distance > 0);
    }
}
