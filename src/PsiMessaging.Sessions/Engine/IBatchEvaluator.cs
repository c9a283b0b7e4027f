using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Sessions.Engine;

/// <summary>Where batches are evaluated: in this process, or by compute workers.</summary>
public interface IBatchEvaluator : IAsyncDisposable
{
    /// <summary>Batches of one session that may be in hand at once, 1 or more; may change over time.</summary>
    int Capacity { get; }

    /// <summary>Evaluates one batch. May be called again for the same batch after a restart.</summary>
    /// <param name="session">Session id.</param>
    /// <param name="round">Round number.</param>
    /// <param name="sequence">Batch.</param>
    /// <param name="request">What to compute.</param>
    /// <param name="cancellation">The session ended.</param>
    /// <exception cref="Protocols.ProtocolViolationException">The peer's batch has a bad element.</exception>
    Task<byte[]> EvaluateAsync(string session, int round, int sequence, EvaluationRequest request, CancellationToken cancellation);
}

/// <summary>Evaluates in this process.</summary>
/// <param name="parallelism">Cores to use, 1 or more.</param>
public sealed class LocalEvaluator(int parallelism) : IBatchEvaluator
{
    private readonly ComputeThreads _threads = new(parallelism);

    /// <summary>Two: while one batch's result is stored and sent, the next is in work.</summary>
    public int Capacity => 2;

    /// <inheritdoc/>
    public Task<byte[]> EvaluateAsync(string session, int round, int sequence, EvaluationRequest request, CancellationToken cancellation) =>
        Evaluator.EvaluateAsync(request, _threads, cancellation);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _threads.Dispose();
        return ValueTask.CompletedTask;
    }
}
