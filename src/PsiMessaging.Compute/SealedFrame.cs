using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Participants.Envelopes;

namespace PsiMessaging.Compute;

/// <summary>
/// One message between a party's worker and its compute workers, encrypted and authenticated under a key they share: magic <c>PSW2</c>, run (24 bytes: id,
/// start), salt (32 bytes, random), ciphertext, tag (16 bytes). AES-256-GCM (NIST SP 800-38D) under HKDF(key, salt, direction), so that each frame has a key of
/// its own and the zero nonce is used once under it; magic and run are authenticated. Inside: length of the header (4 bytes, big-endian), wire name and message
/// as JSON, body.
/// </summary>
internal static class SealedFrame
{
    private const int SaltBytes = 32;
    private const int TagBytes = 16;
    private const int NameBytes = 4 + RunName.SizeBytes;
    private const int HeadBytes = NameBytes + SaltBytes;
    private static readonly byte[] Magic = "PSW2"u8.ToArray();
    private static readonly byte[] ZeroNonce = new byte[12];

    /// <summary>Seals a message on its way to compute workers, or back.</summary>
    /// <param name="key">The key.</param>
    /// <param name="toWorkers">Direction: a frame of one never opens in the other.</param>
    /// <param name="message">A record of the compute contract.</param>
    /// <param name="parts">The body's parts.</param>
    public static byte[] Seal(IFrameKey key, bool toWorkers, object message, params ReadOnlySpan<ReadOnlyMemory<byte>> parts)
    {
        var header = JsonSerializer.SerializeToUtf8Bytes(message, message.GetType(), ContractJson.Default);
        var name = System.Text.Encoding.UTF8.GetBytes(ContractCatalog.NameOf(message.GetType()));
        var length = 4 + 1 + name.Length + header.Length;
        foreach (var part in parts)
        {
            length += part.Length;
        }

        var frame = new byte[HeadBytes + length + TagBytes];
        Magic.CopyTo(frame, 0);
        key.Name.Write(frame.AsSpan(4));
        var salt = frame.AsSpan(NameBytes, SaltBytes);
        RandomNumberGenerator.Fill(salt);
        var plain = frame.AsSpan(HeadBytes, length);
        BinaryPrimitives.WriteInt32BigEndian(plain, 1 + name.Length + header.Length);
        plain[4] = (byte)name.Length;
        name.CopyTo(plain[5..]);
        header.CopyTo(plain[(5 + name.Length)..]);
        var at = 5 + name.Length + header.Length;
        foreach (var part in parts)
        {
            part.Span.CopyTo(plain[at..]);
            at += part.Length;
        }

        using var frameKey = key.FrameKey(salt, Direction(toWorkers));
        using var aes = new AesGcm(frameKey.Span, TagBytes);
        aes.Encrypt(ZeroNonce, plain, plain, frame.AsSpan(HeadBytes + length), frame.AsSpan(0, NameBytes));
        return frame;
    }

    /// <summary>The run that a frame says it is of.</summary>
    /// <exception cref="RejectedEnvelopeException">Not such a frame.</exception>
    public static RunName NameOf(ReadOnlySpan<byte> frame) => frame.Length >= HeadBytes + 5 + TagBytes && frame.StartsWith(Magic)
        ? RunName.Read(frame.Slice(4, RunName.SizeBytes)) : throw new RejectedEnvelopeException("not a compute frame");

    /// <summary>Opens a frame.</summary>
    /// <exception cref="RejectedEnvelopeException">Not such a frame, not of this direction, or not sealed under this key.</exception>
    public static (object Message, ReadOnlyMemory<byte> Body) Open(IFrameKey key, bool toWorkers, ReadOnlySpan<byte> frame)
    {
        if (NameOf(frame) != key.Name)
        {
            throw new RejectedEnvelopeException("the compute frame is of another run");
        }

        var plain = new byte[frame.Length - HeadBytes - TagBytes];
        try
        {
            using var frameKey = key.FrameKey(frame.Slice(NameBytes, SaltBytes), Direction(toWorkers));
            using var aes = new AesGcm(frameKey.Span, TagBytes);
            aes.Decrypt(ZeroNonce, frame[HeadBytes..^TagBytes], frame[^TagBytes..], plain, frame[..NameBytes]);
        }
        catch (CryptographicException)
        {
            throw new RejectedEnvelopeException("the compute frame is not sealed under this party's compute key");
        }

        return Read(plain);
    }

    /// <summary>Reads what was in a frame.</summary>
    /// <exception cref="RejectedEnvelopeException">It is no message.</exception>
    internal static (object Message, ReadOnlyMemory<byte> Body) Read(byte[] plain)
    {
        try
        {
            var headerLength = BinaryPrimitives.ReadInt32BigEndian(plain);
            var name = System.Text.Encoding.UTF8.GetString(plain, 5, plain[4]);
            var type = ContractCatalog.Find(name) ?? throw new JsonException();
            var message = ContractCatalog.Deserialize(type, plain.AsSpan(5 + plain[4], headerLength - 1 - plain[4]));
            return (message, plain.AsMemory(4 + headerLength));
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException or IndexOutOfRangeException)
        {
            throw new RejectedEnvelopeException("the compute frame holds no message of this version");
        }
    }

    private static ReadOnlySpan<byte> Direction(bool toWorkers) => toWorkers ? DomainTags.ComputeJob : DomainTags.ComputeResult;
}
