using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Fields;

namespace PsiMessaging.Cryptography.Tests.Vole;

public sealed class BinaryField128Tests
{
    private static Vector128<byte> Of(UInt128 value) => Vector128.Create((ulong)value, (ulong)(value >> 64)).AsByte();

    private static UInt128 To(Vector128<byte> value) => new(value.AsUInt64().GetElement(1), value.AsUInt64().GetElement(0));

    private static UInt128 Random() => new(BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)), BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));

    /// <summary>Shift and add, bit by bit.</summary>
    private static UInt128 Oracle(UInt128 a, UInt128 b)
    {
        UInt128 product = 0;
        for (var i = 127; i >= 0; i--)
        {
            product = (product << 1) ^ (product >> 127 == 1 ? 0x87u : (UInt128)0) ^ (((b >> i) & 1) == 1 ? a : 0);
        }

        return product;
    }

    public static TheoryData<string, string, string> Products => new()
    {
        { "80000000000000000000000000000000", "00000000000000000000000000000002", "00000000000000000000000000000087" },
        { "ffffffffffffffffffffffffffffffff", "ffffffffffffffffffffffffffffffff", "5555555555555555555555555555402f" },
        { "0123456789abcdeffedcba9876543210", "00112233445566778899aabbccddeeff", "78718a5a6fdd9de6e04c89c3c0d7a948" },
    };

    [Theory]
    [MemberData(nameof(Products))]
    public void Multiply_KnownProducts_AreRight(string a, string b, string product)
    {
        var (left, right, expected) = (Parse(a), Parse(b), Parse(product));
        Assert.Equal(expected, To(BinaryField128.Multiply(Of(left), Of(right))));
        Assert.Equal(expected, To(BinaryField128.MultiplyPortable(Of(left), Of(right))));
        Assert.Equal(expected, Oracle(left, right));

        static UInt128 Parse(string hex) => UInt128.Parse(hex, System.Globalization.NumberStyles.HexNumber);
    }

    /// <summary>On lanes as by Horner's rule, for lengths around whole steps and for points and coefficients at both ends.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(95)]
    [InlineData(96)]
    [InlineData(1000)]
    [InlineData(4097)]
    public void Evaluate_AnyLength_AgreesWithHorner(int length)
    {
        foreach (var point in new UInt128[] { 0u, 1u, 2u, UInt128.MaxValue, UInt128.One << 127, Random(), Random() })
        {
            foreach (var same in new UInt128?[] { 0u, UInt128.MaxValue, null })
            {
                var coefficients = new Vector128<byte>[length];
                for (var i = 0; i < length; i++)
                {
                    coefficients[i] = Of(same ?? Random());
                }

                Assert.Equal(BinaryField128.EvaluateSingly(Of(point), coefficients), BinaryField128.Evaluate(Of(point), coefficients));
            }
        }
    }

    [Fact]
    public void Multiply_RandomPairs_AgreeOnEveryPathAndWithTheOracle()
    {
        for (var i = 0; i < 2_000; i++)
        {
            var (a, b) = (Random(), Random());
            var expected = Oracle(a, b);
            Assert.Equal(expected, To(BinaryField128.Multiply(Of(a), Of(b))));
            Assert.Equal(expected, To(BinaryField128.MultiplyPortable(Of(a), Of(b))));
            Assert.Equal(Oracle(a, (ulong)b), To(BinaryField128.MultiplyByWord(Of(a), (ulong)b)));
            Assert.Equal(Oracle(a, 2), To(BinaryField128.Double(Of(a))));
        }
    }

    [Fact]
    public void MultiplyAdd_AMillionPlaces_AgreesOnBothPaths()
    {
        // 10^6 products: the wide path, its rest, and the portable one.
        var factor = Of(Random());
        var bytes = RandomNumberGenerator.GetBytes(16 * 1_000_003);
        var vector = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, Vector128<byte>>(bytes).ToArray();
        Vector128<byte>[] fast = [.. vector.Reverse()], slow = [.. fast];
        BinaryField128.MultiplyAdd(factor, vector, fast);
        BinaryField128.MultiplyAddPortable(factor, vector, slow);
        Assert.True(fast.AsSpan().SequenceEqual(slow));
    }

    [Fact]
    public void Multiply_IsAFieldsProduct()
    {
        for (var i = 0; i < 200; i++)
        {
            var (a, b, c) = (Of(Random()), Of(Random()), Of(Random()));
            Assert.Equal(BinaryField128.Multiply(a, BinaryField128.Multiply(b, c)), BinaryField128.Multiply(BinaryField128.Multiply(a, b), c));
            Assert.Equal(BinaryField128.Multiply(a, b ^ c), BinaryField128.Multiply(a, b) ^ BinaryField128.Multiply(a, c));
            Assert.Equal(BinaryField128.Multiply(a, b), BinaryField128.Multiply(b, a));
        }
    }
}
