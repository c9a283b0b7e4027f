using System.Data;
using System.Globalization;
using System.Text.RegularExpressions;
using DuckDB.NET.Data;
using PsiMessaging.Files;

namespace PsiMessaging.Data.Records;

/// <summary>
/// People's Parquet files, read as a stream by DuckDB in bounded memory, whatever size their row groups have. Values become text the way a person would write
/// them: ISO dates, plain numbers, true and false. Only the columns that are taken are touched.
/// </summary>
internal sealed partial class ParquetRecordReader : IRecordReader
{
    private readonly InputStream _input;
    private readonly DuckDBConnection _connection;
    private readonly DuckDBCommand _command;
    private readonly string _select;
    private DuckDBDataReader _rows;
    private int _memoryMiB = LeastMemoryMiB;
    private long _row;
    private readonly Kind[] _kinds;

    // Values of the row in hand: texts as they come, numbers written into a buffer of their own.
    private readonly string?[] _texts;
    private readonly char[][] _numbers;
    private readonly int[] _lengths;
    private readonly Blanks _blanks;
    private readonly ReadingReport _report;

    private const int LongestNumber = 40;

    // Enough for any file with pages of an ordinary size, which is all that DuckDB holds of each column.
    private const int LeastMemoryMiB = 256;

    private enum Kind
    {
        Text,
        Whole,
        Double,

        // As DuckDB writes it: its shortest form of a single has the value's own digits, .NET's rounds away some of them.
        Single,
        Moment,
    }

    private ParquetRecordReader(InputStream input, DuckDBConnection connection, DuckDBCommand command, ColumnChoice choice, Kind[] kinds, ReadingReport report)
    {
        (_input, _connection, _command, _kinds, _report) = (input, connection, command, kinds, report);
        _select = command.CommandText;
        _rows = Execute();
        (_texts, _lengths, _numbers) = (new string?[kinds.Length], new int[kinds.Length], Array.ConvertAll(kinds, _ => new char[LongestNumber]));
        _blanks = new Blanks(report.Missing);
        Columns = choice.Names;
    }

    public IReadOnlyList<string> Columns { get; }

    public ReadingReport Report => _report;

    public static ParquetRecordReader Open(InputStream input, RecordReaderOptions options)
    {
        var path = input.Path;
        var file = $"read_parquet({DuckText.Literal(DuckText.Path(Path.GetFullPath(path)))}, hive_partitioning = false)";
        var connection = new DuckDBConnection("DataSource=:memory:");
        DuckDBCommand? command = null;
        var encrypted = false;
        try
        {
            connection.Open();
            command = connection.CreateCommand();

            // One thread keeps the rows in their order. Nothing is cached: a file is read once.
            command.CommandText =
                $"SET memory_limit='{LeastMemoryMiB}MiB'; SET threads=1; SET temp_directory=''; SET enable_external_file_cache=false; SET "
                    + "enable_geoparquet_conversion=false; SET TimeZone='UTC'; SET autoload_known_extensions=false; SET autoinstall_known_extensions=false;";
            command.ExecuteNonQuery();
            (var binaryIsText, encrypted) = Origin(command, path);
            var names = Names(command, path);
            var types = Types(command, file);
            if (names.Count != types.Count)
            {
                throw new InputException($"{path} cannot be read: its columns are not as its schema says");
            }

            string? Fault(int i) =>
                Unusable(types[i].Type, binaryIsText
                    || (options.Columns ?? []).Concat(options.Needed).Select(RecordReader.NormalizeName).Contains(RecordReader.NormalizeName(names[i])));
            var choice = ColumnChoice.Make(path, names, options, Fault);
            var (expressions, kinds) = (new List<string>(), new List<Kind>());
            foreach (var i in choice.Indices)
            {
                var (expression, kind) = Select(DuckText.Name(types[i].Name), types[i].Type);
                expressions.Add(expression);
                kinds.Add(kind);
            }

            command.CommandText = $"SELECT {string.Join(", ", expressions)} FROM {file}";
            command.UseStreamingMode = true;
            return new ParquetRecordReader(input, connection, command, choice, [.. kinds],
                new ReadingReport("Parquet", null, null, options.Decimal?.ToString(),
                    options.Thousands?.ToString(), 0, options.Missing, choice.Notes)) { IsEncrypted = encrypted };
        }
        catch (Exception exception)
        {
            command?.Dispose();
            connection.Dispose();
            throw exception is DuckDBException or InvalidOperationException ? Fault(path, exception, encrypted) : exception;
        }
    }

    /// <summary>Whether single columns are encrypted, behind a footer that is not.</summary>
    private bool IsEncrypted { get; init; }

