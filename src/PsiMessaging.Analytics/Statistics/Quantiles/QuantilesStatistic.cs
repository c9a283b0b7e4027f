using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Quantiles;

/// <summary>Quantiles, and the median, which is one of them.</summary>
public sealed class QuantilesStatistic : Statistic
{
    private const string Median = "median";

    /// <summary>The only one.</summary>
    public static QuantilesStatistic Instance { get; } = new();

    private QuantilesStatistic()
    {
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Words { get; } = ["quantile", Median];

    /// <inheritdoc/>
    public override string Member => "quantile";

    /// <inheritdoc/>
    public override string Title => "quantile";

    /// <inheritdoc/>
    public override QueryKind Kind => QueryKind.Quantiles;

    /// <inheritdoc/>
    public override bool LastGroupingIsBins => true;

    internal override Query Parse(QueryParser parser, string word)
    {
        var column = parser.Column();
        var probabilities = new List<decimal>();
        parser.ExpectSymbol(",", "a comma, for example quantile(INCOME, 0.9, 0 to 100000 step 1000)");
        if (word == Median)
        {
            probabilities.Add(0.5m);
        }
        else
        {
            do
            {
                probabilities.Add(parser.Number());
                parser.ExpectSymbol(",", "a comma and more probabilities or the bins: 0 to 100000 step 1000");
            }
            while (!parser.IsAtBins());
        }

        var bins = parser.ParseBins();
        parser.ExpectSymbol(")", "`)`");
        return new Query { Clause = new QuantilesClause(column, probabilities, bins) };
    }

    internal override Query Read(JsonMember clause, Query common)
    {
        clause.Only("column", "probabilities", "from", "to", "step");
        var (column, bins) = (clause.Get("column").Text(), QueryJson.ReadBins(clause));
        return common with { Clause = new QuantilesClause(column, [.. clause.Get("probabilities").Items().Select(item => item.Number())], bins) };
    }

    /// <inheritdoc/>
    public override bool BindsAsker => true;

    /// <inheritdoc/>
    internal override void Release(Disclosure.ReleaseBuilder builder) => new QuantilesDecisions(builder).Add();

    internal override Answer Answer(AnswerGroups groups, int[] listed) => new QuantilesAnswer(groups, (QuantilesClause)groups.Query.Query.Clause).Build(listed);
}
