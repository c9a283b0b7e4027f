namespace PsiMessaging.Messaging;

/// <summary>The one message type MassTransit sees: a signed frame, opaque to it and to the broker.</summary>
/// <param name="Bytes">A frame as Participants' Envelope lays it out.</param>
public sealed record EnvelopeFrame(ReadOnlyMemory<byte> Bytes);
