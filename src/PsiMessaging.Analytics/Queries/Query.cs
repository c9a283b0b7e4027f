using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Analytics.Statistics.Measures;

namespace PsiMessaging.Analytics.Queries;

/// <summary>
/// The form of an answer: what its picture goes by, and stored with it as a number. A statistic takes the form that its answers have
/// (<see cref="Statistic.Kind"/>).
/// </summary>
public enum QueryKind
{
    /// <summary>Measures, by groups.</summary>
    Table,
    /// <summary>Quantiles of a column from counts in agreed bins, by groups.</summary>
    Quantiles,
    /// <summary>Pearson's test of independence of two groupings.</summary>
    ChiSquare,
    /// <summary>Coefficients with their intervals.</summary>
    Regression,
}

/// <summary>A measure of a table: <c>count</c>, <c>mean</c> of one column, <c>cov</c> of two.</summary>
/// <param name="Function">What is measured.</param>
/// <param name="Columns">Columns as written: as many as the function takes.</param>
public sealed record Measure(MeasureFunction Function, IReadOnlyList<string> Columns)
{
    /// <summary>Heading of the measure: <c>mean(INCOME)</c>.</summary>
    public string Name => Columns.Count == 0 ? Function.Name : $"{Function.Name}({string.Join(", ", Columns)})";
}

/// <summary>One class of a recoded column: a range of numbers, or a set of values.</summary>
/// <param name="From">Lowest number; null for none.</param>
/// <param name="To">Highest number; null for none.</param>
/// <param name="ToIsOpen">Whether <paramref name="To"/> itself is outside: so in histograms.</param>
/// <param name="Values">Values instead of a range.</param>
/// <param name="Label">Name of the class; null takes one from its bounds or values.</param>
public sealed record Category(decimal? From, decimal? To, bool ToIsOpen, IReadOnlyList<string>? Values, string? Label)
{
    /// <summary>How the class is named in answers.</summary>
    public string Title => Label ?? (Values is not null ? string.Join(" | ", Values)
        : ToIsOpen ? $"[{QueryText.Number(From!.Value)}, {QueryText.Number(To!.Value)})"
        : To is null ? $"{QueryText.Number(From!.Value)}+"
        : From is null ? $"<= {QueryText.Number(To.Value)}"
        : From == To ? QueryText.Number(From.Value)
        : $"{QueryText.Number(From.Value)}{(From < 0 || To < 0 ? ".." : "-")}{QueryText.Number(To.Value)}");
}

/// <summary>A column to group by.</summary>
/// <param name="Column">As written.</param>
/// <param name="Categories">Its classes; null groups by its values as they are.</param>
public sealed record Grouping(string Column, IReadOnlyList<Category>? Categories = null)
{
    /// <summary>Class of values that are in none of the classes.</summary>
    public const string Other = "(other)";
}

/// <summary>A condition on columns.</summary>
public abstract record Condition;

/// <summary>Both hold.</summary>
public sealed record And(Condition Left, Condition Right) : Condition;

/// <summary>At least one holds.</summary>
public sealed record Or(Condition Left, Condition Right) : Condition;

/// <summary>It does not hold.</summary>
public sealed record Not(Condition Inner) : Condition;

/// <summary>A column compared with a value.</summary>
/// <param name="Column">As written.</param>
/// <param name="Operator"><c>=</c>, <c>!=</c>, <c>&lt;</c>, <c>&lt;=</c>, <c>&gt;</c> or <c>&gt;=</c>.</param>
/// <param name="Value">A number or a text.</param>
public sealed record Comparison(string Column, string Operator, Literal Value) : Condition;

/// <summary>A column is one of some values.</summary>
public sealed record Membership(string Column, IReadOnlyList<Literal> Values) : Condition;

/// <summary>A column has no value.</summary>
public sealed record IsMissing(string Column) : Condition;

