using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Party.Session;

/// <summary>
/// What becomes of a session by what happens: every cell of the table, which docs/architecture.md shows as well. A point is let pass; a cross is a fault of
/// ours, for the areas see to it that it does not happen. That a running session restarts only while nothing was released, and three times at most, is
/// <see cref="Exchange.Attempts"/>' matter.
/// </summary>
internal static class SessionMachine
{
    private static readonly TransitionTable<SessionState, SessionTrigger> Table = new("session", """
        from       | Open      Propose Overtake ProposalSent Answered Accepted Progress Restart Found     Agree     Fault  End
        -          | Preparing Asked   Failed   ✗            ✗        ✗        ✗        ✗       ✗         ✗         ✗      ✗
        Preparing  | ·         ·       ·        Proposed     ✗        ·        ✗        ·       ✗         ✗         Failed Failed
        Proposed   | ·         ·       ·        ✗            ✗        Running  ✗        ·       ✗         ✗         Failed Failed
        Asked      | ·         ·       ·        ✗            Running  ·        ✗        ·       ✗         ✗         Failed Failed
        Running    | ·         ·       ·        ✗            ✗        ·        Running  Running Comparing ✗         Failed Failed
        Comparing  | ·         ·       ·        ✗            ✗        ·        ✗        Failed  ✗         Completed Failed Failed
        Completed  | ·         ·       ·        ✗            ✗        ·        ✗        ·       ✗         ✗         ·      Failed
        Failed     | ·         ·       ·        ✗            ✗        ·        ✗        ·       ✗         ✗         ·      ·
        """);

    /// <summary>The state after a trigger; the same one where it is let pass.</summary>
    /// <param name="from">The state; null where there is no session yet.</param>
    /// <param name="trigger">What happens.</param>
    /// <exception cref="InvalidOperationException">It cannot happen in that state.</exception>
    public static SessionState Next(SessionState? from, SessionTrigger trigger) => Table.Next(from, trigger);
}
