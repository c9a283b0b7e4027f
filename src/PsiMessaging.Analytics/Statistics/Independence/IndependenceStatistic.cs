using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Independence;

/// <summary>Pearson's test of independence of two groupings, with Cramér's V.</summary>
public sealed class IndependenceStatistic : Statistic
{
    /// <summary>The only one.</summary>
    public static IndependenceStatistic Instance { get; } = new();

    private IndependenceStatistic()
    {
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Words { get; } = ["chisq"];

    /// <inheritdoc/>
    public override string Member => "chisq";

    /// <inheritdoc/>
    public override string Title => "test of independence";

    /// <inheritdoc/>
    public override QueryKind Kind => QueryKind.ChiSquare;

    /// <inheritdoc/>
    public override bool TakesBy => false;

    /// <inheritdoc/>
    public override bool TakesWeight => false;

    internal override Query Parse(QueryParser parser, string word)
    {
        var two = parser.Groupings();
        parser.ExpectSymbol(")", "`)`");
        QueryParser.Refuse(two.Count != 2, "chisq takes two columns, for example chisq(SEX, CLASSE_REDDITO)");
        return new Query { Clause = new IndependenceClause(), By = two };
    }

    internal override Query Read(JsonMember clause, Query common)
    {
        var two = clause.Items().Select(QueryJson.ReadGrouping).ToArray();
        return two.Length == 2 ? common with { Clause = new IndependenceClause(), By = two } : throw clause.Wrong("takes two columns");
    }

    internal override Answer Answer(AnswerGroups groups, int[] listed) => new IndependenceAnswer(groups).Build(listed);
}
