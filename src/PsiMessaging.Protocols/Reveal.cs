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
