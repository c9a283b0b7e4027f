using System.Collections.Frozen;

namespace PsiMessaging.Party.Session;

/// <summary>
/// What becomes of a session by what happens: every cell of the table, which docs/architecture.md shows as well. A point is let pass; a cross is a fault of ours, for the areas see to it that
/// it does not happen. That a running session restarts only while nothing was released, and three times at most, is <see cref="Exchange.Attempts"/>' matter.
/// </summary>
internal static class SessionMachine
{
    private const string Table = """
        from       | Open      Propose Overtake ProposalSent Answered Accepted Progress Restart Found     Agree     Fault  End
        -          | Preparing Asked   Failed   ✗            ✗        ✗        ✗        ✗       ✗         ✗         ✗      ✗
        Preparing  | ·         ·       ·        Proposed     ✗        ·        ✗        ·       ✗         ✗         Failed Failed
        Proposed   | ·         ·       ·        ✗            ✗        Running  ✗        ·       ✗         ✗         Failed Failed
        Asked      | ·         ·       ·        ✗            Running  ·        ✗        ·       ✗         ✗         Failed Failed
        Running    | ·         ·       ·        ✗            ✗        ·        Running  Running Comparing ✗         Failed Failed
        Comparing  | ·         ·       ·        ✗            ✗        ·        ✗        Failed  ✗         Completed Failed Failed
        Completed  | ·         ·       ·        ✗            ✗        ·        ✗        ·       ✗         ✗         ·      Failed
        Failed     | ·         ·       ·        ✗            ✗        ·        ✗        ·       ✗         ✗         ·      ·
        """;

    private static readonly FrozenDictionary<(string From, SessionTrigger Trigger), string> Cells = Read();

    /// <summary>The state after a trigger.</summary>
    /// <param name="from">The state; null where there is no session yet.</param>
    /// <param name="trigger">What happens.</param>
    /// <returns>The next state; the same one where it is let pass, null where no session comes of it.</returns>
    /// <exception cref="InvalidOperationException">It cannot happen in that state.</exception>
    public static SessionState? Next(SessionState? from, SessionTrigger trigger) => Cells[(from?.ToString() ?? "-", trigger)] switch
    {
        "·" => from,
        "✗" => throw new InvalidOperationException($"{trigger} cannot happen to a session that is {from?.ToString() ?? "not there"}"),
        var next => Enum.Parse<SessionState>(next),
    };

    /// <summary>Whether something changes a session in a state.</summary>
    public static bool IsLetPass(SessionState from, SessionTrigger trigger) => Cells[(from.ToString(), trigger)] == "·";

    private static FrozenDictionary<(string From, SessionTrigger Trigger), string> Read()
    {
        var rows = Table.Split('\n').Select(row => row.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        var triggers = rows[0][2..].Select(Enum.Parse<SessionTrigger>).ToArray();
        return rows[1..].SelectMany(row => row[2..].Select((cell, i) => ((row[0], triggers[i]), cell))).ToFrozenDictionary(cell => cell.Item1, cell => cell.cell);
    }
}
