using Google.OrTools.Sat;
using LinearExpr = Google.OrTools.Sat.LinearExpr;

namespace PsiMessaging.Suppression.Search;

/// <summary>
/// Whether a pattern that is safe against linear programs is so against somebody who knows that values are whole (sdcTools UserSupport#194). In tables that
/// are networks, as every two-way table with its totals, the two are the same, since the bounds of whole networks are whole (Hoffman and Kruskal 1956).
/// </summary>
internal sealed class WholeNumbers
{
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

        foreach (var requirement in problem.Requirements)
        {
            if (!witnesses.Prove(requirement, pattern, inWholeNumbers: true) && !Holds(requirement, pattern))
            {
                yield return requirement;
            }
        }
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
