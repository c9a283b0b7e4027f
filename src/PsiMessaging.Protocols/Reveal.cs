using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Protocols;

/// <summary>Who learns what from a session, seen from one party. Agreed in the hand-shake.</summary>
public enum Reveal
{
    /// <summary>Both parties learn which of their identifiers are common.</summary>
    Both,
    /// <summary>This party learns it; the peer learns this party's set size only.</summary>
    Own,
    /// <summary>The peer learns it; this party learns the peer's set size only.</summary>
    Peer,
    /// <summary>Both parties learn how many identifiers are common, neither learns which.</summary>
    Size,
}

/// <summary>From what a session reveals to what that is to one of its parties.</summary>
public static class RevealSides
{
    /// <summary>What a session reveals, seen from one party.</summary>
    /// <param name="reveal">Who learns the result.</param>
    /// <param name="initiator">Whether the party is the initiator.</param>
    public static Reveal SeenFrom(this RevealTo reveal, bool initiator) => reveal switch
    {
        RevealTo.Both => Reveal.Both,
        RevealTo.Size => Reveal.Size,
        _ => (reveal == RevealTo.Initiator) == initiator ? Reveal.Own : Reveal.Peer,
    };
}
