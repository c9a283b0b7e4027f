using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Engines;

/// <summary>A way to answer the parties' questions: what it needs of them, and what it does in a session's turns.</summary>
internal interface ILinkerEngine
{
    /// <summary>Which one.</summary>
    QueryEngine Kind { get; }

    /// <summary>Whether rows follow a registration; else there is nothing to wait for.</summary>
    bool HasRows { get; }

    /// <summary>Takes what a party sends with its registration, checked.</summary>
    /// <param name="session">The session.</param>
    /// <param name="party">The party.</param>
    /// <param name="body">What it sent; empty for nothing.</param>
    /// <returns>What the party is to hear of it; null for nothing. After a kill the same.</returns>
    byte[]? Register(string session, string party, ReadOnlySpan<byte> body) => null;

    /// <summary>
    /// Its matters in the turns of a session, in the order in which they are looked at. Messages for an engine that is not the session's are refused by
    /// it, so every session has all.
    /// </summary>
    IReadOnlyList<ISessionArea<LinkSession>> AreasOf(LinkSession session);

    /// <summary>Lets go of what it holds in memory for a session that is over; its files are deleted next.</summary>
    void Release(string session);
}
