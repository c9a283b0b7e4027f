namespace PsiMessaging.Suppression;

/// <summary>
/// Any number of tables as cells and the relations between them. A hierarchy is further relations, and tables are linked by having cells in common: all are
/// protected at once, since protecting one after the other is unsafe (sdcTools UserSupport#136).
/// </summary>
public sealed class LinkedTables
{
    /// <summary>The largest value of a cell, 10^12: intervals are computed in floating point, and must be right to the unit.</summary>
    public const long LargestValue = 1_000_000_000_000;

    /// <summary>The largest cost of a cell, 10^9.</summary>
    public const long LargestCost = 1_000_000_000;

    /// <param name="cells">All cells, each once, however many tables have it.</param>
    /// <param name="relations">What is known to add up.</param>
    /// <param name="insiders">Those who know cells beforehand, beside the attacker who knows none.</param>
    /// <exception cref="ArgumentException">
    /// A name occurs twice; a value, cost, bound or protection level is out of its range; a relation names a cell that is none, names one twice, or does not
    /// hold for the values; a primary cell is said to be published.
    /// </exception>
    public LinkedTables(IReadOnlyList<Cell> cells, IReadOnlyList<Relation> relations, IReadOnlyList<Insider>? insiders = null)
    {
        Cells = cells;
        Relations = relations;
        Insiders = insiders ?? [];
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var cell in cells)
        {
            Check(names.Add(cell.Name), $"Two cells are named {cell.Name}.");
            Check(cell);
        }

        foreach (var relation in relations)
        {
            Check(relation);
        }

        Check(Insiders.All(insider => insider.Knows.All(cell => cell >= 0 && cell < cells.Count)), "An insider knows a cell that is none.");
    }

    public IReadOnlyList<Cell> Cells { get; }

    public IReadOnlyList<Relation> Relations { get; }

    public IReadOnlyList<Insider> Insiders { get; }

    /// <summary>The index of a cell by its name.</summary>
    /// <exception cref="KeyNotFoundException">No cell has this name.</exception>
    public int IndexOf(string name)
    {
        for (var i = 0; i < Cells.Count; i++)
        {
            if (Cells[i].Name == name)
            {
                return i;
            }
        }

        throw new KeyNotFoundException($"No cell is named {name}.");
    }

    private static void Check(Cell cell)
    {
        Check(cell.Value is >= 0 and <= LargestValue, $"{cell.Name}: the value is not in 0 to {LargestValue}.");
        Check(cell.Cost is >= 0 and <= LargestCost, $"{cell.Name}: the cost is not in 0 to {LargestCost}.");
        Check(cell.Low >= 0 && cell.Low <= cell.Value, $"{cell.Name}: the value is below what is known beforehand.");
        Check(cell.High is null || cell.High >= cell.Value, $"{cell.Name}: the value is above what is known beforehand.");
        if (cell.Protection is { } protection)
        {
            Check(protection is { Lower: >= 0 and <= LargestValue, Upper: >= 0 and <= LargestValue, Sliding: >= 0 and <= LargestValue },
                $"{cell.Name}: a protection level is out of its range.");
            Check(cell.Role != CellRole.Published, $"{cell.Name} is primary and cannot be published.");
        }
    }

    private void Check(Relation relation)
    {
        var seen = new HashSet<int>();
        Int128 sum = 0;
        foreach (var (cell, factor) in relation.Terms)
        {
            Check(cell >= 0 && cell < Cells.Count, "A relation names a cell that is none.");
            Check(seen.Add(cell), $"A relation names {Cells[cell].Name} twice.");
            sum += (Int128)factor * Cells[cell].Value;
        }

        var names = string.Join(", ", relation.Terms.Take(5).Select(term => Cells[term.Cell].Name));
        Check(sum == 0, $"A relation does not hold: its cells, {names} …, add up to {sum} and not to zero.");
    }

    private static void Check(bool holds, string message)
    {
        if (!holds)
        {
            throw new ArgumentException(message);
        }
    }
}
