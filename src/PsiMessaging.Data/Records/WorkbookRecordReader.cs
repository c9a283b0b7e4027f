using System.Globalization;
using System.IO.Compression;
using System.Text;
using ExcelDataReader;
using ExcelDataReader.Exceptions;

namespace PsiMessaging.Data.Records;

/// <summary>
/// The first sheet of an Excel workbook (.xlsx, .xls): its first line is the header. Values become
/// text as in Parquet: ISO dates, plain numbers, true and false.
/// </summary>
internal sealed class WorkbookRecordReader : IRecordReader
{
    private const long MostBytes = 4L << 30;
    private const long MostSharedTextBytes = 128L << 20;
    private const int MostTextBytes = 1 << 20;
    private readonly InputStream _input;
    private readonly IExcelDataReader _sheet;
    private readonly ColumnChoice _choice;
    private readonly string?[] _values;
    private readonly Blanks _blanks;
    private readonly int _width;
    private int _line;

    private WorkbookRecordReader(InputStream input, IExcelDataReader sheet, ColumnChoice choice, ReadingReport report, int width, int line)
    {
        (_input, _sheet, _choice, Report, _width, _line, _values) = (input, sheet, choice, report, width, line, new string?[choice.Names.Length]);
        _blanks = new Blanks(report.Missing);
    }

    public IReadOnlyList<string> Columns => _choice.Names;

    public ReadingReport Report { get; }

    public static WorkbookRecordReader Open(InputStream input, RecordReaderOptions options)
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        IExcelDataReader? sheet = null;
        try
        {
            CheckSize(input);
            sheet = ExcelReaderFactory.CreateReader(input.Stream, new ExcelReaderConfiguration { LeaveOpen = true });
            if (string.IsNullOrEmpty(sheet.Name))
            {
                throw new InputException($"{input.Path} is a workbook without sheets, or damaged; save the sheet as CSV");
            }

            var line = 0;
            string[] header = [];
            while (line <= options.Skip || header.All(name => name.Length == 0))
            {
                if (!sheet.Read())
                {
                    throw new InputException(
                        $"{input.Path}: its first sheet {sheet.Name} is empty{(options.Skip > 0 ? $" after {options.Skip} lines" : "")}; it needs a header "
                            + "line and rows");
                }

                line++;
                header = [.. Enumerable.Range(0, sheet.FieldCount).Select(i => Text(sheet, i) ?? "")];
            }

            // Cells that were once used make a sheet wider than its table.
            var width = Array.FindLastIndex(header, name => name.Length > 0) + 1;
            var choice = ColumnChoice.Make(input.Path, header[..width], options);
            choice.Notes.Insert(0, sheet.ResultsCount == 1 ? $"sheet {sheet.Name}" : $"the first of {sheet.ResultsCount} sheets, {sheet.Name}");
            return new WorkbookRecordReader(input, sheet, choice,
                new ReadingReport("Excel workbook", null, null, options.Decimal?.ToString(),
                    options.Thousands?.ToString(), options.Skip, options.Missing, choice.Notes), width, line);
        }
        catch (Exception exception) when (exception is not InputException)
        {
            sheet?.Dispose();
            throw Fault(input.Path, exception);
        }
    }

    /// <summary>What is packed in a workbook must fit, before anything is taken from it: a few bytes can unpack to any number.</summary>
    private static void CheckSize(InputStream input)
    {
        if (!input.Head.AsSpan().StartsWith("PK"u8))
        {
            return;
        }

        using (var archive = new ZipArchive(input.Stream, ZipArchiveMode.Read, leaveOpen: true))
        {
            var (total, buffer) = (0L, new byte[1 << 16]);
            foreach (var entry in archive.Entries)
            {
                var (size, run) = (0L, 0L);
                using var content = entry.Open();
                for (int read; (read = content.Read(buffer)) > 0;)
                {
                    size += read;
                    total += read;

                    // Between two marks of XML stands one text, which is held whole; a cell has 32,767 characters at most.
                    var first = buffer.AsSpan(0, read).IndexOf((byte)'<');
                    run = first < 0 ? run + read : read - buffer.AsSpan(0, read).LastIndexOf((byte)'<');
                    var isXml = entry.FullName.EndsWith(".xml", StringComparison.OrdinalIgnoreCase);
                    if (total > MostBytes || (isXml && run > MostTextBytes)
                        || (size > MostSharedTextBytes && entry.FullName.EndsWith("sharedStrings.xml", StringComparison.OrdinalIgnoreCase)))
                    {
                        throw new InputException($"{input.Path} unpacks to more than can be read as a workbook; save it as CSV");
                    }
                }
            }
        }

        input.Stream.Position = 0;
    }

    public bool Read()
    {
        try
        {
            while (_sheet.Read())
            {
                _line++;
                var any = false;
                for (var i = 0; i < _values.Length; i++)
                {
                    _values[i] = _choice.Indices[i] < _sheet.FieldCount ? Text(_sheet, _choice.Indices[i]) : null;
                    any |= _values[i] is { Length: > 0 };
                }

                for (var i = _width; i < _sheet.FieldCount; i++)
                {
                    if (Text(_sheet, i) is { Length: > 0 })
                    {
                        throw new InputException(
                            $"{_input.Path}, line {_line}: a value stands in column {i + 1}, and the header has "
                                + $"{_width}{(_line < 10 ? "; if the header stands further down, say --skip N" : "")}");
                    }
                }

                if (any)
                {
                    return true;
                }
            }

            return false;
        }
        catch (Exception exception) when (exception is not InputException)
        {
            throw Fault(_input.Path, exception);
        }
    }

    private static string? Text(IExcelDataReader sheet, int i) => sheet.GetValue(i) switch
    {
        null => null,
        string text => text,
        bool flag => flag ? "true" : "false",
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        TimeSpan time => time.ToString(time.Milliseconds == 0 ? "hh\\:mm\\:ss" : "hh\\:mm\\:ss\\.FFFFFFF", CultureInfo.InvariantCulture),

        // A time of day is a day before the calendar's first.
        DateTime { Year: < 1900 } time => time.ToString("HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture),
        DateTime moment => moment.ToString(moment.TimeOfDay == TimeSpan.Zero ? "yyyy-MM-dd" : "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture),
        var other => Convert.ToString(other, CultureInfo.InvariantCulture),
    };

    public ReadOnlySpan<char> GetSpan(int column) => _blanks.Clear(_values[column]);

    public string? GetText(int column) => _values[column] is null ? null : GetSpan(column).ToString();

    private static InputException Fault(string path, Exception exception) => new(exception is InvalidPasswordException
        ? $"{path} is a workbook with a password; save it without one, or as CSV"
        : $"{path} is not a readable Excel workbook: it is damaged, cut off or of another kind; save the sheet as CSV", exception);

    public void Dispose()
    {
        _sheet.Dispose();
        _input.Dispose();
    }
}
