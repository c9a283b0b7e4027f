using System.Globalization;
using System.IO.Compression;
using System.Text;
using DuckDB.NET.Data;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Data.Records;

namespace PsiMessaging.Data.Tests;

/// <summary>
/// Files made from a seed and spoilt in the ways of the field. Two judges: the table that was written, and DuckDB's reader. What only looks odd must come out
/// as it was written; what is really damaged must come out as DuckDB reads it, or be refused with a reason. Never anything else. <c>PSI_DAMAGED_FILES=10000</c>
/// for more than the usual 1,500.
/// </summary>
public sealed class DamagedFilesTests : IDisposable
{
    private static readonly int Files = int.TryParse(Environment.GetEnvironmentVariable("PSI_DAMAGED_FILES"), out var files) ? files : 1500;
    private readonly string _folder = Directory.CreateTempSubdirectory("psi-damaged-").FullName;
    private readonly DuckDBConnection _duck = new("DataSource=:memory:");

    static DamagedFilesTests() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    public DamagedFilesTests()
    {
        _duck.Open();
        Execute("SET threads=1; SET enable_external_file_cache=false; SET parquet_metadata_cache=false");
    }

    private void Execute(string sql)
    {
        using var command = _duck.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>A table and the text it became.</summary>
    private sealed record Written(List<string[]> Table, char Delimiter, byte[] Bytes, RecordReaderOptions Options, bool MustBeRead, string What)
    {
        public string Extension { get; init; } = "csv";
    }

    [Fact]
    public void Csv_SpoiltInAnyWay_IsReadAsItWasWrittenOrRefusedWithAReason()
    {
        var (read, refused, byDuck, faults) = (0, 0, 0, new List<string>());
        for (var seed = 0; seed < Files; seed++)
        {
            var written = Write(new Choices(seed));
            var path = Path.Combine(_folder, $"{seed}.{written.Extension}");
            File.WriteAllBytes(path, written.Bytes);
            List<string[]>? ours = null;
            var reason = "";
            try
            {
                ours = Ours(path, written.Options) is { Count: > 1 } rows ? rows : throw new InputException($"{path} has a header but no rows");
                read++;
            }
            catch (InputException exception)
            {
                reason = exception.Message;
                refused++;
            }

            if (ours is null)
            {
                Check(!written.MustBeRead, $"refused: {reason}");
                Check(reason.StartsWith(path, StringComparison.Ordinal) && reason.Length > path.Length + 10 && !reason.Contains('\n', StringComparison.Ordinal),
                    $"refused without a good reason: {reason}");
            }
            else if (!Same(ours, written.Table))
            {
                // Not what was written: then what was written is not there any more, and another reader must see the same.
                var theirs = written.MustBeRead ? null : Duck(path, written.Delimiter);
                Check(theirs is not null && Same(ours, theirs),
                    $"read otherwise than {(written.MustBeRead ? "written" : "DuckDB reads it")}"
                        + $":\n{Show(ours)}\n---\n{Show(written.MustBeRead ? written.Table : theirs ?? [["refused"]])}");
                byDuck++;
            }

            void Check(bool holds, string otherwise)
            {
                if (!holds)
                {
                    faults.Add($"seed {seed}, {written.What}: {otherwise}");
                }
            }

            File.Delete(path);
        }

        Assert.True(faults.Count == 0, $"{faults.Count} of {Files} files:\n{string.Join("\n\n", faults.Take(10))}");

        // The generator makes both kinds, and the judges both speak.
        Assert.True(read > Files / 3 && refused > Files / 20 && byDuck > Files / 100, $"read {read}, refused {refused}, judged by DuckDB {byDuck}");
    }

    [Fact]
    public void Parquet_OfAnyTypesAndLayout_IsReadAsDuckDbReadsItOrRefusedWithAReason()
    {
        var (whole, refused, faults) = (0, 0, new List<string>());
        for (var seed = 0; seed < Files / 10; seed++)
        {
            var random = new Choices(seed);
            var path = Path.Combine(_folder, $"{seed}.parquet");
            var types = Enumerable.Range(0, random.Next(1, 8)).Select(_ => Types[random.Next(Types.Length)]).ToArray();
            var select = string.Join(", ",
                types.Select((type, i) => $"CASE WHEN hash(i * 31 + {i}) % 7 = 0 THEN NULL ELSE ({type.Expression}) END AS \"c {i}\""));
            Execute($"COPY (SELECT i AS ID, {select} FROM range({random.Next(1, 5000)}) t(i)) TO '{path}' (FORMAT parquet, COMPRESSION "
                + $"{Pick(random, "snappy", "zstd", "gzip", "uncompressed", "lz4_raw", "brotli")}, ROW_GROUP_SIZE {random.Next(1, 4000)}, PARQUET_VERSION "
                + $"{Pick(random, "V1", "V2")})");
            var damaged = random.Next(3) == 0;
            if (damaged)
            {
                var bytes = File.ReadAllBytes(path);
                bytes = random.Next(2) == 0 ? bytes[..random.Next(4, bytes.Length)] : bytes;
                for (var i = random.Next(1, 4); i > 0; i--)
                {
                    bytes[random.Next(4, bytes.Length)] ^= (byte)(1 << random.Next(8));
                }

                File.WriteAllBytes(path, bytes);
            }

            try
            {
                var ours = Ours(path, new RecordReaderOptions());
                var usable = types.Select((type, i) => (type, i)).Where(column => !column.type.LeftOut).ToArray();
                List<string[]>? theirs = null;
                try
                {
                    theirs = Query($"SELECT ID::VARCHAR{string.Concat(usable.Select(column => $", \"c {column.i}\"::VARCHAR"))} FROM read_parquet('{path}')",
                        ["ID", .. usable.Select(column => $"c {column.i}")]);
                }
                catch (DuckDBException)
                {
                    Assert.True(damaged);
                }

                // A flipped bit in a name or type may leave a file that is valid and another table.
                if (!(damaged && theirs is null) && !(theirs is not null && Same(ours, theirs, IsSameValue)))
                {
                    faults.Add($"seed {seed}: {(theirs is null ? "refused by DuckDB" : Differences(ours, theirs))}");
                }

                whole++;
            }
            catch (InputException exception)
            {
                if (!damaged || !exception.Message.StartsWith(path, StringComparison.Ordinal) || exception.Message.Contains('\n', StringComparison.Ordinal))
                {
                    faults.Add($"seed {seed}: {exception.Message}");
                }

                refused++;
            }

