using PsiMessaging.Suppression.Search;

namespace PsiMessaging.Suppression;

/// <summary>How an attacker computes.</summary>
public enum AuditKind
{
    /// <summary>With linear programs: values may be broken. The interval is never narrower than the true one.</summary>
    Linear,

    /// <summary>With whole numbers only, as every count is: exact, and never wider than <see cref="Linear"/> (sdcTools UserSupport#194).</summary>
    Integer,
}

/// <summary>Computes what an attacker can compute of the withheld cells of a pattern.</summary>
public static class Audit
{
    /// <summary>
    /// For each withheld cell the least and the largest value that agree with all that is printed, all relations and all that is known beforehand: two
    /// programs a cell. The attacker is the one who knows no cell; for an insider see <paramref name="knows"/>.
    /// </summary>
    /// <param name="tables">The tables with their true values.</param>
    /// <param name="withheld">The indices of the cells that are not printed. Cells of <see cref="CellRole.Internal"/> are withheld without being named.</param>
    /// <param name="kind">Whether the attacker uses that values are whole.</param>
    /// <param name="knows">Cells whose values this attacker knows; they are not in the report.</param>
    /// <exception cref="ArgumentException">A primary cell is not withheld, or a published one is.</exception>
    public static AuditReport Run(LinkedTables tables, IReadOnlyCollection<int> withheld, AuditKind kind = AuditKind.Linear,
        IReadOnlyCollection<int>? knows = null)
    {
        var problem = new Problem(tables);
        var pattern = PatternOf(tables, withheld);
        var known = knows?.ToHashSet() ?? [];
        var insider = known.Count > 0;
        var hidden = Enumerable.Range(0, problem.Count).Where(cell => pattern[cell] && !known.Contains(cell)).ToList();
        var (down, up) = (new double[problem.Count], new double[problem.Count]);
        foreach (var cell in hidden)
        {
            (down[cell], up[cell]) = (problem.Down[cell], problem.Up[cell]);
        }

        using var program = new AttackerProgram(problem, hidden);
        var whole = kind == AuditKind.Integer ? new IntegerAttacker(problem, hidden) : null;
        var cells = new List<AuditedCell>();
        foreach (var cell in hidden)
        {
            var low = whole is null ? Linear(cell, -1) : whole.Bound(cell, -1, program.Farthest(cell, -1, double.PositiveInfinity, down, up));
            var high = whole is null ? Linear(cell, 1) : whole.Bound(cell, 1, program.Farthest(cell, 1, double.PositiveInfinity, down, up));
            cells.Add(new(tables.Cells[cell], low, high, insider && tables.Cells[cell].Protection is not null ? Needed(tables, cell, known)
                : tables.Cells[cell].Protection));
        }

        return new(kind, cells);

        double Linear(int cell, int sign) => Tidy(tables.Cells[cell].Value + (sign * program.Farthest(cell, sign, double.PositiveInfinity, down, up).Distance));
    }

    private static Protection Needed(LinkedTables tables, int cell, HashSet<int> known) =>
        tables.Insiders.FirstOrDefault(insider => known.SetEquals(insider.Knows)) is { IsFull: true } ? tables.Cells[cell].Protection! : Protection.NotExact;

    private static bool[] PatternOf(LinkedTables tables, IReadOnlyCollection<int> withheld)
    {
        var pattern = new bool[tables.Cells.Count];
        foreach (var cell in withheld)
        {
            pattern[cell] = tables.Cells[cell].Role != CellRole.Published ? true
                : throw new ArgumentException($"{tables.Cells[cell].Name} is published and cannot be withheld.", nameof(withheld));
        }

        for (var i = 0; i < pattern.Length; i++)
        {
            pattern[i] |= tables.Cells[i].Role == CellRole.Internal;
            if (tables.Cells[i].Protection is not null && !pattern[i])
            {
                throw new ArgumentException($"{tables.Cells[i].Name} is primary and not withheld.", nameof(withheld));
            }
        }

        return pattern;
    }

    /// <summary>A bound that is a whole number but for the solver's rounding is that number.</summary>
    private static double Tidy(double bound) => Math.Abs(bound - Math.Round(bound)) <= Problem.Tolerance * Math.Max(1, Math.Abs(bound) * 1e-6)
        ? Math.Round(bound) + 0.0 : bound;
}
