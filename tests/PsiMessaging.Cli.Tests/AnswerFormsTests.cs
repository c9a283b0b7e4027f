using System.Text;
using System.Text.Json;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Cli.Output;
using PsiMessaging.Cli.Output.Forms;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Questions;

namespace PsiMessaging.Cli.Tests;

/// <summary>Answers in the forms that statistical offices take: read back by the rules of each form.</summary>
public class AnswerFormsTests
{
    private static readonly AnswerCell[][] Lines =
    [
        [new("F"), new("Nord, \"est\""), new("120"), new("1234.50")],
        [new("F"), new("(total)"), AnswerCell.Withheld, AnswerCell.Withheld],
        [new("M"), new("Nord, \"est\""), AnswerCell.Withheld, AnswerCell.Withheld],
        [new("M"), new((string?)null), new("35"), AnswerCell.None],
        [AnswerCell.Total, AnswerCell.Total, new("175"), new("999.00")],
        [AnswerCell.WithheldGroups, new(null, true), new("20"), AnswerCell.Withheld],
    ];

    private static QueryResult Result(AnswerCell[][] rows, int minCell = 10) => new(
        new string('1', 32), "count, mean(INCOME) by SEX, AREA with totals", new string('2', 32), QueryEngine.Masked, QueryKind.Table,
        new Answer(
            [new("SEX", AnswerRole.Label), new("AREA", AnswerRole.Label), new("count", AnswerRole.Count), new("mean(INCOME)", AnswerRole.Exact, 2)],
            rows, 195, 2, new Dictionary<string, string>(), ["0 records have no value"]),
        minCell, 195, 2, DateTimeOffset.UnixEpoch.AddYears(56), 1.5);

    [Fact]
    public void SdmxCsv_HasALineAnObservation_AndTheConfidentialAlike()
    {
        var lines = Encoding.UTF8.GetString(SdmxCsv.Write(AnswerCube.Of(Result(Lines)))).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("STRUCTURE,STRUCTURE_ID,ACTION,SEX: SEX,AREA: AREA,MEASURE: measure,OBS_VALUE,OBS_STATUS,CONF_STATUS", lines[0]);
        Assert.Equal(1 + (5 * 2), lines.Length);
        Assert.Equal("dataflow,PSI:ANSWER(1.0),I,F: F,\"Nordest: Nord, \"\"est\"\"\",COUNT: count,120,A,F", lines[1]);

        // Withheld for its own sake and for another's: no difference, and no value.
        Assert.Equal("dataflow,PSI:ANSWER(1.0),I,F: F,total: (total),COUNT: count,,Q,C", lines[3]);
        Assert.Equal("dataflow,PSI:ANSWER(1.0),I,M: M,\"Nordest: Nord, \"\"est\"\"\",COUNT: count,,Q,C", lines[5]);

        // A category that is called (total), and the total; a missing label; a value that does not exist.
        Assert.Equal("dataflow,PSI:ANSWER(1.0),I,_T: total,_T: total,COUNT: count,175,A,F", lines[9]);
        Assert.Equal("dataflow,PSI:ANSWER(1.0),I,M: M,_U: missing,MEAN_INCOME: mean(INCOME),,M,F", lines[8]);
    }

