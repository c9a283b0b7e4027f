using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Ristretto;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Choice;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols.Ecdh;

/// <summary>The protocol <c>ecdh</c>: <see cref="EcdhParty"/>. Any sizes, any choice of who learns what.</summary>
public sealed class EcdhProtocol : BatchProtocol
{
    /// <summary>Name of the operation that decodes a group element, multiplies and encodes it.</summary>
    public const string Multiplication = "ristretto255 multiplications";
    /// <summary>Name of the operation that hashes an identifier to the group, multiplies and encodes it.</summary>
    public const string HashedMultiplication = "ristretto255 hashes to the group, multiplied";
    /// <summary>Name of the operation that hashes an identifier to the group and encodes the element.</summary>
    public const string HashToGroup = "ristretto255 hashes to the group";

    private const int SampleElements = 128;

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
        return new Dictionary<string, long> { [Multiplication] = items, [HashedMultiplication] = items };
    }

    /// <inheritdoc/>
    public override PrimitiveSamples Samples(int rsaBits)
    {
        using var seed = SecretBytes.Random(32);
        var scalar = RistrettoScalar.Derive(seed, "psi bench"u8);
        var uniform = new byte[SampleElements * RistrettoBatch.UniformSizeBytes];
        byte[] elements = new byte[SampleElements * RistrettoGroup.ElementSizeBytes], products = new byte[elements.Length];
        Hash(uniform);
        RistrettoBatch.FromUniform(uniform, elements);
        var (element, product) = (elements[..RistrettoGroup.ElementSizeBytes], new byte[RistrettoGroup.ElementSizeBytes]);
        return new PrimitiveSamples(
        [
            new(Multiplication, SampleElements, () => RistrettoBatch.TryMultiply(scalar, elements, products)),
            new(HashedMultiplication, SampleElements, () =>
            {
                Hash(uniform);
                RistrettoBatch.TryMultiplyMapped(scalar, uniform, products);
            }),
        ], scalar)
        {
            References =
            [
                new(HashToGroup, SampleElements, () =>
                {
                    Hash(uniform);
                    RistrettoBatch.FromUniform(uniform, products);
                }),
                new("libsodium: " + Multiplication, 1, () => scalar.TryMultiply(element, product)),
                new("libsodium: " + HashToGroup, 1, () => RistrettoGroup.HashToGroup(SampleTag, "000123456789"u8, product)),
            ],
        };
    }

    private static ReadOnlySpan<byte> SampleTag => "psi bench, a tag of usual length, with a transcript of 32 bytes behind"u8;

    private static void Hash(Span<byte> uniform)
    {
        for (var at = 0; at < uniform.Length; at += RistrettoBatch.UniformSizeBytes)
        {
            RistrettoGroup.HashToUniform(SampleTag, "000123456789"u8, uniform.Slice(at, RistrettoBatch.UniformSizeBytes));
        }
    }
}
