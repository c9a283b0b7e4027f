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

    /// <inheritdoc/>
    public override bool BindsAsker => true;

    /// <summary>All counts of pairs of values, where every one of them may be shown, and what is left out of them.</summary>
    internal override void Release(Disclosure.ReleaseBuilder builder)
    {
        // Records without a value are in no cell of the table.
        var cells = Enumerable.Range(0, builder.Cells).Where(builder.HasEveryLabel).ToArray();
        var decisions = cells.Select(cell => builder.AtLeast(cell, builder.Query.Records)).ToList();
        var left = builder.Left(Enumerable.Range(0, builder.OwnGroups).Where(builder.HasOwnLabels), cells, builder.Query.Records);
        decisions.Add(builder.OthersSelect ? builder.AtLeast(left, builder.MinCell)
            : builder.Either(builder.AtLeast(left, 1), builder.AtLeast(left, builder.MinCell), builder.Always));
        decisions.Add(builder.AtLeast(builder.Sum(cells, builder.Query.Records), builder.MinCell));
        var all = builder.All(decisions);
        foreach (var cell in cells)
        {
            builder.Open(cell, Disclosure.ReleasePlan.Count, all, [builder.Query.Records]);
        }
    }

    internal override Answer Answer(AnswerGroups groups, int[] listed) => new IndependenceAnswer(groups).Build(listed);
}
