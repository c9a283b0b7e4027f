using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Ristretto;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols.Ecdh;

/// <summary>The arithmetic of <see cref="EcdhParty"/> over one batch.</summary>
internal static class EcdhEvaluation
{
    private const int ChunkElements = 128;

    /// <summary>Identifiers to masked elements. Parameters: the hash's domain-separation tag.</summary>
    public static async Task<byte[]> MaskAsync(EvaluationRequest request, ComputeThreads threads, CancellationToken cancellation)
    {
        var items = new PackedItems(request.Input);
        using var scalar = RistrettoScalar.FromBytes(request.Secret.Span);
        var masked = new byte[items.Count * RistrettoGroup.ElementSizeBytes];
        await threads.ForEachChunkAsync(items.Count, ChunkElements, (first, length) =>
        {
            Span<byte> element = stackalloc byte[RistrettoGroup.ElementSizeBytes];
            for (var i = first; i < first + length; i++)
            {
                RistrettoGroup.HashToGroup(request.Parameters.Span, items[i], element);
                if (!scalar.TryMultiply(element, masked.AsSpan(i * RistrettoGroup.ElementSizeBytes, RistrettoGroup.ElementSizeBytes)))
                {
                    // A hash that hits the identity has probability 2^-252; anything else here is a broken machine.
                    throw new CryptographicException("an identifier was hashed to an unusable element");
                }
            }
        }, cancellation);
        return masked;
    }

    /// <summary>
    /// The peer's masked elements to tags. Parameters: bytes of a tag, then what is hashed before the element. The tag is a hash cut short, not the element
    /// cut short, so that in the random oracle model its bits are uniform and the false-match bound exact.
    /// </summary>
    public static async Task<byte[]> RemaskAsync(EvaluationRequest request, ComputeThreads threads, CancellationToken cancellation)
    {
        var (elements, tagSize, prefix) = (request.Input, request.Parameters.Span[0], request.Parameters[1..]);
        using var scalar = RistrettoScalar.FromBytes(request.Secret.Span);
        var count = elements.Length / RistrettoGroup.ElementSizeBytes;
        var tags = new byte[count * tagSize];
        await threads.ForEachChunkAsync(count, ChunkElements, (first, length) =>
        {
            Span<byte> input = stackalloc byte[prefix.Length + RistrettoGroup.ElementSizeBytes];
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            prefix.Span.CopyTo(input);
            for (var i = first; i < first + length; i++)
            {
                if (!scalar.TryMultiply(elements.Span.Slice(i * RistrettoGroup.ElementSizeBytes, RistrettoGroup.ElementSizeBytes), input[prefix.Length..]))
                {
                    throw new ProtocolViolationException(FailureCodes.BadBatch, "a masked element is not a valid encoding of the group, or is the identity");
                }

                SHA256.HashData(input, hash);
                hash[..tagSize].CopyTo(tags.AsSpan(i * tagSize));
            }

            CryptographicOperations.ZeroMemory(input);
        }, cancellation);
        return tags;
    }
}
