using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PsiMessaging.Cryptography.Ristretto;

/// <summary>
/// Words of 64 bits side by side, one a lane, each a double that is a whole number, or an integer. What <see cref="FieldLanes{TLanes}"/> needs of the
/// processor, and what of it needs a proof, stands here; the tests have a third kind of lanes that computes bounds in place of numbers.
/// </summary>
/// <typeparam name="TSelf">The lanes themselves.</typeparam>
internal interface ILanes<TSelf>
    where TSelf : unmanaged, ILanes<TSelf>
{
    /// <summary>How many lanes.</summary>
    static abstract int Count { get; }

    /// <summary>Whether this processor has the instructions.</summary>
    static abstract bool IsSupported { get; }

    /// <summary>The largest lane in size, of doubles. For assertions.</summary>
    static abstract double LargestOf(TSelf value);

    /// <summary>The integer of one lane.</summary>
    static abstract ulong LaneOf(in TSelf value, int lane);

    /// <summary>Sets the integer of one lane.</summary>
    static abstract void SetLane(ref TSelf value, int lane, ulong integer);

    /// <summary>A whole number of at most 2^53 in size as a double, in every lane.</summary>
    static abstract TSelf Of(double value);

    /// <summary>An integer in every lane.</summary>
    static abstract TSelf OfInteger(long value);

    /// <summary>Sum of doubles; exact where it is at most 2^53 in size.</summary>
    static abstract TSelf operator +(TSelf left, TSelf right);

    /// <summary>Difference of doubles; exact where it is at most 2^53 in size.</summary>
    static abstract TSelf operator -(TSelf left, TSelf right);

    /// <summary>Where a column of <see cref="AddProduct"/> begins: minus the bit patterns that so many low and high halves bring with them.</summary>
    static abstract TSelf ColumnOf(int lows, int highs);

    /// <summary>
    /// Splits f·g = high·2^51 + low, |low| ≤ 2^50, and adds the halves to columns of integers, each with a bit pattern that <see cref="ColumnOf"/> took off.
    /// </summary>
    /// <param name="f">Doubles.</param>
    /// <param name="g">Doubles; |f·g| ≤ 2^102 - 2^51.</param>
    /// <param name="low">Column that low is added to.</param>
    /// <param name="high">Column that high is added to.</param>
    static abstract void AddProduct(TSelf f, TSelf g, ref TSelf low, ref TSelf high);

    /// <summary>19 times an integer.</summary>
    static abstract TSelf Times19(TSelf integer);

    /// <summary>One limb from an integer: (integer mod 2^51) + carry - offset, as a double.</summary>
    /// <param name="integer">0 to 2^63 - 1.</param>
    /// <param name="carry">0 to 2^51.</param>
    /// <param name="offset">Whole number, 0 to 2^51.</param>
    static abstract TSelf LimbOf(TSelf integer, TSelf carry, double offset);

    /// <summary>Splits a double of at most 2^53 in size: value = upper + rest, upper a multiple of 2^51, |rest| ≤ 2^50.</summary>
    static abstract TSelf Split(TSelf value, out TSelf upper);

    /// <summary>rest + upper · weight / 2^51, all doubles.</summary>
    /// <param name="rest">Of at most 2^51 in size.</param>
    /// <param name="upper">A multiple of 2^51 and at most 2^53 in size.</param>
    /// <param name="weight">Small.</param>
    static abstract TSelf AddUpper(TSelf rest, TSelf upper, double weight);

    /// <summary>A double as integer.</summary>
    /// <param name="value">Less than 2^51 in size.</param>
    static abstract TSelf ToInteger(TSelf value);

    /// <summary>Sum of integers, modulo 2^64.</summary>
    static abstract TSelf AddIntegers(TSelf left, TSelf right);

    /// <summary>Difference of integers, modulo 2^64.</summary>
    static abstract TSelf SubtractIntegers(TSelf left, TSelf right);

    /// <summary>Towards the low end; zeros come in.</summary>
    static abstract TSelf ShiftRight(TSelf integer, int bits);

    /// <summary>Towards the high end; zeros come in.</summary>
    static abstract TSelf ShiftLeft(TSelf integer, int bits);

    /// <summary>Bit by bit.</summary>
    static abstract TSelf operator &(TSelf left, TSelf right);

    /// <summary>Bit by bit.</summary>
    static abstract TSelf operator |(TSelf left, TSelf right);

    /// <summary>Bit by bit.</summary>
    static abstract TSelf operator ^(TSelf left, TSelf right);

    /// <summary>All ones in lanes with equal integers, zero elsewhere.</summary>
    static abstract TSelf EqualIntegers(TSelf left, TSelf right);

    /// <summary>Bits of <paramref name="ifSet"/> where the mask has ones, else of <paramref name="ifClear"/>.</summary>
    static abstract TSelf Select(TSelf mask, TSelf ifSet, TSelf ifClear);
}

