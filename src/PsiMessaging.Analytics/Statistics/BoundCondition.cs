using PsiMessaging.Analytics.Queries;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Analytics.Statistics;

/// <summary>
/// A condition whose columns are resolved and whose values fit their types. A comparison with a missing value is neither true nor false, as in SQL, and a
/// record for which the whole is not true does not count.
/// </summary>
public sealed class BoundCondition
{
    private readonly QuerySchema _schema;

    /// <param name="condition">One of the conditions that must all hold.</param>
    /// <param name="schema">Both parties' columns.</param>
    /// <exception cref="QueryException">An unknown column, or a value that does not fit its column's type.</exception>
    public BoundCondition(Condition condition, QuerySchema schema)
    {
        (Condition, _schema) = (condition, schema);
        Columns = [.. ColumnsOf(condition).Select(schema.Resolve).Distinct()];
        Check(condition);
    }

    /// <summary>The condition.</summary>
    public Condition Condition { get; }

    /// <summary>Its columns, each once.</summary>
    public IReadOnlyList<ColumnName> Columns { get; }

    /// <summary>The only party whose columns it names, or null where it joins columns of both.</summary>
    public string? Party => Columns.Select(column => column.Party).Distinct().ToArray() is [var one] ? one : null;

    /// <summary>Makes the condition ready to be asked for rows of the party that has all its columns.</summary>
    /// <param name="place">Place of a column among the values of a row.</param>
    /// <param name="labels">Texts of a text column, by code.</param>
    /// <returns>For the values of a chunk and a row: true, false, or null for unknown.</returns>
    public Func<IReadOnlyList<long[]>, int, bool?> Compile(Func<ColumnName, int> place, Func<ColumnName, IReadOnlyList<string>> labels) =>
        Compile(Condition, place, labels);

    private Func<IReadOnlyList<long[]>, int, bool?> Compile(Condition condition, Func<ColumnName, int> place, Func<ColumnName, IReadOnlyList<string>> labels)
    {
        switch (condition)
        {
            case And and:
                var (leftAnd, rightAnd) = (Compile(and.Left, place, labels), Compile(and.Right, place, labels));
                return (values, row) => leftAnd(values, row) is var left
                    && left == false ? false : rightAnd(values, row) is var right && right == false ? false : left is null || right is null ? null : true;
            case Or or:
                var (leftOr, rightOr) = (Compile(or.Left, place, labels), Compile(or.Right, place, labels));
                return (values, row) => leftOr(values, row) is var left
                    && left == true ? true : rightOr(values, row) is var right && right == true ? true : left is null || right is null ? null : false;
            case Not not:
                var inner = Compile(not.Inner, place, labels);
                return (values, row) => !inner(values, row);
            case IsMissing missing:
                var at = place(_schema.Resolve(missing.Column));
                return (values, row) => values[at][row] == Data.Datasets.AlignedRows.Missing;
            case Membership membership:
                return OneOf(membership.Column, membership.Values, place, labels);
            case Comparison { Operator: "=" } equal:
                return OneOf(equal.Column, [equal.Value], place, labels);
            case Comparison { Operator: "!=" } unequal:
                var same = OneOf(unequal.Column, [unequal.Value], place, labels);
                return (values, row) => !same(values, row);
            case Comparison comparison:
                return Ordered(comparison, place);
            default:
                throw new ArgumentOutOfRangeException(nameof(condition));
        }
    }

    private Func<IReadOnlyList<long[]>, int, bool?> OneOf(string name, IReadOnlyList<Literal> literals,
        Func<ColumnName, int> place, Func<ColumnName, IReadOnlyList<string>> labels)
    {
        var column = _schema.Resolve(name);
        var type = _schema.TypeOf(column);
        HashSet<long> wanted;
        if (type.IsNumber)
        {
            // A number with more digits than the type keeps equals none of its values.
            wanted = [.. literals.Select(literal => literal.Number!.Value * FixedPoint.PowerOfTen(type.Decimals))
                .Where(units => units == Math.Floor(units) && Math.Abs(units) < type.Limit).Select(units => (long)units)];
        }
        else
        {
            var texts = literals.Select(literal => _schema.FormOf(literal.Text!)).ToHashSet(StringComparer.Ordinal);
            wanted = [.. labels(column).Select((label, code) => (label, code)).Where(entry => texts.Contains(entry.label)).Select(entry => (long)entry.code)];
        }

        var at = place(column);
        return (values, row) => values[at][row] is var value && value == Data.Datasets.AlignedRows.Missing ? null : wanted.Contains(value);
    }

    private Func<IReadOnlyList<long[]>, int, bool?> Ordered(Comparison comparison, Func<ColumnName, int> place)
    {
        var column = _schema.Resolve(comparison.Column);
        var type = _schema.TypeOf(column);
        var at = place(column);
        var bound = Math.Clamp(comparison.Value.Number!.Value, -1_000_000_000_000_000_000m / FixedPoint.PowerOfTen(type.Decimals),
            1_000_000_000_000_000_000m / FixedPoint.PowerOfTen(type.Decimals)) * FixedPoint.PowerOfTen(type.Decimals);
        var (floor, ceiling) = ((long)Math.Floor(bound), (long)Math.Ceiling(bound));
        Func<long, bool> holds = comparison.Operator switch
        {
            "<" => value => value < ceiling,
            "<=" => value => value <= floor,
            ">" => value => value > floor,
            _ => value => value >= ceiling,
        };
        return (values, row) => values[at][row] is var value && value == Data.Datasets.AlignedRows.Missing ? null : holds(value);
    }

    private void Check(Condition condition)
    {
        switch (condition)
        {
            case And and:
                Check(and.Left);
                Check(and.Right);
                break;
            case Or or:
                Check(or.Left);
                Check(or.Right);
                break;
            case Not not:
                Check(not.Inner);
                break;
            case Comparison comparison:
                CheckValue(comparison.Column, comparison.Value, comparison.Operator is not ("=" or "!="));
                break;
            case Membership membership:
                foreach (var value in membership.Values)
                {
                    CheckValue(membership.Column, value, false);
                }

                break;
        }
    }

    private void CheckValue(string name, Literal value, bool ordered)
    {
        var type = _schema.TypeOf(_schema.Resolve(name));
        if (type.IsNumber && value.Number is null)
        {
            throw new QueryException(QueryException.WrongType, $"{name} is {type}, and '{value.Text}' is a text: write the number without quotes");
        }

        if (!type.IsNumber && (ordered || value.Number is not null))
        {
            throw new QueryException(QueryException.WrongType, ordered
                ? $"{name} is text, which has no order: compare it with =, != or in"
                : $"{name} is text: write its value in single quotes, '{QueryText.Number(value.Number!.Value)}'");
        }
    }

    /// <summary>Columns that a condition names, as written.</summary>
    public static IEnumerable<string> ColumnsOf(Condition condition) => condition switch
    {
        And and => ColumnsOf(and.Left).Concat(ColumnsOf(and.Right)),
        Or or => ColumnsOf(or.Left).Concat(ColumnsOf(or.Right)),
        Not not => ColumnsOf(not.Inner),
        Comparison comparison => [comparison.Column],
        Membership membership => [membership.Column],
        IsMissing missing => [missing.Column],
        _ => [],
    };
}
