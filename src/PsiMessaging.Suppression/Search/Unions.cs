namespace PsiMessaging.Suppression.Search;

/// <summary>
/// The sums that a pattern gives away: where a relation's other cells are printed, its withheld ones are known together, and together they may be as
/// sensitive as one by itself (sdcTools UserSupport#160).
/// </summary>
internal sealed class Unions(Problem problem, Func<IReadOnlyList<int>, bool>? isSensitive)
{
    private readonly Dictionary<string, bool> answers = new(StringComparer.Ordinal);

    public bool Hold(bool[] pattern) => FirstSensitive(pattern) is null;

    /// <summary>Withholds one more cell, the cheapest, of each relation that gives a sensitive sum away, until none does or no cell is left.</summary>
    public void Complete(bool[] pattern)
    {
        while (FirstSensitive(pattern) is { } relation)
        {
            var open = relation.Terms.Select(term => term.Cell).Where(cell => problem.IsFree[cell] && !pattern[cell]).ToList();
            if (open.Count == 0)
            {
                return;
            }

            pattern[open.MinBy(cell => (problem.Cost[cell], cell))] = true;
        }
    }

    /// <summary>For every relation that gives a sensitive sum away: these withheld cells of it, and no others, cannot be.</summary>
    public IEnumerable<Cut> Cuts(bool[] pattern)
    {
        foreach (var relation in problem.Tables.Relations.Where(relation => IsSensitive(relation, pattern)))
        {
            var free = relation.Terms.Select(term => term.Cell).Where(cell => problem.IsFree[cell]).ToArray();
            yield return new(free, [.. free.Select(cell => pattern[cell] ? -1L : 1L)], 1 - free.Count(cell => pattern[cell]));
        }
    }

    private Relation? FirstSensitive(bool[] pattern) => isSensitive is null ? null : problem.Tables.Relations.FirstOrDefault(relation =>
        IsSensitive(relation, pattern));

    private bool IsSensitive(Relation relation, bool[] pattern)
    {
        if (isSensitive is null)
        {
            return false;
        }

        var hidden = relation.Terms.Where(term => pattern[term.Cell]).ToList();
        if (hidden.Count < 2 || hidden.Exists(term => term.Factor != hidden[0].Factor))
        {
            return false;
        }

        var cells = hidden.ConvertAll(term => term.Cell);
        var key = string.Join(' ', cells);
        if (!answers.TryGetValue(key, out var answer))
        {
            answers[key] = answer = isSensitive(cells);
        }

        return answer;
    }
}
