using Parquet;
using Parquet.Schema;
using PsiMessaging.Data.Records;

namespace PsiMessaging.Data.Datasets;

/// <summary>Reads what <see cref="DatasetFile"/> wrote: columns of text, a row group at a time.</summary>
internal sealed class StoredRows : IRecordReader
{
    private readonly string _path;
    private readonly Stream _stream;
    private readonly ParquetReader _parquet;
    private readonly DataField[] _fields;
    private readonly string?[][] _values;
    private int _group;
    private int _row = -1;
    private int _rows;

    private StoredRows(string path, Stream stream, ParquetReader parquet, DataField[] fields)
    {
        (_path, _stream, _parquet, _fields, _values) = (path, stream, parquet, fields, new string?[fields.Length][]);
        Columns = Array.ConvertAll(fields, field => field.Name);
    }

    public IReadOnlyList<string> Columns { get; }

    public ReadingReport Report { get; } = new("dataset", null, null, null, null, 0, [], []);

    /// <exception cref="InputException">The file is damaged.</exception>
    public static StoredRows Open(string path)
    {
        var stream = File.OpenRead(path);
        try
        {
            var parquet = ParquetReader.CreateAsync(stream, leaveStreamOpen: true).GetAwaiter().GetResult();
            return new StoredRows(path, stream, parquet, parquet.Schema.GetDataFields());
        }
        catch (Exception exception)
        {
            stream.Dispose();
            throw Damaged(path, exception);
        }
    }

    public bool Read()
    {
        while (++_row >= _rows)
        {
            if (_group == _parquet.RowGroupCount)
            {
                return false;
            }

            try
            {
                LoadGroup(_group++).GetAwaiter().GetResult();
            }
            catch (Exception exception)
            {
                throw Damaged(_path, exception);
            }

            _row = -1;
        }

        return true;
    }

    public ReadOnlySpan<char> GetSpan(int column) => _values[column][_row];

    public string? GetText(int column) => _values[column][_row];

    private async Task LoadGroup(int group)
    {
        using var reader = _parquet.OpenRowGroupReader(group);
        _rows = checked((int)reader.RowCount);
        for (var i = 0; i < _fields.Length; i++)
        {
            _values[i] = new string?[_rows];
            await reader.ReadAsync(_fields[i], _values[i].AsMemory()!);
        }
    }

    private static InputException Damaged(string path, Exception inner) => new($"{path} is damaged or cut off; remove the dataset and add it again", inner);

    public void Dispose()
    {
        _parquet.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _stream.Dispose();
    }
}
