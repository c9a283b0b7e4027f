using System.Security.Cryptography;

namespace PsiMessaging.Cryptography.Ristretto;

/// <summary>Batches of one kind of lanes, as many elements at a time as <see cref="RistrettoLanes{TLanes}"/> has room for.</summary>
internal static class LaneBatches<TLanes>
    where TLanes : unmanaged, ILanes<TLanes>
{
    private const int Element = RistrettoGroup.ElementSizeBytes;
    private const int UniformSize = RistrettoBatch.UniformSizeBytes;

    public static bool TryMultiply(RistrettoScalar scalar, ReadOnlySpan<byte> elements, Span<byte> products)
    {
        Span<sbyte> digits = stackalloc sbyte[ScalarDigits.Count];
        ScalarDigits.Recode(scalar.Span, halved: true, digits);
        using var lanes = new RistrettoLanes<TLanes>();
        var usable = true;
        for (var first = 0; usable && first < elements.Length; first += Step)
        {
            var part = Part(elements, first, Element);
            usable = lanes.Decode(part) < 0;
            if (usable)
            {
                lanes.Multiply(digits, part.Length / Element);
                usable = lanes.EncodeDoubled(products.Slice(first, part.Length));
            }
        }

        Clear(digits);
        return usable;
    }

    public static bool TryMultiplyMapped(RistrettoScalar scalar, ReadOnlySpan<byte> uniform, Span<byte> products)
    {
        Span<sbyte> digits = stackalloc sbyte[ScalarDigits.Count];
        ScalarDigits.Recode(scalar.Span, halved: true, digits);
        using var lanes = new RistrettoLanes<TLanes>();
        var usable = true;
        for (var first = 0; usable && first < products.Length; first += Step)
        {
            var part = products.Slice(first, Math.Min(Step, products.Length - first));
            lanes.Map(Part(uniform, first, UniformSize));
            lanes.Multiply(digits, part.Length / Element);
            usable = lanes.EncodeDoubled(part);
        }

        Clear(digits);
        return usable;
    }

    public static bool TryMultiplySums(RistrettoScalar scalar, ReadOnlySpan<byte> elements, ReadOnlySpan<byte> uniform, Span<byte> products)
    {
        Span<sbyte> digits = stackalloc sbyte[ScalarDigits.Count];
        ScalarDigits.Recode(scalar.Span, halved: true, digits);
        using var lanes = new RistrettoLanes<TLanes>();
        var usable = true;
        for (var first = 0; usable && first < elements.Length; first += Step)
        {
            var part = Part(elements, first, Element);
            usable = lanes.Decode(part) < 0;
            if (usable)
            {
                lanes.AddMapped(Part(uniform, first, UniformSize), negated: false);
                lanes.Multiply(digits, part.Length / Element);
                usable = lanes.EncodeDoubled(products.Slice(first, part.Length));
            }
        }

        Clear(digits);
        return usable;
    }

    public static bool TryMultiplyEach(ReadOnlySpan<byte> scalars, ReadOnlySpan<byte> element, Span<byte> products)
    {
        var digits = new sbyte[Step / Element * ScalarDigits.Count];
        using var lanes = new RistrettoLanes<TLanes>();
        var usable = element.Length == Element;
        for (var first = 0; usable && first < scalars.Length; first += Step)
        {
            var part = Part(scalars, first, Element);
            Recode(part, halved: true, digits);
            usable = lanes.DecodeOne(element, part.Length / Element);
            if (usable)
            {
                lanes.MultiplyEach(digits, part.Length / Element);
                usable = lanes.EncodeDoubled(products.Slice(first, part.Length));
            }
        }

        Clear(digits);
        return usable;
    }

    public static void MultiplyBaseAndSubtract(ReadOnlySpan<byte> scalars, ReadOnlySpan<byte> uniform, Span<byte> differences)
    {
        var digits = new sbyte[Step / Element * ScalarDigits.Count];
        using var lanes = new RistrettoLanes<TLanes>();
        for (var first = 0; first < scalars.Length; first += Step)
        {
            var part = Part(scalars, first, Element);
            Recode(part, halved: false, digits);
            lanes.SetGenerator(part.Length / Element);
            lanes.MultiplyEach(digits, part.Length / Element);
            lanes.AddMapped(Part(uniform, first, UniformSize), negated: true);
            lanes.Encode(differences.Slice(first, part.Length));
        }

        Clear(digits);
    }

    public static void FromUniform(ReadOnlySpan<byte> uniform, Span<byte> elements)
    {
        using var lanes = new RistrettoLanes<TLanes>();
        for (var first = 0; first < elements.Length; first += Step)
        {
            lanes.Map(Part(uniform, first, UniformSize));
            lanes.Encode(elements.Slice(first, Math.Min(Step, elements.Length - first)));
        }
    }

    public static bool AreUsable(ReadOnlySpan<byte> elements)
    {
        using var lanes = new RistrettoLanes<TLanes>();
        var usable = true;
        for (var first = 0; usable && first < elements.Length; first += Step)
        {
            usable = lanes.Decode(Part(elements, first, Element)) < 0;
        }

        return usable;
    }

    /// <summary>Bytes of the elements of one turn.</summary>
    private static int Step => RistrettoLanes<TLanes>.Capacity * Element;

    /// <summary>What belongs to the elements of one turn.</summary>
    /// <param name="from">Values, one an element.</param>
    /// <param name="first">Bytes of elements before.</param>
    /// <param name="size">Bytes of a value.</param>
    private static ReadOnlySpan<byte> Part(ReadOnlySpan<byte> from, int first, int size)
    {
        var at = first / Element * size;
        return from.Slice(at, Math.Min(Step / Element * size, from.Length - at));
    }

    private static void Recode(ReadOnlySpan<byte> scalars, bool halved, Span<sbyte> digits)
    {
        for (var i = 0; i < scalars.Length / Element; i++)
        {
            ScalarDigits.Recode(scalars.Slice(i * Element, Element), halved, digits[(i * ScalarDigits.Count)..]);
        }
    }

    private static void Clear(Span<sbyte> digits) =>
        CryptographicOperations.ZeroMemory(System.Runtime.InteropServices.MemoryMarshal.AsBytes(digits));
}
