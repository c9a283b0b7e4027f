namespace PsiMessaging.Participants.Mailbox;

/// <summary>
/// How many messages of a route may wait before their session has dealt with them. Every route says it; there is no default. The bytes of one message are
/// bounded by <see cref="Contracts.V1.MessageLimits"/>.
/// </summary>
public sealed record Limit
{
    private Limit(int? waiting, string rule) => (Waiting, Rule) = (waiting, rule);

    /// <summary>Messages of the route and sender that may wait in one session; null where the rule alone bounds them.</summary>
    public int? Waiting { get; }

    /// <summary>What bounds them, for a person.</summary>
    public string Rule { get; }

    /// <summary>One place a session (and sender): another message under it is a repeat or a violation.</summary>
    public static Limit OnePlace { get; } = new(null, "one place a session");

    /// <summary>So many of a sender in a session, and in all sessions no more than its <see cref="Room"/>.</summary>
    public static Limit Few(int waiting) => new(waiting, $"{waiting} a session, and the sender's room");

    /// <summary>What the route's own rule of admission counts: credit, own questions.</summary>
    /// <param name="rule">The rule, in words.</param>
    public static Limit By(string rule) => new(null, rule);
}

/// <summary>What of one sender may wait in all sessions together.</summary>
/// <param name="Messages">Messages.</param>
/// <param name="Bytes">Bytes.</param>
public sealed record Room(int Messages, long Bytes);
