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
            // The identifiers' hashes are wiped: of them a dictionary would make identifiers again.
            var uniform = new byte[length * RistrettoBatch.UniformSizeBytes];
            for (var i = 0; i < length; i++)
            {
                RistrettoGroup.HashToUniform(request.Parameters.Span, items[first + i],
                    uniform.AsSpan(i * RistrettoBatch.UniformSizeBytes, RistrettoBatch.UniformSizeBytes));
            }

            var usable = RistrettoBatch.TryMultiplyMapped(scalar, uniform,
                masked.AsSpan(first * RistrettoGroup.ElementSizeBytes, length * RistrettoGroup.ElementSizeBytes));
            CryptographicOperations.ZeroMemory(uniform);
            if (!usable)
            {
                // A hash that hits the identity has probability 2^-252; anything else here is a broken machine.
                throw new CryptographicException("an identifier was hashed to an unusable element");
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
            var products = new byte[length * RistrettoGroup.ElementSizeBytes];
            if (!RistrettoBatch.TryMultiply(scalar, elements.Span.Slice(first * RistrettoGroup.ElementSizeBytes, products.Length), products))
            {
                throw new ProtocolViolationException(FailureCodes.BadBatch, "a masked element is not a valid encoding of the group, or is the identity");
            }

            Span<byte> input = stackalloc byte[prefix.Length + RistrettoGroup.ElementSizeBytes];
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            prefix.Span.CopyTo(input);
            for (var i = 0; i < length; i++)
            {
                products.AsSpan(i * RistrettoGroup.ElementSizeBytes, RistrettoGroup.ElementSizeBytes).CopyTo(input[prefix.Length..]);
                SHA256.HashData(input, hash);
                hash[..tagSize].CopyTo(tags.AsSpan((first + i) * tagSize));
            }

            CryptographicOperations.ZeroMemory(input);
            CryptographicOperations.ZeroMemory(products);
        }, cancellation);
        return tags;
    }
}
