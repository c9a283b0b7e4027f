using PsiMessaging.Disclosure.Noise;

namespace PsiMessaging.Disclosure.Tests.Noise;

/// <summary>The laws' numbers against published and computed ones.</summary>
public class NoiseLawTests
{
    /// <summary>
    /// Sum of exp(−y²/(2σ²)) over all integers, and the variance, by a computation of our own in other software (vectors, discrete_gaussian).
    /// </summary>
    [Theory]
    [InlineData("0.1", 1.0134758981204781, 0.013296725173624149)]
    [InlineData("0.5", 1.772637204826652, 0.49897913083282047)]
    [InlineData("1", 2.506628288042905, 0.9999997887677282)]
    [InlineData("2", 3.5449077018110318, 1.9999999999999978)]
    [InlineData("10", 7.926654595212022, 10.0)]
    public void DiscreteGaussian_NormalisationAndVariance_AreTheKnownOnes(string sigmaSquared, double normalisation, double variance)
    {
        var probabilities = Statistics.Probabilities(new DiscreteGaussian(Rational.Parse(sigmaSquared)));
        Assert.Equal(1 / normalisation, probabilities[0], 1e-14);
        Assert.Equal(variance, Statistics.Moment(probabilities, 2), 1e-13 * Math.Max(1, variance));
    }

    [Theory]
    [InlineData(1, 0.46211715726000974, 1.8413471884155848)]
    [InlineData(2, 0.24491866240370913, 7.835396178065527)]
    [InlineData(5, 0.09966799462495585, 49.833666138305894)]
    public void DiscreteLaplace_ProbabilityOfZeroAndVariance_AreTheKnownOnes(int scale, double zero, double variance)
    {
        var probabilities = Statistics.Probabilities(new DiscreteLaplace(scale));
        Assert.Equal(zero, probabilities[0], 1e-14);
        Assert.Equal(variance, Statistics.Moment(probabilities, 2), 1e-11);
    }

    /// <summary>google/differential-privacy, dp_accounting, privacy_loss_mechanism_test (Apache-2.0).</summary>
    [Theory]
    [InlineData(-10, 3.3190008e-05, 5e-13)]
    [InlineData(0, 0.73105858, 5e-9)]
    [InlineData(1, 0.90106198, 5e-9)]
    [InlineData(10, 0.99998779, 5e-9)]
    public void DiscreteLaplace_DistributionFunctionOfScaleOne_IsGooglesFigure(int at, double expected, double precision)
    {
        var probabilities = Statistics.Probabilities(new DiscreteLaplace(1));
        var below = Enumerable.Range(-(probabilities.Length - 1), probabilities.Length + at).Sum(y => probabilities[Math.Abs(y)]);
        Assert.Equal(expected, below, precision);
    }

    /// <summary>
    /// δ at ε of the discrete Gaussian with sensitivity 1: Σ of what P(y) has above e^ε·P(y + 1) (Balle and Wang; vectors, delta(sigma2, eps)).
    /// </summary>
    [Theory]
    [InlineData(1, 1, 0.14135133940562192)]
    [InlineData(1, 0.5, 0.203982813763439)]
    [InlineData(4, 1, 0.0072487768459525825)]
    [InlineData(10, 1, 0.00011513252536386177)]
    [InlineData(100, 0.1, 0.008762353923948089)]
    public void DiscreteGaussian_DeltaAtEpsilon_IsTheKnownOne(int sigmaSquared, double epsilon, double expected)
    {
        var p = Statistics.Probabilities(new DiscreteGaussian(sigmaSquared));
        double At(int y) => Math.Abs(y) < p.Length ? p[Math.Abs(y)] : 0;
        var delta = Enumerable.Range(-p.Length, 2 * p.Length).Sum(y => Math.Max(0, At(y) - (Math.Exp(epsilon) * At(y - 1))));
        Assert.Equal(expected, delta, 1e-13);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("1099511627777")]
    public void Laws_ParameterOutOfRange_AreRefused(string parameter)
    {
        Assert.Throws<ArgumentException>(() => new DiscreteLaplace(Rational.Parse(parameter)));
        var squared = Rational.Parse(parameter) * (parameter[0] == '-' ? 1 : Rational.Parse(parameter));
        Assert.Throws<ArgumentException>(() => new DiscreteGaussian(squared));
    }

    [Theory]
    [InlineData("3", "3")]
    [InlineData("1.08", "27/25")]
    [InlineData("27/25", "27/25")]
    [InlineData("-0.50", "-1/2")]
    [InlineData("6/4", "3/2")]
    public void Parse_Numbers_GiveLowestTerms(string text, string expected) => Assert.Equal(expected, Rational.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("1.")]
    [InlineData(".5")]
    [InlineData("1e3")]
    [InlineData("1/0")]
    [InlineData("1 ")]
    [InlineData("+1")]
    [InlineData("1/-2")]
    [InlineData("1/2/3")]
    [InlineData("١")]
    [InlineData("1234567890123456789012345678901")]
    public void TryParse_AnythingElse_IsRefused(string text) => Assert.False(Rational.TryParse(text, out _));

    [Theory]
    [InlineData("7/2", 3, 4)]
    [InlineData("-7/2", -4, -3)]
    [InlineData("4", 4, 4)]
    [InlineData("-4", -4, -4)]
    public void FloorAndCeiling_OfEitherSign_AreTheIntegersAround(string value, int floor, int ceiling) =>
        Assert.Equal((floor, ceiling), ((int)Rational.Parse(value).Floor(), (int)Rational.Parse(value).Ceiling()));

    [Fact]
    public void ExpMinus_SumOfArguments_IsTheProduct()
    {
        foreach (var (a, b) in new[] { ("1/3", "2/3"), ("17", "0.001"), ("100.5", "3") })
        {
            var product = FixedPoint.ExpMinus(Rational.Parse(a)) * FixedPoint.ExpMinus(Rational.Parse(b)) >> FixedPoint.Bits;
            var sum = FixedPoint.ExpMinus(Rational.Parse(a) + Rational.Parse(b));
            Assert.True(System.Numerics.BigInteger.Abs(product - sum) <= 4, $"{a} and {b}");
        }
    }

    /// <summary>e to 60 digits, of any table (OEIS A001113).</summary>
    [Fact]
    public void ExpMinus_One_IsOneOverE()
    {
        var e = System.Numerics.BigInteger.Parse("271828182845904523536028747135266249775724709369995957496696");
        var product = (FixedPoint.ExpMinus(1) * e) >> FixedPoint.Bits;
        var one = System.Numerics.BigInteger.Pow(10, 59);
        Assert.True(System.Numerics.BigInteger.Abs(product - one) <= 1);
    }
}