    [Fact]
    public void JsonStat_IsTheWholeTable_AndSaysOfNothingWhetherItIsNoneOrFew()
    {
        using var json = JsonDocument.Parse(JsonStat.Write(AnswerCube.Of(Result(Lines))));
        var root = json.RootElement;
        Assert.Equal(("2.0", "dataset"), (root.GetProperty("version").GetString(), root.GetProperty("class").GetString()));
        string[] ids = [.. root.GetProperty("id").EnumerateArray().Select(id => id.GetString()!)];
        int[] sizes = [.. root.GetProperty("size").EnumerateArray().Select(size => size.GetInt32())];
        Assert.Equal(["SEX", "AREA", "MEASURE"], ids);
        Assert.Equal([3, 4, 2], sizes);
        Assert.Equal(24, root.GetProperty("value").GetArrayLength());
        string?[] CodesOf(string id) => [.. root.GetProperty("dimension").GetProperty(id).GetProperty("category").GetProperty("index").EnumerateArray()
            .Select(code => code.GetString())];
        int IndexOf(params string[] codes) => codes.Select((code, i) => Array.IndexOf(CodesOf(ids[i]), code)).Zip(sizes)
            .Aggregate(0, (at, next) => (at * next.Second) + next.First);
        (string Value, string? Status) At(params string[] codes) => (root.GetProperty("value")[IndexOf(codes)].GetRawText(),
            root.GetProperty("status").TryGetProperty($"{IndexOf(codes)}", out var status) ? status.GetString() : null);
        Assert.Equal(("120", null), At("F", "Nordest", "COUNT"));
        Assert.Equal(("1234.50", null), At("F", "Nordest", "MEAN_INCOME"));
        Assert.Equal(("175", null), At("_T", "_T", "COUNT"));
        Assert.Equal(("null", null), At("M", "_U", "MEAN_INCOME"));

        // Withheld, protected, and not shown at all: alike.
        Assert.All([At("F", "total", "COUNT"), At("M", "Nordest", "COUNT"), At("F", "_U", "COUNT")], cell => Assert.Equal(("null", "C"), cell));
        Assert.Contains(root.GetProperty("note").EnumerateArray(), note => note.GetString() == "20 records are in groups that are not shown");
    }

    /// <summary>Without a minimum nothing is withheld, and what has no line is no record.</summary>
    [Fact]
    public void JsonStat_WithoutAMinimum_HasZeroes()
    {
        using var json = JsonDocument.Parse(JsonStat.Write(AnswerCube.Of(Result([Lines[0], [new("M"), new("x"), new("1"), new("2.00")]], minCell: 1))));
        Assert.Equal(["120", "1234.50", "0", "null", "0", "null", "1", "2.00"],
            json.RootElement.GetProperty("value").EnumerateArray().Select(value => value.GetRawText()));
        Assert.False(json.RootElement.TryGetProperty("status", out _));
    }

