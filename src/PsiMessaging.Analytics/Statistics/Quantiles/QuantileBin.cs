namespace PsiMessaging.Analytics.Statistics.Quantiles;

/// <summary>A bin, or several that are put together.</summary>
/// <param name="From">Lower end; null for none.</param>
/// <param name="To">Upper end; null for none.</param>
/// <param name="Members">Groups in it.</param>
internal sealed record QuantileBin(decimal? From, decimal? To, int[] Members)
{
    /// <summary>This bin and the one above it.</summary>
    public QuantileBin With(QuantileBin above) => new(From, above.To, [.. Members, .. above.Members]);
}
