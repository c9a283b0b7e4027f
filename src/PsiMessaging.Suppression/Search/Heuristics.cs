using Google.OrTools.LinearSolver;

namespace PsiMessaging.Suppression.Search;

/// <summary>Good patterns without a proof: for each requirement that does not hold the cheapest move that makes it hold, then without what turned out needless.</summary>
internal sealed class Heuristics(Problem problem, Separator separator, Unions unions) : IDisposable
{
    private readonly Lazy<MoveProgram> moves = new(() => new MoveProgram(problem));

    public double Work => moves.IsValueCreated ? moves.Value.Work : 0;

    /// <summary>
    /// A pattern with these cells that meets every requirement (Kelly, Golden and Assad 1992, Networks 22, with a linear program in the place of the flow, so that it works for any
    /// tables). <paramref name="weights"/> is what a cell costs while looking for moves; the pattern's own cost counts only when it is cleaned.
    /// </summary>
    public bool[] Complete(bool[] start, double[] weights)
    {
        var pattern = (bool[])start.Clone();
        var order = problem.Requirements.OrderByDescending(requirement => Math.Max(requirement.Level.Upper, Math.Max(requirement.Level.Lower, requirement.Level.Sliding)));
        foreach (var requirement in order)
        {
            if (separator.Violated(pattern, 1, [requirement]).Count > 0)
            {
                moves.Value.Protect(requirement, pattern, weights);
            }
        }

        unions.Complete(pattern);
        return pattern;
    }

    /// <summary>Prints again what is not needed, the dearest first.</summary>
    public void Clean(bool[] pattern)
    {
        var chosen = Enumerable.Range(0, problem.Count).Where(cell => pattern[cell] && !problem.IsFixed[cell]).OrderByDescending(cell => problem.Cost[cell]).ThenByDescending(cell => cell);
        foreach (var cell in chosen.ToList())
        {
            pattern[cell] = false;
            pattern[cell] = !unions.Hold(pattern) || separator.Violated(pattern, 1).Count > 0;
        }
    }

    /// <summary>
    /// What people do by hand, and what is to be beaten: as long as a relation has a single withheld cell, the cheapest of its others is withheld too, of equally cheap ones the
    /// smallest. It is often not safe, and is completed where it is not.
    /// </summary>
    public bool[] NextSmallest()
    {
        var pattern = problem.FixedPattern();
        var isChanged = true;
        while (isChanged)
        {
            isChanged = false;
            foreach (var relation in problem.Tables.Relations)
            {
                if (relation.Terms.Count(term => pattern[term.Cell]) == 1 && Cheapest(relation, pattern) is { } cell)
                {
                    (pattern[cell], isChanged) = (true, true);
                }
            }
        }

        return pattern;
    }

    public void Dispose()
    {
        if (moves.IsValueCreated)
        {
            moves.Value.Dispose();
        }
    }

    private int? Cheapest(Relation relation, bool[] pattern) => relation.Terms.Select(term => (int?)term.Cell).Where(cell => problem.IsFree[cell!.Value] && !pattern[cell.Value])
        .MinBy(cell => (problem.Cost[cell!.Value], problem.Tables.Cells[cell.Value].Value == 0 ? long.MaxValue : problem.Tables.Cells[cell.Value].Value, cell));

    /// <summary>The linear program of the cheapest move over all cells that may be withheld: up and down cost the cell's weight for each unit.</summary>
    private sealed class MoveProgram : IDisposable
    {
        private readonly Problem problem;
        private readonly Solver solver = AttackerProgram.Create();
        private readonly MPSolverParameters parameters = AttackerProgram.Parameters(presolve: false);
        private readonly Dictionary<int, (Variable Up, Variable Down)> variables = [];

