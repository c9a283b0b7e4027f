using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace PsiMessaging.Cryptography.Ristretto;

/// <summary>
/// The field GF(p), p = 2^255 - 19, on lanes: every function does the same to as many elements as there are lanes. An element is five limbs
/// f[0..4], the number f[0] + f[1]·2^51 + … + f[4]·2^204 modulo p, each limb a double that is a whole number, positive or negative. Pointers are to five
/// lanes in a row; results may be where operands are, unless it is said otherwise. Constant-time: no branch and no address depends on an element.
/// </summary>
/// <remarks>
/// <para>
/// <b>Bounds.</b> An element is <i>reduced</i> where |limb| ≤ R = 2^50 + 2^15, and <i>loose</i> where |limb| ≤ 2R (a sum or difference of two reduced ones,
/// made by <see cref="AddLoose"/> and <see cref="SubtractLoose"/>). All other functions give reduced elements and take reduced ones, except that one factor of
/// <see cref="Multiply"/> may be loose. In a debug build operands are held to this. The tests run this file, and the formulas of the group, with
/// lanes that compute with intervals in place of numbers and refuse any that leaves what is written here.
/// </para>
/// <para>
/// <b>Products.</b> |f·g| ≤ 2R·R = 2^101 + 2^67 + 2^31 &lt; 2^102 - 2^51, so 1.5·2^103 + f·g is between 2^103 and 2^104, where doubles are the multiples of
/// 2^51: one fused multiply-add rounds f·g to high·2^51. What is left over, |low| ≤ 2^50, comes exact from a second one, since low + 1.5·2^52 is a double.
/// Both halves are read off as integers: the bit pattern of a double of one exponent counts up with it. |high| ≤ 2^50 + 2^17.
/// </para>
/// <para>
/// <b>Columns.</b> Column k of a product has the low halves of f[i]·g[j], i + j = k, and the high ones of i + j = k - 1. As 2^255 = 19 modulo p, columns 5 to
/// 9 count 19 times in columns 0 to 4. The largest is column 0: one low half, and 19 times four low and five high ones, in size below 19·9·(2^50 + 2^17) + 2^50
/// &lt; 2^57.5. Up to eight columns may be added up, also doubled ones counted twice, before <see cref="Carry(TLanes*, TLanes*)"/>, which takes less than 2^61.
/// </para>
/// <para>
/// <b>Carries.</b> With 2^62 + 2^50 added a column c is a positive number below 2^63, its bits from 51 on are its carry + 2^11 and the lower ones are a limb
/// + 2^50. |carry| ≤ 2^10 goes to the next limb, 19 times to limb 0 from limb 4: |limb| ≤ 2^50 + 19·(2^10 + 1) &lt; R, after one pass for all five at once.
/// </para>
/// </remarks>
/// <typeparam name="TLanes">Eight lanes, four, or the tests' bounds.</typeparam>
internal static unsafe class FieldLanes<TLanes>
    where TLanes : unmanaged, ILanes<TLanes>
{
    /// <summary>Limbs of an element.</summary>
    public const int Limbs = 5;

    /// <summary>Words of 64 bits of an encoded element.</summary>
    public const int Words = 4;

    /// <summary>Largest limb of a reduced element.</summary>
    public const double Reduced = (1L << 50) + (1L << 15);

    /// <summary>result = f·g. One of the two may be loose.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Multiply(TLanes* result, TLanes* f, TLanes* g)
    {
        Products(f, g, out var c0, out var c1, out var c2, out var c3, out var c4);
        Carry(result, c0, c1, c2, c3, c4);
    }

    /// <summary>result = f².</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Square(TLanes* result, TLanes* f)
    {
        SquareProducts(f, out var c0, out var c1, out var c2, out var c3, out var c4);
        Carry(result, c0, c1, c2, c3, c4);
    }

    /// <summary>The columns of f·g, for sums of several products with one carry. One factor may be loose.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void MultiplyToColumns(TLanes* columns, TLanes* f, TLanes* g)
    {
        Products(f, g, out columns[0], out columns[1], out columns[2], out columns[3], out columns[4]);
    }

    /// <summary>The columns of f².</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void SquareToColumns(TLanes* columns, TLanes* f)
    {
        SquareProducts(f, out columns[0], out columns[1], out columns[2], out columns[3], out columns[4]);
    }

    /// <summary>Sum of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddColumns(TLanes* result, TLanes* left, TLanes* right)
    {
        result[0] = TLanes.AddIntegers(left[0], right[0]);
        result[1] = TLanes.AddIntegers(left[1], right[1]);
        result[2] = TLanes.AddIntegers(left[2], right[2]);
        result[3] = TLanes.AddIntegers(left[3], right[3]);
        result[4] = TLanes.AddIntegers(left[4], right[4]);
    }

    /// <summary>Difference of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SubtractColumns(TLanes* result, TLanes* left, TLanes* right)
    {
        result[0] = TLanes.SubtractIntegers(left[0], right[0]);
        result[1] = TLanes.SubtractIntegers(left[1], right[1]);
        result[2] = TLanes.SubtractIntegers(left[2], right[2]);
        result[3] = TLanes.SubtractIntegers(left[3], right[3]);
        result[4] = TLanes.SubtractIntegers(left[4], right[4]);
    }

    /// <summary>The element that columns, each less than 2^61 in size, stand for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Carry(TLanes* result, TLanes* columns) =>
        Carry(result, columns[0], columns[1], columns[2], columns[3], columns[4]);

    /// <summary>Minus the element that columns, each less than 2^61 in size, stand for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CarryNegated(TLanes* result, TLanes* columns)
    {
        var zero = TLanes.OfInteger(0);
        Carry(result,
            TLanes.SubtractIntegers(zero, columns[0]),
            TLanes.SubtractIntegers(zero, columns[1]),
            TLanes.SubtractIntegers(zero, columns[2]),
            TLanes.SubtractIntegers(zero, columns[3]),
            TLanes.SubtractIntegers(zero, columns[4]));
    }

    /// <summary>result = f + g, loose.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddLoose(TLanes* result, TLanes* f, TLanes* g)
    {
        AssertReduced(f);
        AssertReduced(g);
        result[0] = f[0] + g[0];
        result[1] = f[1] + g[1];
        result[2] = f[2] + g[2];
        result[3] = f[3] + g[3];
        result[4] = f[4] + g[4];
    }

    /// <summary>result = f - g, loose.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SubtractLoose(TLanes* result, TLanes* f, TLanes* g)
    {
        AssertReduced(f);
        AssertReduced(g);
        result[0] = f[0] - g[0];
        result[1] = f[1] - g[1];
        result[2] = f[2] - g[2];
        result[3] = f[3] - g[3];
        result[4] = f[4] - g[4];
    }

    /// <summary>result = f + g, reduced.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(TLanes* result, TLanes* f, TLanes* g)
    {
        AddLoose(result, f, g);
        Reduce(result, result);
    }

    /// <summary>result = f - g, reduced.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Subtract(TLanes* result, TLanes* f, TLanes* g)
    {
        SubtractLoose(result, f, g);
        Reduce(result, result);
    }

    /// <summary>
    /// A reduced element from limbs of at most 2^52 in size. Each is cut into a multiple of 2^51, at most two of them, and a rest of at most 2^50; so that a
    /// new limb is at most 2^50 + 19·2.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Reduce(TLanes* result, TLanes* f)
    {
        AssertWithin(f, 1L << 52);
        var r0 = TLanes.Split(f[0], out var u0);
        var r1 = TLanes.Split(f[1], out var u1);
        var r2 = TLanes.Split(f[2], out var u2);
        var r3 = TLanes.Split(f[3], out var u3);
        var r4 = TLanes.Split(f[4], out var u4);
        result[0] = TLanes.AddUpper(r0, u4, 19);
        result[1] = TLanes.AddUpper(r1, u0, 1);
        result[2] = TLanes.AddUpper(r2, u1, 1);
        result[3] = TLanes.AddUpper(r3, u2, 1);
        result[4] = TLanes.AddUpper(r4, u3, 1);
    }

    /// <summary>result = -f where the mask has ones, else f.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void NegateWhere(TLanes* result, TLanes mask, TLanes* f)
    {
        var zero = TLanes.Of(0);
        for (var i = 0; i < Limbs; i++)
        {
            result[i] = TLanes.Select(mask, zero - f[i], f[i]);
        }
    }

    /// <summary>result = ifSet where the mask has ones, else ifClear.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Select(TLanes* result, TLanes mask, TLanes* ifSet, TLanes* ifClear)
    {
        for (var i = 0; i < Limbs; i++)
        {
            result[i] = TLanes.Select(mask, ifSet[i], ifClear[i]);
        }
    }

    /// <summary>result = f.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Copy(TLanes* result, TLanes* f)
    {
        for (var i = 0; i < Limbs; i++)
        {
            result[i] = f[i];
        }
    }

    /// <summary>A number in every lane.</summary>
    /// <param name="result">Receives it.</param>
    /// <param name="limbs">Five limbs of a reduced element.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Set(TLanes* result, ReadOnlySpan<long> limbs)
    {
        for (var i = 0; i < Limbs; i++)
        {
            result[i] = TLanes.Of(limbs[i]);
        }
    }

    /// <summary>Ones in lanes with f = 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static TLanes IsZero(TLanes* f)
    {
        Canonical(f, out var c0, out var c1, out var c2, out var c3, out var c4);
        return TLanes.EqualIntegers(c0 | c1 | c2 | c3 | c4, TLanes.OfInteger(0));
    }

    /// <summary>Ones in lanes where f is negative as RFC 9496 section 3.1 has it: its number from 0 to p - 1 is odd.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static TLanes IsNegative(TLanes* f)
    {
        Canonical(f, out var c0, out _, out _, out _, out _);
        return TLanes.EqualIntegers(c0 & TLanes.OfInteger(1), TLanes.OfInteger(1));
    }

    /// <summary>result = |f|: -f where f is negative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Absolute(TLanes* result, TLanes* f) => NegateWhere(result, IsNegative(f), f);

    /// <summary>The number from 0 to p - 1, little-endian.</summary>
    /// <param name="words">Receives four words of 64 bits, first word first.</param>
    /// <param name="f">A reduced element.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void ToWords(TLanes* words, TLanes* f)
    {
        Canonical(f, out var c0, out var c1, out var c2, out var c3, out var c4);
        words[0] = c0 | TLanes.ShiftLeft(c1, 51);
        words[1] = TLanes.ShiftRight(c1, 13) | TLanes.ShiftLeft(c2, 38);
        words[2] = TLanes.ShiftRight(c2, 26) | TLanes.ShiftLeft(c3, 25);
        words[3] = TLanes.ShiftRight(c3, 39) | TLanes.ShiftLeft(c4, 12);
    }

    /// <summary>The element of a number below 2^255; the highest of the 256 bits is left out, and numbers from p on are taken modulo p.</summary>
    /// <param name="result">Receives the element, reduced; not where the words are.</param>
    /// <param name="words">Four words of 64 bits.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void FromWords(TLanes* result, TLanes* words)
    {
        var zero = TLanes.OfInteger(0);
        var mask = TLanes.OfInteger(LaneConstants.LimbMask);
        TLanes w0 = words[0], w1 = words[1], w2 = words[2], w3 = words[3];
        result[0] = TLanes.LimbOf(w0 & mask, zero, 0);
        result[1] = TLanes.LimbOf((TLanes.ShiftRight(w0, 51) | TLanes.ShiftLeft(w1, 13)) & mask, zero, 0);
        result[2] = TLanes.LimbOf((TLanes.ShiftRight(w1, 38) | TLanes.ShiftLeft(w2, 26)) & mask, zero, 0);
        result[3] = TLanes.LimbOf((TLanes.ShiftRight(w2, 25) | TLanes.ShiftLeft(w3, 39)) & mask, zero, 0);
        result[4] = TLanes.LimbOf(TLanes.ShiftRight(w3, 12) & mask, zero, 0);
        Reduce(result, result);
    }

    /// <summary>Ones in lanes whose words are what <see cref="ToWords"/> gives of their element: a number below p.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static TLanes IsCanonical(TLanes* words, TLanes* f)
    {
        var back = stackalloc TLanes[Words];
        ToWords(back, f);
        return TLanes.EqualIntegers((back[0] ^ words[0]) | (back[1] ^ words[1]) | (back[2] ^ words[2]) | (back[3] ^ words[3]), TLanes.OfInteger(0));
    }

    /// <summary>
    /// result = f^((p - 5)/8) = f^(2^252 - 3), for several elements that lie one after the other: their chains of squares are independent, which keeps the
    /// processor busy.
    /// </summary>
    /// <param name="result">Receives them; not where the operands are.</param>
    /// <param name="f">Elements.</param>
    /// <param name="count">How many.</param>
    /// <param name="work">Room for twice as many.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void PowerP58(TLanes* result, TLanes* f, int count, TLanes* work)
    {
        // In brackets: the exponent that has been reached, or n for 2^n - 1.
        TLanes* t0 = result, t1 = work, t2 = work + (count * Limbs);
        SquareMany(t0, f, count, 1); // (2)
        SquareMany(t1, t0, count, 2); // (8)
        MultiplyMany(t1, f, t1, count); // (9)
        MultiplyMany(t0, t0, t1, count); // (11)
        SquareMany(t0, t0, count, 1); // (22)
        MultiplyMany(t0, t1, t0, count); // [5]
        SquareMany(t1, t0, count, 5);
        MultiplyMany(t0, t1, t0, count); // [10]
        SquareMany(t1, t0, count, 10);
        MultiplyMany(t1, t1, t0, count); // [20]
        SquareMany(t2, t1, count, 20);
        MultiplyMany(t1, t2, t1, count); // [40]
        SquareMany(t1, t1, count, 10);
        MultiplyMany(t0, t1, t0, count); // [50]
        SquareMany(t1, t0, count, 50);
        MultiplyMany(t1, t1, t0, count); // [100]
        SquareMany(t2, t1, count, 100);
        MultiplyMany(t1, t2, t1, count); // [200]
        SquareMany(t1, t1, count, 50);
        MultiplyMany(t0, t1, t0, count); // [250]
        SquareMany(t0, t0, count, 2);
        MultiplyMany(t0, t0, f, count); // (2^252 - 3)
    }

    /// <summary>result = 1/f, or 0 of 0: f^(p - 2) = (f^(2^252 - 3))^8 · f³.</summary>
    /// <param name="result">Receives it; not where the operand is.</param>
    /// <param name="f">An element.</param>
    /// <param name="work">Room for two.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Invert(TLanes* result, TLanes* f, TLanes* work)
    {
        PowerP58(result, f, 1, work);
        SquareMany(result, result, 1, 3);
        Multiply(result, result, f);
        Square(work, f);
        Multiply(result, result, work);
    }

    /// <summary>
    /// SQRT_RATIO_M1 of RFC 9496 section 4.2 for several u and v: the root of u/v that is not negative, where that is a square, else of SQRT_M1·u/v; 0 where
    /// u or v is.
    /// </summary>
    /// <param name="result">Receives the roots; not where u or v are.</param>
    /// <param name="wasSquare">Receives a mask each: ones where u/v is a square, and v not 0 unless u is.</param>
    /// <param name="u">Elements, kept.</param>
    /// <param name="v">Elements, kept.</param>
    /// <param name="count">How many.</param>
    /// <param name="root">The element SQRT_M1.</param>
    /// <param name="work">Room for four times as many elements.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void SquareRootOfRatio(TLanes* result, TLanes* wasSquare, TLanes* u, TLanes* v, int count, TLanes* root, TLanes* work)
    {
        TLanes* cube = work, power = work + (count * Limbs), rest = work + (2 * count * Limbs);
        for (var at = 0; at < count * Limbs; at += Limbs)
        {
            // u·v³, and u·v⁷ as (u·v³)·v⁴.
            Square(power + at, v + at);
            Multiply(cube + at, power + at, v + at);
            Multiply(cube + at, cube + at, u + at);
            Square(power + at, power + at);
            Multiply(power + at, power + at, cube + at);
        }

        PowerP58(result, power, count, rest);
        TLanes* check = rest, sum = rest + Limbs;
        for (var i = 0; i < count; i++)
        {
            var r = result + (i * Limbs);
            Multiply(r, r, cube + (i * Limbs));
            Square(check, r);
            Multiply(check, check, v + (i * Limbs));
            Subtract(sum, check, u + (i * Limbs));
            var correct = IsZero(sum);
            Add(sum, check, u + (i * Limbs));
            var flipped = IsZero(sum);
            Multiply(sum, u + (i * Limbs), root);
            Add(sum, check, sum);
            var flippedByRoot = IsZero(sum);
            Multiply(sum, r, root);
            Select(r, flipped | flippedByRoot, sum, r);
            Absolute(r, r);
            wasSquare[i] = correct | flipped;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void SquareMany(TLanes* result, TLanes* f, int count, int times)
    {
        for (var at = 0; at < count * Limbs; at += Limbs)
        {
            Square(result + at, f + at);
        }

        for (var time = 1; time < times; time++)
        {
            for (var at = 0; at < count * Limbs; at += Limbs)
            {
                Square(result + at, result + at);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void MultiplyMany(TLanes* result, TLanes* f, TLanes* g, int count)
    {
        for (var at = 0; at < count * Limbs; at += Limbs)
        {
            Multiply(result + at, f + at, g + at);
        }
    }

    /// <summary>
    /// Limbs 0 to 2^51 - 1, as integers, of the number from 0 to p - 1. A reduced element is less than 2^254 + 2^220 in size; with p added it is a positive
    /// number v below 2p. A pass of carries, the last 19 times to the first limb, leaves v below 2^255, and q = ⌊(v + 19)/2^255⌋ says whether it is p or
    /// more: v - qp = v + 19q - q·2^255.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Canonical(TLanes* f, out TLanes c0, out TLanes c1, out TLanes c2, out TLanes c3, out TLanes c4)
    {
        AssertReduced(f);
        var mask = TLanes.OfInteger(LaneConstants.LimbMask);
        c0 = TLanes.AddIntegers(TLanes.ToInteger(f[0]), TLanes.OfInteger(LaneConstants.LimbMask - 18));
        c1 = TLanes.AddIntegers(TLanes.ToInteger(f[1]), mask);
        c2 = TLanes.AddIntegers(TLanes.ToInteger(f[2]), mask);
        c3 = TLanes.AddIntegers(TLanes.ToInteger(f[3]), mask);
        c4 = TLanes.AddIntegers(TLanes.ToInteger(f[4]), mask);
        c1 = TLanes.AddIntegers(c1, TLanes.ShiftRight(c0, 51));
        c2 = TLanes.AddIntegers(c2, TLanes.ShiftRight(c1, 51));
        c3 = TLanes.AddIntegers(c3, TLanes.ShiftRight(c2, 51));
        c4 = TLanes.AddIntegers(c4, TLanes.ShiftRight(c3, 51));
        c0 = TLanes.AddIntegers(c0 & mask, TLanes.Times19(TLanes.ShiftRight(c4, 51)));
        c1 &= mask;
        c2 &= mask;
        c3 &= mask;
        c4 &= mask;
        var q = TLanes.ShiftRight(TLanes.AddIntegers(c0, TLanes.OfInteger(19)), 51);
        q = TLanes.ShiftRight(TLanes.AddIntegers(c1, q), 51);
        q = TLanes.ShiftRight(TLanes.AddIntegers(c2, q), 51);
        q = TLanes.ShiftRight(TLanes.AddIntegers(c3, q), 51);
        q = TLanes.ShiftRight(TLanes.AddIntegers(c4, q), 51);
        c0 = TLanes.AddIntegers(c0, TLanes.Times19(q));
        c1 = TLanes.AddIntegers(c1, TLanes.ShiftRight(c0, 51));
        c2 = TLanes.AddIntegers(c2, TLanes.ShiftRight(c1, 51));
        c3 = TLanes.AddIntegers(c3, TLanes.ShiftRight(c2, 51));
        c4 = TLanes.AddIntegers(c4, TLanes.ShiftRight(c3, 51)) & mask;
        c0 &= mask;
        c1 &= mask;
        c2 &= mask;
        c3 &= mask;
    }

    /// <summary>Columns 0 to 4 of f·g, with 19 times 5 to 9 in them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Products(TLanes* f, TLanes* g, out TLanes r0, out TLanes r1, out TLanes r2, out TLanes r3, out TLanes r4)
    {
        AssertFactors(f, g);
        TLanes g0 = g[0], g1 = g[1], g2 = g[2], g3 = g[3], g4 = g[4];
        TLanes c0 = TLanes.ColumnOf(1, 0), c1 = TLanes.ColumnOf(2, 1), c2 = TLanes.ColumnOf(3, 2), c3 = TLanes.ColumnOf(4, 3), c4 = TLanes.ColumnOf(5, 4);
        TLanes c5 = TLanes.ColumnOf(4, 5), c6 = TLanes.ColumnOf(3, 4), c7 = TLanes.ColumnOf(2, 3), c8 = TLanes.ColumnOf(1, 2), c9 = TLanes.ColumnOf(0, 1);
        var fi = f[0];
        TLanes.AddProduct(fi, g0, ref c0, ref c1);
        TLanes.AddProduct(fi, g1, ref c1, ref c2);
        TLanes.AddProduct(fi, g2, ref c2, ref c3);
        TLanes.AddProduct(fi, g3, ref c3, ref c4);
        TLanes.AddProduct(fi, g4, ref c4, ref c5);
        fi = f[1];
        TLanes.AddProduct(fi, g0, ref c1, ref c2);
        TLanes.AddProduct(fi, g1, ref c2, ref c3);
        TLanes.AddProduct(fi, g2, ref c3, ref c4);
        TLanes.AddProduct(fi, g3, ref c4, ref c5);
        TLanes.AddProduct(fi, g4, ref c5, ref c6);
        fi = f[2];
        TLanes.AddProduct(fi, g0, ref c2, ref c3);
        TLanes.AddProduct(fi, g1, ref c3, ref c4);
        TLanes.AddProduct(fi, g2, ref c4, ref c5);
        TLanes.AddProduct(fi, g3, ref c5, ref c6);
        TLanes.AddProduct(fi, g4, ref c6, ref c7);
        fi = f[3];
        TLanes.AddProduct(fi, g0, ref c3, ref c4);
        TLanes.AddProduct(fi, g1, ref c4, ref c5);
        TLanes.AddProduct(fi, g2, ref c5, ref c6);
        TLanes.AddProduct(fi, g3, ref c6, ref c7);
        TLanes.AddProduct(fi, g4, ref c7, ref c8);
        fi = f[4];
        TLanes.AddProduct(fi, g0, ref c4, ref c5);
        TLanes.AddProduct(fi, g1, ref c5, ref c6);
        TLanes.AddProduct(fi, g2, ref c6, ref c7);
        TLanes.AddProduct(fi, g3, ref c7, ref c8);
        TLanes.AddProduct(fi, g4, ref c8, ref c9);
        r0 = TLanes.AddIntegers(c0, TLanes.Times19(c5));
        r1 = TLanes.AddIntegers(c1, TLanes.Times19(c6));
        r2 = TLanes.AddIntegers(c2, TLanes.Times19(c7));
        r3 = TLanes.AddIntegers(c3, TLanes.Times19(c8));
        r4 = TLanes.AddIntegers(c4, TLanes.Times19(c9));
    }

    /// <summary>Columns 0 to 4 of f²: products of two different limbs count twice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SquareProducts(TLanes* f, out TLanes r0, out TLanes r1, out TLanes r2, out TLanes r3, out TLanes r4)
    {
        AssertReduced(f);
        TLanes f0 = f[0], f1 = f[1], f2 = f[2], f3 = f[3], f4 = f[4];
        TLanes c0 = TLanes.ColumnOf(1, 0), c1 = TLanes.ColumnOf(1, 1), c2 = TLanes.ColumnOf(2, 1), c3 = TLanes.ColumnOf(2, 2), c4 = TLanes.ColumnOf(3, 2);
        TLanes c5 = TLanes.ColumnOf(2, 3), c6 = TLanes.ColumnOf(2, 2), c7 = TLanes.ColumnOf(1, 2), c8 = TLanes.ColumnOf(1, 1), c9 = TLanes.ColumnOf(0, 1);
        TLanes.AddProduct(f0, f0, ref c0, ref c1);
        TLanes.AddProduct(f1, f1, ref c2, ref c3);
        TLanes.AddProduct(f2, f2, ref c4, ref c5);
        TLanes.AddProduct(f3, f3, ref c6, ref c7);
        TLanes.AddProduct(f4, f4, ref c8, ref c9);
        var twice = f0 + f0;
        TLanes.AddProduct(twice, f1, ref c1, ref c2);
        TLanes.AddProduct(twice, f2, ref c2, ref c3);
        TLanes.AddProduct(twice, f3, ref c3, ref c4);
        TLanes.AddProduct(twice, f4, ref c4, ref c5);
        twice = f1 + f1;
        TLanes.AddProduct(twice, f2, ref c3, ref c4);
        TLanes.AddProduct(twice, f3, ref c4, ref c5);
        TLanes.AddProduct(twice, f4, ref c5, ref c6);
        twice = f2 + f2;
        TLanes.AddProduct(twice, f3, ref c5, ref c6);
        TLanes.AddProduct(twice, f4, ref c6, ref c7);
        twice = f3 + f3;
        TLanes.AddProduct(twice, f4, ref c7, ref c8);
        r0 = TLanes.AddIntegers(c0, TLanes.Times19(c5));
        r1 = TLanes.AddIntegers(c1, TLanes.Times19(c6));
        r2 = TLanes.AddIntegers(c2, TLanes.Times19(c7));
        r3 = TLanes.AddIntegers(c3, TLanes.Times19(c8));
        r4 = TLanes.AddIntegers(c4, TLanes.Times19(c9));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Carry(TLanes* result, TLanes c0, TLanes c1, TLanes c2, TLanes c3, TLanes c4)
    {
        const double Half = 1L << 50;
        const double Lift = 1 << 11;
        var offset = TLanes.OfInteger((1L << 62) + (1L << 50));
        c0 = TLanes.AddIntegers(c0, offset);
        c1 = TLanes.AddIntegers(c1, offset);
        c2 = TLanes.AddIntegers(c2, offset);
        c3 = TLanes.AddIntegers(c3, offset);
        c4 = TLanes.AddIntegers(c4, offset);
        result[0] = TLanes.LimbOf(c0, TLanes.Times19(TLanes.ShiftRight(c4, 51)), Half + (19 * Lift));
        result[1] = TLanes.LimbOf(c1, TLanes.ShiftRight(c0, 51), Half + Lift);
        result[2] = TLanes.LimbOf(c2, TLanes.ShiftRight(c1, 51), Half + Lift);
        result[3] = TLanes.LimbOf(c3, TLanes.ShiftRight(c2, 51), Half + Lift);
        result[4] = TLanes.LimbOf(c4, TLanes.ShiftRight(c3, 51), Half + Lift);
    }

    [Conditional("DEBUG")]
    private static void AssertReduced(TLanes* f) => AssertWithin(f, Reduced);

    /// <summary>Of two factors one may be twice as large as a reduced element.</summary>
    [Conditional("DEBUG")]
    private static void AssertFactors(TLanes* f, TLanes* g)
    {
        for (var i = 0; i < Limbs; i++)
        {
            for (var j = 0; j < Limbs; j++)
            {
                Debug.Assert(TLanes.LargestOf(f[i]) * TLanes.LargestOf(g[j]) <= 2 * Reduced * Reduced, "factors are too large");
            }
        }
    }

    [Conditional("DEBUG")]
    private static void AssertWithin(TLanes* f, double bound)
    {
        for (var i = 0; i < Limbs; i++)
        {
            Debug.Assert(TLanes.LargestOf(f[i]) <= bound, "a limb is too large");
        }
    }
}
