using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PsiMessaging.Cryptography.Fields;

/// <summary>
/// The field GF(2^128) = GF(2)[x] / (x^128 + x^7 + x^2 + x + 1). An element is 16 bytes, little-endian, bit i the coefficient of x^i (not the reflected order
/// of GCM); addition is XOR. Products use the processor's carry-less multiplication where it has one, a constant-time substitute elsewhere.
/// </summary>
public static unsafe class BinaryField128
{
    /// <summary>What x^128 reduces to: x^7 + x^2 + x + 1.</summary>
    private const ulong Reduction = 0x87;

    /// <summary>Whether this processor's carry-less multiplication is used.</summary>
    public static bool IsAccelerated => Pclmulqdq.IsSupported;

    /// <summary>The product of two elements.</summary>
    public static Vector128<byte> Multiply(Vector128<byte> left, Vector128<byte> right) =>
        IsAccelerated ? MultiplyAccelerated(left.AsUInt64(), right.AsUInt64()).AsByte() : MultiplyPortable(left, right);

    /// <summary>x times an element.</summary>
    public static Vector128<byte> Double(Vector128<byte> value)
    {
        var (low, high) = (value.AsUInt64().GetElement(0), value.AsUInt64().GetElement(1));
        return Vector128.Create((low << 1) ^ (Reduction & (0 - (high >> 63))), (high << 1) | (low >> 63)).AsByte();
    }

    /// <summary>target[i] ⊕= factor · vector[i] for all i.</summary>
    /// <param name="factor">The one factor.</param>
    /// <param name="vector">Elements.</param>
    /// <param name="target">As many elements.</param>
    public static void MultiplyAdd(Vector128<byte> factor, ReadOnlySpan<Vector128<byte>> vector, Span<Vector128<byte>> target)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(target.Length, vector.Length);
        if (!IsAccelerated)
        {
            MultiplyAddPortable(factor, vector, target);
            return;
        }

