using CsCheck;
using PsiMessaging.Disclosure.Noise;
using PsiMessaging.Disclosure.Privacy;

namespace PsiMessaging.Disclosure.Tests.Privacy;

/// <summary>From ρ to (ε, δ): published values, and on which side of them ours lie.</summary>
public class ZeroConcentratedTests
{
    /// <summary>What rounding outwards may add to the published figures, which have all their digits.</summary>
    private const double Precision = 1e-10;

    /// <summary>OpenDP, rust/src/…/cdp_delta/test.rs (MIT); IBM, cdp2adp.py (Apache-2.0), run by the maintainers.</summary>
    [Theory]
    [InlineData(0.05, 0.25, 0.0817727531036956)]
    [InlineData(0.5, 0, 0.5588356393474351)]
    [InlineData(0.03125, 0, 0.1508457845622862)]
    [InlineData(5e-30, 1e-13, 2.619676329730346e-234)]
    [InlineData(0.025, 1, 1.3361319064032213e-06)]
    public void Delta_PublishedCase_IsNotBelowItAndHardlyAbove(double rho, double epsilon, double expected) =>
        Assert.InRange(ZeroConcentrated.Delta(rho, epsilon), expected * (1 - 1e-14), expected * (1 + Precision));

    [Theory]
    [InlineData(0.03125, 0.001, 0.6880024554878085)]
    [InlineData(0.025, 1e-06, 1.014074254726128)]
    [InlineData(0.5, 1e-06, 5.221534444530169)]
    [InlineData(0.5, 1e-07, 5.670858835468771)]
    [InlineData(0.1, 1e-10, 2.8818280091742428)]
    public void Epsilon_PublishedCase_IsNotBelowItAndHardlyAbove(double rho, double delta, double expected) =>
        Assert.InRange(ZeroConcentrated.Epsilon(rho, delta), expected * (1 - 1e-14), expected * (1 + Precision));

    [Fact]
    public void Rho_PublishedCase_IsNotAboveItAndHardlyBelow() =>
        Assert.InRange(ZeroConcentrated.Rho(1, 1e-6), 0.024355970359538372 * (1 - Precision), 0.024355970359538372 * (1 + 1e-14));

    /// <summary>The formula's bound is above the exact δ of the discrete Gaussian (vectors, delta(sigma2, eps)), and of the same size.</summary>
    [Theory]
    [InlineData(1, 1, 0.14135133940562192)]
    [InlineData(1, 0.5, 0.203982813763439)]
    [InlineData(4, 1, 0.0072487768459525825)]
    [InlineData(10, 1, 0.00011513252536386177)]
    [InlineData(100, 0.1, 0.008762353923948089)]
    public void Delta_OfTheDiscreteGaussian_IsAboveItsExactDelta(int sigmaSquared, double epsilon, double exact)
    {
        var rho = Rho.Of(1, new DiscreteGaussian(sigmaSquared)).ToRational().ToDouble();
        Assert.InRange(ZeroConcentrated.Delta(rho, epsilon), exact, exact * 6);
    }

    [Fact]
    public void Conversions_ThereAndBack_PromiseNoMore() => Gen.Select(Gen.Double[-20, 3], Gen.Double[-12, -1]).Sample((logRho, logDelta) =>
    {
        var (rho, delta) = (Math.Exp(logRho), Math.Pow(10, logDelta));
        var epsilon = ZeroConcentrated.Epsilon(rho, delta);
        Assert.True(ZeroConcentrated.Delta(rho, epsilon) <= delta);
        var back = ZeroConcentrated.Rho(epsilon, delta);
        Assert.True(ZeroConcentrated.Delta(back, epsilon) <= delta);
        Assert.True(epsilon == 0 || Math.Abs(back - rho) <= 1e-6 * rho, $"{rho} {back}");
    }, iter: 300);

    [Fact]
    public void Delta_MoreRhoOrLessEpsilon_IsNotLess()
    {
        var numbers = Gen.Select(Gen.Double[0, 3], Gen.Double[0, 3], Gen.Double[0, 1], Gen.Double[0, 1]);
        numbers.Sample((rho, epsilon, more, less) =>
        {
            var delta = ZeroConcentrated.Delta(rho, epsilon);
            Assert.InRange(delta, 0, 1);
            Assert.True(ZeroConcentrated.Delta(rho + more, epsilon) >= delta * (1 - 1e-11));
            Assert.True(ZeroConcentrated.Delta(rho, epsilon * less) >= delta * (1 - 1e-11));
        }, iter: 2000);
    }

