using System.Security.Cryptography;

namespace PsiMessaging.Cryptography.BlindRsa;

/// <summary>
/// RSA blind signatures, variant <c>RSABSSA-SHA384-PSSZERO-Deterministic</c> (RFC 9474 section 5): Prepare is the identity, the PSS salt is empty, so a
/// message has exactly one signature under a key. The client learns the signature and nothing of the key; the server learns nothing of the message.
/// </summary>
/// <remarks>References: RFC 9474 (sections 4.2 to 4.4), RFC 8017 (section 9.1.1, EMSA-PSS). Messages and signatures are as long as the modulus.</remarks>
public static class BlindRsaSuite
{
    /// <summary>Identifier of the variant in RFC 9474.</summary>
    public const string Name = "RSABSSA-SHA384-PSSZERO-Deterministic";

    /// <summary>Extra bytes a wide random value has over the modulus, so that its reduction is uniform up to 2^-128.</summary>
    public const int BlindMarginBytes = 16;

    private const int HashSizeBytes = SHA384.HashSizeInBytes;

    /// <summary>
    /// EMSA-PSS-ENCODE (RFC 8017 section 9.1.1) with SHA-384, MGF1-SHA-384 and an empty salt, for a modulus whose length is a multiple of 8 bits.
    /// </summary>
    /// <param name="message">Any length.</param>
    /// <param name="encoded">Modulus length in bytes; the highest bit comes out zero, so the value is below the modulus.</param>
    public static void Encode(ReadOnlySpan<byte> message, Span<byte> encoded)
    {
        Span<byte> preimage = stackalloc byte[8 + HashSizeBytes];
        preimage[..8].Clear();
        SHA384.HashData(message, preimage[8..]);
        var masked = encoded[..^(HashSizeBytes + 1)];
        var hash = encoded.Slice(masked.Length, HashSizeBytes);
        SHA384.HashData(preimage, hash);
        encoded[^1] = 0xbc;

        // DB is zeros, then 0x01: masking it is MGF1's output with the last byte flipped.
        Span<byte> seed = stackalloc byte[HashSizeBytes + 4];
        Span<byte> block = stackalloc byte[HashSizeBytes];
        hash.CopyTo(seed);
        for (int offset = 0, counter = 0; offset < masked.Length; offset += HashSizeBytes, counter++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(seed[HashSizeBytes..], counter);
            SHA384.HashData(seed, block);
            block[..Math.Min(HashSizeBytes, masked.Length - offset)].CopyTo(masked[offset..]);
        }

        masked[^1] ^= 1;
        masked[0] &= 0x7f;
    }

    /// <summary>
    /// Blind (RFC 9474 section 4.2) for a batch: encoded messages and blinds in, blinded messages and the blinds' inverses out.
    /// </summary>
    /// <param name="server">The server's public key.</param>
    /// <param name="messages">Encoded messages, back to back.</param>
    /// <param name="blinds">Uniform values below the modulus, one a message.</param>
    /// <param name="blinded">Receives m · r^e.</param>
    /// <param name="inverses">Receives r^-1.</param>
    /// <returns>False when a message or blind shares a factor with the modulus: the key is bad, and the session must end.</returns>
    public static bool TryBlind(RsaArithmetic server, ReadOnlySpan<byte> messages, ReadOnlySpan<byte> blinds, Span<byte> blinded, Span<byte> inverses)
    {
        if (!server.TryInvertAll(blinds, messages, inverses))
        {
            return false;
        }

        var size = server.SizeBytes;
        Span<byte> power = stackalloc byte[size];
        for (var offset = 0; offset < messages.Length; offset += size)
        {
            server.PublicOperation(blinds.Slice(offset, size), power);
            server.Multiply(messages.Slice(offset, size), power, blinded.Slice(offset, size));
        }

        return true;
    }

    /// <summary>BlindSign (RFC 9474 section 4.3): the raw private operation on a value already checked to be in range.</summary>
    public static void BlindSign(RsaArithmetic own, ReadOnlySpan<byte> blinded, Span<byte> signature) => own.PrivateOperation(blinded, signature);

    /// <summary>
    /// Finalize (RFC 9474 section 4.4): unblinds and verifies. With an empty salt the encoding is a function of the message, so verification is
    /// equality of s^e with the encoded message.
    /// </summary>
    /// <returns>False when the signature does not verify.</returns>
    public static bool TryFinalize(RsaArithmetic server, ReadOnlySpan<byte> message,
        ReadOnlySpan<byte> blindSignature, ReadOnlySpan<byte> inverse, Span<byte> signature)
    {
        if (!server.IsInRange(blindSignature))
        {
            return false;
        }

        server.Multiply(blindSignature, inverse, signature);
        Span<byte> opened = stackalloc byte[server.SizeBytes];
        server.PublicOperation(signature, opened);
        return CryptographicOperations.FixedTimeEquals(opened, message);
    }
}
