using System.Text.Json.Serialization;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Data.Keys;

/// <summary>Check digits of widely used identifiers.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<CheckDigit>))]
public enum CheckDigit
{
    /// <summary>ISO/IEC 7812 (Luhn), 8 to 19 digits: cards, Canadian, Swedish and other personal and company numbers.</summary>
    Luhn,
    /// <summary>GTIN, weights 3 and 1, of 8, 12, 13 or 14 digits: EAN, ISBN-13.</summary>
    Gtin,
    /// <summary>ISBN-10: weights 10 to 1 modulo 11, X for ten.</summary>
    Isbn10,
    /// <summary>ISO 7064 MOD 11-2 of 16 digits, X for ten: ORCID, ISNI.</summary>
    Mod11Radix2,
    /// <summary>ISO 7064 MOD 11,10 of 11 digits: German tax numbers, Croatian personal numbers.</summary>
    Mod11And10,
    /// <summary>ISO 7064 MOD 97-10, 15 to 34 letters and digits: IBAN, LEI.</summary>
    Mod97,
}

/// <summary>Whether a text has a right check digit of a kind.</summary>
public static class CheckDigits
{
    /// <summary>All kinds, in order of their numbers.</summary>
    public static IReadOnlyList<CheckDigit> Kinds { get; } = Enum.GetValues<CheckDigit>();

    /// <summary>The kind as people name it.</summary>
    public static string NameOf(CheckDigit kind) => kind switch
    {
        CheckDigit.Luhn => "Luhn",
        CheckDigit.Gtin => "EAN or ISBN-13",
        CheckDigit.Isbn10 => "ISBN-10",
        CheckDigit.Mod11Radix2 => "ISO 7064 mod 11-2",
        CheckDigit.Mod11And10 => "ISO 7064 mod 11,10",
        _ => "ISO 7064 mod 97-10",
    };

    /// <summary>Whether it is right.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="text">Canonical text, ASCII; digits and letters.</param>
    public static bool IsRight(CheckDigit kind, ReadOnlySpan<char> text) => kind switch
    {
        CheckDigit.Luhn => text.Length is >= 8 and <= 19 && AllDigits(text) && IsLuhn(text),
        CheckDigit.Gtin => text.Length is 8 or 12 or 13 or 14 && AllDigits(text) && Weighted(text, 3, 1) % 10 == 0,
        CheckDigit.Isbn10 => text.Length == 10 && AllDigits(text[..9]) && IsIsbn10(text),
        CheckDigit.Mod11Radix2 => text.Length == 16 && AllDigits(text[..15]) && IsMod11Radix2(text),
        CheckDigit.Mod11And10 => text.Length == 11 && AllDigits(text) && IsMod11And10(text),
        _ => text.Length is >= 15 and <= 34 && IsMod97(text),
    };

    private static bool AllDigits(ReadOnlySpan<char> text) => AsciiDigits.Only(text);

    /// <summary>Twice a digit, its own digits added up; no branch that half of all digits would take.</summary>
    private static ReadOnlySpan<byte> Doubled => [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];

    private static bool IsLuhn(ReadOnlySpan<char> text)
    {
        var sum = 0;
        var i = text.Length - 1;
        for (; i > 0; i -= 2)
        {
            sum += text[i] - '0' + Doubled[text[i - 1] - '0'];
        }

        return (i == 0 ? sum + text[0] - '0' : sum) % 10 == 0;
    }

    /// <summary>Sum of digits with two weights in turn; the last digit has the second.</summary>
    private static int Weighted(ReadOnlySpan<char> text, int odd, int even)
    {
        var sum = 0;
        var i = text.Length - 1;
        for (; i > 0; i -= 2)
        {
            sum += ((text[i] - '0') * even) + ((text[i - 1] - '0') * odd);
        }

        return i == 0 ? sum + ((text[0] - '0') * even) : sum;
    }

    /// <summary>A last digit, or X for ten; -1 for anything else.</summary>
    private static int Last(ReadOnlySpan<char> text) => text[^1] is 'X' or 'x' ? 10 : char.IsAsciiDigit(text[^1]) ? text[^1] - '0' : -1;

    private static bool IsIsbn10(ReadOnlySpan<char> text)
    {
        var sum = Last(text);
        if (sum < 0)
        {
            return false;
        }

        for (var i = 0; i < 9; i++)
        {
            sum += (text[i] - '0') * (10 - i);
        }

        return sum % 11 == 0;
    }

    private static bool IsMod11Radix2(ReadOnlySpan<char> text)
    {
        var rest = 0;
        foreach (var digit in text[..^1])
        {
            rest = (rest + digit - '0') * 2 % 11;
        }

        return Last(text) is >= 0 and var last && (rest + last) % 11 == 1;
    }

    private static bool IsMod11And10(ReadOnlySpan<char> text)
    {
        var product = 10;
        foreach (var digit in text[..^1])
        {
            var sum = (digit - '0' + product) % 10;
            product = (sum == 0 ? 10 : sum) * 2 % 11;
        }

        return (product + text[^1] - '0') % 10 == 1;
    }

    private static bool IsMod97(ReadOnlySpan<char> text)
    {
        // An IBAN has its check digits behind the country and is read from the fifth character on; a LEI has them at the end.
        var isIban = char.IsAsciiLetter(text[0]) && char.IsAsciiLetter(text[1]) && char.IsAsciiDigit(text[2]) && char.IsAsciiDigit(text[3]);
        return (isIban && Rest(text[..4], Rest(text[4..], 0)) == 1) || (text.Length == 20 && Rest(text, 0) == 1);
    }

    private static int Rest(ReadOnlySpan<char> text, int rest)
    {
        foreach (var character in text)
        {
            if (char.IsAsciiDigit(character))
            {
                rest = ((rest * 10) + character - '0') % 97;
            }
            else if (char.IsAsciiLetter(character))
            {
                rest = ((rest * 100) + (character | 0x20) - 'a' + 10) % 97;
            }
            else
            {
                return -1;
            }
        }

        return rest;
    }
}
