namespace PsiMessaging.Files;

/// <summary>Texts in DuckDB's SQL.</summary>
public static class DuckText
{
    /// <summary>A text in quotes.</summary>
    public static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>A column's name in quotes.</summary>
    public static string Name(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>A path in which nothing is a pattern: DuckDB would take <c>[1]</c>, <c>*</c> and <c>?</c> for one.</summary>
    public static string Path(string path) => string.Concat(path.Select(character => character is '[' or '*' or '?' ? $"[{character}]" : character.ToString()));
}
