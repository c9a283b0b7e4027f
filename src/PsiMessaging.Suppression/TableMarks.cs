namespace PsiMessaging.Suppression;

/// <summary>What the marks of a published table tell.</summary>
public static class TableMarks
{
    /// <summary>
    /// The same tables before an attacker who is told which cells are withheld for being small and which to protect others, as SDMX and Eurostat mark them
    /// apart: a primary cell is then known to be from <paramref name="smallest"/> to <paramref name="minimum"/> − 1, and any other to be no small count. A
    /// primary cell must not follow exactly; that it is small is told anyway. Where <paramref name="minimum"/> − 1 is <paramref name="smallest"/> the mark
    /// alone tells the count, so that nothing protects it.
    /// </summary>
    /// <param name="tables">Tables of counts; the primary cells are those with a protection.</param>
    /// <param name="minimum">The least count that is printed.</param>
    /// <param name="smallest">The least count that is withheld: 1 where zeros are printed, 0 where they are not.</param>
    /// <exception cref="ArgumentException">A primary cell is not a small count, or a small count is not primary.</exception>
    public static LinkedTables Told(LinkedTables tables, long minimum, long smallest = 1)
    {
        var cells = tables.Cells.Select(cell =>
        {
            var isSmall = cell.Value >= smallest && cell.Value < minimum;
            if (cell.Role != CellRole.Internal && isSmall != cell.Protection is not null)
            {
                throw new ArgumentException($"{cell.Name} is {cell.Value} and is {(isSmall ? "not " : "")}primary.", nameof(tables));
            }

            // A zero that is printed may be withheld for another's sake: then it is known to be none of the small counts, which no interval says.
            return cell.Protection is not null
                ? cell with { Low = Math.Max(cell.Low, smallest), High = Math.Min(cell.High ?? long.MaxValue, minimum - 1), Protection = Protection.NotExact }
                : cell with { Low = cell.Value >= minimum ? Math.Max(cell.Low, minimum) : cell.Low };
        });
        return new([.. cells], tables.Relations, tables.Insiders);
    }
}
