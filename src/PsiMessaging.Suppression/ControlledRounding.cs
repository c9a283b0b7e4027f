using Google.OrTools.Sat;
using PsiMessaging.Suppression.Search;
using LinearExpr = Google.OrTools.Sat.LinearExpr;

namespace PsiMessaging.Suppression;

/// <summary>How a rounding ended.</summary>
public enum RoundingOutcome
{
    /// <summary>No rounding that keeps the rules deviates less in sum.</summary>
    Optimal,

    /// <summary>The best found within the work limit.</summary>
    Feasible,

    /// <summary>There is none: it is proven, and no larger limit helps. Tables of three and more classifications can be so (SDC Handbook 2026, 5).</summary>
    Impossible,

    /// <summary>None was found within the work limit, and that there is none was not proven.</summary>
    Unknown,
}

/// <summary>A rounded table.</summary>
/// <param name="Outcome">Whether there is one, and how good it is.</param>
/// <param name="Values">For each cell its rounded value; empty where there is none.</param>
/// <param name="Deviation">The sum of the distances from the true values, over all cells, totals included.</param>
/// <param name="LowerBound">No rounding has a smaller sum.</param>
public sealed record RoundingResult(RoundingOutcome Outcome, IReadOnlyList<long> Values, long Deviation, long LowerBound);

/// <summary>
/// Controlled rounding: every cell becomes one of the two multiples of the base around it, a multiple stays as it is (zero-restricted), every relation stays
/// true, and the sum of the deviations is least (Cox and Ernst 1982, INFOR 20; Salazar 2005, Mathematical Programming 105 for any tables). Who sees it knows
/// each value to less than the base either way.
/// </summary>
public static class ControlledRounding
{
    /// <param name="tables">The tables; roles, costs and protection are not used.</param>
    /// <param name="roundingBase">The base, 2 or more.</param>
    /// <param name="workLimit">As in <see cref="SuppressionOptions.WorkLimit"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The base is less than 2.</exception>
    public static RoundingResult Round(LinkedTables tables, long roundingBase, double workLimit = 8)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(roundingBase, 2);
        var model = new CpModel();
        var cells = tables.Cells;
        var goesUp = new IntVar?[cells.Count];
        for (var cell = 0; cell < cells.Count; cell++)
        {
            goesUp[cell] = cells[cell].Value % roundingBase == 0 ? null : model.NewBoolVar("");
        }

        foreach (var relation in tables.Relations)
        {
            // In units of the base: the multiples below, and one more for each cell that goes up.
            var open = relation.Terms.Where(term => goesUp[term.Cell] is not null).ToList();
            var below = relation.Terms.Sum(term => term.Factor * (cells[term.Cell].Value / roundingBase));
            if (open.Count > 0)
            {
                model.Add(LinearExpr.WeightedSum(open.Select(term => goesUp[term.Cell]!), open.Select(term => (long)term.Factor)) == -below);
            }
            else if (below != 0)
            {
                return new(RoundingOutcome.Impossible, [], 0, 0);
            }
        }

        // Down deviates by the remainder, up by the base less that.
        var chosen = Enumerable.Range(0, cells.Count).Where(cell => goesUp[cell] is not null).ToList();
        var fixedPart = chosen.Sum(cell => cells[cell].Value % roundingBase);
        model.Minimize(LinearExpr.WeightedSum(chosen.Select(cell => goesUp[cell]!), chosen.Select(cell =>
            roundingBase - (2 * (cells[cell].Value % roundingBase)))));
        var solver = new CpSolver { StringParameters = $"{IntegerAttacker.Parameters} max_deterministic_time:{workLimit:0.###}" };
        var status = solver.Solve(model);
        if (status is not (CpSolverStatus.Optimal or CpSolverStatus.Feasible))
        {
            return new(status == CpSolverStatus.Infeasible ? RoundingOutcome.Impossible : RoundingOutcome.Unknown, [], 0, 0);
        }

        long[] values = [.. cells.Select((cell, i) => ((cell.Value / roundingBase) + (goesUp[i] is { } up && solver.Value(up) == 1 ? 1 : 0)) * roundingBase)];
        var deviation = values.Zip(cells).Sum(pair => Math.Abs(pair.First - pair.Second.Value));
        return new(status == CpSolverStatus.Optimal ? RoundingOutcome.Optimal : RoundingOutcome.Feasible, values, deviation,
            fixedPart + (long)Math.Ceiling(solver.BestObjectiveBound - 1e-6));
    }
}
