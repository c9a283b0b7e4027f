namespace PsiMessaging.Suppression.Search;

/// <summary>
/// Moves that were found: whoever withholds all cells of one gives an attacker at least that much room. They spare most linear programs, since one move
/// protects many cells and stays good in every pattern that has its cells.
/// </summary>
internal sealed class Witnesses(Problem problem)
{
    private const int PerCell = 40;

    private readonly List<Move>[] byCell = [.. Enumerable.Range(0, problem.Count).Select(_ => new List<Move>())];
    private readonly bool[] isAsked = Asked(problem);

    public void Add(ReadOnlySpan<int> columns, double[] deviations)
    {
        var cells = new List<int>();
        var distances = new List<double>();
        for (var i = 0; i < deviations.Length; i++)
        {
            if (Math.Abs(deviations[i]) > Problem.Tolerance)
            {
                cells.Add(columns[i]);
                distances.Add(deviations[i]);
            }
        }

        Keep([.. cells], [.. distances], 1);
        Keep([.. cells], [.. distances], -1);
    }

    /// <summary>Whether the moves known so far prove the requirement in this pattern.</summary>
    public bool Prove(Requirement requirement, bool[] pattern, bool inWholeNumbers = false)
    {
        var (down, up) = Reach(requirement, pattern, inWholeNumbers);
        return Suffices(requirement.Level, down, up);
    }

    /// <summary>How far the moves known so far take the cell in this pattern; not looked for farther than the requirement needs.</summary>
    public (double Down, double Up) Reach(Requirement requirement, bool[] pattern, bool inWholeNumbers = false)
    {
        double up = 0, down = 0;
        var moves = byCell[requirement.Cell];
        for (var i = moves.Count - 1; i >= 0; i--)
        {
            var move = moves[i];
            var isFarther = move.Own > up || -move.Own > down;
            if (isFarther && (move.IsWhole || !inWholeNumbers) && move.IsIn(pattern, requirement.Known))
            {
                (up, down) = (Math.Max(up, move.Own), Math.Max(down, -move.Own));
                if (Suffices(requirement.Level, down, up))
                {
                    break;
                }
            }
        }

        return (down, up);
    }

    public static bool Suffices(Protection level, double down, double up) =>
        up >= level.Upper - Problem.Tolerance && down >= level.Lower - Problem.Tolerance && up + down >= level.Sliding - Problem.Tolerance;

    private static bool[] Asked(Problem problem)
    {
        var asked = new bool[problem.Count];
        foreach (var requirement in problem.Requirements)
        {
            asked[requirement.Cell] = true;
        }

        return asked;
    }

    /// <summary>Keeps the move, as far as it goes in this direction.</summary>
    private void Keep(int[] cells, double[] distances, int sign)
    {
        var scale = double.PositiveInfinity;
        for (var i = 0; i < cells.Length; i++)
        {
            var distance = sign * distances[i];
            scale = Math.Min(scale, distance > 0 ? problem.Up[cells[i]] / distance : problem.Down[cells[i]] / -distance);
        }

        if (scale < Problem.Tolerance || cells.Length == 0)
        {
            return;
        }

        scale = Math.Min(scale, 2.0 * LinkedTables.LargestValue);
        var isWhole = scale >= 1 && distances.All(distance => Math.Abs(distance - Math.Round(distance)) < Problem.Tolerance);
        if (isWhole)
        {
            // So many times a whole move is whole; the last piece of the way may not be.
            Keep(cells, distances, sign * Math.Floor(scale), true);
        }

        if (!isWhole || scale - Math.Floor(scale) > Problem.Tolerance)
        {
            Keep(cells, distances, sign * scale, false);
        }
    }

    private void Keep(int[] cells, double[] distances, double scale, bool isWhole)
    {
        for (var i = 0; i < cells.Length; i++)
        {
            if (isAsked[cells[i]])
            {
                var list = byCell[cells[i]];
                if (list.Count >= PerCell)
                {
                    list.RemoveAt(0);
                }

                list.Add(new(cells, distances[i] * scale, isWhole));
            }
        }
    }

    private readonly record struct Move(int[] Cells, double Own, bool IsWhole)
    {
        public bool IsIn(bool[] pattern, int[] known)
        {
            foreach (var cell in Cells)
            {
                if (!pattern[cell] || (known.Length > 0 && Array.IndexOf(known, cell) >= 0))
                {
                    return false;
                }
            }

            return true;
        }
    }
}
