using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics.Measures;

namespace PsiMessaging.Analytics.Statistics.Tables;

/// <summary>Measures by groups: what a question without another word asks for.</summary>
public class TableStatistic : Statistic
{
    /// <summary>The only one.</summary>
    public static TableStatistic Instance { get; } = new();

    protected TableStatistic()
    {
    }

    /// <inheritdoc/>
    public override string Member => "measures";

    /// <inheritdoc/>
    public override string Title => "table";

    /// <inheritdoc/>
    public override bool TakesTotals => true;

    /// <summary>Whether the first grouping's classes have a row each, also where nobody is in them.</summary>
    protected virtual bool HasEmptyClasses => false;

    internal override Query Parse(QueryParser parser, string word) => parser.IsMeasure()
        ? new Query { Clause = new TableClause(parser.Measures()) }
        : new Query { Clause = TableClause.Count, By = parser.Groupings() };

    internal override Query Read(JsonMember clause, Query common)
    {
        var measures = clause.Items().Select(ReadMeasure).ToArray();
        return measures.Length > 0 ? common with { Clause = new TableClause(measures) } : throw clause.Wrong("is empty");
    }

    private static Measure ReadMeasure(JsonMember measure)
    {
        if (measure.IsText)
        {
            return measure.Text() == MeasureFunctions.Count.Name ? new Measure(MeasureFunctions.Count, [])
                : throw measure.Wrong("is a measure without its columns");
        }

        measure.Only("function", "columns");
        var function = MeasureFunctions.Find(measure.Get("function").Text());
        var columns = measure.Optional("columns")?.Items().Select(item => item.Text()).ToArray() ?? [];
        return function is null ? throw measure.Wrong($"is no measure: take {MeasureFunctions.Names}")
            : columns.Length != function.Columns ? throw measure.Wrong($"takes {function.Columns} columns") : new Measure(function, columns);
    }

    /// <inheritdoc/>
    public override IEnumerable<Moment> Moments(BoundQuery query, Func<BoundTerm, int> levels) =>
        query.Measures.SelectMany(entry => entry.Measure.Function.Moments(query, entry.Columns)).Prepend(query.Records).Distinct();

    /// <summary>
    /// Columns that are multiplied are looked at together: a sum of products of two marks is a count of those that have both, however many have either.
    /// </summary>
    public override IEnumerable<Moment> MinimumMoments(BoundQuery query, Func<BoundTerm, int>? levels) => query.Measures.SelectMany(entry =>
        BoundQuery.Subsets([.. entry.Columns.Concat(query.WeightColumns).Distinct()]).Select(different => query.RecordsDifferent(entry.Columns, different)));

    /// <inheritdoc/>
    public override bool BindsAsker => true;

    /// <summary>The count of each cell, and by the rule for columns what measures of the same columns follow from.</summary>
    internal override void Release(ReleaseBuilder builder)
    {
        var (query, shown) = (builder.Query, builder.CellsShown());
        var measures = query.Measures.Where(entry => entry.Columns.Length > 0 || query.Weight is not null)
            .GroupBy(entry => ReleasePlan.KeyOf(entry.Columns)).ToArray();
        for (var cell = 0; cell < builder.Cells; cell++)
        {
            builder.Open(cell, ReleasePlan.Count, shown[cell], [query.Records]);
            foreach (var measure in measures)
            {
                var columns = measure.First().Columns;
                var decision = builder.ColumnsShown(cell, shown[cell], columns);
                builder.Open(cell, measure.Key, decision,
                    measure.SelectMany(entry => entry.Measure.Function.Moments(query, entry.Columns)).Prepend(query.RecordsWith(columns)));
            }
        }
    }

    /// <summary>A table without rows.</summary>
    public override Answer Empty(BoundQuery query) =>
        new(TableAnswer.Headings(query), [], 0, 0, new Dictionary<string, string>(), ["the two parties have no records in common"]);

    internal override Answer Answer(AnswerGroups groups, int[] listed) =>
        new TableAnswer(groups, HasEmptyClasses).Build([.. listed.Where(group => groups.Shown[group])]);
}
