using System.Buffers.Binary;
using System.Text.Json;
using Parquet;
using Parquet.Schema;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Data.Types;
using PsiMessaging.Files;

namespace PsiMessaging.Data.Datasets;

/// <summary>A column of <see cref="AlignedRows"/>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type; a number is held as units in fixed point, a text as its place in <paramref name="Labels"/>.</param>
/// <param name="Labels">The different texts of the column; null for numbers, and where there are more than <see cref="AlignedRows.MaximumLabels"/>.</param>
public sealed record AlignedColumn(string Name, ColumnType Type, IReadOnlyList<string>? Labels);

/// <summary>Part of the rows, in order.</summary>
/// <param name="First">Number of its first row, from 0.</param>
/// <param name="Rows">How many.</param>
/// <param name="Values">One array for each column that was asked for; <see cref="AlignedRows.Missing"/> where there is no value.</param>
public sealed record AlignedChunk(int First, int Rows, IReadOnlyList<long[]> Values);

/// <summary>
/// A party's common rows in the order both parties derive (by row token), ready to calculate with: a Parquet file of 64-bit numbers, one column an attribute,
/// and a list of the texts they stand for. It never leaves the home. Reading is a stream of row groups.
/// </summary>
public sealed class AlignedRows
{
    /// <summary>Stands for a missing value.</summary>
    public const long Missing = long.MinValue;
    /// <summary>Most different texts of a column that are kept; a column with more cannot be asked about.</summary>
    public const int MaximumLabels = 100_000;
    /// <summary>Rows of a row group.</summary>
    public const int ChunkRows = 1 << 16;

    private const string RowsName = "aligned.parquet";
    private const string ColumnsName = "aligned.json";
    private readonly string _folder;

    private AlignedRows(string folder, int rows, IReadOnlyList<AlignedColumn> columns, bool hasOrder, int sortedBy) =>
        (_folder, Rows, Columns, HasOrder, SortedBy) = (folder, rows, columns, hasOrder, sortedBy);

    /// <summary>By which keys <see cref="AlignedRowsBuilder"/> sorts them now: 1 were HMAC-SHA-256, 2 are SipHash.</summary>
    public const int CurrentSort = 2;

    /// <summary>By which keys these are sorted: rows of two files are those of the same records only where it is the same.</summary>
    public int SortedBy { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>The columns.</summary>
    public IReadOnlyList<AlignedColumn> Columns { get; }

    /// <summary>Whether it is known in which order the rows were added; not in files of earlier versions.</summary>
    public bool HasOrder { get; }

    /// <summary>Opens what <see cref="AlignedRowsBuilder.WriteAsync"/> wrote.</summary>
    public static AlignedRows Open(string folder)
    {
        var document = JsonSerializer.Deserialize<AlignedDocument>(File.ReadAllBytes(Path.Combine(folder, ColumnsName)))!;
        return new AlignedRows(folder, document.Rows,
            [.. document.Columns.Select(column => new AlignedColumn(column.Name, ColumnType.TryParse(column.Type)!, column.Labels))],
            document.HasOrder, document.SortedBy);
    }

    /// <summary>For each row, the how many-eth it was to be added, from 0: so rows of several sessions over one dataset are found again.</summary>
    /// <exception cref="InvalidOperationException">It is not known (<see cref="HasOrder"/>).</exception>
    public async Task<int[]> ReadOrderAsync()
    {
        if (!HasOrder)
        {
            throw new InvalidOperationException("the order in which the rows were added was not kept");
        }

        var order = new int[Rows];
        await using var stream = File.OpenRead(Path.Combine(_folder, RowsName));
        await using var parquet = await ParquetReader.CreateAsync(stream, leaveStreamOpen: true);
        var field = parquet.Schema.GetDataFields()[^1];
        for (int group = 0, first = 0; group < parquet.RowGroupCount; group++)
        {
            using var reader = parquet.OpenRowGroupReader(group);
            var values = new long[(int)reader.RowCount];
            await reader.ReadAsync(field, values.AsMemory());
            for (var i = 0; i < values.Length; i++)
            {
                order[first + i] = (int)values[i];
            }

            first += values.Length;
        }

        return order;
    }

    /// <summary>Whether the folder holds aligned rows, whole.</summary>
    public static bool Exists(string folder) => File.Exists(Path.Combine(folder, ColumnsName));

    /// <summary>Streams some columns.</summary>
    /// <param name="columns">Names, in the order their values are wanted.</param>
    /// <param name="firstRow">Row to begin at or before; whole row groups before it are passed over.</param>
    public async IAsyncEnumerable<AlignedChunk> ReadAsync(IReadOnlyList<string> columns, int firstRow = 0)
    {
        await using var stream = File.OpenRead(Path.Combine(_folder, RowsName));
        await using var parquet = await ParquetReader.CreateAsync(stream, leaveStreamOpen: true);
        var fields = parquet.Schema.GetDataFields();
        var wanted = columns.Select(name => fields[Columns.ToList().FindIndex(column => column.Name == name)]).ToArray();
        for (int group = 0, first = 0; group < parquet.RowGroupCount; group++)
        {
            using var reader = parquet.OpenRowGroupReader(group);
            var rows = (int)reader.RowCount;
            if (first + rows > firstRow)
            {
                var values = new long[wanted.Length][];
                for (var i = 0; i < wanted.Length; i++)
                {
                    values[i] = new long[rows];
                    await reader.ReadAsync(wanted[i], values[i].AsMemory());
                }

                yield return new AlignedChunk(first, rows, values);
            }

            first += rows;
        }
    }

    internal static async Task WriteAsync(string folder, IReadOnlyList<AlignedColumn> columns, SortedRecords records, int rows)
    {
        // Names in the file are ours: a column may be called anything. The last column is the order in which rows were added.
        DataField<long>[] fields = [.. columns.Select((_, i) => new DataField<long>($"c{i}")), new DataField<long>("order")];
        var path = Path.Combine(folder, RowsName);
        await using (var stream = PrivateFile.Open(path + ".part", FileMode.Create))
        {
            var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields.Cast<Field>().ToArray()),
                stream, new ParquetOptions { CompressionMethod = CompressionMethod.Snappy });
            await using (writer)
            {
                for (var first = 0; first < rows; first += ChunkRows)
                {
                    var values = ReadChunk(records, columns.Count, Math.Min(ChunkRows, rows - first));
                    using var group = writer.CreateRowGroup();
                    for (var i = 0; i < fields.Length; i++)
                    {
                        await group.WriteAsync<long>(fields[i], values[i].AsMemory());
                    }
                }
            }

            stream.Flush(flushToDisk: true);
        }

