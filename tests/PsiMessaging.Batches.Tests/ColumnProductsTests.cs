using System.Security.Cryptography;
using CsCheck;

namespace PsiMessaging.Batches.Tests;

/// <summary>The multiplying of matrices that come in pieces, against the plain loop.</summary>
public class ColumnProductsTests
{
    private static ulong[] Random(int count)
    {
        var words = new ulong[count];
        RandomNumberGenerator.Fill(System.Runtime.InteropServices.MemoryMarshal.AsBytes(words.AsSpan()));
        return words;
    }

    [Fact]
    public void Products_AnyShape_EqualThePlainLoop() =>
        Gen.Select(Gen.Int[1, 14], Gen.Int[1, 14], Gen.Int[1, 2100]).Sample((p, q, rows) =>
        {
            var (a, b, sum) = (Random(p * rows), Random(q * rows), Random(p * q));
            var expected = (ulong[])sum.Clone();
            for (var i = 0; i < p; i++)
            {
                for (var j = 0; j < q; j++)
                {
                    for (var row = 0; row < rows; row++)
                    {
                        expected[(i * q) + j] += a[(i * rows) + row] * b[(j * rows) + row];
                    }
                }
            }

            ColumnProducts.Add(a, p, b, q, rows, sum);
            Assert.Equal(expected, sum);
        }, iter: 60);

    [Fact]
    public void BothVectorPaths_GiveTheSameBlock() => Gen.Int[1, 300].Sample(rows =>
    {
        var (a, b) = (Random(4 * rows), Random(3 * rows));
        Span<ulong> wide = stackalloc ulong[12], narrow = stackalloc ulong[12];
        ColumnProducts.Block512(ref a[0], ref b[0], rows, rows, wide);
        ColumnProducts.BlockVector(ref a[0], ref b[0], rows, rows, narrow);
        Assert.True(wide.SequenceEqual(narrow));
    }, iter: 50);
}
