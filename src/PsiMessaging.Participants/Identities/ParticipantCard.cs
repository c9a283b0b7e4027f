using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Identities;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants.Naming;

namespace PsiMessaging.Participants.Identities;

/// <summary>What a participant is.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ParticipantRole>))]
public enum ParticipantRole
{
    /// <summary>Holds data.</summary>
    [JsonStringEnumMemberName("party")]
    Party,
    /// <summary>Joins what it cannot read.</summary>
    [JsonStringEnumMemberName("linker")]
    Linker,
}

/// <summary>
/// A participant's public card: handed to the others by a channel they trust, and pinned there. Self-signed, so that a garbled one is noticed.
/// </summary>
/// <param name="Version">2.</param>
/// <param name="Name">The participant's name.</param>
/// <param name="Role">Party or linker.</param>
/// <param name="SigningKey">Ed25519 public key, 32 bytes.</param>
/// <param name="AgreementKey">X25519 public key, 32 bytes.</param>
/// <param name="SealingKey">X-Wing public key (ML-KEM-768 with X25519), 1,216 bytes: what messages that open a session are sealed to.</param>
/// <param name="Expires">The last day, UTC, on which it is believed.</param>
/// <param name="Signature">Ed25519 over the rest, 64 bytes.</param>
/// <param name="Succeeds">Where it follows an earlier identity: that one's word.</param>
public sealed record ParticipantCard(
    int Version, string Name, ParticipantRole Role, byte[] SigningKey, byte[] AgreementKey, byte[] SealingKey, DateOnly Expires,
    byte[] Signature, CardSuccession? Succeeds = null)
{
    /// <summary>How long a new card is believed, in days.</summary>
    public const int UsualDays = 730;

    /// <summary>
    /// 32 hexadecimal digits: a hash of everything but the signatures and the last day, so that a card of the same keys that is believed longer has the same.
    /// </summary>
    [JsonIgnore]
    public string Fingerprint => Convert.ToHexStringLower(SHA256.HashData([.. DomainTags.Fingerprint, .. Identity()]).AsSpan(0, 16));

    /// <summary>The fingerprint as eight words that two people can read to each other.</summary>
    [JsonIgnore]
    public string SpokenFingerprint => Proquint.Encode(Convert.FromHexString(Fingerprint));

    /// <summary>Makes a card.</summary>
    public static ParticipantCard Create(string name, ParticipantRole role, SigningKey signing, byte[] agreementKey, byte[] sealingKey, DateOnly expires)
    {
        var unsigned = new ParticipantCard(CurrentVersion, name, role, signing.PublicKey, agreementKey, sealingKey, expires, []);
        return unsigned with { Signature = signing.Sign(unsigned.SignedPart()) };
    }

    /// <summary>The one version there is.</summary>
    private const int CurrentVersion = 2;

    private const string PinnedCard = "a pinned card cannot be read there; its people see which";

    /// <summary>Reads a card file's text.</summary>
    /// <exception cref="ParticipantException">Not a card, or its signature does not verify.</exception>
    public static ParticipantCard Parse(string json, string source)
    {
        ParticipantCard? card;
        try
        {
            card = JsonSerializer.Deserialize(json, CardJson.Default.ParticipantCard);
        }
        catch (JsonException exception)
        {
            throw new ParticipantException(FailureCodes.Malformed,
                $"{source} is not a participant's card; make one with: psi card", exception) { ForPeer = PinnedCard };
        }

        if (card is { Version: not CurrentVersion })
        {
            throw new ParticipantException(FailureCodes.Malformed, $"{source} is a card of version {card.Version}, and this is version {CurrentVersion}: "
                + (card.Version < CurrentVersion ? "ask for a new one, made by psi card of the same release as here"
                    : "a newer release made it; update this one"))
            {
                ForPeer = PinnedCard,
            };
        }

        return card is { Name: not null, Role: ParticipantRole.Party or ParticipantRole.Linker, Signature: not null }
            && card is { SigningKey.Length: 32, AgreementKey.Length: 32, SealingKey.Length: HybridKey.PublicKeySizeBytes }
            && ParticipantNames.IsValid(card.Name)
            && Cryptography.Identities.SigningKey.Verify(card.SigningKey, card.SignedPart(), card.Signature)
            ? card
            : throw new ParticipantException(FailureCodes.Malformed,
                $"{source} is a damaged card: its signature does not verify; ask for it again") { ForPeer = PinnedCard };
    }

    /// <summary>Whether its keys can be used: the agreement key is not of small order, the sealing key is one.</summary>
    internal bool HasUsableKeys()
    {
        using var probe = new AgreementKey(SecretBytes.Random(Cryptography.Identities.AgreementKey.SizeBytes));
        using var agreed = probe.TryAgree(AgreementKey);
        using var sealing = Participants.Sealing.SealingKey.TryCreate(SealingKey, []);
        return agreed is not null && sealing is not null;
    }

    /// <summary>The card as a file's text.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, CardJson.Default.ParticipantCard) + "\n";

    private byte[] SignedPart() => [.. DomainTags.Card, .. Identity(), .. BitConverter.GetBytes(Expires.DayNumber)];

    private byte[] Identity() =>
        [(byte)Version, (byte)Role, (byte)Name.Length, .. Encoding.UTF8.GetBytes(Name), .. SigningKey, .. AgreementKey, .. SealingKey];

    /// <summary>
    /// Whether it is believed still: through the day after its last, so that nobody's clock has to be right by the hour.
    /// </summary>
    public bool IsValidAt(DateTimeOffset now) => DateOnly.FromDateTime(now.UtcDateTime).AddDays(-1) <= Expires;

    /// <summary>Whether the identity of an earlier card has named this one as its successor, or is the same identity.</summary>
    public bool Follows(ParticipantCard earlier) => Name == earlier.Name && Role == earlier.Role && (SigningKey.AsSpan().SequenceEqual(earlier.SigningKey)
        || (Succeeds is { } succession && succession.Fingerprint == earlier.Fingerprint
            && Cryptography.Identities.SigningKey.Verify(earlier.SigningKey, SuccessionPart(earlier.Fingerprint, Fingerprint), succession.Signature)));

    /// <summary>What the earlier identity signs.</summary>
    internal static byte[] SuccessionPart(string earlier, string later) =>
        [.. DomainTags.Succession, .. Convert.FromHexString(earlier), .. Convert.FromHexString(later)];
}

/// <summary>The word of an earlier identity that a card is its successor's.</summary>
/// <param name="Fingerprint">Of the earlier card.</param>
/// <param name="Signature">Ed25519 of the earlier identity, 64 bytes.</param>
public sealed record CardSuccession(string Fingerprint, byte[] Signature);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Revocation))]
[JsonSerializable(typeof(CardSuccession))]
[JsonSerializable(typeof(ParticipantCard))]
[JsonSerializable(typeof(ParticipantConfig))]
internal sealed partial class CardJson : JsonSerializerContext;
