using System.Security.Cryptography;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.Ristretto;

/// <summary>A secret exponent of <see cref="RistrettoGroup"/>: 1 to ℓ - 1, ℓ = 2^252 + 27742317777372353535851937790883648493. Wiped on disposal.</summary>
public sealed unsafe class RistrettoScalar : IDisposable
{
    /// <summary>Bytes of an encoded scalar, little-endian.</summary>
    public const int SizeBytes = 32;

    private const int WideSizeBytes = 64;
    private readonly SecretBytes _value;

    private RistrettoScalar(SecretBytes value) => _value = value;

    /// <summary>The secret's bytes.</summary>
    public ReadOnlySpan<byte> Span => _value.Span;

    /// <summary>
    /// Derives the scalar of a purpose from a seed: 64 bytes of HKDF reduced modulo ℓ, so that its distance from uniform is below 2^-250. The same
    /// seed and label give the same scalar after a restart.
    /// </summary>
    /// <param name="seed">32 bytes from the system generator.</param>
    /// <param name="label">Domain tag and context.</param>
    public static RistrettoScalar Derive(SecretBytes seed, ReadOnlySpan<byte> label)
    {
        using var wide = seed.Derive([], label, WideSizeBytes);
        Span<byte> reduced = stackalloc byte[SizeBytes];
        fixed (byte* to = reduced, from = wide.Span)
        {
            Libsodium.crypto_core_ristretto255_scalar_reduce(to, from);
        }

        var scalar = FromBytes(reduced);
        CryptographicOperations.ZeroMemory(reduced);
        return scalar;
    }

    /// <summary>Takes back a scalar's bytes.</summary>
    /// <exception cref="CryptographicException">Not 32 bytes, or zero.</exception>
    public static RistrettoScalar FromBytes(ReadOnlySpan<byte> value)
    {
        if (value.Length != SizeBytes || value.IndexOfAnyExcept((byte)0) < 0)
        {
            throw new CryptographicException("a scalar must be 32 bytes and not zero");
        }

        return new RistrettoScalar(SecretBytes.CopyOf(value));
    }

    /// <summary>Multiplies an element by this scalar. Constant-time in the scalar.</summary>
    /// <param name="element">32 bytes, from anybody.</param>
    /// <param name="product">Receives 32 bytes; undefined when the result is false.</param>
    /// <returns>False when <paramref name="element"/> is no canonical encoding, or the identity.</returns>
    public bool TryMultiply(ReadOnlySpan<byte> element, Span<byte> product)
    {
        if (element.Length != RistrettoGroup.ElementSizeBytes)
        {
            return false;
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(product.Length, RistrettoGroup.ElementSizeBytes);
        fixed (byte* to = product, scalar = _value.Span, from = element)
        {
            // -1 for what does not decode and for an identity as result; the order is prime, so that means an identity came in.
            return Libsodium.crypto_scalarmult_ristretto255(to, scalar, from) == 0;
        }
    }

    /// <summary>This scalar times the group's generator. Constant-time.</summary>
    /// <param name="product">Receives 32 bytes.</param>
    public void MultiplyBase(Span<byte> product)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(product.Length, RistrettoGroup.ElementSizeBytes);
        fixed (byte* to = product, scalar = _value.Span)
        {
            if (Libsodium.crypto_scalarmult_ristretto255_base(to, scalar) != 0)
            {
                throw new CryptographicException("libsodium refused to multiply the generator");
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _value.Dispose();
}
