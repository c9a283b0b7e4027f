using System.Text;
using Sylvan.Data.Csv;

namespace PsiMessaging.Data.Records;

/// <summary>
/// CSV (RFC 4180) as programs write it: any delimiter, quotes, CRLF or LF, a strict decoder; Excel's <c>sep=</c> line, delimiters at line ends, R's row names,
/// notes after the last row. Knows its line number.
/// </summary>
internal sealed class CsvRecordReader : IRecordReader
{
    private readonly string _path;
    private readonly TextInput _text;
    private readonly CsvDataReader _csv;
    private readonly ReadingReport _report;
    private readonly List<string> _notes;
    private readonly int[] _indices;
    private readonly int _fields;
    private readonly string _hint;
    private readonly char _delimiter;
    private readonly Blanks _blanks;
    private long _nextLine;
    private long _row;
    private int _offset;
    private bool _blankSeen, _surplusSeen;
    private int _foot;
    private string? _footFault;

    private CsvRecordReader(string path, TextInput text, CsvDataReader csv, ColumnChoice choice,
        ReadingReport report, char delimiter, int fields, string hint, long nextLine)
    {
        (_path, _text, _csv, _report, _notes, _indices, _fields, _hint, _nextLine) = (path,
            text, csv, report, choice.Notes, choice.Indices, fields, hint, nextLine);
        _delimiter = delimiter;
        _blanks = new Blanks(report.Missing);
        Columns = choice.Names;
    }

    public IReadOnlyList<string> Columns { get; }

    public ReadingReport Report => _report with { Notes = [.. _notes] };

    public static CsvRecordReader Open(InputStream input, RecordReaderOptions options)
    {
        var path = input.Path;
        var line = 1 + options.Skip;
        TextInput? text = null;
        var hasBlanks = false;
        try
        {
            text = TextInput.Open(input, options.Encoding);
            text.Begin();
            for (var i = 0; i < options.Skip; i++)
            {
                _ = text.TakeLine() ?? throw new InputException($"{path} has only {i} lines, of which --skip {options.Skip} leaves none");
            }

            var declared = TakeDeclaration(text);
            line += declared is null ? 0 : 1;
            text.FillSample();
            var delimiter = options.Delimiter ?? declared ?? DelimiterDetector.Detect(text.Sample, text.IsWhole);
            var later = DelimiterDetector.LineOfLaterHeader(text.Sample, text.IsWhole);
            var hint = later == 0 ? "" : $"; if the header stands on line {line - 1 + later}, say --skip {line - 2 + later}";
            hasBlanks = text.Sample.StartsWith("\"") && text.Sample[..Math.Max(0, text.Sample.IndexOf('\n'))].Contains("\" \"", StringComparison.Ordinal);
            var csv = CsvDataReader.Create(text, new CsvDataReaderOptions
            {
                Delimiter = delimiter,
                HasHeaders = false,

                // There are no comments, and no text gets here that holds this.
                Comment = '\uFFFF',
                CommentHandler = null,
                BufferSize = 1 << 16,
                MaxBufferSize = 1 << 24,
                CsvStyle = CsvStyle.Standard,
            });
            if (!csv.Read())
            {
                throw new InputException($"{path} is empty; it needs a header line and rows");
            }

            var header = new string[csv.RowFieldCount];
            for (var i = 0; i < header.Length; i++)
            {
                header[i] = csv.GetString(i);
            }

            var headerLines = Math.Max(1, Lines(csv.GetRawRecordSpan()));
            var choice = ColumnChoice.Make(path, header, options, hint: hint);
            var report = new ReadingReport("CSV" + input.Compression, Show(delimiter), text.EncodingName,
                options.Decimal?.ToString(), options.Thousands?.ToString(), options.Skip, options.Missing, []);
            return new CsvRecordReader(path, text, csv, choice, report, delimiter, header.Length, hint, line + headerLines);
        }
        catch (DecoderFallbackException exception)
        {
            throw WrongEncoding(path, line, text?.EncodingName ?? options.Encoding ?? "utf-8", exception);
        }
        catch (CsvRecordTooLargeException exception)
        {
            throw new InputException($"{path}, line {line}: the header is longer than 16 million characters; is this a CSV file?", exception);
        }
        catch (CsvFormatException exception)
        {
            throw new InputException(
                $"{path}, line {line}: the header is not valid CSV: a quoted name is not closed or is followed by stray "
                    + $"text{(hasBlanks ? "; if a blank stands between the columns, say --delimiter blank" : "")}", exception);
        }
    }

    /// <summary>A delimiter in words.</summary>
    internal static string Show(char delimiter) => delimiter switch
    {
        '\t' => "tab",
        ' ' => "blank",
        < ' ' => $"\\x{(int)delimiter:X2}",
        _ => delimiter.ToString(),
    };

