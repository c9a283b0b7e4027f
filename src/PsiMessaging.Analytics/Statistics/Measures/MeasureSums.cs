using System.Numerics;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Analytics.Statistics.Measures;

/// <summary>The exact sums of one measure over the records of one cell or total.</summary>
/// <param name="query">The query.</param>
/// <param name="columns">The measure's columns.</param>
/// <param name="total">A sum in units over those records.</param>
public sealed class MeasureSums(BoundQuery query, ColumnName[] columns, Func<Moment, BigInteger> total)
{
    /// <summary>The query.</summary>
    public BoundQuery Query => query;

    /// <summary>The measure's columns.</summary>
    public ColumnName[] Columns => columns;

    /// <summary>Records with values in all columns.</summary>
    public BigInteger Records => total(query.RecordsWith(columns));

    /// <summary>N: their number, or the sum of their weights in units.</summary>
    public BigInteger Weight => total(query.Sum([], columns));

    /// <summary>One in the units of <see cref="Weight"/>.</summary>
    public BigInteger One => ExactRatio.PowerOfTen(query.Sum([]).Decimals(query.Schema));

    /// <summary>Units of the product of the columns in one: what stays of the powers of ten when a sum is divided by N.</summary>
    public BigInteger Scale => ExactRatio.PowerOfTen(columns.Sum(column => query.Schema.TypeOf(column).Decimals));

    /// <summary>Whether there are enough records to divide by N − 1.</summary>
    public bool CanVary => Records >= 2 && Weight > One;

    /// <summary>A sum in units.</summary>
    public BigInteger Total(Moment moment) => total(moment);

    /// <summary>A sum as a number in fixed point.</summary>
    public AnswerCell Exact(Moment moment) => new(FixedPoint.Write(total(moment), moment.Decimals(query.Schema)));

    /// <summary>N·Σab − Σa·Σb, in units.</summary>
    public BigInteger Comoment(ColumnName a, ColumnName b) =>
        (Weight * total(query.Sum([a, b], columns))) - (total(query.Sum([a], columns)) * total(query.Sum([b], columns)));

    /// <summary>(N·Σab − Σa·Σb) / (N·(N − 1)), rounded once.</summary>
    public double Covariance(ColumnName a, ColumnName b)
    {
        var (weight, one) = (Weight, One);
        var scale = ExactRatio.PowerOfTen(query.Schema.TypeOf(a).Decimals + query.Schema.TypeOf(b).Decimals);
        return ExactRatio.ToDouble(Comoment(a, b), weight * (weight - one) * scale);
    }
}
