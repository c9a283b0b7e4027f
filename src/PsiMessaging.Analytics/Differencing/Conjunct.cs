using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Analytics.Differencing;

/// <summary>
/// One of the conditions that must all hold, in a form in which the same condition is the same text however it was written. Numbers are in units of their
/// column's type, texts as columns hold them.
/// </summary>
/// <param name="Text">The form.</param>
/// <param name="Column">Where the condition is about the values of one column: which; else null.</param>
/// <param name="Values">Of such a one: the values that pass, in order; null where it is a range, or about missing values.</param>
/// <param name="From">Of a range: the lowest number that passes.</param>
/// <param name="To">Of a range: the highest.</param>
public sealed record Conjunct(string Text, string? Column = null, IReadOnlyList<string>? Values = null, long? From = null, long? To = null)
{
    /// <summary>The conjuncts of a condition.</summary>
    public static IEnumerable<Conjunct> Of(Condition condition, QuerySchema schema) => condition switch
    {
        And and => Of(and.Left, schema).Concat(Of(and.Right, schema)),
        Not { Inner: Not twice } => Of(twice.Inner, schema),
        Comparison { Operator: "=" } equal => [OneOf(schema.Resolve(equal.Column), [equal.Value], schema)],
        Comparison { Operator: "!=" } unequal => [Negated([OneOf(schema.Resolve(unequal.Column), [unequal.Value], schema)])],
        Comparison ordered => [Ordered(ordered, schema)],
        Membership membership => [OneOf(schema.Resolve(membership.Column), membership.Values, schema)],
        IsMissing missing => [Missing(schema.Resolve(missing.Column))],
        Not not => [Negated(Of(not.Inner, schema))],
        Or or => [new Conjunct(string.Join(" or ", Alternatives(or, schema).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)))],
        _ => throw new ArgumentOutOfRangeException(nameof(condition)),
    };

    /// <summary>A column has one of some values.</summary>
    public static Conjunct OneOf(ColumnName column, IEnumerable<string> values)
    {
        string[] sorted = [.. values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return new Conjunct($"{QueryText.Name(column.Name)} in ({string.Join(", ", sorted.Select(Quote))})", column.Name, sorted);
    }

    /// <summary>A column's number is in a range, ends included; null where the range has no end.</summary>
    public static IEnumerable<Conjunct> Between(ColumnName column, long? from, long? to)
    {
        var name = QueryText.Name(column.Name);
        if (from is not null)
        {
            yield return new Conjunct($"{name} >= {from}", column.Name, From: from);
        }

        if (to is not null)
        {
            yield return new Conjunct($"{name} <= {to}", column.Name, To: to);
        }
    }

    /// <summary>A column has no value.</summary>
    public static Conjunct Missing(ColumnName column) => new($"{QueryText.Name(column.Name)} is missing", column.Name);

    /// <summary>A number as its column's type holds it; the number itself where it cannot.</summary>
    public static string UnitsOf(decimal number, ColumnType type) => Math.Abs(number) < 1_000_000_000_000_000_000m / FixedPoint.PowerOfTen(type.Decimals)
        ? QueryText.Number(number * FixedPoint.PowerOfTen(type.Decimals)) : $"{QueryText.Number(number)}e{type.Decimals}";

    /// <summary>Lowest and highest units of a range of numbers.</summary>
    /// <param name="from">Lowest number, or null.</param>
    /// <param name="to">Highest, or null.</param>
    /// <param name="isFromOpen">Whether the lowest is outside.</param>
    /// <param name="isToOpen">Whether the highest is.</param>
    /// <param name="type">The column's type.</param>
    public static (long? From, long? To) Units(decimal? from, decimal? to, bool isFromOpen, bool isToOpen, ColumnType type)
    {
        var scale = (decimal)FixedPoint.PowerOfTen(type.Decimals);
        decimal Scaled(decimal bound) => Math.Clamp(bound, -1_000_000_000_000_000_000m / scale, 1_000_000_000_000_000_000m / scale) * scale;
        long? low = from is { } lowest ? isFromOpen ? (long)Math.Floor(Scaled(lowest)) + 1 : (long)Math.Ceiling(Scaled(lowest)) : null;
        long? high = to is { } highest ? isToOpen ? (long)Math.Ceiling(Scaled(highest)) - 1 : (long)Math.Floor(Scaled(highest)) : null;
        return (low, high);
    }

    /// <summary>Whether no record can pass both, whatever the data.</summary>
    public static bool Exclude(Conjunct one, Conjunct other) => one.Column is not null && one.Column == other.Column && (one, other) switch
    {
        ({ Values: { } values }, { Values: { } others }) => !values.Intersect(others, StringComparer.Ordinal).Any(),
        ({ Values: { } values }, { IsRange: true }) => values.All(value => !other.Holds(value)),
        ({ IsRange: true }, { Values: { } values }) => values.All(value => !one.Holds(value)),
        ({ IsRange: true }, { IsRange: true }) => one.To < other.From || other.To < one.From,
        _ => one.IsMissing != other.IsMissing,
    };

    /// <summary>The lines it draws through the numbers of its column.</summary>
    public IEnumerable<(string Column, long Line)> Lines
    {
        get
        {
            if (From is { } from)
            {
                yield return (Column!, from);
            }

            if (To is { } to)
            {
                yield return (Column!, to + 1);
            }
        }
    }

    /// <summary>The lines that a condition draws through numbers of columns, wherever they stand in it.</summary>
    public static IEnumerable<(string Column, long Line)> LinesOf(Condition condition, QuerySchema schema) => condition switch
    {
        And and => LinesOf(and.Left, schema).Concat(LinesOf(and.Right, schema)),
        Or or => LinesOf(or.Left, schema).Concat(LinesOf(or.Right, schema)),
        Not not => LinesOf(not.Inner, schema),
        Comparison { Operator: not ("=" or "!=") } ordered => Ordered(ordered, schema).Lines,
        _ => [],
    };

    private bool IsRange => From is not null || To is not null;

    private bool IsMissing => Column is not null && Values is null && !IsRange;

    private bool Holds(string units) => !decimal.TryParse(units, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture,
        out var number) || (!(number < From) && !(number > To));

    private static Conjunct OneOf(ColumnName column, IReadOnlyList<Literal> literals, QuerySchema schema) => OneOf(column,
        literals.Select(literal => literal.Number is { } number ? UnitsOf(number, schema.TypeOf(column)) : schema.FormOf(literal.Text!)));

    private static Conjunct Ordered(Comparison comparison, QuerySchema schema)
    {
        var column = schema.Resolve(comparison.Column);
        var (bound, isOpen) = (comparison.Value.Number!.Value, comparison.Operator.Length == 1);
        var isLower = comparison.Operator[0] == '>';
        var (from, to) = Units(isLower ? bound : null, isLower ? null : bound, isOpen, isOpen, schema.TypeOf(column));
        return Between(column, from, to).First();
    }

    private static Conjunct Negated(IEnumerable<Conjunct> conjuncts) => new($"not ({Joined(conjuncts)})");

    private static IEnumerable<string> Alternatives(Condition condition, QuerySchema schema) => condition is Or or
        ? Alternatives(or.Left, schema).Concat(Alternatives(or.Right, schema)) : [$"({Joined(Of(condition, schema))})"];

    private static string Joined(IEnumerable<Conjunct> conjuncts) =>
        string.Join(" and ", conjuncts.Select(conjunct => conjunct.Text).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));

    private static string Quote(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
