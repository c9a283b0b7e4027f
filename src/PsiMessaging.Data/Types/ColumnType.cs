using System.Globalization;
using System.Text.RegularExpressions;

namespace PsiMessaging.Data.Types;

/// <summary>What a column's values are.</summary>
public enum ColumnKind
{
    /// <summary>Text: can be grouped by and compared for equality.</summary>
    Text,
    /// <summary>Whole numbers.</summary>
    Integer,
    /// <summary>Numbers with a fixed number of digits after the point.</summary>
    Decimal,
}

/// <summary>
/// A column's type: <c>text</c>, <c>integer(D)</c> or <c>decimal(D,S)</c>. A number is held in fixed point as a whole number of units of 10^-S, and its
/// units are below 10^D in magnitude. So <c>decimal(11,2)</c> holds amounts up to 999,999,999.99 exactly.
/// </summary>
/// <param name="Kind">What the values are.</param>
/// <param name="Digits">Digits in all, 1 to 18; 0 for text.</param>
/// <param name="Decimals">Digits after the point, 0 to 9 and at most <paramref name="Digits"/>.</param>
public sealed partial record ColumnType(ColumnKind Kind, int Digits = 0, int Decimals = 0)
{
    /// <summary>Digits a number has when nothing else is said.</summary>
    public const int DefaultDigits = 11;
    /// <summary>Most digits: what fits 64 bits with a sign.</summary>
    public const int MaximumDigits = 18;
    /// <summary>Most digits after the point.</summary>
    public const int MaximumDecimals = 9;

    /// <summary>The type <c>text</c>.</summary>
    public static ColumnType Text { get; } = new(ColumnKind.Text);

    /// <summary>Whether values are numbers.</summary>
    public bool IsNumber => Kind != ColumnKind.Text;

    /// <summary>Every value's units are below this in magnitude.</summary>
    public long Limit => FixedPoint.PowerOfTen(Digits);

    /// <summary>Reads a type as it is written on the command line and on the wire; null when it is none.</summary>
    public static ColumnType? TryParse(string text)
    {
        var match = Pattern().Match(text);
        if (!match.Success)
        {
            return null;
        }

        if (match.Groups["text"].Success)
        {
            return Text;
        }

        var isDecimal = match.Groups["kind"].ValueSpan.Equals("decimal", StringComparison.OrdinalIgnoreCase);
        var digits = match.Groups["digits"].Success ? int.Parse(match.Groups["digits"].ValueSpan, CultureInfo.InvariantCulture) : DefaultDigits;
        var decimals = match.Groups["decimals"].Success ? int.Parse(match.Groups["decimals"].ValueSpan, CultureInfo.InvariantCulture) : isDecimal ? 2 : 0;
        var type = new ColumnType(isDecimal ? ColumnKind.Decimal : ColumnKind.Integer, digits, decimals);
        return digits is >= 1 and <= MaximumDigits && decimals <= Math.Min(MaximumDecimals, digits) && (isDecimal || decimals == 0) ? type : null;
    }

    /// <inheritdoc/>
    public override string ToString() => Kind switch
    {
        ColumnKind.Integer => $"integer({Digits})",
        ColumnKind.Decimal => $"decimal({Digits},{Decimals})",
        _ => "text",
    };

    [GeneratedRegex(@"^(?<text>text)$|^(?<kind>integer|decimal)(\((?<digits>[0-9]{1,2})(,(?<decimals>[0-9]))?\))?$",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pattern();
}