    [Fact]
    public void PcAxis_HasItsKeywords_AndAsManyNumbersAsTheTable()
    {
        var text = Encoding.UTF8.GetString(PcAxis.Write(AnswerCube.Of(Result(Lines))));
        Assert.StartsWith("CHARSET=\"ANSI\";\r\nAXIS-VERSION=\"2013\";\r\n", text, StringComparison.Ordinal);
        Assert.Contains("STUB=\"SEX\",\"AREA\";\r\nHEADING=\"measure\";\r\n", text, StringComparison.Ordinal);
        Assert.Contains("VALUES(\"AREA\")=\"Nord, 'est'\",\"(total)\",\"missing\",\"total\";\r\n", text, StringComparison.Ordinal);
        Assert.Contains("CODES(\"AREA\")=\"Nordest\",\"total\",\"_U\",\"_T\";\r\n", text, StringComparison.Ordinal);
        var data = text.Split("DATA=\r\n")[1].Split(";\r\n")[0].Split([' ', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(24, data.Length);
        Assert.Equal(["120", "1234.50", "\"..\"", "\"..\""], data[..4]);
    }

    [Fact]
    public void CsvMetadata_IsThatOfTheWeb_AndAColumnWithWordsIsNoInteger()
    {
        using var json = JsonDocument.Parse(QueryOutput.Metadata(Result(Lines), "a b.csv"));
        Assert.Equal(("http://www.w3.org/ns/csvw", "a%20b.csv"),
            (json.RootElement.GetProperty("@context").GetString(), json.RootElement.GetProperty("url").GetString()));
        var columns = json.RootElement.GetProperty("tableSchema").GetProperty("columns").EnumerateArray().ToArray();
        Assert.Equal(["SEX", "AREA", "count", "mean_INCOME"], columns.Select(column => column.GetProperty("name").GetString()));
        Assert.Equal(["string", "string", "string", "string"], columns.Select(column => column.GetProperty("datatype").GetString()));
        using var whole = JsonDocument.Parse(QueryOutput.Metadata(Result([Lines[0], Lines[4]]), "a.csv"));
        Assert.Equal(["string", "string", "integer", "decimal"], whole.RootElement.GetProperty("tableSchema").GetProperty("columns").EnumerateArray()
            .Select(column => column.GetProperty("datatype").GetString()));
    }

    /// <summary>A category that is called like a word of ours is not taken for it.</summary>
    [Fact]
    public void Csv_CategoryThatIsCalledTotal_IsNotTheTotal()
    {
        var lines = Encoding.UTF8.GetString(QueryOutput.Csv(Result(Lines))).Split('\n').Select(line => line.TrimEnd('\r')).ToArray();
        Assert.Equal(("F,'(total),withheld,withheld", "(total),(total),175,999.00"), (lines[2], lines[5]));
        Assert.StartsWith("F,(total),", Encoding.UTF8.GetString(QueryOutput.Csv(Result(Lines), rawLabels: true)).Split('\n')[2], StringComparison.Ordinal);
        using var json = JsonDocument.Parse(QueryOutput.Json(Result(Lines)));
        Assert.Equal("[[4,0],[4,1]]", json.RootElement.GetProperty("totalCells").GetRawText().Replace(" ", "", StringComparison.Ordinal)
            .Replace("\n", "", StringComparison.Ordinal).Replace("\r", "", StringComparison.Ordinal));
    }

    /// <summary>Many labels in many columns: the whole table has more places than there are numbers, and the lines alone are few.</summary>
    [Fact]
    public void WholeTable_OfMoreValuesThanAFileShouldHave_IsRefused_AndTheLinesAreThere()
    {
        const int Labels = 20, Rows = 2_000;
        var answer = new Answer(
            [.. Enumerable.Range(0, Labels).Select(i => new AnswerColumn($"L{i}", AnswerRole.Label)), new("count", AnswerRole.Count)],
            [.. Enumerable.Range(0, Rows).Select(row => (IReadOnlyList<AnswerCell>)[
                .. Enumerable.Range(0, Labels).Select(i => new AnswerCell($"{row}x{i}")), new("10")])],
            Rows, 0, new Dictionary<string, string>(), []);
        var cube = AnswerCube.Of(Result(Lines) with { Answer = answer });
        foreach (var write in new Func<AnswerCube, byte[]>[] { JsonStat.Write, PcAxis.Write })
        {
            Assert.Contains("more than 1,000,000 values", Assert.Throws<UsageException>(() => write(cube)).Message, StringComparison.Ordinal);
        }

        Assert.Equal(Rows + 1, Encoding.UTF8.GetString(SdmxCsv.Write(cube)).Count(character => character == '\n'));
    }

    /// <summary>A question's own line ends and controls steer no file.</summary>
    [Fact]
    public void PcAxis_TextOfTheQuestion_StaysInItsQuotationMarks()
    {
        var text = Encoding.UTF8.GetString(PcAxis.Write(AnswerCube.Of(Result(Lines) with { Text = "count\r\nby SEX where AREA = \"x\";\u001b[2J" })));
        Assert.Contains("TITLE=\"count␍␊by SEX where AREA = 'x';␛[2J\";\r\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void LabelsThatBecomeTheSameCode_StayTwo_AndLinesThatAreTheSameAreNoTable()
    {
        var cube = AnswerCube.Of(Result([[new("a b"), new("x"), new("1"), new("1.00")], [new("ab"), new("x"), new("2"), new("1.00")],
            [new("_T"), new("x"), new("3"), new("1.00")]]));
        Assert.Equal(["ab", "ab_2", "T"], cube.Dimensions[0].Codes);
        Assert.Contains("no table", Assert.Throws<UsageException>(() => AnswerCube.Of(Result([Lines[0], Lines[0]]))).Message, StringComparison.Ordinal);
    }
}
