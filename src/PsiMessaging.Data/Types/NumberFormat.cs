namespace PsiMessaging.Data.Types;

/// <summary>How numbers are written: their decimal sign, and the sign between their thousands.</summary>
/// <param name="Decimal"><c>.</c> or <c>,</c>.</param>
/// <param name="Thousands"><c>.</c>, <c>,</c>, a blank (also a hard or narrow one), an apostrophe (also a curly one), or null for none.</param>
internal sealed record NumberFormat(char Decimal, char? Thousands = null)
{
    /// <summary>A point, and no thousands sign: how numbers are kept.</summary>
    public static NumberFormat Plain { get; } = new('.');

    /// <summary>All formats, plain first, then those with a point, then those with a comma; of each kind the one without thousands signs first.</summary>
    public static IReadOnlyList<NumberFormat> All { get; } = [Plain, new('.', ','),
        new('.', ' '), new('.', '\''), new(','), new(',', '.'), new(',', ' '), new(',', '\'')];

    /// <summary>Reads a number written so.</summary>
    /// <param name="text">Without blanks around it.</param>
    /// <param name="plain">Receives the number with a point and without thousands signs; as long as the text, plus one.</param>
    /// <param name="length">How long that is.</param>
    /// <param name="evidence">
    /// Whether the signs can mean nothing else: <c>1,200</c> may be twelve hundred or a little over one;
    /// <c>1,20</c>, <c>0,125</c>, <c>1.234.567</c> and <c>1.200,50</c> are sure.
    /// </param>
    public bool TryRead(ReadOnlySpan<char> text, Span<char> plain, out int length, out NumberEvidence evidence)
    {
        (length, evidence) = (0, NumberEvidence.None);
        var at = 0;
        if (text.Length > 0 && text[0] is '-' or '+' or '\u2212')
        {
            plain[length++] = text[0] == '+' ? '+' : '-';
            at++;
        }

        var (digits, groups, sinceSign, first) = (0, 0, 0, at < text.Length ? text[at] : ' ');
        for (; at < text.Length; at++)
        {
            if (char.IsAsciiDigit(text[at]))
            {
                plain[length++] = text[at];
                digits++;
                sinceSign++;
            }
            else if (Thousands is { } thousands && Is(text[at], thousands) && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1]))
            {
                if (groups == 0 ? sinceSign is < 1 or > 3 : sinceSign != 3)
                {
                    return false;
                }

                groups++;
                sinceSign = 0;
            }
            else
            {
                break;
            }
        }

        if (groups > 0 && sinceSign != 3)
        {
            return false;
        }

        var fraction = 0;
        var hasSign = at < text.Length && text[at] == Decimal;
        if (hasSign)
        {
            plain[length++] = '.';
            for (at++; at < text.Length && char.IsAsciiDigit(text[at]); at++)
            {
                plain[length++] = text[at];
                fraction++;
            }
        }

        if (digits + fraction == 0)
        {
            return false;
        }

        var exponent = at < text.Length && text[at] is 'e' or 'E';
        if (exponent)
        {
            // The exponent is the same in every format.
            var rest = text[at..];
            if (rest.Length is < 2 or > 6 || AsciiDigits.FirstOther(rest[1..].TrimStart("+-")) >= 0
                || !char.IsAsciiDigit(rest[^1]) || rest[1..].Length - rest[1..].TrimStart("+-").Length > 1)
            {
                return false;
            }

            rest.CopyTo(plain[length..]);
            length += rest.Length;
            at = text.Length;
        }

        if (at < text.Length)
        {
            return false;
        }

        var couldBeOther = fraction == 3 && digits is >= 1 and <= 3 && first != '0' && !exponent;
        evidence = groups > 1 || (groups == 1 && hasSign) || (hasSign && !couldBeOther && groups == 0) ? NumberEvidence.Sure
            : groups == 1 || hasSign ? NumberEvidence.Ambiguous : NumberEvidence.None;
        return true;
    }

    private static bool Is(char character, char sign) =>
        character == sign || (sign == ' ' && character is '\u00A0' or '\u202F') || (sign == '\'' && character == '\u2019');
}

/// <summary>What a number's signs say about the format of its column.</summary>
internal enum NumberEvidence
{
    /// <summary>It has none.</summary>
    None,
    /// <summary>One sign before three digits: thousands, or decimals.</summary>
    Ambiguous,
    /// <summary>They have one meaning only.</summary>
    Sure,
}
