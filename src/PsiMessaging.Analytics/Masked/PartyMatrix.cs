using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Data.Datasets;

namespace PsiMessaging.Analytics.Masked;

/// <summary>
/// One party's side of a query: which groups and levels occur among its common rows, and the rows of its matrix in plain. Whether a record passes the filter does
/// not change the groups, so the matrix's shape says nothing about the filter's effect. Never leaves the party unmasked.
/// </summary>
public sealed class PartyMatrix
{
    /// <summary>Most different values of one grouping column, and most groups of one party.</summary>
    public const int MaximumGroups = 1000;

    private readonly BoundQuery _query;
    private readonly string _party;
    private readonly AlignedRows _rows;
    private readonly ColumnName[] _columns;
    private readonly Dictionary<ColumnName, int> _place;
    private readonly Indexer[] _groupings;
    private readonly Dictionary<ColumnName, Indexer> _terms = [];
    private readonly Func<IReadOnlyList<long[]>, int, bool?>[] _conditions;
    private Dictionary<UInt128, int> _groups = [];
    private int[]? _groupTable;

    private PartyMatrix(BoundQuery query, string party, AlignedRows rows, IReadOnlyDictionary<ColumnName, SortedSet<long>> numbers)
    {
        (_query, _party, _rows) = (query, party, rows);
        _columns = ColumnsOf(query, party);
        _place = _columns.Select((column, i) => (column, i)).ToDictionary(entry => entry.column, entry => entry.i);
        _groupings = [.. OwnGroupings.Select(grouping => new Indexer(grouping, ColumnOf(grouping.Column), numbers))];
        foreach (var term in query.Terms.Where(term => term.Grouping is not null && term.Column.Party == party))
        {
            _terms.Add(term.Column, new Indexer(term.Grouping!, ColumnOf(term.Column), numbers));
        }

        _conditions = [.. query.Where.Where(condition => condition.Party == party).Select(condition => condition.Compile(column => _place[column], column => ColumnOf(column).Labels!))];
    }

    private IEnumerable<BoundGrouping> OwnGroupings => _query.Groupings.Where(grouping => grouping.Column.Party == _party);

    /// <summary>Labels of each group, one for each of the party's groupings; null where the value is missing.</summary>
    public IReadOnlyList<IReadOnlyList<string?>> GroupLabels { get; private set; } = [];

    /// <summary>Levels of each of the party's class terms, in order; the first is the reference.</summary>
    public IReadOnlyList<IReadOnlyList<string>> LevelLabels => [.. _query.Terms.Where(term => _terms.ContainsKey(term.Column)).Select(term => _terms[term.Column].Labels)];

    /// <summary>The matrix's shape.</summary>
    public PartyShape Shape => new(GroupLabels.Count, [.. LevelLabels.Select(labels => labels.Count)]);

    /// <summary>Reads what the query needs to know before anything is sent: two passes over the party's grouping columns.</summary>
    /// <param name="query">The query, bound.</param>
    /// <param name="party">The party.</param>
    /// <param name="rows">Its common rows.</param>
    /// <exception cref="QueryException">The engine cannot ask this, or a column has too many different values; says which and how many.</exception>
    public static async Task<PartyMatrix> OpenAsync(BoundQuery query, string party, AlignedRows rows)
    {
        if (query.Where.FirstOrDefault(condition => condition.Party is null) is { } mixed)
        {
            throw new QueryException(QueryException.EngineCannot,
                $"the engine masked cannot filter by `{QueryText.Write(mixed.Condition)}`, because each party applies its own part and neither sees the other's column; join conditions on columns of both parties with `and`");
        }

        foreach (var column in ColumnsOf(query, party).Select(column => rows.Columns.First(candidate => candidate.Name == column.Name)))
        {
            if (!column.Type.IsNumber && column.Labels is null)
            {
                throw TooMany(column.Name, AlignedRows.MaximumLabels, atLeast: true);
            }
        }

        var matrix = new PartyMatrix(query, party, rows, await DistinctNumbersAsync(query, party, rows));
        await matrix.FindGroupsAsync();
        return matrix;
    }

