namespace PsiMessaging.Protocols;

/// <summary>One party's side of a protocol in one session. The same inputs give the same bytes after any restart and on any machine.</summary>
public interface ISessionParty : IDisposable
{
    /// <summary>The rounds of this protocol, seen from this party.</summary>
    IReadOnlyList<Round> Rounds { get; }

    /// <summary>Bytes of a comparison tag in this session, from <see cref="FalseMatchBound"/>.</summary>
    int TagSizeBytes { get; }
}
