using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Keys;
using PsiMessaging.Party.Datasets;

namespace PsiMessaging.Party.Agreement;

/// <summary>
/// What parties tell each other of how their identifiers look, and what follows from it. A peer's is a list
/// of names we know and numbers in their range, or it is refused.
/// </summary>
public static class KeyOutlines
{
    /// <summary>Fewer identifiers than this are not described: what nearly all of them have in common would be said of single ones.</summary>
    public const int LeastIdentifiers = 10;

    private static readonly string[] Alphabets = ["digits", "letters", "letters-and-digits", "signs", "beyond-ascii"];

    /// <summary>
    /// A dataset's outlines as they travel; null where it has too few identifiers, or where rows are counted that
    /// are not each another identifier's, so that one could be most of them.
    /// </summary>
    public static IReadOnlyList<KeyForm>? Of(Dataset dataset) =>
        dataset.Distinct < LeastIdentifiers || 20L * (dataset.Repeated + (dataset.Key.Count > 1 ? dataset.Dropped : 0)) > dataset.Rows
            ? null : dataset.KeyForms?.Select(form => ToWire(KeyOutline.Of(form))).ToArray();

    /// <summary>Whether what a peer says can be read.</summary>
    /// <param name="forms">As they came.</param>
    /// <param name="parts">Key columns.</param>
    internal static bool AreWellFormed(IReadOnlyList<KeyForm>? forms, int parts) => forms is null
        || (forms.Count == parts
            && forms.All(form => form is not null && (form.Alphabet is null || Alphabets.Contains(form.Alphabet, StringComparer.Ordinal))
                && form.Letters is null or "upper" or "lower" && form.Length is null or (>= 1 and <= KeyOutline.MaximumLength)));

    internal static string? WarningOf(string own, IReadOnlyList<KeyForm>? ownForms, string peer, IReadOnlyList<KeyForm>? peerForms) =>
        ownForms is null || peerForms is null ? null : WarningOf(own, [.. ownForms.Select(FromWire)], peer, [.. peerForms.Select(FromWire)]);

    /// <summary>A line for a person where nearly no identifier of the one can equal any of the other; null where they may match.</summary>
    public static string? WarningOf(string first, IReadOnlyList<KeyOutline> firsts, string second, IReadOnlyList<KeyOutline> seconds)
    {
        for (var i = 0; i < Math.Min(firsts.Count, seconds.Count); i++)
        {
            if (firsts[i].CanHardlyMatch(seconds[i]))
            {
                return $"the identifiers look different, so that hardly any can be common: in {(firsts.Count == 1 ? "the key column" : $"key column {i + 1}")} "
                    + $"nearly all of {first} are {firsts[i]}; nearly all of {second} are {seconds[i]}. Do both mean the same identifier, as text, with "
                    + $"leading zeros{(firsts[i].Upper is { } upper && seconds[i].Upper == !upper ? ", in the same case (--case fold)" : "")}?";
            }
        }

        return null;
    }

    private static KeyForm ToWire(KeyOutline outline) =>
        new(outline.Alphabet is { } alphabet ? Alphabets[(int)alphabet] : null,
            outline.Upper switch { true => "upper", false => "lower", null => null }, outline.Length);

    private static KeyOutline FromWire(KeyForm form) =>
        new(form.Alphabet is null ? null : (KeyAlphabet)Array.IndexOf(Alphabets, form.Alphabet),
            form.Letters switch { null => null, var letters => letters == "upper" }, form.Length);
}
