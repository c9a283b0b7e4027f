namespace PsiMessaging.Analytics.Statistics.Measures;

/// <summary>The sample standard deviation of a column.</summary>
internal sealed class DeviationMeasure : VarianceMeasure
{
    public override string Name => "sd";
    public override string Rule => "sd: square root of the variance as a double";

    protected override double Of(double variance) => Math.Sqrt(variance);
}
