using System.Numerics;
using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Regression;

/// <summary>
/// Solves normal equations of integers without rounding: fraction-free elimination (E. H. Bareiss, Math. Comp. 22, 1968) of XᵀX beside the unit matrix and Xᵀy.
/// A term that the terms before it determine shows as a pivot of exactly zero, so there is no tolerance to choose.
/// </summary>
public sealed class LeastSquares
{
    /// <summary>Most coefficients.</summary>
    public const int MaximumCoefficients = 64;

    private readonly BigInteger[][] _matrix;
    private readonly int _size;
    private readonly BigInteger _determinant;

    private LeastSquares(BigInteger[][] matrix, int size, BigInteger determinant) => (_matrix, _size, _determinant) = (matrix, size, determinant);

    /// <summary>Solves.</summary>
    /// <param name="gram">XᵀX, symmetric.</param>
    /// <param name="right">Xᵀy.</param>
    /// <param name="nameOf">Name of a column, for the message.</param>
    /// <exception cref="QueryException">A column is a combination of those before it.</exception>
    public static LeastSquares Solve(BigInteger[,] gram, BigInteger[] right, Func<int, string> nameOf)
    {
        var size = right.Length;
        var matrix = new BigInteger[size][];
        for (var i = 0; i < size; i++)
        {
            matrix[i] = new BigInteger[(2 * size) + 1];
            for (var j = 0; j < size; j++)
            {
                matrix[i][j] = gram[i, j];
            }

            matrix[i][size + i] = BigInteger.One;
            matrix[i][2 * size] = right[i];
        }

        var previous = BigInteger.One;
        for (var c = 0; c < size; c++)
        {
            var pivot = matrix[c][c];
            if (pivot.IsZero)
            {
                throw new QueryException(QueryException.Singular,
                    $"the regression has no unique solution: {nameOf(c)} "
                        + $"{(c == 0 ? "is zero in every record" : "is determined by the terms before it, or constant")}; leave it out");
            }

            for (var r = 0; r < size; r++)
            {
                if (r == c)
                {
                    continue;
                }

                var factor = matrix[r][c];
                var (row, pivotRow) = (matrix[r], matrix[c]);
                for (var j = 0; j < row.Length; j++)
                {
                    row[j] = ((pivot * row[j]) - (factor * pivotRow[j])) / previous;
                }
            }

            previous = pivot;
        }

        return new LeastSquares(matrix, size, previous);
    }

    /// <summary>Determinant of XᵀX: the common denominator.</summary>
    public BigInteger Determinant => _determinant;

    /// <summary>Numerator of a coefficient.</summary>
    public BigInteger Coefficient(int i) => _matrix[i][2 * _size];

    /// <summary>Numerator of a diagonal element of the inverse of XᵀX.</summary>
    public BigInteger Inverse(int i) => _matrix[i][_size + i];
}
