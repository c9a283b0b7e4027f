using System.Text;
using System.Text.Json.Serialization;

namespace PsiMessaging.Data.Types;

/// <summary>Which texts of a column are one value; agreed between the parties as identifiers are.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TextRule>))]
public enum TextRule
{
    /// <summary>
    /// Texts that look alike are one: Unicode NFC, no blanks at the ends, runs of white space as one space, no invisible signs. Case differs.
    /// </summary>
    Normal,
    /// <summary>Every text is what stands in the file.</summary>
    Exact,
}

/// <summary>The canonical form of texts.</summary>
public static class TextForm
{
    private const char Joiner = '\u200d';
    private const char NonJoiner = '\u200c';

    /// <summary>Letters from here on may need zero-width joiners between them.</summary>
    private const int BeyondLatin = 0x0300;

    /// <summary>A text's canonical form; empty where nothing is left, which means missing.</summary>
    /// <param name="raw">As it stands in the file or question.</param>
    /// <param name="rule">The rule. A lone surrogate, which has no normal form, is left as it is.</param>
    public static ReadOnlySpan<char> Of(ReadOnlySpan<char> raw, TextRule rule)
    {
        if (rule == TextRule.Exact || IsPlain(raw) || IsTidy(raw, NormalizationForm.FormC))
        {
            return raw;
        }

        var text = raw.ToString();
        try
        {
            // Taking a sign away may bring together what has one form; twice is enough, and a loop that is held to an end needs no proof.
            for (var round = 0; round < 8; round++)
            {
                var next = Tidy(text.Normalize(NormalizationForm.FormC), ofText: true);
                if (next == text)
                {
                    break;
                }

                text = next;
            }
        }
        catch (ArgumentException)
        {
            return raw;
        }

        return text;
    }

    /// <summary>ASCII, no white space but single spaces inside, no control character: as most values are.</summary>
    internal static bool IsPlain(ReadOnlySpan<char> text)
    {
        var former = ' ';
        foreach (var character in text)
        {
            if (character is < ' ' or > '~' || (character == ' ' && former == ' '))
            {
                return false;
            }

            former = character;
        }

        return text.IsEmpty || former != ' ';
    }

    /// <summary>Whether a text is its own form, of the characters of the basic plane: most of those that are not ASCII.</summary>
    internal static bool IsTidy(ReadOnlySpan<char> text, NormalizationForm form)
    {
        var former = ' ';
        foreach (var character in text)
        {
            if (character == ' ' ? former == ' ' : char.IsWhiteSpace(character) || char.IsSurrogate(character)
                || character >= '\uFFFE' || InvisibleSigns.Contains(new Rune(character)))
            {
                return false;
            }

            former = character;
        }

        return former != ' ' && text.IsNormalized(form);
    }

    /// <summary>Without invisible signs, white space inside as one space, none at the ends.</summary>
    /// <param name="text">Well-formed.</param>
    /// <param name="ofText">
    /// Whether zero-width joiners stay between letters of scripts in which they are spelling, and control characters, which are shown as their pictures.
    /// </param>
    internal static string Tidy(string text, bool ofText)
    {
        var tidy = new StringBuilder(text.Length);
        var (space, joiner, former) = (false, '\0', 0);
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.IsWhiteSpace(rune))
            {
                space = tidy.Length > 0;
                joiner = '\0';
            }
            else if (ofText && rune.Value is Joiner or NonJoiner)
            {
                joiner = former >= BeyondLatin && !space ? (char)rune.Value : '\0';
            }
            else if (!InvisibleSigns.Contains(rune) || (ofText && Rune.IsControl(rune)))
            {
                if (space)
                {
                    tidy.Append(' ');
                }
                else if (joiner != '\0' && rune.Value >= BeyondLatin)
                {
                    tidy.Append(joiner);
                }

                tidy.Append(rune.ToString());
                (space, joiner, former) = (false, '\0', rune.Value);
            }
        }

        return tidy.ToString();
    }
}
