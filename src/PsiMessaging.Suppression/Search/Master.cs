using Google.OrTools.LinearSolver;
using Google.OrTools.Sat;
using LinearExpr = Google.OrTools.Sat.LinearExpr;

namespace PsiMessaging.Suppression.Search;

/// <summary>
/// A pattern of the integer master: proven best among those that satisfy the cuts, or only the best found; and what no pattern can be cheaper than.
/// </summary>
internal sealed record MasterPattern(bool[] Pattern, long Bound, bool IsBest);

/// <summary>
/// The cheapest pattern that satisfies the cuts found so far: its relaxation (a linear program that goes on from where it was) for the bound, and whole for
/// patterns. Cells that are in no cut are printed, so the program has only those that are.
/// </summary>
internal sealed class Master(Problem problem) : IDisposable
{
    private readonly Solver solver = AttackerProgram.Create();
    private readonly MPSolverParameters parameters = AttackerProgram.Parameters(presolve: false);
    private readonly SortedDictionary<int, Variable> variables = [];
    private readonly List<Cut> cuts = [];
    private readonly HashSet<string> known = new(StringComparer.Ordinal);

    private long size;

    public double Work { get; private set; }

    public int CutCount => cuts.Count;

    /// <summary>False where the cut was there already.</summary>
    public bool Add(Cut cut)
    {
        if (!known.Add(string.Join(' ', cut.Cells) + '|' + string.Join(' ', cut.Factors) + '|' + cut.Right))
        {
            return false;
        }

        cuts.Add(cut);
        size += cut.Cells.Length;
        var constraint = solver.MakeConstraint(cut.Right, double.PositiveInfinity, "");
        for (var i = 0; i < cut.Cells.Length; i++)
        {
            constraint.SetCoefficient(VariableOf(cut.Cells[i]), cut.Factors[i]);
        }

        return true;
    }

    /// <summary>The cheapest fractional pattern, its cost, and for each cell what taking one more of it would add to the cost.</summary>
    public (double Bound, double[] Pattern, double[] ReducedCosts) Relax()
    {
        solver.Objective().SetMinimization();
        var status = solver.Solve(parameters);
        Work += (solver.Iterations() + 10.0) * (cuts.Count + (size * 0.02) + 10);
        if (status != Solver.ResultStatus.OPTIMAL)
        {
            solver.Reset();
            using var afresh = AttackerProgram.Parameters(presolve: true);
            status = solver.Solve(afresh);
        }

        if (status != Solver.ResultStatus.OPTIMAL)
        {
            throw new InvalidOperationException($"The linear solver stopped with {status}.");
        }

        var (x, reduced) = (new double[problem.Count], new double[problem.Count]);
        for (var cell = 0; cell < x.Length; cell++)
        {
            (x[cell], reduced[cell]) = (problem.IsFixed[cell] ? 1 : 0, problem.Cost[cell]);
        }

        foreach (var (cell, variable) in variables)
        {
            (x[cell], reduced[cell]) = (Math.Clamp(variable.SolutionValue(), 0, 1), variable.ReducedCost());
        }

        return (solver.Objective().Value(), x, reduced);
    }

    /// <summary>The cheapest whole pattern, or null where none satisfies the cuts below the limit.</summary>
    /// <param name="isOpen">The cells that may be withheld; the others cannot be in a pattern cheaper than the best.</param>
    /// <param name="hint">A good pattern to begin with.</param>
    /// <param name="costBelow">Only patterns cheaper than this.</param>
    /// <param name="seconds">Deterministic seconds of CP-SAT.</param>
    /// <param name="timedOut">Whether the search ended by its limit, and null means nothing.</param>
    public MasterPattern? Solve(bool[] isOpen, bool[] hint, long costBelow, double seconds, out bool timedOut)
    {
        var model = new CpModel();
        var choices = variables.Keys.Where(cell => isOpen[cell]).ToDictionary(cell => cell, _ => model.NewBoolVar(""));
        foreach (var cut in cuts)
        {
            var terms = Enumerable.Range(0, cut.Cells.Length).Where(i => choices.ContainsKey(cut.Cells[i])).ToList();
            model.AddLinearConstraint(LinearExpr.WeightedSum(terms.Select(i => choices[cut.Cells[i]]), terms.Select(i => cut.Factors[i])), cut.Right,
                long.MaxValue);
        }

        var cost = LinearExpr.WeightedSum(choices.Values, choices.Keys.Select(cell => problem.Cost[cell]));
        model.AddLinearConstraint(cost, 0, costBelow - 1);
        model.Minimize(cost);
        foreach (var (cell, choice) in choices)
        {
            model.AddHint(choice, hint[cell] ? 1 : 0);
        }

        // The cuts are covers: their relaxation in full says most, and proves many patterns that the solver's own choice of it does not.
        var sat = new CpSolver { StringParameters = $"{IntegerAttacker.Parameters} linearization_level:2 max_deterministic_time:{seconds:0.###}" };
        var status = sat.Solve(model);
        SatSeconds += sat.Response!.DeterministicTime;
        timedOut = status is CpSolverStatus.Unknown or CpSolverStatus.Feasible;
        if (status is not (CpSolverStatus.Optimal or CpSolverStatus.Feasible))
        {
            return null;
        }

        var pattern = problem.FixedPattern();
        foreach (var (cell, choice) in choices)
        {
            pattern[cell] = sat.Value(choice) == 1;
        }

        return new(pattern, (long)Math.Ceiling(sat.BestObjectiveBound - 1e-6), status == CpSolverStatus.Optimal);
    }

    /// <summary>Deterministic seconds of CP-SAT so far.</summary>
    public double SatSeconds { get; private set; }

    public void Dispose()
    {
        parameters.Dispose();
        solver.Dispose();
    }

    private Variable VariableOf(int cell)
    {
        if (!variables.TryGetValue(cell, out var variable))
        {
            variables[cell] = variable = solver.MakeNumVar(0, 1, "");
            solver.Objective().SetCoefficient(variable, problem.Cost[cell]);
        }

        return variable;
    }
}
