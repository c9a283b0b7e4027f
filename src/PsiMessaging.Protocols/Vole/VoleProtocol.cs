using System.Runtime.Intrinsics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Choice;

namespace PsiMessaging.Protocols.Vole;

/// <summary>The protocol <c>vole</c>: <see cref="VoleParty"/>. It rests on a younger assumption than the others, so that people have to allow it.</summary>
public sealed class VoleProtocol : VectorProtocol
{
    private const string Block = "AES-128 blocks";

    private VoleProtocol()
    {
    }

    /// <summary>The one descriptor.</summary>
    public static VoleProtocol Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "vole";

    /// <inheritdoc/>
    public override bool NeedsConsent => true;

    /// <inheritdoc/>
    public override bool HasMaliciousVariant => true;

    /// <inheritdoc/>
    public override bool CanRestart => true;

    /// <inheritdoc/>
    public override int HighestRound => VoleSettings.MatchesRound;

    /// <inheritdoc/>
    public override int MaximumBatchBytes => VoleSettings.BatchSizeBytes;

    /// <inheritdoc/>
    /// <remarks>The sender's outputs, the receiver's matches.</remarks>
    public override IReadOnlyList<int> ReleasingRounds { get; } = [VoleSettings.OutputsRound, VoleSettings.MatchesRound];

    /// <inheritdoc/>
    public override string? FaultOf(SetSizes sizes, RevealTo reveal)
    {
        var (receiver, sender) = sizes.Sides(reveal);
        return receiver <= VoleSettings.MaximumReceiverSize && sender <= VoleSettings.MaximumSenderSize ? null
            : $"the protocol {Name} takes {VoleSettings.MaximumReceiverSize:N0} identifiers of its receiver "
                + $"and {VoleSettings.MaximumSenderSize:N0} of its sender at most, not {receiver:N0} and {sender:N0}; "
                + $"take --protocol {PsiProtocols.All[0].Name}";
    }

    /// <inheritdoc/>
    public override IVectorParty Open(PartySetup setup) => VoleParty.Create(
        SettingsOf(setup.Transcript, setup.Sizes, setup.RevealTo, setup.Security),
        setup.Sizes.InitiatorReceives(setup.RevealTo) == setup.IsInitiator, setup.Seed,
        setup.HashItems ?? throw new ArgumentException("a party over whole vectors hashes its own set", nameof(setup)), setup.Cores);

    /// <inheritdoc/>
    public override long EstimatedMemoryBytes(SetSizes sizes, RevealTo reveal, SecurityModel security, bool initiator) =>
        SettingsOf([], sizes, reveal, security).EstimatedMemoryBytes(sizes.InitiatorReceives(reveal) == initiator);

    /// <inheritdoc/>
    public override double Seconds(SetSizes sizes, RevealTo reveal, ProtocolCosts costs, int cores)
    {
        var (receiver, sender) = sizes.Sides(reveal);
        return costs.Vole(receiver, sender);
    }

    /// <inheritdoc/>
    /// <remarks>
    /// A row is hashed for its start, its band each time it is used, its value and its output; trees and code follow the receiver's set.
    /// </remarks>
    public override IReadOnlyDictionary<string, long> OperationsOf(SetSizes sizes, RevealTo reveal, bool reuse)
    {
        var (receiver, sender) = sizes.Sides(reveal);
        var length = (long)(2.2 * receiver);
        return new Dictionary<string, long> { [Block] = (9L * receiver) + (5L * sender) + (2 * ((2 * length) + (4L * receiver))) };
    }

    /// <inheritdoc/>
    public override PrimitiveSamples Samples(int rsaBits)
    {
        var aes = new Aes128(new byte[Aes128.KeySizeBytes]);
        var blocks = new Vector128<byte>[4096];
        return new PrimitiveSamples([new(Block, blocks.Length, () => aes.Hash(blocks, blocks))], aes);
    }

    private static VoleSettings SettingsOf(byte[] transcript, SetSizes sizes, RevealTo reveal, SecurityModel security)
    {
        var (receiver, sender) = sizes.Sides(reveal);
        return new VoleSettings(transcript, receiver, sender, security == SecurityModel.Malicious, AnswersResult: reveal == RevealTo.Both);
    }
}
