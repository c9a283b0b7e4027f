using System.Text.Json.Nodes;
using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Regression;

/// <summary>A regression.</summary>
/// <param name="Explained">What is explained, as written.</param>
/// <param name="By">By what, 32 terms at most.</param>
public sealed record RegressionClause(string Explained, IReadOnlyList<Term> By) : StatisticClause
{
    /// <inheritdoc/>
    public override Statistic Statistic => RegressionStatistic.Instance;

    /// <inheritdoc/>
    public override string? Outcome => Explained;

    /// <inheritdoc/>
    public override IReadOnlyList<Term> Terms => By;

    /// <inheritdoc/>
    public override string? Fault => By.Count > Query.MaximumTerms ? Query.TooMuch : null;

    internal override string Write(Query query) => $"ols({QueryText.Name(Explained)} ~ {string.Join(" + ", By.Select(QueryText.Write))})";

    internal override JsonNode WriteJson(Query query) => new JsonObject
    {
        ["outcome"] = Explained,
        ["terms"] = new JsonArray([.. By.Select(term => term.Grouping is { } grouping ? QueryJson.WriteClasses(grouping) : JsonValue.Create(term.Column))]),
    };
}
