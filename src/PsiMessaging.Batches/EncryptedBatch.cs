using Parquet;
using Parquet.Schema;

namespace PsiMessaging.Batches;

/// <summary>
/// Encrypted rows on their way to the linker: a Parquet file of one row group with a column <c>row</c> (16-byte row tokens, ascending) and one column of
/// ciphertexts for each column token. Uncompressed: ciphertexts do not compress, and a receiver need not fear a decompression bomb.
/// </summary>
public static class EncryptedBatch
{
    /// <summary>Name of the column of row tokens.</summary>
    public const string RowColumn = "row";
    /// <summary>Length of a row token in bytes.</summary>
    public const int RowTokenSizeBytes = 16;
    /// <summary>A batch is closed when its cells reach this many bytes.</summary>
    public const int TargetSizeBytes = 640 * 1024;
    /// <summary>Most rows in a batch.</summary>
    public const int MaximumRows = 1 << 16;
    /// <summary>Longest body a receiver accepts: a batch of one row with the longest values must fit.</summary>
    public const int MaximumBodyBytes = 8 * 1024 * 1024;

    /// <summary>Writes a batch.</summary>
    /// <param name="rowTokens">One a row, ascending.</param>
    /// <param name="columns">Column tokens.</param>
    /// <param name="cells">Ciphertexts, a list for each column.</param>
    public static async Task<byte[]> WriteAsync(IReadOnlyList<byte[]> rowTokens, IReadOnlyList<string> columns, IReadOnlyList<IReadOnlyList<byte[]>> cells)
    {
        var fields = Fields(columns);
        using var stream = new MemoryStream();
        var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields.Cast<Field>().ToArray()), stream,
            new ParquetOptions { CompressionMethod = CompressionMethod.None });
        await using (writer)
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(fields[0], rowTokens);
            for (var i = 0; i < columns.Count; i++)
            {
                await group.WriteAsync(fields[i + 1], cells[i]);
            }
        }

        return stream.ToArray();
    }

    /// <summary>Longest answer to a query that a receiver accepts, in bytes.</summary>
    public const int MaximumAnswerBytes = 12 * 1024 * 1024;

    private static DataField[] Fields(IReadOnlyList<string> columns) =>
        columns.Prepend(RowColumn).Select(name => new DataField(name, typeof(byte[]), isNullable: false)).ToArray();
}
