using PsiMessaging.Analytics.Statistics.Independence;
using PsiMessaging.Analytics.Statistics.Quantiles;
using PsiMessaging.Analytics.Statistics.Regression;
using PsiMessaging.Analytics.Statistics.Tables;

namespace PsiMessaging.Analytics.Statistics;

/// <summary>Every kind of statistic, in the order in which they are named to people. A new one is a folder and a line here.</summary>
public static class StatisticRegistry
{
    /// <summary>All of them; a table first, which is what a question without another word asks for.</summary>
    public static IReadOnlyList<Statistic> All { get; } =
    [
        TableStatistic.Instance,
        HistogramStatistic.Instance,
        QuantilesStatistic.Instance,
        IndependenceStatistic.Instance,
        RegressionStatistic.Instance,
    ];

    /// <summary>The statistic whose clause a word begins, in any case; null where there is none.</summary>
    public static Statistic? Find(string word) => All.FirstOrDefault(statistic => statistic.Words.Contains(word, StringComparer.OrdinalIgnoreCase));
}