        fixed (Vector128<byte>* from = vector, to = target)
        {
            MultiplyAddAccelerated(factor.AsUInt64(), from, to, vector.Length);
        }
    }

    /// <summary>Σ point^i · coefficients[i]: a polynomial's value.</summary>
    /// <param name="point">Where.</param>
    /// <param name="coefficients">Elements, that of point^0 first.</param>
    public static Vector128<byte> Evaluate(Vector128<byte> point, ReadOnlySpan<Vector128<byte>> coefficients) =>
        Pclmulqdq.V512.IsSupported && coefficients.Length >= 2 * StepElements
            ? EvaluateWide(point, coefficients) : EvaluateSingly(point, coefficients);

    /// <summary>By Horner's rule, from the end.</summary>
    internal static Vector128<byte> EvaluateSingly(Vector128<byte> point, ReadOnlySpan<Vector128<byte>> coefficients)
    {
        var sum = Vector128<byte>.Zero;
        for (var i = coefficients.Length - 1; i >= 0; i--)
        {
            sum = Multiply(sum, point) ^ coefficients[i];
        }

        return sum;
    }

    private const int StepElements = 32;

    /// <summary>32 of Horner's sums at once, each over every 32nd coefficient: one alone waits for its last product most of the time.</summary>
    private static Vector128<byte> EvaluateWide(Vector128<byte> point, ReadOnlySpan<Vector128<byte>> coefficients)
    {
        // x^0 to x^32.
        var powers = stackalloc Vector128<byte>[StepElements + 1];
        powers[0] = Vector128.CreateScalar((byte)1);
        for (var i = 1; i <= StepElements; i++)
        {
            powers[i] = Multiply(powers[i - 1], point);
        }

        // What is beyond the last whole step comes first, padded with zeros.
        var sums = stackalloc Vector128<byte>[StepElements];
        new Span<Vector128<byte>>(sums, StepElements).Clear();
        var steps = coefficients.Length / StepElements;
        coefficients[(steps * StepElements)..].CopyTo(new Span<Vector128<byte>>(sums, StepElements));
        fixed (Vector128<byte>* from = coefficients)
        {
            Horner(powers[StepElements].AsUInt64(), (ulong*)from, steps, (ulong*)sums);
        }

        var result = Vector128<byte>.Zero;
        for (var i = 0; i < StepElements; i++)
        {
            result ^= Multiply(sums[i], powers[i]);
        }

        new Span<Vector128<byte>>(sums, StepElements).Clear();
        return result;
    }

    // Optimized from its first call, which is long: a set's leaves are millions.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Horner(Vector128<ulong> power, ulong* from, int steps, ulong* sums)
    {
        var factor = Vector512.Create(Vector256.Create(power, power), Vector256.Create(power, power));
        Vector512<ulong> s0 = Vector512.Load(sums), s1 = Vector512.Load(sums + 8), s2 = Vector512.Load(sums + 16), s3 = Vector512.Load(sums + 24);
        Vector512<ulong> s4 = Vector512.Load(sums + 32), s5 = Vector512.Load(sums + 40), s6 = Vector512.Load(sums + 48), s7 = Vector512.Load(sums + 56);
        for (var at = from + ((long)steps * 2 * StepElements); at > from;)
        {
            at -= 2 * StepElements;
            s0 = MultiplyAccelerated(s0, factor) ^ Vector512.Load(at);
            s1 = MultiplyAccelerated(s1, factor) ^ Vector512.Load(at + 8);
            s2 = MultiplyAccelerated(s2, factor) ^ Vector512.Load(at + 16);
            s3 = MultiplyAccelerated(s3, factor) ^ Vector512.Load(at + 24);
            s4 = MultiplyAccelerated(s4, factor) ^ Vector512.Load(at + 32);
            s5 = MultiplyAccelerated(s5, factor) ^ Vector512.Load(at + 40);
            s6 = MultiplyAccelerated(s6, factor) ^ Vector512.Load(at + 48);
            s7 = MultiplyAccelerated(s7, factor) ^ Vector512.Load(at + 56);
        }

        s0.Store(sums);
        s1.Store(sums + 8);
        s2.Store(sums + 16);
        s3.Store(sums + 24);
        s4.Store(sums + 32);
        s5.Store(sums + 40);
        s6.Store(sums + 48);
        s7.Store(sums + 56);
    }

    internal static void MultiplyAddPortable(Vector128<byte> factor, ReadOnlySpan<Vector128<byte>> vector, Span<Vector128<byte>> target)
    {
        for (var i = 0; i < vector.Length; i++)
        {
            target[i] ^= MultiplyPortable(factor, vector[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyAddAccelerated(Vector128<ulong> factor, Vector128<byte>* from, Vector128<byte>* to, int count)
    {
        var i = 0;
        if (Pclmulqdq.V512.IsSupported)
        {
            var wide = Vector512.Create(Vector256.Create(factor, factor), Vector256.Create(factor, factor));
            for (; i + 4 <= count; i += 4)
            {
                var product = MultiplyAccelerated(wide, Vector512.Load((ulong*)(from + i)));
                (Vector512.Load((ulong*)(to + i)) ^ product).Store((ulong*)(to + i));
            }
        }

        for (; i < count; i++)
        {
            to[i] ^= MultiplyAccelerated(factor, from[i].AsUInt64()).AsByte();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<ulong> MultiplyAccelerated(Vector128<ulong> a, Vector128<ulong> b)
    {
        var low = Pclmulqdq.CarrylessMultiply(a, b, 0x00);
        var high = Pclmulqdq.CarrylessMultiply(a, b, 0x11);
        var middle = Pclmulqdq.CarrylessMultiply(a, b, 0x10) ^ Pclmulqdq.CarrylessMultiply(a, b, 0x01);
        low ^= Sse2.ShiftLeftLogical128BitLane(middle, 8);
        high ^= Sse2.ShiftRightLogical128BitLane(middle, 8);

        // The upper half times x^128 = Reduction, from the top word down; the 7 bits that pass the end once more join the lower word.
        var reduction = Vector128.CreateScalar(Reduction);
        var top = Pclmulqdq.CarrylessMultiply(high, reduction, 0x01);
        high ^= Sse2.ShiftRightLogical128BitLane(top, 8);
        return low ^ Sse2.ShiftLeftLogical128BitLane(top, 8) ^ Pclmulqdq.CarrylessMultiply(high, reduction, 0x00);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> MultiplyAccelerated(Vector512<ulong> a, Vector512<ulong> b)
    {
        var low = Pclmulqdq.V512.CarrylessMultiply(a, b, 0x00);
        var high = Pclmulqdq.V512.CarrylessMultiply(a, b, 0x11);
        var middle = Pclmulqdq.V512.CarrylessMultiply(a, b, 0x10) ^ Pclmulqdq.V512.CarrylessMultiply(a, b, 0x01);
        low ^= ShiftLeft(middle);
        high ^= ShiftRight(middle);
        var reduction = Vector512.Create(Reduction);
        var top = Pclmulqdq.V512.CarrylessMultiply(high, reduction, 0x01);
        high ^= ShiftRight(top);
        return low ^ ShiftLeft(top) ^ Pclmulqdq.V512.CarrylessMultiply(high, reduction, 0x00);
    }

    /// <summary>Four elements times a factor of degree below 64, in every lane's lower word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<ulong> MultiplyByWord(Vector512<ulong> value, Vector512<ulong> word)
    {
        var low = Pclmulqdq.V512.CarrylessMultiply(value, word, 0x00);
        var high = Pclmulqdq.V512.CarrylessMultiply(value, word, 0x01);
        return low ^ ShiftLeft(high) ^ Pclmulqdq.V512.CarrylessMultiply(high, Vector512.Create(Reduction), 0x01);
    }

    /// <summary>An element times a factor of degree below 64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<byte> MultiplyByWord(Vector128<byte> value, ulong word)
    {
        if (!IsAccelerated)
        {
            return MultiplyPortable(value, Vector128.CreateScalar(word).AsByte());
        }

        var factor = Vector128.CreateScalar(word);
        var low = Pclmulqdq.CarrylessMultiply(value.AsUInt64(), factor, 0x00);
        var high = Pclmulqdq.CarrylessMultiply(value.AsUInt64(), factor, 0x01);
        return (low ^ Sse2.ShiftLeftLogical128BitLane(high, 8) ^ Pclmulqdq.CarrylessMultiply(high, Vector128.CreateScalar(Reduction), 0x01)).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> ShiftLeft(Vector512<ulong> value) => Avx512BW.ShiftLeftLogical128BitLane(value.AsByte(), 8).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> ShiftRight(Vector512<ulong> value) => Avx512BW.ShiftRightLogical128BitLane(value.AsByte(), 8).AsUInt64();

    /// <summary>The same product without carry-less multiplication, in constant time.</summary>
    internal static Vector128<byte> MultiplyPortable(Vector128<byte> left, Vector128<byte> right)
    {
        var (a0, a1) = (left.AsUInt64().GetElement(0), left.AsUInt64().GetElement(1));
        var (b0, b1) = (right.AsUInt64().GetElement(0), right.AsUInt64().GetElement(1));

        // Karatsuba: three products of words.
        var (low, high) = (CarrylessMultiply(a0, b0), CarrylessMultiply(a1, b1));
        var middle = CarrylessMultiply(a0 ^ a1, b0 ^ b1) ^ low ^ high;
        low ^= middle << 64;
        high ^= middle >> 64;
        var top = CarrylessMultiply((ulong)(high >> 64), Reduction);
        var result = low ^ (top << 64) ^ CarrylessMultiply((ulong)high ^ (ulong)(top >> 64), Reduction);
        return Vector128.Create((ulong)result, (ulong)(result >> 64)).AsByte();
    }

    /// <summary>
    /// Product of two polynomials of degree below 64. Each factor is spread into four words that use one bit in four, so that the carries of ordinary
    /// multiplications stay in the gaps; the upper half comes from the product of the reversed factors.
    /// </summary>
    private static UInt128 CarrylessMultiply(ulong a, ulong b) => new(Reverse(LowerProduct(Reverse(a), Reverse(b))) >> 1, LowerProduct(a, b));

    private static ulong LowerProduct(ulong a, ulong b)
    {
        const ulong Every4th = 0x1111_1111_1111_1111;
        var (a0, a1, a2, a3) = (a & Every4th, a & (Every4th << 1), a & (Every4th << 2), a & (Every4th << 3));
        var (b0, b1, b2, b3) = (b & Every4th, b & (Every4th << 1), b & (Every4th << 2), b & (Every4th << 3));
        unchecked
        {
            return (((a0 * b0) ^ (a1 * b3) ^ (a2 * b2) ^ (a3 * b1)) & Every4th)
                | (((a0 * b1) ^ (a1 * b0) ^ (a2 * b3) ^ (a3 * b2)) & (Every4th << 1))
                | (((a0 * b2) ^ (a1 * b1) ^ (a2 * b0) ^ (a3 * b3)) & (Every4th << 2))
                | (((a0 * b3) ^ (a1 * b2) ^ (a2 * b1) ^ (a3 * b0)) & (Every4th << 3));
        }
    }

    private static ulong Reverse(ulong value)
    {
        value = ((value >> 1) & 0x5555_5555_5555_5555) | ((value & 0x5555_5555_5555_5555) << 1);
        value = ((value >> 2) & 0x3333_3333_3333_3333) | ((value & 0x3333_3333_3333_3333) << 2);
        value = ((value >> 4) & 0x0F0F_0F0F_0F0F_0F0F) | ((value & 0x0F0F_0F0F_0F0F_0F0F) << 4);
        return System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(value);
    }
}
