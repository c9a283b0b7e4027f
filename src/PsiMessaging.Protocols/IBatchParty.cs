using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols;

/// <summary>
/// A party that is pure and without memory of batches: it says which rounds there are and what has to be computed for a batch; whoever drives it streams,
/// stores and sends.
/// </summary>
public interface IBatchParty : ISessionParty
{
    /// <summary>
    /// The costly computation for one batch. Its result is, for an <see cref="RoundDirection.Outgoing"/> round made from items, the batch to send; for an
    /// <see cref="RoundDirection.Incoming"/> round, what is kept (<see cref="Round.Keeps"/>) and what is sent back in the reply round, if there is one.
    /// </summary>
    /// <param name="round">A round of this party that is not a reply.</param>
    /// <param name="sequence">Batch, from 0.</param>
    /// <param name="items">The batch's own identifiers as <see cref="PackedItems"/>, where the round is made from items or <see cref="Round.WithItems"/>; else
    /// empty.</param>
    /// <param name="payload">The incoming batch, whose length the caller has checked; empty for an outgoing round.</param>
    /// <returns>Null when there is nothing to compute: the incoming batch is kept as it came.</returns>
    EvaluationRequest? Evaluate(Round round, int sequence, ReadOnlyMemory<byte> items, ReadOnlyMemory<byte> payload);
}
