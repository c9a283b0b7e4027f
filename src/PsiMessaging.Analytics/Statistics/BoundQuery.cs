using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Statistics;

/// <summary>
/// A query whose names are resolved and whose types are checked, with the sums that answer it. Both parties derive the same from the same text and the same
/// announced columns.
/// </summary>
public sealed class BoundQuery
{
    private readonly ColumnName[] _base;

    /// <param name="query">The query.</param>
    /// <param name="schema">Both parties' columns.</param>
    /// <exception cref="QueryException">A column of neither or both parties, a statistic on texts, a range of texts, a condition that cannot hold its types.</exception>
    public BoundQuery(Query query, QuerySchema schema)
    {
        (Query, Schema) = (query, schema);
        Groupings = [.. query.AllGroupings.Select(grouping => new BoundGrouping(grouping, schema))];
        if (Groupings.GroupBy(grouping => grouping.Column).FirstOrDefault(group => group.Count() > 1) is { } repeated)
        {
            throw new QueryException(QueryException.BadQuery, $"the query names the column {repeated.Key.Name} twice");
        }

        if (query.Totals && Groupings.Count > 4)
        {
            throw new QueryException(QueryException.BadQuery, $"totals are given for up to 4 groupings, not for {Groupings.Count}");
        }

        Weight = query.Weight is null ? null : Number(query.Weight, "weight");
        if (Weight is not null && query.Kind is QueryKind.ChiSquare)
        {
            throw new QueryException(QueryException.BadQuery, "a test of independence counts records; it takes no weight");
        }

        _base = Weight is null ? [] : [Weight];
        Measures = [.. query.Measures.Select(measure => (measure, measure.Columns.Select(name => Number(name, measure.Function)).ToArray()))];
        Where = query.Where is null ? [] : [.. Conjuncts(query.Where).Select(condition => new BoundCondition(condition, schema))];
        if (query.Kind == QueryKind.Regression)
        {
            Outcome = Number(query.Outcome!, "ols");
            Terms = [.. query.Terms.Select(term => term.Grouping is { } grouping ? new BoundTerm(schema.Resolve(term.Column), new BoundGrouping(grouping, schema)) : new BoundTerm(Number(term.Column, "ols"), null))];
            if (Terms.Select(term => term.Column).Append(Outcome).GroupBy(column => column).FirstOrDefault(group => group.Count() > 1) is { } twice)
            {
                throw new QueryException(QueryException.BadQuery, $"the regression names the column {twice.Key.Name} twice");
            }
        }
    }

    /// <summary>The query.</summary>
    public Query Query { get; }
    /// <summary>Both parties' columns.</summary>
    public QuerySchema Schema { get; }
    /// <summary>Groupings in the order of the answer's columns.</summary>
    public IReadOnlyList<BoundGrouping> Groupings { get; }
    /// <summary>Measures with their columns.</summary>
    public IReadOnlyList<(Measure Measure, ColumnName[] Columns)> Measures { get; }
    /// <summary>Conditions that must all hold.</summary>
    public IReadOnlyList<BoundCondition> Where { get; }
    /// <summary>Column of weights.</summary>
    public ColumnName? Weight { get; }
    /// <summary>Regression: what is explained.</summary>
    public ColumnName? Outcome { get; }
    /// <summary>Regression: by what.</summary>
    public IReadOnlyList<BoundTerm> Terms { get; } = [];

    /// <summary>Number of records: those with a weight, where there is one.</summary>
    public Moment Records => new([], _base);

    /// <summary>Number of records in which these columns have values too.</summary>
    public Moment RecordsWith(params IEnumerable<ColumnName> columns) => new([], _base.Concat(columns));

    /// <summary>Sum of the product of columns (each as often as it is named) over the records in which they and <paramref name="valid"/> have values, weighted where there are weights.</summary>
    public Moment Sum(IEnumerable<ColumnName> product, params IEnumerable<ColumnName> valid) => new(_base.Concat(product).Select(column => (column, 1)), _base.Concat(valid));

    /// <summary>Number of records in which these columns have values and each of some differs from its most frequent value.</summary>
    public Moment RecordsDifferent(IEnumerable<ColumnName> columns, params IEnumerable<ColumnName> different) => new([], _base.Concat(columns), null, different);

