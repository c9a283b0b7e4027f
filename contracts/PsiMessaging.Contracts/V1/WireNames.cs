namespace PsiMessaging.Contracts.V1;

/// <summary>The names of choices as they travel and stand in documents. Part of the wire contract: add, never rename. Letter case counts.</summary>
public static class WireNames
{
    private static readonly string[] EngineNames = ["masked", "tokens"];
    private static readonly string[] RevealNames = ["both", "initiator", "responder", "size"];
    private const string MaliciousName = "malicious";

    /// <summary>Names of the linker's engines, in the order of <see cref="QueryEngine"/>.</summary>
    public static IReadOnlyList<string> Engines => EngineNames;

    /// <summary>Names of who learns the result, in the order of <see cref="RevealTo"/>.</summary>
    public static IReadOnlyList<string> Reveals => RevealNames;

    /// <summary>An engine's name.</summary>
    public static string NameOf(QueryEngine engine) => EngineNames[(int)engine];

    /// <summary>The name of who learns the result.</summary>
    public static string NameOf(RevealTo reveal) => RevealNames[(int)reveal];

    /// <summary>The same where there may be none: then an empty text.</summary>
    public static string NameOf(QueryEngine? engine) => engine is { } known ? NameOf(known) : "";

    /// <summary>The same where there may be none: then an empty text.</summary>
    public static string NameOf(RevealTo? reveal) => reveal is { } known ? NameOf(known) : "";

    /// <summary>A security model's name; null for <see cref="SecurityModel.SemiHonest"/>, which no message names.</summary>
    public static string? NameOf(SecurityModel security) => security == SecurityModel.Malicious ? MaliciousName : null;

    /// <summary>Reads an engine's name.</summary>
    /// <returns>Whether this version has such an engine.</returns>
    public static bool TryParse(string? name, out QueryEngine engine)
    {
        var at = Array.IndexOf(EngineNames, name);
        engine = at < 0 ? default : (QueryEngine)at;
        return at >= 0;
    }

    /// <summary>Reads who learns the result.</summary>
    /// <returns>Whether it is one of the names.</returns>
    public static bool TryParse(string? name, out RevealTo reveal)
    {
        var at = Array.IndexOf(RevealNames, name);
        reveal = at < 0 ? default : (RevealTo)at;
        return at >= 0;
    }

    /// <summary>Reads a security model's name; null is <see cref="SecurityModel.SemiHonest"/>.</summary>
    /// <returns>Whether it is one of the names.</returns>
    public static bool TryParse(string? name, out SecurityModel security)
    {
        security = name == MaliciousName ? SecurityModel.Malicious : SecurityModel.SemiHonest;
        return name is null or MaliciousName;
    }

    /// <summary>Names in a sentence: a comma between them, and a word before the last.</summary>
    /// <param name="names">Two or more.</param>
    /// <param name="word"><c>and</c> or <c>or</c>.</param>
    public static string Listed(IReadOnlyList<string> names, string word) => $"{string.Join(", ", names.SkipLast(1))} {word} {names[^1]}";
}
