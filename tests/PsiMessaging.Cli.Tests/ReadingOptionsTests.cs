using System.Diagnostics;
using System.Text;
using System.Text.Json;
using PsiMessaging.Testing;

namespace PsiMessaging.Cli.Tests;

/// <summary>Files of two institutes with two habits, and the options that say so.</summary>
public sealed class ReadingOptionsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    static ReadingOptionsTests() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    private string Write(string name, string content, string encoding = "utf-8")
    {
        var path = Path.Combine(_folder.Path, name);
        File.WriteAllBytes(path, Encoding.GetEncoding(encoding).GetBytes(content));
        return path;
    }

    private async Task<string> Done(params string[] arguments)
    {
        var result = await PsiProcess.RunAsync(arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result.Output;
    }

    [Fact]
    public async Task Simulate_EachFileItsOwnWay_FindsWhatIsCommonAndCalculatesWithIt()
    {
        var p1 = Write("a.csv", "Extraction\nNAME|INCOME|X\nJosé|1.250,50|q\nMüller|980|q\nRossi|NULL|q\n", "windows-1252");
        var p2 = Write("b.csv", "\"PERSON, NAME\"\tSCORE\nJosé\t1,250.5\nMüller\t7.25\nRossi\tnone\nNobody\t1\n");
        var output = Path.Combine(_folder.Path, "out");
        var text = await Done("simulate", "--p1", p1, "--p2", p2, "--min-cell", "1", "--out", output,
            "--p1-key", "NAME", "--p1-encoding", "windows-1252", "--p1-delimiter", "|", "--p1-skip", "1",
            "--p1-decimal", ",", "--p1-thousands", ".", "--p1-columns", "INCOME", "--p1-missing", "NULL",
            "--p2-key", "\"PERSON, NAME\"", "--p2-missing", "none", "--p2-thousands", ",", "--p2-type", "SCORE=decimal(9,2)",
            "--query", "sum(INCOME), sum(SCORE)");
        Assert.Equal("sum(INCOME),sum(SCORE)\n2230.5,1257.75\n", File.ReadAllText(Path.Combine(output, "query-1.csv")));
        Assert.Contains("In common: 3;", text, StringComparison.Ordinal);
        Assert.Contains("read as CSV, delimiter |, windows-1252; 1 line before the header skipped; decimal sign ,; thousands sign .; missing where it says "
            + "NULL; INCOME has a decimal comma and points between thousands",
            text, StringComparison.Ordinal);
        using var report = JsonDocument.Parse(File.ReadAllText(Path.Combine(output, "report.json")));
        Assert.StartsWith("CSV, delimiter tab, utf-8; ", report.RootElement.GetProperty("parties")
            .GetProperty("P2").GetProperty("reading").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--key is missing", "--p1-key", "A")]
    [InlineData("--delimiter takes one of", "--key", "A", "--p2-delimiter", "xy")]
    [InlineData("--p1-decimal takes . or ,", "--key", "A", "--p1-decimal", ";")]
    [InlineData("--thousands takes one of", "--key", "A", "--thousands", "x")]
    [InlineData("cannot both be ,", "--key", "A", "--decimal", ",", "--thousands", ",")]
    [InlineData("a double quote is not closed", "--key", "\"A")]
    [InlineData("--p2-skip takes a whole number", "--key", "A", "--p2-skip", "x")]
    [InlineData("--p1-type A cannot be read", "--key", "A", "--p1-type", "A")]
    public async Task Simulate_WrongOptions_AreOneLineAndExitCode2(string expected, params string[] options)
    {
        var file = Write("a.csv", "A;B\n1;2\n");
        var result = await PsiProcess.RunAsync(["simulate", "--p1", file, "--p2", file, .. options]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
        Assert.Equal(1, result.Error.Count(character => character == '\n'));
    }

    [Fact]
    public async Task Simulate_TypesOfOneFileOrTheOther_AreTakenAndOfNeitherRefused()
    {
        var (p1, p2) = (Write("a.csv", "ID;CODE\n1;5\n"), Write("b.csv", "ID;OTHER\n1;6\n"));
        Assert.Contains("In common: 1", await Done("simulate", "--p1", p1, "--p2", p2, "--key", "ID",
            "--type", "CODE=text", "--type", "OTHER=text", "--min-cell", "1"), StringComparison.Ordinal);
        var result = await PsiProcess.RunAsync("simulate", "--p1", p1, "--p2", p2, "--key", "ID", "--type", "NOPE=text");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("neither file has a column NOPE", result.Error, StringComparison.Ordinal);
        Assert.Contains("has no column NOPE",
            (await PsiProcess.RunAsync("simulate", "--p1", p1, "--p2", p2, "--key", "ID", "--p1-type", "NOPE=text")).Error, StringComparison.Ordinal);
        Assert.Contains("In common: 1",
            await Done("simulate", "--p1", p1, "--p2", p2, "--key", "ID", "--columns", "CODE,OTHER", "--min-cell", "1"), StringComparison.Ordinal);
        Assert.Contains("neither file has a column NOPE",
            (await PsiProcess.RunAsync("simulate", "--p1", p1, "--p2", p2, "--key", "ID", "--columns", "NOPE")).Error, StringComparison.Ordinal);
        Assert.Contains("has no column OTHER",
            (await PsiProcess.RunAsync("simulate", "--p1", p1, "--p2", p2, "--key", "ID", "--p1-columns", "OTHER")).Error, StringComparison.Ordinal);
    }

    /// <summary>Pipes, a folder whose name is a pattern, and names that need quotes, through the whole job.</summary>
    [Fact]
    public async Task Simulate_ThroughPipesInAFolderWithBrackets_Works()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder.Path, "data [1]")).FullName;
        var (p1, p2) = (Path.Combine(folder, "one"), Path.Combine(folder, "two"));
        foreach (var pipe in new[] { p1, p2 })
        {
            using var make = Process.Start("mkfifo", [pipe]);
            await make.WaitForExitAsync();
        }

        var writing = Task.WhenAll(
            Task.Run(() => File.AppendAllText(p1, "ID;Eta\u0300;a=b\nr;30;1\ns;40;2\n")),
            Task.Run(() => File.AppendAllText(p2, "ID;X\nr;1\ns;1\n")));
        var result = await PsiProcess.RunAsync(new Dictionary<string, string> { ["TMPDIR"] = folder },
            "simulate", "--p1", p1, "--p2", p2, "--key", "ID", "--engine", "tokens", "--min-cell", "1", "--out",
            Path.Combine(folder, "out"), "--query", "\"a=b\"", "--query", "P1.Eta\u0300", "--query", "Et\u00E0");
        Assert.True(result.ExitCode == 0, result.ToString());
        await writing;
        Assert.Equal("a=b,count\n1,1\n2,1\n", File.ReadAllText(Path.Combine(folder, "out", "query-1.csv")));
        Assert.Equal("Et\u00E0,count\n30,1\n40,1\n", File.ReadAllText(Path.Combine(folder, "out", "query-3.csv")));
    }

    [Fact]
    public async Task DatasetList_OfWhatWasRead_SaysHowForGood()
    {
        var home = Path.Combine(_folder.Path, "p1");
        await Done("init", "--home", home, "--party", "P1");
        await Done("dataset", "add", "d", Write("a.csv", "x\nID;INCOME\n1;1,5\n2;-\n"), "--key", "ID", "--skip", "1", "--home", home);
        using var list = JsonDocument.Parse(await Done("dataset", "list", "--json", "--home", home));
        var reading = list.RootElement[0].GetProperty("reading");
        Assert.Equal("CSV", reading.GetProperty("format").GetString());
        Assert.Equal(";", reading.GetProperty("delimiter").GetString());
        Assert.Equal(1, reading.GetProperty("skip").GetInt32());
        Assert.Equal(["INCOME has a decimal comma", "INCOME: - (1) taken as missing"], reading.GetProperty("notes")
            .EnumerateArray().Select(note => note.GetString()));
    }

    [Fact]
    public async Task Simulate_PointsInTimeOfParquet_DoNotDependOnTheMachinesTimeZone()
    {
        var parquet = Path.Combine(_folder.Path, "a.parquet");
        using (var duck = new DuckDB.NET.Data.DuckDBConnection("DataSource=:memory:"))
        {
            duck.Open();
            using var command = duck.CreateCommand();
            command.CommandText = $"COPY (SELECT to_timestamp(1769854830) AS ID, 'x' AS A) TO '{parquet}' (FORMAT parquet)";
            command.ExecuteNonQuery();
        }

        var result = await PsiProcess.RunAsync(new Dictionary<string, string> { ["TZ"] = "Asia/Tokyo" }, "simulate",
            "--p1", parquet, "--p2", Write("b.csv", "ID;X\n2026-01-31T10:20:30;1\n"), "--key", "ID", "--min-cell", "1");
        Assert.True(result.Output.Contains("In common: 1;", StringComparison.Ordinal), result.ToString());
    }

    /// <summary>Names of a file may hold what steers a terminal.</summary>
    [Fact]
    public async Task Faults_OfAFileWithControlCharacters_ShowNone()
    {
        var home = Path.Combine(_folder.Path, "p1");
        await Done("init", "--home", home, "--party", "P1");
        var result = await PsiProcess.RunAsync("dataset", "add", "d",
            Write("a.csv", "\u001B]0;title\u0007A;\u001B[31mB\u0085\n1;2\n"), "--key", "ID", "--home", home);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("has no column ID; it has ␛]0, title␇A, ␛[31mB", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(result.Error.TrimEnd('\n'), char.IsControl);
    }

    public void Dispose() => _folder.Dispose();
}
