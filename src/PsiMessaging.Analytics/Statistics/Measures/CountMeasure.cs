using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Measures;

/// <summary>The number of records, or the sum of their weights.</summary>
internal sealed class CountMeasure : MeasureFunction
{
    public override string Name => "count";
    public override int Columns => 0;
    public override bool IsCount => true;
    public override string Rule => "count: exact";

    public override IEnumerable<Moment> Moments(BoundQuery query, ColumnName[] columns) => [query.Sum([])];

    public override AnswerColumn Heading(BoundQuery query, Measure measure, ColumnName[] columns) =>
        query.Weight is null ? new AnswerColumn(Name, AnswerRole.Count) : new AnswerColumn(Name, AnswerRole.Exact, query.WeightDecimals);

    public override AnswerCell Compute(MeasureSums sums) => sums.Exact(sums.Query.Sum([]));
}
