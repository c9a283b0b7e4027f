using PsiMessaging.Data.Types;

namespace PsiMessaging.Data.Keys;

/// <summary>What identifiers are written with. Every identifier is of one kind.</summary>
public enum KeyAlphabet
{
    /// <summary>Digits only.</summary>
    Digits,
    /// <summary>ASCII letters only.</summary>
    Letters,
    /// <summary>ASCII letters and digits, both.</summary>
    LettersAndDigits,
    /// <summary>ASCII with other signs or blanks, for example hyphens.</summary>
    Signs,
    /// <summary>Characters beyond ASCII too.</summary>
    BeyondAscii,
}

/// <summary>Signs that an identifier is not what it was.</summary>
public enum KeyDamage
{
    /// <summary>A number that a spreadsheet has rounded: <c>9,78013E+12</c>.</summary>
    Exponent,
    /// <summary>A whole number with a fraction of zero: <c>100234.0</c>.</summary>
    PointZero,
    /// <summary>More than fifteen digits, zeros from the sixteenth on: as a spreadsheet keeps long numbers.</summary>
    FifteenDigits,
    /// <summary><c>####</c>: what a spreadsheet shows where a column is too narrow.</summary>
    Hashes,
    /// <summary>The sign that stands for what could not be decoded, U+FFFD.</summary>
    Replacement,
}

/// <summary>How one part of the identifiers looks; counts only, no value. Rows that repeat an identifier count each time.</summary>
/// <param name="Column">The key column.</param>
/// <param name="Rows">Rows with a value here.</param>
/// <param name="Shortest">Fewest characters.</param>
/// <param name="Longest">Most characters.</param>
/// <param name="UsualLength">The length that most have.</param>
/// <param name="OfUsualLength">How many have it.</param>
/// <param name="Alphabets">How many are of each kind, in the order of <see cref="KeyAlphabet"/>.</param>
/// <param name="UpperOnly">How many have letters, all upper case.</param>
/// <param name="LowerOnly">How many have letters, all lower case.</param>
/// <param name="Check">A check digit that most of them have right; null where there is none.</param>
/// <param name="CheckRight">How many have it right.</param>
/// <param name="Damaged">How many look damaged in each way, in the order of <see cref="KeyDamage"/>.</param>
/// <param name="Invisible">From how many invisible signs were taken out.</param>
/// <param name="Undisguised">How many were read without <c>="…"</c> or an apostrophe around them, or a fraction of zero behind them.</param>
/// <param name="MissingWords">Rows in which a word such as NA stands, taken for missing.</param>
/// <param name="TurkicLetters">How many have ı, or İ folded: letters whose folding depends on the language.</param>
public sealed record KeyPartForm(
    string Column, int Rows, int Shortest, int Longest, int UsualLength, int OfUsualLength,
    IReadOnlyList<int> Alphabets, int UpperOnly, int LowerOnly, CheckDigit? Check, int CheckRight,
    IReadOnlyList<int> Damaged, int Invisible, int Undisguised, int MissingWords, int TurkicLetters)
{
    /// <summary>How many are of a kind.</summary>
    public int Of(KeyAlphabet alphabet) => Alphabets[(int)alphabet];

    /// <summary>How many look damaged in a way.</summary>
    public int Of(KeyDamage damage) => Damaged[(int)damage];
}

/// <summary>
/// What is said to the other party of one part of the identifiers: what nearly all of them have in common,
/// and nothing of single ones. Null where they have nothing in common.
/// </summary>
/// <param name="Alphabet">What nearly all are written with.</param>
/// <param name="Upper">True where nearly all have letters in upper case only, false for lower case only.</param>
/// <param name="Length">The length nearly all have, 1 to <see cref="MaximumLength"/>.</param>
public sealed record KeyOutline(KeyAlphabet? Alphabet, bool? Upper, int? Length)
{
    /// <summary>Longest length that is said.</summary>
    public const int MaximumLength = 64;

