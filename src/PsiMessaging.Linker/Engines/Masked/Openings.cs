using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Engines.Masked;

/// <summary>Opens queries: both parties announce their matrices, and must agree.</summary>
/// <param name="linker">The linker.</param>
/// <param name="ending">How queries end.</param>
internal sealed class Openings(LinkerContext linker, ProductEnding ending) : ISessionArea<LinkSession>
{
    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<LinkSession> turn) =>
        new(turn.Session.State == LinkState.Ready && turn.Next<OpenProduct>(SlotKinds.Opening) is { } open ? Take(turn, open) : TurnOutcome.Idle);

    private TurnOutcome Take(Turn<LinkSession> turn, Waiting<OpenProduct> waiting)
    {
        var (session, open, from) = (turn.Session, waiting.Message, waiting.From);
        if (session.StateOf(open.QueryId) == ProductState.Ended || session.IsTakenBack(open.QueryId, open.Asker))
        {
            return ending.End(turn, open.QueryId, new Fault(FailureCodes.Cancelled, ""), isTold: false, finish: waiting.Slot);
        }

        if (OpeningCheck.FaultOf(session, open, from) is { } fault)
        {
            return ending.End(turn, open.QueryId, fault, asker: session.Products.GetValueOrDefault(open.QueryId)?.Asker ?? open.Asker, finish: waiting.Slot);
        }

        // Before rows are let through to them.
        foreach (var registration in session.Registrations)
        {
            PrivateFile.CreateFolder(linker.Folders.OfMaskedRows(session.Id, open.QueryId, registration.Party));
        }

        return turn.Commit(session.OpenProduct(open.QueryId, from, OpeningCheck.ShapeOf(open, from)) with { MaskCounters = Raise(session, open, from) },
            effects => effects.Finish(waiting.Slot));
    }

    /// <summary>Only the asking party's own word raises its counter: the other cannot use it up.</summary>
    private static IReadOnlyDictionary<string, long> Raise(LinkSession session, OpenProduct open, string from) => from != open.Asker ? session.MaskCounters
        : new Dictionary<string, long>(session.MaskCounters) { [from] = Math.Max(open.Counter, session.MaskCounters.GetValueOrDefault(from)) };
}
