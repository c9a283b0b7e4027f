using Google.OrTools.LinearSolver;

namespace PsiMessaging.Suppression.Search;

/// <summary>How far a cell can move: the farthest, how each withheld cell moves with it, and the price of each relation (the dual values).</summary>
internal sealed record AttackerMove(double Distance, double[] Deviations, double[] Prices);

/// <summary>
/// The attacker's linear program over the withheld cells: every cell moves from its value within what is known of it, and every relation stays true
/// (Fischetti and Salazar 2001, Management Science 47(7), the attacker subproblems). One program serves many cells, since only its bounds and its objective
/// change; the solver goes on from where it was.
/// </summary>
internal sealed class AttackerProgram : IDisposable
{
    private readonly Problem problem;
    private readonly int[] columns;
    private readonly Dictionary<int, int> positions = [];
    private readonly Variable[] variables;
    private readonly List<(int Row, Constraint Constraint)> rows = [];
    private readonly Solver solver;
    private readonly MPSolverParameters parameters = Parameters(presolve: false);
    private int objective = -1;

    public AttackerProgram(Problem problem, IEnumerable<int> columns)
    {
        this.problem = problem;
        this.columns = [.. columns];
        solver = Create();
        variables = new Variable[this.columns.Length];
        var byRow = new SortedDictionary<int, Constraint>();
        for (var i = 0; i < this.columns.Length; i++)
        {
            positions[this.columns[i]] = i;
            variables[i] = solver.MakeNumVar(0, 0, "");
            foreach (var (row, factor) in problem.Columns[this.columns[i]])
            {
                if (!byRow.TryGetValue(row, out var constraint))
                {
                    byRow[row] = constraint = solver.MakeConstraint(0, 0, "");
                }

                constraint.SetCoefficient(variables[i], factor);
            }
        }

        rows.AddRange(byRow.Select(pair => (pair.Key, pair.Value)));
    }

    /// <summary>The work done so far, in steps of the simplex method times relations: the same on every machine.</summary>
    public double Work { get; private set; }

    public ReadOnlySpan<int> Columns => columns;

    /// <summary>
    /// Moves <paramref name="cell"/> as far as it goes, up (sign 1) or down (sign −1), but not farther than <paramref name="limit"/>. <paramref name="down"/>
    /// and
    /// <paramref name="up"/> say for each of all cells how far it may move; 0 for a cell that is printed or known.
    /// </summary>
    public AttackerMove Farthest(int cell, int sign, double limit, double[] down, double[] up)
    {
        for (var i = 0; i < columns.Length; i++)
        {
            var (low, high) = (-down[columns[i]], up[columns[i]]);
            if (columns[i] == cell)
            {
                (low, high) = (Math.Max(low, -limit), Math.Min(high, limit));
            }

            variables[i].SetBounds(low, high);
        }

        if (objective >= 0)
        {
            solver.Objective().SetCoefficient(variables[objective], 0);
        }

        objective = positions[cell];
        solver.Objective().SetCoefficient(variables[objective], sign);
        solver.Objective().SetMaximization();
        return Solve();
    }

    public void Dispose()
    {
        parameters.Dispose();
        solver.Dispose();
    }

    internal static Solver Create() => Solver.CreateSolver("GLOP")
        ?? throw new InvalidOperationException("The linear solver GLOP is not in this build of OR-Tools.");

    internal static MPSolverParameters Parameters(bool presolve)
    {
        var chosen = new MPSolverParameters();
        chosen.SetIntegerParam(MPSolverParameters.IntegerParam.PRESOLVE,
            presolve ? (int)MPSolverParameters.PresolveValues.PRESOLVE_ON : (int)MPSolverParameters.PresolveValues.PRESOLVE_OFF);
        return chosen;
    }

    private AttackerMove Solve()
    {
        var status = solver.Solve(parameters);
        Work += (solver.Iterations() + 10.0) * (rows.Count + (columns.Length * 0.1) + 10);
        if (status is Solver.ResultStatus.UNBOUNDED or Solver.ResultStatus.INFEASIBLE or Solver.ResultStatus.ABNORMAL)
        {
            // Not moving at all is always possible, so "infeasible" is the solver's word for unbounded here, or a numerical accident that another start does
            // not have.
            solver.Reset();
            using var afresh = Parameters(presolve: true);
            status = solver.Solve(afresh);
        }

        return status switch
        {
            Solver.ResultStatus.OPTIMAL => new(solver.Objective().Value(), [.. variables.Select(variable => variable.SolutionValue())], Prices()),
            Solver.ResultStatus.UNBOUNDED or Solver.ResultStatus.INFEASIBLE => new(double.PositiveInfinity, [], []),
            _ => throw new InvalidOperationException($"The linear solver stopped with {status}."),
        };
    }

    private double[] Prices()
    {
        var prices = new double[problem.Tables.Relations.Count];
        foreach (var (row, constraint) in rows)
        {
            var price = constraint.DualValue();
            prices[row] = Math.Abs(price) < 1e-9 ? 0 : price;
        }

        return prices;
    }
}
