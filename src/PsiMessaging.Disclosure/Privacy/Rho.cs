using System.Numerics;
using PsiMessaging.Disclosure.Noise;

namespace PsiMessaging.Disclosure.Privacy;

/// <summary>
/// What an answer costs in zero-concentrated differential privacy, in whole units of 2^-40: sums are exact, and what does not fit a unit is rounded up. Source:
/// Bun and Steinke, arXiv 1605.02065.
/// </summary>
/// <param name="Units">2^-40 each; 0 or more.</param>
public readonly record struct Rho(BigInteger Units) : IComparable<Rho>
{
    /// <summary>Binary places of a unit.</summary>
    public const int Bits = 40;

    /// <summary>Greatest budget, in units: ρ of a million, which protects nobody.</summary>
    public static readonly BigInteger MaximumUnits = 1_000_000 * (BigInteger.One << Bits);

    public static readonly Rho Zero;

    public static Rho operator +(Rho left, Rho right) => new(left.Units + right.Units);

    public static bool operator <(Rho left, Rho right) => left.Units < right.Units;

    public static bool operator >(Rho left, Rho right) => left.Units > right.Units;

    public static bool operator <=(Rho left, Rho right) => left.Units <= right.Units;

    public static bool operator >=(Rho left, Rho right) => left.Units >= right.Units;

    /// <summary>The least number of units that is not below <paramref name="rho"/>: what is spent.</summary>
    /// <exception cref="ArgumentException">It is negative, or above a million.</exception>
    public static Rho Ceiling(Rational rho) => Checked((rho * new Rational(BigInteger.One << Bits, 1)).Ceiling(), rho);

    /// <summary>The greatest number of units that is not above <paramref name="rho"/>: what a budget is.</summary>
    /// <exception cref="ArgumentException">It is negative, or above a million.</exception>
    public static Rho Floor(Rational rho) => Checked((rho * new Rational(BigInteger.One << Bits, 1)).Floor(), rho);

    /// <summary>
    /// Discrete Gaussian noise of σ² on each of a vector of integers: ρ = Δ²/(2σ²). Source: Canonne, Kamath, Steinke, arXiv 2004.00010, theorem 4, and
    /// composition.
    /// </summary>
    /// <param name="squaredSensitivity">
    /// Δ²: the most that one person changes the vector by, its squared Euclidean length. Of a table of counts by disjoint cells 1 where a person comes or goes,
    /// 2 where a person moves; of a sum over values clamped to [0, m], m².
    /// </param>
    /// <param name="noise">The noise on each.</param>
    /// <exception cref="ArgumentException">Δ² is negative, or the cost above a million.</exception>
    public static Rho Of(Rational squaredSensitivity, DiscreteGaussian noise) => Ceiling(squaredSensitivity / (2 * noise.SigmaSquared));

    /// <summary>Pure ε-differential privacy costs ρ = ε²/2. Source: Bun and Steinke, arXiv 1605.02065, proposition 1.4.</summary>
    /// <exception cref="ArgumentException">ε is negative, or the cost above a million.</exception>
    public static Rho OfPure(Rational epsilon) =>
        epsilon.Sign < 0 ? throw new ArgumentException($"an epsilon is 0 or more, not {epsilon}", nameof(epsilon)) : Ceiling(epsilon * epsilon / 2);

    /// <summary>Discrete Laplace noise of a scale on each of a vector of integers that one person changes by at most Δ in sum: ε = Δ/scale.</summary>
    /// <param name="sensitivity">Δ, the sum of absolute changes.</param>
    /// <param name="noise">The noise on each.</param>
    public static Rho Of(Rational sensitivity, DiscreteLaplace noise) => OfPure(sensitivity / noise.Scale);

    /// <summary>
    /// What several answers cost together that no person is in more than one of: the dearest of them. That they are about disjoint records is the caller's
    /// word: cells of one table are, a total beside its cells is not, and neither are cells of two tables.
    /// </summary>
    public static Rho Parallel(params ReadOnlySpan<Rho> disjoint)
    {
        var most = Zero;
        foreach (var rho in disjoint)
        {
            most = rho > most ? rho : most;
        }

        return most;
    }

    /// <summary>The budget that gives (ε, δ) when all of it is spent, rounded down.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number is not in its range, <see cref="ZeroConcentrated.Rho"/>.</exception>
    public static Rho Budget(double epsilon, double delta) =>
        new(BigInteger.Min(MaximumUnits, new BigInteger(Math.Floor(Math.ScaleB(ZeroConcentrated.Rho(epsilon, delta), Bits)))));

    /// <summary>ε at a δ when this much is spent, rounded up: <see cref="ZeroConcentrated.Epsilon"/>.</summary>
    public double Epsilon(double delta) => ZeroConcentrated.Epsilon(Units.IsZero ? 0 : Math.BitIncrement(ToRational().ToDouble()), delta);

    public int CompareTo(Rho other) => Units.CompareTo(other.Units);

    /// <summary>The exact fraction.</summary>
    public Rational ToRational() => new(Units, BigInteger.One << Bits);

    /// <summary>For reading: six digits.</summary>
    public override string ToString() => ToRational().ToDouble().ToString("0.######");

    private static Rho Checked(BigInteger units, Rational rho) =>
        units.Sign < 0 || units > MaximumUnits ? throw new ArgumentException($"a rho is 0 to 1,000,000, not {rho.ToDouble()}", nameof(rho)) : new Rho(units);
}
