using System.Text.Json.Nodes;
using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Quantiles;

/// <summary>Quantiles of a column from counts in agreed bins, which are the last grouping.</summary>
/// <param name="Column">As written.</param>
/// <param name="Probabilities">1 to 20 of them, between 0 and 1.</param>
/// <param name="Agreed">The bins.</param>
public sealed record QuantilesClause(string Column, IReadOnlyList<decimal> Probabilities, Bins Agreed) : StatisticClause
{
    private const int MaximumProbabilities = 20;

    /// <inheritdoc/>
    public override Statistic Statistic => QuantilesStatistic.Instance;

    /// <inheritdoc/>
    public override Bins? Bins => Agreed;

    /// <inheritdoc/>
    public override IReadOnlyList<Grouping> Groupings(IReadOnlyList<Grouping> by) => [.. by, new Grouping(Column, Agreed.Categories())];

    /// <inheritdoc/>
    public override string? Fault => Probabilities.Count is 0 or > MaximumProbabilities || Probabilities.Any(p => p is <= 0 or >= 1)
        ? "quantiles take 1 to 20 probabilities between 0 and 1" : null;

    internal override string Write(Query query) =>
        $"quantile({QueryText.Name(Column)}, {string.Join(", ", Probabilities.Select(QueryText.Number))}, {QueryText.Write(Agreed)})";

    internal override JsonNode WriteJson(Query query)
    {
        var json = QueryJson.WriteBins(Column, Agreed);
        json["probabilities"] = new JsonArray([.. Probabilities.Select(p => (JsonNode)JsonValue.Create(p))]);
        return json;
    }
}
