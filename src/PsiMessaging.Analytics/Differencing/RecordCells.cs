namespace PsiMessaging.Analytics.Differencing;

/// <summary>A group of records that a question's sums are over.</summary>
/// <param name="Definition">What it is; see <see cref="QuestionPart.DefinitionOf"/>.</param>
/// <param name="Chosen">The part of it that whoever asks has drawn: conditions and classes, without values of columns that are grouped by as they are.</param>
/// <param name="Records">How many.</param>
public readonly record struct RecordCell(ulong Definition, ulong Chosen, int Records)
{
    /// <summary>
    /// Whether it is no wonder that two groups are of the same records: they are meant to be, or nobody has drawn the line between them. Where a line was
    /// drawn, that nothing lies between must not be told from few.
    /// </summary>
    public bool IsMeantAs(RecordCell other) => Definition == other.Definition || Chosen == other.Chosen;
}

/// <summary>Which of a party's records a question is about, as disjoint groups. Never leaves the party.</summary>
/// <param name="Cells">The groups.</param>
/// <param name="Of">For each common record, in the order of the dataset: its group, or -1 where the question is not about it.</param>
public sealed record RecordCells(IReadOnlyList<RecordCell> Cells, int[] Of)
{
    /// <summary>Groups from the group of each record.</summary>
    public static RecordCells From(IReadOnlyList<(ulong Definition, ulong Chosen)> definitions, int[] cells)
    {
        var records = new int[definitions.Count];
        foreach (var cell in cells)
        {
            if (cell >= 0)
            {
                records[cell]++;
            }
        }

        return new RecordCells([.. definitions.Zip(records, (definition, count) => new RecordCell(definition.Definition, definition.Chosen, count))], cells);
    }
}

/// <summary>What two questions' groups of records have in common: any of these may be.</summary>
[Flags]
public enum CellRelation
{
    /// <summary>No group of one is near a group of the other.</summary>
    Apart = 0,
    /// <summary>Some group is the same, and is meant to be.</summary>
    Same = 1,
    /// <summary>Some group is the same and is not said to be: as these data are, nothing lies between the two.</summary>
    Equal = 2,
    /// <summary>Some groups differ in few records.</summary>
    FewApart = 4,
}

/// <summary>Compares groups of records of one party's dataset, exactly.</summary>
public static class CellComparison
{
    /// <summary>
    /// Compares every group of the minimum of records or more with every one of another question, and with what several of those together come to, and all
    /// groups together with all.
    /// </summary>
    /// <param name="one">A question's.</param>
    /// <param name="other">Another's.</param>
    /// <param name="minimum">Fewest records.</param>
    /// <param name="pairs">
    /// Places of the common records of the one and the other in its <see cref="RecordCells.Of"/>, -1 where only one has it; null where both are of the same
    /// records.
    /// </param>
    /// <param name="hasTotals">
    /// Whether all groups together are held against records of the other question by how many they are apart. Where there is no condition the asking party
    /// knows how many there are without any question, and the rule of subtraction of a single question sees to what is not shown.
    /// </param>
    public static CellRelation Of(RecordCells one, RecordCells other, int minimum, IEnumerable<(int One, int Other)>? pairs, bool hasTotals)
    {
        var common = new Overlap(one, other);
        if (pairs is null)
        {
            for (var i = 0; i < one.Of.Length; i++)
            {
                common.Add(one.Of[i], other.Of[i]);
            }
        }
        else
        {
            foreach (var (left, right) in pairs)
            {
                common.Add(left < 0 ? -1 : one.Of[left], right < 0 ? -1 : other.Of[right]);
            }
        }

        var few = hasTotals ? CellRelation.FewApart : CellRelation.Same;
        var found = Pairs(one, other, common, minimum);
        for (var a = 0; a < one.Cells.Count; a++)
        {
            var cell = a;
            found |= Together(one.Cells[a].Records, other.Cells, b => common[cell, b], minimum, few);
        }

        for (var b = 0; b < other.Cells.Count; b++)
        {
            var cell = b;
            found |= Together(other.Cells[b].Records, one.Cells, a => common[a, cell], minimum, few);
        }

        var both = Enumerable.Range(0, one.Cells.Count).Sum(a => Enumerable.Range(0, other.Cells.Count).Sum(b => common[a, b]));
        return found | Judge(one.Cells.Sum(cell => cell.Records), other.Cells.Sum(cell => cell.Records), both, minimum, CellRelation.Same, few);
    }

