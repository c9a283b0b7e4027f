using PsiMessaging.Analytics.Queries;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Analytics.Statistics;

/// <summary>A grouping on a column of known type: which class a value is in, what classes are called, and in which order they stand.</summary>
public sealed class BoundGrouping
{
    private readonly (long From, long To, HashSet<long>? Values)[] _numbers = [];
    private readonly Dictionary<string, int> _texts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _order = new(StringComparer.Ordinal);

    /// <param name="grouping">As written.</param>
    /// <param name="schema">Both parties' columns.</param>
    /// <exception cref="QueryException">The column is unknown, or its classes do not fit its type.</exception>
    public BoundGrouping(Grouping grouping, QuerySchema schema)
    {
        Grouping = grouping;
        Column = schema.Resolve(grouping.Column);
        Type = schema.TypeOf(Column);
        var categories = grouping.Categories ?? [];
        if (Type.IsNumber)
        {
            _numbers = [.. categories.Select(Bounds)];
        }
        else
        {
            if (categories.FirstOrDefault(category => category.Values is null) is { } range)
            {
                throw new QueryException(QueryException.WrongType,
                    $"{grouping.Column} is text, which has no ranges such as {range.Title}; name its values instead: {grouping.Column} in ('A', 'B') as X");
            }

            foreach (var (category, i) in categories.Select((category, i) => (category, i)))
            {
                foreach (var value in category.Values!)
                {
                    _texts.TryAdd(schema.FormOf(value), i);
                }
            }
        }

        // Ranges by their start, sets of values as they were written.
        Titles = [.. categories.Select(category => category.Title), Grouping.Other];
        var sorted = categories.Select((category, i) => (category, i))
            .OrderBy(entry => entry.category.Values is null ? entry.category.From ?? decimal.MinValue : decimal.MaxValue).ThenBy(entry => entry.i);
        foreach (var (entry, place) in sorted.Select((entry, place) => (entry, place)))
        {
            _order.TryAdd(entry.category.Title, place);
        }

        _order.TryAdd(Grouping.Other, int.MaxValue);
    }

    /// <summary>As written.</summary>
    public Grouping Grouping { get; }
    /// <summary>The column.</summary>
    public ColumnName Column { get; }
    /// <summary>Its type.</summary>
    public ColumnType Type { get; }
    /// <summary>Whether values are put into classes.</summary>
    public bool HasClasses => Grouping.Categories is not null;
    /// <summary>Names of the classes in the order written, then that of all other values.</summary>
    public IReadOnlyList<string> Titles { get; }
    /// <summary>Names of the classes in the order of the answer.</summary>
    public IEnumerable<string> TitlesInOrder => Titles.SkipLast(1).OrderBy(title => _order[title]);

    /// <summary>Class of a number; the last index means all others.</summary>
    public int ClassOf(long units)
    {
        for (var i = 0; i < _numbers.Length; i++)
        {
            var (from, to, values) = _numbers[i];
            if (values is null ? units >= from && units <= to : values.Contains(units))
            {
                return i;
            }
        }

        return _numbers.Length;
    }

    /// <summary>Class of a text; the last index means all others.</summary>
    public int ClassOf(string text) => _texts.TryGetValue(text, out var index) ? index : Titles.Count - 1;

    /// <summary>How a value is called in an answer.</summary>
    public string LabelOf(string text) => !Type.IsNumber ? HasClasses ? Titles[ClassOf(text)] : text
        : FixedPoint.Read(text.Trim(), Type.Digits, Type.Decimals, out var units) is NumberReading.Exact or NumberReading.Rounded ? LabelOf(units) : text;

    /// <summary>How a number is called in an answer.</summary>
    public string LabelOf(long units) => HasClasses ? Titles[ClassOf(units)] : FixedPoint.WriteShort(units, Type.Decimals);

