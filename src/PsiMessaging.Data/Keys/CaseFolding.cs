using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace PsiMessaging.Data.Keys;

/// <summary>
/// Full case folding of Unicode 15.0, statuses C and F: ß and ẞ are ss, every cased letter of any script has one form, letters beyond the BMP too. Not Turkic:
/// I is i, ı stays ı, and İ is i with a dot above, which is neither. The table is part of the rules, so that two parties never depend on which ICU their
/// machines have.
/// </summary>
public static class CaseFolding
{
    private static readonly FrozenDictionary<int, string> Table = Load();

    /// <summary>Folds a text; what has no case stays.</summary>
    public static string Fold(string text)
    {
        var folded = new StringBuilder(text.Length + 8);
        foreach (var rune in text.EnumerateRunes())
        {
            if (Table.TryGetValue(rune.Value, out var mapping))
            {
                folded.Append(mapping);
            }
            else
            {
                folded.Append(rune.ToString());
            }
        }

        return folded.ToString();
    }

    private static FrozenDictionary<int, string> Load()
    {
        using var reader = new StreamReader(typeof(CaseFolding).Assembly.GetManifestResourceStream("CaseFolding.txt")!);
        var table = new Dictionary<int, string>();
        while (reader.ReadLine() is { } line)
        {
            if (line.Split(';') is [var code, var mapping] && !line.StartsWith('#'))
            {
                table.Add(CodePoint(code), string.Concat(mapping.Split(' ').Select(target => char.ConvertFromUtf32(CodePoint(target)))));
            }
        }

        return table.ToFrozenDictionary();
    }

    private static int CodePoint(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
