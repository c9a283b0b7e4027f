using PsiMessaging.Cryptography.Ristretto;

namespace PsiMessaging.Cryptography.Tests.Ristretto;

/// <summary>No number that the code on lanes can meet leaves the bounds in which its doubles are exact: all of it, once, on intervals.</summary>
public sealed unsafe class LaneBoundsTests
{
    private const int Limbs = 5;
    private static readonly Int128 Reduced = (Int128)FieldLanes<BoundLanes>.Reduced;

    private static void Fill(BoundLanes* f, Int128 bound)
    {
        for (var i = 0; i < Limbs; i++)
        {
            f[i] = new BoundLanes(-bound, bound);
        }
    }

    private static void FillPoint(BoundLanes* point)
    {
        for (var i = 0; i < 4; i++)
        {
            Fill(point + (i * Limbs), Reduced);
        }
    }

    private static void IsReduced(BoundLanes* f, int count = 1)
    {
        for (var i = 0; i < count * Limbs; i++)
        {
            Assert.InRange(BoundLanes.LargestOf(f[i]), 0, FieldLanes<BoundLanes>.Reduced);
        }
    }

    [Fact]
    public void Field_AllReducedOperands_GiveReducedResults()
    {
        BoundLanes* f = stackalloc BoundLanes[8 * Limbs], g = f + Limbs, loose = f + (2 * Limbs), result = f + (3 * Limbs), words = f + (4 * Limbs);
        Fill(f, Reduced);
        Fill(g, Reduced);
        Fill(loose, 2 * Reduced);
        FieldLanes<BoundLanes>.Multiply(result, loose, f);
        IsReduced(result);
        FieldLanes<BoundLanes>.Multiply(result, f, loose);
        IsReduced(result);
        FieldLanes<BoundLanes>.Square(result, f);
        IsReduced(result);
        FieldLanes<BoundLanes>.Add(result, f, g);
        IsReduced(result);
        FieldLanes<BoundLanes>.Subtract(result, f, g);
        IsReduced(result);
        FieldLanes<BoundLanes>.Absolute(result, f);
        IsReduced(result);
        Fill(loose, Int128.One << 52);
        FieldLanes<BoundLanes>.Reduce(result, loose);
        IsReduced(result);
        FieldLanes<BoundLanes>.ToWords(words, f);
        FieldLanes<BoundLanes>.FromWords(result, words);
        IsReduced(result);
    }

    /// <summary>What nobody may do is found: by the intervals, and in a debug build by its assertions before them.</summary>
    [Fact]
    public void Field_OperandsTooLarge_AreFound()
    {
        Assert.ThrowsAny<Exception>(() =>
        {
            BoundLanes* f = stackalloc BoundLanes[2 * Limbs];
            Fill(f, 2 * Reduced);
            FieldLanes<BoundLanes>.Multiply(f + Limbs, f, f);
        });
        Assert.ThrowsAny<Exception>(() =>
        {
            BoundLanes* columns = stackalloc BoundLanes[Limbs];
            Fill(columns, (Int128.One << 62) + 1);
            FieldLanes<BoundLanes>.Carry(columns, columns);
        });
    }

    /// <summary>Up to the eight columns that may be added up.</summary>
    [Fact]
    public void Columns_OfEightProducts_CarryToReducedElements()
    {
        BoundLanes* f = stackalloc BoundLanes[4 * Limbs], loose = f + Limbs, columns = f + (2 * Limbs), sum = f + (3 * Limbs);
        Fill(f, Reduced);
        Fill(loose, 2 * Reduced);
        FieldLanes<BoundLanes>.MultiplyToColumns(columns, loose, f);
        Assert.InRange(BoundLanes.LargestOf(columns[0]), 0, Math.Pow(2, 57.5));
        Fill(sum, 0);
        for (var i = 0; i < 8; i++)
        {
            FieldLanes<BoundLanes>.AddColumns(sum, sum, columns);
        }

        FieldLanes<BoundLanes>.Carry(f, sum);
        IsReduced(f);
        FieldLanes<BoundLanes>.CarryNegated(f, sum);
        IsReduced(f);
    }

    [Fact]
    public void Points_AllReducedCoordinates_GiveReducedCoordinates()
    {
        const int Size = 4 * Limbs;
        BoundLanes* point = stackalloc BoundLanes[16 * Size], completed = point + Size, cached = point + (2 * Size);
        BoundLanes* work = point + (3 * Size), table = point + (6 * Size);
        FillPoint(point);
        FillPoint(cached);
        Fill(work, Reduced);
        PointLanes<BoundLanes>.Double(completed, point, work, work + Limbs);
        IsReduced(completed, 4);
        PointLanes<BoundLanes>.ToProjective(point, work, completed);
        IsReduced(point, 3);
        IsReduced(work);
        PointLanes<BoundLanes>.Add(completed, point, cached, work);
        IsReduced(completed, 4);
        PointLanes<BoundLanes>.ToExtended(point, completed);
        IsReduced(point, 4);
        for (var i = 0; i < 8; i++)
        {
            FillPoint(table + (i * Size));
        }

        PointLanes<BoundLanes>.Select(cached, table, new BoundLanes(0, 8));
        IsReduced(cached, 4);
        PointLanes<BoundLanes>.NegateCachedWhere(cached, new BoundLanes(-1, 0));
        IsReduced(cached, 4);
        Fill(work, Reduced);
        PointLanes<BoundLanes>.ToCached(cached, point, work);
        IsReduced(cached, 4);
    }

    /// <summary>Everything that <see cref="RistrettoBatch"/> does, for whatever bytes and scalars.</summary>
    [Fact]
    public void Batches_AnyBytesAndAnyScalars_StayWithinTheBounds()
    {
        using var lanes = new RistrettoLanes<BoundLanes>();
        var (elements, uniform, digits) = (new byte[2 * 32], new byte[2 * 64], new sbyte[2 * ScalarDigits.Count]);
        lanes.Decode(elements);
        lanes.AddMapped(uniform, negated: false);
        lanes.Multiply(digits.AsSpan(0, ScalarDigits.Count), 2);
        lanes.EncodeDoubled(elements);
        lanes.Map(uniform);
        lanes.Encode(elements);
        lanes.DecodeOne(elements.AsSpan(0, 32), 2);
        lanes.MultiplyEach(digits, 2);
        lanes.AddMapped(uniform, negated: true);
        lanes.Encode(elements);
    }
}
