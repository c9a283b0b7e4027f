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

    /// <summary>
    /// Its matters in the turns of a session, in the order in which they are looked at. Messages for an engine that is not the session's are refused by
    /// it, so every session has all.
    /// </summary>
    IReadOnlyList<ISessionArea<LinkSession>> AreasOf(LinkSession session);

    /// <summary>Lets go of what it holds in memory for a session that is over; its files are deleted next.</summary>
    void Release(string session);
}