        public MoveProgram(Problem problem)
        {
            this.problem = problem;
            var rows = problem.Tables.Relations.Select(_ => solver.MakeConstraint(0, 0, "")).ToArray();
            for (var cell = 0; cell < problem.Count; cell++)
            {
                if (problem.IsFree[cell] || problem.IsFixed[cell])
                {
                    var (up, down) = (solver.MakeNumVar(0, problem.Up[cell], ""), solver.MakeNumVar(0, problem.Down[cell], ""));
                    variables[cell] = (up, down);
                    foreach (var (row, factor) in problem.Columns[cell])
                    {
                        rows[row].SetCoefficient(up, factor);
                        rows[row].SetCoefficient(down, -factor);
                    }
                }
            }

            solver.Objective().SetMinimization();
        }

        public double Work { get; private set; }

        /// <summary>Withholds the cells of cheapest moves that meet the requirement; it can be met, since it is by the largest pattern.</summary>
        public void Protect(Requirement requirement, bool[] pattern, double[] weights)
        {
            var level = requirement.Level;
            var sliding = level.Sliding > level.Lower + level.Upper ? level.Sliding : 0;
            Weigh(requirement, pattern, weights);
            if (sliding > 0 && !Move(requirement, 1, sliding, pattern) && !Move(requirement, -1, sliding, pattern))
            {
                // Neither side is long enough by itself: as far up as it goes, and the rest down.
                var up = sliding;
                while (!Move(requirement, 1, up, pattern))
                {
                    up /= 2;
                }

                while (!Move(requirement, -1, sliding - up, pattern))
                {
                    up++;
                    Move(requirement, 1, up, pattern);
                }
            }

            if (level.Upper > 0)
            {
                Move(requirement, 1, level.Upper, pattern);
            }

            if (level.Lower > 0)
            {
                Move(requirement, -1, level.Lower, pattern);
            }
        }

        public void Dispose()
        {
            parameters.Dispose();
            solver.Dispose();
        }

        private void Weigh(Requirement requirement, bool[] pattern, double[] weights)
        {
            foreach (var (cell, (up, down)) in variables)
            {
                var weight = pattern[cell] ? 0 : weights[cell];
                var isKnown = Array.IndexOf(requirement.Known, cell) >= 0;
                solver.Objective().SetCoefficient(up, weight);
                solver.Objective().SetCoefficient(down, weight);
                up.SetBounds(0, isKnown ? 0 : problem.Up[cell]);
                down.SetBounds(0, isKnown ? 0 : problem.Down[cell]);
            }
        }

        private bool Move(Requirement requirement, int sign, double distance, bool[] pattern)
        {
            var own = variables[requirement.Cell];
            var (along, against) = sign > 0 ? (own.Up, own.Down) : (own.Down, own.Up);
            if (distance > (sign > 0 ? problem.Up[requirement.Cell] : problem.Down[requirement.Cell]))
            {
                return false;
            }

            along.SetBounds(distance, distance);
            against.SetBounds(0, 0);
            var status = solver.Solve(parameters);
            Work += (solver.Iterations() + 10.0) * (problem.Tables.Relations.Count + (variables.Count * 0.1));
            var isFound = status == Solver.ResultStatus.OPTIMAL;
            if (isFound)
            {
                // All values first: the solver forgets them at the first change of the program.
                var moved = variables.Where(pair => !pattern[pair.Key] && Math.Abs(pair.Value.Up.SolutionValue() - pair.Value.Down.SolutionValue()) > Problem.Tolerance).ToList();
                foreach (var (cell, (up, down)) in moved)
                {
                    pattern[cell] = true;
                    solver.Objective().SetCoefficient(up, 0);
                    solver.Objective().SetCoefficient(down, 0);
                }
            }

            along.SetBounds(0, sign > 0 ? problem.Up[requirement.Cell] : problem.Down[requirement.Cell]);
            against.SetBounds(0, sign > 0 ? problem.Down[requirement.Cell] : problem.Up[requirement.Cell]);
            return isFound;
        }
    }
}
