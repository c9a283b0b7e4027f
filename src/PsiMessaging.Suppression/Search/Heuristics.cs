namespace PsiMessaging.Suppression.Search;

/// <summary>
/// Good patterns without a proof: for each requirement that does not hold the cheapest move that makes it hold, then without what turned out needless.
/// </summary>
internal sealed class Heuristics(Problem problem, Separator separator, Witnesses witnesses, Unions unions) : IDisposable
{
    /// <summary>What a cell that is withheld anyway costs in a move: next to nothing, but short moves are good in more patterns.</summary>
    private const double Withheld = 1e-3;

    private readonly Lazy<MoveProgram> moves = new(() => new MoveProgram(problem, Enumerable.Range(0, problem.Count).Where(cell => problem.IsFree[cell]
        || problem.IsFixed[cell])));

    public double Work => moves.IsValueCreated ? moves.Value.Work : 0;

    /// <summary>
    /// A pattern with these cells that meets every requirement (Kelly, Golden and Assad 1992, Networks 22, with a linear program in the place of the flow, so
    /// that it works for any tables). <paramref name="weights"/> is what a cell costs while looking for moves; the pattern's own cost counts only when it is
    /// cleaned. Null where it <paramref name="isOver"/> before all hold.
    /// </summary>
    public bool[]? Complete(bool[] start, double[] weights, Func<bool> isOver)
    {
        var pattern = (bool[])start.Clone();
        var violated = separator.Violated(pattern, int.MaxValue).ConvertAll(pair => pair.Requirement);
        foreach (var requirement in violated.OrderByDescending(requirement => Math.Max(requirement.Level.Upper, Math.Max(requirement.Level.Lower,
            requirement.Level.Sliding))))
        {
            if (isOver())
            {
                return null;
            }

            // A move found for another cell may have protected this one too; else this finds the cheapest, at next to no cost where it needs no further cell.
            if (!witnesses.Prove(requirement, pattern))
            {
                Protect(requirement, pattern, weights);
            }
        }

        unions.Complete(pattern);
        return pattern;
    }

    /// <summary>Prints again what is not needed, the dearest first, until it <paramref name="isOver"/>.</summary>
    public void Clean(bool[] pattern, Func<bool> isOver)
    {
        var chosen = Enumerable.Range(0, problem.Count).Where(cell => pattern[cell] && !problem.IsFixed[cell]).OrderByDescending(cell =>
            problem.Cost[cell]).ThenByDescending(cell => cell);
        foreach (var cell in chosen.ToList().TakeWhile(_ => !isOver()))
        {
            pattern[cell] = false;
            pattern[cell] = !unions.Hold(pattern) || !separator.IsMet(pattern);
        }
    }

    /// <summary>
    /// What people do by hand, and what is to be beaten: as long as a relation has a single withheld cell, the cheapest of its others is withheld too, of
    /// equally cheap ones the smallest. It is often not safe, and is completed where it is not.
    /// </summary>
    public bool[] NextSmallest()
    {
        var pattern = problem.FixedPattern();
        var isChanged = true;
        while (isChanged)
        {
            isChanged = false;
            foreach (var relation in problem.Tables.Relations)
            {
                if (relation.Terms.Count(term => pattern[term.Cell]) == 1 && Cheapest(relation, pattern) is { } cell)
                {
                    (pattern[cell], isChanged) = (true, true);
                }
            }
        }

        return pattern;
    }

    public void Dispose()
    {
        if (moves.IsValueCreated)
        {
            moves.Value.Dispose();
        }
    }

    private int? Cheapest(Relation relation, bool[] pattern) => relation.Terms.Select(term => (int?)term.Cell).Where(cell => problem.IsFree[cell!.Value]
        && !pattern[cell.Value])
        .MinBy(cell => (problem.Cost[cell!.Value], problem.Tables.Cells[cell.Value].Value == 0 ? long.MaxValue : problem.Tables.Cells[cell.Value].Value, cell));

    /// <summary>Withholds the cells of cheapest moves that meet the requirement; it can be met, since it is by the largest pattern.</summary>
    private void Protect(Requirement requirement, bool[] pattern, double[] weights)
    {
        // Relative to the dearest: what a move costs must stay below what its cell is paid.
        var dearest = Enumerable.Range(0, pattern.Length).Where(cell => problem.IsFree[cell]).Select(cell => weights[cell]).DefaultIfEmpty(1).Max();
        moves.Value.Weigh(cell => pattern[cell] ? Withheld : Math.Max(Withheld, weights[cell] / Math.Max(dearest, 1e-9)));
        var level = requirement.Level;
        if ((level.Upper > 0 && !Move(requirement, 1, level.Upper, pattern)) || (level.Lower > 0 && !Move(requirement, -1, level.Lower, pattern)))
        {
            // It can be met, but the solver did not find how: all that may be withheld is, and cleaned.
            problem.LargestPattern().CopyTo(pattern, 0);
            return;
        }

        var sliding = level.Sliding;
        if (sliding > level.Lower + level.Upper && !Move(requirement, 1, sliding, pattern) && !Move(requirement, -1, sliding, pattern))
        {
            // Neither side is long enough by itself: as far down as what is known allows, and the rest up.
            var below = (long)Math.Min(sliding, problem.Down[requirement.Cell]);
            while (!Move(requirement, -1, below, pattern))
            {
                below--;
            }

            Move(requirement, 1, sliding - below, pattern);
        }
    }

    private bool Move(Requirement requirement, int sign, double distance, bool[] pattern)
    {
        var known = requirement.Known;
        if (moves.Value.Cheapest(requirement.Cell, sign, distance, cell => Array.IndexOf(known, cell) < 0) is not { } moved)
        {
            return false;
        }

        witnesses.Add(moves.Value.Columns, moved);
        for (var i = 0; i < moved.Length; i++)
        {
            pattern[moves.Value.Columns[i]] |= Math.Abs(moved[i]) > Problem.Tolerance;
        }

        return true;
    }
}
