using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols.BlindRsa;

/// <summary>
/// The protocol <c>rsa</c>: <see cref="BlindRsaParty"/>. Never <c>auto</c>'s choice: without a set that was signed before it is never the quickest.
/// </summary>
public sealed class BlindRsaProtocol : BatchProtocol
{
    private const string PrivateOperation = "RSA private operations";

    private BlindRsaProtocol()
    {
    }

    /// <summary>The one descriptor.</summary>
    public static BlindRsaProtocol Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "rsa";

    /// <inheritdoc/>
    public override bool HasReusableSets => true;

    /// <inheritdoc/>
    public override bool HasRsaKeys => true;

    /// <inheritdoc/>
    public override bool IsCandidate => false;

    /// <inheritdoc/>
    public override int HighestRound => 3;

    /// <inheritdoc/>
    public override int MaximumBatchBytes =>
        Math.Max(BlindRsaParty.CostlyBatchElements * RsaPublicKey.MaximumBits / 8, BlindRsaParty.PreparedBatchElements * FalseMatchBound.MaximumTagSizeBytes);

    /// <inheritdoc/>
    internal override IReadOnlyDictionary<EvaluationKind, Evaluate> Evaluations { get; } = new Dictionary<EvaluationKind, Evaluate>
    {
        [EvaluationKind.RsaBlind] = BlindRsaEvaluation.BlindAsync,
        [EvaluationKind.RsaSign] = BlindRsaEvaluation.SignAsync,
        [EvaluationKind.RsaFinalize] = BlindRsaEvaluation.FinalizeAsync,
        [EvaluationKind.RsaTags] = BlindRsaEvaluation.TagsAsync,
    };

    /// <inheritdoc/>
    public override bool TakesRsaBits(int? bits) => bits is { } length && RsaPublicKey.IsAllowedLength(length);

    /// <inheritdoc/>
    public override bool Signs(RevealTo reveal, bool initiator) => reveal == RevealTo.Both || reveal == (initiator ? RevealTo.Responder : RevealTo.Initiator);

    /// <inheritdoc/>
    public override IBatchParty Open(PartySetup setup) => new BlindRsaParty(
        setup.OwnSize, setup.PeerSize, setup.Transcript, setup.Seed,
        (setup.OwnName, setup.OwnKey, setup.OwnReusableSet), (setup.PeerName, setup.PeerKey, setup.PeerReusableSet), setup.Reveal);

    /// <inheritdoc/>
    /// <remarks>A receiver's identifiers are signed blinded, a sender's own for its tags, unless they were before.</remarks>
    public override IReadOnlyDictionary<string, long> OperationsOf(SetSizes sizes, RevealTo reveal, bool reuse)
    {
        long initiators = (long)sizes.Initiator + (reuse ? 0 : sizes.Responder), responders = (long)sizes.Responder + (reuse ? 0 : sizes.Initiator);
        return new Dictionary<string, long>
        {
            [PrivateOperation] = (reveal is RevealTo.Both or RevealTo.Initiator ? initiators : 0)
                + (reveal is RevealTo.Both or RevealTo.Responder ? responders : 0),
        };
    }

    /// <inheritdoc/>
    public override PrimitiveSamples Samples(int rsaBits)
    {
        var key = RsaPrivateKey.Generate(rsaBits);
        var arithmetic = RsaArithmetic.Create(key);
        byte[] value = new byte[arithmetic.SizeBytes], result = new byte[arithmetic.SizeBytes];
        BlindRsaSuite.Encode("psi bench"u8, value);
        return new PrimitiveSamples([new(PrivateOperation, 1, () => arithmetic.PrivateOperation(value, result))], arithmetic, key);
    }
}
