using System.Numerics;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>
/// A law of integer noise, symmetric around zero. It is added to an integer, a count or a sum in the column's smallest unit, before anything is scaled or
/// divided, so none of the attacks on floating-point noise (Mironov 2012; Haney and others 2022) has anything to hold on to.
/// </summary>
public abstract record NoiseLaw
{
    private protected NoiseLaw()
    {
    }

    /// <summary>Its name with the parameter, as policies and audit logs show it.</summary>
    public abstract override string ToString();

    /// <summary>P(Y = y) relative to P(Y = 0), in units of 2^-320; off by less than 2^-300.</summary>
    internal abstract BigInteger Weight(BigInteger magnitude);
}

/// <summary>
/// P(Y = y) proportional to exp(−|y|/scale). A sum that one person changes by at most D is (D/scale)-differentially private with it. Source: Canonne, Kamath,
/// Steinke, arXiv 2004.00010, 5.2.
/// </summary>
public sealed record DiscreteLaplace : NoiseLaw
{
    /// <summary>Greatest scale: a sum's words have 64 bits, and noise beyond 2^50 would leave nothing of it.</summary>
    public static readonly Rational MaximumScale = 1L << 40;

    /// <param name="scale">Positive, at most 2^40, in the unit of what it is added to.</param>
    /// <exception cref="ArgumentException">The scale is not in that range.</exception>
    public DiscreteLaplace(Rational scale)
    {
        if (scale.Sign <= 0 || scale > MaximumScale)
        {
            throw new ArgumentException($"a discrete Laplace's scale is above 0 and at most 2^40, not {scale}", nameof(scale));
        }

        Scale = scale;
    }

    /// <summary>Sensitivity over epsilon, in the unit of what it is added to.</summary>
    public Rational Scale { get; }

    public override string ToString() => $"discrete Laplace of scale {Scale}";

    internal override BigInteger Weight(BigInteger magnitude) => FixedPoint.ExpMinus(new Rational(magnitude, 1) / Scale);
}

/// <summary>
/// P(Y = y) proportional to exp(−y²/(2σ²)). A vector of sums that one person changes by at most D in Euclidean length is (D²/(2σ²))-zCDP with it. The variance
/// is at most σ², and σ² to seven digits from σ² = 1 on. Source: Canonne, Kamath, Steinke, arXiv 2004.00010, 2 and 5.3.
/// </summary>
public sealed record DiscreteGaussian : NoiseLaw
{
    /// <summary>Greatest σ², for the same reason as <see cref="DiscreteLaplace.MaximumScale"/>.</summary>
    public static readonly Rational MaximumSigmaSquared = new(BigInteger.One << 80, 1);

    /// <param name="sigmaSquared">Positive, at most 2^80, in the squared unit of what it is added to.</param>
    /// <exception cref="ArgumentException">σ² is not in that range.</exception>
    public DiscreteGaussian(Rational sigmaSquared)
    {
        if (sigmaSquared.Sign <= 0 || sigmaSquared > MaximumSigmaSquared)
        {
            throw new ArgumentException($"a discrete Gaussian's sigma squared is above 0 and at most 2^80, not {sigmaSquared}", nameof(sigmaSquared));
        }

        SigmaSquared = sigmaSquared;
    }

    public Rational SigmaSquared { get; }

    public override string ToString() => $"discrete Gaussian of sigma squared {SigmaSquared}";

    internal override BigInteger Weight(BigInteger magnitude) => FixedPoint.ExpMinus(new Rational(magnitude * magnitude, 2) / SigmaSquared);
}