    /// <summary>Whether binary columns are text (Impala does not say of its strings that they are), and whether columns are encrypted.</summary>
    private static (bool BinaryIsText, bool Encrypted) Origin(DuckDBCommand command, string path)
    {
        command.CommandText =
            "SELECT coalesce(any_value(created_by), ''), coalesce(any_value(encryption_algorithm), '') FROM "
                + $"parquet_file_metadata({DuckText.Literal(DuckText.Path(Path.GetFullPath(path)))})";
        try
        {
            using var reader = command.ExecuteReader();
            return reader.Read() ? (reader.GetString(0).Contains("impala", StringComparison.OrdinalIgnoreCase),
                reader.GetString(1).Length > 0) : (false, false);
        }
        catch (DuckDBException exception) when (exception.Message.Contains("Invalid unicode", StringComparison.Ordinal))
        {
            // The signature of such a footer is no text.
            return (false, true);
        }
    }

    /// <summary>The names of the outermost columns as they stand in the file: DuckDB renames those that differ in case only.</summary>
    private static List<string> Names(DuckDBCommand command, string path)
    {
        var literal = DuckText.Literal(DuckText.Path(Path.GetFullPath(path)));
        command.CommandText = $"SELECT name, coalesce(num_children, 0) FROM parquet_schema({literal})";
        using var reader = command.ExecuteReader();
        var names = new List<string>();

        // A tree, parents before children: what stands one step below the root is a column.
        var open = new Stack<long>();
        while (reader.Read())
        {
            while (open.TryPeek(out var left) && left == 0)
            {
                open.Pop();
            }

            if (open.TryPop(out var rest))
            {
                open.Push(rest - 1);
            }

            if (open.Count == 1)
            {
                names.Add(reader.GetString(0));
            }

            open.Push(Convert.ToInt64(reader.GetValue(1), CultureInfo.InvariantCulture));
        }

        return names;
    }

    private static List<(string Name, string Type)> Types(DuckDBCommand command, string file)
    {
        command.CommandText = $"DESCRIBE SELECT * FROM {file}";
        using var reader = command.ExecuteReader();
        var types = new List<(string, string)>();
        while (reader.Read())
        {
            types.Add((reader.GetString(0), reader.GetString(1)));
        }

        return types;
    }

    private static string? Unusable(string type, bool binaryIsText) => type switch
    {
        _ when type.EndsWith(']') || type.StartsWith("STRUCT", StringComparison.Ordinal)
            || type.StartsWith("MAP", StringComparison.Ordinal) || type.StartsWith("UNION", StringComparison.Ordinal) => "is nested",
        "BLOB" => binaryIsText ? null : "is binary (if it holds text, name it in --columns)",
        "INTERVAL" => "is an interval",
        "VARIANT" or "BIT" or "NULL" or "\"NULL\"" => $"has the type {type}",
        _ when type.StartsWith("GEOMETRY", StringComparison.Ordinal) => "is a geometry",
        _ => null,
    };

    private static (string Expression, Kind Kind) Select(string name, string type) => type switch
    {
        "VARCHAR" => (name, Kind.Text),
        "TINYINT" or "SMALLINT" or "INTEGER" or "UTINYINT" or "USMALLINT" or "UINTEGER" => ($"CAST({name} AS BIGINT)", Kind.Whole),
        "BIGINT" => (name, Kind.Whole),
        "DOUBLE" => (name, Kind.Double),
        "FLOAT" => ($"CAST({name} AS VARCHAR)", Kind.Single),
        "BLOB" => ($"decode({name})", Kind.Text),
        _ when type.StartsWith("TIME", StringComparison.Ordinal) => ($"CAST({name} AS VARCHAR)", Kind.Moment),
        _ => ($"CAST({name} AS VARCHAR)", Kind.Text),
    };

    public bool Read()
    {
        try
        {
            if (!Next())
            {
                return false;
            }

            _row++;

            for (var i = 0; i < _kinds.Length; i++)
            {
                _texts[i] = null;
                _lengths[i] = -1;
                if (_rows.IsDBNull(i))
                {
                    continue;
                }

                switch (_kinds[i])
                {
                    case Kind.Whole:
                        _rows.GetInt64(i).TryFormat(_numbers[i], out _lengths[i], default, CultureInfo.InvariantCulture);
                        break;
                    case Kind.Double:
                        _rows.GetDouble(i).TryFormat(_numbers[i], out _lengths[i], "R", CultureInfo.InvariantCulture);
                        break;
                    case Kind.Single:
                        _texts[i] = Single(_rows.GetString(i));
                        break;
                    case Kind.Moment:
                        _texts[i] = Moment(_rows.GetString(i));
                        break;
                    default:
                        _texts[i] = _rows.GetString(i);
                        break;
                }
            }

            return true;
        }
        catch (Exception exception) when (exception is DuckDBException or InvalidOperationException or InvalidCastException)
        {
            throw Fault(_input.Path, exception, IsEncrypted);
        }
    }

