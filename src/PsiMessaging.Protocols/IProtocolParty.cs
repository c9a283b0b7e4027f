using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols;

/// <summary>
/// One party's side of a protocol in one session. Pure and without memory of batches: it says which rounds there are and what has to be computed for a batch;
/// whoever drives it streams, stores and sends. The same inputs give the same bytes after any restart and on any machine.
/// </summary>
public interface IProtocolParty : IDisposable
{
    /// <summary>The rounds of this protocol, seen from this party.</summary>
    IReadOnlyList<Round> Rounds { get; }

    /// <summary>Bytes of a comparison tag in this session, from <see cref="FalseMatchBound"/>.</summary>
    int TagSizeBytes { get; }

    /// <summary>
    /// The costly computation for one batch. Its result is, for an <see cref="RoundDirection.Outgoing"/> round made from items, the batch to send; for an
    /// <see cref="RoundDirection.Incoming"/> round, what is kept (<see cref="Round.Keeps"/>) and what is sent back in the reply round, if there is one.
    /// </summary>
    /// <param name="round">A round of this party that is not a reply.</param>
    /// <param name="sequence">Batch, from 0.</param>
    /// <param name="items">The batch's own identifiers as <see cref="PackedItems"/>, where the round is made from items or <see cref="Round.WithItems"/>; else empty.</param>
    /// <param name="payload">The incoming batch, whose length the caller has checked; empty for an outgoing round.</param>
    /// <returns>Null when there is nothing to compute: the incoming batch is kept as it came.</returns>
    EvaluationRequest? Evaluate(Round round, int sequence, ReadOnlyMemory<byte> items, ReadOnlyMemory<byte> payload);
}
