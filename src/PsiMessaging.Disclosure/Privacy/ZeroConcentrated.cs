namespace PsiMessaging.Disclosure.Privacy;

/// <summary>
/// From ρ-zCDP to (ε, δ), each rounded to the side that promises less. Whoever is told an (ε, δ) may rely on it; a ρ that is computed from one never promises
/// more than was asked. Source: Canonne, Kamath, Steinke, arXiv 2004.00010, proposition 12 (v4): δ = inf over α &gt; 1 of exp((α − 1)(αρ − ε))/(α − 1) · (1 −
/// 1/α)^α.
/// <para>
/// Any α gives a true δ, so that the best is found to some digits only costs nothing but tightness. The logarithm of δ is a sum of three terms in double
/// precision, each off by a few units of 2^-53 of itself; 2^-44 of their sizes is added to it.
/// </para>
/// </summary>
public static class ZeroConcentrated
{
    private const double Margin = 5.7e-14;
    private const int Halvings = 200;

    /// <summary>The least δ, rounded up, at which ρ-zCDP gives (ε, δ).</summary>
    /// <param name="rho">0 or more.</param>
    /// <param name="epsilon">0 or more.</param>
    /// <returns>0 to 1; 0 for ρ = 0 only.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative, infinite or none.</exception>
    public static double Delta(double rho, double epsilon)
    {
        Require(rho);
        Require(epsilon);
        if (rho == 0)
        {
            return 0;
        }

        // The derivative of log δ by α rises: (2α − 1)ρ − ε + log(1 − 1/α). At 1 + e^(...) it is negative, at (ε + 1)/ρ + 2 positive.
        var (low, high) = (1.0, Math.Max(((epsilon + 1) / (2 * rho)) + 1, 2));
        for (var step = 0; step < Halvings; step++)
        {
            var middle = low + ((high - low) / 2);
            (low, high) = (((2 * middle) - 1) * rho) - epsilon + LogOneLess(middle) < 0 ? (middle, high) : (low, middle);
        }

        // What underflows is not nothing.
        return Math.Min(1, Math.Max(Math.BitIncrement(Math.Exp(LogDelta(rho, epsilon, high))), double.Epsilon));
    }

    /// <summary>The least ε, rounded up, at which ρ-zCDP gives (ε, δ).</summary>
    /// <param name="rho">0 or more.</param>
    /// <param name="delta">Above 0; from 1 on every ε will do.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not in its range.</exception>
    public static double Epsilon(double rho, double delta)
    {
        Require(rho);
        Require(delta);
        ArgumentOutOfRangeException.ThrowIfZero(delta);
        if (delta >= 1 || rho == 0)
        {
            return 0;
        }

        // ρ + 2√(ρ·log(1/δ)) always will do (Bun and Steinke, proposition 1.3), and its double surely.
        var (low, high) = (0.0, 2 * (rho + (2 * Math.Sqrt(rho * -Math.Log(delta)))));
        if (Delta(rho, 0) <= delta)
        {
            return 0;
        }

        for (var step = 0; step < Halvings; step++)
        {
            var middle = (low + high) / 2;
            (low, high) = Delta(rho, middle) <= delta ? (low, middle) : (middle, high);
        }

        return high;
    }

    /// <summary>The greatest ρ, rounded down, that gives (ε, δ): the budget of a dataset whose owner thinks in ε and δ.</summary>
    /// <param name="epsilon">0 or more.</param>
    /// <param name="delta">Above 0 and below 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not in its range.</exception>
    public static double Rho(double epsilon, double delta)
    {
        Require(epsilon);
        Require(delta);
        ArgumentOutOfRangeException.ThrowIfZero(delta);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(delta, 1);
        var (low, high) = (0.0, epsilon + 1);
        while (Delta(high, epsilon) <= delta)
        {
            high *= 2;
        }

        for (var step = 0; step < Halvings; step++)
        {
            var middle = (low + high) / 2;
            (low, high) = Delta(middle, epsilon) <= delta ? (middle, high) : (low, middle);
        }

        return low;
    }

    /// <summary>
    /// δ of an answer whose noise is not exactly of its law (<see cref="Noise.TableSampler"/>): greater by (1 + e^ε) times the distance of each draw.
    /// </summary>
    /// <param name="delta">δ of the exact law.</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="draws">Draws of all answers together.</param>
    /// <param name="distanceLog2">Of <see cref="Noise.TableSampler.DistanceLog2"/>.</param>
    public static double WithDistance(double delta, double epsilon, long draws, int distanceLog2) =>
        Math.Min(1, Math.BitIncrement(Math.BitIncrement(delta + ((1 + Math.Exp(epsilon)) * draws * Math.ScaleB(1, distanceLog2) * (1 + Margin)))));

    private static double LogDelta(double rho, double epsilon, double alpha)
    {
        var first = (alpha - 1) * ((alpha * rho) - epsilon);
        var second = -Math.Log(alpha - 1);
        var third = alpha * LogOneLess(alpha);
        // Within the first term two products are taken from each other.
        var sizes = ((alpha - 1) * ((alpha * rho) + epsilon)) + Math.Abs(second) + Math.Abs(third) + 1;
        return first + second + third + (Margin * sizes);
    }

    /// <summary>log(1 − 1/α) without loss for a great α.</summary>
    private static double LogOneLess(double alpha) => alpha < 1e4 ? Math.Log((alpha - 1) / alpha) : Series(-1 / alpha);

    /// <summary>log(1 + x) for |x| of at most 1e-4: five terms leave less than 1e-21 of it.</summary>
    private static double Series(double x) => x * (1 + (x * (-0.5 + (x * ((1.0 / 3) + (x * (-0.25 + (x * 0.2))))))));

    private static void Require(double value)
    {
        if (!double.IsFinite(value))
        {
            throw new ArgumentOutOfRangeException(nameof(value), value, "a number is needed here");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(value);
    }
}
