using System.Globalization;
using System.Text.RegularExpressions;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Analytics.Statistics.Measures;

namespace PsiMessaging.Analytics.Queries;

/// <summary>Writes queries in the language: what it writes reads back as the same query.</summary>
public static partial class QueryText
{
    private static readonly HashSet<string> Reserved = new(
        [
            "by", "where", "weight", "with", "totals", "in", "as", "and", "or", "not", "is", "missing", "null", "between", "to", "step", "C",
            .. StatisticRegistry.All.SelectMany(statistic => statistic.Words), .. MeasureFunctions.All.Select(function => function.Name),
        ],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>A number as people write it.</summary>
    public static string Number(decimal number) => number.ToString("0.############################", CultureInfo.InvariantCulture);

    /// <summary>The query in one line.</summary>
    public static string Write(Query query) => query.Clause.Write(query)
        + (query.By.Count > 0 && query.Statistic.TakesBy ? $" by {string.Join(", ", query.By.Select(Write))}" : "")
        + (query.Where is null ? "" : $" where {Write(query.Where)}")
        + (query.Weight is null ? "" : $" weight {Name(query.Weight)}")
        + (query.Totals ? " with totals" : "");

    /// <summary>A measure in the language.</summary>
    internal static string Write(Measure measure) =>
        measure.Columns.Count == 0 ? measure.Function.Name : $"{measure.Function.Name}({string.Join(", ", measure.Columns.Select(Name))})";

    /// <summary>A condition in the language.</summary>
    public static string Write(Condition condition) => condition switch
    {
        And { Left: var left, Right: var right } => $"{Inner(left)} and {Inner(right)}",
        Or { Left: var left, Right: var right } => $"{Inner(left)} or {Inner(right)}",
        Not { Inner: IsMissing inner } => $"{Name(inner.Column)} is not missing",
        Not { Inner: var inner } => $"not ({Write(inner)})",
        Comparison comparison => $"{Name(comparison.Column)} {comparison.Operator} {Write(comparison.Value)}",
        Membership membership => $"{Name(membership.Column)} in ({string.Join(", ", membership.Values.Select(Write))})",
        IsMissing missing => $"{Name(missing.Column)} is missing",
        _ => throw new ArgumentOutOfRangeException(nameof(condition)),
    };

    private static string Inner(Condition condition) => condition is And or Or ? $"({Write(condition)})" : Write(condition);

    private static string Write(Literal literal) => literal.Number is { } number ? Number(number) : Quote(literal.Text!);

    internal static string Write(Bins bins) => $"{Number(bins.From)} to {Number(bins.To)} step {Number(bins.Step)}";

    internal static string Write(Term term) => term.Grouping is { } grouping ? $"C({Write(grouping)})" : Name(term.Column);

    internal static string Write(Grouping grouping) =>
        Name(grouping.Column) + (grouping.Categories is { } categories ? $" in {string.Join(", ", categories.Select(Write))}" : "");

    private static string Write(Category category) =>
        (category.Values is { } values ? $"({string.Join(", ", values.Select(Quote))})"
            : category.To is null ? $"{Number(category.From!.Value)}+"
            : category.From is null ? $"..{Number(category.To.Value)}"
            : category.From == category.To ? Number(category.From.Value)
            : $"{Number(category.From.Value)}..{Number(category.To.Value)}")
        + (category.Label is { } label ? $" as {Name(label)}" : "");

    private static string Quote(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>A name, in double quotes where it needs them.</summary>
    public static string Name(string name) =>
        Plain().IsMatch(name) && !Reserved.Contains(name) ? name : $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    [GeneratedRegex(@"^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}_][\p{L}\p{N}_]*)?$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Plain();
}
