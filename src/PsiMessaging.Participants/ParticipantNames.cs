using System.Text.RegularExpressions;

namespace PsiMessaging.Participants;

/// <summary>Names of participants and of their queues.</summary>
public static partial class ParticipantNames
{
    /// <summary>Whether a name is usable: a letter, then up to 31 letters, digits or hyphens.</summary>
    public static bool IsValid(string name) => Pattern().IsMatch(name);

    /// <summary>Whether a text is a session, query or correlation id: 32 lower-case hexadecimal digits.</summary>
    public static bool IsId(string id) => id.Length == 32 && id.All(char.IsAsciiHexDigitLower);

    /// <summary>A participant's inbox: durable, versioned, for example <c>psi.p1.inbox.v1</c>.</summary>
    public static string Inbox(string prefix, string name) => $"{prefix}.{name.ToLowerInvariant()}.inbox.v1";

    /// <summary>Queue of jobs that a party's compute workers share.</summary>
    public static string ComputeQueue(string prefix, string name) => $"{prefix}.{name.ToLowerInvariant()}.compute.v1";

    /// <summary>Queue of results that a party's worker reads.</summary>
    public static string ComputedQueue(string prefix, string name) => $"{prefix}.{name.ToLowerInvariant()}.computed.v1";

    /// <summary>The queue on which one run of the CLI waits for its replies.</summary>
    public static string ReplyQueue(string prefix, string name, string id) => $"{prefix}.{name.ToLowerInvariant()}.cli.{id}";

    /// <summary>Whether a queue is one of those.</summary>
    public static bool IsReplyQueue(string queue) => queue.Contains(".cli.", StringComparison.Ordinal);

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9-]{0,31}$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pattern();
}
