using System.Security.Cryptography;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.HiddenIntersection;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Vole;

namespace PsiMessaging.Protocols.HiddenIntersection;

/// <summary>
/// Everything from which one party's side of a hidden intersection is made. It owns nothing: seed, key and threads stay the caller's, who keeps them until the
/// party is disposed of.
/// </summary>
public sealed record HiddenPartySetup
{
    /// <summary>Hash of the hand-shake and attempt, 32 bytes; separates this session from every other.</summary>
    public required byte[] Transcript { get; init; }

    /// <summary>Whether this party opened the session.</summary>
    public required bool IsInitiator { get; init; }

    /// <summary>Number of own identifiers, without dummies.</summary>
    public required int OwnSize { get; init; }

    /// <summary>Announced size of the peer's set, without dummies.</summary>
    public required int PeerSize { get; init; }

    /// <summary>This party's secret seed of this attempt, 32 bytes.</summary>
    public required SecretBytes Seed { get; init; }

    /// <summary>The key the parties share and the linker has not.</summary>
    public required SecretBytes Shared { get; init; }

    /// <summary>Reads the own set; called on one of the threads, twice.</summary>
    public required ItemReader ReadItems { get; init; }

    /// <summary>Which dummies blur the number of matches.</summary>
    public DummyRule Dummies { get; init; } = DummyRule.Default;

    /// <summary>Threads.</summary>
    public Cores Cores { get; init; } = Cores.One;

    /// <summary>What the linker is told: sizes with dummies, and the length of tokens (<see cref="FalseMatchBound"/>).</summary>
    public HiddenSizes Sizes
    {
        get
        {
            var (initiator, responder) = IsInitiator ? (OwnSize, PeerSize) : (PeerSize, OwnSize);
            var (first, second) = (initiator + Dummies.Dummies, responder + Dummies.Dummies);
            return new HiddenSizes(Transcript, first, second, FalseMatchBound.TagSizeBytes(first, second));
        }
    }

    /// <summary>
    /// The two runs of the pseudorandom function: in the first the initiator is the receiver, and the responder has the key; in the second the other way
    /// round. Neither compares.
    /// </summary>
    internal VoleSettings SettingsOf(int run)
    {
        var sizes = Sizes;
        var (receiver, sender) = run == 0 ? (sizes.InitiatorRecords, sizes.ResponderRecords) : (sizes.ResponderRecords, sizes.InitiatorRecords);
        return new VoleSettings(SHA256.HashData([.. DomainTags.HiddenRun, .. Transcript, (byte)(run + 1)]), receiver, sender, IsMalicious: false,
            AnswersResult: false) { ComparesOutputs = false };
    }
}