        AtomicFile.Rename(path + ".part", path);

        // Written last: where it stands, the rows stand too.
        AtomicFile.Write(Path.Combine(folder, ColumnsName), JsonSerializer.SerializeToUtf8Bytes(
            new AlignedDocument(rows, [.. columns.Select(column => new ColumnDocument(column.Name, column.Type.ToString(), column.Labels))],
                HasOrder: true, CurrentSort)));
    }

    private static long[][] ReadChunk(SortedRecords records, int columns, int rows)
    {
        var values = new long[columns + 1][];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = new long[rows];
        }

        for (var row = 0; row < rows; row++)
        {
            records.MoveNext();
            var content = records.Content[AlignedRowsBuilder.TokenSizeBytes..];
            for (var i = 0; i <= columns; i++)
            {
                values[i][row] = BinaryPrimitives.ReadInt64LittleEndian(content[(8 * i)..]);
            }
        }

        return values;
    }

    private sealed record AlignedDocument(int Rows, IReadOnlyList<ColumnDocument> Columns, bool HasOrder = false, int SortedBy = 1);

    private sealed record ColumnDocument(string Name, string Type, IReadOnlyList<string>? Labels);
}

/// <summary>Gathers a party's common rows in any order and writes them by row token. Not thread-safe.</summary>
/// <param name="columns">The attributes.</param>
/// <param name="scratch">Where sorted runs go; owned by this object.</param>
/// <param name="texts">Which texts are one value.</param>
public sealed class AlignedRowsBuilder(IReadOnlyList<DatasetColumn> columns, ScratchFolder scratch, TextRule texts) : IDisposable
{
    /// <summary>Length of a row token in bytes.</summary>
    public const int TokenSizeBytes = 16;

    private readonly ExternalSorter _sorter = new(scratch, (left, right) => left.SequenceCompareTo(right));
    private readonly Dictionary<string, int>?[] _labels =
        [.. columns.Select(column => column.Type.IsNumber ? null : new Dictionary<string, int>(StringComparer.Ordinal))];
    private readonly byte[] _record = new byte[TokenSizeBytes + (8 * (columns.Count + 1))];

    /// <summary>Takes the reader's current row.</summary>
    /// <param name="token">The row's token, 16 bytes.</param>
    /// <param name="row">The row.</param>
    /// <param name="indices">Where in the row each column stands.</param>
    public void Add(ReadOnlySpan<byte> token, IRecordReader row, IReadOnlyList<int> indices)
    {
        token[..TokenSizeBytes].CopyTo(_record);
        for (var i = 0; i < columns.Count; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(_record.AsSpan(TokenSizeBytes + (8 * i)), Value(i, row.GetSpan(indices[i])));
        }

        BinaryPrimitives.WriteInt64LittleEndian(_record.AsSpan(TokenSizeBytes + (8 * columns.Count)), _sorter.Count);
        _sorter.Add(BinaryPrimitives.ReadUInt64BigEndian(token), _record);
    }

    private long Value(int column, ReadOnlySpan<char> raw)
    {
        var type = columns[column].Type;
        if (type.IsNumber)
        {
            // Checked when the dataset was added.
            return ValueForm.Units(raw, type) ?? AlignedRows.Missing;
        }

        var text = TextForm.Of(raw, texts);
        if (text.IsEmpty || _labels[column] is not { } labels)
        {
            return AlignedRows.Missing;
        }

        var lookup = labels.GetAlternateLookup<ReadOnlySpan<char>>();
        if (lookup.TryGetValue(text, out var code))
        {
            return code;
        }

        if (labels.Count == AlignedRows.MaximumLabels)
        {
            _labels[column] = null;
            return AlignedRows.Missing;
        }

        labels.Add(text.ToString(), labels.Count);
        return labels.Count - 1;
    }

    /// <summary>Writes the rows into a folder.</summary>
    public async Task<AlignedRows> WriteAsync(string folder)
    {
        var rows = (int)_sorter.Count;
        await AlignedRows.WriteAsync(folder,
            [.. columns.Select((column, i) => new AlignedColumn(column.Name, column.Type, _labels[i]?.Keys.ToArray()))], _sorter.Read(), rows);
        return AlignedRows.Open(folder);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _sorter.Dispose();
        scratch.Dispose();
    }
}
