using System.Buffers.Binary;
using System.Security.Cryptography;

namespace PsiMessaging.Cryptography.Ristretto;

/// <summary>
/// The prime-order group ristretto255 (RFC 9496), with libsodium's arithmetic. An element is its canonical 32-byte encoding; other encodings of the same
/// element do not exist.
/// </summary>
public static unsafe class RistrettoGroup
{
    /// <summary>Bytes of an encoded element.</summary>
    public const int ElementSizeBytes = 32;
    /// <summary>Longest domain-separation tag in bytes (RFC 9380 section 5.3.1, without the hashing of longer ones).</summary>
    public const int MaximumTagBytes = 255;

    private const int UniformSizeBytes = RistrettoBatch.UniformSizeBytes;
    private const int HashBlockBytes = 128;

    /// <summary>
    /// Hashes a message to a group element whose discrete logarithm nobody knows: hash_to_ristretto255 of RFC 9380 appendix B with
    /// expand_message_xmd and SHA-512, as the suite ristretto255-SHA512 of RFC 9497 section 4.1 does. Not constant-time in the length of the message.
    /// </summary>
    /// <param name="tag">Domain-separation tag, 1 to 255 bytes.</param>
    /// <param name="message">Any length.</param>
    /// <param name="element">Receives 32 bytes.</param>
    public static void HashToGroup(ReadOnlySpan<byte> tag, ReadOnlySpan<byte> message, Span<byte> element)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(element.Length, ElementSizeBytes);
        Span<byte> uniform = stackalloc byte[UniformSizeBytes];
        HashToUniform(tag, message, uniform);
        fixed (byte* to = element, from = uniform)
        {
            if (Libsodium.crypto_core_ristretto255_from_hash(to, from) != 0)
            {
                throw new CryptographicException("libsodium refused to map a hash to the group");
            }
        }

        CryptographicOperations.ZeroMemory(uniform);
    }

    /// <summary>The first half of <see cref="HashToGroup"/>: 64 bytes, whose image under <see cref="FromUniform"/> is the element. For batches of
    /// them.</summary>
    /// <param name="tag">Domain-separation tag, 1 to 255 bytes.</param>
    /// <param name="message">Any length.</param>
    /// <param name="uniform">Receives 64 bytes.</param>
    public static void HashToUniform(ReadOnlySpan<byte> tag, ReadOnlySpan<byte> message, Span<byte> uniform)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(uniform.Length, UniformSizeBytes);
        ExpandMessage(tag, message, uniform);
    }

    /// <summary>Maps 64 uniform bytes to an element: the one-way map of RFC 9496 section 4.3.4.</summary>
    /// <param name="uniform">64 bytes.</param>
    /// <param name="element">Receives 32 bytes.</param>
    public static void FromUniform(ReadOnlySpan<byte> uniform, Span<byte> element)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(uniform.Length, UniformSizeBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(element.Length, ElementSizeBytes);
        fixed (byte* to = element, from = uniform)
        {
            if (Libsodium.crypto_core_ristretto255_from_hash(to, from) != 0)
            {
                throw new CryptographicException("libsodium refused to map a hash to the group");
            }
        }
    }

    /// <summary>left + right.</summary>
    /// <returns>False when one of them is no canonical encoding.</returns>
    public static bool TryAdd(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> sum)
    {
        ThrowUnlessElements(left, right, sum);
        fixed (byte* to = sum, a = left, b = right)
        {
            return Libsodium.crypto_core_ristretto255_add(to, a, b) == 0;
        }
    }

    /// <summary>left - right.</summary>
    /// <returns>False when one of them is no canonical encoding.</returns>
    public static bool TrySubtract(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> difference)
    {
        ThrowUnlessElements(left, right, difference);
        fixed (byte* to = difference, a = left, b = right)
        {
            return Libsodium.crypto_core_ristretto255_sub(to, a, b) == 0;
        }
    }

    /// <summary>Whether 32 bytes from anybody are the canonical encoding of an element other than the identity.</summary>
    public static bool IsUsable(ReadOnlySpan<byte> element)
    {
        if (element.Length != ElementSizeBytes || element.IndexOfAnyExcept((byte)0) < 0)
        {
            return false;
        }

        fixed (byte* from = element)
        {
            return Libsodium.crypto_core_ristretto255_is_valid_point(from) == 1;
        }
    }

    private static void ThrowUnlessElements(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(left.Length, ElementSizeBytes);
        ArgumentOutOfRangeException.ThrowIfNotEqual(right.Length, ElementSizeBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(result.Length, ElementSizeBytes);
    }

    /// <summary>expand_message_xmd of RFC 9380 section 5.3.1 with SHA-512.</summary>
    /// <param name="tag">Domain-separation tag, 1 to 255 bytes.</param>
    /// <param name="message">Any length.</param>
    /// <param name="uniform">Receives the output; its length, 1 to 16,320 bytes, is part of what is hashed.</param>
    internal static void ExpandMessage(ReadOnlySpan<byte> tag, ReadOnlySpan<byte> message, Span<byte> uniform)
    {
        ArgumentOutOfRangeException.ThrowIfZero(tag.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tag.Length, MaximumTagBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(uniform.Length, 255 * SHA512.HashSizeInBytes);
        var length = HashBlockBytes + message.Length + 3 + tag.Length + 1;
        var input = length <= 1024 ? stackalloc byte[length] : new byte[length];
        input[..HashBlockBytes].Clear();
        message.CopyTo(input[HashBlockBytes..]);
        var tail = input[(HashBlockBytes + message.Length)..];
        BinaryPrimitives.WriteUInt16BigEndian(tail, (ushort)uniform.Length);
        tail[2] = 0;
        tag.CopyTo(tail[3..]);
        tail[^1] = (byte)tag.Length;
        Span<byte> first = stackalloc byte[SHA512.HashSizeInBytes];
        SHA512.HashData(input, first);

        Span<byte> block = stackalloc byte[SHA512.HashSizeInBytes + 1 + MaximumTagBytes + 1];
        block = block[..(SHA512.HashSizeInBytes + 1 + tag.Length + 1)];
        tag.CopyTo(block[(SHA512.HashSizeInBytes + 1)..]);
        block[^1] = (byte)tag.Length;
        Span<byte> output = stackalloc byte[SHA512.HashSizeInBytes];
        output.Clear();
        for (byte counter = 1; !uniform.IsEmpty; counter++)
        {
            // b_i hashes b_0 XOR b_(i-1); for i = 1 that is b_0 itself.
            for (var i = 0; i < first.Length; i++)
            {
                block[i] = (byte)(first[i] ^ output[i]);
            }

            block[SHA512.HashSizeInBytes] = counter;
            SHA512.HashData(block, output);
            var take = Math.Min(uniform.Length, output.Length);
            output[..take].CopyTo(uniform);
            uniform = uniform[take..];
        }
    }
}
