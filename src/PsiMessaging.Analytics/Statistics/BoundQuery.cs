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
    /// <exception cref="QueryException">A column of neither or both parties, a statistic on texts, a range of texts, a condition that cannot hold its
    /// types.</exception>
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
        if (Weight is not null && !query.Statistic.TakesWeight)
        {
            throw new QueryException(QueryException.BadQuery, $"a {query.Statistic.Title} counts records; it takes no weight");
        }

        _base = Weight is null ? [] : [Weight];
        Measures = [.. query.Clause.Measures.Select(measure => (measure, measure.Columns.Select(name => Number(name, measure.Function.Name)).ToArray()))];
        Where = query.Where is null ? [] : [.. Conjuncts(query.Where).Select(condition => new BoundCondition(condition, schema))];
        if (query.Clause.Outcome is { } outcome)
        {
            var word = query.Statistic.Words[0];
            Outcome = Number(outcome, word);
            Terms = [.. query.Clause.Terms.Select(term => term.Grouping is { } grouping
                ? new BoundTerm(schema.Resolve(term.Column), new BoundGrouping(grouping, schema)) : new BoundTerm(Number(term.Column, word), null))];
            if (Terms.Select(term => term.Column).Append(Outcome).GroupBy(column => column).FirstOrDefault(group => group.Count() > 1) is { } twice)
            {
                throw new QueryException(QueryException.BadQuery, $"the {query.Statistic.Title} names the column {twice.Key.Name} twice");
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
    /// <summary>What is explained, where something is.</summary>
    public ColumnName? Outcome { get; }
    /// <summary>By what.</summary>
    public IReadOnlyList<BoundTerm> Terms { get; } = [];

    /// <summary>Number of records: those with a weight, where there is one.</summary>
    public Moment Records => new([], _base);

    /// <summary>Number of records in which these columns have values too.</summary>
    public Moment RecordsWith(params IEnumerable<ColumnName> columns) => new([], _base.Concat(columns));

    /// <summary>
    /// Sum of the product of columns (each as often as it is named) over the records in which they and <paramref name="valid"/> have values, weighted where
    /// there are weights.
    /// </summary>
    public Moment Sum(IEnumerable<ColumnName> product, params IEnumerable<ColumnName> valid) =>
        new(_base.Concat(product).Select(column => (column, 1)), _base.Concat(valid));

    /// <summary>Number of records in which these columns have values and each of some differs from its most frequent value.</summary>
    public Moment RecordsDifferent(IEnumerable<ColumnName> columns, params IEnumerable<ColumnName> different) =>
        new([], _base.Concat(columns), null, different);

    /// <summary>The weight, where there is one: every sum has it.</summary>
    public IReadOnlyList<ColumnName> WeightColumns => _base;

    /// <summary>Digits after the point of a sum of weights; 0 for a number of records.</summary>
    public int WeightDecimals => Weight is null ? 0 : Schema.TypeOf(Weight).Decimals;

    /// <summary>The bins of a statistic that has some, where they are a party's; null elsewhere.</summary>
    public BoundGrouping? BinsOf(string party) => Query.Statistic.LastGroupingIsBins && Groupings[^1].Column.Party == party ? Groupings[^1] : null;

    /// <summary>
    /// Every sum that the answer follows from and, under a minimum cell size, those it is held against. The order is that of the parties' matrices.
    /// </summary>
    /// <param name="levels">Number of levels of each class term.</param>
    /// <param name="minCell">The minimum cell size, 1 or more.</param>
    /// <exception cref="QueryException">The statistic cannot have so many levels.</exception>
    public IReadOnlyList<Moment> Moments(Func<BoundTerm, int> levels, int minCell)
    {
        // From the numbers alone, before anything of their size is made.
        Query.Statistic.CheckSize(this, levels);
        return [.. Query.Statistic.Moments(this, levels).Concat(minCell > 1 ? MinimumMoments(levels) : []).Distinct()];
    }

    /// <summary>
    /// The counts that a minimum cell size is held against, beside those the answer follows from. Columns that are multiplied are looked at together: a sum
    /// of products of two
    /// marks is a count of those that have both, however many have either.
    /// </summary>
    /// <param name="levels">Number of levels of each class term; without it the counts of single columns alone.</param>
    public IEnumerable<Moment> MinimumMoments(Func<BoundTerm, int>? levels = null) => Query.Statistic.MinimumMoments(this, levels);

    /// <summary>
    /// Counts of a party's own records, group by group, that it needs to see what follows by subtraction when it asks: its parts of
    /// <see cref="MinimumMoments"/>.
    /// </summary>
    /// <param name="party">The asking party.</param>
    /// <param name="levels">Number of levels of each of its class terms.</param>
    public IReadOnlyList<Moment> OwnMoments(string party, Func<BoundTerm, int> levels) =>
        [.. MinimumMoments(term => term.Column.Party == party ? levels(term) : 0).Select(moment => moment.Of(party)).Distinct()];

    /// <summary>Every choice of some of a few columns, none and all among them.</summary>
    public static IEnumerable<ColumnName[]> Subsets(ColumnName[] columns) =>
        Enumerable.Range(0, 1 << columns.Length).Select(set => columns.Where((_, i) => (set & (1 << i)) != 0).ToArray());

    private ColumnName Number(string name, string use)
    {
        var column = Schema.Resolve(name);
        return Schema.TypeOf(column).IsNumber ? column
            : throw new QueryException(QueryException.WrongType,
                $"{use}({name}): {column.Party}.{column.Name} is text, and {use} needs numbers; {column.Party} can set the type when it adds its dataset: "
                    + $"--type {column.Name}=decimal");
    }

    private static IEnumerable<Condition> Conjuncts(Condition condition) =>
        condition is And and ? Conjuncts(and.Left).Concat(Conjuncts(and.Right)) : [condition];
}

/// <summary>A term that explains an outcome.</summary>
/// <param name="Column">Its column.</param>
/// <param name="Grouping">Set where it is a class term.</param>
public sealed record BoundTerm(ColumnName Column, BoundGrouping? Grouping);
