using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Measures;

/// <summary>The sample covariance of two columns.</summary>
internal sealed class CovarianceMeasure : MeasureFunction
{
    public override string Name => "cov";
    public override int Columns => 2;
    public override string Rule => "cov: (N·Σxy − Σx·Σy) / (N·(N − 1)) over records that have both, exact, rounded once to a double";

    public override IEnumerable<Moment> Moments(BoundQuery query, ColumnName[] columns) =>
        [query.RecordsWith(columns), query.Sum([], columns), query.Sum([columns[0]], columns), query.Sum([columns[1]], columns), query.Sum(columns)];

    public override AnswerCell Compute(MeasureSums sums) => sums.CanVary ? AnswerCell.Real(sums.Covariance(sums.Columns[0], sums.Columns[1])) : AnswerCell.None;
}
