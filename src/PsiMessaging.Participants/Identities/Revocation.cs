using System.Text.Json;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Identities;

namespace PsiMessaging.Participants.Identities;

/// <summary>An identity takes itself back: whoever reads it believes the card no more. Signed by the identity, so that nobody else can make one.</summary>
/// <param name="Version">2.</param>
/// <param name="Revokes">The card's fingerprint.</param>
/// <param name="Card">The card.</param>
/// <param name="Signature">Ed25519, 64 bytes.</param>
public sealed record Revocation(int Version, string Revokes, ParticipantCard Card, byte[] Signature)
{
    /// <summary>Takes an identity back.</summary>
    public static Revocation Create(ParticipantCard card, SigningKey signing) => new(2, card.Fingerprint, card, signing.Sign(SignedPart(card.Fingerprint)));

    /// <summary>Reads one; null where the text is something else.</summary>
    /// <exception cref="ParticipantException">It is one that the identity has not signed, or its card is none.</exception>
    public static Revocation? TryParse(string json, string source)
    {
        Revocation? read;
        try
        {
            read = JsonSerializer.Deserialize(json, CardJson.Default.Revocation);
        }
        catch (JsonException)
        {
            return null;
        }

        if (read is not { Revokes: not null, Signature: not null, Card: { Name: not null } card }
            || card is not { SigningKey: not null, AgreementKey: not null, SealingKey: not null })
        {
            return null;
        }

        card = ParticipantCard.Parse(card.ToJson(), $"{source}: what is revoked");
        return read.Version == 2 && read.Revokes == card.Fingerprint && SigningKey.Verify(card.SigningKey, SignedPart(read.Revokes), read.Signature) ? read
            : throw new ParticipantException(FailureCodes.Malformed, $"{source} is a revocation that its identity has not signed; nothing was revoked");
    }

    /// <summary>As a file's text.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, CardJson.Default.Revocation) + "\n";

    private static byte[] SignedPart(string fingerprint) => [.. DomainTags.Revocation, .. Convert.FromHexString(fingerprint)];
}
