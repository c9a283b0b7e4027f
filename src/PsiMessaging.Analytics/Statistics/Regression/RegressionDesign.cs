using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics.Regression;

/// <summary>A column of a regression's design.</summary>
/// <param name="Term">Its term; null for the constant.</param>
/// <param name="Level">Level of a class term, from 1; level 0 is the reference.</param>
internal sealed record DesignColumn(BoundTerm? Term, int? Level);

/// <summary>The design of a regression, and the sums that its normal equations are made of.</summary>
internal sealed class RegressionDesign
{
    private readonly BoundQuery _query;

    /// <param name="query">The query.</param>
    /// <param name="levels">Number of levels of each class term, by term.</param>
    public RegressionDesign(BoundQuery query, Func<BoundTerm, int> levels)
    {
        _query = query;
        Columns =
        [
            new DesignColumn(null, null),
            .. query.Terms.SelectMany(term => term.Grouping is null
                ? [new DesignColumn(term, null)]
                : Enumerable.Range(1, Math.Max(0, levels(term) - 1)).Select(level => new DesignColumn(term, level))),
        ];
    }

    /// <summary>The constant, then each term, a class term with one column for each level but its first.</summary>
    public IReadOnlyList<DesignColumn> Columns { get; }

    /// <summary>Columns that a regression needs values of.</summary>
    public static IEnumerable<ColumnName> Needed(BoundQuery query) => query.Terms.Select(term => term.Column).Append(query.Outcome!);

    /// <summary>Numbers that a column of the design, or the outcome, is about.</summary>
    public static IEnumerable<ColumnName> Numbers(BoundQuery query) =>
        query.Terms.Where(term => term.Grouping is null).Select(term => term.Column).Append(query.Outcome!);

    /// <summary>Number of complete records.</summary>
    public Moment CompleteRecords => _query.RecordsWith(Needed(_query));

    /// <summary>Number of complete records in which a column differs from its most frequent value.</summary>
    public Moment RecordsDifferent(ColumnName column) => _query.RecordsDifferent(Needed(_query), column);

    /// <summary>Number of complete records at a level of a class term.</summary>
    public Moment RecordsAt(DesignColumn column) => CompleteRecords.Times(new Moment([], [], [(column.Term!.Column, column.Level!.Value)]));

    /// <summary>Number of complete records at these levels, of 1 and above, in which each of some columns differs from its most frequent value.</summary>
    public Moment RecordsAt(IEnumerable<(ColumnName Column, int Level)> levels, IEnumerable<ColumnName> different) =>
        CompleteRecords.Times(new Moment([], [], levels, different));

    /// <summary>Weighted sum over complete records of the product of two columns of the design; null stands for the outcome.</summary>
    public Moment Product(DesignColumn? left, DesignColumn? right)
    {
        var complete = new Moment([], Needed(_query).Concat(_query.WeightColumns));
        return Factor(left).Times(Factor(right)).Times(complete).Times(_query.Sum([]));
    }

    private Moment Factor(DesignColumn? column) => column switch
    {
        null => new Moment([(_query.Outcome!, 1)], []),
        { Term: null } => new Moment([], []),
        { Term: { } term, Level: { } level } => new Moment([], [], [(term.Column, level)]),
        { Term: { } term } => new Moment([(term.Column, 1)], []),
    };

    /// <summary>Every sum the regression follows from.</summary>
    public IEnumerable<Moment> Moments()
    {
        var columns = Columns.Append(null).ToArray();
        return columns.SelectMany((left, i) => columns.Skip(i).Select(right => Product(left, right))).Append(CompleteRecords).Append(_query.Records)
            .Concat(Columns.Where(column => column.Level is not null).Select(RecordsAt)).Where(moment => !moment.IsZero).Distinct();
    }

    /// <summary>The sums of each number of the normal equations, those with the constant.</summary>
    public static IEnumerable<(ColumnName Column, Moment Sum)> Magnitudes(BoundQuery query)
    {
        var design = new RegressionDesign(query, _ => 0);
        return design.Columns.Where(column => column is { Term: not null, Level: null }).Select(column => (column.Term!.Column, design.Product(
            design.Columns[0], column))).Append((query.Outcome!, design.Product(design.Columns[0], null)));
    }

    /// <summary>How many complete records differ in each number, and in the weight.</summary>
    public static IEnumerable<Moment> SpreadMoments(BoundQuery query) =>
        Numbers(query).Concat(query.WeightColumns).Select(column => query.RecordsDifferent(Needed(query), column));

    /// <summary>The same for every two columns of the design, or one and the outcome, which the normal equations multiply, and the weight.</summary>
    public IEnumerable<Moment> JointMoments()
    {
        var columns = Columns.Append(null).ToArray();
        return columns.SelectMany((left, i) => columns.Skip(i + 1).Select(right => new[] { left, right })).SelectMany(pair =>
        {
            var levels = pair.Where(column => column?.Level is not null).Select(column => (column!.Term!.Column, column.Level!.Value)).ToArray();
            var numbers = pair.Where(column => column is null or { Term: not null, Level: null })
                .Select(column => column is null ? _query.Outcome! : column.Term!.Column)
                .Concat(_query.WeightColumns).Distinct().ToArray();
            return BoundQuery.Subsets(numbers).Select(different => RecordsAt(levels, different));
        }).Where(moment => !moment.IsZero);
    }
}
