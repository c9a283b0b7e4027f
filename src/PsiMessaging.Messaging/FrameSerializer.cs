using System.Diagnostics.CodeAnalysis;
using System.Net.Mime;
using System.Runtime.InteropServices;
using System.Runtime.Serialization;
using MassTransit;
using MassTransit.Serialization;

namespace PsiMessaging.Messaging;

/// <summary>Puts a frame's bytes on the wire as they are: no base64, no JSON, no second envelope. The only serializer of our buses.</summary>
public sealed class FrameSerializer : ISerializerFactory, IMessageSerializer, IMessageDeserializer
{
    /// <summary>Content type of our messages.</summary>
    public static readonly ContentType FrameContentType = new("application/vnd.psimessaging.frame.v1");

    private static readonly string[] MessageTypes = [MessageUrn.ForTypeString<EnvelopeFrame>()];

    /// <inheritdoc cref="IMessageSerializer.ContentType"/>
    public ContentType ContentType => FrameContentType;

    /// <inheritdoc/>
    public IMessageSerializer CreateSerializer() => this;

    /// <inheritdoc/>
    public IMessageDeserializer CreateDeserializer() => this;

    /// <inheritdoc/>
    public MessageBody GetMessageBody<T>(SendContext<T> context)
        where T : class =>
        context.Message is EnvelopeFrame frame ? new FrameBody(frame.Bytes) : throw new SerializationException($"only frames are sent, not {typeof(T).Name}");

    /// <inheritdoc/>
    public ConsumeContext Deserialize(ReceiveContext receiveContext) =>
        new BodyConsumeContext(receiveContext, Deserialize(receiveContext.Body, receiveContext.TransportHeaders, receiveContext.InputAddress));

    /// <inheritdoc/>
    public SerializerContext Deserialize(MessageBody body, Headers headers, Uri? destinationAddress = null) =>
        new FrameContext(this, new EnvelopeFrame(body.GetBytes()), new RawMessageContext(headers, destinationAddress, RawSerializerOptions.AnyMessageType));

    /// <inheritdoc/>
    public MessageBody GetMessageBody(string text) => throw new SerializationException("a frame is not text");

    /// <inheritdoc/>
    public void Probe(ProbeContext context) => context.CreateScope("psi-frame").Add("contentType", ContentType.MediaType);

    private sealed class FrameBody(ReadOnlyMemory<byte> bytes) : MessageBody
    {
        public long? Length => bytes.Length;

        public Stream GetStream() => new MemoryStream(GetBytes(), writable: false);

        /// <summary>Frames are long and nobody changes them: where the array is the frame's own, it is not copied.</summary>
        public byte[] GetBytes() => MemoryMarshal.TryGetArray(bytes, out var segment) && segment.Offset == 0 && segment.Count == segment.Array!.Length ? segment.Array : bytes.ToArray();

        public string GetString() => throw new SerializationException("a frame is not text");
    }

    private sealed class FrameContext(FrameSerializer serializer, EnvelopeFrame frame, MessageContext context)
        : BaseSerializerContext(SystemTextJsonMessageSerializer.Instance, context, MessageTypes)
    {
        public override bool TryGetMessage<T>(out T? message)
            where T : class
        {
            message = frame as T;
            return message is not null;
        }

        public override bool TryGetMessage(Type messageType, [NotNullWhen(true)] out object? message)
        {
            message = messageType == typeof(EnvelopeFrame) ? frame : null;
            return message is not null;
        }

        public override IMessageSerializer GetMessageSerializer() => serializer;

        public override IMessageSerializer GetMessageSerializer<T>(MessageEnvelope envelope, T message) => serializer;

        public override IMessageSerializer GetMessageSerializer(object message, string[] messageTypes) => serializer;

        public override Dictionary<string, object> ToDictionary<T>(T? message)
            where T : class => throw new SerializationException("a frame is not a dictionary");
    }
}
