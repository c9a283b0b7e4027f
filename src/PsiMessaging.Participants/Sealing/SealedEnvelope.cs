using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Participants.Envelopes;

namespace PsiMessaging.Participants.Sealing;

/// <summary>
/// A frame as it travels: magic <c>PSI2</c>, the id of the receiver's key (16 bytes), an encapsulation to it (1,120 bytes), the place in the sender's row
/// (8 bytes, big-endian), ciphertext with its tag. HPKE (RFC 9180) over X-Wing and AES-256-GCM; all before the ciphertext is authenticated. Inside: one byte
/// that says what follows, the channel's opening if there is one, the length of the signed frame (4 bytes, big-endian), the frame, zeros up to a step.
/// </summary>
/// <remarks>
/// Who carries it learns the key's id (so which frames go to the same key, and come from the same run of a sender), the size in steps and the time. Steps are
/// those of Padmé (Nikitin et al., PoPETs 2019): never more than 12 % longer, and of a size only the leading bits of its logarithm show. The shortest is 4 KiB.
/// </remarks>
internal static class SealedEnvelope
{
    public const int KeyIdBytes = 16;
    public const int PrefixBytes = MagicBytes + KeyIdBytes + HybridKey.EncapsulationSizeBytes + CounterBytes;
    private const int MagicBytes = 4;
    private const int CounterBytes = 8;
    private const int ShortestBytes = 4096;
    private const byte HasOpening = 1;
    private const byte HasFrame = 2;

    private static ReadOnlySpan<byte> Magic => "PSI2"u8;

    /// <summary>Longest sealed frame of any message in bytes; below the 16 MiB that RabbitMQ 4 carries.</summary>
    public static int MaximumBytes { get; } =
        PrefixBytes + PaddedLength(5 + ChannelOpening.SizeBytes + Envelope.MaximumFrameBytes) + HpkeContext.TagSizeBytes;

    /// <summary>Under which id a key is known: the first 16 bytes of a hash of the public key.</summary>
    public static string KeyIdOf(ReadOnlySpan<byte> publicKey)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(DomainTags.SealingKeyId);
        hash.AppendData(publicKey);
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, KeyIdBytes));
    }

    /// <summary>The length a text of <paramref name="length"/> bytes is padded to.</summary>
    public static int PaddedLength(int length)
    {
        if (length <= ShortestBytes)
        {
            return ShortestBytes;
        }

        var exponent = BitOperations.Log2((uint)length);
        var free = exponent - (BitOperations.Log2((uint)exponent) + 1);
        return (length + (1 << free) - 1) >> free << free;
    }

    /// <summary>Puts a frame and an opening together and seals them.</summary>
    /// <param name="keyId">Id of the receiver's key.</param>
    /// <param name="key">The sender's side of it.</param>
    /// <param name="opening">The channel's opening, or null.</param>
    /// <param name="frame">The signed frame; empty for an opening alone.</param>
    public static byte[] Seal(string keyId, SealingKey key, ChannelOpening? opening, ReadOnlySpan<byte> frame)
    {
        var length = PaddedLength(1 + (opening is null ? 0 : ChannelOpening.SizeBytes) + (frame.IsEmpty ? 0 : 4 + frame.Length));

        // Put together where it is sealed: a batch of a megabyte is copied once.
        var result = GC.AllocateUninitializedArray<byte>(PrefixBytes + length + HpkeContext.TagSizeBytes);
        var plain = result.AsSpan(PrefixBytes, length);
        plain[0] = (byte)((opening is null ? 0 : HasOpening) | (frame.IsEmpty ? 0 : HasFrame));
        var rest = plain[1..];
        if (opening is not null)
        {
            opening.Write(rest);
            rest = rest[ChannelOpening.SizeBytes..];
        }

        if (!frame.IsEmpty)
        {
            BinaryPrimitives.WriteInt32BigEndian(rest, frame.Length);
            frame.CopyTo(rest[4..]);
            rest = rest[(4 + frame.Length)..];
        }

        rest.Clear();

        Magic.CopyTo(result);
        Convert.FromHexString(keyId, result.AsSpan(MagicBytes, KeyIdBytes), out _, out _);
        key.Encapsulation.CopyTo(result.AsSpan(MagicBytes + KeyIdBytes));
        key.Seal(result.AsSpan(0, PrefixBytes), result.AsSpan(PrefixBytes - CounterBytes, CounterBytes), plain, result.AsSpan(PrefixBytes));
        return result;
    }

    /// <summary>Reads what is in clear.</summary>
    /// <exception cref="RejectedEnvelopeException">It is none.</exception>
    public static Clear Parse(ReadOnlyMemory<byte> bytes)
    {
        var span = bytes.Span;
        if (span.Length < PrefixBytes + ShortestBytes + HpkeContext.TagSizeBytes || span.Length > MaximumBytes || !span.StartsWith(Magic))
        {
            throw new RejectedEnvelopeException(
                span.StartsWith("PSI1"u8) ? "the frame is not sealed, as versions before 2 sent it" : "not a PsiMessaging frame");
        }

        return new Clear(
            Convert.ToHexStringLower(span.Slice(MagicBytes, KeyIdBytes)),
            bytes.Slice(MagicBytes + KeyIdBytes, HybridKey.EncapsulationSizeBytes),
            BinaryPrimitives.ReadUInt64BigEndian(span[(PrefixBytes - CounterBytes)..]), bytes[..PrefixBytes], bytes[PrefixBytes..]);
    }

    /// <summary>Takes opened text apart.</summary>
    /// <exception cref="RejectedEnvelopeException">It is not what its sender should have sealed: padded otherwise, say.</exception>
    public static (ChannelOpening? Opening, ReadOnlyMemory<byte> Frame) Split(ReadOnlyMemory<byte> plain)
    {
        var (what, rest) = (plain.Span[0], plain[1..]);
        ChannelOpening? opening = null;
        if ((what & HasOpening) != 0)
        {
            opening = ChannelOpening.Read(rest.Span);
            rest = rest[ChannelOpening.SizeBytes..];
        }

        var frame = ReadOnlyMemory<byte>.Empty;
        if ((what & HasFrame) != 0)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(rest.Span);
            rest = rest[4..];
            frame = length > 0 && length <= rest.Length ? rest[..length] : throw Malformed();
            rest = rest[length..];
        }

        // One form for one content: padding carries nothing.
        return what is > 0 and <= (HasOpening | HasFrame) && plain.Length == PaddedLength(plain.Length - rest.Length)
            && !rest.Span.ContainsAnyExcept((byte)0) ? (opening, frame) : throw Malformed();
    }

    private static RejectedEnvelopeException Malformed() => new("what is sealed in the frame has not the form it must have");

    /// <summary>The parts of a sealed frame.</summary>
    /// <param name="KeyId">Id of the receiver's key.</param>
    /// <param name="Encapsulation">To that key.</param>
    /// <param name="Counter">Place in the sender's row.</param>
    /// <param name="Prefix">All that is authenticated in clear.</param>
    /// <param name="Ciphertext">With its tag.</param>
    public readonly record struct Clear(
        string KeyId, ReadOnlyMemory<byte> Encapsulation, ulong Counter, ReadOnlyMemory<byte> Prefix, ReadOnlyMemory<byte> Ciphertext);
}
