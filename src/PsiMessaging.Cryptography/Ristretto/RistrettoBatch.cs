namespace PsiMessaging.Cryptography.Ristretto;

/// <summary>Which code computes a batch of ristretto255.</summary>
public enum RistrettoPath
{
    /// <summary>libsodium, one element after the other.</summary>
    Libsodium,

    /// <summary>Four elements at a time: 256-bit vectors with fused multiply-add (AVX2, FMA).</summary>
    FourLanes,

    /// <summary>Eight elements at a time: 512-bit vectors (AVX-512 F and DQ).</summary>
    EightLanes,
}

/// <summary>
/// <see cref="RistrettoGroup"/> and <see cref="RistrettoScalar"/> for many elements at once: the same results, bit by bit, on the vector lanes that the
/// processor has, and by libsodium where it has none. Constant-time in scalars and elements; how many there are is not hidden.
/// </summary>
public static class RistrettoBatch
{
    /// <summary>Bytes that an element is mapped from.</summary>
    public const int UniformSizeBytes = 64;

    private const int Element = RistrettoGroup.ElementSizeBytes;

    /// <summary>What this process uses.</summary>
    public static RistrettoPath Path { get; } =
        Lanes8.IsSupported ? RistrettoPath.EightLanes : Lanes4.IsSupported ? RistrettoPath.FourLanes : RistrettoPath.Libsodium;

    /// <summary>Multiplies elements by one scalar.</summary>
    /// <param name="scalar">The scalar.</param>
    /// <param name="elements">32 bytes each, from anybody.</param>
    /// <param name="products">Receives 32 bytes each; undefined when the result is false. May be where the elements are.</param>
    /// <returns>False when one of them is no canonical encoding, or the identity.</returns>
    public static bool TryMultiply(RistrettoScalar scalar, ReadOnlySpan<byte> elements, Span<byte> products)
    {
        ThrowUnlessWhole(elements, Element, products);
        return TryMultiply(Path, scalar, elements, products);
    }

    /// <summary>Maps 64 uniform bytes each to elements and multiplies those by one scalar: <see cref="RistrettoGroup.FromUniform"/>, then a product.</summary>
    /// <param name="scalar">The scalar.</param>
    /// <param name="uniform">64 bytes each.</param>
    /// <param name="products">Receives 32 bytes each; undefined when the result is false.</param>
    /// <returns>False when one was mapped to the identity, which no known input is.</returns>
    public static bool TryMultiplyMapped(RistrettoScalar scalar, ReadOnlySpan<byte> uniform, Span<byte> products)
    {
        ThrowUnlessWhole(uniform, UniformSizeBytes, products);
        return TryMultiplyMapped(Path, scalar, uniform, products);
    }

    /// <summary>scalar · (element + image of 64 bytes) for many.</summary>
    /// <param name="scalar">The scalar.</param>
    /// <param name="elements">32 bytes each, from anybody.</param>
    /// <param name="uniform">64 bytes each.</param>
    /// <param name="products">Receives 32 bytes each; undefined when the result is false.</param>
    /// <returns>False when an element is no canonical encoding or the identity, or a sum is the identity.</returns>
    public static bool TryMultiplySums(RistrettoScalar scalar, ReadOnlySpan<byte> elements, ReadOnlySpan<byte> uniform, Span<byte> products)
    {
        ThrowUnlessWhole(elements, Element, products);
        ThrowUnlessWhole(uniform, UniformSizeBytes, products);
        return TryMultiplySums(Path, scalar, elements, uniform, products);
    }

    /// <summary>One element times many scalars.</summary>
    /// <param name="scalars">32 bytes each, not zero modulo ℓ.</param>
    /// <param name="element">32 bytes, from anybody.</param>
    /// <param name="products">Receives 32 bytes a scalar; undefined when the result is false.</param>
    /// <returns>False when the element is no canonical encoding, or the identity.</returns>
    public static bool TryMultiplyEach(ReadOnlySpan<byte> scalars, ReadOnlySpan<byte> element, Span<byte> products)
    {
        ThrowUnlessWhole(scalars, Element, products);
        return TryMultiplyEach(Path, scalars, element, products);
    }

    /// <summary>scalar · generator - image of 64 bytes for many.</summary>
    /// <param name="scalars">32 bytes each, not zero modulo ℓ.</param>
    /// <param name="uniform">64 bytes each.</param>
    /// <param name="differences">Receives 32 bytes each.</param>
    public static void MultiplyBaseAndSubtract(ReadOnlySpan<byte> scalars, ReadOnlySpan<byte> uniform, Span<byte> differences)
    {
        ThrowUnlessWhole(scalars, Element, differences);
        ThrowUnlessWhole(uniform, UniformSizeBytes, differences);
        MultiplyBaseAndSubtract(Path, scalars, uniform, differences);
    }