    /// <summary>
    /// The infimum over α, tried on a grid: no δ of ours is above what a grid's α gives by more than the margin, nor below the best of a fine one.
    /// </summary>
    [Theory]
    [InlineData(0.001, 0.1)]
    [InlineData(0.3, 2)]
    [InlineData(2, 5)]
    [InlineData(1e-6, 0.01)]
    public void Delta_AgainstAGridOfAlpha_IsTheLeast(double rho, double epsilon)
    {
        var least = Enumerable.Range(1, 2_000_000).Min(i =>
        {
            var alpha = 1 + Math.Exp(-8 + (i / 80_000.0));
            return ((alpha - 1) * ((alpha * rho) - epsilon)) - Math.Log(alpha - 1) + (alpha * Math.Log(1 - (1 / alpha)));
        });
        Assert.InRange(ZeroConcentrated.Delta(rho, epsilon) / Math.Exp(least), 1 - 1e-6, 1 + 1e-9);
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0, 1, 0)]
    [InlineData(1e6, 0, 1)]
    public void Delta_AtTheEnds_IsNothingOrAll(double rho, double epsilon, double expected) =>
        Assert.Equal(expected, ZeroConcentrated.Delta(rho, epsilon), 1e-12);

    [Fact]
    public void Delta_BelowWhatADoubleHolds_IsNotZero() => Assert.True(ZeroConcentrated.Delta(1e-6, 10) > 0);

    [Theory]
    [InlineData(double.NaN, 1)]
    [InlineData(-1, 1)]
    [InlineData(1, double.PositiveInfinity)]
    [InlineData(1, -0.5)]
    public void Delta_NoNumber_IsRefused(double rho, double epsilon) => Assert.Throws<ArgumentOutOfRangeException>(() => ZeroConcentrated.Delta(rho, epsilon));

    [Fact]
    public void EpsilonAndRho_DeltaOfZero_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => ZeroConcentrated.Epsilon(1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => ZeroConcentrated.Rho(1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => ZeroConcentrated.Rho(1, 1));
    }

    [Fact]
    public void Rho_OfNoise_IsRoundedUpInUnits()
    {
        Assert.Equal(1L << 39, Rho.Of(1, new DiscreteGaussian(1)).Units);
        Assert.Equal(1L << 40, Rho.Of(2, new DiscreteGaussian(1)).Units);
        // 2^40/6, rounded up.
        Assert.Equal(183_251_937_963, Rho.Of(1, new DiscreteGaussian(3)).Units);
        Assert.Equal(1, Rho.Of(1, new DiscreteGaussian(DiscreteGaussian.MaximumSigmaSquared)).Units);
        // ε = 1/2 costs 1/8.
        Assert.Equal(1L << 37, Rho.Of(1, new DiscreteLaplace(2)).Units);
        Assert.Equal(1L << 37, Rho.OfPure(Rational.Parse("0.5")).Units);
        Assert.Equal(Rho.Of(9, new DiscreteGaussian(20)).Units, Rho.Ceiling(Rational.Parse("0.225")).Units);
        Assert.Throws<ArgumentException>(() => Rho.OfPure(-1));
        Assert.Throws<ArgumentException>(() => Rho.Ceiling(1_000_001));
    }

    [Fact]
    public void Parallel_DisjointCells_CostTheDearest()
    {
        Assert.Equal(new Rho(7), Rho.Parallel(new Rho(3), new Rho(7), new Rho(5)));
        Assert.Equal(Rho.Zero, Rho.Parallel());
    }

    [Fact]
    public void Budget_OfEpsilonAndDelta_GivesThemWhenAllIsSpent()
    {
        var budget = Rho.Budget(1, 1e-6);
        Assert.Equal(0.0243559703595, budget.ToRational().ToDouble(), 1e-11);
        Assert.InRange(budget.Epsilon(1e-6), 1 - 1e-9, 1);
        Assert.True(new Rho(budget.Units + 2).Epsilon(1e-6) > 1);
        Assert.Equal(0, Rho.Zero.Epsilon(1e-6));
    }

    [Fact]
    public void WithDistance_OfATable_AddsWhatADrawIsOff()
    {
        Assert.True(ZeroConcentrated.WithDistance(1e-6, 1, 1_000_000, -99) > 1e-6);
        Assert.Equal(1e-6, ZeroConcentrated.WithDistance(1e-6, 1, 1_000_000, -99), 1e-21);
        Assert.Equal((1 + Math.E) * 1000 * Math.Pow(2, -99), ZeroConcentrated.WithDistance(0, 1, 1000, -99), 1e-35);
    }
}
