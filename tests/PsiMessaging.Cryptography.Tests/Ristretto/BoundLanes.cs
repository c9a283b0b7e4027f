using PsiMessaging.Cryptography.Ristretto;

namespace PsiMessaging.Cryptography.Tests.Ristretto;

/// <summary>
/// One lane that has, in place of a number, the interval in which it can be, and refuses whatever leaves the bounds that <see cref="ILanes{TSelf}"/>
/// states. The code on lanes has no branch that depends on numbers, so running it once on intervals is a proof for all numbers.
/// </summary>
internal readonly struct BoundLanes : ILanes<BoundLanes>
{
    private static readonly Int128 Limb = Int128.One << 51, Half = Int128.One << 50, Word = Int128.One << 64, Integer = Int128.One << 63;

    public BoundLanes(Int128 lowest, Int128 highest)
    {
        Assert.True(lowest <= highest);
        (Lowest, Highest) = (lowest, highest);
    }

    public Int128 Lowest { get; }

    public Int128 Highest { get; }

    public static int Count => 1;

    public static bool IsSupported => true;

    private static BoundLanes AnyWord => new(0, Word - 1);

    public static double LargestOf(BoundLanes value) => (double)Int128.Max(Int128.Abs(value.Lowest), Int128.Abs(value.Highest));

    public static ulong LaneOf(in BoundLanes value, int lane) => ulong.MaxValue;

    public static void SetLane(ref BoundLanes value, int lane, ulong integer) => value = AnyWord;

    public static BoundLanes Of(double value) => new((Int128)value, (Int128)value);

    public static BoundLanes OfInteger(long value) => new(value, value);

    public static BoundLanes operator +(BoundLanes left, BoundLanes right) =>
        Within(new(left.Lowest + right.Lowest, left.Highest + right.Highest), Int128.One << 53, "a sum of doubles");

    public static BoundLanes operator -(BoundLanes left, BoundLanes right) =>
        Within(new(left.Lowest - right.Highest, left.Highest - right.Lowest), Int128.One << 53, "a difference of doubles");

    public static BoundLanes ColumnOf(int lows, int highs) => new(0, 0);

    public static void AddProduct(BoundLanes f, BoundLanes g, ref BoundLanes low, ref BoundLanes high)
    {
        Int128[] ends = [f.Lowest * g.Lowest, f.Lowest * g.Highest, f.Highest * g.Lowest, f.Highest * g.Highest];
        var product = Within(new BoundLanes(ends.Min(), ends.Max()), (Int128.One << 102) - Limb, "a product");
        low = AddIntegers(low, new BoundLanes(Int128.Max(product.Lowest, -Half), Int128.Min(product.Highest, Half)));

        // Halves may be rounded either way.
        high = AddIntegers(high, new BoundLanes((product.Lowest + Half - 1) >> 51, (product.Highest + Half) >> 51));
    }

    public static BoundLanes Times19(BoundLanes integer) => Within(new(19 * integer.Lowest, 19 * integer.Highest), Integer - 1, "19 times an integer");

    public static BoundLanes LimbOf(BoundLanes integer, BoundLanes carry, double offset)
    {
        Assert.True(integer.Lowest >= 0 && integer.Highest < Integer, "a limb is not a positive integer of 63 bits");
        Assert.True(carry.Lowest >= 0 && carry.Highest <= Limb, "a carry is not within a limb");
        Assert.True(offset >= 0 && (Int128)offset <= Limb && (double)(Int128)offset == offset, "an offset is not within a limb");
        var low = integer.Highest < Limb ? integer : new BoundLanes(0, Limb - 1);
        return new(low.Lowest + carry.Lowest - (Int128)offset, low.Highest + carry.Highest - (Int128)offset);
    }

    public static BoundLanes Split(BoundLanes value, out BoundLanes upper)
    {
        Within(value, Int128.One << 53, "what is split");
        upper = new(((value.Lowest + Half - 1) >> 51) * Limb, ((value.Highest + Half) >> 51) * Limb);
        return upper.Lowest == 0 && upper.Highest == 0 ? value : new(-Half, Half);
    }

    public static BoundLanes AddUpper(BoundLanes rest, BoundLanes upper, double weight)
    {
        Within(rest, Limb, "a rest");
        Within(upper, Int128.One << 53, "an upper part");
        return new(rest.Lowest + ((upper.Lowest >> 51) * (Int128)weight), rest.Highest + ((upper.Highest >> 51) * (Int128)weight));
    }

    public static BoundLanes ToInteger(BoundLanes value) => Within(value, Limb - 1, "a double that becomes an integer");

    public static BoundLanes AddIntegers(BoundLanes left, BoundLanes right) =>
        Within(new(left.Lowest + right.Lowest, left.Highest + right.Highest), Integer - 1, "a sum of integers");

    public static BoundLanes SubtractIntegers(BoundLanes left, BoundLanes right) =>
        Within(new(left.Lowest - right.Highest, left.Highest - right.Lowest), Integer - 1, "a difference of integers");

    public static BoundLanes ShiftRight(BoundLanes integer, int bits)
    {
        Assert.True(integer.Lowest >= 0, "a negative integer is shifted");
        return new(integer.Lowest >> bits, integer.Highest >> bits);
    }

    /// <summary>Bits may go out at the end, on purpose.</summary>
    public static BoundLanes ShiftLeft(BoundLanes integer, int bits) =>
        integer.Lowest >= 0 && integer.Highest << bits < Word ? new(integer.Lowest << bits, integer.Highest << bits) : AnyWord;

    public static BoundLanes operator &(BoundLanes left, BoundLanes right) =>
        left.Lowest < 0 && right.Lowest < 0 ? Mask(left, right) : new(0, left.Lowest < 0 ? right.Highest : right.Lowest < 0 ? left.Highest
            : Int128.Min(left.Highest, right.Highest));

    public static BoundLanes operator |(BoundLanes left, BoundLanes right) =>
        left.Lowest < 0 || right.Lowest < 0 ? Mask(left, right)
            : new(0, (Int128.One << (int)(128 - Int128.LeadingZeroCount(left.Highest | right.Highest))) - 1);

    public static BoundLanes operator ^(BoundLanes left, BoundLanes right) => left | right;

    public static BoundLanes EqualIntegers(BoundLanes left, BoundLanes right) => new(-1, 0);

    public static BoundLanes Select(BoundLanes mask, BoundLanes ifSet, BoundLanes ifClear) =>
        new(Int128.Min(ifSet.Lowest, ifClear.Lowest), Int128.Max(ifSet.Highest, ifClear.Highest));

    private static BoundLanes Within(BoundLanes value, Int128 bound, string what)
    {
        Assert.True(value.Lowest >= -bound && value.Highest <= bound, $"{what} can be {value.Lowest} to {value.Highest}");
        return value;
    }

    /// <summary>Masks, zeros or ones, as what <see cref="EqualIntegers"/> gives.</summary>
    private static BoundLanes Mask(BoundLanes left, BoundLanes right)
    {
        Assert.True(left.Lowest >= -1 && left.Highest <= 0 && right.Lowest >= -1 && right.Highest <= 0, "bits of negative numbers");
        return new(-1, 0);
    }
}
