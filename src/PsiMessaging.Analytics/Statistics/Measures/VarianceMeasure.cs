using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Measures;

/// <summary>The sample variance of a column.</summary>
internal class VarianceMeasure : MeasureFunction
{
    public override string Name => "var";
    public override int Columns => 1;
    public override string Rule => "var: (N·Σx² − (Σx)²) / (N·(N − 1)), exact, rounded once to a double";

    public override IEnumerable<Moment> Moments(BoundQuery query, ColumnName[] columns) =>
        [query.RecordsWith(columns), query.Sum([], columns), query.Sum(columns), query.Sum([columns[0], columns[0]])];

    public override AnswerCell Compute(MeasureSums sums) =>
        sums.CanVary ? AnswerCell.Real(Of(sums.Covariance(sums.Columns[0], sums.Columns[0]))) : AnswerCell.None;

    /// <summary>What is shown of the variance.</summary>
    protected virtual double Of(double variance) => variance;
}
