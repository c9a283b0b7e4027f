using System.Runtime.InteropServices;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Data.Datasets;

namespace PsiMessaging.Analytics.Masked;

/// <summary>
/// One party's side of a query: which groups and levels occur among its common rows, and the rows of its matrix in plain. Never leaves the party unmasked. Groups with
/// fewer records than the minimum cell size, after the party's own part of the filter, are put aside here: they have no columns, and their labels go nowhere. With a minimum
/// of 1 whether a record passes the filter does not change the groups.
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
    private readonly int _minCell;
    private int _bins = 1;
    private readonly int? _weight;
    private readonly int[] _complete;
    private readonly Dictionary<ColumnName, long> _frequent = [];
    private Dictionary<UInt128, int> _groups = [];
    private int[]? _groupTable;
    private int[][] _groupIndices = [];
    private int[][]? _needed;

    private PartyMatrix(BoundQuery query, string party, AlignedRows rows, int minCell, IReadOnlyDictionary<ColumnName, SortedSet<long>> numbers)
    {
        (_query, _party, _rows, _minCell) = (query, party, rows, minCell);
        _columns = ColumnsOf(query, party);
        _place = _columns.Select((column, i) => (column, i)).ToDictionary(entry => entry.column, entry => entry.i);
        // A regression is about records that have all values: under a minimum cell size only those count.
        _complete = minCell == 1 ? [] : [.. query.Terms.Select(term => term.Column).Append(query.Outcome).OfType<ColumnName>().Where(column => column.Party == party).Select(column => _place[column])];
        _weight = query.Weight is { } weight && weight.Party == party ? _place[weight] : null;
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

    /// <summary>
    /// Levels of each of the party's class terms, in order; the first is the reference. Under a minimum cell size those of fewer records are not among them: they are counted
    /// with the reference.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<string>> LevelLabels => [.. _query.Terms.Where(term => _terms.ContainsKey(term.Column)).Select(term => _terms[term.Column].Labels)];

    /// <summary>The matrix's shape. Where no group is left it has one group's columns, all zero.</summary>
    public PartyShape Shape => new(Math.Max(1, GroupLabels.Count), [.. LevelLabels.Select(labels => labels.Count)]);

    /// <summary>
    /// Records in each group that pass the party's part of the filter and have a weight that is not zero, where the weight is this party's. The bins of a quantile count as one
    /// group. Known under a minimum cell size only.
    /// </summary>
    public IReadOnlyList<int> GroupRecords { get; private set; } = [];

    /// <summary>Records that pass and are in a group that is put aside.</summary>
    public int Aside { get; private set; }

    /// <summary>Reads what the query needs to know before anything is sent: two passes over the party's grouping columns.</summary>
    /// <param name="query">The query, bound.</param>
    /// <param name="party">The party.</param>
    /// <param name="rows">Its common rows.</param>
    /// <param name="minCell">The session's minimum cell size, 1 or more.</param>
    /// <param name="other">The other party, where this one asks: then what the other would refuse is put aside, as far as something else is left.</param>
    /// <exception cref="QueryException">The engine cannot ask this, or a column has too many different values; says which and how many.</exception>
    public static async Task<PartyMatrix> OpenAsync(BoundQuery query, string party, AlignedRows rows, int minCell, string? other = null)
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

        var matrix = new PartyMatrix(query, party, rows, minCell, await DistinctNumbersAsync(query, party, rows, minCell));
        await matrix.FindGroupsAsync();
        if (minCell > 1)
        {
            if (other is not null && QuestionRule.AnnouncedBy(query, party, other) is { Count: > 0 } announced)
            {
                await matrix.PutAsideAsync(announced);
            }

            await matrix.FindFrequentAsync();
        }

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
    private static async Task<IReadOnlyDictionary<ColumnName, SortedSet<long>>> DistinctNumbersAsync(BoundQuery query, string party, AlignedRows rows, int minCell)
    {
        var groupings = query.Groupings.Concat(query.Terms.Select(term => term.Grouping).OfType<BoundGrouping>()).Where(grouping => grouping.Column.Party == party && grouping.Type.IsNumber).ToArray();
        var found = groupings.ToDictionary(grouping => grouping.Column, _ => new HashSet<long>());
        if (BinsOf(query, party, minCell) is { } bins)
        {
            // All bins of the question, so that nobody sees which of them somebody is in.
            found[bins.Column].UnionWith(Enumerable.Range(0, bins.Titles.Count - 1).Select(i => (long)i));
        }

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

    /// <summary>Under a minimum cell size, the bins of a quantile where they are this party's: they are not groups of their own.</summary>
    private static BoundGrouping? BinsOf(BoundQuery query, string party, int minCell) =>
        minCell > 1 && query.Query.Kind == QueryKind.Quantiles && query.Groupings[^1].Column.Party == party ? query.Groupings[^1] : null;

    private async Task FindGroupsAsync()
    {
        if (_minCell > 1)
        {
            await FindLargeGroupsAsync();
            return;
        }

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

        TakeGroups(found.Values);
    }

    /// <summary>Counts the groups after the party's part of the filter and keeps those of the minimum of records or more.</summary>
    private async Task FindLargeGroupsAsync()
    {
        foreach (var indexer in _terms.Values.Where(indexer => indexer.Labels.Count > MaximumGroups))
        {
            throw TooMany(indexer.Grouping.Column.Name, indexer.Labels.Count, atLeast: false);
        }

        var bins = BinsOf(_query, _party, _minCell);
        var parts = _groupings.Length - (bins is null ? 0 : 1);
        var found = new Dictionary<UInt128, (int[] Indices, int Records)>();
        var places = _groupings.Select(indexer => _place[indexer.Grouping.Column]).ToArray();
        var indices = new int[parts];
        var levels = _terms.Select(term => (Indexer: term.Value, Values: _place[term.Key], Counts: new int[term.Value.Labels.Count])).ToArray();
        await foreach (var (values, rows) in ChunksAsync())
        {
            for (var row = 0; row < rows; row++)
            {
                if (!Passes(values, row))
                {
                    continue;
                }

                foreach (var (indexer, at, counts) in levels)
                {
                    counts[indexer.IndexOf(values[at][row])]++;
                }

                for (var i = 0; i < parts; i++)
                {
                    indices[i] = _groupings[i].IndexOf(values[places[i]][row]);
                }

                ref var group = ref CollectionsMarshal.GetValueRefOrAddDefault(found, Key(indices), out var isKnown);
                if (!isKnown)
                {
                    group.Indices = [.. indices];
                    if (found.Count > AlignedRows.MaximumLabels)
                    {
                        throw new QueryException(QueryException.TooManyGroups, $"{QuestionRule.GroupedBy(_query, _party)} {(parts == 1 ? "has" : "have together")} too many different values among the common records; put them into classes");
                    }
                }

                group.Records++;
            }
        }

        foreach (var (indexer, _, counts) in levels)
        {
            indexer.Pool(counts, _minCell);
        }

        var kept = found.Values.Where(group => group.Records >= _minCell).ToArray();
        Aside = found.Values.Sum(group => group.Records) - kept.Sum(group => group.Records);
        var groups = bins is null ? kept : [.. kept.SelectMany(group => Enumerable.Range(-1, _groupings[^1].Labels.Count + 1).Select(bin => (Indices: (int[])[.. group.Indices, bin], group.Records)))];
        if (groups.Length > MaximumGroups)
        {
            throw new QueryException(QueryException.TooManyGroups, bins is null
                ? $"{QuestionRule.GroupedBy(_query, _party)} {(parts == 1 ? "has" : "have together")} {groups.Length:N0} different values among the common records, and {MaximumGroups:N0} is the most a query can work with; put them into classes"
                : $"{groups.Length:N0} bins of {bins.Column.Name} are more than a query can work with, {MaximumGroups:N0} with all its groups; take wider bins");
        }

        TakeGroups(groups.Select(group => group.Indices));
        var records = groups.ToDictionary(group => Key(group.Indices), group => group.Records);
        _bins = bins is null ? 1 : _groupings[^1].Labels.Count + 1;
        GroupRecords = [.. _groups.OrderBy(group => group.Value).Where(group => group.Value % _bins == 0).Select(group => records[group.Key])];
    }

    /// <summary>The asking party: which of its columns a group was put aside for, and by which rule; null where for none.</summary>
    public string? ColumnFault { get; private set; }

    /// <summary>What the person who asks must know of records and groups that are put aside on the own side.</summary>
    public IReadOnlyList<string> Notes { get; private set; } = [];

    /// <summary>
    /// The asking party puts aside what the other would refuse. Records without a value in one of its columns, where they are few in a group, do not count: statistics with that
    /// column and without it would give theirs. Groups in which a column singles out few are put aside as small groups are.
    /// </summary>
    private async Task PutAsideAsync(IReadOnlyList<ColumnName> columns)
    {
        var notes = new List<string>();
        var within = _groupings.Length > 0 ? $" of a group of {QuestionRule.GroupedBy(_query, _party)}" : "";
        if (await FindNeededAsync([.. columns.Select(column => _place[column])]) is { Length: > 0 } lacking)
        {
            notes.Add($"records without a value in {string.Join(" or ", lacking.Select(place => _columns[place].Name).Order(StringComparer.Ordinal))} are put aside where they are fewer than {_minCell}{within}");
        }

        var announced = await AnnounceAsync(columns, pooled: false);
        var kept = new List<int>();
        for (var group = 0; group < GroupRecords.Count; group++)
        {
            var alone = new Announcement([GroupRecords[group]], [], [.. announced.Columns.Select(column => column with { Groups = [column.Groups[group]] })]);
            var fault = GroupRecords[group] < _minCell ? QuestionRule.HasGaps(_columns[_needed![group][0]].Name, _query, _party, _minCell)
                : QuestionRule.Fault(alone with { Levels = announced.Levels }, _query, _party, _minCell, isAsker: true);
            if (fault is null)
            {
                kept.Add(group);
                continue;
            }

            Aside += GroupRecords[group];
            ColumnFault ??= fault;
        }

        if (ColumnFault is not null)
        {
            notes.Add($"groups of {QuestionRule.GroupedBy(_query, _party)} are put aside: {ColumnFault}");
        }

        if (kept.Count < GroupRecords.Count)
        {
            (GroupRecords, _needed) = ([.. kept.Select(group => GroupRecords[group])], _needed is null ? null : [.. kept.Select(group => _needed[group])]);
            TakeGroups([.. kept.SelectMany(group => _groupIndices.Skip(group * _bins).Take(_bins))]);
        }

        Notes = notes;
    }

    /// <summary>Finds in which columns a record must have a value to count, group by group; records that do not count for one may leave few in another. Returns all such columns.</summary>
    private async Task<int[]> FindNeededAsync(int[] places)
    {
        var needed = GroupRecords.Select(_ => new HashSet<int>()).ToArray();
        for (var isDone = false; !isDone;)
        {
            (isDone, _needed) = (true, Array.ConvertAll(needed, set => set.ToArray()));
            var records = new int[needed.Length];
            var missing = Array.ConvertAll(needed, _ => new int[places.Length]);
            await foreach (var (values, rows) in ChunksAsync())
            {
                var inGroup = GroupsOf(values, 0, rows);
                for (var row = 0; row < rows; row++)
                {
                    if (inGroup[row] < 0)
                    {
                        continue;
                    }

                    var group = inGroup[row] / _bins;
                    records[group]++;
                    for (var i = 0; i < places.Length; i++)
                    {
                        missing[group][i] += values[places[i]][row] == AlignedRows.Missing ? 1 : 0;
                    }
                }
            }

            GroupRecords = records;
            for (var group = 0; group < needed.Length; group++)
            {
                for (var i = 0; i < places.Length; i++)
                {
                    isDone &= missing[group][i] == 0 || missing[group][i] >= _minCell || !needed[group].Add(places[i]);
                }
            }
        }

        return [.. needed.SelectMany(set => set).Distinct()];
    }

    private async IAsyncEnumerable<(IReadOnlyList<long[]> Values, int Rows)> ChunksAsync()
    {
        if (_columns.Length == 0)
        {
            yield return ([], _rows.Rows);
            yield break;
        }

        await foreach (var chunk in _rows.ReadAsync([.. _columns.Select(column => column.Name)]))
        {
            yield return (chunk.Values, chunk.Rows);
        }
    }

    /// <summary>Under a minimum cell size: the party's numeric columns of which fewer than the minimum of the records that count differ from the two most frequent values.</summary>
    public IReadOnlyList<string> TwoValued { get; private set; } = [];

    /// <summary>
    /// Under a minimum cell size, for the same columns and each group: records with a value, and those that differ from the column's most frequent one in all groups together,
    /// as the plan counts them. For the party's own eyes.
    /// </summary>
    public IReadOnlyList<ColumnAnnouncement> Differing { get; private set; } = [];

    /// <summary>The labels that the other party gets to know when this one contributes, and keeps itself when it asks.</summary>
    public PartyLabels Labels => new(GroupLabels, LevelLabels, TwoValued.Count == 0 ? null : TwoValued);

    /// <summary>Finds the most frequent value of each of the party's numeric columns that the plan counts differences from; the lowest of several, none where no value occurs twice.</summary>
    private async Task FindFrequentAsync()
    {
        var columns = _query.MinimumMoments().SelectMany(moment => moment.Different).Where(column => column.Party == _party).Distinct().OrderBy(column => column.Name, StringComparer.Ordinal).ToArray();
        var (twoValued, counted) = (new List<string>(), new List<ColumnAnnouncement>());
        foreach (var column in columns)
        {
            var (values, groups) = (new List<long>(), new List<int>());
            await foreach (var (chunk, rows) in ChunksAsync())
            {
                var inGroup = GroupsOf(chunk, 0, rows);
                for (var row = 0; row < rows; row++)
                {
                    if (inGroup[row] >= 0 && chunk[_place[column]][row] is var value && value != AlignedRows.Missing)
                    {
                        values.Add(value);
                        groups.Add(inGroup[row] / _bins);
                    }
                }
            }

            var unsorted = values.ToArray();
            values.Sort();
            var (most, run) = (1, 0);
            var runs = new List<int>();
            for (var i = 0; i < values.Count; i++)
            {
                run = i > 0 && values[i] == values[i - 1] ? run + 1 : 1;
                if (run == 1)
                {
                    runs.Add(1);
                }

                runs[^1] = run;
                if (run > most)
                {
                    (most, _frequent[column]) = (run, values[i]);
                }
            }

            // A third value in a few records does not make zeros and ones anything else.
            if (runs.Count is 1 or 2 || (most > 1 && values.Count - runs.OrderDescending().Take(2).Sum() < _minCell))
            {
                twoValued.Add(column.Name);
            }

            var (records, differing) = (new int[GroupRecords.Count], new int[GroupRecords.Count]);
            for (var i = 0; i < unsorted.Length; i++)
            {
                records[groups[i]]++;
                differing[groups[i]] += _frequent.TryGetValue(column, out var frequent) && unsorted[i] == frequent ? 0 : 1;
            }

            counted.Add(new ColumnAnnouncement(column.Name, [.. records.Zip(differing, (all, differ) => new ColumnSpread(all, differ, 0))]));
        }

        (TwoValued, Differing) = (twoValued, counted);
        if (BinsOf(_query, _party, _minCell) is not null)
        {
            await CountBinsAsync();
        }
    }

    private async Task CountBinsAsync()
    {
        var (records, differing) = (new int[GroupLabels.Count], new int[GroupLabels.Count]);
        await foreach (var (values, rows) in ChunksAsync())
        {
            var inGroup = GroupsOf(values, 0, rows);
            for (var row = 0; row < rows; row++)
            {
                if (inGroup[row] >= 0)
                {
                    records[inGroup[row]]++;
                    differing[inGroup[row]] += _weight is { } weight && !(_frequent.TryGetValue(_columns[weight], out var frequent) && values[weight][row] == frequent) ? 1 : 0;
                }
            }
        }

        Bins = [.. records.Zip(differing, (all, differ) => new ColumnSpread(all, differ, 0))];
    }

    /// <summary>Under a minimum cell size, where the bins of a quantile are this party's, each bin of each group: records, and those of another weight than the most frequent one.</summary>
    public IReadOnlyList<ColumnSpread>? Bins { get; private set; }

    /// <summary>What the party knows of its own side when it asks.</summary>
    /// <param name="announced">What it announces.</param>
    public OwnRecords OwnRecords(Announcement announced) => new(GroupRecords, Aside, Differing, announced.Levels, Bins, Notes);

    /// <summary>Says how many records are behind the party's groups, classes and columns.</summary>
    /// <param name="columns">Numeric columns of the party to say it of.</param>
    /// <param name="pooled">Whether all groups are taken together, as a party judges its own values.</param>
    public async Task<Announcement> AnnounceAsync(IReadOnlyList<ColumnName> columns, bool pooled)
    {
        var groups = pooled ? 1 : GroupRecords.Count;
        var levels = _query.Terms.Where(term => _terms.ContainsKey(term.Column)).Select(term => (Indexer: _terms[term.Column], Values: _place[term.Column], Counts: new int[_terms[term.Column].Labels.Count])).ToArray();
        var announced = new List<ColumnAnnouncement>();

        // A pass for each column: one column's values are in memory at a time.
        for (var pass = 0; pass < Math.Max(levels.Length > 0 ? 1 : 0, columns.Count); pass++)
        {
            var values = Enumerable.Range(0, groups).Select(_ => new List<long>()).ToArray();
            var place = pass < columns.Count ? _place[columns[pass]] : -1;
            await foreach (var (chunk, rows) in ChunksAsync())
            {
                var inGroup = GroupsOf(chunk, 0, rows);
                for (var row = 0; row < rows; row++)
                {
                    if (inGroup[row] < 0)
                    {
                        continue;
                    }

                    if (place >= 0 && chunk[place][row] is var value && value != AlignedRows.Missing)
                    {
                        values[pooled ? 0 : inGroup[row] / _bins].Add(value);
                    }

                    if (pass == 0)
                    {
                        foreach (var (indexer, at, counts) in levels.Where(level => level.Counts.Length > 0))
                        {
                            counts[indexer.IndexOf(chunk[at][row])]++;
                        }
                    }
                }
            }

            if (place >= 0)
            {
                announced.Add(new ColumnAnnouncement(columns[pass].Name, [.. values.Select(Spread)]));
            }
        }

        return new Announcement(GroupRecords, [.. levels.Select(level => level.Counts)], announced);
    }

    private ColumnSpread Spread(List<long> values)
    {
        if (values.Count == 0)
        {
            return new ColumnSpread(0, 0, 0);
        }

        values.Sort();
        var (most, run) = (0, 0);
        for (var i = 0; i < values.Count; i++)
        {
            run = i > 0 && values[i] == values[i - 1] ? run + 1 : 1;
            most = Math.Max(most, run);
        }

        var median = values[values.Count / 2];
        var distances = values.ConvertAll(value => Int128.Abs((Int128)value - median));
        distances.Sort();
        var all = distances.Aggregate(Int128.Zero, (sum, distance) => sum + distance);
        var largest = distances.TakeLast(_minCell - 1).Aggregate(Int128.Zero, (sum, distance) => sum + distance);
        return new ColumnSpread(values.Count, most == 1 && values.Count > 1 ? values.Count : values.Count - most, all == 0 ? 0 : (int)(largest * 1000 / all), all == 0 ? 0 : (int)(((distances[^1] * 1000) + all - 1) / all));
    }

    private void TakeGroups(IEnumerable<int[]> found)
    {
        // Missing values last.
        var sorted = found.OrderBy(group => group, Comparer<int[]>.Create((left, right) =>
            left.Zip(right, (a, b) => (a < 0 ? int.MaxValue : a).CompareTo(b < 0 ? int.MaxValue : b)).FirstOrDefault(order => order != 0))).ToArray();
        _groupIndices = sorted;
        GroupLabels = [.. sorted.Select(group => (IReadOnlyList<string?>)[.. group.Select((index, i) => index < 0 ? null : _groupings[i].Labels[index])])];
        _groups = sorted.Select((group, i) => (Key: Key(group), i)).ToDictionary(entry => entry.Key, entry => entry.i);
        var size = _groupings.Aggregate(1.0, (product, indexer) => product * (indexer.Labels.Count + 1));
        if (size <= 1 << 20)
        {
            _groupTable = new int[(int)size];
            Array.Fill(_groupTable, -1);
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
            var different = factor.Different.Where(_frequent.ContainsKey).Select(column => (Values: values[_place[column]], Frequent: _frequent[column])).ToArray();
            var powers = factor.Powers.Select(entry => (Values: values[_place[entry.Column]], entry.Power)).ToArray();
            for (var row = 0; row < count; row++)
            {
                var group = groups[row];
                if (group < 0 || !HasAll(valid, at + row) || !IsAt(levels, at + row) || !Differs(different, at + row))
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

    private static bool Differs((long[] Values, long Frequent)[] different, int row)
    {
        foreach (var (values, frequent) in different)
        {
            if (values[row] == frequent)
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

    /// <summary>Group of each row; -1 where the row does not pass the party's part of the filter, or its group is put aside.</summary>
    private int[] GroupsOf(IReadOnlyList<long[]> values, int at, int count)
    {
        var groups = new int[count];
        var places = _groupings.Select(indexer => _place[indexer.Grouping.Column]).ToArray();
        var indices = new int[_groupings.Length];
        for (var row = 0; row < count; row++)
        {
            if (!Passes(values, at + row))
            {
                groups[row] = -1;
            }
            else if (places.Length > 0)
            {
                var key = KeyOf(values, at + row, places, indices);
                groups[row] = _groupTable is null ? _groups.GetValueOrDefault(key, -1) : _groupTable[(int)key];
            }
            else
            {
                groups[row] = GroupLabels.Count - 1;
            }

            if (_needed is { } needed && groups[row] >= 0 && Array.Exists(needed[groups[row] / _bins], column => values[column][at + row] == AlignedRows.Missing))
            {
                groups[row] = -1;
            }
        }

        return groups;
    }

    /// <summary>Whether a record counts on this party's side. A weight of zero counts nobody.</summary>
    private bool Passes(IReadOnlyList<long[]> values, int row)
    {
        if (_weight is { } weight && values[weight][row] is AlignedRows.Missing or 0)
        {
            return false;
        }

        foreach (var column in _complete)
        {
            if (values[column][row] == AlignedRows.Missing)
            {
                return false;
            }
        }

        foreach (var condition in _conditions)
        {
            if (condition(values, row) != true)
            {
                return false;
            }
        }

        return true;
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

        public IReadOnlyList<string> Labels { get; private set; }

        public int IndexOf(long value) => value == AlignedRows.Missing ? -1
            : !Grouping.Type.IsNumber ? _byCode[value]
            : _byNumber[Grouping.HasClasses ? Grouping.ClassOf(value) : value];

        /// <summary>Counts labels of fewer records than the minimum with the first that has enough; their names are gone.</summary>
        public void Pool(int[] records, int minimum)
        {
            var places = new int[records.Length];
            var kept = new List<string>();
            for (var i = 0; i < records.Length; i++)
            {
                if (records[i] >= minimum)
                {
                    places[i] = kept.Count;
                    kept.Add(Labels[i]);
                }
            }

            Labels = kept;
            for (var code = 0; code < _byCode.Length; code++)
            {
                _byCode[code] = places[_byCode[code]];
            }

            foreach (var (number, place) in _byNumber.ToArray())
            {
                _byNumber[number] = places[place];
            }
        }
    }
}
