using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Ristretto;

namespace PsiMessaging.Cryptography.Tests.Ristretto;

/// <summary>Every operation of the field on lanes against big integers, on random and extreme limbs.</summary>
public sealed class FieldLanesTests
{
    /// <summary>Of each operation, together on all lanes: at least 10,000.</summary>
    private const int Operations = 10_240;

    [Fact]
    public void EightLanes_EveryOperation_IsThatOfTheField()
    {
        Assert.SkipUnless(Lanes8.IsSupported, "the processor has no 512-bit vectors");
        new FieldOracle<Lanes8>().Run(Operations / 8);
    }

    [Fact]
    public void FourLanes_EveryOperation_IsThatOfTheField()
    {
        Assert.SkipUnless(Lanes4.IsSupported, "the processor has no 256-bit vectors with fused multiply-add");
        new FieldOracle<Lanes4>().Run(Operations / 4);
    }

    /// <summary>Numbers at which a reduction goes one way or the other.</summary>
    [Fact]
    public void Bytes_NumbersAroundTheModulus_AreReadAndRefusedAsTheyShould()
    {
        if (Lanes8.IsSupported)
        {
            FieldOracle<Lanes8>.CheckEdges();
        }

        if (Lanes4.IsSupported)
        {
            FieldOracle<Lanes4>.CheckEdges();
        }
    }
}

