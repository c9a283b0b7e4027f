using System.Numerics;
using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Regression;

/// <summary>The normal equations of a regression over one group, and what follows from their exact solution.</summary>
internal sealed class NormalEquations
{
    private readonly LeastSquares _solution;
    private readonly int[] _decimals;
    private readonly int _outcomeDecimals, _weightDecimals;
    private readonly BigInteger _squares, _weight, _total, _residual;

    /// <param name="query">The query.</param>
    /// <param name="design">Its design.</param>
    /// <param name="sum">A sum in units.</param>
    /// <param name="nameOf">Name of a column of the design, for messages.</param>
    /// <exception cref="QueryException">A column is a combination of those before it.</exception>
    public NormalEquations(BoundQuery query, RegressionDesign design, Func<Moment, BigInteger> sum, Func<int, string> nameOf)
    {
        var columns = design.Columns;
        var gram = new BigInteger[columns.Count, columns.Count];
        var right = new BigInteger[columns.Count];
        for (var i = 0; i < columns.Count; i++)
        {
            right[i] = sum(design.Product(columns[i], null));
            for (var j = 0; j < columns.Count; j++)
            {
                gram[i, j] = sum(design.Product(columns[i], columns[j]));
            }
        }

        _solution = LeastSquares.Solve(gram, right, nameOf);
        _decimals = [.. columns.Select(column => column.Term is { Grouping: null } term ? query.Schema.TypeOf(term.Column).Decimals : 0)];
        (_outcomeDecimals, _weightDecimals) = (query.Schema.TypeOf(query.Outcome!).Decimals, query.Sum([]).Decimals(query.Schema));
        (_squares, _weight, _total) = (sum(design.Product(null, null)), gram[0, 0], right[0]);

        // Residual sum of squares over the determinant, in units of the outcome squared.
        var explained = Enumerable.Range(0, columns.Count).Aggregate(BigInteger.Zero, (all, i) => all + (_solution.Coefficient(i) * right[i]));
        _residual = (_squares * _solution.Determinant) - explained;
    }

    /// <summary>A coefficient, rounded once.</summary>
    public double Estimate(int i)
    {
        var (up, down) = Shift(i);
        return ExactRatio.ToDouble(_solution.Coefficient(i) * up, _solution.Determinant * down);
    }

    /// <summary>Standard error of a coefficient.</summary>
    /// <param name="i">Column of the design.</param>
    /// <param name="freedom">Degrees of freedom.</param>
    public double StandardError(int i, long freedom)
    {
        var (up, down) = Shift(i);
        var determinant = _solution.Determinant;
        return Math.Sqrt(ExactRatio.ToDouble(_residual * _solution.Inverse(i) * up * up, determinant * determinant * freedom * down * down));
    }

    /// <summary>Standard error of the residuals.</summary>
    public double ResidualError(long freedom) =>
        Math.Sqrt(ExactRatio.ToDouble(_residual, _solution.Determinant * freedom * ExactRatio.PowerOfTen((2 * _outcomeDecimals) + _weightDecimals)));

    /// <summary>R²; null where the outcome is the same in all records.</summary>
    public double? Determination => Spread.IsZero ? null : 1 - ExactRatio.ToDouble(_residual * _weight, Spread * _solution.Determinant);

    private BigInteger Spread => (_squares * _weight) - (_total * _total);

    private (BigInteger Up, BigInteger Down) Shift(int i)
    {
        var shift = _decimals[i] - _outcomeDecimals;
        return (ExactRatio.PowerOfTen(Math.Max(0, shift)), ExactRatio.PowerOfTen(Math.Max(0, -shift)));
    }
}
