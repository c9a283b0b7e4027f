namespace PsiMessaging.Data.Types;

/// <summary>The words by which programs say that a value is missing: those of R and pandas, SAS, Stata and SPSS, databases and spreadsheets.</summary>
public static class MissingWords
{
    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> InKeys = new HashSet<string>(StringComparer.Ordinal)
    {
        "NA", "<NA>", "N/A", "n/a", "NaN", "nan", "-nan", "-NaN", "NaT", "None", "null", "NULL", "(null)", "\\N", ".", "-", "--", "?",
        "#N/A", "#NULL!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#DIV/0!",
    }.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>
    /// R and pandas (<c>NA</c>, <c>NaN</c>, <c>None</c>, <c>&lt;NA&gt;</c>), databases (<c>NULL</c>, <c>\N</c>), SAS and Stata (<c>.</c>), SPSS
    /// (<c>#NULL!</c>), Excel (<c>#N/A</c>, <c>#VALUE!</c> …), and dashes of tables.
    /// </summary>
    public static IReadOnlyList<string> Usual { get; } =
        ["NA", "N/A", "NULL", "NaN", "None", "<NA>", "NaT", "\\N", ".", "-", "--", "\u2013", "#N/A", "#N/D",
            "#NV", "#NULL!", "#VALUE!", "#DIV/0!", "#REF!", "#NUM!", "#NAME?", "n.a.", "nil", "missing", "?"];

    private static readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> Lookup = Usual.ToHashSet(StringComparer.OrdinalIgnoreCase)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>
    /// Whether a text without blanks around it stands for a missing identifier: as programs write it
    /// and in no other case, so that a person called Na stays one.
    /// </summary>
    public static bool StandForNoIdentifier(ReadOnlySpan<char> text) => text.Length <= 8 && !char.IsAsciiDigit(text[0]) && InKeys.Contains(text);

    /// <summary>Whether a text without blanks around it stands for a missing number: one of them, in whatever case.</summary>
    public static bool Contains(ReadOnlySpan<char> text) => text.Length is > 0 and <= 8 && Lookup.Contains(text);
}
