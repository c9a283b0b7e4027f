namespace PsiMessaging.Suppression;

/// <summary>A table of one, two or three classifications with all its totals, from the inner values.</summary>
public static class TableBuilder
{
    /// <summary>The code of a total in a cell's name.</summary>
    public const string Total = "Total";

    /// <summary>
    /// Every combination of codes, with the total for each classification: cells are named by their codes, <c>code,code</c>, in the order of the
    /// classifications; the last changes first and the total comes last.
    /// </summary>
    /// <param name="codes">The codes of each classification; none is <see cref="Total"/>.</param>
    /// <param name="inner">The values inside, the last classification changes first.</param>
    /// <param name="cell">Makes a cell of its name, value and codes' indices (the total has the index after the last): its cost, bounds and protection.</param>
    /// <param name="insiders">Given the cells, those who know some of them.</param>
    /// <exception cref="ArgumentException">Not as many values as combinations of codes, a code that occurs twice or is the total's.</exception>
    public static LinkedTables Build(IReadOnlyList<IReadOnlyList<string>> codes, IReadOnlyList<long> inner, Func<string, long, int[], Cell> cell,
        Func<IReadOnlyList<Cell>, IReadOnlyList<Insider>>? insiders = null)
    {
        var lengths = codes.Select(list => list.Count).ToArray();
        if (inner.Count != lengths.Aggregate(1, (product, length) => checked(product * length)))
        {
            throw new ArgumentException("The table does not have a value for each combination of codes.", nameof(inner));
        }

        if (codes.Any(list => list.Count == 0 || list.Contains(Total, StringComparer.Ordinal) || list.Distinct(StringComparer.Ordinal).Count() != list.Count))
        {
            throw new ArgumentException("A classification has no code, one twice, or the total's.", nameof(codes));
        }

        var shape = new Shape(lengths);
        var values = shape.WithTotals(inner);
        var cells = new Cell[values.Length];
        for (var i = 0; i < cells.Length; i++)
        {
            var place = shape.PlaceOf(i);
            var name = string.Join(',', place.Select((code, axis) => code == lengths[axis] ? Total : codes[axis][code]));
            cells[i] = cell(name, values[i], place);
        }

        return new(cells, shape.Relations(), insiders?.Invoke(cells));
    }

    /// <summary>A single row of values and its total.</summary>
    public static LinkedTables OneWay(IReadOnlyList<string> codes, IReadOnlyList<long> inner, Func<string, long, int[], Cell> cell) => Build([codes],
        inner, cell);

    /// <summary>Rows and columns with the totals of both; <paramref name="inner"/> is row after row.</summary>
    public static LinkedTables TwoWay(IReadOnlyList<string> rows, IReadOnlyList<string> columns, IReadOnlyList<long> inner, Func<string, long, int[],
        Cell> cell) =>
        Build([rows, columns], inner, cell);

    /// <summary>Three classifications with the totals of each, of every two, and of all.</summary>
    public static LinkedTables ThreeWay(IReadOnlyList<string> first, IReadOnlyList<string> second, IReadOnlyList<string> third, IReadOnlyList<long> inner,
        Func<string, long, int[], Cell> cell) => Build([first, second, third], inner, cell);

    /// <summary>The places of a table's cells, totals included, in one list.</summary>
    private sealed class Shape
    {
        private readonly int[] lengths;
        private readonly int[] strides;
        private readonly int size;

        public Shape(int[] lengths)
        {
            this.lengths = lengths;
            strides = new int[lengths.Length];
            size = 1;
            for (var axis = lengths.Length - 1; axis >= 0; axis--)
            {
                strides[axis] = size;
                size = checked(size * (lengths[axis] + 1));
            }
        }

        public int[] PlaceOf(int cell) => [.. lengths.Select((length, axis) => cell / strides[axis] % (length + 1))];

        public long[] WithTotals(IReadOnlyList<long> inner)
        {
            var values = new long[size];
            for (int cell = 0, next = 0; cell < size; cell++)
            {
                if (PlaceOf(cell).Zip(lengths).All(pair => pair.First < pair.Second))
                {
                    values[cell] = inner[next++];
                }
            }

            for (var axis = 0; axis < lengths.Length; axis++)
            {
                foreach (var total in TotalsOf(axis))
                {
                    values[total] = PartsOf(total, axis).Sum(part => values[part]);
                }
            }

            return values;
        }

        public List<Relation> Relations()
        {
            var relations = new List<Relation>();
            for (var axis = 0; axis < lengths.Length; axis++)
            {
                relations.AddRange(TotalsOf(axis).Select(total => Relation.Sum(total, PartsOf(total, axis))));
            }

            return relations;
        }

        private IEnumerable<int> TotalsOf(int axis) => Enumerable.Range(0, size).Where(cell => cell / strides[axis] % (lengths[axis] + 1) == lengths[axis]);

        private IEnumerable<int> PartsOf(int total, int axis) => Enumerable.Range(1, lengths[axis]).Select(back => total - (back * strides[axis])).Reverse();
    }
}
