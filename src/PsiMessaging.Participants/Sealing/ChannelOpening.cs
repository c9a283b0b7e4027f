using System.Text;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Identities;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;

namespace PsiMessaging.Participants.Sealing;

/// <summary>
/// A participant's key of one session for one other participant, signed by its identity: what the other seals to from then on. Nobody else's key can be put in
/// its place, and it serves in no other session and for nobody else.
/// </summary>
/// <param name="Key">The public key of the session, <see cref="HybridKey.PublicKeySizeBytes"/>.</param>
/// <param name="Signature">Ed25519, 64 bytes.</param>
internal sealed record ChannelOpening(byte[] Key, byte[] Signature)
{
    public const int SizeBytes = HybridKey.PublicKeySizeBytes + SigningKey.SignatureSizeBytes;

    public static ChannelOpening Create(ParticipantHome sender, ParticipantCard receiver, string session, byte[] key) =>
        new(key, sender.Signing.Sign(SignedPart(sender.Card, receiver, session, key)));

    public static ChannelOpening Read(ReadOnlySpan<byte> bytes) => bytes.Length < SizeBytes
        ? throw new RejectedEnvelopeException("what is sealed in the frame has not the form it must have")
        : new(bytes[..HybridKey.PublicKeySizeBytes].ToArray(), bytes[HybridKey.PublicKeySizeBytes..SizeBytes].ToArray());

    public void Write(Span<byte> bytes)
    {
        Key.CopyTo(bytes);
        Signature.CopyTo(bytes[Key.Length..]);
    }

    /// <summary>Whether its sender made it for this receiver and session.</summary>
    public bool IsSignedBy(ParticipantCard sender, ParticipantCard receiver, string session) =>
        SigningKey.Verify(sender.SigningKey, SignedPart(sender, receiver, session, Key), Signature);

    private static byte[] SignedPart(ParticipantCard sender, ParticipantCard receiver, string session, byte[] key) =>
        [.. DomainTags.ChannelOpening, .. Convert.FromHexString(sender.Fingerprint), .. Convert.FromHexString(receiver.Fingerprint),
            .. Encoding.ASCII.GetBytes(session), .. key];
}
