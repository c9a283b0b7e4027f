using System.Text.Json.Nodes;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics.Measures;

namespace PsiMessaging.Analytics.Statistics.Tables;

/// <summary>Measures, 1 to 32, by the question's groupings.</summary>
/// <param name="Listed">The measures.</param>
public sealed record TableClause(IReadOnlyList<Measure> Listed) : StatisticClause
{
    /// <summary>The number of records, which a bare list of columns asks for.</summary>
    public static TableClause Count { get; } = new([new Measure(MeasureFunctions.Count, [])]);

    /// <inheritdoc/>
    public override Statistic Statistic => TableStatistic.Instance;

    /// <inheritdoc/>
    public override IReadOnlyList<Measure> Measures => Listed;

    /// <inheritdoc/>
    public override string? Fault => Listed.Count > Query.MaximumMeasures ? Query.TooMuch : null;

    internal override string Write(Query query) => string.Join(", ", Listed.Select(QueryText.Write));

    internal override JsonNode WriteJson(Query query) => new JsonArray(
        [.. Listed.Select(measure => (JsonNode)new JsonObject { ["function"] = measure.Function.Name, ["columns"] = QueryJson.Texts(measure.Columns) })]);
}
