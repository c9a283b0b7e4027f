using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Identities;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;

namespace PsiMessaging.Participants.Envelopes;

/// <summary>The signed part of a frame. Its exact bytes are what the signature covers; the body is covered through its hash.</summary>
/// <param name="Type">Wire name of the message, from <see cref="ContractCatalog"/>.</param>
/// <param name="Session">Session id, or null for a command that opens one.</param>
/// <param name="From">Sender's name.</param>
/// <param name="To">Receiver's name.</param>
/// <param name="Card">Fingerprint of the sender's card.</param>
/// <param name="Correlation">Id that ties a reply to its command; 32 hexadecimal digits.</param>
/// <param name="ReplyTo">Queue for the reply.</param>
/// <param name="BodySize">Bytes of the body.</param>
/// <param name="BodyHash">SHA-256 of the body, 32 bytes.</param>
/// <param name="Message">The message record.</param>
/// <param name="NotAfter">
/// When whoever sent a command has given it up: it is not begun after that. Null for messages between participants, which hold until they come.
/// </param>
/// <param name="AuditHead">
/// Head of the sender's audit log when it said this, 32 bytes, so that the receiver can witness it; only of messages that <see cref="MessageLimits"/> says may
/// name it, and null where nothing was entered yet.
/// </param>
public sealed record EnvelopeHeader(
    string Type, string? Session, string From, string To, string Card, string? Correlation,
    string? ReplyTo, int BodySize, byte[] BodyHash, JsonElement Message, DateTimeOffset? NotAfter = null, byte[]? AuditHead = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EnvelopeHeader))]
internal sealed partial class EnvelopeJson : JsonSerializerContext;

/// <summary>
/// One signed message between participants; it travels sealed (<see cref="Sealing.IFrameSealing"/>). Layout: magic <c>PSI1</c>, one byte of 0, header length
/// (4 bytes, big-endian), header (UTF-8 JSON), signature (64 bytes, Ed25519), body. Signed over the envelope tag, the receiver's fingerprint, the byte and the
/// header. Nothing in a participant's message depends on the time or on chance, so a repeated one is the same bytes.
/// </summary>
public sealed class Envelope
{
    /// <summary>Longest frame of any message in bytes; below the 16 MiB that RabbitMQ 4 carries.</summary>
    public static int MaximumFrameBytes { get; } = PrefixBytes + MessageLimits.LongestHeaderBytes
        + SigningKey.SignatureSizeBytes + MessageLimits.LongestBodyBytes;

    private const int PrefixBytes = 9;
    private const int ReservedByte = 4;
    private const int AuditHeadBytes = 32;
    private static readonly byte[] Magic = "PSI1"u8.ToArray();

    private Envelope(EnvelopeHeader header, object? message, ReadOnlyMemory<byte> body, ReadOnlyMemory<byte> frame, byte[] headerHash)
    {
        Header = header;
        Message = message!;
        Body = body;
        Frame = frame;
        HeaderHash = headerHash;
    }

    /// <summary>The signed header.</summary>
    public EnvelopeHeader Header { get; }
    /// <summary>The message record, of the type <see cref="EnvelopeHeader.Type"/> names.</summary>
    public object Message { get; private set; }
    /// <summary>The body, possibly empty.</summary>
    public ReadOnlyMemory<byte> Body { get; }
    /// <summary>The whole frame.</summary>
    public ReadOnlyMemory<byte> Frame { get; }
    /// <summary>SHA-256 of the header's bytes, 32 bytes: identifies the message and its content.</summary>
    public byte[] HeaderHash { get; }
    /// <summary>The first half of <see cref="HeaderHash"/> as 32 hexadecimal digits.</summary>
    public string Id => Convert.ToHexStringLower(HeaderHash.AsSpan(0, 16));

    /// <summary>Makes and signs an envelope.</summary>
    /// <exception cref="ParticipantException">It is larger than its type may be.</exception>
    public static Envelope Create(ParticipantHome sender, string to, string? session, object message, ReadOnlyMemory<byte> body = default,
        string? correlation = null, string? replyTo = null, DateTimeOffset? notAfter = null, byte[]? auditHead = null)
    {
        var envelope = CreateUnbounded(sender, to, session, message, body, correlation, replyTo, notAfter, auditHead);
        var limit = MessageLimits.Of(message.GetType())
            ?? throw new ArgumentException($"a {envelope.Header.Type} message does not travel in an envelope", nameof(message));
        var headerBytes = envelope.Frame.Length - PrefixBytes - SigningKey.SignatureSizeBytes - body.Length;
        return headerBytes <= limit.HeaderBytes && body.Length <= limit.BodyBytes ? envelope
            : throw new ParticipantException(FailureCodes.Malformed,
                $"a {envelope.Header.Type} message of {headerBytes + body.Length:N0} bytes is too long to send");
    }

