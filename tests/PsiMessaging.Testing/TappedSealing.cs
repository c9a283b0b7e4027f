using System.Collections.Concurrent;
using System.Text.Json;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Testing;

/// <summary>
/// Seals as always, and lets the test see what is inside: only where the frame is sealed can that be known, whatever keys are gone when it arrives. It also
/// seals a test's own frames as their sender would, who may be somebody that nobody has changed, or has.
/// </summary>
public sealed class TappedSealing(ParticipantHome home, IParticipantStore store, ConcurrentDictionary<string, byte[]> inside) : IFrameSealing
{
    private readonly FrameSealing _real = new(home, store);

    public byte[]? Seal(OutgoingMessage message)
    {
        var bytes = _real.Seal(message);
        if (bytes is not null)
        {
            inside[MarkOf(bytes)] = message.Frame;
        }

        return bytes;
    }

    public OpenedFrame Open(ReadOnlyMemory<byte> bytes) => _real.Open(bytes);

    /// <summary>Keys in memory: the own ones, and those to others.</summary>
    public (int Incoming, int Outgoing) Held => _real.Held;

    public void Forget(string session) => _real.Forget(session);

    /// <summary>By what a sealed frame is known: its tag.</summary>
    public static string MarkOf(ReadOnlySpan<byte> bytes) => Convert.ToHexString(bytes[^16..]);

    /// <summary>
    /// Seals a signed frame, or what is none, from its sender: to the session's key where the sender has it, and to the card otherwise, as anybody can.
    /// </summary>
    /// <param name="sealing">The sender's; null for somebody who has only the card.</param>
    /// <param name="receiver">Whose card.</param>
    /// <param name="frame">Anything.</param>
    public static byte[] SealAnything(IFrameSealing? sealing, ParticipantHome receiver, byte[] frame)
    {
        try
        {
            if (sealing is not null && Envelope.HeaderOf(frame) is { Session: { } session } header && header.To == receiver.Name
                && sealing.Seal(new OutgoingMessage(0, "", session, receiver.Inbox, frame, false)) is { } bytes)
            {
                return bytes;
            }
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException or IndexOutOfRangeException or NullReferenceException)
        {
            // No frame at all.
        }

        return FrameSealing.SealToCard(receiver.Card, frame);
    }

    public void Dispose() => _real.Dispose();
}