    /// <summary>Order of two labels: classes as above, numbers as numbers, texts as people sort them; missing values last.</summary>
    public int Compare(string? left, string? right) => (left, right) switch
    {
        (null, null) => 0,
        (null, _) => 1,
        (_, null) => -1,
        _ when HasClasses => _order.GetValueOrDefault(left, int.MaxValue).CompareTo(_order.GetValueOrDefault(right, int.MaxValue)),
        _ when Type.IsNumber && FixedPoint.Read(left, Type.Digits, Type.Decimals, out var a) == NumberReading.Exact
            && FixedPoint.Read(right, Type.Digits, Type.Decimals, out var b) == NumberReading.Exact => a.CompareTo(b),
        _ => NaturalOrder.Compare(left, right),
    };

    private (long, long, HashSet<long>?) Bounds(Category category)
    {
        if (category.Values is { } values)
        {
            return (0, 0, [.. values.Select(value => FixedPoint.Read(value, Type.Digits, Type.Decimals, out var units) == NumberReading.Exact ? units
                : throw new QueryException(QueryException.WrongType, $"{Grouping.Column} is {Type}, and '{value}' is no such number"))]);
        }

        var scale = (decimal)FixedPoint.PowerOfTen(Type.Decimals);
        static decimal Clamped(decimal bound, decimal scale) =>
            Math.Clamp(bound, -1_000_000_000_000_000_000m / scale, 1_000_000_000_000_000_000m / scale) * scale;
        var from = category.From is { } low ? (long)Math.Ceiling(Clamped(low, scale)) : long.MinValue + 1;
        var to = long.MaxValue;
        if (category.To is { } high)
        {
            var units = Clamped(high, scale);
            to = (long)Math.Floor(units) - (category.ToIsOpen && units == Math.Floor(units) ? 1 : 0);
        }

        return (from, to, null);
    }
}

/// <summary>
/// Order of labels as people expect it: those that begin with a number (after &lt;, &gt;, ≤, ≥) by it, the others as text with numbers inside as numbers.
/// </summary>
public static class NaturalOrder
{
    /// <summary>Compares two labels.</summary>
    public static int Compare(string left, string right)
    {
        var (a, b) = (Leading(left), Leading(right));
        var order = (a, b) switch
        {
            ({ } x, { } y) => x.Number != y.Number ? x.Number.CompareTo(y.Number) : x.Rank.CompareTo(y.Rank),
            ({ }, null) => -1,
            (null, { }) => 1,
            _ => Texts(left, right),
        };
        return order != 0 ? order : string.CompareOrdinal(left, right);
    }

    private static (decimal Number, int Rank)? Leading(string label)
    {
        var text = label.AsSpan().Trim();
        var rank = 0;
        if (text.Length > 0 && text[0] is '<' or '>' or '≤' or '≥' or '[' or '(')
        {
            rank = text[0] switch { '<' or '≤' => -1, '>' => 1, _ => 0 };
            text = text[1..].TrimStart('=').TrimStart();
        }

        var end = 0;
        while (end < text.Length && (char.IsAsciiDigit(text[end]) || (end == 0 && text[0] == '-')
            || (text[end] == '.' && end > 0 && end + 1 < text.Length && char.IsAsciiDigit(text[end + 1]))))
        {
            end++;
        }

        return decimal.TryParse(text[..end], System.Globalization.NumberStyles.AllowLeadingSign
            | System.Globalization.NumberStyles.AllowDecimalPoint, System.Globalization.CultureInfo.InvariantCulture, out var number)
            ? (number, rank) : null;
    }

    private static int Texts(string left, string right)
    {
        int i = 0, j = 0;
        while (i < left.Length && j < right.Length)
        {
            int order;
            if (char.IsAsciiDigit(left[i]) && char.IsAsciiDigit(right[j]))
            {
                var a = Digits(left, ref i);
                var b = Digits(right, ref j);
                order = a.Length != b.Length ? a.Length.CompareTo(b.Length) : a.SequenceCompareTo(b);
            }
            else
            {
                order = char.ToUpperInvariant(left[i++]).CompareTo(char.ToUpperInvariant(right[j++]));
            }

            if (order != 0)
            {
                return order;
            }
        }

        return (left.Length - i).CompareTo(right.Length - j);
    }

    private static ReadOnlySpan<char> Digits(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            at++;
        }

        return text.AsSpan(start, at - start).TrimStart('0');
    }
}
