using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Ristretto;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Choice;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols.Ecdh;

/// <summary>The protocol <c>ecdh</c>: <see cref="EcdhParty"/>. Any sizes, any choice of who learns what.</summary>
public sealed class EcdhProtocol : BatchProtocol
{
    /// <summary>Name of the operation that multiplies a group element.</summary>
    public const string Multiplication = "ristretto255 multiplications";
    /// <summary>Name of the operation that hashes an identifier to the group.</summary>
    public const string HashToGroup = "ristretto255 hashes to the group";

    private EcdhProtocol()
    {
    }

    /// <summary>The one descriptor.</summary>
    public static EcdhProtocol Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "ecdh";

    /// <inheritdoc/>
    public override bool RevealsSize => true;

    /// <inheritdoc/>
    public override int HighestRound => 3;

    /// <inheritdoc/>
    public override int MaximumBatchBytes => EcdhParty.MaximumBatchElements * RistrettoGroup.ElementSizeBytes;

    /// <inheritdoc/>
    internal override IReadOnlyDictionary<EvaluationKind, Evaluate> Evaluations { get; } = new Dictionary<EvaluationKind, Evaluate>
    {
        [EvaluationKind.EcdhMask] = EcdhEvaluation.MaskAsync,
        [EvaluationKind.EcdhRemask] = EcdhEvaluation.RemaskAsync,
    };

    /// <inheritdoc/>
    public override IBatchParty Open(PartySetup setup) => new EcdhParty(setup.OwnSize, setup.PeerSize, setup.Transcript, setup.Seed, setup.Reveal);

    /// <inheritdoc/>
    public override double Seconds(SetSizes sizes, RevealTo reveal, ProtocolCosts costs, int cores) => costs.Ecdh(sizes.Initiator, sizes.Responder, cores);

    /// <inheritdoc/>
    /// <remarks>Each set is hashed once, masked by its owner and again by the other.</remarks>
    public override IReadOnlyDictionary<string, long> OperationsOf(SetSizes sizes, RevealTo reveal, bool reuse)
    {
        var items = (long)sizes.Initiator + sizes.Responder;
        return new Dictionary<string, long> { [Multiplication] = 2 * items, [HashToGroup] = items };
    }

    /// <inheritdoc/>
    public override PrimitiveSamples Samples(int rsaBits)
    {
        using var seed = SecretBytes.Random(32);
        var scalar = RistrettoScalar.Derive(seed, "psi bench"u8);
        byte[] element = new byte[RistrettoGroup.ElementSizeBytes], product = new byte[RistrettoGroup.ElementSizeBytes];
        RistrettoGroup.HashToGroup("psi bench"u8, "item"u8, element);
        return new PrimitiveSamples(
        [
            new(Multiplication, 1, () => scalar.TryMultiply(element, product)),
            new(HashToGroup, 1,
                () => RistrettoGroup.HashToGroup("psi bench, a tag of usual length, with a transcript of 32 bytes behind"u8, "000123456789"u8, product)),
        ], scalar);
    }
}
