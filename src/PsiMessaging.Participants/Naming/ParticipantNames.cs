using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace PsiMessaging.Participants.Naming;

/// <summary>Names of participants and ids. The names of their queues are made by <see cref="QueueAddress"/> alone.</summary>
public static partial class ParticipantNames
{
    /// <summary>Whether a name is usable: a letter, then up to 31 letters, digits or hyphens, and nothing behind them.</summary>
    public static bool IsValid(string name) => Name().IsMatch(name);

    /// <summary>Whether a text is a session, query or correlation id: 32 lower-case hexadecimal digits.</summary>
    public static bool IsId(string id) => id.Length == 32 && id.All(char.IsAsciiHexDigitLower);

    /// <summary>A fresh id of the system generator.</summary>
    public static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>Whether a text may begin the names of queues: a letter, then up to 39 letters, digits, hyphens or underscores.</summary>
    public static bool IsPrefix(string prefix) => Prefix().IsMatch(prefix);

    // \z and not $, which would let a line feed at the end pass.
    [GeneratedRegex(@"\A[A-Za-z][A-Za-z0-9-]{0,31}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Name();

    [GeneratedRegex(@"\A[A-Za-z][A-Za-z0-9_-]{0,39}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Prefix();
}
