using System.Globalization;
using Parquet;
using Parquet.Schema;

namespace PsiMessaging.Data.Records;

/// <summary>Flat Parquet files, a row group at a time. Values become text the way a person would write them: ISO dates, plain numbers, true and false.</summary>
internal sealed class ParquetRecordReader : IRecordReader
{
    private readonly string _path;
    private readonly Stream _stream;
    private readonly ParquetReader _parquet;
    private readonly DataField[] _fields;
    private string?[][] _values = [];
    private int _group;
    private int _row = -1;
    private int _rows;

    private ParquetRecordReader(string path, Stream stream, ParquetReader parquet, DataField[] fields)
    {
        _path = path;
        _stream = stream;
        _parquet = parquet;
        _fields = fields;
        Columns = Array.ConvertAll(fields, field => field.Name);
    }

    public IReadOnlyList<string> Columns { get; }

    public static ParquetRecordReader Open(string path)
    {
        var stream = File.OpenRead(path);
        try
        {
            var parquet = ParquetReader.CreateAsync(stream, leaveStreamOpen: true).GetAwaiter().GetResult();
            var fields = parquet.Schema.GetDataFields();
            if (fields.FirstOrDefault(field => field.IsArray || field.MaxRepetitionLevel > 0 || field.Path.Length > 1) is { } nested)
            {
                throw new InputException($"{path}: the column {nested.Path} is nested; only flat columns can be used");
            }

            RecordReader.CheckColumns(path, Array.ConvertAll(fields, field => field.Name));
            return new ParquetRecordReader(path, stream, parquet, fields);
        }
        catch (InputException)
        {
            stream.Dispose();
            throw;
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
            catch (Exception exception) when (exception is not InputException)
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
        var values = new string?[_fields.Length][];
        for (var i = 0; i < _fields.Length; i++)
        {
            values[i] = await ReadColumn(reader, _fields[i]);
        }

        _values = values;
    }

    private async Task<string?[]> ReadColumn(ParquetRowGroupReader reader, DataField field)
    {
        if (field.ClrType == typeof(string) || field.ClrType == typeof(ReadOnlyMemory<char>))
        {
            var texts = new string?[_rows];
            await reader.ReadAsync(field, texts.AsMemory()!);
            return texts;
        }

        return field.ClrType switch
        {
            var type when type == typeof(int) => await Read<int>(reader, field, value => value.ToString(CultureInfo.InvariantCulture)),
            var type when type == typeof(long) => await Read<long>(reader, field, value => value.ToString(CultureInfo.InvariantCulture)),
            var type when type == typeof(short) => await Read<short>(reader, field, value => value.ToString(CultureInfo.InvariantCulture)),
            var type when type == typeof(sbyte) => await Read<sbyte>(reader, field, value => value.ToString(CultureInfo.InvariantCulture)),
            var type when type == typeof(byte) => await Read<byte>(reader, field, value => value.ToString(CultureInfo.InvariantCulture)),
            var type when type == typeof(ushort) => await Read<ushort>(reader, field, value => value.ToString(CultureInfo.InvariantCulture)),
            var type when type == typeof(uint) => await Read<uint>(reader, field, value => value.ToString(CultureInfo.InvariantCulture)),
            var type when type == typeof(ulong) => await Read<ulong>(reader, field, value => value.ToString(CultureInfo.InvariantCulture)),
            var type when type == typeof(bool) => await Read<bool>(reader, field, value => value ? "true" : "false"),
            var type when type == typeof(double) => await Read<double>(reader, field, value => value.ToString("R", CultureInfo.InvariantCulture)),
            var type when type == typeof(float) => await Read<float>(reader, field, value => value.ToString("R", CultureInfo.InvariantCulture)),
            var type when type == typeof(decimal) => await Read<decimal>(reader, field, value => value.ToString(CultureInfo.InvariantCulture)),
            var type when type == typeof(DateOnly) => await Read<DateOnly>(reader, field, value => value.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
            var type when type == typeof(DateTime) => await Read<DateTime>(reader, field, value =>
                value.ToString(value.TimeOfDay == TimeSpan.Zero ? "yyyy-MM-dd" : "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture)),
            var type => throw new InputException($"{_path}: the column {field.Name} has the type {type.Name}, which cannot be used; store it as text, a number or a date"),
        };
    }

    private async Task<string?[]> Read<T>(ParquetRowGroupReader reader, DataField field, Func<T, string> format)
        where T : struct
    {
        if (field.IsNullable)
        {
            var values = new T?[_rows];
            await reader.ReadAsync(field, values.AsMemory());
            return Array.ConvertAll(values, value => value is { } present ? format(present) : null);
        }
        else
        {
            var values = new T[_rows];
            await reader.ReadAsync(field, values.AsMemory());
            return Array.ConvertAll(values, value => (string?)format(value));
        }
    }

    private static InputException Damaged(string path, Exception inner) => new($"{path} is not a readable Parquet file: it is damaged or cut off", inner);

    public void Dispose()
    {
        _parquet.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _stream.Dispose();
    }
}
