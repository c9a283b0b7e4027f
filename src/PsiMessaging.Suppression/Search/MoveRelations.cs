using Google.OrTools.LinearSolver;

namespace PsiMessaging.Suppression.Search;

/// <summary>The relations of a program of moves, in which a cell has a variable for each direction: what moves up in a relation moves down in it too.</summary>
/// <param name="solver">Where the constraints go.</param>
internal sealed class MoveRelations(Solver solver)
{
    private readonly Dictionary<int, Constraint> rows = [];

    /// <summary>How many there are.</summary>
    public int Count => rows.Count;

    /// <summary>Puts a cell's two variables into its relations.</summary>
    /// <param name="column">The cell's relations, with its factor in each.</param>
    /// <param name="up">How far it goes up.</param>
    /// <param name="down">How far it goes down.</param>
    public void Add(Term[] column, Variable up, Variable down)
    {
        foreach (var (row, factor) in column)
        {
            if (!rows.TryGetValue(row, out var constraint))
            {
                rows[row] = constraint = solver.MakeConstraint(0, 0, "");
            }

            constraint.SetCoefficient(up, factor);
            constraint.SetCoefficient(down, -factor);
        }
    }

    /// <summary>The work of the last solution; see <see cref="AttackerProgram.Work"/>.</summary>
    public static double WorkOf(Solver solver, int rows, int columns) => (solver.Iterations() + 10.0) * (rows + (columns * 0.2) + 10);
}