    /// <summary>Excel's first line <c>sep=;</c>, which is no header.</summary>
    private static char? TakeDeclaration(TextInput text)
    {
        var sample = text.Sample;
        var quoted = sample.StartsWith("\"");
        var rest = quoted ? sample[1..] : sample;
        if (!rest.StartsWith("sep=", StringComparison.OrdinalIgnoreCase) || rest.Length < 6 || rest[4] is '\r' or '\n' or '"')
        {
            return null;
        }

        var delimiter = rest[4];
        var end = quoted ? rest[5..].TrimStart('"') : rest[5..];
        if (end.IsEmpty || end[0] is not ('\r' or '\n'))
        {
            return null;
        }

        text.TakeLine();
        return delimiter;
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
                var fields = _csv.RowFieldCount - _offset;
                var surplus = fields == _fields + 1 && IsSurplus(fields - 1 + _offset);
                if (fields == _fields || surplus)
                {
                    if (_footFault is not null)
                    {
                        throw new InputException(_footFault);
                    }

                    if (surplus && !_surplusSeen)
                    {
                        if (_row == 0 && IsRowName())
                        {
                            throw new InputException(
                                $"{_path}, line {line}: one field more than the header has, and either the first is a row name (R) or the last is none; write "
                                    + "the file with row.names = FALSE, or without delimiters at line ends");
                        }

                        _notes.Add("rows end in a delimiter more than the header");
                        _surplusSeen = true;
                    }

                    _row++;
                    _blankSeen = false;
                    return true;
                }

                if (fields <= 1 && _fields > 1 && _csv.GetFieldSpan(0).IsEmpty)
                {
                    // A blank line: harmless at the end, and no row anywhere.
                    _blankSeen = true;
                    continue;
                }

                if (_row == 0 && _offset == 0 && fields == _fields + 1 && IsRowName())
                {
                    _offset = 1;
                    _row++;
                    _notes.Add("rows begin with R's row names, which are left out");
                    return true;
                }

                var fault = $"{_path}, line {line}: {_csv.RowFieldCount} fields where the header has {_fields + _offset}" + Advice(fields, line);
                if (!_blankSeen || _row == 0)
                {
                    throw new InputException(fault);
                }

                // After the last row and a blank line: a note on the source. If a row follows after all, the line was a damaged one.
                _footFault ??= fault;
                _foot++;
            }

            if (_foot > 0)
            {
                _notes.Add($"{(_foot == 1 ? "a line" : $"{_foot:N0} lines")} after an empty line at the end left out");
                _foot = 0;
            }

            return false;
        }
        catch (DecoderFallbackException exception)
        {
            throw WrongEncoding(_path, line, _text.EncodingName, exception);
        }
        catch (CsvRecordTooLargeException exception)
        {
            throw new InputException($"{_path}, line {line}: the row is longer than 16 million characters; is a quote left open?", exception);
        }
        catch (CsvFormatException exception)
        {
            throw new InputException(
                $"{_path}, line {line}: a quoted field is not closed or is followed by stray text; a quote inside quotes must be "
                    + "doubled (Spark: option escape)", exception);
        }
    }

    /// <summary>Whether a field is empty and comes of a delimiter at the line's end.</summary>
    private bool IsSurplus(int field) => _csv.GetFieldSpan(field).IsEmpty && _csv.GetRawRecordSpan().TrimEnd("\r\n") is { Length: > 0 } raw && raw[^1] != '"';

    /// <summary>Whether the first row begins as R writes it: the number of the row, in quotes, under no name.</summary>
    private bool IsRowName() => _csv.GetRawRecordSpan().TrimStart("\r\n").StartsWith("\"1\"");

    private string Advice(int fields, long line) =>
        _hint.Length > 0 ? _hint
        : _row == 0 && fields == _fields + 1 ? "; if the first field of the rows is a row name (R), write the file with row.names = FALSE"
        : _row > 0 && fields == 1 ? "; if this is a note after the last row, put an empty line before it or delete it"
        : fields == 1 || _fields == 1 ? "; check the delimiter"
        : fields > _fields ? "; a value that holds the delimiter must stand in quotes" : "";

    public ReadOnlySpan<char> GetSpan(int column)
    {
        var value = _csv.GetFieldSpan(_indices[column] + _offset);
        return !value.IsEmpty && value[0] <= ' ' && value.TrimStart() is ['"', ..] && IsQuotedBehindBlanks(value)
            ? throw new InputException(
                $"{_path}, before line {_nextLine}: a blank stands before an opening quote in the column {Columns[column]}; write the file without blanks "
                    + "between delimiter and quote")
            : _blanks.Clear(value);
    }

    /// <summary>Whether a field is as it is because its quote was not taken for one. Readers differ about what that means.</summary>
    private bool IsQuotedBehindBlanks(ReadOnlySpan<char> value)
    {
        for (var raw = _csv.GetRawRecordSpan(); raw.IndexOf(value) is var at and >= 0; raw = raw[(at + 1)..])
        {
            if (at == 0 || raw[at - 1] == _delimiter)
            {
                return true;
            }
        }

        return false;
    }

    public string? GetText(int column) => GetSpan(column).ToString();

    private static InputException WrongEncoding(string path, long line, string encoding, Exception inner) =>
        new($"{path}, at or after line {line}: the text is not valid {encoding}; name its encoding with --encoding, for example --encoding windows-1252 "
            + "(Western Europe) or iso-8859-1", inner);

    private static int Lines(ReadOnlySpan<char> raw) => raw.Count('\n');

    public void Dispose() => _csv.Dispose();
}