    /// <summary>Numbers that a column of a regression is about.</summary>
    public IEnumerable<ColumnName> RegressionNumbers => Terms.Where(term => term.Grouping is null).Select(term => term.Column).Append(Outcome!);

    /// <summary>Columns a regression needs values of.</summary>
    public IEnumerable<ColumnName> RegressionColumns => Terms.Select(term => term.Column).Append(Outcome!);

    /// <summary>
    /// The counts that a minimum cell size is held against, beside those the answer follows from. Columns that are multiplied are looked at together: a sum of products of two
    /// marks is a count of those that have both, however many have either.
    /// </summary>
    /// <param name="design">Regression: its design; without one the counts of single columns alone.</param>
    public IEnumerable<Moment> MinimumMoments(IReadOnlyList<DesignColumn>? design = null) => Query.Kind switch
    {
        QueryKind.Regression => RegressionNumbers.Concat(_base).Select(column => RecordsDifferent(RegressionColumns, column)).Concat(design is null ? [] : JointMoments(design)),
        QueryKind.Table => Measures.SelectMany(measure => Subsets([.. measure.Columns.Concat(_base).Distinct()]).Select(different => RecordsDifferent(measure.Columns, different))),
        _ => _base.Select(column => RecordsDifferent([], column)),
    };

    /// <summary>Counts of a party's own records, group by group, that it needs to see what follows by subtraction when it asks: its parts of <see cref="MinimumMoments"/>.</summary>
    /// <param name="party">The asking party.</param>
    /// <param name="levels">Number of levels of each of its class terms.</param>
    public IReadOnlyList<Moment> OwnMoments(string party, Func<BoundTerm, int> levels) =>
    [
        .. MinimumMoments(Query.Kind == QueryKind.Regression ? Design(term => term.Column.Party == party ? levels(term) : 0) : null).Select(moment => moment.Of(party)).Distinct(),
    ];

    /// <summary>Number of complete records of a regression at these levels, of 1 and above, in which each of some columns differs from its most frequent value.</summary>
    public Moment RecordsAt(IEnumerable<(ColumnName Column, int Level)> levels, IEnumerable<ColumnName> different) => CompleteRecords.Times(new Moment([], [], levels, different));

    /// <summary>The same for every two columns of a design, or one and the outcome, which the normal equations multiply, and the weight.</summary>
    private IEnumerable<Moment> JointMoments(IReadOnlyList<DesignColumn> design)
    {
        var columns = design.Append(null).ToArray();
        return columns.SelectMany((left, i) => columns.Skip(i + 1).Select(right => new[] { left, right })).SelectMany(pair =>
        {
            var levels = pair.Where(column => column?.Level is not null).Select(column => (column!.Term!.Column, column.Level!.Value)).ToArray();
            var numbers = pair.Where(column => column is null or { Term: not null, Level: null }).Select(column => column is null ? Outcome! : column.Term!.Column).Concat(_base).Distinct().ToArray();
            return Subsets(numbers).Select(different => RecordsAt(levels, different));
        }).Where(moment => !moment.IsZero);
    }

    /// <summary>Every choice of some of a few columns, none and all among them.</summary>
    public static IEnumerable<ColumnName[]> Subsets(ColumnName[] columns) =>
        Enumerable.Range(0, 1 << columns.Length).Select(set => columns.Where((_, i) => (set & (1 << i)) != 0).ToArray());

    /// <summary>Every sum the answer of a table follows from.</summary>
    public IReadOnlyList<Moment> TableMoments()
    {
        var moments = new List<Moment> { Records };
        foreach (var (measure, columns) in Measures)
        {
            moments.AddRange(measure.Function switch
            {
                "count" => [Sum([])],
                "sum" => [RecordsWith(columns), Sum(columns)],
                "mean" => [RecordsWith(columns), Sum([], columns), Sum(columns)],
                "var" or "sd" => [RecordsWith(columns), Sum([], columns), Sum(columns), Sum([columns[0], columns[0]])],
                "cov" => [RecordsWith(columns), Sum([], columns), Sum([columns[0]], columns), Sum([columns[1]], columns), Sum(columns)],
                _ => new[]
                {
                    RecordsWith(columns), Sum([], columns), Sum([columns[0]], columns), Sum([columns[1]], columns), Sum(columns),
                    Sum([columns[0], columns[0]], columns), Sum([columns[1], columns[1]], columns),
                },
            });
        }

        return [.. moments.Distinct()];
    }

