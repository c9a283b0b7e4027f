using System.Security.Cryptography;

namespace PsiMessaging.Batches.Tests;

/// <summary>What leaves the linker of a product of masked rows.</summary>
public sealed class LinkerProductTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("psi-product-").FullName;

    /// <summary>
    /// The product of the masked rows as whole numbers has bits above those of a word. They are products of the other party's masked rows with this one's, and
    /// would tell it of them what no mask covers; they do not leave.
    /// </summary>
    [Fact]
    public async Task CuriousAsker_GetsNoBitsAboveThoseOfAWord()
    {
        const int Rows = 64, Bits = 21;
        var rows = new ulong[2 * Rows];
        RandomNumberGenerator.Fill(System.Runtime.InteropServices.MemoryMarshal.AsBytes(rows.AsSpan()));
        var (first, second) = (Path.Combine(_folder, "a"), Path.Combine(_folder, "b"));
        await File.WriteAllBytesAsync(first, await MaskedBatch.WriteAsync(rows, Rows, 1, Bits));
        await File.WriteAllBytesAsync(second, await MaskedBatch.WriteAsync(rows.AsMemory(Rows), Rows, 1, Bits));
        using var product = new LinkerProduct(1, 1, wordBits: Bits);
        product.Add([(first, second, Rows, 0)], 1);
        var expected = Enumerable.Range(0, Rows).Aggregate(0UL, (sum, i) => sum + (rows[i] * rows[Rows + i])) - 5;
        Assert.Equal([expected & PackedWords.Mask(Bits)], product.Finish([[5UL]]));
        Assert.NotEqual(0UL, product.Raw[0] & ~PackedWords.Mask(Bits));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
