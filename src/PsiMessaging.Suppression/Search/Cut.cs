namespace PsiMessaging.Suppression.Search;

/// <summary>
/// What every good pattern satisfies, in whole numbers: Σ <see cref="Factors"/> · x ≥ <see cref="Right"/>, x being 1 for a withheld cell. A factor is
/// negative only where a pattern is forbidden as it is (<see cref="Unions"/>).
/// </summary>
internal sealed record Cut(int[] Cells, long[] Factors, long Right)
{
    private const long Scale = 1000;

    /// <summary>
    /// The capacity constraint that the prices of an attacker's program prove (Fischetti and Salazar 2001, (11) and (12)): whatever the pattern is, a cell
    /// does not move farther than the sum over the withheld cells of price times room. It is made strong by cutting each factor down to the level, and whole
    /// by rounding factors up, which only weakens it.
    /// <paramref name="gains"/> says for each cell how much farther the cell in question moves when this one is withheld, infinite where nothing bounds it, and
    /// <paramref name="right"/> what is missing without any free cell. Null where nothing is.
    /// </summary>
    public static Cut? FromGains(Problem problem, double[] gains, double right)
    {
        if (right <= Problem.Tolerance)
        {
            return null;
        }

        var cells = Enumerable.Range(0, gains.Length).Where(cell => problem.IsFree[cell] && gains[cell] > Problem.Tolerance * 0.01).ToArray();
        var isWhole = right < 1e12 && IsWhole(right) && cells.All(cell => gains[cell] >= right || IsWhole(gains[cell]));
        var factor = isWhole ? 1 : Scale / right;
        var level = isWhole ? (long)Math.Round(right) : Scale;
        var factors = cells.Select(cell => gains[cell] >= right ? level : Math.Min(level, isWhole ? (long)Math.Round(gains[cell])
            : (long)Math.Ceiling((gains[cell] * factor) - 1e-9))).ToArray();
        var divisor = factors.Aggregate(0L, Gcd);
        if (divisor > 1)
        {
            // The sum is a multiple of the divisor, so the right-hand side may be rounded up to the next one.
            level = (level + divisor - 1) / divisor;
            factors = [.. factors.Select(value => value / divisor)];
        }

        return new(cells, factors, level);
    }

    public bool IsMet(bool[] pattern)
    {
        long sum = 0;
        for (var i = 0; i < Cells.Length; i++)
        {
            sum += pattern[Cells[i]] ? Factors[i] : 0;
        }

        return sum >= Right;
    }

    public double Violation(double[] x)
    {
        var sum = 0.0;
        for (var i = 0; i < Cells.Length; i++)
        {
            sum += Factors[i] * x[Cells[i]];
        }

        return (Right - sum) / Math.Max(1, Math.Abs(Right));
    }

    private static bool IsWhole(double value) => Math.Abs(value - Math.Round(value)) < 1e-7;

    private static long Gcd(long a, long b) => b == 0 ? a : Gcd(b, a % b);
}
