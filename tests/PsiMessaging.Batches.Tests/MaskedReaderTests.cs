using System.Security.Cryptography;
using Parquet;
using Parquet.Schema;

namespace PsiMessaging.Batches.Tests;

/// <summary>Batches as the linker reads them: what was written, and no other shape of it.</summary>
public sealed class MaskedReaderTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"psi-masked-{Guid.CreateVersion7():N}");

    private static async Task<byte[]> ParquetAsync(DataField field, IReadOnlyList<byte[]> values)
    {
        using var stream = new MemoryStream();
        var writer = await ParquetWriter.CreateAsync(new ParquetSchema(field), stream);
        await using (writer)
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(field, values);
        }

        return stream.ToArray();
    }

    private ulong[] Read(byte[] file, int columns, int rows, int bits)
    {
        File.WriteAllBytes(_path, file);
        using var reader = new MaskedReader();
        var words = new ulong[columns * rows];
        reader.Read(_path, columns, words, bits);
        return words;
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(12, 5000, 21)]
    [InlineData(3, 700, 61)]
    [InlineData(800, 40, 64)]
    public async Task Batch_IsReadAsItWasWritten(int columns, int rows, int bits)
    {
        var words = new ulong[columns * rows];
        RandomNumberGenerator.Fill(System.Runtime.InteropServices.MemoryMarshal.AsBytes(words.AsSpan()));
        var file = (await MaskedBatch.WriteAsync(words, rows, columns, bits)).ToArray();
        PackedWords.Cut(words, bits);
        Assert.Equal(words, Read(file, columns, rows, bits));
    }

    [Fact]
    public async Task FullBatch_OfAnyShape_IsWithinTheLongestBody()
    {
        foreach (var (columns, bits) in new[] { (1, 1), (1, 64), (21, 21), (800, 61), (1000, 64), (1000, 1) })
        {
            var rows = MaskedBatch.RowsOf(columns, bits);
            Assert.InRange((await MaskedBatch.WriteAsync(new ulong[rows * columns], rows, columns, bits)).Length, 1, MaskedBatch.MaximumBodyBytes);
        }
    }

    /// <summary>A party that sends other columns, rows, types or names than it announced.</summary>
    [Theory]
    [InlineData(3, 8, "fewer columns")]
    [InlineData(1, 8, "more columns")]
    [InlineData(2, 9, "other rows")]
    public async Task OtherShapeThanAnnounced_IsRefused(int columns, int rows, string expected)
    {
        var file = (await MaskedBatch.WriteAsync(new ulong[16], 8, 2, 21)).ToArray();
        Assert.Contains(expected, Assert.Throws<InvalidDataException>(() => Read(file, columns, rows, 21)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OtherColumns_AreRefused()
    {
        byte[][] values = [new byte[21], new byte[21]];
        Assert.Equal(new ulong[16], Read(await ParquetAsync(new DataField("words", typeof(byte[]), isNullable: false), values), 2, 8, 21));
        foreach (var field in new[] { new DataField("m0", typeof(byte[]), isNullable: false), new DataField("WORDS2", typeof(byte[]), isNullable: false) })
        {
            var file = await ParquetAsync(field, values);
            Assert.Contains("no column of packed words", Assert.Throws<InvalidDataException>(() => Read(file, 2, 8, 21)).Message, StringComparison.Ordinal);
        }

        var withNull = await ParquetAsync(new DataField("words", typeof(byte[]), isNullable: true), [new byte[21], null!]);
        Assert.Throws<InvalidDataException>(() => Read(withNull, 2, 8, 21));
        Assert.Throws<InvalidDataException>(() => Read([1, 2, 3], 2, 8, 21));
    }

    public void Dispose() => File.Delete(_path);
}
