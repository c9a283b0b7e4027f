using System.Buffers.Binary;
using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols.BlindRsa;

/// <summary>
/// The arithmetic of <see cref="BlindRsaParty"/> over one batch. Chunks are cut on fixed positions, so that each has its own stream of blinds.
/// </summary>
internal static class BlindRsaEvaluation
{
    private const int ChunkElements = 64;

    /// <summary>Identifiers to blinded messages.</summary>
    public static async Task<byte[]> BlindAsync(EvaluationRequest request, ComputeThreads threads, CancellationToken cancellation)
    {
        var parameters = BlindRsaParameters.Decode(request.Parameters.Span);
        using var peer = RsaArithmetic.Create(PeerKey(parameters));
        var (items, size) = (new PackedItems(request.Input), peer.SizeBytes);
        var blinded = new byte[items.Count * size];
        await threads.ForEachChunkAsync(items.Count, ChunkElements, (from, length) =>
        {
            var messages = new byte[length * size];
            var inverses = new byte[length * size];
            Encode(parameters.Signer, items, from, messages, size);
            var blinds = DrawBlinds(request.Secret, peer, parameters.First + from, length);
            var ok = BlindRsaSuite.TryBlind(peer, messages, blinds, blinded.AsSpan(from * size, length * size), inverses);
            CryptographicOperations.ZeroMemory(blinds);
            CryptographicOperations.ZeroMemory(inverses);
            if (!ok)
            {
                throw SharedFactor();
            }
        }, cancellation);
        return blinded;
    }

    /// <summary>Blinded messages to blind signatures.</summary>
    public static async Task<byte[]> SignAsync(EvaluationRequest request, ComputeThreads threads, CancellationToken cancellation)
    {
        using var key = RsaPrivateKey.FromPkcs8(request.Secret.Span);
        using var own = RsaArithmetic.Create(key);
        var (blinded, size) = (request.Input, own.SizeBytes);
        var signed = new byte[blinded.Length];
        await threads.ForEachChunkAsync(blinded.Length / size, ChunkElements, (from, length) =>
        {
            for (var i = from; i < from + length; i++)
            {
                var value = blinded.Span.Slice(i * size, size);
                if (!own.IsInRange(value))
                {
                    throw new ProtocolViolationException(FailureCodes.BadBatch, "a blinded value is zero or not below the RSA modulus");
                }

                BlindRsaSuite.BlindSign(own, value, signed.AsSpan(i * size, size));
            }
        }, cancellation);
        return signed;
    }

    /// <summary>Identifiers and blind signatures to tags. Input: see <see cref="Join"/>.</summary>
    public static async Task<byte[]> FinalizeAsync(EvaluationRequest request, ComputeThreads threads, CancellationToken cancellation)
    {
        var parameters = BlindRsaParameters.Decode(request.Parameters.Span);
        using var peer = RsaArithmetic.Create(PeerKey(parameters));
        var (packed, signed) = Split(request.Input);
        var (items, size, tagSize) = (new PackedItems(packed), peer.SizeBytes, parameters.TagSizeBytes);
        if (signed.Length != items.Count * size)
        {
            throw new ArgumentException("as many signatures as identifiers are needed", nameof(request));
        }

        var tags = new byte[items.Count * tagSize];
        await threads.ForEachChunkAsync(items.Count, ChunkElements, (from, length) =>
        {
            var messages = new byte[length * size];
            var inverses = new byte[length * size];
            Encode(parameters.Signer, items, from, messages, size);
            var blinds = DrawBlinds(request.Secret, peer, parameters.First + from, length);
            if (!peer.TryInvertAll(blinds, [], inverses))
            {
                throw SharedFactor();
            }

            Span<byte> signature = stackalloc byte[size];
            for (var i = 0; i < length; i++)
            {
                var offset = i * size;
                if (!BlindRsaSuite.TryFinalize(peer, messages.AsSpan(offset, size),
                    signed.Span.Slice((from * size) + offset, size), inverses.AsSpan(offset, size), signature))
                {
                    throw new ProtocolViolationException(FailureCodes.BadSignature, "a blind signature from the peer does not verify");
                }

                Tag(parameters.TagPrefix, signature, tags.AsSpan((from + i) * tagSize, tagSize));
            }

            CryptographicOperations.ZeroMemory(blinds);
            CryptographicOperations.ZeroMemory(inverses);
        }, cancellation);
        return tags;
    }

