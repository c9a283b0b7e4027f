using Google.OrTools.Sat;
using LinearExpr = Google.OrTools.Sat.LinearExpr;

namespace PsiMessaging.Suppression.Search;

/// <summary>An attacker who knows that every value is a whole number. Costs a program only where the linear one's answer is broken.</summary>
internal sealed class IntegerAttacker(Problem problem, IReadOnlyList<int> hidden)
{
    /// <summary>What stands for "no bound" in a program that needs one: larger than any value, small enough that no sum overflows.</summary>
    public const long Far = 2 * LinkedTables.LargestValue;

    /// <summary>The parameters that make CP-SAT give the same answer on every machine: one worker, a fixed seed, no wall clock.</summary>
    public const string Parameters = "num_workers:1 random_seed:1";

    /// <summary>The farthest whole value of a cell, given where the linear program got to.</summary>
    /// <exception cref="InvalidOperationException">The solver did not come to an end.</exception>
    public double Bound(int cell, int sign, AttackerMove move)
    {
        var value = problem.Tables.Cells[cell].Value;
        if (double.IsInfinity(move.Distance))
        {
            // Whole values go as far as broken ones where nothing bounds them: relations have whole factors, so a direction without an end has a whole one.
            return sign * double.PositiveInfinity;
        }

        if (move.Deviations.All(IsWhole))
        {
            return value + (sign * Math.Round(move.Distance));
        }

        var model = new CpModel();
        var variables = new Dictionary<int, IntVar>();
        foreach (var other in hidden)
        {
            var low = -(long)problem.Down[other];
            variables[other] = model.NewIntVar(low, double.IsInfinity(problem.Up[other]) ? Far : (long)problem.Up[other], "");
        }

        AddRelations(model, problem, variables);
        model.Maximize(variables[cell] * sign);
        var solver = new CpSolver { StringParameters = Parameters };
        var status = solver.Solve(model);
        return status == CpSolverStatus.Optimal ? value + (sign * Math.Round(solver.ObjectiveValue))
            : throw new InvalidOperationException($"The whole-number solver stopped with {status}.");
    }

    public static void AddRelations(CpModel model, Problem problem, Dictionary<int, IntVar> variables)
    {
        foreach (var relation in problem.Tables.Relations)
        {
            var terms = relation.Terms.Where(term => variables.ContainsKey(term.Cell)).ToList();
            if (terms.Count > 0)
            {
                model.Add(LinearExpr.WeightedSum(terms.Select(term => variables[term.Cell]), terms.Select(term => (long)term.Factor)) == 0);
            }
        }
    }

    private static bool IsWhole(double value) => Math.Abs(value - Math.Round(value)) < Problem.Tolerance;
}
