using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Data.Output;
using PsiMessaging.Sessions;

namespace PsiMessaging.Cli.Output;

/// <summary>A query's answer in the forms people ask for. What must be known to read it travels with each.</summary>
internal static class QueryOutput
{
    private const int MostTableRows = 1000;

    /// <summary>A value as it stands in a CSV file: a withheld one is <c>&lt;k</c>.</summary>
    public static string? Plain(AnswerCell cell, int minCell) => cell.IsWithheld ? $"<{minCell}" : cell.Text;

    public static void Table(QueryResult result)
    {
        var answer = result.Answer;
        var numbers = answer.Columns.Select((column, i) => (column, i)).Where(entry => entry.column.Role != AnswerRole.Label).Select(entry => entry.i).ToArray();
        Terminal.Table([.. answer.Columns.Select(column => column.Name)],
            answer.Rows.Take(MostTableRows).Select(row => (IReadOnlyList<string>)[.. row.Select((cell, i) => Shown(cell, answer.Columns[i], result.MinCell))]), numbers);
        if (answer.Rows.Count > MostTableRows)
        {
            Console.Out.WriteLine($"… and {answer.Rows.Count - MostTableRows:N0} more rows; take --format csv to see them all");
        }

        if (answer.Withheld > 0)
        {
            Console.Out.WriteLine($"{answer.Withheld:N0} of {answer.Rows.Count:N0} rows are about fewer than {result.MinCell} records, or would give such a row away, and are withheld by the session's minimum cell size.");
        }

        if (answer.Facts.Count > 0)
        {
            Console.Out.WriteLine(string.Join(", ", answer.Facts.Where(fact => fact.Value.Length > 0).Select(fact => $"{fact.Key} {Rounded(fact.Value)}")));
        }

        foreach (var rule in answer.Rules.Where(rule => rule.Contains("left out", StringComparison.Ordinal) && !rule.Contains(": 0 records", StringComparison.Ordinal) && !rule.StartsWith("0 records", StringComparison.Ordinal) || rule.Contains("reference is", StringComparison.Ordinal) || rule.Contains("with care", StringComparison.Ordinal)))
        {
            Console.Out.WriteLine($"Note: {rule}.");
        }
    }

    /// <summary>The answer as CSV.</summary>
    /// <param name="result">The answer.</param>
    /// <param name="rawLabels">Whether labels and headings stand as they are in the data; otherwise a spreadsheet can open the file without running them.</param>
    public static byte[] Csv(QueryResult result, bool rawLabels = false)
    {
        string? Field(AnswerCell cell, AnswerColumn column) =>
            Plain(cell, result.MinCell) is { } text && column.Role == AnswerRole.Label && !cell.IsWithheld && !rawLabels ? PrintableText.Cell(text) : Plain(cell, result.MinCell);

        var columns = result.Answer.Columns;
        using var stream = new MemoryStream();
        using (var writer = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true))
        {
            CsvOutput.WriteRow(writer, columns.Select(column => rawLabels ? column.Name : PrintableText.Cell(column.Name)));
            foreach (var row in result.Answer.Rows)
            {
                CsvOutput.WriteRow(writer, row.Select((cell, i) => Field(cell, columns[i])));
            }
        }