    /// <summary>
    /// Nearly all: at least so many of a hundred. Numbers counted up from 1 have their most frequent
    /// length in 90 of a hundred at most, and are no codes of one length.
    /// </summary>
    public const int NearlyAllPercent = 95;

    /// <summary>The outline of a part.</summary>
    public static KeyOutline Of(KeyPartForm form)
    {
        bool NearlyAll(int count) => form.Rows > 0 && 100L * count >= (long)NearlyAllPercent * form.Rows;
        KeyAlphabet? alphabet = Enum.GetValues<KeyAlphabet>().Where(kind => NearlyAll(form.Of(kind))).Select(kind => (KeyAlphabet?)kind).FirstOrDefault();
        return new KeyOutline(alphabet, NearlyAll(form.UpperOnly) ? true : NearlyAll(form.LowerOnly) ? false : null,
            NearlyAll(form.OfUsualLength) && form.UsualLength <= MaximumLength ? form.UsualLength : null);
    }

    /// <summary>Whether nearly none of the one can equal any of the other.</summary>
    public bool CanHardlyMatch(KeyOutline other) => (Alphabet is not null && other.Alphabet is not null && Alphabet != other.Alphabet)
        || (Upper is not null && other.Upper is not null && Upper != other.Upper)
        || (Length is not null && other.Length is not null && Length != other.Length);

    /// <summary>In words: <c>8 digits</c>.</summary>
    public override string ToString() => string.Join(", ", new[]
    {
        Alphabet switch
        {
            KeyAlphabet.Digits => "digits", KeyAlphabet.Letters => "letters",
            KeyAlphabet.LettersAndDigits => "letters and digits", KeyAlphabet.Signs => "with signs or blanks",
            KeyAlphabet.BeyondAscii => "with characters beyond ASCII", _ => null,
        },
        Upper switch { true => "upper case", false => "lower case", null => null },
        Length is null ? null : Length == 1 ? "1 character" : $"{Length} characters",
    }.OfType<string>());
}

/// <summary>Counts how one part of a dataset's identifiers looks while its rows stream by. Not thread-safe.</summary>
/// <param name="column">The key column.</param>
public sealed class KeyPartCounter(string column)
{
    private const int Lengths = 256;
    private const int Digit = 1, Upper = 2, Lower = 4, Sign = 8, Beyond = 16;
    private static readonly byte[] Classes = [.. Enumerable.Range(0, 128).Select(code =>
        (byte)(char.IsAsciiDigit((char)code) ? Digit : char.IsAsciiLetterUpper((char)code) ? Upper : char.IsAsciiLetterLower((char)code) ? Lower : Sign))];

    private readonly int[] _lengths = new int[Lengths + 1];
    private readonly int[] _alphabets = new int[Enum.GetValues<KeyAlphabet>().Length];
    private readonly int[] _damaged = new int[Enum.GetValues<KeyDamage>().Length];
    private readonly int[] _checks = new int[CheckDigits.Kinds.Count];
    private int _rows, _shortest = int.MaxValue, _longest, _upperOnly, _lowerOnly, _invisible, _undisguised, _missingWords, _turkic;

