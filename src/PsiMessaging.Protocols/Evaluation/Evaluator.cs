using PsiMessaging.Protocols.BlindRsa;
using PsiMessaging.Protocols.Ecdh;

namespace PsiMessaging.Protocols.Evaluation;

/// <summary>Carries out <see cref="EvaluationRequest"/>s: the one place where the costly arithmetic runs, in a party's worker or in a compute worker.</summary>
public static class Evaluator
{
    /// <summary>Evaluates one batch.</summary>
    /// <returns>The result, whose length follows from kind and count.</returns>
    /// <exception cref="ProtocolViolationException">The peer's batch has a bad element.</exception>
    /// <exception cref="ArgumentException">The request is not well formed; can come only from a fault of ours.</exception>
    public static Task<byte[]> EvaluateAsync(EvaluationRequest request, ComputeThreads threads, CancellationToken cancellation) => request.Kind switch
    {
        EvaluationKind.EcdhMask => EcdhEvaluation.MaskAsync(request, threads, cancellation),
        EvaluationKind.EcdhRemask => EcdhEvaluation.RemaskAsync(request, threads, cancellation),
        EvaluationKind.RsaBlind => BlindRsaEvaluation.BlindAsync(request, threads, cancellation),
        EvaluationKind.RsaSign => BlindRsaEvaluation.SignAsync(request, threads, cancellation),
        EvaluationKind.RsaFinalize => BlindRsaEvaluation.FinalizeAsync(request, threads, cancellation),
        EvaluationKind.RsaTags => BlindRsaEvaluation.TagsAsync(request, threads, cancellation),
        _ => throw new ArgumentException($"evaluation {request.Kind} is not known", nameof(request)),
    };
}
