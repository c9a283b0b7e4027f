namespace PsiMessaging.Protocols.Evaluation;

/// <summary>Evaluates in this process.</summary>
/// <param name="parallelism">Cores to use, 1 or more.</param>
public sealed class LocalEvaluator(int parallelism) : IBatchEvaluator
{
    private readonly ComputeThreads _threads = new(parallelism);

    /// <summary>Two a session: while one batch's result is stored and sent, the next is in work.</summary>
    public bool HasRoom(int inHand) => inHand < 2;

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
