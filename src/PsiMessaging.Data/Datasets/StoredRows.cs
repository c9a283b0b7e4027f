using System.Globalization;
using Parquet;
using Parquet.Data;
using Parquet.Schema;
using PsiMessaging.Data.Records;

namespace PsiMessaging.Data.Datasets;

/// <summary>Reads what <see cref="DatasetFile"/> wrote: a row group at a time, and of it the columns that are asked for, when they are.</summary>
internal abstract class StoredRows : IRecordReader
{
    private readonly string _path;
    private readonly Stream _stream;
    private readonly ParquetReader _parquet;
    private readonly DataField[] _fields;

    // The group of which each column holds the values.
    private readonly int[] _loaded;
    private ParquetRowGroupReader? _reader;
    private int _group = -1;

    private StoredRows(string path, Stream stream, ParquetReader parquet)
    {
        (_path, _stream, _parquet, _fields) = (path, stream, parquet, parquet.Schema.GetDataFields());
        _loaded = new int[_fields.Length];
        Array.Fill(_loaded, -1);
        Columns = Array.ConvertAll(_fields, field => field.Name);
    }

    public IReadOnlyList<string> Columns { get; }

    public ReadingReport Report { get; } = new("dataset", null, null, null, null, 0, [], []);

    /// <summary>The row in hand, within its group.</summary>
    protected int Row { get; private set; } = -1;

    /// <summary>How many rows the group in hand has.</summary>
    protected int Rows { get; private set; }

    /// <exception cref="InputException">The file is damaged.</exception>
    public static StoredRows Open(string path)
    {
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
        try
        {
            var parquet = ParquetReader.CreateAsync(stream, leaveStreamOpen: true).GetAwaiter().GetResult();
            return parquet.CustomMetadata.TryGetValue(DatasetFile.RowsKey, out var rows) ? new Packed(path, stream, parquet, rows)
                : new Strings(path, stream, parquet);
        }
        catch (Exception exception)
        {
            stream.Dispose();
            throw Damaged(path, exception);
        }
    }

    public bool Read()
    {
        while (++Row >= Rows)
        {
            if (_group + 1 == _parquet.RowGroupCount)
            {
                return false;
            }

            try
            {
                _reader?.Dispose();
                _reader = _parquet.OpenRowGroupReader(++_group);
                Rows = RowsOf(_group, _reader);
            }
            catch (Exception exception)
            {
                throw Damaged(_path, exception);
            }

            Row = -1;
        }

        return true;
    }

    public ReadOnlySpan<char> GetSpan(int column)
    {
        if (_loaded[column] != _group)
        {
            LoadColumn(column);
        }

        return Value(column);
    }

    public string? GetText(int column) => GetSpan(column) is { IsEmpty: false } text ? text.ToString() : null;

    private void LoadColumn(int column)
    {
        try
        {
            LoadAsync(column, _fields[column], _reader!).GetAwaiter().GetResult();
            _loaded[column] = _group;
        }
        catch (Exception exception)
        {
            throw Damaged(_path, exception);
        }
    }

    protected abstract int RowsOf(int group, ParquetRowGroupReader reader);

    protected abstract Task LoadAsync(int column, DataField field, ParquetRowGroupReader reader);

    protected abstract ReadOnlySpan<char> Value(int column);

    private static InputException Damaged(string path, Exception inner) => new($"{path} is damaged or cut off; remove the dataset and add it again", inner);

    public void Dispose()
    {
        _reader?.Dispose();
        _parquet.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _stream.Dispose();
    }

    /// <summary>Columns as they are packed now.</summary>
    private sealed class Packed : StoredRows
    {
        private readonly PackedColumn[] _columns;
        private readonly int[] _rows;

        public Packed(string path, Stream stream, ParquetReader parquet, string rows) : base(path, stream, parquet)
        {
            _columns = Array.ConvertAll(_fields, _ => new PackedColumn());
            _rows = Array.ConvertAll(rows.Split(' ', StringSplitOptions.RemoveEmptyEntries), text => int.Parse(text, CultureInfo.InvariantCulture));
            if (_rows.Length != parquet.RowGroupCount || Array.Exists(_rows, count => count < 1))
            {
                throw new InvalidDataException("the rows of its groups are not as it says");
            }
        }

        protected override int RowsOf(int group, ParquetRowGroupReader reader) => _rows[group];

        protected override async Task LoadAsync(int column, DataField field, ParquetRowGroupReader reader)
        {
            using var data = await reader.ReadRawColumnDataBaseAsync(field);
            if (data is not RawColumnData<ReadOnlyMemory<byte>> { Values: { Length: 1 } values })
            {
                throw new InvalidDataException("a group holds more than one value a column");
            }

            _columns[column].Read(values[0].Span, Rows);
        }

        protected override ReadOnlySpan<char> Value(int column) => _columns[column][Row];
    }

    /// <summary>Columns of strings, as earlier versions wrote them.</summary>
    private sealed class Strings(string path, Stream stream, ParquetReader parquet) : StoredRows(path, stream, parquet)
    {
        private readonly string?[][] _values = new string?[parquet.Schema.GetDataFields().Length][];

        protected override int RowsOf(int group, ParquetRowGroupReader reader) => checked((int)reader.RowCount);

        protected override async Task LoadAsync(int column, DataField field, ParquetRowGroupReader reader)
        {
            _values[column] = new string?[Rows];
            await reader.ReadAsync(field, _values[column].AsMemory()!);
        }

        protected override ReadOnlySpan<char> Value(int column) => _values[column][Row];
    }
}
