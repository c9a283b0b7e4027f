using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Sealing;

/// <summary>Between what a participant signs and what the broker carries.</summary>
public interface IFrameSealing : IDisposable
{
    /// <summary>Seals a message to its receiver.</summary>
    /// <param name="message">From the outbox.</param>
    /// <returns>Null where there is nobody to seal it to any more: its receiver is not pinned, or the session has no channel.</returns>
    byte[]? Seal(OutgoingMessage message);

    /// <summary>Opens what came.</summary>
    /// <exception cref="Envelopes.RejectedEnvelopeException">It is not sealed to a key of this participant's, or was altered.</exception>
    OpenedFrame Open(ReadOnlyMemory<byte> bytes);

    /// <summary>Wipes what memory holds of the keys of a session that is over.</summary>
    void Forget(string session);
}

/// <summary>To which own key a frame was sealed.</summary>
/// <param name="Session">The session whose key it is; null for the participant's long-lived key.</param>
/// <param name="Peer">For whom the session's key was made.</param>
public sealed record SealedTo(string? Session, string? Peer)
{
    /// <summary>The participant's long-lived key, which is on its card.</summary>
    public static SealedTo Card { get; } = new(null, null);
}

/// <summary>What was in a sealed frame. Who sealed it is not known before its signature is looked at.</summary>
public sealed class OpenedFrame
{
    internal OpenedFrame(ReadOnlyMemory<byte> frame, SealedTo to, ChannelOpening? opening) => (Frame, To, Opening) = (frame, to, opening);

    /// <summary>A frame that was sealed to a session's key, as a test's own hand would.</summary>
    internal OpenedFrame(ReadOnlyMemory<byte> frame, SealedTo to)
        : this(frame, to, null)
    {
    }

    /// <summary>The signed frame; empty where the channel's opening came alone.</summary>
    public ReadOnlyMemory<byte> Frame { get; }

    /// <summary>To which key.</summary>
    public SealedTo To { get; }

    /// <summary>The sender's key of the session, or null.</summary>
    internal ChannelOpening? Opening { get; }
}
