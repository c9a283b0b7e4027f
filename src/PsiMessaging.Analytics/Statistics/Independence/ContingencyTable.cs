using System.Numerics;

namespace PsiMessaging.Analytics.Statistics.Independence;

/// <summary>Counts of pairs of values, with those of each row and column.</summary>
/// <param name="cells">The pairs that occur.</param>
internal sealed class ContingencyTable((string Row, string Column, BigInteger Count)[] cells)
{
    /// <summary>Records of each value on the left.</summary>
    public Dictionary<string, BigInteger> Rows { get; } = Margin(cells, cell => cell.Row);

    /// <summary>Records of each value on the right.</summary>
    public Dictionary<string, BigInteger> Columns { get; } = Margin(cells, cell => cell.Column);

    /// <summary>Records in all.</summary>
    public BigInteger Records => Rows.Values.Aggregate(BigInteger.Zero, (sum, count) => sum + count);

    /// <summary>Degrees of freedom.</summary>
    public int Freedom => (Rows.Count - 1) * (Columns.Count - 1);

    /// <summary>How many expected counts are below 5.</summary>
    public int LowExpected
    {
        get
        {
            var n = Records;
            return Rows.Values.Sum(row => Columns.Values.Count(column => row * column < 5 * n));
        }
    }

    /// <summary>Whether every pair of values occurs, in a minimum of records or more.</summary>
    public bool HasEvery(int minimum) => cells.Length > 0 && cells.Length >= Rows.Count * Columns.Count
        && Array.TrueForAll(cells, cell => cell.Count >= minimum);

    /// <summary>χ² = N·(Σ O²/(R·C) − 1): every term from integers.</summary>
    public double ChiSquare() => Math.Max(0,
        (double)Records * (cells.Sum(cell => ExactRatio.ToDouble(cell.Count * cell.Count, Rows[cell.Row] * Columns[cell.Column])) - 1));

    /// <summary>Cramér's V, 0 to 1.</summary>
    public double CramersV(double chiSquare) => Math.Sqrt(chiSquare / ((double)Records * (Math.Min(Rows.Count, Columns.Count) - 1)));

    private static Dictionary<string, BigInteger> Margin((string Row, string Column, BigInteger Count)[] cells,
        Func<(string Row, string Column, BigInteger Count), string> labelOf) =>
        cells.GroupBy(labelOf).ToDictionary(group => group.Key, group => group.Aggregate(BigInteger.Zero, (sum, cell) => sum + cell.Count),
            StringComparer.Ordinal);
}
