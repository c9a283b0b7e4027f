using Parquet;
using Parquet.Schema;

namespace PsiMessaging.Batches;

/// <summary>
/// Part of a masked matrix on its way to the linker: a Parquet file of one row group with one column of bytes, <c>words</c>, in which a value is a column of
/// the matrix: its words one after the other, packed (<see cref="PackedWords"/>). Uncompressed: uniformly random words do not compress.
/// </summary>
public static class MaskedBatch
{
    /// <summary>Bytes of the wider matrix's part in a batch.</summary>
    public const int TargetSizeBytes = 1 << 20;
    /// <summary>Longest body a receiver accepts.</summary>
    public const int MaximumBodyBytes = TargetSizeBytes + (1 << 19);
    /// <summary>Most columns of one matrix.</summary>
    public const int MaximumColumns = 1000;
    /// <summary>Bits of the widest word.</summary>
    public const int MaximumWordBits = 64;

    internal const string ColumnName = "words";
    private const int MaximumRows = 1 << 16;

    private static readonly DataField Field = new(ColumnName, typeof(byte[]), isNullable: false);
    private static readonly ParquetOptions Options = new() { CompressionMethod = CompressionMethod.None };

    /// <summary>Rows of every batch but the last; both parties cut their matrices at the same rows.</summary>
    /// <param name="columns">Columns of the wider matrix, 1 to 1,000.</param>
    /// <param name="wordBits">Bits of a word, 1 to 64.</param>
    public static int RowsOf(int columns, int wordBits = MaximumWordBits) => Math.Clamp((int)(8L * TargetSizeBytes / wordBits / columns), 1, MaximumRows);

    /// <summary>Writes a batch.</summary>
    /// <param name="words">The part of the matrix, column after column, <paramref name="rows"/> words each; more of it is left out.</param>
    /// <param name="rows">Rows, 1 to 65,536.</param>
    /// <param name="columns">Columns, 1 to 1,000.</param>
    /// <param name="wordBits">Bits of each word that are sent, 1 to 64: the low ones.</param>
    /// <returns>The file, in memory that is nobody else's.</returns>
    public static async Task<ReadOnlyMemory<byte>> WriteAsync(ReadOnlyMemory<ulong> words, int rows, int columns, int wordBits = MaximumWordBits)
    {
        var packed = new byte[columns][];
        for (var i = 0; i < columns; i++)
        {
            // Written whole below.
            packed[i] = GC.AllocateUninitializedArray<byte>(PackedWords.SizeBytes(rows, wordBits));
            PackedWords.Write(words.Span.Slice(i * rows, rows), wordBits, packed[i]);
        }

        using var stream = new MemoryStream((columns * (packed[0].Length + 16)) + 1024);
        var writer = await ParquetWriter.CreateAsync(new ParquetSchema(Field), stream, Options);
        await using (writer)
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(Field, packed);
        }

        return stream.GetBuffer().AsMemory(0, (int)stream.Length);
    }
}
