namespace PsiMessaging.Suppression.Search;

/// <summary>What must hold: against somebody who knows <paramref name="Known"/>, the interval of a cell reaches as far as its protection says.</summary>
internal sealed record Requirement(int Cell, int[] Known, Protection Level);

/// <summary>Tables as arrays, for the programs: how far each cell may move from its value, and in which relations it stands.</summary>
internal sealed class Problem
{
    /// <summary>What counts as zero in a linear program's answer, relative to a level of 1 or more: values are whole numbers.</summary>
    public const double Tolerance = 1e-6;

    public Problem(LinkedTables tables)
    {
        Tables = tables;
        var cells = tables.Cells;
        Count = cells.Count;
        Down = [.. cells.Select(cell => (double)(cell.Value - cell.Low))];
        Up = [.. cells.Select(cell => cell.High is { } high ? high - cell.Value : double.PositiveInfinity)];
        Cost = [.. cells.Select(cell => cell.Cost)];
        IsFixed = [.. cells.Select(cell => cell.IsHidden)];
        IsFree = [.. cells.Select(cell => !cell.IsHidden && cell.Role == CellRole.Free && (cell.Low < cell.Value || cell.High is null
            || cell.High > cell.Value))];
        Columns = new Term[Count][];
        var columns = Enumerable.Range(0, Count).Select(_ => new List<Term>()).ToArray();
        for (var row = 0; row < tables.Relations.Count; row++)
        {
            foreach (var (cell, factor) in tables.Relations[row].Terms)
            {
                columns[cell].Add(new(row, factor));
            }
        }

        Columns = [.. columns.Select(list => list.ToArray())];
        Requirements = [.. RequirementsOf(tables)];
    }

    public LinkedTables Tables { get; }

    public int Count { get; }

    /// <summary>How far below its value each cell may lie in an attacker's eyes.</summary>
    public double[] Down { get; }

    /// <summary>How far above; infinite where nothing is known.</summary>
    public double[] Up { get; }

    public long[] Cost { get; }

    /// <summary>Withheld in every pattern.</summary>
    public bool[] IsFixed { get; }

    /// <summary>May be withheld and may be printed. A cell whose value is known beforehand is not: hiding it hides nothing.</summary>
    public bool[] IsFree { get; }

    /// <summary>For each cell the relations it stands in (as <see cref="Term.Cell"/>) and its factor there.</summary>
    public Term[][] Columns { get; }

    public IReadOnlyList<Requirement> Requirements
    {
        get;
        set
        {
            field = value;
            IsAsked = new bool[Count];
            foreach (var requirement in value)
            {
                IsAsked[requirement.Cell] = true;
            }
        }
    }

    /// <summary>The cells that a requirement is of.</summary>
    public bool[] IsAsked { get; private set; } = [];

    /// <summary>The cells that every pattern withholds.</summary>
    public bool[] FixedPattern() => (bool[])IsFixed.Clone();

    /// <summary>The cells that the largest pattern withholds.</summary>
    public bool[] LargestPattern() => [.. Enumerable.Range(0, Count).Select(cell => IsFixed[cell] || IsFree[cell])];

    public long CostOf(bool[] pattern)
    {
        long cost = 0;
        for (var cell = 0; cell < Count; cell++)
        {
            cost += pattern[cell] && !IsFixed[cell] ? Cost[cell] : 0;
        }

        return cost;
    }

    private static IEnumerable<Requirement> RequirementsOf(LinkedTables tables)
    {
        var primary = Enumerable.Range(0, tables.Cells.Count).Where(cell => tables.Cells[cell].Protection is not null).ToList();
        foreach (var cell in primary)
        {
            yield return new(cell, [], tables.Cells[cell].Protection!);
        }

        foreach (var insider in tables.Insiders)
        {
            foreach (var cell in primary.Except(insider.Knows))
            {
                yield return new(cell, [.. insider.Knows], insider.IsFull ? tables.Cells[cell].Protection! : Protection.NotExact);
            }
        }
    }
}
