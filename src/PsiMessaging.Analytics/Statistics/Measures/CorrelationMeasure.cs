using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Measures;

/// <summary>Pearson's correlation of two columns.</summary>
internal sealed class CorrelationMeasure : MeasureFunction
{
    public override string Name => "corr";
    public override int Columns => 2;
    public override string Rule => "corr: Pearson's r over records that have both, from exact sums; its square is rounded once, then the root";

    public override IEnumerable<Moment> Moments(BoundQuery query, ColumnName[] columns) =>
    [
        query.RecordsWith(columns), query.Sum([], columns), query.Sum([columns[0]], columns), query.Sum([columns[1]], columns), query.Sum(columns),
        query.Sum([columns[0], columns[0]], columns), query.Sum([columns[1], columns[1]], columns),
    ];

    public override AnswerCell Compute(MeasureSums sums)
    {
        if (!sums.CanVary)
        {
            return AnswerCell.None;
        }

        var (x, y) = (sums.Columns[0], sums.Columns[1]);
        var product = sums.Comoment(x, y);
        var squares = sums.Comoment(x, x) * sums.Comoment(y, y);
        return squares.IsZero ? AnswerCell.None : AnswerCell.Real(product.Sign * Math.Sqrt(ExactRatio.ToDouble(product * product, squares)));
    }
}