/// <summary>A value in a query: exactly one of the two.</summary>
/// <param name="Number">A number.</param>
/// <param name="Text">A text.</param>
public sealed record Literal(decimal? Number, string? Text);

/// <summary>Bins of equal width, the last of which holds its upper end too where it is that of the whole.</summary>
/// <param name="From">Lower end of the first.</param>
/// <param name="To">Upper end of the last.</param>
/// <param name="Step">Width.</param>
public sealed record Bins(decimal From, decimal To, decimal Step)
{
    /// <summary>Most bins.</summary>
    public const int Maximum = 1000;

    /// <summary>
    /// The bins as classes, tried in order: below, <c>[from, from + step)</c>, …, the last with its upper end, above. So no value is lost.
    /// </summary>
    public IReadOnlyList<Category> Categories()
    {
        var count = (int)Math.Ceiling((To - From) / Step);
        return
        [
            new Category(null, From, true, null, $"< {QueryText.Number(From)}"),
            .. Enumerable.Range(0, count - 1).Select(i => new Category(From + (i * Step), From + ((i + 1) * Step), true, null, null)),
            new Category(From + ((count - 1) * Step), To, false, null, $"[{QueryText.Number(From + ((count - 1) * Step))}, {QueryText.Number(To)}]"),
            new Category(To, null, false, null, $"> {QueryText.Number(To)}"),
        ];
    }
}

/// <summary>A term on the right of a regression.</summary>
/// <param name="Column">As written.</param>
/// <param name="Grouping">Set when the column's values are classes, each with a coefficient of its own but the first.</param>
public sealed record Term(string Column, Grouping? Grouping = null);

/// <summary>A question as read: names are as written, nothing is resolved.</summary>
public sealed record Query
{
    /// <summary>Longest text in characters.</summary>
    public const int MaximumCharacters = 4000;
    /// <summary>Most columns to group by.</summary>
    public const int MaximumGroupings = 8;
    /// <summary>Most measures.</summary>
    public const int MaximumMeasures = 32;
    /// <summary>Most terms of a regression.</summary>
    public const int MaximumTerms = 32;

    /// <summary>What is said of a question with more.</summary>
    internal static string TooMuch { get; } = $"a query has {MaximumMeasures} measures or {MaximumTerms} terms at most";

    /// <summary>What is asked for.</summary>
    public required StatisticClause Clause { get; init; }
    /// <summary>Groupings, 0 to 8; the two of a test of independence.</summary>
    public IReadOnlyList<Grouping> By { get; init; } = [];
    /// <summary>Which records count; null for all.</summary>
    public Condition? Where { get; init; }
    /// <summary>Column of weights, or null.</summary>
    public string? Weight { get; init; }
    /// <summary>Whether totals are added.</summary>
    public bool Totals { get; init; }

    /// <summary>The statistic that is asked for.</summary>
    public Statistic Statistic => Clause.Statistic;

    /// <summary>The form of the answer.</summary>
    public QueryKind Kind => Statistic.Kind;

    /// <summary>Groupings with the bins of a histogram or of quantiles among them, as they are computed.</summary>
    public IReadOnlyList<Grouping> AllGroupings => Clause.Groupings(By);

    /// <summary>Reads a query: the language, or JSON where the text begins with a brace.</summary>
    /// <exception cref="QueryException">It cannot be read; the message points at the place.</exception>
    public static Query Parse(string text)
    {
        if (text.Length > MaximumCharacters)
        {
            throw new QueryException(QueryException.BadQuery, $"the query is longer than {MaximumCharacters:N0} characters");
        }

        try
        {
            return text.AsSpan().TrimStart().StartsWith("{") ? QueryJson.Parse(text) : new QueryParser(text).Parse();
        }
        catch (Exception exception) when (exception is OverflowException or InvalidOperationException or ArgumentException)
        {
            // Numbers no decimal holds, texts that are no Unicode.
            throw new QueryException(QueryException.BadQuery, "the query cannot be read: it has a number or a text that cannot be");
        }
    }
}
