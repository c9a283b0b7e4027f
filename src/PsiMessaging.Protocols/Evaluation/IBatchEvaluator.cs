namespace PsiMessaging.Protocols.Evaluation;

/// <summary>Where batches are evaluated: in this process, or by compute workers.</summary>
public interface IBatchEvaluator : IAsyncDisposable
{
    /// <summary>Whether a session may begin another batch; may change over time.</summary>
    /// <param name="inHand">Batches of that session in hand; with none it always may.</param>
    bool HasRoom(int inHand);

    /// <summary>Evaluates one batch. May be called again for the same batch after a restart.</summary>
    /// <param name="session">Session id.</param>
    /// <param name="round">Round number.</param>
    /// <param name="sequence">Batch.</param>
    /// <param name="request">What to compute.</param>
    /// <param name="cancellation">The session ended.</param>
    /// <exception cref="ProtocolViolationException">The peer's batch has a bad element.</exception>
    Task<byte[]> EvaluateAsync(string session, int round, int sequence, EvaluationRequest request, CancellationToken cancellation);
}