    /// <summary>Maps 64 uniform bytes each to elements: <see cref="RistrettoGroup.FromUniform"/>.</summary>
    /// <param name="uniform">64 bytes each.</param>
    /// <param name="elements">Receives 32 bytes each.</param>
    public static void FromUniform(ReadOnlySpan<byte> uniform, Span<byte> elements)
    {
        ThrowUnlessWhole(uniform, UniformSizeBytes, elements);
        FromUniform(Path, uniform, elements);
    }

    /// <summary>Whether all of some elements from anybody are canonical encodings of elements other than the identity.</summary>
    public static bool AreUsable(ReadOnlySpan<byte> elements) => elements.Length % Element == 0 && AreUsable(Path, elements);

    internal static bool TryMultiply(RistrettoPath path, RistrettoScalar scalar, ReadOnlySpan<byte> elements, Span<byte> products) => path switch
    {
        RistrettoPath.EightLanes => LaneBatches<Lanes8>.TryMultiply(scalar, elements, products),
        RistrettoPath.FourLanes => LaneBatches<Lanes4>.TryMultiply(scalar, elements, products),
        _ => LibsodiumBatches.TryMultiply(scalar, elements, products),
    };

    internal static bool TryMultiplyMapped(RistrettoPath path, RistrettoScalar scalar, ReadOnlySpan<byte> uniform, Span<byte> products) => path switch
    {
        RistrettoPath.EightLanes => LaneBatches<Lanes8>.TryMultiplyMapped(scalar, uniform, products),
        RistrettoPath.FourLanes => LaneBatches<Lanes4>.TryMultiplyMapped(scalar, uniform, products),
        _ => LibsodiumBatches.TryMultiplyMapped(scalar, uniform, products),
    };

    internal static bool TryMultiplySums(
        RistrettoPath path, RistrettoScalar scalar, ReadOnlySpan<byte> elements, ReadOnlySpan<byte> uniform, Span<byte> products) => path switch
    {
        RistrettoPath.EightLanes => LaneBatches<Lanes8>.TryMultiplySums(scalar, elements, uniform, products),
        RistrettoPath.FourLanes => LaneBatches<Lanes4>.TryMultiplySums(scalar, elements, uniform, products),
        _ => LibsodiumBatches.TryMultiplySums(scalar, elements, uniform, products),
    };

    internal static bool TryMultiplyEach(RistrettoPath path, ReadOnlySpan<byte> scalars, ReadOnlySpan<byte> element, Span<byte> products) => path switch
    {
        RistrettoPath.EightLanes => LaneBatches<Lanes8>.TryMultiplyEach(scalars, element, products),
        RistrettoPath.FourLanes => LaneBatches<Lanes4>.TryMultiplyEach(scalars, element, products),
        _ => LibsodiumBatches.TryMultiplyEach(scalars, element, products),
    };

    internal static void MultiplyBaseAndSubtract(RistrettoPath path, ReadOnlySpan<byte> scalars, ReadOnlySpan<byte> uniform, Span<byte> differences)
    {
        switch (path)
        {
            case RistrettoPath.EightLanes:
                LaneBatches<Lanes8>.MultiplyBaseAndSubtract(scalars, uniform, differences);
                break;
            case RistrettoPath.FourLanes:
                LaneBatches<Lanes4>.MultiplyBaseAndSubtract(scalars, uniform, differences);
                break;
            default:
                LibsodiumBatches.MultiplyBaseAndSubtract(scalars, uniform, differences);
                break;
        }
    }

    internal static void FromUniform(RistrettoPath path, ReadOnlySpan<byte> uniform, Span<byte> elements)
    {
        switch (path)
        {
            case RistrettoPath.EightLanes:
                LaneBatches<Lanes8>.FromUniform(uniform, elements);
                break;
            case RistrettoPath.FourLanes:
                LaneBatches<Lanes4>.FromUniform(uniform, elements);
                break;
            default:
                LibsodiumBatches.FromUniform(uniform, elements);
                break;
        }
    }

    internal static bool AreUsable(RistrettoPath path, ReadOnlySpan<byte> elements) => path switch
    {
        RistrettoPath.EightLanes => LaneBatches<Lanes8>.AreUsable(elements),
        RistrettoPath.FourLanes => LaneBatches<Lanes4>.AreUsable(elements),
        _ => LibsodiumBatches.AreUsable(elements),
    };

    private static void ThrowUnlessWhole(ReadOnlySpan<byte> from, int size, ReadOnlySpan<byte> to)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(from.Length % size, 0);
        ArgumentOutOfRangeException.ThrowIfNotEqual(to.Length, from.Length / size * Element);
    }
}