    private static CellRelation Pairs(RecordCells one, RecordCells other, Overlap common, int minimum)
    {
        var found = CellRelation.Apart;
        for (var a = 0; a < one.Cells.Count; a++)
        {
            for (var b = 0; b < other.Cells.Count; b++)
            {
                found |= Judge(one.Cells[a].Records, other.Cells[b].Records, common[a, b], minimum,
                    one.Cells[a].IsMeantAs(other.Cells[b]) ? CellRelation.Same : CellRelation.Equal, CellRelation.FewApart);
            }
        }

        return found;
    }

    /// <summary>A group against those of the other question that together come nearest to it: each that has more than half of its records in it.</summary>
    private static CellRelation Together(int records, IReadOnlyList<RecordCell> cells, Func<int, int> common, int minimum, CellRelation few)
    {
        if (records < minimum)
        {
            return CellRelation.Apart;
        }

        var (apart, taken, isAll) = (records, 0, true);
        for (var i = 0; i < cells.Count; i++)
        {
            // Bins of few too: they are put together with their neighbours. Other groups of few are put aside, and not among these.
            if (2 * common(i) > cells[i].Records)
            {
                apart += cells[i].Records - (2 * common(i));
                taken++;
            }
            else
            {
                isAll &= cells[i].Records == 0;
            }
        }

        return taken == 0 || apart >= minimum ? CellRelation.Apart : apart == 0 ? CellRelation.Same : isAll ? few : CellRelation.FewApart;
    }

    private static CellRelation Judge(int one, int other, int common, int minimum, CellRelation none, CellRelation few) =>
        one < minimum || other < minimum ? CellRelation.Apart
        : (one + other - (2 * common)) switch
        {
            0 => none,
            var apart => apart < minimum ? few : CellRelation.Apart,
        };

    /// <summary>How many records two groups have in common.</summary>
    private sealed class Overlap(RecordCells one, RecordCells other)
    {
        private readonly int[] _counts = new int[(one.Cells.Count + 1) * (other.Cells.Count + 1)];
        private readonly int _width = other.Cells.Count + 1;

        public int this[int a, int b] => _counts[((a + 1) * _width) + b + 1];

        public void Add(int a, int b) => _counts[((a + 1) * _width) + b + 1]++;
    }
}

/// <summary>Lines that questions draw through the numbers of one column: bounds of conditions and of classes.</summary>
public static class LineComparison
{
    /// <summary>
    /// Whether two lines that differ have none or few records between them, and both the minimum on either side: whatever else is asked, what lies between them
    /// is the difference. None and few are alike, or who is refused could halve the distance until it has a value.
    /// </summary>
    /// <param name="values">The column's numbers, in order.</param>
    /// <param name="one">Lines of a question: the lowest number above each.</param>
    /// <param name="other">Lines of another.</param>
    /// <param name="minimum">Fewest records.</param>
    public static bool AnyNear(long[] values, IReadOnlyList<long> one, IReadOnlyList<long> other, int minimum)
    {
        (long Line, int Below)[] Divide(IReadOnlyList<long> lines) =>
            [.. lines.Select(line => (line, Below(values, line))).Where(entry => entry.Item2 >= minimum && values.Length - entry.Item2 >= minimum)];
        var others = Divide(other);
        return Divide(one).Any(line => others.Any(rest => rest.Line != line.Line && Math.Abs(rest.Below - line.Below) < minimum));
    }

    private static int Below(long[] values, long line)
    {
        var (low, high) = (0, values.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = values[middle] < line ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
