namespace PsiMessaging.Protocols;

/// <summary>
/// One party's side of a protocol in one session. Pure: batches in, batches out; no files, no messages, no clock, no randomness but what derives from
/// the session's seed, so the same inputs give the same bytes after any restart. Batches may arrive in any order. Methods are called one at a time;
/// each uses up to the given number of cores by itself.
/// </summary>
public interface IProtocolParty : IDisposable
{
    /// <summary>The rounds of this protocol, seen from this party.</summary>
    IReadOnlyList<Round> Rounds { get; }

    /// <summary>Makes batch <paramref name="sequence"/> of an <see cref="RoundDirection.Outgoing"/> round.</summary>
    byte[] Produce(Round round, int sequence);

    /// <summary>
    /// Handles batch <paramref name="sequence"/> of an <see cref="RoundDirection.Incoming"/> round, whose length the caller has checked against
    /// <see cref="Round.CountOf"/>.
    /// </summary>
    /// <exception cref="ProtocolViolationException">An element is out of range or a check fails.</exception>
    BatchOutcome Consume(Round round, int sequence, ReadOnlySpan<byte> payload);

    /// <summary>Takes back what <see cref="Consume"/> asked to keep, after a restart.</summary>
    void Restore(Round round, int sequence, ReadOnlySpan<byte> kept);

    /// <summary>The common identifiers, once every incoming batch was consumed: indices into this party's own set, ascending.</summary>
    /// <exception cref="ProtocolViolationException">The peer's tags are not distinct.</exception>
    int[] Match();
}