        return stream.ToArray();
    }

    /// <summary>Where a CSV file's metadata stands, by the convention of the W3C's CSV on the Web.</summary>
    public static string MetadataPath(string csv) => csv + "-metadata.json";

    /// <summary>What goes beside a CSV file.</summary>
    public static byte[] Metadata(QueryResult result, bool rawLabels = false)
    {
        var json = Describe(result);
        json["labels"] = rawLabels ? "raw" : "neutralised: control characters are shown by their pictures, and an apostrophe stands before a leading =, +, - or @; --raw-labels keeps them as they are";
        json["tableSchema"] = new JsonObject
        {
            ["columns"] = new JsonArray([.. result.Answer.Columns.Select(column => (JsonNode)new JsonObject { ["titles"] = column.Name, ["datatype"] = column.Role switch { AnswerRole.Label => "string", AnswerRole.Count => "integer", AnswerRole.Exact => "decimal", _ => "double" } })]),
        };
        return JsonSerializer.SerializeToUtf8Bytes(json, Indented);
    }

    public static byte[] Json(QueryResult result)
    {
        var json = Describe(result);
        json["columns"] = new JsonArray([.. result.Answer.Columns.Select(column => (JsonNode)new JsonObject { ["name"] = column.Name, ["role"] = column.Role.ToString().ToLowerInvariant() })]);
        json["rows"] = new JsonArray([.. result.Answer.Rows.Select(row => (JsonNode)new JsonArray([.. row.Select((cell, i) => Value(cell, result.Answer.Columns[i]))]))]);
        json["withheldCells"] = new JsonArray([.. result.Answer.Rows.SelectMany((row, i) => row.Select((cell, j) => (cell, i, j))).Where(entry => entry.cell.IsWithheld).Select(entry => (JsonNode)new JsonArray(entry.i, entry.j))]);
        return JsonSerializer.SerializeToUtf8Bytes(json, Indented);
    }

    public static Task<byte[]> ParquetAsync(QueryResult result) => AnswerFile.WriteAsync(
        [.. result.Answer.Columns.Select((column, i) => new AnswerFileColumn(column.Name, column.Role switch { AnswerRole.Label => AnswerFileType.Text, AnswerRole.Count => AnswerFileType.Integer, AnswerRole.Exact => AnswerFileType.Decimal, _ => AnswerFileType.Double }, column.Decimals,
            [.. result.Answer.Rows.Select(row => row[i].IsWithheld ? null : row[i].Text)]))],
        [.. result.Answer.Rows.Select(row => row.Any(cell => cell.IsWithheld))],
        new Dictionary<string, string> { ["psi"] = Describe(result).ToJsonString(Indented) });

    private static JsonObject Describe(QueryResult result) => new()
    {
        ["query"] = result.Text,
        ["session"] = result.Session,
        ["queryId"] = result.QueryId,
        ["engine"] = result.Engine,
        ["answeredAt"] = result.AnsweredAt.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        ["commonRecords"] = result.CommonRecords,
        ["records"] = result.Answer.Records < 0 ? null : result.Answer.Records,
        ["minimumCellSize"] = result.MinCell,
        ["withheldRows"] = result.Answer.Withheld,
        ["facts"] = new JsonObject(result.Answer.Facts.Select(fact => KeyValuePair.Create(fact.Key, (JsonNode?)(double.TryParse(fact.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? JsonValue.Create(number) : null)))),
        ["rules"] = new JsonArray([.. result.Answer.Rules.Select(rule => (JsonNode)rule)]),
        ["seconds"] = Math.Round(result.Seconds, 3),
    };

    private static JsonSerializerOptions Indented { get; } = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, TypeInfoResolver = new System.Text.Json.Serialization.Metadata.DefaultJsonTypeInfoResolver() };

    private static JsonNode? Value(AnswerCell cell, AnswerColumn column) => cell.IsWithheld || cell.Text is null ? null
        : column.Role == AnswerRole.Label ? JsonValue.Create(cell.Text) : JsonNode.Parse(cell.Text);

    /// <summary>A value as people read it: thousands separated, floating numbers in six digits. The files have all digits.</summary>
    private static string Shown(AnswerCell cell, AnswerColumn column, int minCell) => cell switch
    {
        { IsWithheld: true } => $"<{minCell}",
        { Text: null } => column.Role == AnswerRole.Label ? "(missing)" : "",
        _ => column.Role switch
        {
            AnswerRole.Label => cell.Text.Length == 0 ? "(empty)" : cell.Text,
            AnswerRole.Real => Rounded(cell.Text),
            _ => decimal.TryParse(cell.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number.ToString("N" + column.Decimals, CultureInfo.InvariantCulture) : cell.Text,
        },
    };

    private static string Rounded(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        ? Math.Abs(number) is >= 1e6 and < 1e15 ? number.ToString("N0", CultureInfo.InvariantCulture) : number.ToString("G6", CultureInfo.InvariantCulture) : text;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(Simulation.SimulationReport))]
[JsonSerializable(typeof(Simulation.BenchReport))]
[JsonSerializable(typeof(Sessions.PartySession))]
[JsonSerializable(typeof(List<Sessions.PartySession>))]
[JsonSerializable(typeof(List<Sessions.Datasets.Dataset>))]
[JsonSerializable(typeof(Sessions.Datasets.Dataset))]
[JsonSerializable(typeof(Sessions.Datasets.ReusableSet))]
[JsonSerializable(typeof(Commands.SessionView))]
[JsonSerializable(typeof(List<Commands.SessionView>))]
[JsonSerializable(typeof(Commands.AuditView))]
[JsonSerializable(typeof(Commands.CardView))]
internal sealed partial class OutputJson : JsonSerializerContext
{
    /// <summary>For files and terminals, not for web pages: &gt; and é stay as they are.</summary>
    public static OutputJson Plain { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
