using PsiMessaging.Data.Output;

namespace PsiMessaging.Data.Tests;

/// <summary>Results as people get them: Parquet and CSV.</summary>
public class AnswerFileTests
{
    [Fact]
    public async Task AnswerFile_ReadByAnotherReader_HoldsTypesWithheldRowsAndMetadata()
    {
        var path = Path.Combine(Path.GetTempPath(), $"psi-answer-{Environment.ProcessId}.parquet");
        File.WriteAllBytes(path, await AnswerFile.WriteAsync(
            [
                new AnswerFileColumn("A", AnswerFileType.Text, 0, ["< 20", null]), new AnswerFileColumn("A", AnswerFileType.Integer, 0, ["3", null]),
                new AnswerFileColumn("sum", AnswerFileType.Decimal, 2, ["12345678901234567890.25", null]),
                new AnswerFileColumn("mean", AnswerFileType.Double, 0, ["0.1", null]),
            ],
            [false, true], new Dictionary<string, string> { ["psi"] = "{\"engine\":\"masked\"}" }));
        using var connection = new DuckDB.NET.Data.DuckDBConnection("DataSource=:memory:");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText =
            $"SELECT \"A\", \"A_1\", \"sum\"::VARCHAR, \"mean\", withheld, (SELECT value::VARCHAR FROM parquet_kv_metadata('{path}') WHERE key = 'psi'::BLOB) "
                + $"FROM read_parquet('{path}')";
        using var reader = command.ExecuteReader();
        Assert.True(reader.Read());
        Assert.Equal(("< 20", 3L, "12345678901234567890.25", 0.1, false),
            (reader.GetString(0), reader.GetInt64(1), reader.GetString(2), reader.GetDouble(3), reader.GetBoolean(4)));
        Assert.Contains("masked", reader.GetString(5), StringComparison.Ordinal);
        Assert.True(reader.Read());
        Assert.True(reader.IsDBNull(0) && reader.IsDBNull(1) && reader.IsDBNull(2) && reader.IsDBNull(3) && reader.GetBoolean(4));
        File.Delete(path);
    }

    [Fact]
    public void CsvOutput_SpecialValues_AreQuotedAndNullsAreNotEmptyText()
    {
        using var writer = new StringWriter();
        CsvOutput.WriteRow(writer, ["a,b", "say \"hi\"", "two\nlines", "", null, "< 20", " x "]);
        Assert.Equal("\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\"\",,< 20, x \n", writer.ToString());
    }
}
