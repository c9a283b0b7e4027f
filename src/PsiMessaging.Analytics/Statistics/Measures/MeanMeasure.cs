using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Measures;

/// <summary>The arithmetic mean of a column.</summary>
internal sealed class MeanMeasure : MeasureFunction
{
    public override string Name => "mean";
    public override int Columns => 1;
    public override string Rule => "mean: Σx / N, both exact, rounded once to a double";

    public override IEnumerable<Moment> Moments(BoundQuery query, ColumnName[] columns) =>
        [query.RecordsWith(columns), query.Sum([], columns), query.Sum(columns)];

    public override AnswerCell Compute(MeasureSums sums) =>
        AnswerCell.Real(ExactRatio.ToDouble(sums.Total(sums.Query.Sum(sums.Columns)), sums.Weight * sums.Scale));
}
