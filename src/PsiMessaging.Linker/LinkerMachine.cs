using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker;

/// <summary>
/// What becomes of a session at the linker by what happens: every cell of the table. A point is let pass; a cross is a fault of ours, for the areas see
/// to it that it does not happen.
/// </summary>
internal static class LinkerMachine
{
    private static readonly TransitionTable<LinkState, LinkTrigger> Table = new("session", """
        from      | Open      Overtake Take      Complete End     Fault
        -         | Receiving Deleted  ✗         ✗        ✗       ✗
        Receiving | ·         ·        Receiving Ready    Deleted Failed
        Ready     | ·         ·        ✗         ✗        Deleted Failed
        Deleted   | ·         ·        ✗         ✗        ·       ·
        Failed    | ·         ·        ✗         ✗        ·       ·
        """);

    /// <inheritdoc cref="TransitionTable{TState, TTrigger}.Next"/>
    public static LinkState Next(LinkState? from, LinkTrigger trigger) => Table.Next(from, trigger);
}
