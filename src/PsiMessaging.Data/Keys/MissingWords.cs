namespace PsiMessaging.Data.Keys;

/// <summary>
/// Words by which programs write that there is no value: those of pandas, R, SAS and Stata, SQL and Excel, as they write them and in no other case, so that a person called Na stays one.
/// </summary>
public static class MissingWords
{
    private static readonly HashSet<string> Words = new(StringComparer.Ordinal)
    {
        "NA", "<NA>", "N/A", "n/a", "NaN", "nan", "-nan", "-NaN", "NaT", "None", "null", "NULL", "(null)", "\\N", ".", "-", "--", "?",
        "#N/A", "#NULL!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#DIV/0!",
    };

    private const int Longest = 7;
    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> Lookup = Words.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Whether a text, without blanks around it, is such a word.</summary>
    public static bool Contains(ReadOnlySpan<char> text) => text.Length <= Longest && !char.IsAsciiDigit(text[0]) && Lookup.Contains(text);
}
