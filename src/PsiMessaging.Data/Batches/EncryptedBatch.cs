using Parquet;
using Parquet.Schema;

namespace PsiMessaging.Data.Batches;

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

    /// <summary>What a checked batch spans.</summary>
    /// <param name="First">Its lowest row token; empty when it has no rows.</param>
    /// <param name="Last">Its highest row token.</param>
    public sealed record Span(byte[] First, byte[] Last);

    /// <summary>Reads all of a batch a peer sent and holds it to its announcement.</summary>
    /// <param name="body">Untrusted bytes.</param>
    /// <param name="columns">Column tokens as registered.</param>
    /// <param name="rows">Announced rows.</param>
    /// <exception cref="InvalidDataException">Not Parquet, other columns, another count, bad or unsorted tokens; the message holds no content.</exception>
    public static async Task<Span> CheckAsync(byte[] body, IReadOnlyList<string> columns, int rows)
    {
        if (body.Length > MaximumBodyBytes || rows is < 0 or > MaximumRows)
        {
            throw new InvalidDataException("the batch is larger than allowed");
        }

        try
        {
            using var stream = new MemoryStream(body, writable: false);
            await using var reader = await ParquetReader.CreateAsync(stream);
            var fields = reader.Schema.GetDataFields();
            var names = fields.Select(field => field.Name).ToArray();
            if (!names.SequenceEqual(columns.Prepend(RowColumn)) || fields.Any(field => (field.ClrType != typeof(byte[]) && field.ClrType != typeof(ReadOnlyMemory<byte>)) || field.IsArray))
            {
                throw new InvalidDataException("the batch has other columns than were registered");
            }

            if (reader.RowGroupCount != 1)
            {
                throw new InvalidDataException("the batch has more or fewer than one row group");
            }

            using var group = reader.OpenRowGroupReader(0);
            if (group.RowCount != rows)
            {
                throw new InvalidDataException($"the batch holds {group.RowCount} rows where {rows} were announced");
            }

            byte[]?[] tokens = [];
            foreach (var field in fields)
            {
                var values = new byte[]?[rows];
                await group.ReadAsync(field, values.AsMemory());
                if (values.Any(value => value is null))
                {
                    throw new InvalidDataException("the batch has an empty cell");
                }

                tokens = ReferenceEquals(field, fields[0]) ? values : tokens;
            }

            for (var i = 0; i < rows; i++)
            {
                if (tokens[i]!.Length != RowTokenSizeBytes || (i > 0 && tokens[i - 1].AsSpan().SequenceCompareTo(tokens[i]) >= 0))
                {
                    throw new InvalidDataException("the row tokens are of the wrong length, repeated or not sorted");
                }
            }

            return rows == 0 ? new Span([], []) : new Span(tokens[0]!, tokens[^1]!);
        }
        catch (Exception exception) when (exception is not InvalidDataException)
        {
            throw new InvalidDataException("the batch is not a readable Parquet file: it is damaged or cut off", exception);
        }
    }

    private static DataField[] Fields(IReadOnlyList<string> columns) =>
        columns.Prepend(RowColumn).Select(name => new DataField(name, typeof(byte[]), isNullable: false)).ToArray();
}

/// <summary>A query's encrypted answer: Parquet with ciphertext columns <c>c0</c>, <c>c1</c>, … and a count <c>n</c>, null where suppressed.</summary>
public static class EncryptedAnswer
{
    /// <summary>Longest body a receiver accepts.</summary>
    public const int MaximumBodyBytes = 12 * 1024 * 1024;

    /// <summary>Reads an answer.</summary>
    /// <param name="body">Untrusted bytes.</param>
    /// <param name="columnCount">Columns asked for.</param>
    /// <param name="groups">Announced groups.</param>
    /// <exception cref="InvalidDataException">The answer does not fit its announcement.</exception>
    public static async Task<(byte[][] Labels, long? Count)[]> ReadAsync(byte[] body, int columnCount, int groups)
    {
        try
        {
            using var stream = new MemoryStream(body, writable: false);
            await using var reader = await ParquetReader.CreateAsync(stream);
            var fields = reader.Schema.GetDataFields();
            var expected = Enumerable.Range(0, columnCount).Select(i => $"c{i}").Append("n");
            if (!fields.Select(field => field.Name).SequenceEqual(expected))
            {
                throw new InvalidDataException("the answer has other columns than were asked for");
            }

            var result = new List<(byte[][], long?)>();
            for (var g = 0; g < reader.RowGroupCount; g++)
            {
                using var group = reader.OpenRowGroupReader(g);
                var rows = checked((int)group.RowCount);
                if (result.Count + rows > groups)
                {
                    throw new InvalidDataException("the answer holds more groups than announced");
                }

                var labels = new byte[]?[columnCount][];
                for (var i = 0; i < columnCount; i++)
                {
                    labels[i] = new byte[]?[rows];
                    await group.ReadAsync(fields[i], labels[i].AsMemory());
                }

                var counts = new long?[rows];
                await group.ReadAsync(fields[columnCount], counts.AsMemory());
                for (var row = 0; row < rows; row++)
                {
                    result.Add((labels.Select(column => column[row] ?? throw new InvalidDataException("the answer has an empty label")).ToArray(), counts[row]));
                }
            }

            return result.Count == groups ? [.. result] : throw new InvalidDataException("the answer holds fewer groups than announced");
        }
        catch (Exception exception) when (exception is not InvalidDataException)
        {
            throw new InvalidDataException("the answer is not a readable Parquet file", exception);
        }
    }
}
