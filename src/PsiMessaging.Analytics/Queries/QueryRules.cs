namespace PsiMessaging.Analytics.Queries;

/// <summary>Rules that hold for a question however it came in.</summary>
internal static class QueryRules
{
    /// <exception cref="QueryException">It breaks one.</exception>
    public static Query Check(Query query)
    {
        static QueryException Bad(string message) => new(QueryException.BadQuery, message);
        if (query.By.Count > Query.MaximumGroupings)
        {
            throw Bad($"the query groups by {query.By.Count} columns; {Query.MaximumGroupings} is the most");
        }

        if (query.Clause.Bins is { } bins && (bins.Step <= 0 || bins.To <= bins.From || bins.Step * Bins.Maximum < bins.To - bins.From))
        {
            throw Bad($"bins go from a lower to a higher number in steps above 0, {Bins.Maximum:N0} bins at most");
        }

        if (query.AllGroupings.GroupBy(grouping => grouping.Column, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } repeated)
        {
            throw Bad($"the query names the column {repeated.Key} twice");
        }

        if (query.Clause.Fault is { } fault)
        {
            throw Bad(fault);
        }

        var classes = query.By.Concat(query.Clause.Terms.Select(term => term.Grouping).OfType<Grouping>()).ToArray();
        foreach (var category in classes.SelectMany(grouping => grouping.Categories ?? []))
        {
            if (category.From > category.To)
            {
                throw Bad($"the range {QueryText.Number(category.From.Value)}-{QueryText.Number(category.To.Value)} ends before it begins");
            }
        }

        foreach (var grouping in classes)
        {
            CheckClasses(grouping);
        }

        return query;
    }

    private static void CheckClasses(Grouping grouping)
    {
        var categories = grouping.Categories ?? [];
        if (categories.GroupBy(category => category.Title, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } same)
        {
            throw new QueryException(QueryException.BadQuery, $"two classes of {grouping.Column} are called {same.Key}");
        }

        CheckRanges(grouping.Column, [.. categories.Where(category => category.Values is null).OrderBy(category => category.From ?? decimal.MinValue)]);
        if (categories.SelectMany(category => category.Values ?? [])
            .GroupBy(value => value, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new QueryException(QueryException.BadQuery, $"the value '{twice.Key}' of {grouping.Column} is in two classes");
        }
    }

    /// <param name="column">As written.</param>
    /// <param name="ranges">In order.</param>
    private static void CheckRanges(string column, Category[] ranges)
    {
        for (var i = 1; i < ranges.Length; i++)
        {
            if (ranges[i - 1].To is not { } end || ranges[i].From is not { } start || end > start || (end == start && !ranges[i - 1].ToIsOpen))
            {
                throw new QueryException(QueryException.BadQuery, $"the classes {ranges[i - 1].Title} and {ranges[i].Title} of {column} overlap");
            }
        }
    }
}
