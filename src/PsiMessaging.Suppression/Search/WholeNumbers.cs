using Google.OrTools.Sat;
using LinearExpr = Google.OrTools.Sat.LinearExpr;

namespace PsiMessaging.Suppression.Search;

/// <summary>
/// Whether a pattern that is safe against linear programs is so against somebody who knows that values are whole (sdcTools UserSupport#194). In tables that
/// are networks, as every two-way table with its totals, the two are the same, since the bounds of whole networks are whole (Hoffman and Kruskal 1956).
/// </summary>
internal sealed class WholeNumbers
{
    /// <summary>So many requirements are asked one by one; more are first asked together.</summary>
    private const int Few = 4;

    private const int MostHalvings = 5;

    /// <summary>Cells move by little in a move that is looked for; a smaller range makes the program quicker.</summary>
    private const long Near = 100_000;

    private readonly Problem problem;
    private readonly Witnesses witnesses;
    private readonly bool isAlwaysWhole;


    public WholeNumbers(Problem problem, Witnesses witnesses, bool isAsked)
    {
        this.witnesses = witnesses;
        this.problem = problem;
        isAlwaysWhole = !isAsked || IsNetwork(problem);
    }

    /// <summary>Deterministic seconds of CP-SAT so far.</summary>
    public double SatSeconds { get; private set; }

    /// <summary>The requirements that whole numbers break.</summary>
    public IEnumerable<Requirement> Broken(bool[] pattern)
    {
        if (isAlwaysWhole)
        {
            yield break;
        }

        ProveTogether([.. problem.Requirements.Where(requirement => requirement.Known.Length == 0)], pattern, 0);
        foreach (var requirement in problem.Requirements)
        {
            if (!witnesses.Prove(requirement, pattern, inWholeNumbers: true) && !Holds(requirement, pattern))
            {
                yield return requirement;
            }
        }
    }

    /// <summary>Looks for whole moves of many cells at once, of the first half and the second where there is none of all.</summary>
    private void ProveTogether(List<Requirement> requirements, bool[] pattern, int depth)
    {
        for (var pass = 0; pass < 3; pass++)
        {
            var open = requirements.FindAll(requirement => !witnesses.Prove(requirement, pattern, inWholeNumbers: true));
            if (open.Count <= Few)
            {
                return;
            }

            if (!TryMove(open, pattern))
            {
                if (depth < MostHalvings)
                {
                    ProveTogether(open[..(open.Count / 2)], pattern, depth + 1);
                    ProveTogether(open[(open.Count / 2)..], pattern, depth + 1);
                }

                return;
            }
        }
    }

    /// <summary>A whole move in which each of the requirements gets what it still needs first; a width on one side, by turns.</summary>
    private bool TryMove(List<Requirement> open, bool[] pattern)
    {
        var model = new CpModel();
        var variables = new Dictionary<int, IntVar>();
        var cells = Enumerable.Range(0, pattern.Length).Where(cell => pattern[cell]).ToArray();
        foreach (var cell in cells)
        {
            variables[cell] = model.NewIntVar(-(long)Math.Min(problem.Down[cell], Near), (long)Math.Min(problem.Up[cell], Near), "");
        }

        IntegerAttacker.AddRelations(model, problem, variables);
        foreach (var requirement in open.DistinctBy(requirement => requirement.Cell))
        {
            var (down, up) = witnesses.Reach(requirement, pattern, inWholeNumbers: true);
            var level = requirement.Level;
            var own = variables[requirement.Cell];
            if (up < level.Upper)
            {
                model.Add(own >= level.Upper);
            }
            else if (down < level.Lower)
            {
                model.Add(own <= -level.Lower);
            }
            else
            {
                model.Add(own * (requirement.Cell % 2 == 0 ? 1 : -1) >= level.Sliding);
            }
        }

        var solver = new CpSolver { StringParameters = $"{IntegerAttacker.Parameters} max_deterministic_time:1" };
        var status = solver.Solve(model);
        SatSeconds += solver.Response!.DeterministicTime;
        if (status is not (CpSolverStatus.Optimal or CpSolverStatus.Feasible))
        {
            return false;
        }

        witnesses.Add(cells, [.. cells.Select(cell => (double)solver.Value(variables[cell]))]);
        return true;
    }

    private bool Holds(Requirement requirement, bool[] pattern)
    {
        var level = requirement.Level;
        if (level.Upper > 0 && Reach(requirement, pattern, 1, level.Upper) < level.Upper)
        {
            return false;
        }

        if (level.Lower > 0 && Reach(requirement, pattern, -1, level.Lower) < level.Lower)
        {
            return false;
        }

        if (level.Sliding <= level.Lower + level.Upper)
        {
            return true;
        }

        var up = Reach(requirement, pattern, 1, level.Sliding);
        return up >= level.Sliding || up + Reach(requirement, pattern, -1, level.Sliding) >= level.Sliding;
    }

    /// <summary>How far the cell moves in whole numbers, at most to the limit.</summary>
    private long Reach(Requirement requirement, bool[] pattern, int sign, long limit)
    {
        var model = new CpModel();
        var variables = new Dictionary<int, IntVar>();
        for (var cell = 0; cell < pattern.Length; cell++)
        {
            if (pattern[cell] && Array.IndexOf(requirement.Known, cell) < 0)
            {
                variables[cell] = model.NewIntVar(-(long)problem.Down[cell], (long)Math.Min(problem.Up[cell], IntegerAttacker.Far), "");
            }
        }

        IntegerAttacker.AddRelations(model, problem, variables);
        var own = variables[requirement.Cell] * sign;
        model.Add(own <= limit);
        model.Maximize(own);
        var solver = new CpSolver { StringParameters = IntegerAttacker.Parameters };
        var status = solver.Solve(model);
        SatSeconds += solver.Response!.DeterministicTime;
        return status == CpSolverStatus.Optimal ? (long)Math.Round(solver.ObjectiveValue) : 0;
    }

    /// <summary>Whether every cell stands in two relations at most, and with opposite signs once some relations are turned round.</summary>
    private static bool IsNetwork(Problem problem)
    {
        var signs = new int[problem.Tables.Relations.Count];
        for (var start = 0; start < signs.Length; start++)
        {
            if (signs[start] != 0)
            {
                continue;
            }

            signs[start] = 1;
            for (var open = new Stack<int>([start]); open.TryPop(out var row);)
            {
                foreach (var (cell, factor) in problem.Tables.Relations[row].Terms)
                {
                    var places = problem.Columns[cell];
                    if (places.Length > 2 || Math.Abs(factor) != 1)
                    {
                        return false;
                    }

                    foreach (var (other, otherFactor) in places.Where(place => place.Cell != row))
                    {
                        var needed = -signs[row] * factor * otherFactor;
                        if (signs[other] == -needed)
                        {
                            return false;
                        }

                        if (signs[other] == 0)
                        {
                            signs[other] = needed;
                            open.Push(other);
                        }
                    }
                }
            }
        }

        return true;
    }
}
