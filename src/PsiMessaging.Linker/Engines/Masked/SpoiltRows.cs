using System.Text.Json;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Linker.Engines.Masked;

/// <summary>Ends queries whose masked rows were wrong at the door.</summary>
/// <param name="ending">How queries end.</param>
internal sealed class SpoiltRows(ProductEnding ending) : ISessionArea<LinkSession>
{
    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<LinkSession> turn) =>
        new(turn.Slots(SlotKinds.Spoilt).FirstOrDefault() is { } slot ? End(turn, slot) : TurnOutcome.Idle);

    private TurnOutcome End(Turn<LinkSession> turn, string slot)
    {
        var (_, query) = SlotKinds.Read(slot);
        var fault = turn.Read(state => state.FindFrame(turn.Session.Id, slot)) is { } row ? JsonSerializer.Deserialize(row, LinkJson.Default.Fault) : null;
        return fault is null || !turn.Session.Products.ContainsKey(query) ? turn.Commit(effects => effects.Finish(slot))
            : ending.End(turn, query, fault, finish: slot);
    }
}
