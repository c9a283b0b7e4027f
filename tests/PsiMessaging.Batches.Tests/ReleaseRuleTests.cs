using CsCheck;

namespace PsiMessaging.Batches.Tests;

/// <summary>What a table shows under a minimum cell size, against an attacker that knows its own margins and can count.</summary>
public class ReleaseRuleTests
{
    [Theory]
    [InlineData(new long[] { 20, 30, 40 }, 90, false, new[] { true, true, true })]
    [InlineData(new long[] { 20, 30, 0 }, 50, false, new[] { false, true, false })]
    [InlineData(new long[] { 20, 30, 9 }, 59, false, new[] { false, true, false })]
    [InlineData(new long[] { 12, 30, 9, 8 }, 59, false, new[] { false, true, false, false })]
    [InlineData(new long[] { 12, 30, 9, 8, 0 }, 59, false, new[] { true, true, false, false, false })]
    [InlineData(new long[] { 20, 20, 9 }, 49, false, new[] { false, false, false })]
    [InlineData(new long[] { 895 }, 900, true, new[] { false })]
    [InlineData(new long[] { 900 }, 900, true, new[] { false })]
    [InlineData(new long[] { 890 }, 900, true, new[] { true })]
    [InlineData(new long[] { 9 }, 900, true, new[] { false })]
    public void Show_OneOwnGroup_LeavesOutNoneOrEnough(long[] counts, long own, bool others, bool[] expected) =>
        Assert.Equal(expected, ReleaseRule.Show(counts, own, others, 10));

    [Fact]
    public void Show_MinimumOfOne_ShowsWhatOccurs() => Assert.Equal([true, false, true], ReleaseRule.Show([1, 0, 5], 7, true, 1));

    private static readonly Gen<(long[][] Counts, long[] Left, bool Others)> Tables =
        Gen.Int[1, 2]
            .SelectMany(groups =>
                Gen.Int[1, 3].SelectMany(cells => Gen.Select(Gen.Long[0, 7].Array[cells].Array[groups], Gen.Long[0, 6].Array[groups], Gen.Bool)))
            .Select((counts, rest, others) => (counts, others ? rest : new long[rest.Length], others));

    /// <summary>
    /// Every way to fill in what is not shown that fits the margins, the cells and the totals shown: no cell and no rest of an own group that has fewer records
    /// than the minimum may be the same in all of them.
    /// </summary>
    [Fact]
    public void ShowAndTotals_AnyTable_LeaveNoSmallCellToBeSolvedFor() => Tables.Sample(table =>
    {
        const int minimum = 3;
        var (counts, rest, others) = table;
        var own = counts.Select((row, i) => row.Sum() + rest[i]).ToArray();
        if (own.Any(records => records < minimum))
        {
            return;
        }

        var width = counts[0].Length;
        var flat = counts.SelectMany(row => row).ToArray();
        var shown = counts.SelectMany((row, i) => ReleaseRule.Show(row, own[i], others, minimum)).ToArray();
        int[][] totals = [[.. Enumerable.Range(0, flat.Length)],
            .. Enumerable.Range(0, width).Select(column => Enumerable.Range(0, counts.Length).Select(row => (row * width) + column).ToArray()),
            .. Enumerable.Range(0, counts.Length).Select(row => Enumerable.Range(0, width).Select(column => (row * width) + column).ToArray())];

        // A total is shown where all cells under it are (TableTotals).
        var released = totals.Select(total => total.All(i => shown[i])).ToArray();

        // All ways to fill one own group, then all pairs of them that fit the totals.
        IEnumerable<long[]> Fill(int group)
        {
            var places = Enumerable.Range(group * width, width).Where(i => !shown[i]).ToArray();
            var left = own[group] - Enumerable.Range(group * width, width).Where(i => shown[i]).Sum(i => flat[i]);
            IEnumerable<long[]> Parts(int count, long sum) => count == 0 ? (sum == 0 ? [[]] : Array.Empty<long[]>())
                : Enumerable.Range(0, (int)sum + 1).SelectMany(first => Parts(count - 1, sum - first).Select(others => (long[])[first, .. others]));
            foreach (var parts in Parts(places.Length + (others ? 1 : 0), left))
            {
                var row = Enumerable.Range(group * width, width).Select(i => shown[i] ? flat[i] : parts[Array.IndexOf(places, i)]).ToList();
                row.Add(others ? parts[^1] : 0);
                yield return [.. row];
            }
        }

        var candidates = Enumerable.Range(0, counts.Length).Select(group => Fill(group).ToArray()).ToArray();
        var seen = counts.Select((row, i) => row.Append(rest[i]).Select(_ => new HashSet<long>()).ToArray()).ToArray();
        foreach (var first in candidates[0])
        {
            foreach (var second in counts.Length == 2 ? candidates[1] : [[]])
            {
                long At(int i) => i < width ? first[i] : second[i - width];
                if (totals.Zip(released).All(total => !total.Second || total.First.Sum(At) == total.First.Sum(i => flat[i])))
                {
                    for (var i = 0; i <= width; i++)
                    {
                        seen[0][i].Add(first[i]);
                        if (counts.Length == 2)
                        {
                            seen[1][i].Add(second[i]);
                        }
                    }
                }
            }
        }

        for (var group = 0; group < counts.Length; group++)
        {
            for (var i = 0; i <= width; i++)
            {
                var (value, isHidden) = i < width ? (counts[group][i], !shown[(group * width) + i]) : (rest[group], others);
                Assert.True(!isHidden || value >= minimum || seen[group][i].Count > 1,
                    $"a cell of {value} follows: {string.Join(" | ", counts.Select(row => string.Join(',', row)))}, rest {string.Join(',', rest)}, shown "
                        + $"{string.Join(',', shown)}, totals {string.Join(',', released)}");
            }
        }
    }, iter: 20_000);

    /// <summary>An attacker that also knows the rule: among all tables that would look the same no small cell has one value only.</summary>
    [Fact]
    public void Show_AnAttackerThatKnowsTheRule_PinsNoSmallCell() =>
        Gen.Select(Gen.Long[0, 8].Array[2, 4], Gen.Bool, Gen.Long[0, 8]).Sample((counts, others, rest) =>
    {
        const int minimum = 3;
        var own = counts.Sum() + (others ? rest : 0);
        if (own < minimum)
        {
            return;
        }

        var shown = ReleaseRule.Show(counts, own, others, minimum);
        var seen = counts.Select(_ => new HashSet<long>()).ToArray();
        void Try(long[] table, int place, long left)
        {
            if (place == counts.Length)
            {
                if ((others || left == 0) && ReleaseRule.Show(table, own, others, minimum).SequenceEqual(shown))
                {
                    for (var i = 0; i < table.Length; i++)
                    {
                        seen[i].Add(table[i]);
                    }
                }

                return;
            }

            for (var value = shown[place] ? counts[place] : 0; value <= (shown[place] ? Math.Min(counts[place], left) : left); value++)
            {
                table[place] = value;
                Try(table, place + 1, left - value);
            }
        }

        Try(new long[counts.Length], 0, own);
        Assert.All(counts.Select((value, i) => (value, i)), cell => Assert.True(shown[cell.i] || cell.value >= minimum || seen[cell.i].Count > 1,
            $"{cell.value} of {string.Join(',', counts)}, rest {(others ? rest : 0)}"));
    }, iter: 1000);
}
