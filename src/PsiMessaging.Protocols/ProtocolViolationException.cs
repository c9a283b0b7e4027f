namespace PsiMessaging.Protocols;

/// <summary>The peer sent something that breaks the protocol. The session must end under <see cref="Code"/>; no result may be taken from it.</summary>
/// <param name="code">A failure code of the wire contract.</param>
/// <param name="message">One line for a person: sizes and rounds, never an identifier or which element it was.</param>
public sealed class ProtocolViolationException(string code, string message) : Exception(message)
{
    /// <summary>A failure code of the wire contract.</summary>
    public string Code => code;
}
