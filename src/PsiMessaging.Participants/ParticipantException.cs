namespace PsiMessaging.Participants;

/// <summary>Something a person asked for cannot be done. The message is one line: what, where, and what to do.</summary>
/// <param name="code">A failure code of the wire contract.</param>
/// <param name="message">For the person; no identifiers, no values.</param>
/// <param name="inner">Cause, for the log.</param>
public sealed class ParticipantException(string code, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>A failure code of the wire contract.</summary>
    public string Code => code;

    /// <summary>
    /// What another participant may be told: the message itself, but for those that speak of own
    /// files, datasets or settings. These say only whose matter it is.
    /// </summary>
    public string ForPeer { get; init; } = message;
}
