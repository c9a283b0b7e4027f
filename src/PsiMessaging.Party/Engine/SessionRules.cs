using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Engine;

/// <summary>What follows for one party from what a session's two agreed on.</summary>
public static class SessionRules
{
    /// <summary>What the session reveals, seen from this party.</summary>
    /// <exception cref="InvalidOperationException">The session's proposal named nobody that can be, so that the session never ran.</exception>
    public static Reveal RevealOf(PartySession session) =>
        (session.Reveal ?? throw new InvalidOperationException($"session {session.Id} was never agreed on")).SeenFrom(session.IsInitiator);

    /// <summary>Whether a side shows an RSA key and signs.</summary>
    /// <param name="session">The session.</param>
    /// <param name="initiator">Whether it is the initiator's side.</param>
    public static bool Signs(PartySession session, bool initiator) => session is { Chosen: { } protocol, Reveal: { } reveal } && protocol.Signs(reveal, initiator);
}
