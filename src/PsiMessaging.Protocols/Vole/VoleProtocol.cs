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
    public override int HighestRound => VoleShards.Maximum * VoleSettings.MatchesRound;

    /// <inheritdoc/>
    public override int HighestRoundOf(SetSizes sizes, RevealTo reveal) => ShardsOf(sizes, reveal).Count * VoleSettings.MatchesRound;

    /// <inheritdoc/>
    public override int MaximumBatchBytes => VoleSettings.BatchSizeBytes;

    /// <inheritdoc/>
    /// <remarks>The sender's outputs, the receiver's matches, of every shard.</remarks>
    public override IReadOnlyList<int> ReleasingRounds { get; } = [.. Enumerable.Range(0, VoleShards.Maximum)
        .SelectMany(shard => new[] { VoleSettings.OutputsRound, VoleSettings.MatchesRound }.Select(round => (shard * VoleSettings.MatchesRound) + round))];

    /// <inheritdoc/>
    public override string? FaultOf(SetSizes sizes, RevealTo reveal)
    {
        var (receiver, sender) = sizes.Sides(reveal);
        return receiver <= VoleShards.LargestSet && sender <= VoleShards.LargestSet ? null
            : $"the protocol {Name} takes {VoleShards.LargestSet:N0} identifiers of each party at most, not {receiver:N0} of its receiver "
                + $"and {sender:N0} of its sender; "
                + $"take --protocol {PsiProtocols.All[0].Name}";
    }

    /// <inheritdoc/>
    public override IVectorParty Open(PartySetup setup)
    {
        var read = setup.ReadItems ?? throw new ArgumentException("a party over whole vectors reads its own set", nameof(setup));
        var shards = ShardsOf(setup.Sizes, setup.RevealTo);
        return shards.Count > 1 ? new ShardedVoleParty(shards, setup) : VoleParty.Create(
            SettingsOf(setup.Transcript, setup.Sizes, setup.RevealTo, setup.Security),
            setup.Sizes.InitiatorReceives(setup.RevealTo) == setup.IsInitiator, setup.Seed,
            (both, cancellation) => Hash(read, setup.OwnSize, both, setup.Transcript, cancellation), setup.Cores);
    }

    private static ItemHashes Hash(ItemReader read, int size, bool both, byte[] transcript, CancellationToken cancellation)
    {
        var hashes = new ItemHashes(size, both, transcript);
        try
        {
            read(hashes.Add, cancellation);
            return hashes;
        }
        catch
        {
            hashes.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <remarks>Of one shard where the sets are cut, and the positions of its items.</remarks>
    public override long EstimatedMemoryBytes(SetSizes sizes, RevealTo reveal, SecurityModel security, bool initiator)
    {
        var (shards, receives, own) = (ShardsOf(sizes, reveal), sizes.InitiatorReceives(reveal) == initiator, initiator ? sizes.Initiator : sizes.Responder);
        var settings = SettingsOf([], sizes, reveal, security).EstimatedMemoryBytes(receives);
        return shards.Count == 1 ? settings : settings + (4L * (receives ? shards.ReceiverSize : shards.SenderSize)) + (own / 4);
    }

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

    private static VoleShards ShardsOf(SetSizes sizes, RevealTo reveal)
    {
        var (receiver, sender) = sizes.Sides(reveal);
        return VoleShards.Of(receiver, sender);
    }

    private static VoleSettings SettingsOf(byte[] transcript, SetSizes sizes, RevealTo reveal, SecurityModel security)
    {
        var (receiver, sender) = sizes.Sides(reveal);
        return ShardedVoleParty.Settings(VoleShards.Of(receiver, sender), receiver, sender, transcript,
            security == SecurityModel.Malicious, answers: reveal == RevealTo.Both);
    }
}