    /// <summary>The next row.</summary>
    private bool Next()
    {
        while (true)
        {
            try
            {
                return _rows.Read();
            }
            catch (Exception exception) when (MayGrow(exception))
            {
                _rows.Dispose();
                Grow();
                _rows = Execute();
            }
        }
    }

    private DuckDBDataReader Execute()
    {
        while (true)
        {
            try
            {
                _command.CommandText = _row == 0 ? _select : $"{_select} OFFSET {_row}";
                return _command.ExecuteReader();
            }
            catch (Exception exception) when (MayGrow(exception))
            {
                Grow();
            }
        }
    }

    /// <summary>Where pages of this file are larger than the memory allows, it is doubled, up to half of what the machine has.</summary>
    private bool MayGrow(Exception exception) =>
        exception.Message.Contains("Out of Memory", StringComparison.OrdinalIgnoreCase)
            && 2L * _memoryMiB <= GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 21;

    private void Grow()
    {
        _memoryMiB *= 2;
        using var settings = _connection.CreateCommand();
        settings.CommandText = $"SET memory_limit='{_memoryMiB}MiB'";
        settings.ExecuteNonQuery();
    }

    private static string Single(string text) => text switch
    {
        "nan" or "-nan" => "NaN",
        "inf" => "Infinity",
        "-inf" => "-Infinity",
        _ => text.EndsWith(".0", StringComparison.Ordinal) ? text[..^2] : text,
    };

    /// <summary>
    /// A time of day or a point in time, in UTC where it has a zone: <c>10:20:30.5</c>, <c>2026-01-31T10:20:30</c>, and <c>2026-01-31</c> at midnight.
    /// </summary>
    private static string Moment(string text)
    {
        text = text.EndsWith("+00", StringComparison.Ordinal) ? text[..^3] : text;
        return text.EndsWith(" 00:00:00", StringComparison.Ordinal) ? text[..^9] : text.Replace(' ', 'T');
    }

    public ReadOnlySpan<char> GetSpan(int column) =>
        _texts[column] is { } text ? _blanks.Clear(text) : _lengths[column] < 0 ? default : _blanks.Clear(_numbers[column].AsSpan(0, _lengths[column]));

    public string? GetText(int column) => _texts[column] is null && _lengths[column] < 0 ? null : GetSpan(column).ToString();

    /// <summary>The cause in our words, or DuckDB's, without what stands in the file.</summary>
    private static InputException Fault(string path, Exception exception, bool encrypted)
    {
        var message = exception.Message;
        bool Says(params string[] words) => words.Any(word => message.Contains(word, StringComparison.OrdinalIgnoreCase));
        return new InputException(message switch
        {
            _ when Says("compression codec") =>
                $"{path} is a Parquet file with a compression that is not read ({Codec().Match(message).Groups["codec"].Value}); write it with snappy or zstd",
            _ when encrypted || Says("encrypt") => $"{path} is an encrypted Parquet file; write it without encryption, or decrypt it first",
            _ when Says("magic bytes", "too small to be a Parquet", "footer length", "TProtocolException", "end of file", "corrupt", "decompress",
                "Snappy", "out of buffer", "invalid thrift", "Invalid unicode") => $"{path} is not a readable Parquet file: it is damaged or cut off",
            _ when Says("not valid UTF8", "not valid UTF-8", "Invalid string encoding", "UTF8 string") =>
                $"{path} holds text that is not UTF-8 in a column; leave the column out with --columns, or write it anew",
            _ when Says("Out of Memory") => $"{path} has pages that do not fit half of this machine's memory; write it with smaller row groups or pages",
            _ => $"{path} cannot be read: {FirstLineOf(message.Replace(Path.GetFullPath(path), "it", StringComparison.Ordinal))}; if that is one column, "
                + "take the others with --columns",
        }, exception);
    }

    /// <summary>What the reader says, without the values it quotes.</summary>
    private static string FirstLineOf(string message) => PrintableText.Of(Values().Replace(Prefix().Replace(Lines().Split(message)[0], ""), "…"));

    [GeneratedRegex("'[^']*'|\"[^\"]*\"", RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Values();

    [GeneratedRegex("codec \"(?<codec>[A-Za-z0-9_]{1,20})\"", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Codec();

    [GeneratedRegex("^([A-Z][A-Za-z ]{0,40}: )+", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Prefix();

    [GeneratedRegex("[\r\n]", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Lines();

    public void Dispose()
    {
        _rows.Dispose();
        _command.Dispose();
        _connection.Dispose();
        _input.Dispose();
    }
}
