using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Engines.Masked;

/// <summary>Ends queries that a party takes back.</summary>
/// <param name="ending">How queries end.</param>
internal sealed class Withdrawals(ProductEnding ending) : ISessionArea<LinkSession>
{
    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<LinkSession> turn) =>
        new(turn.Next<WithdrawQuery>(SlotKinds.Withdrawal) is { } withdrawal ? Take(turn, withdrawal) : TurnOutcome.Idle);

    private TurnOutcome Take(Turn<LinkSession> turn, Waiting<WithdrawQuery> waiting)
    {
        var (session, query, from) = (turn.Session, waiting.Message.QueryId, waiting.From);
        if (session.Products.GetValueOrDefault(query) is { } product)
        {
            return product.Asker == from ? ending.End(turn, query, new Fault(FailureCodes.Known(waiting.Message.Code), ""), isTold: false, finish: waiting.Slot)
                : turn.Commit(effects => effects.Finish(waiting.Slot));
        }

        // It may have overtaken the opening, which must find the question taken back, if by who asks. Its own rows for it are over in any case.
        return turn.Commit(session.TakeBack(query, from), effects =>
        {
            effects.Finish(waiting.Slot);
            ProductEnding.FinishRows(effects, session.Id, from, query);
        });
    }
}
