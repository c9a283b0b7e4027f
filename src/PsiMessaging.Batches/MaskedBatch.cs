using Parquet;
using Parquet.Schema;

namespace PsiMessaging.Batches;

/// <summary>
/// Part of a masked matrix on its way to the linker: a Parquet file of one row group with one column of 64-bit words for each column of the matrix, named
/// <c>m0</c>, <c>m1</c>, … Uncompressed: uniformly random words do not compress.
/// </summary>
public static class MaskedBatch
{
    /// <summary>Bytes of the wider matrix's part in a batch.</summary>
    public const int TargetSizeBytes = 1 << 20;
    /// <summary>Longest body a receiver accepts.</summary>
    public const int MaximumBodyBytes = TargetSizeBytes + (1 << 19);
    /// <summary>Most columns of one matrix.</summary>
    public const int MaximumColumns = 1000;

    private static readonly ParquetOptions Options = new() { CompressionMethod = CompressionMethod.None };

    /// <summary>Rows of every batch but the last; both parties cut their matrices at the same rows.</summary>
    /// <param name="columns">Columns of the wider matrix, 1 to 1,000.</param>
    public static int RowsOf(int columns) => Math.Clamp(TargetSizeBytes / 8 / columns, 1, 1 << 16);

    /// <summary>Name of a column.</summary>
    public static string ColumnName(int column) => $"m{column}";

    /// <summary>Writes a batch.</summary>
    /// <param name="words">The part of the matrix, column after column, <paramref name="rows"/> words each.</param>
    /// <param name="rows">Rows, 1 or more.</param>
    /// <param name="columns">Columns, 1 to 1,000.</param>
    public static async Task<byte[]> WriteAsync(ReadOnlyMemory<long> words, int rows, int columns)
    {
        var fields = Enumerable.Range(0, columns).Select(i => new DataField<long>(ColumnName(i))).ToArray();
        using var stream = new MemoryStream((rows * columns * 8) + (columns * 256) + 1024);
        var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields.Cast<Field>().ToArray()), stream, Options);
        await using (writer)
        {
            using var group = writer.CreateRowGroup();
            for (var i = 0; i < columns; i++)
            {
                await group.WriteAsync<long>(fields[i], words.Slice(i * rows, rows));
            }
        }

        return stream.ToArray();
    }
}
