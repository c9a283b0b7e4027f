namespace PsiMessaging.Batches;

/// <summary>
/// Which cells of a table of counts are shown (docs/disclosure.md). The asking party knows how many records are in each of its own groups, so what is not shown
/// of one must not follow from what is: in every own group either all is shown, or at least the minimum of records is not. A cell of none and one of few are
/// treated alike. Pure functions of the counts, so that the asking party's worker (engine <c>masked</c>) and the linker (engine <c>tokens</c>) show the same.
/// </summary>
public static class ReleaseRule
{
    /// <summary>Most unknowns for which totals over withheld cells are looked at; beyond, such totals are withheld.</summary>
    private const int MostUnknowns = 400;

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

    /// <summary>
    /// Which totals are shown beside the cells: those of the minimum of records or more, under which all is shown or at least the minimum is not, and from
    /// which, with all that is known already, no sum of fewer withheld records follows. Totals are taken in the order given.
    /// </summary>
    /// <param name="counts">Records in each cell.</param>
    /// <param name="shown">Whether the cell is shown.</param>
    /// <param name="ownGroups">Own group of each cell.</param>
    /// <param name="own">Records of each own group.</param>
    /// <param name="others">Whether records of an own group may be in no cell listed.</param>
    /// <param name="totals">Cells under each total.</param>
    /// <param name="minimum">Fewest records anything is said about.</param>
    public static bool[] ShowTotals(
        IReadOnlyList<long> counts, IReadOnlyList<bool> shown, IReadOnlyList<int> ownGroups,
        IReadOnlyList<long> own, bool others, IReadOnlyList<IReadOnlyList<int>> totals, int minimum)
    {
        var place = new Dictionary<int, int>();
        for (var i = 0; i < counts.Count; i++)
        {
            if (!shown[i])
            {
                place.Add(i, place.Count);
            }
        }

        // An unknown for each cell that is not shown, and one for each own group's records that are in no cell.
        var cells = place.Count;
        var unknowns = cells + (others ? own.Count : 0);
        var released = new bool[totals.Count];
        bool IsLargeEnough(IReadOnlyList<int> members) => members.Sum(i => counts[i]) >= Math.Max(1, minimum);
        if (minimum <= 1 || unknowns == 0)
        {
            return [.. totals.Select(IsLargeEnough)];
        }

        // What the asking party knows without any total, beside the cells shown.
        var known = new Equations(unknowns);
        var inCells = new long[own.Count];
        for (var i = 0; i < counts.Count; i++)
        {
            inCells[ownGroups[i]] += counts[i];
        }

        var byGroup = place.ToLookup(entry => ownGroups[entry.Key], entry => entry.Value);
        long[] Row(IEnumerable<int> places)
        {
            var row = new long[unknowns];
            foreach (var at in places)
            {
                row[at] = 1;
            }

            return row;
        }

        IEnumerable<int> PlacesOf(IReadOnlyList<int> members) => members.Where(i => !shown[i]).Select(i => place[i]);
        var isSmallEnough = unknowns <= MostUnknowns;
        if (isSmallEnough)
        {
            for (var group = 0; group < own.Count; group++)
            {
                known.Add(Row(others ? byGroup[group].Append(cells + group) : byGroup[group]));
            }

            // What must not follow: a cell, the rest of an own group, or what is withheld under a total, of fewer records than the minimum.
            foreach (var (cell, at) in place)
            {
                if (counts[cell] < minimum)
                {
                    known.Protect(Row([at]));
                }
            }

            for (var group = 0; others && group < own.Count; group++)
            {
                if (own[group] - inCells[group] < minimum)
                {
                    known.Protect(Row([cells + group]));
                }
            }

            foreach (var members in totals)
            {
                // Nor how few records of the own groups under a total are in no cell.
                var covered = members.Select(i => ownGroups[i]).Distinct().ToArray();
                if (others && covered.Sum(group => own[group] - inCells[group]) < minimum)
                {
                    known.Protect(Row(covered.Select(group => cells + group)));
                }

                if (PlacesOf(members).Any() && members.Where(i => !shown[i]).Sum(i => counts[i]) < minimum)
                {
                    known.Protect(Row(PlacesOf(members)));
                }
            }
        }

        // Counts are not negative: what a total leaves of its own groups, beside other totals, must be nothing or enough as well.
        var value = new long[unknowns];
        foreach (var (cell, at) in place)
        {
            value[at] = counts[cell];
        }

        for (var group = 0; others && group < own.Count; group++)
        {
            value[cells + group] = own[group] - inCells[group];
        }

        var takenTotals = new List<HashSet<int>>();
        var takenGroups = new List<int[]>();
        bool IsNothingOrEnough(HashSet<int> places) => places.Count == 0 || places.Sum(at => value[at]) >= minimum;
        HashSet<int> AllOf(IEnumerable<int> groups) => [.. groups.SelectMany(group => others ? byGroup[group].Append(cells + group) : byGroup[group])];
        bool LeavesEnough(int[] places, int[] groups)
        {
            // Totals that share no cell are one total together, over the own groups of both.
            for (var t = 0; t < takenTotals.Count; t++)
            {
                var rest = AllOf(groups.Union(takenGroups[t]));
                rest.ExceptWith(places);
                rest.ExceptWith(takenTotals[t]);
                if (!takenTotals[t].Overlaps(places) && !IsNothingOrEnough(rest))
                {
                    return false;
                }
            }

            var left = AllOf(groups);
            left.ExceptWith(places);
            if (!IsNothingOrEnough(left))
            {
                return false;
            }

            foreach (var taken in takenTotals)
            {
                if (taken.IsSubsetOf(left))
                {
                    left.ExceptWith(taken);
                    if (!IsNothingOrEnough(left))
                    {
                        return false;
                    }
                }
                else if (taken.IsSupersetOf(places) && !IsNothingOrEnough([.. taken.Except(places)]))
                {
                    return false;
                }
                else if (taken.IsSubsetOf(places) && !IsNothingOrEnough([.. places.Except(taken)]))
                {
                    return false;
                }
            }

            return true;
        }

        for (var t = 0; t < released.Length; t++)
        {
            var members = totals[t];
            var places = PlacesOf(members).ToArray();
            if (!IsLargeEnough(members) || (places.Length > 0 && members.Where(i => !shown[i]).Sum(i => counts[i]) < minimum))
            {
                continue;
            }

            if (places.Length > 0 && isSmallEnough && !LeavesEnough(places, [.. members.Where(i => !shown[i]).Select(i => ownGroups[i]).Distinct()]))
            {
                continue;
            }

            // Over whole own groups, of which nothing is anywhere else, a total says what the asking party knows.
            released[t] = places.Length == 0 || (isSmallEnough ? known.TryAdd(Row(places)) : !others
                && members.Select(i => ownGroups[i]).Distinct().Sum(group => byGroup[group].Count()) == places.Length);
            if (released[t] && places.Length > 0)
            {
                takenTotals.Add([.. places]);
                takenGroups.Add([.. members.Where(i => !shown[i]).Select(i => ownGroups[i]).Distinct()]);
            }
        }

        return released;
    }

