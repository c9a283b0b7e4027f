using System.Globalization;

namespace PsiMessaging.Data.Types;

/// <summary>What reading a number found.</summary>
public enum NumberReading
{
    /// <summary>A number that fits exactly.</summary>
    Exact,
    /// <summary>A number with more digits after the point than the type keeps: rounded to the nearest, halves to even.</summary>
    Rounded,
    /// <summary>Not a number.</summary>
    NotANumber,
    /// <summary>NaN or an infinity.</summary>
    NotFinite,
    /// <summary>A number beyond the type's range.</summary>
    OutOfRange,
}

/// <summary>Numbers as whole units of a power of ten. Reads <c>-12</c>, <c>3.50</c>, <c>.5</c>, <c>1.2E-3</c>: a point, no thousands separators.</summary>
public static class FixedPoint
{
    private static readonly long[] Powers = [.. Enumerable.Range(0, 19).Select(power => (long)Math.Pow(10, power))];

    /// <summary>10 to a power of 0 to 18.</summary>
    public static long PowerOfTen(int power) => Powers[power];

    /// <summary>Reads a number into units of 10^-<paramref name="decimals"/>.</summary>
    /// <param name="text">The text; spaces around it are not accepted.</param>
    /// <param name="digits">Digits the units may have, 1 to 18.</param>
    /// <param name="decimals">Digits after the point that are kept, 0 to 9.</param>
    /// <param name="units">The number; 0 where it cannot be held.</param>
    public static NumberReading Read(ReadOnlySpan<char> text, int digits, int decimals, out long units)
    {
        units = 0;
        if (Scan(text, out var negative, out var whole, out var fraction, out var exponent) is var scanned and not NumberReading.Exact)
        {
            return scanned;
        }

        // The digits as one number, the point after so many of them.
        var point = whole.Length + exponent;
        var kept = point + decimals;
        var value = 0L;
        var (count, any, half, beyond) = (whole.Length + fraction.Length, false, 0, false);
        for (var i = 0; i < count; i++)
        {
            var digit = (i < whole.Length ? whole[i] : fraction[i - whole.Length]) - '0';
            any |= digit != 0;
            if (i < kept)
            {
                if (value >= PowerOfTen(17))
                {
                    return NumberReading.OutOfRange;
                }

                value = (value * 10) + digit;
            }
            else if (i == kept)
            {
                half = digit;
            }
            else
            {
                beyond |= digit != 0;
            }
        }

        for (var i = count; i < kept && value != 0; i++)
        {
            if (value >= PowerOfTen(17))
            {
                return NumberReading.OutOfRange;
            }

            value *= 10;
        }

        var exact = half == 0 && !beyond && !(kept < 0 && any);
        if (kept >= 0 && (half > 5 || (half == 5 && (beyond || (value & 1) == 1))))
        {
            value++;
        }

        if (value >= PowerOfTen(digits))
        {
            return NumberReading.OutOfRange;
        }

        units = negative ? -value : value;
        return exact ? NumberReading.Exact : NumberReading.Rounded;
    }

    /// <summary>Writes units of 10^-<paramref name="decimals"/> with all their digits: 350 with two is <c>3.50</c>.</summary>
    public static string Write(System.Numerics.BigInteger units, int decimals)
    {
        var digits = System.Numerics.BigInteger.Abs(units).ToString(CultureInfo.InvariantCulture);
        if (decimals > 0)
        {
            digits = digits.PadLeft(decimals + 1, '0');
            digits = digits[..^decimals] + "." + digits[^decimals..];
        }

        return units.Sign < 0 ? "-" + digits : digits;
    }

    /// <summary>The same without zeros at the end of the fraction: the form a label has.</summary>
    public static string WriteShort(long units, int decimals)
    {
        // Whole numbers, as most are, without the detour.
        var (whole, fraction) = Math.DivRem(units, PowerOfTen(decimals));
        return fraction == 0 ? whole.ToString(CultureInfo.InvariantCulture) : Write(units, decimals).TrimEnd('0');
    }

    /// <summary>Takes a number's text apart.</summary>
    internal static NumberReading Scan(ReadOnlySpan<char> text, out bool negative,
        out ReadOnlySpan<char> whole, out ReadOnlySpan<char> fraction, out int exponent)
    {
        negative = text.Length > 0 && text[0] == '-';
        var rest = text.Length > 0 && text[0] is '-' or '+' ? text[1..] : text;
        whole = fraction = default;
        exponent = 0;
        if (rest.Length > 0 && rest[0] is 'N' or 'n' or 'I' or 'i' or '∞'
            && (rest.Equals("NaN", StringComparison.OrdinalIgnoreCase) || rest.Equals("Infinity", StringComparison.OrdinalIgnoreCase)
                || rest.Equals("inf", StringComparison.OrdinalIgnoreCase) || rest is "∞"))
        {
            return NumberReading.NotFinite;
        }

        var end = AsciiDigits.FirstOther(rest);
        whole = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[end..];
        if (rest.Length > 0 && rest[0] == '.')
        {
            rest = rest[1..];
            end = AsciiDigits.FirstOther(rest);
            fraction = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[end..];
        }

        if (whole.Length + fraction.Length == 0)
        {
            return NumberReading.NotANumber;
        }

        if (rest.Length > 0 && rest[0] is 'e' or 'E' && rest.Length is >= 2 and <= 6
            && int.TryParse(rest[1..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent))
        {
            rest = default;
        }

        return rest.Length > 0 ? NumberReading.NotANumber : NumberReading.Exact;
    }
}
