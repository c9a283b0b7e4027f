using Parquet;
using Parquet.Schema;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Data.Datasets;

/// <summary>
/// A party's own records as we keep them: one Parquet file, every column text, readable as a stream: row groups of 65,536 rows, fewer in wide tables. An empty
/// text is a missing value, numbers have a decimal point.
/// </summary>
public static class DatasetFile
{
    private const int RowGroupRows = 1 << 16;

    // What is gathered before a group is written: values, and characters in them.
    private const int RowGroupValues = 1 << 19;
    private const int RowGroupCharacters = 1 << 24;

    /// <summary>Copies a source into a new dataset file.</summary>
    /// <param name="source">Read to the end; positioned before its first row.</param>
    /// <param name="destination">Receives the Parquet file.</param>
    /// <param name="onRow">Called for every row while it is current, for example to gather its identifier.</param>
    /// <returns>Number of rows.</returns>
    public static async Task<int> WriteAsync(IRecordReader source, Stream destination, Action<IRecordReader> onRow)
    {
        var fields = source.Columns.Select(name => new DataField<string>(name)).ToArray();
        var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields.Cast<Field>().ToArray()), destination,
            new ParquetOptions { CompressionMethod = CompressionMethod.Snappy });
        await using (writer)
        {
            var groupRows = Math.Clamp(RowGroupValues / fields.Length, 1, RowGroupRows);
            var columns = fields.Select(_ => new List<string?>(groupRows)).ToArray();
            var pools = Array.ConvertAll(fields, _ => new StringPool());
            var (rows, characters) = (0, 0L);
            while (source.Read())
            {
                onRow(source);
                for (var i = 0; i < columns.Length; i++)
                {
                    var value = source.GetSpan(i);
                    characters += value.Length;
                    columns[i].Add(pools[i].Get(value));
                }

                rows++;
                if (columns[0].Count == groupRows || characters > RowGroupCharacters)
                {
                    await Flush(writer, fields, columns);
                    characters = 0;
                }
            }

            if (columns[0].Count > 0)
            {
                await Flush(writer, fields, columns);
            }

            return rows;
        }
    }

    /// <summary>Short values of a column stand in many rows: one text for the last of each kind saves making it again.</summary>
    private sealed class StringPool
    {
        private const int Slots = 256;
        private const int MostLength = 12;
        private readonly string?[] _slots = new string?[Slots];
        private int _made, _found;

        public string? Get(ReadOnlySpan<char> text)
        {
            // A column of all different values is not worth looking up.
            if (text.Length is 0 or > MostLength || (_made > 4 * Slots && _found < _made))
            {
                return text.IsEmpty ? null : text.ToString();
            }

            ref var slot = ref _slots[(text[0] + (31 * text[^1]) + (7 * text[text.Length / 2])) & (Slots - 1)];
            if (slot is not null && text.SequenceEqual(slot))
            {
                _found++;
                return slot;
            }

            _made++;
            return slot = text.ToString();
        }
    }

    /// <summary>Streams some columns of a dataset file; the others are not read.</summary>
    /// <param name="path">A file that <see cref="WriteAsync"/> wrote.</param>
    /// <param name="columns">Names of columns it has.</param>
    /// <param name="onRow">
    /// Receives a row's number, from 0, and its values in the order of <paramref name="columns"/>; null where missing. The array is used again.
    /// </param>
    public static async Task ReadAsync(string path, IReadOnlyList<string> columns, Action<int, string?[]> onRow)
    {
        await using var stream = File.OpenRead(path);
        await using var parquet = await ParquetReader.CreateAsync(stream, leaveStreamOpen: true);
        var fields = columns.Select(name => Array.Find(parquet.Schema.GetDataFields(), field => field.Name == name)!).ToArray();
        var row = new string?[fields.Length];
        for (int group = 0, number = 0; group < parquet.RowGroupCount; group++)
        {
            using var reader = parquet.OpenRowGroupReader(group);
            var values = new string?[fields.Length][];
            for (var i = 0; i < fields.Length; i++)
            {
                values[i] = new string?[checked((int)reader.RowCount)];
                await reader.ReadAsync(fields[i], values[i].AsMemory()!);
            }

            for (var i = 0; i < reader.RowCount; i++)
            {
                for (var column = 0; column < row.Length; column++)
                {
                    row[column] = values[column][i];
                }

                onRow(number++, row);
            }
        }
    }

    /// <summary>Writes a dataset file again, with numbers and missing values as they are kept.</summary>
    /// <param name="path">The file.</param>
    /// <param name="destination">Receives the new one.</param>
    /// <param name="intakes">How each column is read, by its index.</param>
    public static async Task RewriteAsync(string path, Stream destination, IReadOnlyDictionary<int, ColumnIntake> intakes)
    {
        using var rows = new PlainRows(StoredRows.Open(path), intakes);
        var number = 0;
        await WriteAsync(rows, destination, row =>
        {
            number++;
            foreach (var (index, intake) in intakes)
            {
                intake.AddPlain(row.GetSpan(index), number);
            }
        });
    }

    /// <summary>Rows whose numbers are as we keep them.</summary>
    private sealed class PlainRows(IRecordReader inner, IReadOnlyDictionary<int, ColumnIntake> intakes) : IRecordReader
    {
        private readonly ColumnIntake?[] _intakes = [.. inner.Columns.Select((_, i) => intakes.GetValueOrDefault(i))];

        public IReadOnlyList<string> Columns => inner.Columns;

        public ReadingReport Report => inner.Report;

        public bool Read() => inner.Read();

        public ReadOnlySpan<char> GetSpan(int column) => _intakes[column] is { } intake ? intake.Plain(inner.GetSpan(column)) : inner.GetSpan(column);

        public string? GetText(int column) => GetSpan(column).ToString();

        public void Dispose() => inner.Dispose();
    }

    /// <summary>Opens a dataset file.</summary>
    public static IRecordReader Open(string path) => StoredRows.Open(path);

    private static async Task Flush(ParquetWriter writer, DataField[] fields, List<string?>[] columns)
    {
        using var group = writer.CreateRowGroup();
        for (var i = 0; i < fields.Length; i++)
        {
            await group.WriteAsync(fields[i], columns[i]!);
            columns[i].Clear();
        }
    }

    /// <summary>Indices of named columns.</summary>
    /// <exception cref="InputException">A name is not there; says which are.</exception>
    public static int[] FindColumns(string source, IReadOnlyList<string> columns, IReadOnlyList<string> names)
    {
        var found = new int[names.Count];
        for (var i = 0; i < found.Length; i++)
        {
            found[i] = columns.ToList().FindIndex(column => column == names[i]);
            if (found[i] < 0)
            {
                throw new InputException($"{source} has no column {names[i]}; it has {RecordReader.List(columns)}");
            }
        }

        return found;
    }
}