    private static QueryException TooMany(string column, int count, bool atLeast) => new(QueryException.TooManyGroups,
        $"{column} has {(atLeast ? "more than " : "")}{count:N0} different values among the common records, and {MaximumGroups:N0} is the most a query can work with; put them into classes, for example {column} in 0-9, 10-19 or {column} in ('A', 'B') as X");

    private static ColumnName[] ColumnsOf(BoundQuery query, string party) =>
    [
        .. query.Groupings.Select(grouping => grouping.Column)
            .Concat(query.Measures.SelectMany(measure => measure.Columns)).Concat(query.Where.SelectMany(condition => condition.Columns))
            .Concat(query.Terms.Select(term => term.Column)).Concat(new[] { query.Weight, query.Outcome }.OfType<ColumnName>())
            .Where(column => column.Party == party).Distinct(),
    ];

    private AlignedColumn ColumnOf(ColumnName column) => _rows.Columns.First(candidate => candidate.Name == column.Name);

    /// <summary>Different values of the numeric columns that are grouped by as they are, or by classes of which not all need occur.</summary>
    private static async Task<IReadOnlyDictionary<ColumnName, SortedSet<long>>> DistinctNumbersAsync(BoundQuery query, string party, AlignedRows rows)
    {
        var groupings = query.Groupings.Concat(query.Terms.Select(term => term.Grouping).OfType<BoundGrouping>()).Where(grouping => grouping.Column.Party == party && grouping.Type.IsNumber).ToArray();
        var found = groupings.ToDictionary(grouping => grouping.Column, _ => new HashSet<long>());
        if (groupings.Length > 0)
        {
            await foreach (var chunk in rows.ReadAsync([.. groupings.Select(grouping => grouping.Column.Name)]))
            {
                for (var i = 0; i < groupings.Length; i++)
                {
                    var (values, set, grouping) = (chunk.Values[i], found[groupings[i].Column], groupings[i]);
                    foreach (var value in values)
                    {
                        // With classes the class stands for the value.
                        if (value != AlignedRows.Missing && set.Add(grouping.HasClasses ? grouping.ClassOf(value) : value) && set.Count > AlignedRows.MaximumLabels)
                        {
                            throw TooMany(grouping.Column.Name, AlignedRows.MaximumLabels, atLeast: true);
                        }
                    }
                }
            }
        }

        return found.ToDictionary(entry => entry.Key, entry => new SortedSet<long>(entry.Value));
    }

    private async Task FindGroupsAsync()
    {
        foreach (var indexer in _groupings.Concat(_terms.Values))
        {
            if (indexer.Labels.Count > MaximumGroups)
            {
                throw TooMany(indexer.Grouping.Column.Name, indexer.Labels.Count, atLeast: false);
            }
        }

        if (_groupings.Length == 0)
        {
            (GroupLabels, _groups) = ([[]], new Dictionary<UInt128, int> { [UInt128.Zero] = 0 });
            return;
        }

        var found = new Dictionary<UInt128, int[]>();
        var places = _groupings.Select(indexer => _place[indexer.Grouping.Column]).ToArray();
        var indices = new int[_groupings.Length];
        await foreach (var chunk in _rows.ReadAsync([.. _columns.Select(column => column.Name)]))
        {
            var last = UInt128.MaxValue;
            for (var row = 0; row < chunk.Rows; row++)
            {
                var key = KeyOf(chunk.Values, row, places, indices);
                if (key != last && !found.ContainsKey(key))
                {
                    found.Add(key, [.. indices]);
                    if (found.Count > AlignedRows.MaximumLabels)
                    {
                        throw TooMany(string.Join(" and ", OwnGroupings.Select(grouping => grouping.Column.Name)) + " together", AlignedRows.MaximumLabels, atLeast: true);
                    }
                }

                last = key;
            }
        }

        if (found.Count > MaximumGroups)
        {
            throw TooMany(string.Join(" and ", OwnGroupings.Select(grouping => grouping.Column.Name)) + " together", found.Count, atLeast: false);
        }

        // Missing values last.
        var sorted = found.Values.OrderBy(group => group, Comparer<int[]>.Create((left, right) =>
            left.Zip(right, (a, b) => (a < 0 ? int.MaxValue : a).CompareTo(b < 0 ? int.MaxValue : b)).FirstOrDefault(order => order != 0))).ToArray();
        GroupLabels = [.. sorted.Select(group => (IReadOnlyList<string?>)[.. group.Select((index, i) => index < 0 ? null : _groupings[i].Labels[index])])];
        _groups = sorted.Select((group, i) => (Key: Key(group), i)).ToDictionary(entry => entry.Key, entry => entry.i);
        var size = _groupings.Aggregate(1.0, (product, indexer) => product * (indexer.Labels.Count + 1));
        if (size <= 1 << 20)
        {
            _groupTable = new int[(int)size];
            foreach (var (key, group) in _groups)
            {
                _groupTable[(int)key] = group;
            }
        }
    }