    /// <summary>Number of coefficients of the design, from the numbers of levels alone: to be checked before a design is made.</summary>
    /// <exception cref="QueryException">More than <see cref="LeastSquares.MaximumCoefficients"/>.</exception>
    public void CheckDesign(Func<BoundTerm, int> levels)
    {
        var count = 1 + Terms.Sum(term => term.Grouping is null ? 1L : Math.Max(0, levels(term) - 1));
        if (count > LeastSquares.MaximumCoefficients)
        {
            throw new QueryException(QueryException.TooManyGroups, $"the regression has {count:N0} coefficients, and {LeastSquares.MaximumCoefficients} is the most; take fewer terms or coarser classes");
        }
    }

    /// <summary>The columns of a regression's design: the constant, then each term, a class term with one column for each level but its first.</summary>
    /// <param name="levels">Number of levels of each class term, by term.</param>
    public IReadOnlyList<DesignColumn> Design(Func<BoundTerm, int> levels) =>
    [
        new DesignColumn(null, null),
        .. Terms.SelectMany(term => term.Grouping is null ? [new DesignColumn(term, null)] : Enumerable.Range(1, Math.Max(0, levels(term) - 1)).Select(level => new DesignColumn(term, level))),
    ];

    /// <summary>Weighted sum over complete records of the product of two columns of the design; null stands for the outcome.</summary>
    public Moment Product(DesignColumn? left, DesignColumn? right)
    {
        var complete = new Moment([], Terms.Select(term => term.Column).Append(Outcome!).Concat(_base));
        return Factor(left).Times(Factor(right)).Times(complete).Times(Sum([]));
    }

    private Moment Factor(DesignColumn? column) =>
        column is null ? new Moment([(Outcome!, 1)], []) : column.Term is not { } term ? new Moment([], [])
        : column.Level is { } level ? new Moment([], [], [(term.Column, level)]) : new Moment([(term.Column, 1)], []);

    /// <summary>Number of complete records of a regression.</summary>
    public Moment CompleteRecords => RecordsWith(Terms.Select(term => term.Column).Append(Outcome!));

    /// <summary>Every sum a regression follows from.</summary>
    public IReadOnlyList<Moment> RegressionMoments(IReadOnlyList<DesignColumn> design)
    {
        var columns = design.Cast<DesignColumn?>().Append(null).ToArray();
        return
        [
            .. columns.SelectMany((left, i) => columns.Skip(i).Select(right => Product(left, right))).Append(CompleteRecords).Append(Records)
                .Concat(design.Where(column => column.Level is not null).Select(RecordsAt)).Where(moment => !moment.IsZero).Distinct(),
        ];
    }

    /// <summary>Number of complete records at a level of a class term.</summary>
    public Moment RecordsAt(DesignColumn column) => CompleteRecords.Times(new Moment([], [], [(column.Term!.Column, column.Level!.Value)]));

    private ColumnName Number(string name, string use)
    {
        var column = Schema.Resolve(name);
        return Schema.TypeOf(column).IsNumber ? column
            : throw new QueryException(QueryException.WrongType, $"{use}({name}): {column.Party}.{column.Name} is text, and {use} needs numbers; {column.Party} can set the type when it adds its dataset: --type {column.Name}=decimal");
    }

    private static IEnumerable<Condition> Conjuncts(Condition condition) => condition is And and ? Conjuncts(and.Left).Concat(Conjuncts(and.Right)) : [condition];
}

/// <summary>A term of a regression.</summary>
/// <param name="Column">Its column.</param>
/// <param name="Grouping">Set where it is a class term.</param>
public sealed record BoundTerm(ColumnName Column, BoundGrouping? Grouping);

/// <summary>A column of a regression's design.</summary>
/// <param name="Term">Its term; null for the constant.</param>
/// <param name="Level">Level of a class term, from 1; level 0 is the reference.</param>
public sealed record DesignColumn(BoundTerm? Term, int? Level);
