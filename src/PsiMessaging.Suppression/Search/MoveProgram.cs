using Google.OrTools.LinearSolver;

namespace PsiMessaging.Suppression.Search;

/// <summary>
/// The linear program of the cheapest move: a cell moves by so much, every relation stays true, and each other cell that moves costs its weight for each
/// unit. It finds which cells to withhold, and in a pattern a move of few cells, which many other patterns have too. The cell in question is paid for moving
/// instead of being made to, so that not moving at all is a feasible start, and the simplex method goes on from the last answer in a few steps.
/// </summary>
internal sealed class MoveProgram : IDisposable
{
    /// <summary>What a cell is paid for a unit; more than any move of it costs, and little enough for the solver's precision.</summary>
    private const double Pay = 1e5;

    private readonly Problem problem;
    private readonly int[] columns;
    private readonly Dictionary<int, int> positions = [];
    private readonly Variable[] up;
    private readonly Variable[] down;
    private readonly double[] upLimit;
    private readonly double[] downLimit;
    private readonly double[] weights;
    private readonly int rowCount;
    private readonly Solver solver = AttackerProgram.Create();
    private readonly MPSolverParameters parameters = AttackerProgram.Parameters(presolve: false);

    public MoveProgram(Problem problem, IEnumerable<int> columns)
    {
        this.problem = problem;
        this.columns = [.. columns];
        (up, down) = (new Variable[this.columns.Length], new Variable[this.columns.Length]);
        (upLimit, downLimit, weights) = (new double[up.Length], new double[up.Length], new double[up.Length]);
        Array.Fill(upLimit, double.PositiveInfinity);
        Array.Fill(downLimit, double.PositiveInfinity);
        var rows = new MoveRelations(solver);
        for (var i = 0; i < this.columns.Length; i++)
        {
            var cell = this.columns[i];
            positions[cell] = i;
            (up[i], down[i]) = (solver.MakeNumVar(0, problem.Up[cell], ""), solver.MakeNumVar(0, problem.Down[cell], ""));
            rows.Add(problem.Columns[cell], up[i], down[i]);
        }

        rowCount = rows.Count;
        solver.Objective().SetMinimization();
        parameters.SetIntegerParam(MPSolverParameters.IntegerParam.LP_ALGORITHM, (int)MPSolverParameters.LpAlgorithmValues.PRIMAL);
    }

    /// <summary>See <see cref="AttackerProgram.Work"/>.</summary>
    public double Work { get; private set; }

    public ReadOnlySpan<int> Columns => columns;

    /// <summary>What each cell costs from now on, for a unit.</summary>
    public void Weigh(Func<int, double> weight)
    {
        for (var i = 0; i < columns.Length; i++)
        {
            weights[i] = weight(columns[i]);
            solver.Objective().SetCoefficient(up[i], weights[i]);
            solver.Objective().SetCoefficient(down[i], weights[i]);
        }
    }

    /// <summary>
    /// The cheapest move of the cell by <paramref name="distance"/>, up or down, for each column; null where none is possible with the cells that may move.
    /// </summary>
    public double[]? Cheapest(int cell, int sign, double distance, Func<int, bool> mayMove)
    {
        if (distance > (sign > 0 ? problem.Up[cell] : problem.Down[cell]))
        {
            return null;
        }

        for (var i = 0; i < columns.Length; i++)
        {
            var isOpen = mayMove(columns[i]);
            up[i].SetUb(isOpen ? Math.Min(problem.Up[columns[i]], upLimit[i]) : 0);
            down[i].SetUb(isOpen ? Math.Min(problem.Down[columns[i]], downLimit[i]) : 0);
        }

        // The limit stays when another cell is asked: a bound that changed would undo the start.
        var own = positions[cell];
        (sign > 0 ? upLimit : downLimit)[own] = distance;
        var (along, against) = sign > 0 ? (up[own], down[own]) : (down[own], up[own]);
        along.SetUb(distance);
        against.SetUb(0);
        solver.Objective().SetCoefficient(along, -Pay);
        var status = solver.Solve(parameters);
        Work += MoveRelations.WorkOf(solver, rowCount, columns.Length);
        var reached = status == Solver.ResultStatus.OPTIMAL ? along.SolutionValue() : 0;
        var moved = reached >= distance - Problem.Tolerance ? Moves() : null;
        solver.Objective().SetCoefficient(along, weights[own]);
        return moved;
    }

    private double[] Moves()
    {
        var moved = new double[columns.Length];
        for (var i = 0; i < moved.Length; i++)
        {
            moved[i] = up[i].SolutionValue() - down[i].SolutionValue();
        }

        return moved;
    }

    public void Dispose()
    {
        parameters.Dispose();
        solver.Dispose();
    }
}