    private UInt128 KeyOf(IReadOnlyList<long[]> values, int row, int[] places, int[] indices)
    {
        for (var i = 0; i < indices.Length; i++)
        {
            indices[i] = _groupings[i].IndexOf(values[places[i]][row]);
        }

        return Key(indices);
    }

    private UInt128 Key(int[] indices)
    {
        var key = UInt128.Zero;
        for (var i = 0; i < indices.Length; i++)
        {
            key = (key * (UInt128)(_groupings[i].Labels.Count + 1)) + (UInt128)(indices[i] + 1);
        }

        return key;
    }

    /// <summary>The rows of the matrix, batch by batch.</summary>
    /// <param name="layout">This party's layout in the plan.</param>
    /// <param name="batchRows">Rows of every batch but the last.</param>
    /// <param name="firstRow">Row to begin with, a multiple of <paramref name="batchRows"/>.</param>
    /// <returns>First row, rows, and the words column after column; the array is the caller's.</returns>
    public async IAsyncEnumerable<(int First, int Rows, ulong[] Words)> BatchesAsync(MatrixLayout layout, int batchRows, int firstRow)
    {
        var position = firstRow;
        var count = Math.Min(batchRows, _rows.Rows - position);
        var words = new ulong[count * layout.PaddedColumns];
        var filled = 0;
        var any = _columns.Length > 0;
        if (!any)
        {
            // Nothing of this party is asked: its matrix is a column of ones.
            while (count > 0)
            {
                Fill([], 0, count, layout, words, 0, count);
                yield return (position, count, words);
                position += count;
                count = Math.Min(batchRows, _rows.Rows - position);
                words = new ulong[count * layout.PaddedColumns];
            }

            yield break;
        }

        await foreach (var chunk in _rows.ReadAsync([.. _columns.Select(column => column.Name)], firstRow))
        {
            for (var at = Math.Max(0, position + filled - chunk.First); at < chunk.Rows;)
            {
                var take = Math.Min(chunk.Rows - at, count - filled);
                Fill(chunk.Values, at, take, layout, words, filled, count);
                at += take;
                filled += take;
                if (filled == count)
                {
                    yield return (position, count, words);
                    position += count;
                    count = Math.Min(batchRows, _rows.Rows - position);
                    words = new ulong[count * layout.PaddedColumns];
                    filled = 0;
                }
            }
        }
    }

    private void Fill(IReadOnlyList<long[]> values, int at, int count, MatrixLayout layout, ulong[] words, int offset, int stride)
    {
        var groups = GroupsOf(values, at, count);
        for (var f = 0; f < layout.Factors.Count; f++)
        {
            var (factor, limbs, bits) = (layout.Factors[f], layout.Limbs[f], layout.LimbBits[f]);
            var valid = factor.Valid.Select(column => values[_place[column]]).ToArray();
            var levels = factor.Levels.Select(entry => (Values: values[_place[entry.Column]], Indexer: _terms[entry.Column], entry.Level)).ToArray();
            var powers = factor.Powers.Select(entry => (Values: values[_place[entry.Column]], entry.Power)).ToArray();
            for (var row = 0; row < count; row++)
            {
                var group = groups[row];
                if (group < 0 || !HasAll(valid, at + row) || !IsAt(levels, at + row))
                {
                    continue;
                }

                var column = (group * layout.Width) + layout.Offsets[f];
                if (powers.Length == 0)
                {
                    words[(column * stride) + offset + row] = 1;
                }
                else if (powers is [{ Power: 1 }] && limbs == 1)
                {
                    words[(column * stride) + offset + row] = (ulong)powers[0].Values[at + row];
                }
                else
                {
                    Split(Product(powers, at + row), limbs, bits, words, (column * stride) + offset + row, stride);
                }
            }
        }
    }

