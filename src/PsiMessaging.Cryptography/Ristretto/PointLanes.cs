using System.Runtime.CompilerServices;

namespace PsiMessaging.Cryptography.Ristretto;

/// <summary>
/// Points of the curve -x² + y² = 1 + d·x²·y² (edwards25519) on lanes, in the coordinates of Hisil, Wong, Carter and Dawson (ePrint 2008/522): extended X, Y,
/// Z, T with x = X/Z, y = Y/Z, T = XY/Z. A point is 20 lanes in a row: X, Y, Z and T, elements of <see cref="FieldLanes{TLanes}"/>, all reduced. The formulas
/// are complete: they hold for all points, the identity and equal ones too.
/// </summary>
/// <remarks>
/// Two more forms, of 20 lanes each: <i>completed</i> E, F, G, H with X = EF, Y = GH, Z = FG, T = EH; and <i>cached</i> Y + X, Y - X, 2Z, 2dT, for points
/// that are added several times.
/// </remarks>
/// <typeparam name="TLanes">Eight lanes, four, or the tests' bounds.</typeparam>
internal static unsafe class PointLanes<TLanes>
    where TLanes : unmanaged, ILanes<TLanes>
{
    /// <summary>Lanes in a row of a point, in any of the forms.</summary>
    public const int Size = 4 * FieldLanes<TLanes>.Limbs;

    /// <summary>Lanes in a row that <see cref="Double"/> and <see cref="Add"/> work in.</summary>
    public const int WorkSize = 5 * FieldLanes<TLanes>.Limbs;

    /// <summary>Where Y, F, or Y - X is.</summary>
    public const int Second = FieldLanes<TLanes>.Limbs;

    /// <summary>Where Z, G, or 2Z is.</summary>
    public const int Third = 2 * FieldLanes<TLanes>.Limbs;

    /// <summary>Where T, H, or 2dT is.</summary>
    public const int Fourth = 3 * FieldLanes<TLanes>.Limbs;

    /// <summary>
    /// Twice a point: dbl-2008-hwcd with a = -1, E = (X + Y)² - X² - Y², G = Y² - X², F = G - 2Z², H = -(X² + Y²). The squares are added up before they are
    /// carried: four columns at most (X², Y² and 2Z²).
    /// </summary>
    /// <param name="completed">Receives twice the point.</param>
    /// <param name="point">Only X, Y and Z are read.</param>
    /// <param name="sum">X + Y, reduced.</param>
    /// <param name="work">Room of <see cref="WorkSize"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Double(TLanes* completed, TLanes* point, TLanes* sum, TLanes* work)
    {
        TLanes* xx = work, yy = work + Second, zz = work + Third, square = work + Fourth, difference = work + Size;
        FieldLanes<TLanes>.SquareToColumns(xx, point);
        FieldLanes<TLanes>.SquareToColumns(yy, point + Second);
        FieldLanes<TLanes>.SquareToColumns(zz, point + Third);
        FieldLanes<TLanes>.SquareToColumns(square, sum);
        FieldLanes<TLanes>.SubtractColumns(difference, yy, xx);
        FieldLanes<TLanes>.Carry(completed + Third, difference);
        FieldLanes<TLanes>.AddColumns(zz, zz, zz);
        FieldLanes<TLanes>.SubtractColumns(zz, difference, zz);
        FieldLanes<TLanes>.Carry(completed + Second, zz);
        FieldLanes<TLanes>.AddColumns(xx, xx, yy);
        FieldLanes<TLanes>.CarryNegated(completed + Fourth, xx);
        FieldLanes<TLanes>.SubtractColumns(square, square, xx);
        FieldLanes<TLanes>.Carry(completed, square);
    }

    /// <summary>
    /// A sum: add-2008-hwcd-3, A = (Y1 - X1)(Y2 - X2), B = (Y1 + X1)(Y2 + X2), C = T1·2d·T2, D = Z1·2·Z2, E = B - A, F = D - C, G = D + C, H = B + A.
    /// </summary>
    /// <param name="completed">Receives the sum.</param>
    /// <param name="point">X, Y, Z and T.</param>
    /// <param name="cached">The other point.</param>
    /// <param name="work">Room of <see cref="WorkSize"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Add(TLanes* completed, TLanes* point, TLanes* cached, TLanes* work)
    {
        TLanes* a = work, b = work + Second, c = work + Third, d = work + Fourth, loose = work + Size;
        FieldLanes<TLanes>.AddLoose(loose, point + Second, point);
        FieldLanes<TLanes>.MultiplyToColumns(b, loose, cached);
        FieldLanes<TLanes>.SubtractLoose(loose, point + Second, point);
        FieldLanes<TLanes>.MultiplyToColumns(a, loose, cached + Second);
        FieldLanes<TLanes>.MultiplyToColumns(d, point + Third, cached + Third);
        FieldLanes<TLanes>.MultiplyToColumns(c, point + Fourth, cached + Fourth);
        FieldLanes<TLanes>.SubtractColumns(loose, b, a);
        FieldLanes<TLanes>.Carry(completed, loose);
        FieldLanes<TLanes>.SubtractColumns(loose, d, c);
        FieldLanes<TLanes>.Carry(completed + Second, loose);
        FieldLanes<TLanes>.AddColumns(loose, d, c);
        FieldLanes<TLanes>.Carry(completed + Third, loose);
        FieldLanes<TLanes>.AddColumns(loose, b, a);
        FieldLanes<TLanes>.Carry(completed + Fourth, loose);
    }

    /// <summary>X, Y, Z and X + Y of a completed point: what <see cref="Double"/> takes. T is left as it was.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void ToProjective(TLanes* point, TLanes* sum, TLanes* completed)
    {
        FieldLanes<TLanes>.Multiply(point, completed, completed + Second);
        FieldLanes<TLanes>.Multiply(point + Second, completed + Third, completed + Fourth);
        FieldLanes<TLanes>.Multiply(point + Third, completed + Second, completed + Third);
        FieldLanes<TLanes>.AddLoose(sum, point, point + Second);
        FieldLanes<TLanes>.Reduce(sum, sum);
    }

    /// <summary>All four coordinates of a completed point.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void ToExtended(TLanes* point, TLanes* completed)
    {
        FieldLanes<TLanes>.Multiply(point, completed, completed + Second);
        FieldLanes<TLanes>.Multiply(point + Second, completed + Third, completed + Fourth);
        FieldLanes<TLanes>.Multiply(point + Third, completed + Second, completed + Third);
        FieldLanes<TLanes>.Multiply(point + Fourth, completed, completed + Fourth);
    }

    /// <summary>The cached form of a point.</summary>
    /// <param name="cached">Receives it; not where the point is.</param>
    /// <param name="point">X, Y, Z and T.</param>
    /// <param name="twoD">The element 2d.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void ToCached(TLanes* cached, TLanes* point, TLanes* twoD)
    {
        FieldLanes<TLanes>.Add(cached, point + Second, point);
        FieldLanes<TLanes>.Subtract(cached + Second, point + Second, point);
        FieldLanes<TLanes>.Add(cached + Third, point + Third, point + Third);
        FieldLanes<TLanes>.Multiply(cached + Fourth, point + Fourth, twoD);
    }

    /// <summary>Minus a cached point: Y + X and Y - X change places, 2dT its sign.</summary>
    /// <param name="cached">Is changed where the mask has ones.</param>
    /// <param name="mask">Ones or zeros a lane.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void NegateCachedWhere(TLanes* cached, TLanes mask)
    {
        for (var i = 0; i < FieldLanes<TLanes>.Limbs; i++)
        {
            var (sum, difference) = (cached[i], cached[Second + i]);
            cached[i] = TLanes.Select(mask, difference, sum);
            cached[Second + i] = TLanes.Select(mask, sum, difference);
        }

        FieldLanes<TLanes>.NegateWhere(cached + Fourth, mask, cached + Fourth);
    }

    /// <summary>One of eight cached points a lane, or the identity. Every entry is read, whichever is asked for.</summary>
    /// <param name="cached">Receives it.</param>
    /// <param name="table">1 to 8 times a point, cached, one after the other.</param>
    /// <param name="index">Integers 0 to 8, one a lane; 0 for the identity.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Select(TLanes* cached, TLanes* table, TLanes index)
    {
        var m1 = TLanes.EqualIntegers(index, TLanes.OfInteger(1));
        var m2 = TLanes.EqualIntegers(index, TLanes.OfInteger(2));
        var m3 = TLanes.EqualIntegers(index, TLanes.OfInteger(3));
        var m4 = TLanes.EqualIntegers(index, TLanes.OfInteger(4));
        var m5 = TLanes.EqualIntegers(index, TLanes.OfInteger(5));
        var m6 = TLanes.EqualIntegers(index, TLanes.OfInteger(6));
        var m7 = TLanes.EqualIntegers(index, TLanes.OfInteger(7));
        var m8 = TLanes.EqualIntegers(index, TLanes.OfInteger(8));
        for (var i = 0; i < Size; i++)
        {
            // Of the identity Y + X = Y - X = 1 and 2Z = 2; what else there is is zero.
            var entry = TLanes.Of(i is 0 or Second ? 1 : i == Third ? 2 : 0);
            entry = TLanes.Select(m1, table[i], entry);
            entry = TLanes.Select(m2, table[Size + i], entry);
            entry = TLanes.Select(m3, table[(2 * Size) + i], entry);
            entry = TLanes.Select(m4, table[(3 * Size) + i], entry);
            entry = TLanes.Select(m5, table[(4 * Size) + i], entry);
            entry = TLanes.Select(m6, table[(5 * Size) + i], entry);
            entry = TLanes.Select(m7, table[(6 * Size) + i], entry);
            cached[i] = TLanes.Select(m8, table[(7 * Size) + i], entry);
        }
    }
}
