using System.Security.Cryptography;

namespace PsiMessaging.Cryptography.Ristretto;

/// <summary>The same by libsodium, where the processor has no lanes: what the lanes are held to.</summary>
internal static class LibsodiumBatches
{
    private const int Element = RistrettoGroup.ElementSizeBytes;
    private const int UniformSize = RistrettoBatch.UniformSizeBytes;

    public static bool TryMultiply(RistrettoScalar scalar, ReadOnlySpan<byte> elements, Span<byte> products)
    {
        var usable = true;
        for (var at = 0; usable && at < elements.Length; at += Element)
        {
            usable = scalar.TryMultiply(elements.Slice(at, Element), products.Slice(at, Element));
        }

        return usable;
    }

    public static bool TryMultiplyMapped(RistrettoScalar scalar, ReadOnlySpan<byte> uniform, Span<byte> products)
    {
        FromUniform(uniform, products);
        return TryMultiply(scalar, products, products);
    }

    public static bool TryMultiplySums(RistrettoScalar scalar, ReadOnlySpan<byte> elements, ReadOnlySpan<byte> uniform, Span<byte> products)
    {
        Span<byte> mapped = stackalloc byte[Element];
        var usable = true;
        for (var at = 0; usable && at < elements.Length; at += Element)
        {
            RistrettoGroup.FromUniform(uniform.Slice(2 * at, UniformSize), mapped);
            var element = elements.Slice(at, Element);
            usable = RistrettoGroup.IsUsable(element) && RistrettoGroup.TryAdd(element, mapped, mapped)
                && scalar.TryMultiply(mapped, products.Slice(at, Element));
        }

        return usable;
    }

    public static bool TryMultiplyEach(ReadOnlySpan<byte> scalars, ReadOnlySpan<byte> element, Span<byte> products)
    {
        var usable = true;
        for (var at = 0; usable && at < scalars.Length; at += Element)
        {
            using var scalar = RistrettoScalar.FromBytes(scalars.Slice(at, Element));
            usable = scalar.TryMultiply(element, products.Slice(at, Element));
        }

        return usable;
    }

    public static void MultiplyBaseAndSubtract(ReadOnlySpan<byte> scalars, ReadOnlySpan<byte> uniform, Span<byte> differences)
    {
        Span<byte> mapped = stackalloc byte[Element];
        for (var at = 0; at < scalars.Length; at += Element)
        {
            using var scalar = RistrettoScalar.FromBytes(scalars.Slice(at, Element));
            var difference = differences.Slice(at, Element);
            scalar.MultiplyBase(difference);
            RistrettoGroup.FromUniform(uniform.Slice(2 * at, UniformSize), mapped);
            if (!RistrettoGroup.TrySubtract(difference, mapped, difference))
            {
                throw new CryptographicException("an own element does not decode");
            }
        }
    }

    public static void FromUniform(ReadOnlySpan<byte> uniform, Span<byte> elements)
    {
        for (var at = 0; at < elements.Length; at += Element)
        {
            RistrettoGroup.FromUniform(uniform.Slice(2 * at, UniformSize), elements.Slice(at, Element));
        }
    }

    public static bool AreUsable(ReadOnlySpan<byte> elements)
    {
        var usable = true;
        for (var at = 0; usable && at < elements.Length; at += Element)
        {
            usable = RistrettoGroup.IsUsable(elements.Slice(at, Element));
        }

        return usable;
    }
}