    /// <summary>Own identifiers to tags of their signatures.</summary>
    public static async Task<byte[]> TagsAsync(EvaluationRequest request, ComputeThreads threads, CancellationToken cancellation)
    {
        var parameters = BlindRsaParameters.Decode(request.Parameters.Span);
        using var key = RsaPrivateKey.FromPkcs8(request.Secret.Span);
        using var own = RsaArithmetic.Create(key);
        var (items, size, tagSize) = (new PackedItems(request.Input), own.SizeBytes, parameters.TagSizeBytes);
        var tags = new byte[items.Count * tagSize];
        await threads.ForEachChunkAsync(items.Count, ChunkElements, (from, length) =>
        {
            var messages = new byte[length * size];
            Encode(parameters.Signer, items, from, messages, size);
            Span<byte> signature = stackalloc byte[size];
            for (var i = 0; i < length; i++)
            {
                own.PrivateOperation(messages.AsSpan(i * size, size), signature);
                Tag(parameters.TagPrefix, signature, tags.AsSpan((from + i) * tagSize, tagSize));
            }
        }, cancellation);
        return tags;
    }

    /// <summary>Length of the identifiers (4 bytes, big-endian), the identifiers, the signatures.</summary>
    public static byte[] Join(ReadOnlyMemory<byte> items, ReadOnlyMemory<byte> signed)
    {
        var joined = new byte[4 + items.Length + signed.Length];
        BinaryPrimitives.WriteInt32BigEndian(joined, items.Length);
        items.CopyTo(joined.AsMemory(4));
        signed.CopyTo(joined.AsMemory(4 + items.Length));
        return joined;
    }

    private static (ReadOnlyMemory<byte> Items, ReadOnlyMemory<byte> Signed) Split(ReadOnlyMemory<byte> joined)
    {
        var length = joined.Length < 4 ? -1 : BinaryPrimitives.ReadInt32BigEndian(joined.Span);
        return length < 0 || length > joined.Length - 4 ? throw new ArgumentException("the input is cut off", nameof(joined)) : (joined.Slice(4, length),
            joined[(4 + length)..]);
    }

    private static RsaPublicKey PeerKey(BlindRsaParameters parameters) =>
        RsaPublicKey.TryCreate(parameters.PeerModulus.Length * 8, parameters.PeerModulus, RsaPublicKey.Exponent, out var key, out var fault)
            ? key! : throw new ArgumentException(fault, nameof(parameters));

    private static ProtocolViolationException SharedFactor() => new(FailureCodes.WeakKey, "the peer's RSA modulus shares a factor with a random value");

    private static void Encode(byte[] signer, PackedItems items, int first, Span<byte> messages, int size)
    {
        Span<byte> buffer = stackalloc byte[512];
        for (var i = 0; i < messages.Length / size; i++)
        {
            var item = items[first + i];
            var length = signer.Length + item.Length;
            var message = length <= buffer.Length ? buffer[..length] : new byte[length];
            signer.CopyTo(message);
            item.CopyTo(message[signer.Length..]);
            BlindRsaSuite.Encode(message, messages.Slice(i * size, size));
        }
    }

    /// <summary>The blinds of positions first.., the same at every call: nothing but the seed needs to be kept for the unblinding.</summary>
    private static byte[] DrawBlinds(SecretBytes seed, RsaArithmetic peer, int first, int count)
    {
        var wideSize = peer.SizeBytes + BlindRsaSuite.BlindMarginBytes;
        var wide = new byte[count * wideSize];
        var blinds = new byte[count * peer.SizeBytes];
        using var stream = new SeededStream(seed, DomainTags.RsaBlinds, first);
        stream.Fill(wide);
        peer.Reduce(wide, wideSize, blinds);
        CryptographicOperations.ZeroMemory(wide);
        return blinds;
    }

    private static void Tag(byte[] prefix, ReadOnlySpan<byte> signature, Span<byte> tag)
    {
        Span<byte> input = stackalloc byte[prefix.Length + signature.Length];
        prefix.CopyTo(input);
        signature.CopyTo(input[prefix.Length..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(input, hash);
        hash[..tag.Length].CopyTo(tag);
    }
}
