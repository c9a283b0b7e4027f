namespace PsiMessaging.Suppression.Search;

/// <summary>What follows by plain subtraction: a relation with a single withheld cell gives it, and with it perhaps another relation's.</summary>
internal static class Following
{
    /// <summary>Whether a cell that must be protected against everybody follows so. Quick, and finds most patterns that are not safe.</summary>
    public static bool Any(Problem problem, bool[] pattern)
    {
        var relations = problem.Tables.Relations;
        var hidden = new int[relations.Count];
        for (var cell = 0; cell < pattern.Length; cell++)
        {
            foreach (var place in pattern[cell] ? problem.Columns[cell] : [])
            {
                hidden[place.Cell]++;
            }
        }

        var isOpen = (bool[])pattern.Clone();
        var singles = new Stack<int>(Enumerable.Range(0, hidden.Length).Where(row => hidden[row] == 1));
        while (singles.TryPop(out var row))
        {
            var single = relations[row].Terms.Where(term => isOpen[term.Cell]).Select(term => (int?)term.Cell).FirstOrDefault();
            if (single is not { } cell)
            {
                continue;
            }

            if (problem.IsAsked[cell])
            {
                return true;
            }

            isOpen[cell] = false;
            foreach (var place in problem.Columns[cell])
            {
                if (--hidden[place.Cell] == 1)
                {
                    singles.Push(place.Cell);
                }
            }
        }

        return false;
    }
}