    /// <summary>Linear equations over what is withheld, modulo a prime, and sums that must not follow from them.</summary>
    private sealed class Equations(int unknowns)
    {
        private const long Prime = 2_147_483_647;
        private readonly List<(int Pivot, long[] Row)> _rows = [];
        private readonly List<long[]> _protected = [];

        public void Add(long[] row)
        {
            if (Reduce(row) is var pivot and >= 0)
            {
                _rows.Add((pivot, row));
            }
        }

        public void Protect(long[] row)
        {
            // What follows already is no secret that could be kept.
            if (Reduce(row) >= 0)
            {
                _protected.Add(row);
            }
        }

        /// <summary>Takes an equation unless something protected would follow.</summary>
        public bool TryAdd(long[] row)
        {
            var pivot = Reduce(row);
            if (pivot < 0)
            {
                return true;
            }

            if (_protected.Exists(one => Eliminated((long[])one.Clone(), pivot, row).All(value => value == 0)))
            {
                return false;
            }

            _rows.Add((pivot, row));
            _protected.ForEach(one => Eliminated(one, pivot, row));
            return true;
        }

        /// <summary>Takes what is known out of a row and makes its first place one; returns that place, -1 where nothing is left.</summary>
        private int Reduce(long[] row)
        {
            foreach (var (at, known) in _rows)
            {
                Eliminated(row, at, known);
            }

            var pivot = Array.FindIndex(row, value => value != 0);
            var inverse = pivot < 0 ? 0 : Power(row[pivot], Prime - 2);
            for (var i = Math.Max(0, pivot); i < unknowns && pivot >= 0; i++)
            {
                row[i] = row[i] * inverse % Prime;
            }

            return pivot;
        }

        /// <param name="row">Changed.</param>
        /// <param name="pivot">A place where the other row has a one.</param>
        /// <param name="by">The other row.</param>
        private long[] Eliminated(long[] row, int pivot, long[] by)
        {
            if (row[pivot] is var factor and not 0)
            {
                for (var i = 0; i < unknowns; i++)
                {
                    row[i] = (row[i] + ((Prime - factor) * by[i])) % Prime;
                }
            }

            return row;
        }

        private static long Power(long value, long exponent)
        {
            var result = 1L;
            for (; exponent > 0; exponent >>= 1)
            {
                result = (exponent & 1) == 0 ? result : result * value % Prime;
                value = value * value % Prime;
            }

            return result;
        }
    }
}