    /// <summary>Takes one value.</summary>
    /// <param name="part">Its canonical text; ignored where there is none.</param>
    /// <param name="isThere">Whether there is one.</param>
    /// <param name="repairs">What canonicalisation changed.</param>
    public void Add(ReadOnlySpan<char> part, bool isThere, KeyRepairs repairs)
    {
        if (repairs != KeyRepairs.None)
        {
            _invisible += (repairs & KeyRepairs.Invisible) != KeyRepairs.None ? 1 : 0;
            _undisguised += (repairs & (KeyRepairs.Formula | KeyRepairs.Apostrophe | KeyRepairs.PointZero)) != KeyRepairs.None ? 1 : 0;
            _missingWords += (repairs & KeyRepairs.MissingWord) != KeyRepairs.None ? 1 : 0;
        }

        if (!isThere)
        {
            return;
        }

        var classes = 0;
        var table = Classes.AsSpan(0, 128);
        foreach (var character in part)
        {
            classes |= character < table.Length ? table[character] : Beyond;
        }

        _rows++;
        _lengths[Math.Min(part.Length, Lengths)]++;
        _shortest = Math.Min(_shortest, part.Length);
        _longest = Math.Max(_longest, part.Length);
        var letters = classes & (Upper | Lower);
        _upperOnly += letters == Upper ? 1 : 0;
        _lowerOnly += letters == Lower ? 1 : 0;
        _alphabets[(int)((classes & Beyond) != 0 ? KeyAlphabet.BeyondAscii : (classes & Sign) != 0 ? KeyAlphabet.Signs : classes == Digit ? KeyAlphabet.Digits
            : (classes & Digit) == 0 ? KeyAlphabet.Letters : KeyAlphabet.LettersAndDigits)]++;
        if ((classes & (Sign | Beyond)) == 0)
        {
            // Lengths that no kind has are most of all identifiers.
            if (classes == Digit ? part.Length >= 8 : part.Length is 10 or >= 15)
            {
                CountCheckDigits(part, classes == Digit);
            }
        }

        if (classes == Digit)
        {
            _damaged[(int)KeyDamage.FifteenDigits] += part.Length > 15 && !part[15..].ContainsAnyExcept('0') ? 1 : 0;
        }
        else if ((classes & Sign) != 0 && DamageOf(part) is { } damage)
        {
            _damaged[(int)damage]++;
        }
        else if ((classes & Beyond) != 0)
        {
            _damaged[(int)KeyDamage.Replacement] += part.Contains('\ufffd') ? 1 : 0;
            _turkic += part.ContainsAny('\u0131', '\u0307') ? 1 : 0;
        }
    }

    /// <summary>What was counted.</summary>
    public KeyPartForm Finish()
    {
        var usual = Array.IndexOf(_lengths, _lengths.Max());
        var check = Array.IndexOf(_checks, _checks.Max());

        // One of ten texts, or one of a hundred, has a right check digit by chance: it says something where most have.
        var hasCheck = _checks[check] >= 10 && _checks[check] > _rows / 2;
        return new KeyPartForm(column, _rows, _rows == 0 ? 0 : _shortest, _longest, usual, _lengths[usual], _alphabets,
            _upperOnly, _lowerOnly, hasCheck ? CheckDigits.Kinds[check] : null, hasCheck ? _checks[check] : 0,
            _damaged, _invisible, _undisguised, _missingWords, _turkic);
    }

    private void CountCheckDigits(ReadOnlySpan<char> part, bool isDigits)
    {
        for (var kind = isDigits ? CheckDigit.Luhn : CheckDigit.Isbn10; kind <= CheckDigit.Mod97; kind++)
        {
            _checks[(int)kind] += CheckDigits.IsRight(kind, part) ? 1 : 0;
        }
    }

    private static KeyDamage? DamageOf(ReadOnlySpan<char> part)
    {
        if (!part.ContainsAnyExcept('#'))
        {
            return KeyDamage.Hashes;
        }

        var digits = AsciiDigits.FirstOther(part);
        if (digits < 1 || digits == part.Length)
        {
            return null;
        }

        var rest = part[digits..];
        if (rest.Length == 2 && rest[0] is '.' or ',' && rest[1] == '0')
        {
            return KeyDamage.PointZero;
        }

        // Digits, maybe a point or comma and digits, E or e, a sign, digits: without the sign it may be a code.
        if (rest[0] is '.' or ',')
        {
            var fraction = AsciiDigits.FirstOther(rest[1..]);
            rest = fraction < 1 ? default : rest[(1 + fraction)..];
        }

        return rest.Length > 2 && rest[0] is 'E' or 'e' && rest[1] is '+' or '-' && AsciiDigits.Only(rest[2..]) ? KeyDamage.Exponent : null;
    }
}
