using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Protocols;

/// <summary>
/// Everything from which a protocol makes one party's side of a session. It owns nothing: keys, seed and threads stay the caller's, who keeps them until
/// the party is disposed of.
/// </summary>
public sealed record PartySetup
{
    /// <summary>This party's name.</summary>
    public required string OwnName { get; init; }

    /// <summary>The peer's name.</summary>
    public required string PeerName { get; init; }

    /// <summary>Whether this party opened the session.</summary>
    public required bool IsInitiator { get; init; }

    /// <summary>Number of own identifiers.</summary>
    public required int OwnSize { get; init; }

    /// <summary>Announced size of the peer's set.</summary>
    public required int PeerSize { get; init; }

    /// <summary>Hash of the hand-shake and attempt, 32 bytes; separates this session from every other.</summary>
    public required byte[] Transcript { get; init; }

    /// <summary>This party's secret seed of this attempt, 32 bytes.</summary>
    public required SecretBytes Seed { get; init; }

    /// <summary>Who learns the result.</summary>
    public required RevealTo RevealTo { get; init; }

    /// <summary>Which checks run.</summary>
    public SecurityModel Security { get; init; }

    /// <summary>Own RSA key, where this party signs.</summary>
    public RsaPrivateKey? OwnKey { get; init; }

    /// <summary>Id of the own reusable set, 32 bytes, where one is used.</summary>
    public byte[]? OwnReusableSet { get; init; }

    /// <summary>The peer's RSA key, where the peer signs.</summary>
    public RsaPublicKey? PeerKey { get; init; }

    /// <summary>Id of the peer's reusable set, 32 bytes, where one is used.</summary>
    public byte[]? PeerReusableSet { get; init; }

    /// <summary>Reads the own set, for a <see cref="VectorProtocol"/>; called on one of the threads, once or more.</summary>
    public ItemReader? ReadItems { get; init; }

    /// <summary>Threads, for a <see cref="VectorProtocol"/>.</summary>
    public Cores Cores { get; init; } = Cores.One;

    /// <summary>What the session reveals, seen from this party.</summary>
    public Reveal Reveal => RevealTo.SeenFrom(IsInitiator);

    /// <summary>Both sizes.</summary>
    public SetSizes Sizes => SetSizes.Of(IsInitiator, OwnSize, PeerSize);
}