    private static bool HasAll(long[][] valid, int row)
    {
        foreach (var values in valid)
        {
            if (values[row] == AlignedRows.Missing)
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsAt((long[] Values, Indexer Indexer, int Level)[] levels, int row)
    {
        foreach (var (values, indexer, level) in levels)
        {
            if (indexer.IndexOf(values[row]) != level)
            {
                return false;
            }
        }

        return true;
    }

    private static Int128 Product((long[] Values, int Power)[] powers, int row)
    {
        var product = Int128.One;
        foreach (var (values, power) in powers)
        {
            for (var i = 0; i < power; i++)
            {
                product *= values[row];
            }
        }

        return product;
    }

    /// <summary>Cuts a number into limbs: all but the highest are unsigned.</summary>
    private static void Split(Int128 value, int limbs, int bits, ulong[] words, int at, int stride)
    {
        for (var i = 0; i < limbs - 1; i++)
        {
            words[at] = (ulong)(value & ((Int128.One << bits) - 1));
            value >>= bits;
            at += stride;
        }

        words[at] = (ulong)value;
    }

    /// <summary>Group of each row; -1 where the row does not pass the party's part of the filter.</summary>
    private int[] GroupsOf(IReadOnlyList<long[]> values, int at, int count)
    {
        var groups = new int[count];
        var places = _groupings.Select(indexer => _place[indexer.Grouping.Column]).ToArray();
        var indices = new int[_groupings.Length];
        for (var row = 0; row < count; row++)
        {
            var passes = true;
            foreach (var condition in _conditions)
            {
                passes &= condition(values, at + row) == true;
            }

            if (!passes)
            {
                groups[row] = -1;
            }
            else if (places.Length > 0)
            {
                var key = KeyOf(values, at + row, places, indices);
                groups[row] = _groupTable is null ? _groups[key] : _groupTable[(int)key];
            }
        }

        return groups;
    }

    /// <summary>Puts a column's values into the order of their labels.</summary>
    private sealed class Indexer
    {
        private readonly int[] _byCode = [];
        private readonly Dictionary<long, int> _byNumber = [];

        public Indexer(BoundGrouping grouping, AlignedColumn column, IReadOnlyDictionary<ColumnName, SortedSet<long>> numbers)
        {
            Grouping = grouping;
            string LabelOf(long value) => !grouping.Type.IsNumber ? grouping.LabelOf(column.Labels![(int)value]) : grouping.HasClasses ? grouping.Titles[(int)value] : grouping.LabelOf(value);
            var values = grouping.Type.IsNumber ? [.. numbers[grouping.Column]] : Enumerable.Range(0, column.Labels!.Count).Select(code => (long)code).ToArray();
            var labels = Array.ConvertAll(values, LabelOf);
            var sorted = labels.Distinct(StringComparer.Ordinal).ToArray();
            Array.Sort(sorted, grouping.Compare);
            Labels = sorted;
            var places = sorted.Select((label, i) => (label, i)).ToDictionary(entry => entry.label, entry => entry.i, StringComparer.Ordinal);
            if (grouping.Type.IsNumber)
            {
                _byNumber = values.Zip(labels).ToDictionary(entry => entry.First, entry => places[entry.Second]);
            }
            else
            {
                _byCode = Array.ConvertAll(labels, label => places[label]);
            }
        }

        public BoundGrouping Grouping { get; }

        public IReadOnlyList<string> Labels { get; }

        public int IndexOf(long value) => value == AlignedRows.Missing ? -1
            : !Grouping.Type.IsNumber ? _byCode[value]
            : _byNumber[Grouping.HasClasses ? Grouping.ClassOf(value) : value];
    }
}
