using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Analytics.Tests;

/// <summary>What is said of noise, and which questions are answered with it.</summary>
public class NoiseRuleTests
{
    /// <summary>No less than 95 of 100 draws are that near, and fewer are nearer: summed over the law itself.</summary>
    [Theory]
    [InlineData(NoiseKind.Gaussian, 0.5)]
    [InlineData(NoiseKind.Gaussian, 1)]
    [InlineData(NoiseKind.Gaussian, 10)]
    [InlineData(NoiseKind.Gaussian, 200)]
    [InlineData(NoiseKind.Laplace, 0.5)]
    [InlineData(NoiseKind.Laplace, 2)]
    [InlineData(NoiseKind.Laplace, 30)]
    public void MostOff_OfALaw_IsWhatItSays(NoiseKind law, double spread)
    {
        double Weight(long value) => law == NoiseKind.Gaussian ? Math.Exp(-value * (double)value / (2 * spread * spread)) : Math.Exp(-Math.Abs(value) / spread);
        var far = (long)(spread * 60) + 10;
        double Sum(long most) => Enumerable.Range(-(int)most, (2 * (int)most) + 1).Sum(value => Weight(value));
        var (all, off) = (Sum(far), NoiseRule.MostOff(new NoiseTerms(law, (decimal)spread)));
        Assert.InRange(Sum(off) / all, 0.95, 1);
        Assert.True(off < 2 || Sum(off - 2) / all < 0.95, $"{off} is more than it has to be");
    }

    [Theory]
    [InlineData("count", null)]
    [InlineData("count by G, A where T > 3 with totals", "which groups G has")]
    [InlineData("count by G in ('x') as X, A where T > 3 with totals", null)]
    [InlineData("histogram(T, 0 to 100 step 10) by A", null)]
    [InlineData("count by T in 0-9, 10-19", null)]
    [InlineData("count by T", "which groups T has")]
    [InlineData("count, sum(T) by A", "counts alone")]
    [InlineData("count by A weight T", "counts alone")]
    [InlineData("median(T, 0 to 10 step 1)", "counts alone")]
    [InlineData("chisq(A, G)", "counts alone")]
    [InlineData("ols(T ~ A)", "counts alone")]
    public void FaultOf_AQuestion_SaysWhatToAskInstead(string text, string? fault)
    {
        var found = NoiseRule.FaultOf(Query.Parse(text), column => column is "G" or "T", 10, new NoiseTerms(NoiseKind.Gaussian, 10));
        Assert.Equal(fault is null, found is null);
        Assert.Contains(fault ?? "", found ?? "", StringComparison.Ordinal);
        Assert.NotNull(NoiseRule.FaultOf(Query.Parse(text), column => column is "G" or "T", 1, new NoiseTerms(NoiseKind.Gaussian, 10)));
    }
}
