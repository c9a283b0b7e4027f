using System.IO.Compression;
using System.Text;
using PsiMessaging.Data.Records;
using PsiMessaging.Party.Rows;

namespace PsiMessaging.Data.Tests;

/// <summary>Excel workbooks: the first sheet, as a person sees it.</summary>
public sealed class WorkbookTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("psi-workbook-").FullName;

    /// <summary>A workbook as small as Excel opens it. Cells are XML; style 1 is a date, 2 a time.</summary>
    private string Book(string rows, string shared = "", string sheets = "<sheet name=\"People\" sheetId=\"1\" r:id=\"rId1\"/>")
    {
        var path = Path.Combine(_folder, "book.xlsx");
        File.Delete(path);
        using var archive = ZipFile.Open(path, ZipArchiveMode.Create);
        void Add(string name, string content)
        {
            using var writer = new StreamWriter(archive.CreateEntry(name).Open(), new UTF8Encoding(false));
            writer.Write("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>" + content);
        }

        const string Main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        const string Office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        const string Package = "http://schemas.openxmlformats.org/package/2006";
        Add("[Content_Types].xml",
            $"<Types xmlns=\"{Package}/content-types\"><Default Extension=\"xml\" ContentType=\"application/xml\"/><Default Extension=\"rels\" "
                + "ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/></Types>");
        Add("_rels/.rels",
            $"<Relationships xmlns=\"{Package}/relationships\"><Relationship Id=\"rId1\" Type=\"{Office}/officeDocument\" "
                + "Target=\"xl/workbook.xml\"/></Relationships>");
        Add("xl/workbook.xml", $"<workbook xmlns=\"{Main}\" xmlns:r=\"{Office}\"><sheets>{sheets}</sheets></workbook>");
        Add("xl/_rels/workbook.xml.rels",
            $"<Relationships xmlns=\"{Package}/relationships\"><Relationship Id=\"rId1\" Type=\"{Office}/worksheet\" "
                + $"Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"rId2\" Type=\"{Office}/sharedStrings\" Target=\"sharedStrings.xml\"/><Relationship "
                + $"Id=\"rId3\" Type=\"{Office}/styles\" Target=\"styles.xml\"/></Relationships>");
        Add("xl/styles.xml",
            $"<styleSheet xmlns=\"{Main}\"><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\" applyNumberFormat=\"1\"/><xf numFmtId=\"21\" "
                + "applyNumberFormat=\"1\"/></cellXfs></styleSheet>");
        Add("xl/sharedStrings.xml", $"<sst xmlns=\"{Main}\">{shared}</sst>");
        Add("xl/worksheets/sheet1.xml", $"<worksheet xmlns=\"{Main}\"><sheetData>{rows}</sheetData></worksheet>");
        return path;
    }

    private static string Text(string cell, string text) => $"<c r=\"{cell}\" t=\"inlineStr\"><is><t>{text}</t></is></c>";

    private static string Number(string cell, string number, int style = 0) => $"<c r=\"{cell}\" s=\"{style}\"><v>{number}</v></c>";

    private static (string[] Rows, string Report) Read(string path, RecordReaderOptions? options = null)
    {
        using var reader = RecordReader.Open(path, options ?? new RecordReaderOptions());
        List<string> rows = [string.Join('/', reader.Columns)];
        while (reader.Read())
        {
            rows.Add(string.Join('/', Enumerable.Range(0, reader.Columns.Count).Select(i => reader.GetSpan(i).ToString())));
        }

        return ([.. rows], reader.Report.ToString());
    }

    [Fact]
    public void FirstSheet_IsReadAsPeopleWriteItsValues()
    {
        var path = Book(
            $"<row r=\"1\">{Text("A1", "ID")}<c r=\"B1\" t=\"s\"><v>0</v></c>{Text("C1", "DAY")}{Text("D1", "AT")}{Text("E1", "YES")}{Text("F1", "CODE")}</row>"
            + $"<row r=\"2\">{Number("A2", "100234")}{Number("B2", "12.5")}{Number("C2", "46053", 1)}{Number("D2", "0.43090277777777775", 2)}<c r=\"E2\" "
            + $"t=\"b\"><v>1</v></c>{Text("F2", "00123")}</row>"
            + $"<row r=\"4\">{Number("A4", "1.5E+16")}<c r=\"B4\" t=\"e\"><v>#N/A</v></c>{Text("F4", "a;\"b\"")}</row>",
            "<si><t>INCOME</t></si>");
        var (rows, report) = Read(path);
        Assert.Equal(["ID/INCOME/DAY/AT/YES/CODE", "100234/12.5/2026-01-31/10:20:30/true/00123", "15000000000000000/////a;\"b\""], rows);
        Assert.Equal("Excel workbook; sheet People", report);
        Assert.Equal(["ID/CODE", "100234/00123", "15000000000000000/a;\"b\""], Read(path, new RecordReaderOptions { Columns = ["ID", "CODE"] }).Rows);
    }

    [Fact]
    public void LinesBeforeTheHeader_AreSkippedWhereAsked()
    {
        var path = Book($"<row r=\"1\">{Text("A1", "Extraction")}</row><row r=\"2\">{Text("A2", "ID")}{Text("B2", "A")}</row><row r=\"3\">{Number("A3", "1")}"
            + $"{Text("B3", "x")}</row>");
        Assert.Equal(["ID/A", "1/x"], Read(path, new RecordReaderOptions(Skip: 1)).Rows);
        Assert.Contains("line 2: a value stands in column 2, and the header has 1; if the header stands further down, say --skip N",
            Assert.Throws<InputException>(() => Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WorkbookThatIsNone_IsNamed()
    {
        var path = Book("");
        Assert.Contains("its first sheet People is empty", Assert.Throws<InputException>(() => Read(path)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^30]);
        Assert.Contains("not a readable Excel workbook", Assert.Throws<InputException>(() => Read(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("xl/sharedStrings.xml", 300, "<t/>")]
    [InlineData("xl/worksheets/sheet1.xml", 3, "text")]
    public void Bomb_OfSharedTextsOrOneText_IsStopped(string name, int mebibytes, string piece)
    {
        var path = Book($"<row r=\"1\">{Text("A1", "ID")}</row>");
        using (var archive = ZipFile.Open(path, ZipArchiveMode.Update))
        {
            archive.GetEntry(name)!.Delete();
            using var stream = archive.CreateEntry(name).Open();
            var pieces = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(piece, (1 << 20) / piece.Length)));
            for (var i = 0; i < mebibytes; i++)
            {
                stream.Write(pieces);
            }
        }

        Assert.Contains("unpacks to more than can be read", Assert.Throws<InputException>(() => Read(path)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
