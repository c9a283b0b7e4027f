using System.Text;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Sorting;

namespace PsiMessaging.Data.Tests;

/// <summary>Files as people have them, and as they should not be.</summary>
public sealed class InputTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("psi-data-").FullName;

    static InputTests() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    private string File(byte[] content)
    {
        var path = Path.Combine(_folder, "input.csv");
        System.IO.File.WriteAllBytes(path, content);
        return path;
    }

    private string File(string content) => File(Encoding.UTF8.GetBytes(content));

    private static List<string[]> ReadAll(string path, RecordReaderOptions? options = null)
    {
        using var reader = RecordReader.Open(path, options ?? new RecordReaderOptions());
        List<string[]> rows = [[.. reader.Columns]];
        while (reader.Read())
        {
            rows.Add([.. Enumerable.Range(0, reader.Columns.Count).Select(i => reader.GetText(i) ?? "<null>")]);
        }

        return rows;
    }

    public static TheoryData<string, string> Shapes => new()
    {
        { "semicolon", "ID;A\n1;x\n2;y\n" },
        { "comma", "ID,A\n1,x\n2,y\n" },
        { "tab", "ID\tA\n1\tx\n2\ty\n" },
        { "bar", "ID|A\n1|x\n2|y\n" },
        { "CRLF", "ID;A\r\n1;x\r\n2;y\r\n" },
        { "no last line end", "ID;A\n1;x\n2;y" },
        { "empty last lines", "ID;A\n1;x\n2;y\n\n\n" },
        { "blank line in the middle", "ID;A\n1;x\n\n2;y\n" },
        { "BOM", "\uFEFFID;A\n1;x\n2;y\n" },
        { "quotes", "\"ID\";\"A\"\n\"1\";\"x\"\n2;\"y\"\n" },
        { "BOM and quoted header", "\uFEFF\"ID\";A\n1;x\n2;y\n" },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Open_AnyUsualShape_ReadsTheSameRows(string shape, string content) =>
        Assert.True(ReadAll(File(content)).Select(row => string.Join('/', row)).SequenceEqual(["ID/A", "1/x", "2/y"]), shape);

    [Fact]
    public void Open_DelimitersInsideQuotesAndOtherFields_AreNotMistaken()
    {
        Assert.Equal(["a;b;c", "x"], ReadAll(File("\"one;two;three\",B\n\"a;b;c\",x\n"))[1]);
        Assert.Equal(["1,5", "2,5"], ReadAll(File("A;B\n1,5;2,5\n3,5;4,5\n"))[1]);
        Assert.Equal(["#1", "x"], ReadAll(File("A;B\n#1;x\n"))[1]);
    }

    [Fact]
    public void Open_QuotedLineBreaksQuotesAndEmoji_ComeOutAsTheyWentIn()
    {
        var rows = ReadAll(File("ID;A\n1;\"two\nlines\"\n2;\"say \"\"hi\"\"\"\n3;👩‍👩‍👧 città\n4; < 20 \n"));
        Assert.Equal(["two\nlines", "say \"hi\"", "👩‍👩‍👧 città", " < 20 "], rows.Skip(1).Select(row => row[1]));
    }

    [Fact]
    public void Open_SingleColumn_NeedsNoDelimiter() => Assert.Equal(["a", "b c"], ReadAll(File("ID\na\nb c\n")).Skip(1).Select(row => row[0]));

    [Fact]
    public void Open_NamedDelimiterAndEncoding_AreTaken()
    {
        var latin = Encoding.GetEncoding("iso-8859-1").GetBytes("ID|A;B\n1|città\n");
        Assert.Equal(["1", "città"], ReadAll(File(latin), new RecordReaderOptions('|', "iso-8859-1"))[1]);
        Assert.Equal(["1", "città"],
            ReadAll(File([.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("ID;A\n1;città\n")]), new RecordReaderOptions(null, "utf-16"))[1]);
    }

    public static TheoryData<string, string> BadFiles => new()
    {
        { "", "is empty" },
        { "ID;A\n1;x;y\n", "line 2: 3 fields where the header has 2" },
        { "ID;A\n1;x\n2\n", "line 3: 1 fields where the header has 2" },
        { "ID;A\n1;\"two\nlines\"\n2;x;y\n", "line 4: 3 fields" },
        { "ID;ID\n1;x\n", "names the column ID 2 times" },
        { ";\n1;x\n", "column 1 of the header has no name" },
    };

    [Theory]
    [MemberData(nameof(BadFiles))]
    public void Read_BadFile_SaysWhatAndWhere(string content, string expected)
    {
        var message = Assert.Throws<InputException>(() => ReadAll(File(content))).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains("input.csv", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Read_OpenQuote_IsNamed() =>
        Assert.Contains("quote", Assert.Throws<InputException>(() => ReadAll(File("ID;A\n1;\"open\n2;y\n"))).Message, StringComparison.Ordinal);

    [Fact]
    public void Open_MissingFileOrFolder_IsNamed()
    {
        Assert.Contains("does not exist", Assert.Throws<InputException>(() => ReadAll(Path.Combine(_folder, "nope.csv"))).Message, StringComparison.Ordinal);
        Assert.Contains("is a folder", Assert.Throws<InputException>(() => ReadAll(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_WrongEncoding_SaysWhichToName()
    {
        var message = Assert.Throws<InputException>(() => ReadAll(File(Encoding.GetEncoding("iso-8859-1").GetBytes("ID;A\n1;città\n")))).Message;
        Assert.Contains("not valid utf-8", message, StringComparison.Ordinal);
        Assert.Contains("--encoding", message, StringComparison.Ordinal);
        Assert.Contains("not known", Assert.Throws<InputException>(() => ReadAll(File("ID\n1\n"), new RecordReaderOptions(null, "klingon"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_Parquet_ReadsTypesAsPeopleWriteThem()
    {
        var path = Path.Combine(_folder, "input.parquet");
        using (var duck = new DuckDB.NET.Data.DuckDBConnection("DataSource=:memory:"))
        {
            duck.Open();
            using var command = duck.CreateCommand();
            command.CommandText =
                "COPY (SELECT * FROM (VALUES ('a', 1, 2.5::DOUBLE, DATE '2026-01-31', true, 12.50::DECIMAL(8,2), 7::BIGINT), (NULL, NULL, NULL, NULL, NULL, "
                    + $"NULL, NULL)) t(s, i, d, day, flag, amount, big)) TO '{path}' (FORMAT parquet)";
            command.ExecuteNonQuery();
        }

        var rows = ReadAll(path);
        Assert.Equal(["s", "i", "d", "day", "flag", "amount", "big"], rows[0]);
        Assert.Equal(["a", "1", "2.5", "2026-01-31", "true", "12.50", "7"], rows[1]);
        Assert.All(rows[2], value => Assert.Equal("<null>", value));

        // Our own stored form has no value where the file has none.
        var stored = Path.Combine(_folder, "stored.parquet");
        using (var source = RecordReader.Open(path, new RecordReaderOptions()))
        {
            await using var destination = System.IO.File.Create(stored);
            Assert.Equal(2, await DatasetFile.WriteAsync(source, destination));
        }

        using var kept = DatasetFile.Open(stored);
        Assert.Equal(rows[0], kept.Columns);
        foreach (var row in rows.Skip(1))
        {
            Assert.True(kept.Read());
            Assert.Equal(row, Enumerable.Range(0, row.Length).Select(i => kept.GetText(i) ?? "<null>"));
        }

        Assert.False(kept.Read());
    }

    [Fact]
    public void Open_DamagedParquet_IsNamed()
    {
        var path = Path.Combine(_folder, "bad.parquet");
        System.IO.File.WriteAllBytes(path, [.. "PAR1"u8, .. new byte[100]]);
        Assert.Contains("damaged or cut off", Assert.Throws<InputException>(() => ReadAll(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FindColumns_UnknownName_SaysWhichThereAre() => Assert.Equal(
        "a.csv has no column KEY; it has ID, A", Assert.Throws<InputException>(() => DatasetFile.FindColumns("a.csv", ["ID", "A"], ["KEY"])).Message);

    [Theory]
    [InlineData("ID;A\n", "no rows")]
    [InlineData("ID;A\n;x\n  ;y\n", "all 2 identifiers are empty")]
    [InlineData("ID;A\nx;1\nx;2\n x ;3\ny;4\n", "2 of 4 rows repeat")]
    public void Check_UnusableKeys_SaysHowMany(string content, string expected)
    {
        using var reader = RecordReader.Open(File(content), new RecordReaderOptions());
        using var scratch = new ScratchFolder(Path.Combine(_folder, "scratch"));
        using var set = new IdentifierSet(canonical => (ulong)canonical.Length, [0], new Canonicalizer(false), scratch);
        while (reader.Read())
        {
            set.Add(reader);
        }

        var counts = set.Write(Path.Combine(_folder, "identifiers.bin"));
        var message = Assert.Throws<InputException>(() => counts.Check("a.csv", DuplicateRule.Reject)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain("x", message.Replace("next", "", StringComparison.Ordinal)
            .Replace("--duplicates first", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
