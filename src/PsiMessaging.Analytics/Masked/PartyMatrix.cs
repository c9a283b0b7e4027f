using System.Collections;
using System.Numerics;
using System.Runtime.InteropServices;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Datasets;

namespace PsiMessaging.Analytics.Masked;

/// <summary>
/// One party's side of a query: which groups and levels occur among its common rows, and the rows of its matrix in plain. Never leaves the party unmasked.
/// Groups with fewer records than the minimum cell size, after the party's own part of the filter, are put aside here: they have no columns, and their labels
/// go nowhere. With a minimum of 1 whether a record passes the filter does not change the groups.
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
    private readonly bool _hasEveryClass;
    private int _bins = 1;
    private readonly int? _weight;
    private readonly int[] _complete;
    private readonly Dictionary<ColumnName, long> _frequent = [];
    private Dictionary<UInt128, int> _groups = [];
    private int[]? _groupTable;
    private int[][] _groupIndices = [];
    private int[][]? _needed;
    private QueryAnnouncement? _announced;
    private int[][] _together = [];

    private PartyMatrix(
        BoundQuery query, string party, AlignedRows rows, int minCell, IReadOnlyDictionary<ColumnName, SortedSet<long>> numbers, bool hasEveryClass)
    {
        (_query, _party, _rows, _minCell, _hasEveryClass) = (query, party, rows, minCell, hasEveryClass);
        _columns = ColumnsOf(query, party);
        _place = _columns.Select((column, i) => (column, i)).ToDictionary(entry => entry.column, entry => entry.i);
        // A regression is about records that have all values: under a minimum cell size only those count.
        _complete = minCell == 1 ? [] : [.. query.Terms.Select(term => term.Column).Append(query.Outcome)
            .OfType<ColumnName>().Where(column => column.Party == party).Select(column => _place[column])];
        _weight = query.Weight is { } weight && weight.Party == party ? _place[weight] : null;
        _groupings = [.. OwnGroupings.Select(grouping => new Indexer(grouping, ColumnOf(grouping.Column), numbers, hasEveryClass ? ClassesOf(grouping) : []))];
        foreach (var term in query.Terms.Where(term => term.Grouping is not null && term.Column.Party == party))
        {
            _terms.Add(term.Column, new Indexer(term.Grouping!, ColumnOf(term.Column), numbers));
        }

        _conditions = [.. query.Where.Where(condition => condition.Party == party)
            .Select(condition => condition.Compile(column => _place[column], column => ColumnOf(column).Labels!))];
    }

    private IEnumerable<BoundGrouping> OwnGroupings => _query.Groupings.Where(grouping => grouping.Column.Party == _party);

    /// <summary>Labels of each group, one for each of the party's groupings; null where the value is missing.</summary>
    public IReadOnlyList<IReadOnlyList<string?>> GroupLabels { get; private set; } = [];

    /// <summary>
    /// Levels of each of the party's class terms, in order; the first is the reference. Under a minimum cell size those of fewer records are not among them:
    /// they are counted with the reference.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<string>> LevelLabels =>
        [.. _query.Terms.Where(term => _terms.ContainsKey(term.Column)).Select(term => _terms[term.Column].Labels)];

    /// <summary>The matrix's shape. Where no group is left it has one group's columns, all zero.</summary>
    public PartyShape Shape => new(Math.Max(1, GroupLabels.Count), [.. LevelLabels.Select(labels => labels.Count)]);

    /// <summary>
    /// Records in each group that pass the party's part of the filter and have a weight that is not zero, where the weight is this party's. The bins of a
    /// quantile count as one group. Known under a minimum cell size only.
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
    /// <param name="hasEveryClass">
    /// Whether all classes that the question names have a group, whoever is in them: which groups there are then says nothing of the rows. Each grouping needs
    /// classes.
    /// </param>
    /// <exception cref="QueryException">
    /// The engine cannot ask this, a column has too many different values (says which and how many), or a weight of the party's is below zero.
    /// </exception>
    public static async Task<PartyMatrix> OpenAsync(
        BoundQuery query, string party, AlignedRows rows, int minCell, string? other = null, bool hasEveryClass = false)
    {
        MaskedPlan.Check(query);
        foreach (var column in ColumnsOf(query, party).Select(column => rows.Columns.First(candidate => candidate.Name == column.Name)))
        {
            if (!column.Type.IsNumber && column.Labels is null)
            {
                throw TooMany(column.Name, AlignedRows.MaximumLabels, atLeast: true);
            }
        }

        if (query.Weight is { } weight && weight.Party == party)
        {
            await RequireWeightsAsync(weight, rows);
        }

        var matrix = new PartyMatrix(query, party, rows, minCell, await DistinctNumbersAsync(query, party, rows, minCell), hasEveryClass);
        await matrix.FindGroupsAsync();
        if (minCell > 1)
        {
            await matrix.CountAsync(other is null ? null : QuestionRule.AnnouncedBy(query, party, other));
        }

        return matrix;
    }

    /// <summary>
    /// Whoever has the weights sees to it that none is below zero: counts and sums of squares would be. All common
    /// records, whatever the filter, so that no choice of filters finds whose it is.
    /// </summary>
    private static async Task RequireWeightsAsync(ColumnName weight, AlignedRows rows)
    {
        await foreach (var chunk in rows.ReadAsync([weight.Name]))
        {
            // A missing value is the lowest number.
            if (Array.Exists(chunk.Values[0], value => value is < 0 and not AlignedRows.Missing))
            {
                throw new QueryException(QueryException.NegativeWeight,
                    $"the weight {weight.Name} is below zero in some of {weight.Party}'s common records, and says how many each of them stands for; take a "
                        + "column without numbers below zero, or add the dataset again with theirs empty or zero");
            }
        }
    }

    private static QueryException TooMany(string column, int count, bool atLeast) => new(QueryException.TooManyGroups,
        $"{column} has {(atLeast ? "more than " : "")}{count:N0} different values among the common records, and {MaximumGroups:N0} is the most a query can "
            + $"work with; put them into classes, for example {column} in 0-9, 10-19 or {column} in ('A', 'B') as X");

    private static ColumnName[] ColumnsOf(BoundQuery query, string party) =>
    [
        .. query.Groupings.Select(grouping => grouping.Column)
            .Concat(query.Measures.SelectMany(measure => measure.Columns)).Concat(query.Where.SelectMany(condition => condition.Columns))
            .Concat(query.Terms.Select(term => term.Column)).Concat(new[] { query.Weight, query.Outcome }.OfType<ColumnName>())
            .Where(column => column.Party == party).Distinct(),
    ];

    private AlignedColumn ColumnOf(ColumnName column) => _rows.Columns.First(candidate => candidate.Name == column.Name);

    /// <summary>Different values of the numeric columns that are grouped by as they are, or by classes of which not all need occur.</summary>
    private static async Task<IReadOnlyDictionary<ColumnName, SortedSet<long>>> DistinctNumbersAsync(BoundQuery query,
        string party, AlignedRows rows, int minCell)
    {
        var groupings = query.Groupings.Concat(query.Terms.Select(term => term.Grouping).OfType<BoundGrouping>())
            .Where(grouping => grouping.Column.Party == party && grouping.Type.IsNumber).ToArray();
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
                        if (value != AlignedRows.Missing && set.Add(grouping.HasClasses ? grouping.ClassOf(value) : value)
                            && set.Count > AlignedRows.MaximumLabels)
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
        minCell > 1 ? query.BinsOf(party) : null;

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
                        throw TooMany(string.Join(" and ", OwnGroupings.Select(grouping => grouping.Column.Name))
                            + " together", AlignedRows.MaximumLabels, atLeast: true);
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
                        throw new QueryException(QueryException.TooManyGroups,
                            $"{QuestionRule.GroupedBy(_query, _party)} {(parts == 1 ? "has" : "have together")} too many different values among the common "
                                + "records; put them into classes");
                    }
                }

                group.Records++;
            }
        }

        foreach (var (indexer, _, counts) in levels)
        {
            indexer.Pool(counts, _minCell);
        }

        var kept = _hasEveryClass ? EveryGroup(found) : [.. found.Values.Where(group => group.Records >= _minCell)];
        Aside = found.Values.Sum(group => group.Records) - kept.Sum(group => group.Records);
        var groups = bins is null ? kept : [.. kept.SelectMany(group =>
            Enumerable.Range(-1, _groupings[^1].Labels.Count + 1).Select(bin => (Indices: (int[])[.. group.Indices, bin], group.Records)))];
        if (groups.Length > MaximumGroups)
        {
            throw new QueryException(QueryException.TooManyGroups, bins is null
                ? $"{QuestionRule.GroupedBy(_query, _party)} {(parts == 1 ? "has" : "have together")} {groups.Length:N0} different values among the common "
                    + $"records, and {MaximumGroups:N0} is the most a query can work with; put them into classes"
                : $"{groups.Length:N0} bins of {bins.Column.Name} are more than a query can work with, {MaximumGroups:N0} with all "
                    + "its groups; take wider bins");
        }

        TakeGroups(groups.Select(group => group.Indices));
        var records = groups.ToDictionary(group => Key(group.Indices), group => group.Records);
        _bins = bins is null ? 1 : _groupings[^1].Labels.Count + 1;
        GroupRecords = [.. _groups.OrderBy(group => group.Value).Where(group => group.Value % _bins == 0).Select(group => records[group.Key])];
    }

    /// <summary>All classes that the question names; nothing is beside bins.</summary>
    private IEnumerable<string> ClassesOf(BoundGrouping grouping) =>
        _query.Query.Clause.Bins is not null && grouping == _query.Groupings[^1] ? grouping.Titles.SkipLast(1) : grouping.Titles;

    /// <summary>A group for every class of each grouping with every one of the others, and for missing values.</summary>
    private (int[] Indices, int Records)[] EveryGroup(Dictionary<UInt128, (int[] Indices, int Records)> found)
    {
        IEnumerable<int[]> all = [[]];
        foreach (var indexer in _groupings)
        {
            var labels = Enumerable.Range(-1, indexer.Labels.Count + 1);
            all = [.. all.SelectMany(indices => labels.Select(next => (int[])[.. indices, next])).Take(MaximumGroups + 1)];
        }

        return [.. all.Select(indices => (indices, found.TryGetValue(Key(indices), out var group) ? group.Records : 0))];
    }

    /// <summary>The asking party: which of its columns a group was put aside for, and by which rule; null where for none.</summary>
    public string? ColumnFault { get; private set; }

    /// <summary>What the person who asks must know of records and groups that are put aside on the own side.</summary>
    public IReadOnlyList<string> Notes { get; private set; } = [];

    /// <summary>
    /// Counts what lies behind the party's groups, classes and columns: one pass over all columns for the group of each row and the gaps, then one over each
    /// numeric column, whose values alone are in memory, then one for what columns have together.
    /// </summary>
    /// <param name="announced">The asking party: the columns it announces. Null for the other, which judges its columns over all groups together.</param>
    private async Task CountAsync(IReadOnlyList<ColumnName>? announced)
    {
        var notes = new List<string>();
        var within = _groupings.Length > 0 ? $" of a group of {QuestionRule.GroupedBy(_query, _party)}" : "";
        var inGroup = await FindNeededAsync([.. (announced ?? []).Select(column => _place[column])]);
        if (_needed is not null && _needed.SelectMany(places => places).Distinct().ToArray() is { Length: > 0 } lacking)
        {
            notes.Add($"records without a value in {string.Join(" or ", lacking.Select(place => _columns[place].Name).Order(StringComparer.Ordinal))} are put "
                + $"aside where they are fewer than {_minCell}{within}, and count nowhere");
        }

        var levels = await CountLevelsAsync(inGroup);
        var judged = announced ?? QuestionRule.ColumnsOf(_query, _party);
        var columns = _query.MinimumMoments().SelectMany(moment => moment.Different).Where(column => column.Party == _party)
            .Concat(judged).Distinct().OrderBy(column => column.Name, StringComparer.Ordinal).ToArray();
        var behind = await BehindAsync(columns, inGroup, isPooled: announced is null);

        // The other party's columns are judged over all common records: a refusal that followed from who passes a condition would tell of who does. What a
        // condition leaves of them the release decides.
        var isWhole = announced is not null || Array.TrueForAll(inGroup, group => group >= 0);
        var all = isWhole ? behind : await BehindAsync(judged, new int[_rows.Rows], isPooled: true);
        _announced = new QueryAnnouncement(GroupRecords, levels, [.. judged.Select(column => new ColumnAnnouncement(column.Name, all[column].Spreads))]);
        HeldByFew = announced is not null ? [] : [.. judged.Where(column => behind[column].Spreads is [var spread]
            && QuestionRule.IsHeldByFew(spread, _minCell)).Select(column => column.Name)];
        if (announced is { Count: > 0 } && PutAside(inGroup, notes))
        {
            // Most frequent are values among the groups that are left.
            behind = await BehindAsync(columns, inGroup, isPooled: false);
        }

        foreach (var (column, values) in behind.Where(entry => entry.Value.Frequent is not null))
        {
            _frequent.Add(column, values.Frequent!.Value);
        }

        TwoValued = [.. columns.Where(column => behind[column].IsTwoValued).Select(column => column.Name)];
        Differing = [.. columns.Select(column => new ColumnAnnouncement(column.Name, behind[column].Differing))];
        Notes = notes;
        if (announced is not null)
        {
            await CountTogetherAsync(inGroup);
        }
    }

    /// <summary>
    /// The asking party puts aside what the other would refuse: groups in which a column singles out few, or that have too few records left, as small groups
    /// are. Says whether there were any.
    /// </summary>
    private bool PutAside(int[] inGroup, List<string> notes)
    {
        var kept = new List<int>();
        for (var group = 0; group < GroupRecords.Count; group++)
        {
            var alone = new QueryAnnouncement([GroupRecords[group]], _announced!.Levels,
                [.. _announced.Columns.Select(column => column with { Groups = [column.Groups[group]] })]);
            var fault = GroupRecords[group] < _minCell
                ? QuestionRule.HasGaps(_columns[_needed![group][0]].Name, _query, _party, _minCell)
                : QuestionRule.Fault(alone, _query, _party, _minCell, isAsker: true);
            if (fault is null)
            {
                kept.Add(group);
                continue;
            }

            Aside += GroupRecords[group];
            ColumnFault ??= fault;
        }

        if (ColumnFault is null)
        {
            return false;
        }

        notes.Add($"groups of {QuestionRule.GroupedBy(_query, _party)} are put aside: {ColumnFault}");
        var places = new int[GroupLabels.Count];
        Array.Fill(places, -1);
        for (var i = 0; i < kept.Count * _bins; i++)
        {
            places[(kept[i / _bins] * _bins) + (i % _bins)] = i;
        }

        for (var row = 0; row < inGroup.Length; row++)
        {
            inGroup[row] = inGroup[row] < 0 ? -1 : places[inGroup[row]];
        }

        (GroupRecords, _needed) = ([.. kept.Select(group => GroupRecords[group])], _needed is null ? null : [.. kept.Select(group => _needed[group])]);
        _announced = _announced! with
        {
            Groups = GroupRecords,
            Columns = [.. _announced.Columns.Select(column => column with { Groups = [.. kept.Select(group => column.Groups[group])] })]
        };
        TakeGroups([.. kept.SelectMany(group => _groupIndices.Skip(group * _bins).Take(_bins))]);
        return true;
    }

    /// <summary>
    /// Finds the group of each row, -1 for those that do not count, and in which of some columns a record must have a value to count, group by group: where few
    /// lack one, statistics with the column and without it would give theirs. Records that do not count for one column may leave few in another.
    /// </summary>
    private async Task<int[]> FindNeededAsync(int[] places)
    {
        var inGroup = new int[_rows.Rows];
        var missing = Array.ConvertAll(places, _ => new BitArray(_rows.Rows));
        var first = 0;
        await foreach (var (values, rows) in ChunksAsync())
        {
            GroupsOf(values, 0, rows).CopyTo(inGroup, first);
            for (var i = 0; i < places.Length; i++)
            {
                var column = values[places[i]];
                for (var row = 0; row < rows; row++)
                {
                    if (column[row] == AlignedRows.Missing)
                    {
                        missing[i][first + row] = true;
                    }
                }
            }

            first += rows;
        }

        var needed = GroupRecords.Select(_ => new HashSet<int>()).ToArray();
        for (var isDone = places.Length == 0; !isDone;)
        {
            isDone = true;
            var records = new int[needed.Length];
            var lacking = Array.ConvertAll(needed, _ => new int[places.Length]);
            for (var row = 0; row < inGroup.Length; row++)
            {
                if (inGroup[row] < 0)
                {
                    continue;
                }

                var group = inGroup[row] / _bins;
                records[group]++;
                for (var i = 0; i < places.Length; i++)
                {
                    lacking[group][i] += missing[i][row] ? 1 : 0;
                }
            }

            GroupRecords = records;
            for (var group = 0; group < needed.Length; group++)
            {
                for (var i = 0; i < places.Length; i++)
                {
                    isDone &= lacking[group][i] == 0 || lacking[group][i] >= _minCell || !needed[group].Add(places[i]);
                }
            }

            for (var row = 0; row < inGroup.Length && !isDone; row++)
            {
                if (inGroup[row] >= 0 && needed[inGroup[row] / _bins] is { Count: > 0 } set
                    && Enumerable.Range(0, places.Length).Any(i => missing[i][row] && set.Contains(places[i])))
                {
                    inGroup[row] = -1;
                }
            }
        }

        _needed = places.Length == 0 ? null : Array.ConvertAll(needed, set => set.ToArray());
        return inGroup;
    }

    /// <summary>Regression: records at each level of each of the party's class terms.</summary>
    private async Task<int[][]> CountLevelsAsync(int[] inGroup)
    {
        var levels = _query.Terms.Where(term => _terms.ContainsKey(term.Column)).Select(term => _terms[term.Column]).ToArray();
        var counts = Array.ConvertAll(levels, indexer => new int[indexer.Labels.Count]);
        for (var i = 0; i < levels.Length; i++)
        {
            if (counts[i].Length == 0)
            {
                continue;
            }

            await foreach (var chunk in _rows.ReadAsync([levels[i].Grouping.Column.Name]))
            {
                for (var row = 0; row < chunk.Rows; row++)
                {
                    if (inGroup[chunk.First + row] >= 0)
                    {
                        counts[i][levels[i].IndexOf(chunk.Values[0][row])]++;
                    }
                }
            }
        }

        return counts;
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

    /// <summary>
    /// Of the other party's columns that are calculated with those of which, after its part of the filter, fewer than the minimum of records hold nearly all
    /// that differs. The release withholds what follows from them; which they are is not said.
    /// </summary>
    public IReadOnlyList<string> HeldByFew { get; private set; } = [];

    /// <summary>
    /// Under a minimum cell size: the party's numeric columns of which fewer than the minimum of the
    /// records that count differ from the two most frequent values.
    /// </summary>
    public IReadOnlyList<string> TwoValued { get; private set; } = [];

    /// <summary>
    /// Under a minimum cell size, for the same columns and each group: records with a value, and those that differ from the column's most frequent one in all
    /// groups together, as the plan counts them. For the party's own eyes.
    /// </summary>
    public IReadOnlyList<ColumnAnnouncement> Differing { get; private set; } = [];

    /// <summary>The labels that the other party gets to know when this one contributes, and keeps itself when it asks.</summary>
    public PartyLabels Labels => new(GroupLabels, LevelLabels, TwoValued.Count == 0 ? null : TwoValued);

    /// <summary>What lies behind a numeric column's values.</summary>
    /// <param name="Frequent">The most frequent value of all groups together, the lowest of several; null where no value occurs twice.</param>
    /// <param name="IsTwoValued">Whether fewer than the minimum of records have another than the two most frequent values.</param>
    /// <param name="Spreads">Group by group, or of all together.</param>
    /// <param name="Differing">Records of each group with a value, and those that differ from <paramref name="Frequent"/>.</param>
    private sealed record Behind(long? Frequent, bool IsTwoValued, ColumnSpread[] Spreads, ColumnSpread[] Differing);

    private async Task<Dictionary<ColumnName, Behind>> BehindAsync(IReadOnlyList<ColumnName> columns, int[] inGroup, bool isPooled)
    {
        var found = new Dictionary<ColumnName, Behind>();
        var (values, groups) = columns.Count == 0 ? ([], []) : (new long[_rows.Rows], new int[isPooled ? 0 : _rows.Rows]);
        foreach (var column in columns)
        {
            var count = 0;
            await foreach (var chunk in _rows.ReadAsync([column.Name]))
            {
                for (var row = 0; row < chunk.Rows; row++)
                {
                    if (inGroup[chunk.First + row] is var group and >= 0 && chunk.Values[0][row] is var value && value != AlignedRows.Missing)
                    {
                        if (!isPooled)
                        {
                            groups[count] = group / _bins;
                        }

                        values[count++] = value;
                    }
                }
            }

            found.Add(column, BehindOf(values.AsSpan(0, count), groups.AsSpan(0, isPooled ? 0 : count), isPooled));
        }

        return found;
    }

    /// <param name="values">The values, to be put in order.</param>
    /// <param name="groups">Group of each; none where all groups are taken together.</param>
    /// <param name="isPooled">Whether they are.</param>
    private Behind BehindOf(Span<long> values, Span<int> groups, bool isPooled)
    {
        if (isPooled || GroupRecords.Count == 1)
        {
            values.Sort();
        }
        else
        {
            values.Sort(groups);
        }

        // Runs of equal values: the longest, the next longest, how many.
        var (frequent, most, second, runs) = ((long?)null, 1, 0, 0);
        for (var (i, start) = (0, 0); i < values.Length; i++)
        {
            if (i + 1 < values.Length && values[i + 1] == values[i])
            {
                continue;
            }

            var run = i + 1 - start;
            (start, runs) = (i + 1, runs + 1);
            if (run > most)
            {
                (second, most, frequent) = (frequent is null ? 1 : most, run, values[i]);
            }
            else
            {
                second = Math.Max(second, run);
            }
        }

        // A third value in a few records does not make zeros and ones anything else.
        var isTwoValued = runs is 1 or 2 || (most > 1 && values.Length - most - second < _minCell);
        var (records, differing) = (new int[GroupRecords.Count], new int[GroupRecords.Count]);
        for (var i = 0; i < groups.Length; i++)
        {
            records[groups[i]]++;
            differing[groups[i]] += values[i] == frequent ? 0 : 1;
        }

        return new Behind(frequent, isTwoValued, isPooled ? [Spread(values)] : Spreads(values, groups, records),
            [.. records.Zip(differing, (all, differ) => new ColumnSpread(all, differ, 0))]);
    }

    /// <summary>The spread in each group, from values in order with their groups.</summary>
    private ColumnSpread[] Spreads(ReadOnlySpan<long> values, ReadOnlySpan<int> groups, int[] records)
    {
        var (byGroup, next) = (new long[values.Length], new int[records.Length]);
        for (var group = 1; group < records.Length; group++)
        {
            next[group] = next[group - 1] + records[group - 1];
        }

        var starts = (int[])next.Clone();
        for (var i = 0; i < values.Length; i++)
        {
            byGroup[next[groups[i]]++] = values[i];
        }

        return [.. records.Select((count, group) => Spread(byGroup.AsSpan(starts[group], count)))];
    }

    /// <summary>Counts the own records that columns have together, and where the bins of a quantile are the party's, those in each of them.</summary>
    private async Task CountTogetherAsync(int[] inGroup)
    {
        var bins = BinsOf(_query, _party, _minCell) is null ? null : new (int Records, int Different)[GroupLabels.Count];
        var moments = _query.OwnMoments(_party, term => _terms[term.Column].Labels.Count);
        var counts = moments.Select(_ => new int[GroupRecords.Count]).ToArray();
        var first = 0;
        await foreach (var (values, rows) in ChunksAsync())
        {
            for (var m = 0; m < moments.Count; m++)
            {
                var holds = HoldsOf(moments[m], values);
                for (var row = 0; row < rows; row++)
                {
                    if (inGroup[first + row] is var group and >= 0 && holds(row))
                    {
                        counts[m][group / _bins]++;
                    }
                }
            }

            for (var row = 0; bins is not null && row < rows; row++)
            {
                if (inGroup[first + row] is var bin and >= 0)
                {
                    bins[bin].Records++;
                    bins[bin].Different +=
                        _weight is { } weight && !(_frequent.TryGetValue(_columns[weight], out var frequent) && values[weight][row] == frequent) ? 1 : 0;
                }
            }

            first += rows;
        }

        _together = counts;
        Bins = bins is null ? null : [.. bins.Select(bin => new ColumnSpread(bin.Records, bin.Different, 0))];
    }

    /// <summary>Of some products of own columns the largest magnitudes in each group: one pass over the rows.</summary>
    /// <param name="factors">The products.</param>
    /// <param name="count">How many of the largest.</param>
    /// <returns>For each product and each group of <see cref="Shape"/>, the largest first; fewer where the group has fewer records.</returns>
    public async Task<BigInteger[][][]> LargestAsync(IReadOnlyList<Moment> factors, int count)
    {
        var largest = factors.Select(_ => Enumerable.Range(0, Shape.Groups).Select(_ => new PriorityQueue<UInt128, UInt128>(count + 1)).ToArray()).ToArray();
        await foreach (var (values, rows) in ChunksAsync())
        {
            var groups = GroupsOf(values, 0, rows);
            for (var f = 0; f < factors.Count; f++)
            {
                var holds = HoldsOf(factors[f], values);
                var powers = factors[f].Powers.Select(entry => (Values: values[_place[entry.Column]], entry.Power)).ToArray();
                for (var row = 0; row < rows; row++)
                {
                    if (groups[row] >= 0 && holds(row))
                    {
                        var magnitude = (UInt128)Int128.Abs(Product(powers, row));
                        var queue = largest[f][groups[row]];
                        if (queue.Count < count)
                        {
                            queue.Enqueue(magnitude, magnitude);
                        }
                        else
                        {
                            queue.EnqueueDequeue(magnitude, magnitude);
                        }
                    }
                }
            }
        }

        return [.. largest.Select(groups => groups.Select(queue =>
            queue.UnorderedItems.Select(entry => (BigInteger)entry.Element).OrderDescending().ToArray()).ToArray())];
    }

    /// <summary>Whether a row has the values, levels and differences of a moment.</summary>
    private Func<int, bool> HoldsOf(Moment factor, IReadOnlyList<long[]> values)
    {
        var valid = factor.Valid.Select(column => values[_place[column]]).ToArray();
        var levels = factor.Levels.Select(entry => (Values: values[_place[entry.Column]], Indexer: _terms[entry.Column], entry.Level)).ToArray();
        var different = factor.Different.Where(_frequent.ContainsKey).Select(column => (Values: values[_place[column]], Frequent: _frequent[column])).ToArray();
        return row => HasAll(valid, row) && IsAt(levels, row) && Differs(different, row);
    }

    /// <summary>
    /// Under a minimum cell size, where the bins of a quantile are this party's, each bin of each group:
    /// records, and those of another weight than the most frequent one.
    /// </summary>
    public IReadOnlyList<ColumnSpread>? Bins { get; private set; }

    /// <summary>What the party knows of its own side when it asks.</summary>
    public OwnRecords OwnRecords => new(GroupRecords, Aside, Differing, Announced.Levels, Bins, Notes, _together);

    /// <summary>What the party announces for the release when it asks.</summary>
    public ReleaseAnnouncement ReleaseSide => new(Differing, TwoValued, _together, ReleaseSides.MissingOf(GroupLabels));

    /// <summary>
    /// Under a minimum cell size, how many records are behind the party's groups, classes and columns: of the asking party's those it announces, group by
    /// group; of the other's all that the question calculates with, all groups together.
    /// </summary>
    public QueryAnnouncement Announced => _announced ?? throw new InvalidOperationException("there is no minimum cell size");

    /// <param name="values">In order.</param>
    private ColumnSpread Spread(ReadOnlySpan<long> values)
    {
        if (values.Length == 0)
        {
            return new ColumnSpread(0, 0, 0);
        }

        var (most, run, all) = (0, 0, Int128.Zero);
        var median = values[values.Length / 2];
        for (var i = 0; i < values.Length; i++)
        {
            run = i > 0 && values[i] == values[i - 1] ? run + 1 : 1;
            most = Math.Max(most, run);
            all += Int128.Abs((Int128)values[i] - median);
        }

        // The largest distances are at either end.
        var (low, high, largest, single) = (0, values.Length - 1, Int128.Zero, Int128.Zero);
        for (var i = 0; i < _minCell - 1 && low <= high; i++)
        {
            var (below, above) = ((Int128)median - values[low], (Int128)values[high] - median);
            var distance = Int128.Max(below, above);
            (low, high) = below >= above ? (low + 1, high) : (low, high - 1);
            largest += distance;
            single = Int128.Max(single, distance);
        }

        return new ColumnSpread(values.Length, most == 1 && values.Length > 1 ? values.Length : values.Length - most,
            all == 0 ? 0 : (int)(largest * 1000 / all), all == 0 ? 0 : (int)(((single * 1000) + all - 1) / all));
    }

    /// <summary>
    /// Of which of the party's records the question's sums are, as groups with their labels: the party's groups, where they are split into the bins of a
    /// quantile those too, and the classes of each class term.
    /// </summary>
    /// <param name="ignoresGaps">
    /// Whether records count too that lack a value which a regression needs: who lacks one of the contributing party's follows from single questions
    /// (docs/disclosure.md, "Who lacks a value").
    /// </param>
    /// <returns>For each way of grouping: its groupings, the labels of each group, and the group of each row, -1 for rows that count nowhere.</returns>
    internal async Task<IReadOnlyList<(IReadOnlyList<BoundGrouping> By, IReadOnlyList<IReadOnlyList<string?>> Labels, int[] Rows)>> MembershipAsync(
        bool ignoresGaps)
    {
        var (inGroup, terms) = (new int[_rows.Rows], _terms.ToArray());
        var levels = Array.ConvertAll(terms, _ => new int[_rows.Rows]);
        var first = 0;
        await foreach (var (values, rows) in ChunksAsync())
        {
            GroupsOf(values, 0, rows, ignoresGaps).CopyTo(inGroup, first);
            for (var row = 0; row < rows; row++)
            {
                for (var i = 0; i < terms.Length; i++)
                {
                    levels[i][first + row] = inGroup[first + row] < 0 || terms[i].Value.Labels.Count == 0 ? -1
                        : terms[i].Value.IndexOf(values[_place[terms[i].Key]][row]);
                }
            }

            first += rows;
        }

        var found = new List<(IReadOnlyList<BoundGrouping>, IReadOnlyList<IReadOnlyList<string?>>, int[])> { ([.. OwnGroupings], GroupLabels, inGroup) };
        if (_bins > 1)
        {
            found.Add(([.. OwnGroupings.SkipLast(1)], [.. GroupLabels.Where((_, i) => i % _bins == 0).Select(labels => labels.SkipLast(1).ToArray())],
                Array.ConvertAll(inGroup, group => group < 0 ? -1 : group / _bins)));
        }

        found.AddRange(terms.Select((term, i) => ((IReadOnlyList<BoundGrouping>)[term.Value.Grouping],
            (IReadOnlyList<IReadOnlyList<string?>>)[.. term.Value.Labels.Select(label => (IReadOnlyList<string?>)[label])], levels[i])));
        return found;
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

    /// <summary>The key of each row, where the plan has one: it is told to nobody, and its sums over cells only shared.</summary>
    public IReadOnlyList<ushort>? RecordKeys { get; set; }

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
                Fill([], 0, count, layout, words, 0, count, position);
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
                Fill(chunk.Values, at, take, layout, words, filled, count, position + filled);
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

    private void Fill(IReadOnlyList<long[]> values, int at, int count, MatrixLayout layout, ulong[] words, int offset, int stride, int first)
    {
        var keys = layout.KeyFactor < 0 ? [] : RecordKeys ?? throw new InvalidOperationException("the plan has record keys, and there are none");
        var groups = GroupsOf(values, at, count);
        for (var f = 0; f < layout.Factors.Count; f++)
        {
            var (factor, limbs, bits) = (layout.Factors[f], layout.Limbs[f], layout.LimbBits[f]);
            var holds = HoldsOf(factor, values);
            var powers = factor.Powers.Select(entry => (Values: values[_place[entry.Column]], entry.Power)).ToArray();
            for (var row = 0; row < count; row++)
            {
                var group = groups[row];
                if (group < 0 || !holds(at + row))
                {
                    continue;
                }

                var column = (group * layout.Width) + layout.Offsets[f];
                if (powers.Length == 0)
                {
                    words[(column * stride) + offset + row] = f == layout.KeyFactor ? keys[first + row] : 1UL;
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
    private int[] GroupsOf(IReadOnlyList<long[]> values, int at, int count, bool ignoresGaps = false)
    {
        var groups = new int[count];
        var places = _groupings.Select(indexer => _place[indexer.Grouping.Column]).ToArray();
        var indices = new int[_groupings.Length];
        for (var row = 0; row < count; row++)
        {
            if (!(ignoresGaps ? PassesFilter(values, at + row) : Passes(values, at + row)))
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

            if (_needed is { } needed && groups[row] >= 0
                && Array.Exists(needed[groups[row] / _bins], column => values[column][at + row] == AlignedRows.Missing))
            {
                groups[row] = -1;
            }
        }

        return groups;
    }

    /// <summary>Whether a record counts on this party's side.</summary>
    private bool Passes(IReadOnlyList<long[]> values, int row)
    {
        foreach (var column in _complete)
        {
            if (values[column][row] == AlignedRows.Missing)
            {
                return false;
            }
        }

        return PassesFilter(values, row);
    }

    /// <summary>Whether it has a weight and passes the filter. A weight of zero counts nobody.</summary>
    private bool PassesFilter(IReadOnlyList<long[]> values, int row)
    {
        if (_weight is { } weight && values[weight][row] is AlignedRows.Missing or 0)
        {
            return false;
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

        public Indexer(
            BoundGrouping grouping, AlignedColumn column, IReadOnlyDictionary<ColumnName, SortedSet<long>> numbers, IEnumerable<string>? classes = null)
        {
            Grouping = grouping;
            string LabelOf(long value) =>
                !grouping.Type.IsNumber ? grouping.LabelOf(column.Labels![(int)value])
                    : grouping.HasClasses ? grouping.Titles[(int)value]
                    : grouping.LabelOf(value);
            var values = grouping.Type.IsNumber ? [.. numbers[grouping.Column]] : Enumerable.Range(0, column.Labels!.Count)
                .Select(code => (long)code).ToArray();
            var labels = Array.ConvertAll(values, LabelOf);
            var sorted = labels.Concat(classes ?? []).Distinct(StringComparer.Ordinal).ToArray();
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
