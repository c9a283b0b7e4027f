using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Types;
using PsiMessaging.Party.Datasets;

namespace PsiMessaging.Cli.Output;

/// <summary>What a person should know of how a file was read, a line each. Counts and made-up examples; never a value of the file.</summary>
internal static class DatasetNotices
{
    /// <summary>How the identifiers look.</summary>
    public static IEnumerable<string> Forms(Dataset dataset) => (dataset.KeyForms ?? []).Where(form => form.Rows > 0).Select(form =>
    {
        var lengths = form.Shortest == form.Longest
            ? Characters(form.Longest)
            : $"{form.Shortest:N0} to {Characters(form.Longest)} ({form.UsualLength:N0} in {form.OfUsualLength:N0} of {form.Rows:N0})";
        var kinds = string.Join(", ", Enum.GetValues<KeyAlphabet>().Where(kind => form.Of(kind) > 0).OrderByDescending(kind => form.Of(kind))
            .Select(kind => form.Of(kind) == form.Rows ? NameOf(kind) : $"{form.Of(kind):N0} {NameOf(kind)}"));
        var check = form.Check is { } kind
            ? $"; check digit {CheckDigits.NameOf(kind)}: "
                + $"{(form.CheckRight == form.Rows ? "right in all" : $"right in {form.CheckRight:N0}, not in {form.Rows - form.CheckRight:N0}")}"
            : "";
        return $"Identifiers, {form.Column}: {kinds}; {lengths}{check}";
    });

    /// <summary>What may be wrong, or was changed.</summary>
    public static IEnumerable<string> Of(Dataset dataset) =>
        (dataset.KeyForms ?? []).SelectMany(form => OfKey(form, dataset.FoldCase)).Concat(dataset.Described.SelectMany(OfColumn));

    private static IEnumerable<string> OfKey(KeyPartForm form, bool foldCase)
    {
        (int Count, string Text)[] notices =
        [
            (form.MissingWords,
                "stand for missing values (NA, NULL, #N/A and the like) and have no identifier; if they are identifiers: --missing-identifiers empty"),
            (form.Invisible, "had invisible signs (zero-width spaces, soft hyphens, marks of direction and the like), which were taken out"),
            (form.Undisguised, "were written for a spreadsheet or as numbers, as =\"00123\", '00123 or 123.0, and are read without that"),
            (form.Of(KeyDamage.Exponent),
                "are numbers that a spreadsheet has rounded, as 9,78013E+12, and match nothing: export the column as text from where it is whole"),
            (form.Of(KeyDamage.PointZero),
                "are whole numbers with a fraction of zero, as 100234.0, and are not 100234: if a program took identifiers for numbers, write the column as "
                    + "text, or take --whole-identifiers"),
            (2 * form.Of(KeyDamage.FifteenDigits) > form.Of(KeyAlphabet.Digits) ? form.Of(KeyDamage.FifteenDigits) : 0,
                "have more than fifteen digits with zeros from the sixteenth on, as a spreadsheet keeps long numbers: export the column "
                    + "as text from where it is whole"),
            (form.Of(KeyDamage.Hashes), "are ####, which a spreadsheet shows where a column is too narrow"),
            (form.Of(KeyDamage.Replacement), "hold the sign U+FFFD, which stands for what could not be decoded: read the source again with its right encoding"),
            (foldCase ? form.TurkicLetters : 0,
                "hold ı or İ, which --case fold leaves apart from i and I (the rule of Unicode for all languages; in Turkish they are ı = I and i = İ)"),
        ];
        foreach (var (count, text) in notices.Where(notice => notice.Count > 0))
        {
            yield return $"{form.Column}: {count:N0} {text}";
        }

        if (form.Of(KeyAlphabet.Digits) == form.Rows && form.UsualLength >= 8 && form.UsualLength == form.Longest
            && form.Shortest < form.Longest && 100L * form.OfUsualLength >= 80L * form.Rows)
        {
            yield return $"{form.Column}: {form.Rows - form.OfUsualLength:N0} of {form.Rows:N0} have fewer digits than the others' {form.UsualLength}; if they "
                + "are codes of one length, they have lost leading zeros: export the column as text";
        }
    }

    private static IEnumerable<string> OfColumn(DatasetColumn column)
    {
        if (column.NotANumberRow is { } row)
        {
            yield return $"{column.Name} is text, because row {row:N0} holds no number; correct the file, or say how numbers and missing values are written "
                + "(--decimal, --thousands, --missing)";
        }

        if (column is { Code: { } code, CodeRow: { } codeRow })
        {
            yield return $"{column.Name} is text, because row {codeRow:N0} {ReasonOf(code)}" + (code == CodeReason.TooLong
                ? "" : $"; if it holds numbers: --type {column.Name}={(code == CodeReason.TrailingZeros ? "decimal" : "integer")}");
        }

        if (column.Rounded > 0)
        {
            yield return $"{column.Name}: {column.Rounded:N0} values were rounded to {column.Type.Decimals} digits after the point";
        }
    }

    private static string ReasonOf(CodeReason code) => code switch
    {
        CodeReason.LeadingZero => "holds a code with a leading zero",
        CodeReason.Plus => "holds a code with a plus",
        CodeReason.Exponent => "holds what may be a code, as 12E3 (a number would be 1.2E4 or 12E+3)",
        CodeReason.TooLong => $"holds more than {ColumnType.MaximumDigits} digits, which only a code has",
        _ => "makes it look like codes: fractions differ in length and end in zeros, so that 1.1 and 1.10 may be two",
    };

    private static string Characters(int count) => count == 1 ? "1 character" : $"{count:N0} characters";

    private static string NameOf(KeyAlphabet kind) => kind switch
    {
        KeyAlphabet.Digits => "digits", KeyAlphabet.Letters => "letters", KeyAlphabet.LettersAndDigits => "letters and digits",
        KeyAlphabet.Signs => "with signs or blanks", _ => "with characters beyond ASCII",
    };
}
