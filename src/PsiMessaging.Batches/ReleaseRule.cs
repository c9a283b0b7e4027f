namespace PsiMessaging.Batches;

/// <summary>
/// Which cells of a table of counts are shown (docs/disclosure.md). The asking party knows how many records are in each of its own groups, so what is not shown
/// of one must not follow from what is: in every own group either all is shown, or at least the minimum of records is not. A cell of none and one of few are
/// treated alike. A pure function of the counts: the linker applies it with engine <c>tokens</c>; with engine <c>masked</c> the circuit of a release does,
/// which tests hold to this.
/// </summary>
public static class ReleaseRule
{
    /// <summary>The cells of one own group that are shown.</summary>
    /// <param name="counts">Records in each cell: one for each group of the other party.</param>
    /// <param name="own">Records of the own group, as the asking party knows them.</param>
    /// <param name="others">Whether records of the own group may be in no cell listed: dropped by the other party's filter or in its small groups.</param>
    /// <param name="minimum">Fewest records anything is said about, 1 or more; with 1 every cell that has a record is shown.</param>
    public static bool[] Show(IReadOnlyList<long> counts, long own, bool others, int minimum)
    {
        var shown = new bool[counts.Count];
        for (var i = 0; i < shown.Length; i++)
        {
            shown[i] = counts[i] >= Math.Max(1, minimum);
        }

        if (minimum <= 1 || (!others && Array.TrueForAll(shown, cell => cell)))
        {
            return shown;
        }

        // Small cells alone, if they have so many records that none of them could be empty, tell none from
        // few: then another cell goes too, and nobody sees which it is.
        var small = shown.Count(cell => !cell);
        var tells = !others && small > 0 && own - Sum(counts, shown) > (small - 1L) * (minimum - 1);

        // Cells of one size go together: which of them went would depend on their order.
        for (; (tells || own - Sum(counts, shown) < minimum) && Array.Exists(shown, cell => cell); tells = false)
        {
            var least = long.MaxValue;
            for (var i = 0; i < shown.Length; i++)
            {
                least = shown[i] ? Math.Min(least, counts[i]) : least;
            }

            for (var i = 0; i < shown.Length; i++)
            {
                shown[i] &= counts[i] != least;
            }
        }

        return shown;
    }

    private static long Sum(IReadOnlyList<long> counts, bool[] shown)
    {
        var sum = 0L;
        for (var i = 0; i < shown.Length; i++)
        {
            sum += shown[i] ? counts[i] : 0;
        }

        return sum;
    }
}
