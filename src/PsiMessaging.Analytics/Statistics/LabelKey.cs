using System.Globalization;

namespace PsiMessaging.Analytics.Statistics;

/// <summary>One string for several labels, to compare and to group by.</summary>
public static class LabelKey
{
    /// <summary>
    /// Each label behind its length, so that no two lists of labels have one key whatever characters are in them; a missing label differs from an empty one.
    /// </summary>
    public static string Of(IEnumerable<string?> labels) =>
        string.Concat(labels.Select(label => label is null ? "-" : string.Create(CultureInfo.InvariantCulture, $"{label.Length}:{label}")));
}
