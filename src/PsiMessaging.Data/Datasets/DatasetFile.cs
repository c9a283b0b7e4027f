using System.Globalization;
using Parquet;
using Parquet.Schema;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Data.Datasets;

/// <summary>
/// A party's own records as we keep them: one Parquet file with a row group for each 32,768 rows, fewer in wide tables, and in it one value a column: all its
/// texts, packed (<see cref="ColumnPacker"/>). So a column is read without the others and without an object a value. An empty text is a missing value,
/// numbers have a decimal point. How many rows each group stands for is said in the file's own metadata.
/// </summary>
public static class DatasetFile
{
    /// <summary>Under this name the file says how many rows each of its groups stands for; earlier versions wrote columns of strings, and not this.</summary>
    internal const string RowsKey = "psi.rows";

    /// <summary>Copies a source into a new dataset file.</summary>
    /// <param name="source">Read to the end; positioned before its first row.</param>
    /// <param name="destination">Receives the Parquet file.</param>
    /// <param name="works">What else is done with the rows in the same pass, on other threads, for example to gather identifiers.</param>
    /// <returns>Number of rows.</returns>
    public static async Task<int> WriteAsync(IRecordReader source, Stream destination, params IReadOnlyList<BlockWork> works)
    {
        var fields = source.Columns.Select(name => new DataField<ReadOnlyMemory<byte>>(name)).ToArray();
        var groups = new List<string>();
        var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields.Cast<Field>().ToArray()), destination,
            new ParquetOptions { CompressionMethod = CompressionMethod.None });
        await using (writer)
        {
            var value = new ReadOnlyMemory<byte>[1];
            var pipeline = new RowPipeline([.. works, .. fields.Select((_, column) => Packing(column))], async block =>
            {
                using var group = writer.CreateRowGroup();
                for (var i = 0; i < fields.Length; i++)
                {
                    value[0] = block.Packed(i);
                    await group.WriteAsync<ReadOnlyMemory<byte>>(fields[i], value.AsMemory());
                }

                groups.Add(block.Rows.ToString(CultureInfo.InvariantCulture));
            });
            var rows = await pipeline.RunAsync(source);
            writer.CustomMetadata = new Dictionary<string, string>(StringComparer.Ordinal) { [RowsKey] = string.Join(' ', groups) };
            return rows;
        }
    }

    private static BlockWork Packing(int column)
    {
        var packer = new ColumnPacker();
        return (RowBlock block, ref int _) => block.Pack(column, packer);
    }

    /// <summary>Writes a dataset file again, with numbers and missing values as they are kept.</summary>
    /// <param name="path">The file.</param>
    /// <param name="destination">Receives the new one.</param>
    /// <param name="intakes">How each column is read, by its index.</param>
    public static async Task RewriteAsync(string path, Stream destination, IReadOnlyDictionary<int, ColumnIntake> intakes)
    {
        using var rows = new PlainRows(Open(path), intakes);
        await WriteAsync(rows, destination, [.. intakes.Select(column => Taking(column.Key, column.Value.AddPlain))]);
    }

    /// <summary>A work that hands on a column's values.</summary>
    /// <param name="column">Its index.</param>
    /// <param name="take">Receives a value and its row's number, from 1.</param>
    public static BlockWork Taking(int column, Action<ReadOnlySpan<char>, int> take) => (RowBlock block, ref int row) =>
    {
        for (row = 0; row < block.Rows; row++)
        {
            take(block.GetSpan(column, row), block.First + row + 1);
        }
    };

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

    /// <summary>Opens a dataset file, of this version or an earlier one. Only columns that are asked for are read.</summary>
    /// <exception cref="InputException">The file is damaged; also while it is read.</exception>
    public static IRecordReader Open(string path) => StoredRows.Open(path);

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