            File.Delete(path);
        }

        Assert.True(faults.Count == 0, $"{faults.Count} files:\n{string.Join("\n\n", faults.Take(10))}");
        Assert.True(whole > Files / 30 && refused > Files / 100, $"read {whole}, refused {refused}");
    }

    private static readonly (string Expression, bool LeftOut)[] Types =
    [
        ("(i % 100)::TINYINT", false), ("(i % 30000)::SMALLINT", false), ("(i * 7919)::INTEGER", false),
        ("i * 1234567891011", false), ("i::UBIGINT * 7", false), ("i::HUGEINT * 12345678901", false),
        ("i / 7.0::DOUBLE", false), ("(i / 3.0)::FLOAT", false),
        ("CASE i % 5 WHEN 0 THEN 'NaN'::DOUBLE WHEN 1 THEN 'inf'::DOUBLE ELSE 1e300 / (i + 1) END", false), ("(i * 1.25)::DECIMAL(9,2)", false),
        ("(i * 1.25)::DECIMAL(18,5)", false), ("(i * 1234567.125)::DECIMAL(38,10)", false), ("i % 2 = 0", false),
        ("DATE '1900-01-01' + i::INTEGER", false), ("TIMESTAMP '2020-02-29 23:59:59.5' + INTERVAL (i) HOUR", false),
        ("(TIMESTAMP '2020-02-29 00:00:00' + INTERVAL (i) DAY)::TIMESTAMP_MS", false),
        ("(TIMESTAMP '2020-02-29 00:00:00.123456' + INTERVAL (i) SECOND)::TIMESTAMP_NS", false), ("make_time(i::INTEGER % 24, i::INTEGER % 60, 30.25)", false),
        ("'text ' || (i % 13)", false), ("chr((200 + i % 5000)::INTEGER)", false), ("md5(i::VARCHAR)::UUID", false),
        ("repeat('long ', (i % 300)::INTEGER)", false), ("'x'::BLOB || i::VARCHAR::BLOB", true),
        ("[i, i + 1]", true), ("{'a': i, 'b': 'x'}", true), ("MAP {'k': i}", true), ("INTERVAL (i) DAY", true),
    ];

    /// <summary>
    /// Whether our text of a value is DuckDB's, with a T in points in time, nothing behind a date at midnight, and floating point as .NET writes it.
    /// </summary>
    private static bool IsSameValue(string ours, string theirs)
    {
        if (ours == theirs || ours.Replace('T', ' ') == theirs || ours + " 00:00:00" == theirs)
        {
            return true;
        }

        return theirs switch
        {
            "nan" => ours == "NaN",
            "inf" => ours == "Infinity",
            _ => double.TryParse(ours, NumberStyles.Float, CultureInfo.InvariantCulture, out var one)
                && double.TryParse(theirs, NumberStyles.Float, CultureInfo.InvariantCulture, out var other)
                && (one.Equals(other) || ((float)one).Equals((float)other)) && theirs.AsSpan().IndexOfAny('.', 'e') >= 0
                && (theirs.Contains('e', StringComparison.Ordinal) || theirs.EndsWith(".0", StringComparison.Ordinal)
                    || ours.Contains('E', StringComparison.Ordinal)),
        };
    }

    private static bool Same(List<string[]> ours, List<string[]> theirs, Func<string, string, bool>? same = null)
    {
        static string Blank(string text) => string.IsNullOrWhiteSpace(text) ? "" : text;
        return ours.Count == theirs.Count && ours.Zip(theirs).All(rows => rows.First.Length == rows.Second.Length
            && rows.First.Zip(rows.Second).All(pair => Blank(pair.First) == Blank(pair.Second) || (same is not null && same(pair.First, pair.Second))));
    }

    private static string Differences(List<string[]> ours, List<string[]> theirs) =>
        string.Join('\n', ours.Zip(theirs).Where(rows => !rows.First.SequenceEqual(rows.Second)).SelectMany(rows => rows.First.Zip(rows.Second))
            .Where(pair => !IsSameValue(pair.First, pair.Second)).Take(5).Select(pair => $"{pair.First} and {pair.Second}")
            .Prepend($"{ours.Count} rows and {theirs.Count}"));

    private static string Show(List<string[]> table) => string.Join('\n', table.Take(12).Select(row => string.Join('\u00A6', row)));

    private static List<string[]> Ours(string path, RecordReaderOptions options)
    {
        using var reader = RecordReader.Open(path, options);
        List<string[]> rows = [[.. reader.Columns]];
        while (reader.Read())
        {
            rows.Add([.. Enumerable.Range(0, reader.Columns.Count).Select(i => reader.GetText(i) ?? "")]);
        }

        return rows;
    }

    private List<string[]>? Duck(string path, char delimiter)
    {
        try
        {
            var source = $"read_csv('{path}', delim = '{delimiter}', quote = '\"', escape = '\"', header = true, all_varchar = true, auto_detect = true, skip "
                + "= 0, comment = '', nullstr = '\u2603', sample_size = -1)";
            var names = Query($"SELECT column_name FROM (DESCRIBE SELECT * FROM {source})", ["name"]).Skip(1).Select(row => row[0]).ToArray();
            return Query($"SELECT * FROM {source}", [.. names.Select(RecordReader.NormalizeName)]);
        }
        catch (DuckDBException)
        {
            return null;
        }
    }

    private List<string[]> Query(string sql, string[] names)
    {
        using var command = _duck.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        List<string[]> rows = [names];
        while (reader.Read())
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? "" : reader.GetString(i))]);
        }

        return rows;
    }

    /// <summary>The same choices for the same seed (SplitMix64).</summary>
    private sealed class Choices(int seed)
    {
        private ulong _state = (ulong)seed * 0x9E3779B97F4A7C15;

        public int Next(int below)
        {
            var mixed = _state += 0x9E3779B97F4A7C15;
            mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
            mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
            return (int)((mixed ^ (mixed >> 31)) % (ulong)below);
        }

        public int Next(int least, int below) => least + Next(below - least);
    }

    private static T Pick<T>(Choices random, params T[] values) => values[random.Next(values.Length)];

    private static readonly string[] Words =
        ["", "x", "Roma", "città", "Müller", "O'Neil", "say \"hi\"", "a;b", "a,b", "a|b", "two\nlines", "two\r\nlines",
            "#1", "100234", "00123", "1E2", "12.50", "12,50", "NA", "-", "=1+1", "日本", "👩‍👩‍👧", "\u00A0hard",
            " lead", "trail ", "tab\there", "\"", "\"\"", "e\u0301", "sep=;", "\\N", "'", "a\\", "//x"];

    private static Written Write(Choices random)
    {
        var (columns, rows) = (random.Next(2, 7), random.Next(2, 40));
        var delimiter = Pick(random, ';', ';', ',', ',', '\t', '|');
        List<string[]> table =
            [[.. Enumerable.Range(0, columns).Select(i => i == 0 ? "ID" : Pick(random, $"C{i}", $"Col {i}", $"Età{i}", $"a=b{i}", $"x,{i}", $"say \"{i}\""))]];
        for (var row = 0; row < rows; row++)
        {
            table.Add([.. Enumerable.Range(0, columns).Select(i => i == 0 ? $"k{row}" : Pick(random, Words))]);
        }

        var quoteAll = random.Next(4) == 0;
        string Field(string value) =>
            quoteAll || value.AsSpan().IndexOfAny(delimiter, '"', '\n') >= 0
                || value.Contains('\r', StringComparison.Ordinal) ? $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : value;
        var end = Pick(random, "\n", "\n", "\r\n");
        var lines = table.Select(row => string.Join(delimiter, row.Select(Field))).ToList();
        var encoding = (Encoding)new UTF8Encoding(false);
        var options = new RecordReaderOptions { Needed = ["ID"] };
        var (mustBeRead, what) = (true, "as it is");
        var (head, tail, lastEnd) = ("", "", end);
        Func<byte[], byte[]> spoil = bytes => bytes;
        var extension = "csv";
        switch (random.Next(30))
        {
            case 0:
                (head, what) = ("\uFEFF", "byte order mark");
                break;
            case 1:
                (head, what) = ("\uFEFF\uFEFF", "two byte order marks");
                break;
            case 2:
                (encoding, head, what) = (random.Next(2) == 0 ? Encoding.Unicode : Encoding.BigEndianUnicode, "\uFEFF", "UTF-16");
                break;
            case 3:
                (encoding, what) = (random.Next(2) == 0 ? Encoding.Unicode : Encoding.BigEndianUnicode, "UTF-16 without a mark");
                break;
            case 4:
                (lastEnd, what) = ("", "no last line end");
                break;
            case 5:
                (tail, what) = (string.Concat(Enumerable.Repeat(end, random.Next(1, 4))), "blank lines at the end");
                break;
            case 6:
                lines.Insert(random.Next(1, lines.Count), "");
                what = "a blank line in the middle";
                break;
            case 7:
                (tail, what) = ("\u001A", "DOS end sign");
                break;
            case 8:
                lines.Insert(0, $"sep={delimiter}");
                what = "sep= line";
                break;
            case 9:
                lines = [.. lines.Select(line => line + delimiter)];
                what = "delimiter at line ends, header too";
                break;
            case 10:
                lines = [lines[0], .. lines.Skip(1).Select(line => line + delimiter)];
                (mustBeRead, what) = (!quoteAll, "delimiter at the rows' ends");
                mustBeRead = true;
                break;
            case 11:
                lines = [.. lines.Select((line, i) => (i == 0 ? "\"\"" : $"\"{i}\"") + delimiter + line)];
                what = "row names with an empty header";
                break;
            case 12:
                lines = [lines[0], .. lines.Skip(1).Select((line, i) => $"\"{i + 1}\"{delimiter}{line}")];

                // What does not end in a value could be a delimiter too many.
                (mustBeRead, what) = (lines[1][^1] != delimiter, "row names without a header");
                break;
            case 13:
                lines.AddRange(["", "Source: a registry"]);
                what = "a note after an empty line";
                break;
            case 14:
                lines.InsertRange(0, Enumerable.Range(0, 2).Select(i => $"Extraction number {i}"));
                (options, what) = (options with { Skip = 2 }, "lines before the header, skipped");
                break;
            case 15:
                lines.InsertRange(0, Enumerable.Range(0, random.Next(1, 4)).Select(i => $"Extraction number {i}"));
                (mustBeRead, what) = (false, "lines before the header, not skipped");
                break;
            case 16:
                (encoding, options, what) = (Encoding.GetEncoding("windows-1252"), options with { Encoding = "windows-1252" }, "windows-1252, said");
                table = [.. table.Select(row => row.Select(value => encoding.GetString(encoding.GetBytes(value))).ToArray())];
                break;
            case 17:
                encoding = Encoding.GetEncoding("windows-1252");
                (mustBeRead, what) = (false, "windows-1252, not said");
                break;
            case 18:
                spoil = bytes => Compressed(bytes, random.Next(2) == 0);
                what = "compressed";
                break;
            case 19:
                spoil = bytes => Compressed(bytes, random.Next(2) == 0) is var packed ? packed[..random.Next(1, packed.Length)] : bytes;
                (mustBeRead, what) = (false, "compressed and cut off");
                break;
            case 20:
                spoil = bytes =>
                {
                    var packed = Compressed(bytes, random.Next(2) == 0);
                    packed[random.Next(10, packed.Length)] ^= (byte)(1 << random.Next(8));
                    return packed;
                };
                (mustBeRead, what) = (false, "compressed and a bit flipped");
                break;
            case 21:
                spoil = bytes => bytes[..random.Next(1, bytes.Length)];
                (mustBeRead, what) = (false, "cut off");
                break;
            case 22:
                spoil = bytes =>
                {
                    var at = random.Next(bytes.Length);
                    return [.. bytes[..at], 0, .. bytes[at..]];
                };
                (mustBeRead, what) = (false, "a NUL");
                break;
            case 23:
                lines[random.Next(1, lines.Count)] = "\0" + lines[^1];
                (mustBeRead, what) = (false, "a row that begins with NUL");
                break;
            case 24:
                {
                    var at = random.Next(1, lines.Count);
                    lines[at] = random.Next(2) == 0 ? lines[at] + delimiter + "more" : lines[at][..lines[at].LastIndexOf(delimiter)];
                    (mustBeRead, what) = (false, "a ragged row");
                    break;
                }

            case 25:
                {
                    var at = random.Next(1, lines.Count);
                    lines[at] = lines[at].Insert(random.Next(lines[at].Length + 1), "\"");
                    (mustBeRead, what) = (false, "a stray quote");
                    break;
                }

            case 26:
                spoil = bytes =>
                {
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(128, 256);
                    return bytes;
                };
                (mustBeRead, what) = (false, "a wrong byte");
                break;
            case 27:
                (lines, what) = ([.. lines.Select((line, i) => line + delimiter + (i == 0 ? "DUP" : "1") + delimiter + (i == 0 ? "DUP" : "2"))],
                    "a name twice, unneeded");
                break;
            case 28:
                (end, what, mustBeRead) = ("\r", "carriage returns alone", false);
                lastEnd = "\r";
                break;
            default:
                break;
        }

        return new Written(table, delimiter, spoil(encoding.GetBytes(head + string.Join(end, lines) + lastEnd + tail)), options,
            mustBeRead, $"{what}, delimiter {delimiter}, {(quoteAll ? "all quoted" : "quoted where needed")}") { Extension = extension };
    }

    private static byte[] Compressed(byte[] bytes, bool gzip)
    {
        using var packed = new MemoryStream();
        using (Stream stream = gzip
            ? new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)
            : new ZstdSharp.CompressionStream(packed, leaveOpen: true))
        {
            // As the command zstd does: without a checksum nobody sees a flipped bit.
            (stream as ZstdSharp.CompressionStream)?.SetParameter(ZstdSharp.Unsafe.ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
            stream.Write(bytes);
        }

        return packed.ToArray();
    }

    public void Dispose()
    {
        _duck.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
