using Google.OrTools.LinearSolver;

namespace PsiMessaging.Suppression.Search;

/// <summary>A cell that is to move, up (sign 1) or down (sign −1), so far.</summary>
internal readonly record struct Target(int Cell, int Sign, double Distance);

/// <summary>
/// One linear program in which many cells move at once: each is paid for every unit of the way that it has to go and fined for every unit the other way, and
/// each other cell costs its weight. What it finds is a move like any other, so every cell that got as far as it must is proven to have that room, and a
/// table with hundreds of primary cells takes a few programs where one for each cell would take hundreds. A cell that did not get there may still have its
/// room when it is asked alone.
/// </summary>
internal sealed class JointProgram : IDisposable
{
    /// <summary>What a target is paid for a unit; weights are at most 1, so it is more than any move of a cell costs.</summary>
    private const double Pay = 1e4;

    private readonly Problem problem;
    private readonly int[] columns;
    private readonly Dictionary<int, int> positions = [];
    private readonly Variable[] up;
    private readonly Variable[] down;

    /// <summary>The paid part of a target's way, in either direction; null for cells that nothing asks for.</summary>
    private readonly (Variable Up, Variable Down)?[] paid;
    private readonly int rowCount;
    private bool isWeighed;
    private readonly Solver solver = AttackerProgram.Create();
    private readonly MPSolverParameters parameters = AttackerProgram.Parameters(presolve: false);

    public JointProgram(Problem problem, IEnumerable<int> columns)
    {
        this.problem = problem;
        this.columns = [.. columns];
        (up, down) = (new Variable[this.columns.Length], new Variable[this.columns.Length]);
        paid = new (Variable, Variable)?[this.columns.Length];
        var asked = problem.Requirements.Select(requirement => requirement.Cell).ToHashSet();
        var rows = new MoveRelations(solver);
        for (var i = 0; i < this.columns.Length; i++)
        {
            var cell = this.columns[i];
            positions[cell] = i;
            (up[i], down[i]) = (solver.MakeNumVar(0, 0, ""), solver.MakeNumVar(0, 0, ""));
            paid[i] = asked.Contains(cell) ? (solver.MakeNumVar(0, 0, ""), solver.MakeNumVar(0, 0, "")) : null;
            rows.Add(problem.Columns[cell], up[i], down[i]);
            if (paid[i] is { } own)
            {
                rows.Add(problem.Columns[cell], own.Up, own.Down);
            }
        }

        rowCount = rows.Count;
        solver.Objective().SetMinimization();
        parameters.SetIntegerParam(MPSolverParameters.IntegerParam.LP_ALGORITHM, (int)MPSolverParameters.LpAlgorithmValues.PRIMAL);
    }

    /// <summary>See <see cref="AttackerProgram.Work"/>.</summary>
    public double Work { get; private set; }

    public ReadOnlySpan<int> Columns => columns;

    /// <summary>The move of all targets, one for each cell at most, at the least weight; for each column how far it went.</summary>
    /// <param name="targets">What is to move, in columns of the program.</param>
    /// <param name="weight">What a unit of a cell's way costs, 0 to 1.</param>
    /// <param name="mayMove">The cells that may move at all.</param>
    public double[] Move(IReadOnlyCollection<Target> targets, Func<int, double> weight, Func<int, bool> mayMove)
    {
        var wanted = new (int Sign, double Distance)[columns.Length];
        foreach (var target in targets)
        {
            wanted[positions[target.Cell]] = (target.Sign, target.Distance);
        }

        var objective = solver.Objective();
        for (var i = 0; i < columns.Length; i++)
        {
            var cell = columns[i];
            var isOpen = mayMove(cell);
            var (roomUp, roomDown, cost) = (isOpen ? problem.Up[cell] : 0, isOpen ? problem.Down[cell] : 0, weight(cell));
            var (sign, distance) = wanted[i];
            var (paidUp, paidDown) = (sign > 0 ? Math.Min(distance, roomUp) : 0, sign < 0 ? Math.Min(distance, roomDown) : 0);
            up[i].SetUb(roomUp - paidUp);
            down[i].SetUb(roomDown - paidDown);
            objective.SetCoefficient(up[i], cost + (sign < 0 ? Pay : 0));
            objective.SetCoefficient(down[i], cost + (sign > 0 ? Pay : 0));
            if (paid[i] is { } own)
            {
                own.Up.SetUb(paidUp);
                own.Down.SetUb(paidDown);
                objective.SetCoefficient(own.Up, sign > 0 ? cost - Pay : 0);
                objective.SetCoefficient(own.Down, sign < 0 ? cost - Pay : 0);
            }
        }

        var status = solver.Solve(parameters);
        Work += MoveRelations.WorkOf(solver, rowCount, columns.Length);
        var moved = new double[columns.Length];
        for (var i = 0; i < moved.Length && status == Solver.ResultStatus.OPTIMAL; i++)
        {
            moved[i] = up[i].SolutionValue() - down[i].SolutionValue() + (paid[i] is { } own ? own.Up.SolutionValue() - own.Down.SolutionValue() : 0);
        }

        return moved;
    }

    /// <summary>
    /// A move in which every target gets as far as it must, or null where there is none. Only bounds differ from one call to the next, so the dual simplex
    /// method goes on from the last answer: a test of a pattern with one cell less takes a few steps. Not to be mixed with <see cref="Move"/>.
    /// </summary>
    public double[]? Fit(IReadOnlyCollection<Target> targets, bool[] mayMove)
    {
        var wanted = new (int Sign, double Distance)[columns.Length];
        foreach (var target in targets)
        {
            wanted[positions[target.Cell]] = (target.Sign, target.Distance);
        }

        for (var i = 0; i < columns.Length; i++)
        {
            var cell = columns[i];
            var (roomUp, roomDown) = mayMove[cell] ? (problem.Up[cell], problem.Down[cell]) : (0, 0);
            var (sign, distance) = wanted[i];
            if (distance > (sign > 0 ? roomUp : roomDown))
            {
                return null;
            }

            up[i].SetBounds(sign > 0 ? distance : 0, sign < 0 ? 0 : roomUp);
            down[i].SetBounds(sign < 0 ? distance : 0, sign > 0 ? 0 : roomDown);
            if (!isWeighed)
            {
                solver.Objective().SetCoefficient(up[i], 1);
                solver.Objective().SetCoefficient(down[i], 1);
            }
        }

        if (!isWeighed)
        {
            isWeighed = true;
            parameters.SetIntegerParam(MPSolverParameters.IntegerParam.LP_ALGORITHM, (int)MPSolverParameters.LpAlgorithmValues.DUAL);
        }

        var status = solver.Solve(parameters);
        Work += MoveRelations.WorkOf(solver, rowCount, columns.Length);
        return status != Solver.ResultStatus.OPTIMAL ? null
            : [.. Enumerable.Range(0, columns.Length).Select(i => up[i].SolutionValue() - down[i].SolutionValue())];
    }

    public void Dispose()
    {
        parameters.Dispose();
        solver.Dispose();
    }
}