    /// <summary>The same without bounds, as somebody would send it who keeps to none.</summary>
    internal static Envelope CreateUnbounded(ParticipantHome sender, string to, string? session, object message, ReadOnlyMemory<byte> body = default,
        string? correlation = null, string? replyTo = null, DateTimeOffset? notAfter = null, byte[]? auditHead = null)
    {
        var content = JsonSerializer.SerializeToElement(message, message.GetType(), ContractJson.Default);
        var header = new EnvelopeHeader(ContractCatalog.NameOf(message.GetType()), session, sender.Name, to, sender.Card.Fingerprint, correlation, replyTo,
            body.Length, SHA256.HashData(body.Span), content, notAfter, auditHead);
        var headerBytes = JsonSerializer.SerializeToUtf8Bytes(header, EnvelopeJson.Default.EnvelopeHeader);
        return new Envelope(header, message, body, Sign(sender, to, headerBytes, body.Span), SHA256.HashData(headerBytes));
    }

    /// <summary>A frame of any header, under a good signature.</summary>
    internal static byte[] Sign(ParticipantHome sender, string to, ReadOnlySpan<byte> headerBytes, ReadOnlySpan<byte> body)
    {
        var receiver = to == sender.Name ? sender.Card : sender.FindCard(to)
            ?? throw new ParticipantException(FailureCodes.NotPinned, $"no card is pinned for {to}; pin it with: psi trust CARD.json");
        var signature = sender.Signing.Sign(SignedPart(receiver, 0, headerBytes));
        var frame = GC.AllocateUninitializedArray<byte>(PrefixBytes + headerBytes.Length + signature.Length + body.Length);
        Magic.CopyTo(frame, 0);
        frame[ReservedByte] = 0;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), headerBytes.Length);
        headerBytes.CopyTo(frame.AsSpan(PrefixBytes));
        signature.CopyTo(frame, PrefixBytes + headerBytes.Length);
        body.CopyTo(frame.AsSpan(PrefixBytes + headerBytes.Length + signature.Length));
        return frame;
    }

    /// <summary>
    /// Reads a frame's form without trusting it: layout, lengths, known type, the type's bounds, names,
    /// body hash. The signature is checked by <see cref="IsSignedBy"/>.
    /// </summary>
    /// <param name="frame">The frame.</param>
    /// <param name="admit">Looks at header and signature, and throws for a stranger's frame, before its body is hashed and its message read.</param>
    /// <exception cref="RejectedEnvelopeException">The frame is malformed, or not admitted.</exception>
    public static Envelope Parse(ReadOnlyMemory<byte> frame, Action<Envelope>? admit = null)
    {
        var headerLength = HeaderLengthOf(frame.Span);
        var headerBytes = frame.Span.Slice(PrefixBytes, headerLength);
        var body = frame[(PrefixBytes + headerLength + SigningKey.SignatureSizeBytes)..];
        try
        {
            var header = JsonSerializer.Deserialize(headerBytes, EnvelopeJson.Default.EnvelopeHeader) ?? throw new JsonException();
            var type = TypeOf(header, headerLength, body.Length);
            if (!HasNames(header, type))
            {
                throw new RejectedEnvelopeException("a name or id in the header is malformed");
            }

            var envelope = new Envelope(header, null, body, frame, SHA256.HashData(headerBytes));
            admit?.Invoke(envelope);
            if (header.BodySize != body.Length || header.BodyHash is null || !SHA256.HashData(body.Span).AsSpan().SequenceEqual(header.BodyHash))
            {
                throw new RejectedEnvelopeException("the body does not match the header");
            }

            if (HasNullElement(header.Message))
            {
                throw new RejectedEnvelopeException("a list in the message has an empty element");
            }

            envelope.Message = header.Message.Deserialize(type, ContractJson.Default) ?? throw new JsonException();
            return envelope;
        }
        catch (Exception exception) when (exception is JsonException or NotSupportedException or InvalidOperationException)
        {
            throw new RejectedEnvelopeException("the header or message does not fit its contract");
        }
    }

    private static int HeaderLengthOf(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < PrefixBytes + SigningKey.SignatureSizeBytes || !frame.StartsWith(Magic))
        {
            throw new RejectedEnvelopeException("not a PsiMessaging frame");
        }

        if (frame[4] != 0)
        {
            throw new RejectedEnvelopeException("the frame is of a form this version does not know");
        }

        var length = BinaryPrimitives.ReadInt32BigEndian(frame[5..]);
        return length >= 2 && length <= MessageLimits.LongestHeaderBytes && frame.Length <= MaximumFrameBytes
            && frame.Length >= PrefixBytes + length + SigningKey.SignatureSizeBytes ? length
            : throw new RejectedEnvelopeException("the frame is cut off or announces a wrong length");
    }

    private static Type TypeOf(EnvelopeHeader header, int headerLength, int bodyLength)
    {
        var type = ContractCatalog.Find(header.Type ?? "") ?? throw new RejectedEnvelopeException("the message is of a type this version does not know");
        return MessageLimits.Of(type) is { } limit && headerLength <= limit.HeaderBytes && bodyLength <= limit.BodyBytes ? type
            : throw new RejectedEnvelopeException("the message is larger than its type may be, or of a type that does not travel in an envelope");
    }

    private static bool HasNames(EnvelopeHeader header, Type type) =>
        header.From is not null && header.To is not null && header.Card is not null
            && ParticipantNames.IsValid(header.From) && ParticipantNames.IsValid(header.To)
        && IsIdOrNull(header.Session) && IsIdOrNull(header.Correlation)
        && (header.ReplyTo is null || QueueAddress.Restore(header.ReplyTo) is { IsReply: true })
        && MayName(type, header.AuditHead);

    private static bool MayName(Type message, byte[]? auditHead) =>
        auditHead is null || (auditHead.Length == AuditHeadBytes && MessageLimits.NamesAuditHead(message));

    private static bool IsIdOrNull(string? id) => id is null || ParticipantNames.IsId(id);

    /// <summary>
    /// Reads a frame again that was taken and stored before: its signature, bounds and body were checked then, and the disk is this participant's own.
    /// </summary>
    public static Envelope Restore(byte[] frame)
    {
        var headerLength = BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(5));
        var headerBytes = frame.AsSpan(PrefixBytes, headerLength);
        var header = JsonSerializer.Deserialize(headerBytes, EnvelopeJson.Default.EnvelopeHeader)!;
        var body = frame.AsMemory(PrefixBytes + headerLength + SigningKey.SignatureSizeBytes);
        return new Envelope(header, header.Message.Deserialize(ContractCatalog.Find(header.Type)!, ContractJson.Default),
            body, frame, SHA256.HashData(headerBytes));
    }

    /// <summary>The header of a frame that was made or taken here.</summary>
    internal static EnvelopeHeader HeaderOf(ReadOnlySpan<byte> frame) =>
        JsonSerializer.Deserialize(frame.Slice(PrefixBytes, BinaryPrimitives.ReadInt32BigEndian(frame[5..])), EnvelopeJson.Default.EnvelopeHeader)!;

    /// <summary>Who a frame says has sent it; null where it is none.</summary>
    internal static string? TrySenderOf(ReadOnlySpan<byte> frame)
    {
        try
        {
            return HeaderOf(frame).From;
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Whether it was signed under a card, and for this receiver: one for another of the same name is not.</summary>
    public bool IsSignedBy(ParticipantCard card, ParticipantCard receiver)
    {
        var headerLength = BinaryPrimitives.ReadInt32BigEndian(Frame.Span[5..]);
        var headerBytes = Frame.Span.Slice(PrefixBytes, headerLength);
        var signature = Frame.Span.Slice(PrefixBytes + headerLength, SigningKey.SignatureSizeBytes);
        return Header.From == card.Name && Header.Card == card.Fingerprint
            && SigningKey.Verify(card.SigningKey, SignedPart(receiver, Frame.Span[ReservedByte], headerBytes), signature);
    }

    /// <summary>The serializer checks members against null, but not the elements of lists.</summary>
    private static bool HasNullElement(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Array => element.EnumerateArray().Any(item => item.ValueKind == JsonValueKind.Null || HasNullElement(item)),
        JsonValueKind.Object => element.EnumerateObject().Any(member => HasNullElement(member.Value)),
        _ => false,
    };

    private static byte[] SignedPart(ParticipantCard receiver, byte reserved, ReadOnlySpan<byte> headerBytes) =>
        [.. DomainTags.Envelope, .. Convert.FromHexString(receiver.Fingerprint), reserved, .. headerBytes];
}

/// <summary>There is no room for a frame yet: it is neither taken nor refused, and stays with the broker until there is.</summary>
public sealed class ReceiverBusyException() : Exception("what came before has to be dealt with first");

/// <summary>A frame that is refused, under a reason that says nothing of its content. One from somebody known goes to the error queue.</summary>
/// <param name="message">The reason.</param>
/// <param name="isAuthentic">Whether its sender is known by a pinned card; a frame of anybody else leaves no trace but a counted log line.</param>
public sealed class RejectedEnvelopeException(string message, bool isAuthentic = false) : Exception(message)
{
    /// <summary>Whether the frame's sender is known by a pinned card.</summary>
    public bool IsAuthentic => isAuthentic;
}
