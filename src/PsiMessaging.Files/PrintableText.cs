using System.Text;

namespace PsiMessaging.Files;

/// <summary>
/// Texts that come out of somebody's data, made harmless for what shows them. A terminal obeys escape sequences, a spreadsheet takes a cell that begins with
/// <c>=</c>, <c>+</c>, <c>-</c> or <c>@</c> for a formula: a label of the other party's data could be either.
/// </summary>
public static class PrintableText
{
    private const char FirstControlPicture = '\u2400';
    private const char DeletePicture = '\u2421';
    private const char Unprintable = '\uFFFD';

    /// <summary>Whether a character steers a terminal or turns the order of the text around it, instead of being seen.</summary>
    public static bool IsControl(char character) =>
        char.IsControl(character)
            || character is '\u2028' or '\u2029' or '\u061C' or '\u200E' or '\u200F' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069');

    /// <summary>
    /// What stands for a control character: its picture (<c>␛</c> for escape), so that two texts that differ still look different, or <c>�</c>.
    /// </summary>
    public static char Shown(char character) => character switch
    {
        < ' ' => (char)(FirstControlPicture + character),
        '\u007F' => DeletePicture,
        _ => IsControl(character) ? Unprintable : character,
    };

    /// <summary>A text without control characters; line ends are control characters too.</summary>
    public static string Of(string text) => text.Any(IsControl) ? string.Create(text.Length, text, (to, from) =>
    {
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = Shown(from[i]);
        }
    }) : text;

    /// <summary>
    /// A label as a spreadsheet shows it and does not run it: no control characters, and an apostrophe before a character that begins a formula at the
    /// beginning of the label or behind a semicolon (where spreadsheets of many countries cut a line). Plain decimal numbers stay as they are.
    /// </summary>
    public static string Cell(string label)
    {
        var text = Of(label);
        if (IsNumber(text) || !Enumerable.Range(0, text.Length).Any(i => BeginsFormula(text, i)))
        {
            // A tab or line end was a way to begin a formula too; its picture begins none.
            return text;
        }

        var cell = new StringBuilder(text.Length + 1);
        for (var i = 0; i < text.Length; i++)
        {
            if (BeginsFormula(text, i))
            {
                cell.Append('\'');
            }

            cell.Append(text[i]);
        }

        return cell.ToString();
    }

    private static bool BeginsFormula(string text, int at) =>
        text[at] is '=' or '+' or '-' or '@' or '\uFF1D' or '\uFF0B' or '\uFF0D' or '\uFF20' && BeginsCell(text, at);

    /// <summary>Whether only blanks stand between a character and the beginning or a semicolon.</summary>
    private static bool BeginsCell(string text, int at)
    {
        var before = at - 1;
        while (before >= 0 && char.IsWhiteSpace(text[before]))
        {
            before--;
        }

        return before < 0 || text[before] == ';';
    }

    private static bool IsNumber(string text)
    {
        var digits = text.AsSpan().TrimStart("+-");
        return text.Length - digits.Length <= 1 && digits.Length > 0 && char.IsAsciiDigit(digits[0]) && char.IsAsciiDigit(digits[^1])
            && digits.Count('.') <= 1 && digits.IndexOfAnyExcept("0123456789.") < 0;
    }
}
