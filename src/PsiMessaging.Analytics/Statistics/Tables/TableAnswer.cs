using System.Globalization;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics.Measures;

namespace PsiMessaging.Analytics.Statistics.Tables;

/// <summary>The rows of a table: a group each, totals, and one line for all that is not shown.</summary>
/// <param name="groups">The groups.</param>
/// <param name="hasEmptyClasses">Whether the classes of an only grouping have a row each, whether somebody is in them or not: they are the question's.</param>
internal sealed class TableAnswer(AnswerGroups groups, bool hasEmptyClasses)
{
    private readonly BoundQuery _query = groups.Query;
    private readonly IMomentTable _table = groups.Table;

    /// <summary>Headings of the groupings, then of the measures.</summary>
    public static List<AnswerColumn> Headings(BoundQuery query) =>
    [
        .. query.Groupings.Select(grouping => new AnswerColumn(grouping.Grouping.Column, AnswerRole.Label)),
        .. query.Measures.Select(entry => entry.Measure.Function.Heading(query, entry.Measure, entry.Columns)),
    ];

    /// <param name="shown">Groups that are shown, in order.</param>
    public Answer Build(int[] shown)
    {
        var rows = new List<IReadOnlyList<AnswerCell>>();
        var listed = hasEmptyClasses && _query.Groupings.Count == 1 ? WithEmptyClasses(shown)
            : [.. shown.Select(group => (_table.Groups[group], new[] { group }))];
        foreach (var (labels, members) in listed)
        {
            var cells = members.Length == 0 && groups.HasMinimum ? _query.Measures.Select(_ => AnswerCell.Withheld) : Measures(members);
            rows.Add([.. labels.Select(label => new AnswerCell(label)), .. cells]);
        }

        // All records first: it is the number people ask for.
        var hasTotals = _query.Query.Totals && _query.Groupings.Count > 0;
        var totals = new TableTotals(groups, this);
        var (released, total) = totals.Released(hasTotals ? totals.Every() : [(0, [.. Enumerable.Range(0, groups.Records.Length)])]);
        if (hasTotals)
        {
            rows = totals.With(rows, released);
        }

        if (!groups.IsComplete)
        {
            rows.Add(WithheldLine(shown));
        }

        Describe(shown);
        var withheld = rows.Count(row => row.Any(cell => cell.IsWithheld));
        return new Answer(Headings(_query), rows, total, withheld, new Dictionary<string, string>(), []);
    }

    /// <summary>The measures of some groups together, each where it is shown in all of them.</summary>
    public IEnumerable<AnswerCell> Measures(int[] members) => _query.Measures.Select(entry =>
        groups.HasMinimum && !Array.TrueForAll(members, member => groups.Columns.IsShown(member, entry.Columns)) ? AnswerCell.Withheld
            : Compute(entry.Measure, entry.Columns, members));

    /// <summary>One measure of some groups together, whether it may be shown or not.</summary>
    public AnswerCell Compute(Measure measure, ColumnName[] columns, int[] members) =>
        measure.Function.Compute(new MeasureSums(_query, columns, moment => groups.Total(members, moment)));

    /// <summary>
    /// The line that stands for every group that is not shown. How many records those have together it says only where everybody who holds the result can
    /// count them: no filter,
    /// no weight, and enough of them.
    /// </summary>
    private IReadOnlyList<AnswerCell> WithheldLine(int[] shown)
    {
        var together = _query.Where.Count == 0 && _query.Weight is null && groups.Noise is null
            ? groups.CommonRecords - shown.Sum(group => groups.Records[group]) : 0;
        return
        [
            .. _query.Groupings.Select(_ => AnswerCell.WithheldGroups),
            .. _query.Measures.Select(entry => entry.Measure.Function.IsCount && together >= groups.MinCell && _query.Groupings.Count > 0
                ? AnswerCell.Withheld with { Text = together.ToString(CultureInfo.InvariantCulture) } : AnswerCell.Withheld),
        ];
    }

    private List<(IReadOnlyList<string?> Labels, int[] Members)> WithEmptyClasses(int[] shown)
    {
        var found = shown.GroupBy(group => _table.Groups[group][0] ?? "").ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
        var titles = _query.Groupings[0].TitlesInOrder.ToArray();
        var all = titles.Where((title, i) => (i > 0 && i < titles.Length - 1) || found.ContainsKey(title))
            .Select(title => ((IReadOnlyList<string?>)[title], found.GetValueOrDefault(title, []))).ToList();
        if (found.TryGetValue("", out var missing))
        {
            all.Add(([null], missing));
        }

        return all;
    }

    private void Describe(int[] shown)
    {
        foreach (var (_, columns) in _query.Measures
            .Where(entry => entry.Columns.Length > 0).DistinctBy(entry => LabelKey.Of(entry.Columns.Select(column => column.ToString()))))
        {
            var with = groups.HasMinimum ? Array.FindAll(shown, group => groups.Columns.IsShown(group, columns)) : shown;
            var missing = groups.Total(with, _query.Records) - groups.Total(with, _query.RecordsWith(columns));
            groups.Rules.AddMissing($"{string.Join(" or ", columns.Select(column => column.Name))}: ", missing, "without a value");
        }

        foreach (var function in _query.Measures.Select(entry => entry.Measure.Function).Distinct())
        {
            groups.Rules.Add(function.Rule);
        }

        if (_query.Groupings.Count > 0)
        {
            groups.Rules.Add("a missing value is a group of its own");
        }
    }
}