/// <summary>What an operation on lanes should give.</summary>
internal sealed unsafe class FieldOracle<TLanes>
    where TLanes : unmanaged, ILanes<TLanes>
{
    private const int Limbs = FieldLanes<TLanes>.Limbs;
    private const double Reduced = FieldLanes<TLanes>.Reduced;
    private static readonly BigInteger P = BigInteger.Pow(2, 255) - 19;
    private static readonly BigInteger Root = BigInteger.Parse("19681161376707505956807079304988542015446066515923890162744021073123829784752",
        System.Globalization.CultureInfo.InvariantCulture);

    private readonly byte[] _random = new byte[8 * Limbs];
    private int _turn;

    public void Run(int turns)
    {
        using var memory = new BlockBuffer(40 * Limbs * sizeof(TLanes) / 16);
        TLanes* f = (TLanes*)memory.Pointer, g = f + Limbs, r = g + Limbs, loose = r + Limbs, root = loose + Limbs, work = root + Limbs;
        FieldLanes<TLanes>.Set(root, [-533094393274192, 234908883556510, -18285341111200, -134597186663265, 765476049583134]);
        Assert.Equal(Root, Value(root, 0));
        for (_turn = 0; _turn < turns; _turn++)
        {
            Draw(f);
            Draw(g);
            FieldLanes<TLanes>.Multiply(r, f, g);
            Holds(r, lane => Value(f, lane) * Value(g, lane));
            FieldLanes<TLanes>.Square(r, f);
            Holds(r, lane => Value(f, lane) * Value(f, lane));
            FieldLanes<TLanes>.AddLoose(loose, f, g);
            Assert.All(Lanes(), lane => Assert.Equal(Modulo(Value(f, lane) + Value(g, lane)), Value(loose, lane)));
            FieldLanes<TLanes>.Multiply(r, loose, g);
            Holds(r, lane => Value(loose, lane) * Value(g, lane));
            FieldLanes<TLanes>.SubtractLoose(loose, f, g);
            FieldLanes<TLanes>.Multiply(r, f, loose);
            Holds(r, lane => (Value(f, lane) - Value(g, lane)) * Value(f, lane));
            FieldLanes<TLanes>.Add(r, f, g);
            Holds(r, lane => Value(f, lane) + Value(g, lane));
            FieldLanes<TLanes>.Subtract(r, f, g);
            Holds(r, lane => Value(f, lane) - Value(g, lane));
            CheckColumns(f, g, r, work);
            CheckMasks(f, g, r);
            CheckBytes(f, r, work);
            if (_turn % 8 == 0)
            {
                CheckRoots(f, g, r, root, work);
            }
        }
    }

    /// <summary>0, 1, p - 1, p, p + 1, 2^255 - 1, 2^256 - 1 and their neighbours, read as bytes.</summary>
    public static void CheckEdges()
    {
        using var memory = new BlockBuffer(4 * Limbs * sizeof(TLanes) / 16);
        TLanes* words = (TLanes*)memory.Pointer, f = words + Limbs;
        BigInteger[] edges = [0, 1, 18, 19, 20, P - 20, P - 2, P - 1, P, P + 1, P + 18, BigInteger.Pow(2, 255),
            P + BigInteger.Pow(2, 255), BigInteger.Pow(2, 256) - 1, (P - 1) / 2, (P + 1) / 2, BigInteger.Pow(2, 254),
            BigInteger.Pow(2, 51) - 1, BigInteger.Pow(2, 51), BigInteger.Pow(2, 204) - 1];
        foreach (var edge in edges)
        {
            var bytes = new byte[33];
            edge.TryWriteBytes(bytes, out _);
            for (var word = 0; word < 4; word++)
            {
                for (var lane = 0; lane < TLanes.Count; lane++)
                {
                    TLanes.SetLane(ref words[word], lane, BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8 * word)));
                }
            }

            FieldLanes<TLanes>.FromWords(f, words);
            Assert.All(Lanes(), lane => Assert.Equal((edge % BigInteger.Pow(2, 255)) % P, Value(f, lane)));
            var (canonical, zero, negative) = (FieldLanes<TLanes>.IsCanonical(words, f), FieldLanes<TLanes>.IsZero(f), FieldLanes<TLanes>.IsNegative(f));
            Assert.All(Lanes(), lane => Assert.Equal((edge < P, edge % BigInteger.Pow(2, 255) % P == 0, !(edge % BigInteger.Pow(2, 255) % P).IsEven),
                (IsSet(canonical, lane), IsSet(zero, lane), IsSet(negative, lane))));
        }
    }

    private static void CheckColumns(TLanes* f, TLanes* g, TLanes* r, TLanes* work)
    {
        TLanes* product = work, square = work + Limbs, sum = work + (2 * Limbs);
        FieldLanes<TLanes>.MultiplyToColumns(product, f, g);
        FieldLanes<TLanes>.SquareToColumns(square, f);
        FieldLanes<TLanes>.SubtractColumns(sum, square, product);
        FieldLanes<TLanes>.AddColumns(sum, sum, sum);
        FieldLanes<TLanes>.Carry(r, sum);
        Holds(r, lane => 2 * ((Value(f, lane) * Value(f, lane)) - (Value(f, lane) * Value(g, lane))));
        FieldLanes<TLanes>.CarryNegated(r, sum);
        Holds(r, lane => -2 * ((Value(f, lane) * Value(f, lane)) - (Value(f, lane) * Value(g, lane))));
    }

    private static void CheckMasks(TLanes* f, TLanes* g, TLanes* r)
    {
        var (zero, negative) = (FieldLanes<TLanes>.IsZero(f), FieldLanes<TLanes>.IsNegative(f));
        Assert.All(Lanes(), lane => Assert.Equal((Value(f, lane).IsZero, !Value(f, lane).IsEven), (IsSet(zero, lane), IsSet(negative, lane))));
        FieldLanes<TLanes>.Select(r, negative, f, g);
        Holds(r, lane => Value(f, lane).IsEven ? Value(g, lane) : Value(f, lane));
        FieldLanes<TLanes>.NegateWhere(r, negative, f);
        Holds(r, lane => Value(f, lane).IsEven ? Value(f, lane) : -Value(f, lane));
        FieldLanes<TLanes>.Absolute(r, f);
        Holds(r, lane => Value(f, lane).IsEven ? Value(f, lane) : P - Value(f, lane));
    }

    private static void CheckBytes(TLanes* f, TLanes* r, TLanes* words)
    {
        FieldLanes<TLanes>.ToWords(words, f);
        Assert.All(Lanes(), lane => Assert.Equal(Value(f, lane), Enumerable.Range(0, 4).Aggregate(BigInteger.Zero,
            (sum, word) => sum + (new BigInteger(TLanes.LaneOf(words[word], lane)) << (64 * word)))));
        FieldLanes<TLanes>.FromWords(r, words);
        Holds(r, lane => Value(f, lane));
        var canonical = FieldLanes<TLanes>.IsCanonical(words, r);
        Assert.All(Lanes(), lane => Assert.True(IsSet(canonical, lane)));
    }

    private static void CheckRoots(TLanes* f, TLanes* g, TLanes* r, TLanes* root, TLanes* work)
    {
        FieldLanes<TLanes>.Invert(r, f, work);
        Holds(r, lane => BigInteger.ModPow(Value(f, lane), P - 2, P));
        FieldLanes<TLanes>.PowerP58(r, f, 1, work);
        Holds(r, lane => BigInteger.ModPow(Value(f, lane), (P - 5) / 8, P));
        var mask = work + (20 * Limbs);
        FieldLanes<TLanes>.SquareRootOfRatio(r, mask, f, g, 1, root, work);
        foreach (var lane in Lanes())
        {
            var (value, u, v) = (Value(r, lane), Value(f, lane), Value(g, lane));
            Assert.True(value.IsEven);
            var ratio = Modulo(u * BigInteger.ModPow(v, P - 2, P));
            var isSquare = ratio.IsZero || BigInteger.ModPow(ratio, (P - 1) / 2, P).IsOne;
            Assert.Equal(isSquare && (!v.IsZero || u.IsZero), IsSet(*mask, lane));
            Assert.Equal(isSquare ? ratio : Modulo(ratio * Root), Modulo(value * value));
        }
    }

    /// <summary>The element is the expected one, and reduced.</summary>
    private static void Holds(TLanes* f, Func<int, BigInteger> expected)
    {
        foreach (var lane in Lanes())
        {
            Assert.Equal(Modulo(expected(lane)), Value(f, lane));
        }

        for (var i = 0; i < Limbs; i++)
        {
            Assert.InRange(TLanes.LargestOf(f[i]), 0, Reduced);
        }
    }

    /// <summary>By turns uniform limbs, limbs at the ends of what is reduced, zeros and small ones, and all of these mixed.</summary>
    private void Draw(TLanes* f)
    {
        foreach (var lane in Lanes())
        {
            RandomNumberGenerator.Fill(_random);
            for (var i = 0; i < Limbs; i++)
            {
                var bits = BinaryPrimitives.ReadUInt64LittleEndian(_random.AsSpan(8 * i));
                var kind = _turn % 4 == 3 ? (int)(bits >> 62) : _turn % 4;
                var size = kind switch
                {
                    0 => (double)(bits % ((ulong)Reduced + 1)),
                    1 => Reduced - (bits % 3),
                    2 => bits % 3,
                    _ => (1UL << 50) - 1 + (bits % 3),
                };
                TLanes.SetLane(ref f[i], lane, BitConverter.DoubleToUInt64Bits((bits & (1UL << 60)) == 0 ? size : -size));
            }
        }
    }

    private static IEnumerable<int> Lanes() => Enumerable.Range(0, TLanes.Count);

    private static bool IsSet(TLanes mask, int lane)
    {
        var bits = TLanes.LaneOf(mask, lane);
        Assert.True(bits is 0 or ulong.MaxValue);
        return bits != 0;
    }

    private static BigInteger Modulo(BigInteger value) => ((value % P) + P) % P;

    private static BigInteger Value(TLanes* f, int lane)
    {
        BigInteger value = 0;
        for (var i = Limbs - 1; i >= 0; i--)
        {
            value = (value << 51) + new BigInteger(BitConverter.UInt64BitsToDouble(TLanes.LaneOf(f[i], lane)));
        }

        return Modulo(value);
    }
}