/// <summary>Numbers that the lanes share.</summary>
internal static class LaneConstants
{
    /// <summary>1.5 · 2^103: a double between 2^103 and 2^104 ends in multiples of 2^51, so adding this rounds a product to one.</summary>
    public const double Rounder = 3.0 * (1UL << 51) * (1UL << 51);

    /// <summary>1.5 · 2^52: a double between 2^52 and 2^53 ends in multiples of 1, and its lowest bits are those of the number that was added.</summary>
    public const double Unit = 3.0 * (1UL << 51);

    /// <summary>2^52.</summary>
    public const double Integer = 1UL << 52;

    /// <summary>Bits of 2^52.</summary>
    public const long IntegerBits = 0x4330000000000000;

    /// <summary>Bits of <see cref="Unit"/>: what a low half brings with it.</summary>
    public const long UnitBits = 0x4338000000000000;

    /// <summary>Bits of <see cref="Rounder"/>: what a high half brings with it.</summary>
    public const long RounderBits = 0x4668000000000000;

    /// <summary>2^51 - 1.</summary>
    public const long LimbMask = (1L << 51) - 1;

    /// <summary>2^-51.</summary>
    public const double Down = 1.0 / (1UL << 51);
}

/// <summary>Eight lanes of 512 bits.</summary>
internal readonly struct Lanes8 : ILanes<Lanes8>
{
    private readonly Vector512<double> _v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Lanes8(Vector512<double> v) => _v = v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Lanes8(Vector512<long> v) => _v = v.AsDouble();

    public static int Count => 8;

    public static bool IsSupported => Avx512F.IsSupported && Avx512DQ.IsSupported && Vector512.IsHardwareAccelerated;

    private Vector512<long> Bits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _v.AsInt64();
    }

    public static double LargestOf(Lanes8 value)
    {
        var largest = 0.0;
        for (var lane = 0; lane < Count; lane++)
        {
            largest = Math.Max(largest, Math.Abs(value._v.GetElement(lane)));
        }

        return largest;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LaneOf(in Lanes8 value, int lane) => Unsafe.Add(ref Unsafe.As<Lanes8, ulong>(ref Unsafe.AsRef(in value)), lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetLane(ref Lanes8 value, int lane, ulong integer) =>
        Unsafe.Add(ref Unsafe.As<Lanes8, ulong>(ref value), lane) = integer;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Of(double value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 OfInteger(long value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator +(Lanes8 left, Lanes8 right) => new(left._v + right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator -(Lanes8 left, Lanes8 right) => new(left._v - right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 ColumnOf(int lows, int highs) =>
        new(Vector512.Create(unchecked(-((lows * LaneConstants.UnitBits) + (highs * LaneConstants.RounderBits)))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddProduct(Lanes8 f, Lanes8 g, ref Lanes8 low, ref Lanes8 high)
    {
        // All exact but the first rounding: Rounder + Unit has 53 bits, and what is taken from it is a multiple of 2^51 as it is itself.
        var rounded = Avx512F.FusedMultiplyAdd(f._v, g._v, Vector512.Create(LaneConstants.Rounder));
        var rest = Avx512F.FusedMultiplyAdd(f._v, g._v, Vector512.Create(LaneConstants.Rounder + LaneConstants.Unit) - rounded);
        low = new Lanes8(low.Bits + rest.AsInt64());
        high = new Lanes8(high.Bits + rounded.AsInt64());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Times19(Lanes8 integer) => new(Avx512DQ.MultiplyLow(integer.Bits, Vector512.Create(19L)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 LimbOf(Lanes8 integer, Lanes8 carry, double offset)
    {
        var low = (integer.Bits & Vector512.Create(LaneConstants.LimbMask)) | Vector512.Create(LaneConstants.IntegerBits);
        return new Lanes8((low + carry.Bits).AsDouble() - Vector512.Create(LaneConstants.Integer + offset));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Split(Lanes8 value, out Lanes8 upper)
    {
        var rounder = Vector512.Create(LaneConstants.Rounder);
        var multiple = (value._v + rounder) - rounder;
        upper = new Lanes8(multiple);
        return new Lanes8(value._v - multiple);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 AddUpper(Lanes8 rest, Lanes8 upper, double weight) =>
        new(Avx512F.FusedMultiplyAdd(upper._v, Vector512.Create(weight * LaneConstants.Down), rest._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 ToInteger(Lanes8 value) =>
        new((value._v + Vector512.Create(LaneConstants.Unit)).AsInt64() - Vector512.Create(LaneConstants.UnitBits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 AddIntegers(Lanes8 left, Lanes8 right) => new(left.Bits + right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 SubtractIntegers(Lanes8 left, Lanes8 right) => new(left.Bits - right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 ShiftRight(Lanes8 integer, int bits) => new(integer.Bits >>> bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 ShiftLeft(Lanes8 integer, int bits) => new(integer.Bits << bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator &(Lanes8 left, Lanes8 right) => new(left.Bits & right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator |(Lanes8 left, Lanes8 right) => new(left.Bits | right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator ^(Lanes8 left, Lanes8 right) => new(left.Bits ^ right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 EqualIntegers(Lanes8 left, Lanes8 right) => new(Vector512.Equals(left.Bits, right.Bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Select(Lanes8 mask, Lanes8 ifSet, Lanes8 ifClear) => new(Vector512.ConditionalSelect(mask.Bits, ifSet.Bits, ifClear.Bits));
}

/// <summary>Four lanes of 256 bits.</summary>
internal readonly struct Lanes4 : ILanes<Lanes4>
{
    private readonly Vector256<double> _v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Lanes4(Vector256<double> v) => _v = v;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Lanes4(Vector256<long> v) => _v = v.AsDouble();

    public static int Count => 4;

    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    private Vector256<long> Bits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _v.AsInt64();
    }

    public static double LargestOf(Lanes4 value)
    {
        var largest = 0.0;
        for (var lane = 0; lane < Count; lane++)
        {
            largest = Math.Max(largest, Math.Abs(value._v.GetElement(lane)));
        }

        return largest;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LaneOf(in Lanes4 value, int lane) => Unsafe.Add(ref Unsafe.As<Lanes4, ulong>(ref Unsafe.AsRef(in value)), lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetLane(ref Lanes4 value, int lane, ulong integer) =>
        Unsafe.Add(ref Unsafe.As<Lanes4, ulong>(ref value), lane) = integer;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Of(double value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 OfInteger(long value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator +(Lanes4 left, Lanes4 right) => new(left._v + right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator -(Lanes4 left, Lanes4 right) => new(left._v - right._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 ColumnOf(int lows, int highs) =>
        new(Vector256.Create(unchecked(-((lows * LaneConstants.UnitBits) + (highs * LaneConstants.RounderBits)))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddProduct(Lanes4 f, Lanes4 g, ref Lanes4 low, ref Lanes4 high)
    {
        // As for eight lanes.
        var rounded = Fma.MultiplyAdd(f._v, g._v, Vector256.Create(LaneConstants.Rounder));
        var rest = Fma.MultiplyAdd(f._v, g._v, Vector256.Create(LaneConstants.Rounder + LaneConstants.Unit) - rounded);
        low = new Lanes4(low.Bits + rest.AsInt64());
        high = new Lanes4(high.Bits + rounded.AsInt64());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Times19(Lanes4 integer) => new(integer.Bits + (integer.Bits << 1) + (integer.Bits << 4));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 LimbOf(Lanes4 integer, Lanes4 carry, double offset)
    {
        var low = (integer.Bits & Vector256.Create(LaneConstants.LimbMask)) | Vector256.Create(LaneConstants.IntegerBits);
        return new Lanes4((low + carry.Bits).AsDouble() - Vector256.Create(LaneConstants.Integer + offset));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Split(Lanes4 value, out Lanes4 upper)
    {
        var rounder = Vector256.Create(LaneConstants.Rounder);
        var multiple = (value._v + rounder) - rounder;
        upper = new Lanes4(multiple);
        return new Lanes4(value._v - multiple);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 AddUpper(Lanes4 rest, Lanes4 upper, double weight) =>
        new(Fma.MultiplyAdd(upper._v, Vector256.Create(weight * LaneConstants.Down), rest._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 ToInteger(Lanes4 value) =>
        new((value._v + Vector256.Create(LaneConstants.Unit)).AsInt64() - Vector256.Create(LaneConstants.UnitBits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 AddIntegers(Lanes4 left, Lanes4 right) => new(left.Bits + right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 SubtractIntegers(Lanes4 left, Lanes4 right) => new(left.Bits - right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 ShiftRight(Lanes4 integer, int bits) => new(integer.Bits >>> bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 ShiftLeft(Lanes4 integer, int bits) => new(integer.Bits << bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator &(Lanes4 left, Lanes4 right) => new(left.Bits & right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator |(Lanes4 left, Lanes4 right) => new(left.Bits | right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator ^(Lanes4 left, Lanes4 right) => new(left.Bits ^ right.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 EqualIntegers(Lanes4 left, Lanes4 right) => new(Vector256.Equals(left.Bits, right.Bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Select(Lanes4 mask, Lanes4 ifSet, Lanes4 ifClear) => new(Vector256.ConditionalSelect(mask.Bits, ifSet.Bits, ifClear.Bits));
}
