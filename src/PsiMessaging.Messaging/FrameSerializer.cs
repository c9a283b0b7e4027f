using System.Net.Mime;
using System.Runtime.InteropServices;
using System.Runtime.Serialization;
using MassTransit;

namespace PsiMessaging.Messaging;

/// <summary>
/// Puts a frame's bytes into MassTransit's transport within one process as they are: no base64, no JSON, no second envelope. Nothing is ever read through it:
/// the inboxes take bytes before MassTransit looks at a message (<see cref="FrameFilter"/>).
/// </summary>
public sealed class FrameSerializer : ISerializerFactory, IMessageSerializer
{
    /// <summary>Content type of our messages. Nobody looks at that of a received one.</summary>
    public static readonly ContentType FrameContentType = new("application/vnd.psimessaging.frame.v1");

    /// <inheritdoc cref="IMessageSerializer.ContentType"/>
    public ContentType ContentType => FrameContentType;

    /// <inheritdoc/>
    public IMessageSerializer CreateSerializer() => this;

    /// <inheritdoc/>
    public IMessageDeserializer CreateDeserializer() => new NoDeserializer();

    /// <inheritdoc/>
    public MessageBody GetMessageBody<T>(SendContext<T> context)
        where T : class =>
        context.Message is EnvelopeFrame frame ? new FrameBody(frame.Bytes) : throw new SerializationException($"only frames are sent, not {typeof(T).Name}");

    /// <summary>MassTransit asks for one; frames are taken before it is used.</summary>
    private sealed class NoDeserializer : IMessageDeserializer
    {
        public ContentType ContentType => FrameContentType;

        public ConsumeContext Deserialize(ReceiveContext receiveContext) => throw NothingIsRead();

        public SerializerContext Deserialize(MessageBody body, Headers headers, Uri? destinationAddress = null) => throw NothingIsRead();

        public MessageBody GetMessageBody(string text) => throw NothingIsRead();

        public void Probe(ProbeContext context) => context.CreateScope("psi-nothing-is-read");

        private static SerializationException NothingIsRead() => new("frames are taken before anything is deserialised");
    }

    private sealed class FrameBody(ReadOnlyMemory<byte> bytes) : MessageBody
    {
        public long? Length => bytes.Length;

        public Stream GetStream() => new MemoryStream(GetBytes(), writable: false);

        /// <summary>Frames are long and nobody changes them: where the array is the frame's own, it is not copied.</summary>
        public byte[] GetBytes() =>
            MemoryMarshal.TryGetArray(bytes, out var segment) && segment.Offset == 0
                && segment.Count == segment.Array!.Length ? segment.Array : bytes.ToArray();

        public string GetString() => throw new SerializationException("a frame is not text");
    }
}
