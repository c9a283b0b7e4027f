using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Measures;

/// <summary>The sum of a column.</summary>
internal sealed class SumMeasure : MeasureFunction
{
    public override string Name => "sum";
    public override int Columns => 1;
    public override string Rule => "sum: exact, in fixed point";

    public override IEnumerable<Moment> Moments(BoundQuery query, ColumnName[] columns) => [query.RecordsWith(columns), query.Sum(columns)];

    public override AnswerColumn Heading(BoundQuery query, Measure measure, ColumnName[] columns) =>
        new(measure.Name, AnswerRole.Exact, query.Schema.TypeOf(columns[0]).Decimals + query.WeightDecimals);

    public override AnswerCell Compute(MeasureSums sums) => sums.Records.IsZero ? AnswerCell.None : sums.Exact(sums.Query.Sum(sums.Columns));
}
