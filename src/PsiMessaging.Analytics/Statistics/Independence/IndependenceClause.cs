using System.Text.Json.Nodes;
using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Independence;

/// <summary>A test of independence; its two groupings are those of the question.</summary>
public sealed record IndependenceClause : StatisticClause
{
    /// <inheritdoc/>
    public override Statistic Statistic => IndependenceStatistic.Instance;

    internal override string Write(Query query) => $"chisq({string.Join(", ", query.By.Select(QueryText.Write))})";

    internal override JsonNode WriteJson(Query query) => QueryJson.WriteGroupings(query.By);
}
