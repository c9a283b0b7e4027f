namespace PsiMessaging.Protocols.Evaluation;

/// <summary>The computation of one kind: the batch's result, whose length follows from kind and count.</summary>
internal delegate Task<byte[]> Evaluate(EvaluationRequest request, ComputeThreads threads, CancellationToken cancellation);

/// <summary>Carries out <see cref="EvaluationRequest"/>s: the one place where the costly arithmetic runs, in a party's worker or in a compute worker.</summary>
public static class Evaluator
{
    private static readonly Dictionary<EvaluationKind, Evaluate> Evaluations =
        new(PsiProtocols.All.OfType<BatchProtocol>().SelectMany(protocol => protocol.Evaluations));

    /// <summary>Evaluates one batch.</summary>
    /// <returns>The result, whose length follows from kind and count.</returns>
    /// <exception cref="ProtocolViolationException">The peer's batch has a bad element.</exception>
    /// <exception cref="ArgumentException">The request is not well formed; can come only from a fault of ours.</exception>
    public static Task<byte[]> EvaluateAsync(EvaluationRequest request, ComputeThreads threads, CancellationToken cancellation) =>
        Evaluations.TryGetValue(request.Kind, out var evaluate) ? evaluate(request, threads, cancellation)
            : throw new ArgumentException($"evaluation {request.Kind} is not known", nameof(request));
}
