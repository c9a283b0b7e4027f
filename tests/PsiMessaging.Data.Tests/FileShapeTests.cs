using System.IO.Compression;
using System.Text;
using DuckDB.NET.Data;
using PsiMessaging.Data.Records;
using PsiMessaging.Party.Rows;

namespace PsiMessaging.Data.Tests;

/// <summary>Files as programs of the field write them: each is read, or refused with its true reason.</summary>
public sealed class FileShapeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("psi-shapes-").FullName;

    private string Write(byte[] content, string name = "input.csv")
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private string Write(string content) => Write(Encoding.UTF8.GetBytes(content));

    private static RecordReaderOptions Key(params string[] names) => new() { Needed = names };

    private static (string[] Rows, ReadingReport Report) Read(string path, RecordReaderOptions? options = null)
    {
        using var reader = RecordReader.Open(path, options ?? Key("ID"));
        List<string> rows = [string.Join('/', reader.Columns)];
        while (reader.Read())
        {
            rows.Add(string.Join('/', Enumerable.Range(0, reader.Columns.Count).Select(i => reader.GetText(i) ?? "<null>")));
        }

        return ([.. rows], reader.Report);
    }

    private static string Refusal(string path, RecordReaderOptions? options = null) => Assert.Throws<InputException>(() => Read(path, options)).Message;

    private string Parquet(string select, string layout = "")
    {
        var path = Path.Combine(_folder, "input.parquet");
        using var duck = new DuckDBConnection("DataSource=:memory:");
        duck.Open();
        using var command = duck.CreateCommand();
        command.CommandText = $"COPY ({select}) TO '{path.Replace("'", "''", StringComparison.Ordinal)}' (FORMAT parquet{layout})";
        command.ExecuteNonQuery();
        return path;
    }

    public static TheoryData<string, string, string> OddTexts => new()
    {
        { "pandas writes its index under no name", ",ID,A\n0,1,x\n1,2,y\n", "column 1 of the header has no name" },
        { "R write.csv writes row names under an empty name", "\"\",\"ID\",\"A\"\n\"1\",1,x\n\"2\",2,y\n", "column 1 of the header has no name" },
        { "R write.table writes row names under none", "\"ID\";\"A\"\n\"1\";1;x\n\"2\";2;y\n", "row names" },
        { "delimiter at the end of rows", "ID;A\n1;x;\n2;y;\n", "a delimiter more" },
        { "delimiter at the end of all lines", "ID;A;\n1;x;\n2;y;\n", "column 3 of the header has no name" },
        { "Excel says its delimiter", "sep=;\r\nID;A\r\n1;x\r\n2;y\r\n", "" },
        { "Excel says an unusual delimiter", "sep=:\nID:A\n1:x\n2:y\n", "" },
        { "a note on the source at the end", "ID;A\n1;x\n2;y\n\nSource: registry, 2 rows\n", "a line after an empty line at the end left out" },
        { "a note of two lines with delimiters", "ID;A\n1;x\n2;y\n\n\nSource; registry; 2\nall rights reserved\n", "2 lines after" },
        { "two byte order marks", "\uFEFF\uFEFF\"ID\";A\n1;x\n2;y\n", "" },
        { "DOS end sign", "ID;A\r\n1;x\r\n2;y\r\n\u001A", "" },
        { "a name twice that nobody needs", "ID;B;A;B\n1;q;x;r\n2;q;y;r\n", "names the column B 2 times: all left out" },
        { "blanks around names", " ID ; A \n1;x\n2;y\n", "" },
        { "old Mac line ends", "ID;A\r1;x\r2;y\r", "" },
    };

    [Theory]
    [MemberData(nameof(OddTexts))]
    public void Csv_OddButWhole_IsReadAndSaid(string shape, string content, string note)
    {
        var (rows, report) = Read(Write(content));
        Assert.True(rows.SequenceEqual(["ID/A", "1/x", "2/y"]), $"{shape}: {string.Join(' ', rows)}");
        Assert.Contains(note, report.ToString(), StringComparison.Ordinal);
    }

    public static TheoryData<string, string, string> Refused => new()
    {
        { "rows that begin with NUL vanish in some readers", "ID;A\r\n1;x\r\n\02;y\r\n", "line 3: a NUL character" },
        { "lines before the header", "Extraction of 2025\nID;A;B\n1;x;y\n2;x;y\n", "line 2, say --skip 1" },
        { "lines before the header of a file with commas", "Extraction of 2025\nby hand\nID,A,B\n1,x,y\n2,x,y\n", "line 3, say --skip 2" },
        { "a cut last row is no note", "ID;A\n1;x\n2", "1 fields where the header has 2; if this is a note after the last row, put an empty line before it" },
        { "a row after what looked like a note is a ragged row", "ID;A\n1;x\n\nSource\n2;y\n", "line 4: 1 fields where the header has 2" },
        { "a needed name twice", "ID;A;ID\n1;x;2\n", "names the column ID 2 times" },
        { "row names or a delimiter too many", "\"ID\";\"A\"\n\"1\";1;\n\"2\";2;\n", "either the first is a row name (R) or the last is none" },
        { "a header one name short is no row name", "ID;A\n1;x;z\n2;y;z\n",
            "line 2: 3 fields where the header has 2; if the first field of the rows is a row name" },
        { "a quote behind a blank", "ID;A\n1; \"x\"\n", "a blank stands before an opening quote in the column A" },
        { "a value with the delimiter and no quotes", "ID;A\n1;x\n2;y;z\n", "a value that holds the delimiter must stand in quotes" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Csv_NotWhole_IsRefusedWithPlaceAndRemedy(string shape, string content, string expected)
    {
        var message = Refusal(Write(content));
        Assert.True(message.Contains(expected, StringComparison.Ordinal), $"{shape}: {message}");
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Skip_LinesBeforeTheHeader_AreSkippedAndLineNumbersStayThoseOfTheFile()
    {
        var path = Write("Extraction\n\nID;A\n1;x\n2;y;z\n");
        Assert.Contains("line 5: 3 fields", Refusal(path, Key("ID") with { Skip = 2 }), StringComparison.Ordinal);
        Assert.Equal(["ID/A", "1/x"], Read(Write("Extraction\r\n\r\nID;A\r\n1;x"), Key("ID") with { Skip = 2 }).Rows);
        Assert.Contains("only 2 lines", Refusal(Write("a\nb"), Key() with { Skip = 5 }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("utf-16")]
    [InlineData("utf-16BE")]
    public void Utf16_WithoutAMark_IsFound(string name)
    {
        var (rows, report) = Read(Write(Encoding.GetEncoding(name).GetBytes("ID;A\r\n1;città\r\n2;y\r\n")));
        Assert.Equal(["ID/A", "1/città", "2/y"], rows);
        Assert.Equal(name, report.Encoding);
    }

    [Fact]
    public void Utf16_WithALoneSurrogate_IsRefusedInsteadOfChanged() =>
        Assert.Contains("not valid utf-16",
            Refusal(Write([0xFF, 0xFE, .. Encoding.Unicode.GetBytes("ID;A\n1;"), 0x00, 0xD8, .. Encoding.Unicode.GetBytes("x\n")])), StringComparison.Ordinal);

    [Fact]
    public void Columns_ChosenQuotedOrDecomposed_AreTaken()
    {
        var path = Write("\"Surname, first\";Eta\u0300;a=b;x\nr;30;1;q\n");
        Assert.Equal(["Surname, first/Et\u00E0/a=b", "r/30/1"], Read(path, Key("Surname, first") with { Columns = ["Et\u00E0", "a=b"] }).Rows);
        Assert.Contains("has no column NOPE; it has Surname, first, Et\u00E0, a=b, x", Refusal(path, Key("NOPE")), StringComparison.Ordinal);
    }

    [Fact]
    public void Columns_MoreThanAThousand_CanBeChosenFrom()
    {
        var path = Write($"ID;{string.Join(';', Enumerable.Range(0, 1500).Select(i => $"C{i}"))}\n1;{string.Join(';', Enumerable.Range(0, 1500))}\n");
        Assert.Contains("1,501 columns; 1,000 is the most. Take those that are needed with --columns", Refusal(path), StringComparison.Ordinal);
        Assert.Equal(["ID/C7", "1/7"], Read(path, Key("ID") with { Columns = ["C7"] }).Rows);
    }

    [Fact]
    public void Missing_WordsThatAPersonSays_AreNothingInAllColumnsWhateverBlanksAreAroundThem() =>
        Assert.Equal(["ID/A/B", "1//", "/x/NAN"], Read(Write("ID;A;B\n1; NA ;.\nNA;x;NAN\n"), Key("ID") with { Missing = ["NA", "."] }).Rows);

    [Fact]
    public void Values_OfOnlyWhiteSpace_AreNothing() => Assert.Equal(["ID/A", "1/", "2/ x "], Read(Write("ID;A\n1; \u00A0\t\n2; x \n")).Rows);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Compressed_IsReadThrough(bool gzip)
    {
        var (rows, report) = Read(Write(Pack(gzip, "ID;A\n1;x\n2;y\n"u8)));
        Assert.Equal(["ID/A", "1/x", "2/y"], rows);
        Assert.Equal(gzip ? "CSV (gzip)" : "CSV (zstd)", report.Format);

        // In several members, as parallel compressors write it.
        Assert.Equal(["ID/A", "1/x", "2/y"], Read(Write([.. Pack(gzip, "ID;A\n1;"u8), .. Pack(gzip, "x\n2;y\n"u8)])).Rows);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Compressed_CutOffAnywhere_IsNamed(bool gzip)
    {
        var whole = Pack(gzip, Encoding.UTF8.GetBytes("ID;A\n" + string.Concat(Enumerable.Range(0, 300).Select(i => $"{i * 7919};{i * i}\n"))));
        for (var length = 8; length < whole.Length; length += 5)
        {
            Assert.Contains("damaged or cut off", Refusal(Write(whole[..length])), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Compressed_Bomb_IsStoppedBeforeItFillsAnything(bool gzip)
    {
        var path = Path.Combine(_folder, "bomb.csv");
        var row = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat($"1;{new string('x', 1021)}\n", 1 << 10)));
        using (var file = File.Create(path))
        using (Stream stream = gzip ? new GZipStream(file, CompressionLevel.SmallestSize) : new ZstdSharp.CompressionStream(file))
        {
            stream.Write("ID;A\n"u8);
            for (var i = 0; i < 110; i++)
            {
                stream.Write(row);
            }
        }

        Assert.Contains("unpacks", Refusal(path), StringComparison.Ordinal);
    }

    private static byte[] Pack(bool gzip, ReadOnlySpan<byte> bytes)
    {
        using var packed = new MemoryStream();
        using (Stream stream = gzip
            ? new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)
            : new ZstdSharp.CompressionStream(packed, leaveOpen: true))
        {
            stream.Write(bytes);
        }

        return packed.ToArray();
    }

    public static TheoryData<byte[], string> OtherKinds => new()
    {
        { [.. "PARE"u8, .. new byte[40], .. "PARE"u8], "is an encrypted Parquet file" },
        { [.. "ORC"u8, .. new byte[40]], "is an ORC file; write it as Parquet or CSV" },
        { [.. "Obj\u0001"u8, .. new byte[40]], "is an Avro file" },
        { [.. "ARROW1\0\0"u8, .. new byte[40]], "is an Arrow (Feather) file" },
        { [.. "$FL2@(#) SPSS"u8, .. new byte[40]], "is an SPSS file; save it as CSV" },
        { [.. new byte[12], 0xC2, 0xEA, 0x81, 0x60, .. new byte[40]], "is a SAS dataset; export it as CSV" },
        { [.. "SQLite format 3\0"u8, .. new byte[40]], "is an SQLite database" },
        { [0xFD, .. "7zXZ\0"u8, .. new byte[40]], "is compressed with xz; unpack it with unxz" },
        { [.. "BZh9"u8, .. new byte[40]], "is compressed with bzip2" },
        { [.. "PK\u0003\u0004"u8, .. new byte[26], .. "data.csv"u8], "is a zip archive; unpack it" },
        { [.. "PK\u0003\u0004"u8, .. new byte[26], .. "xl/workbook.xml"u8], "workbook" },
        { [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, .. new byte[600]], "is not a readable Excel workbook" },
        { [.. "PAR1"u8, .. new byte[100]], "damaged or cut off" },
        { [.. "PAR1"u8, .. new byte[100], .. "PAR1"u8], "damaged or cut off" },
    };

    [Theory]
    [MemberData(nameof(OtherKinds))]
    public void OtherKinds_AreNamedForWhatTheyAre(byte[] content, string expected) =>
        Assert.Contains(expected, Refusal(Write(content)), StringComparison.Ordinal);

    [Theory]
    [InlineData("PAR1")]
    [InlineData("PARENT")]
    [InlineData("ORCHARD")]
    [InlineData("RDX")]
    [InlineData("$FL2")]
    [InlineData("BZh")]
    public void Csv_WithAColumnNamedLikeAnotherKindsMark_IsCsv(string name) =>
        Assert.Equal([$"{name}/A", "1/x"], Read(Write($"{name};A\n1;x\n"), Key(name)).Rows);

    [Fact]
    public void Parquet_ColumnsNobodyAsksFor_DoNotStandInTheWay()
    {
        var path = Parquet("SELECT 1 AS ID, 'x' AS A, [1, 2] AS L, {'a': 1} AS S, MAP {'k': 1} AS M, 'b'::BLOB AS B, INTERVAL 1 DAY AS I, 5 AS \" spaced \"");
        var (rows, report) = Read(path);
        Assert.Equal(["ID/A/spaced", "1/x/5"], rows);
        Assert.Equal("Parquet; L is nested and is left out; S is nested and is left out; M is nested and is left out; B is binary (if it holds text, name it "
            + "in --columns) and is left out; I is an interval and is left out",
            report.ToString());
        Assert.Contains("the column S is nested", Refusal(path, Key("S")), StringComparison.Ordinal);
        Assert.Equal(["ID/B", "1/b"], Read(path, Key("ID") with { Columns = ["B"] }).Rows);
    }

    [Fact]
    public void Parquet_BinaryThatIsNoText_IsRefusedWhereItIsAskedFor() =>
        Assert.Contains("holds text that is not UTF-8", Refusal(Parquet("SELECT 1 AS ID, '\\xFF\\xFE'::BLOB AS B"), Key("ID", "B")), StringComparison.Ordinal);

    [Fact]
    public void Parquet_TimesUuidsAndMoments_AreWrittenAsPeopleWriteThem() => Assert.Equal(
        ["ID/T/U/D/Z/N/H",
            "1/10:20:30/6f1c2f0e-0000-4000-8000-000000000001/2026-01-31/2026-01-31T10:20:30.5/2026-01-31T00:00:00.000000001/"
                + "12345678901234567890123456789012345678"],
        Read(Parquet("SELECT 1 AS ID, TIME '10:20:30' AS T, '6f1c2f0e-0000-4000-8000-000000000001'::UUID AS U, TIMESTAMP '2026-01-31' AS D, TIMESTAMPTZ "
            + "'2026-01-31 10:20:30.5+00' AS Z, TIMESTAMP_NS '2026-01-31 00:00:00.000000001' AS N, "
            + "'12345678901234567890123456789012345678'::DECIMAL(38,0) AS H")).Rows);

    /// <summary>One row group whose pages together are larger than what reading begins with: more is taken, and no row is lost or read twice.</summary>
    [Fact]
    public void Parquet_WithPagesLargerThanTheMemoryItBeginsWith_IsReadWhole()
    {
        const int Rows = 100_000;
        var columns = string.Join(", ", Enumerable.Range(0, 12).Select(column => $"repeat(md5((i + {column})::VARCHAR), 10) AS C{column}"));
        var path = Parquet($"SELECT i AS ID, {columns} FROM range({Rows}) t(i)", $", ROW_GROUP_SIZE {Rows}, COMPRESSION zstd");
        using var reader = RecordReader.Open(path, Key("ID"));
        for (var row = 0; row < Rows; row++)
        {
            Assert.True(reader.Read());
            Assert.True(long.Parse(reader.GetSpan(0), System.Globalization.CultureInfo.InvariantCulture) == row
                && reader.GetSpan(12).Length == 320, $"row {row}");
        }

        Assert.False(reader.Read());
    }

    /// <summary>
    /// What is gathered before it is written has a bound in values and in characters, so that a wide table takes no more memory than a narrow one.
    /// </summary>
    [Theory]
    [InlineData(500, 2000, 3, 1048)]
    [InlineData(2, 3000, 20_000, 839)]
    public async Task Stored_WideOrLongRows_AreWrittenInSmallGroups(int columns, int rows, int length, long most)
    {
        var path = Write($"{string.Join(';', Enumerable.Range(0, columns).Select(i => i == 0 ? "ID" : $"C{i}"))}\n"
            + string.Concat(Enumerable.Range(0, rows)
                .Select(row => string.Join(';', Enumerable.Range(0, columns).Select(i => i == 0 ? $"{row}" : new string('x', length))) + "\n")));
        var stored = Path.Combine(_folder, "stored.parquet");
        using (var source = RecordReader.Open(path, Key("ID")))
        {
            await using var destination = File.Create(stored);
            Assert.Equal(rows, await Datasets.DatasetFile.WriteAsync(source, destination));
        }

        using var kept = Datasets.DatasetFile.Open(stored);
        var read = 0;
        for (; kept.Read(); read++)
        {
            Assert.True(kept.GetSpan(0).SequenceEqual($"{read}"));
            Assert.Equal(length, kept.GetSpan(columns - 1).Length);
        }

        Assert.Equal(rows, read);
        await using var parquet = await global::Parquet.ParquetReader.CreateAsync(stored);
        var groups = Array.ConvertAll(parquet.CustomMetadata[Datasets.DatasetFile.RowsKey].Split(' '), long.Parse);
        Assert.All(groups, group => Assert.InRange(group, 1, most));
        Assert.Equal(rows, groups.Sum());
    }

    [Fact]
    public void Parquet_NamesThatDifferInCaseOnly_AreTwoColumns() =>
        Assert.Equal(["ID/id", "1/2"], Read(ParquetOfNames("ID", "id")).Rows);

    private string ParquetOfNames(params string[] names)
    {
        var path = Path.Combine(_folder, "names.parquet");
        StringColumns.WriteAsync(path, names, [[.. names.Select((_, i) => $"{i + 1}")]], groupRows: 1).GetAwaiter().GetResult();
        return path;
    }

    [Theory]
    [InlineData("data [1]")]
    [InlineData("year=2020")]
    [InlineData("what? * 'quoted'")]
    public void Parquet_InAFolderWhoseNameIsAPattern_IsRead(string name)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        var path = Path.Combine(folder, "in[1].parquet");
        File.Copy(Parquet("SELECT 1 AS ID, 'x' AS A"), path);
        Assert.Equal(["ID/A", "1/x"], Read(path).Rows);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
