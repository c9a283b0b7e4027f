using System.Text;
using Sylvan.Data.Csv;

namespace PsiMessaging.Data.Records;

/// <summary>CSV (RFC 4180): any of four delimiters, quotes, BOM, CRLF or LF, a strict decoder. Knows its line number.</summary>
internal sealed class CsvRecordReader : IRecordReader
{
    private readonly string _path;
    private readonly string _encodingName;
    private readonly CsvDataReader _csv;
    private readonly bool _singleColumn;
    private long _nextLine;
    private bool _blankSeen;

    private CsvRecordReader(string path, string encodingName, CsvDataReader csv, IReadOnlyList<string> columns, int headerLines)
    {
        _path = path;
        _encodingName = encodingName;
        _csv = csv;
        Columns = columns;
        _singleColumn = columns.Count == 1;
        _nextLine = headerLines + 1;
    }

    public IReadOnlyList<string> Columns { get; }

    public static CsvRecordReader Open(string path, RecordReaderOptions options)
    {
        var encoding = ResolveEncoding(options.Encoding);
        try
        {
            var delimiter = options.Delimiter ?? DelimiterDetector.Detect(path, encoding);
            var text = new StreamReader(path, encoding, detectEncodingFromByteOrderMarks: true, bufferSize: 1 << 16);
            var csv = CsvDataReader.Create(text, new CsvDataReaderOptions
            {
                Delimiter = delimiter,
                HasHeaders = false,
                Comment = '\0',
                CommentHandler = null,
                BufferSize = 1 << 16,
                MaxBufferSize = 1 << 24,
                CsvStyle = CsvStyle.Standard,
            });
            if (!csv.Read())
            {
                throw new InputException($"{path} is empty; it needs a header line and rows");
            }

            var columns = new string[csv.RowFieldCount];
            for (var i = 0; i < columns.Length; i++)
            {
                columns[i] = csv.GetString(i).Trim().TrimStart('\uFEFF');
            }

            var headerLines = Math.Max(1, Lines(csv.GetRawRecordSpan()));
            RecordReader.CheckColumns(path, columns);
            return new CsvRecordReader(path, encoding.WebName, csv, columns, headerLines);
        }
        catch (DecoderFallbackException exception)
        {
            throw WrongEncoding(path, 1, encoding.WebName, exception);
        }
        catch (CsvFormatException exception)
        {
            throw new InputException($"{path}, line 1: the header is not valid CSV", exception);
        }
    }

    public bool Read()
    {
        var line = _nextLine;
        try
        {
            while (_csv.Read())
            {
                line = _nextLine;
                _nextLine += Math.Max(1, Lines(_csv.GetRawRecordSpan()));
                if (_csv.RowFieldCount == Columns.Count)
                {
                    return true;
                }

                if (_csv.RowFieldCount <= 1 && !_singleColumn && _csv.GetFieldSpan(0).IsEmpty)
                {
                    // A blank line: harmless at the end, and no row anywhere.
                    _blankSeen = true;
                    continue;
                }

                throw new InputException(
                    $"{_path}, line {line}: {_csv.RowFieldCount} fields where the header has {Columns.Count}" +
                    (_blankSeen || _csv.RowFieldCount > 1 ? "" : "; check the delimiter"));
            }

            return false;
        }
        catch (DecoderFallbackException exception)
        {
            throw WrongEncoding(_path, line, _encodingName, exception);
        }
        catch (CsvRecordTooLargeException exception)
        {
            throw new InputException($"{_path}, line {line}: the row is longer than 16 million characters; is a quote left open?", exception);
        }
        catch (CsvFormatException exception)
        {
            throw new InputException($"{_path}, line {line}: a quoted field is not closed or is followed by stray text", exception);
        }
    }

    public ReadOnlySpan<char> GetSpan(int column) => _csv.GetFieldSpan(column);

    public string? GetText(int column) => _csv.GetString(column);

    private static InputException WrongEncoding(string path, long line, string encoding, Exception inner) =>
        new($"{path}, at or after line {line}: the text is not valid {encoding}; name its encoding with --encoding, for example --encoding iso-8859-1", inner);

    private static int Lines(ReadOnlySpan<char> raw) => raw.Count('\n');

    private static Encoding ResolveEncoding(string? name)
    {
        if (name is null)
        {
            return new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
        }

        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        try
        {
            return Encoding.GetEncoding(name, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback);
        }
        catch (ArgumentException exception)
        {
            throw new InputException($"the encoding {name} is not known; try utf-8, iso-8859-1, windows-1252 or utf-16", exception);
        }
    }

    public void Dispose() => _csv.Dispose();
}
