using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Protocols.Evaluation;

/// <summary>What is computed over a batch.</summary>
public enum EvaluationKind
{
    /// <summary>Identifiers in, masked group elements out (<see cref="Ecdh.EcdhParty"/>).</summary>
    EcdhMask = 1,
    /// <summary>The peer's masked elements in, comparison tags out.</summary>
    EcdhRemask = 2,
    /// <summary>Identifiers in, blinded messages out (<see cref="BlindRsa.BlindRsaParty"/>).</summary>
    RsaBlind = 16,
    /// <summary>Blinded messages in, blind signatures out.</summary>
    RsaSign = 17,
    /// <summary>Identifiers and blind signatures in, comparison tags out.</summary>
    RsaFinalize = 18,
    /// <summary>Identifiers in, comparison tags of their signatures out.</summary>
    RsaTags = 19,
}

/// <summary>
/// One batch to evaluate: everything the computation needs, so that any process with the same code can do it, and twice gives the same. Holds secrets and
/// identifiers: it leaves the process only encrypted.
/// </summary>
/// <param name="Kind">What to compute.</param>
/// <param name="Parameters">Public parameters, laid out by the kind.</param>
/// <param name="Secret">The party's secret for this computation; owned by the protocol party.</param>
/// <param name="Input">The batch.</param>
/// <param name="ResultSizeBytes">Length the result must have.</param>
public sealed record EvaluationRequest(EvaluationKind Kind, ReadOnlyMemory<byte> Parameters,
    SecretBytes Secret, ReadOnlyMemory<byte> Input, int ResultSizeBytes);
