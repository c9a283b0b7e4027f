using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Engines.Masked;

/// <summary>Ends queries without a product.</summary>
internal sealed class ProductEnding
{
    /// <summary>Ends a query and tells the asking party why, unless it said so itself. One that is over already stays as it is.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="query">Query id.</param>
    /// <param name="fault">Why.</param>
    /// <param name="isTold">Whether the asking party is told.</param>
    /// <param name="asker">Who asks, where the query is not open here.</param>
    /// <param name="finish">The slot of the message that it ends by.</param>
    public TurnOutcome End(Turn<LinkSession> turn, string query, Fault fault, bool isTold = true, string? asker = null, string? finish = null)
    {
        var session = turn.Session;
        var next = session.CloseProduct(query, ProductTrigger.End);
        return turn.Commit(next, effects =>
        {
            if (finish is not null)
            {
                effects.Finish(finish);
            }

            if (ReferenceEquals(next, session))
            {
                return;
            }

            if (isTold && (asker ?? session.Products.GetValueOrDefault(query)?.Asker) is { } to && session.HasRegistered(to))
            {
                effects.Send(to, new QueryRefused(session.Id, query, fault.Code, fault.Reason));
            }

            foreach (var registration in session.Registrations)
            {
                FinishRows(effects, session.Id, registration.Party, query);
            }

            effects.Audit("product-ended", ("session", session.Id), ("query", query), ("code", fault.Code));
        });
    }

    /// <summary>What waits of a party's contribution to a query is dealt with, also what came while the turn lasted.</summary>
    public static void FinishRows(Effects effects, string session, string party, string query)
    {
        foreach (var slot in effects.State.PendingSlots(session, $"{SlotKinds.Of(SlotKinds.MaskedRows, party, query)}/")
            .Append(SlotKinds.Of(SlotKinds.Correction, party, query)).Append(SlotKinds.Of(SlotKinds.Tables, party, query))
            .Append(SlotKinds.Of(SlotKinds.Spoilt, party, query)))
        {
            effects.Finish(slot);
        }
    }
}
