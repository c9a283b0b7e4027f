using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Regression;

/// <summary>Ordinary least squares from the normal equations.</summary>
public sealed class RegressionStatistic : Statistic
{
    /// <summary>The only one.</summary>
    public static RegressionStatistic Instance { get; } = new();

    private RegressionStatistic()
    {
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Words { get; } = ["ols"];

    /// <inheritdoc/>
    public override string Member => "ols";

    /// <inheritdoc/>
    public override string Title => "regression";

    /// <inheritdoc/>
    public override QueryKind Kind => QueryKind.Regression;

    /// <inheritdoc/>
    public override bool TakesBy => false;

    /// <inheritdoc/>
    public override bool CountsAlone => false;

    internal override Query Parse(QueryParser parser, string word)
    {
        var outcome = parser.Column();
        parser.ExpectSymbol("~", "`~` and the terms, for example ols(INCOME ~ AGE + C(SEX))");
        var terms = new List<Term>();
        do
        {
            if (parser.TakeClassTerm())
            {
                var grouping = parser.ParseGrouping();
                parser.ExpectSymbol(")", "`)`");
                terms.Add(new Term(grouping.Column, grouping));
            }
            else
            {
                terms.Add(new Term(parser.Column()));
            }
        }
        while (parser.TakeSymbol("+"));
        parser.ExpectSymbol(")", "`+` or `)`");
        return new Query { Clause = new RegressionClause(outcome, terms) };
    }

    internal override Query Read(JsonMember clause, Query common)
    {
        clause.Only("outcome", "terms");
        return common with { Clause = new RegressionClause(clause.Get("outcome").Text(), [.. clause.Get("terms").Items().Select(ReadTerm)]) };
    }

    private static Term ReadTerm(JsonMember term)
    {
        if (term.IsText)
        {
            return new Term(term.Text());
        }

        var grouping = QueryJson.ReadGrouping(term);
        return new Term(grouping.Column, grouping);
    }

    /// <inheritdoc/>
    public override void CheckSize(BoundQuery query, Func<BoundTerm, int> levels)
    {
        var count = 1 + query.Terms.Sum(term => term.Grouping is null ? 1L : Math.Max(0, levels(term) - 1));
        if (count > LeastSquares.MaximumCoefficients)
        {
            throw new QueryException(QueryException.TooManyGroups,
                $"the regression has {count:N0} coefficients, and {LeastSquares.MaximumCoefficients} is the most; take fewer terms or coarser classes");
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<Moment> Moments(BoundQuery query, Func<BoundTerm, int> levels) => new RegressionDesign(query, levels).Moments();

    /// <inheritdoc/>
    public override IEnumerable<Moment> MinimumMoments(BoundQuery query, Func<BoundTerm, int>? levels) =>
        RegressionDesign.SpreadMoments(query).Concat(levels is null ? [] : new RegressionDesign(query, levels).JointMoments());

    internal override IEnumerable<(ColumnName Column, Moment Sum)> MagnitudeSums(BoundQuery query) => RegressionDesign.Magnitudes(query);

    internal override void Release(Disclosure.ReleaseBuilder builder) => new RegressionDecisions(builder).Add();

    internal override Answer Answer(AnswerGroups groups, int[] listed) => new RegressionAnswer(groups, listed).Build();
}
