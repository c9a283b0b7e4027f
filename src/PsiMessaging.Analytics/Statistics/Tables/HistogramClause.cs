using System.Text.Json.Nodes;
using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Tables;

/// <summary>A count by bins of a column, which are the first grouping.</summary>
/// <param name="Column">As written.</param>
/// <param name="Agreed">The bins.</param>
public sealed record HistogramClause(string Column, Bins Agreed) : StatisticClause
{
    /// <inheritdoc/>
    public override Statistic Statistic => HistogramStatistic.Instance;

    /// <inheritdoc/>
    public override IReadOnlyList<Measure> Measures => TableClause.Count.Measures;

    /// <inheritdoc/>
    public override Bins? Bins => Agreed;

    /// <inheritdoc/>
    public override IReadOnlyList<Grouping> Groupings(IReadOnlyList<Grouping> by) => [new Grouping(Column, Agreed.Categories()), .. by];

    internal override string Write(Query query) => $"histogram({QueryText.Name(Column)}, {QueryText.Write(Agreed)})";

    internal override JsonNode WriteJson(Query query) => QueryJson.WriteBins(Column, Agreed);
}
