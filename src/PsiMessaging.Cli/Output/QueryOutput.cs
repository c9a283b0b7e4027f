using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Output;
using PsiMessaging.Party.Questions;
using PsiMessaging.Files;

namespace PsiMessaging.Cli.Output;

/// <summary>A query's answer in the forms people ask for. What must be known to read it travels with each.</summary>
internal static class QueryOutput
{
    private const int MostTableRows = 1000;

    /// <summary>
    /// Rows as texts, null where there is none. A withheld value says so, and not why; the line that stands for all groups not shown has labels, and a
    /// number only where everybody can count those records.
    /// </summary>
    public static IEnumerable<IReadOnlyList<string?>> Texts(QueryResult result, bool rawLabels = false) => result.Answer.Rows.Select(row =>
        (IReadOnlyList<string?>)[
            .. row.Select((cell, i) => cell is { IsWithheld: true, Text: null } && !IsWithheldLine(row) ? "withheld"
                : result.Answer.Columns[i].Role == AnswerRole.Label && !rawLabels ? LabelOf(cell) : cell.Text)
        ]);

    /// <summary>Words in place of a label. A category of the data that is called the same gets an apostrophe, and is not taken for one of them.</summary>
    private static readonly HashSet<string> Words = new(["(total)", "(withheld)", "(missing)", "(empty)"], StringComparer.Ordinal);

    private static string? LabelOf(AnswerCell cell) =>
        cell is { IsTotal: false, IsWithheld: false, Text: { } text } && Words.Contains(text) ? "'" + text : cell.Text;

    /// <summary>Whether a row is the line that stands for all groups not shown.</summary>
    public static bool IsWithheldLine(IReadOnlyList<AnswerCell> row) => row.Count > 0 && row[0] == AnswerCell.WithheldGroups;

    public static void Table(QueryResult result)
    {
        var answer = result.Answer;
        var numbers = answer.Columns.Select((column, i) => (column, i))
            .Where(entry => entry.column.Role != AnswerRole.Label).Select(entry => entry.i).ToArray();
        Terminal.Table([.. answer.Columns.Select(column => column.Name)],
            answer.Rows.Zip(Texts(result)).Take(MostTableRows)
                .Select(row => (IReadOnlyList<string>)[.. row.First.Select((cell, i) => Shown(cell, row.Second[i], answer.Columns[i]))]), numbers);
        if (answer.Rows.Count > MostTableRows)
        {
            Console.Out.WriteLine($"… and {answer.Rows.Count - MostTableRows:N0} more rows; take --format csv to see them all");
        }

        if (result.MinCell > 1)
        {
            // The same under every answer of the session.
            Console.Out.WriteLine($"Minimum cell size {result.MinCell}: {AnswerBuilder.WithheldRule(result.MinCell)}.");
        }

        if (answer.Facts.Count > 0)
        {
            Console.Out.WriteLine(string.Join(", ", answer.Facts.Where(fact => fact.Value.Length > 0).Select(fact => $"{fact.Key} {Rounded(fact.Value)}")));
        }

        foreach (var rule in answer.Rules.Where(rule =>
            rule.Contains("left out", StringComparison.Ordinal) && !rule.Contains(": 0 records", StringComparison.Ordinal)
                    && !rule.StartsWith("0 records", StringComparison.Ordinal)
                || rule.Contains("reference is", StringComparison.Ordinal) || rule.Contains("with care", StringComparison.Ordinal)))
        {
            Console.Out.WriteLine($"Note: {rule}.");
        }
    }

    /// <summary>The answer as CSV.</summary>
    /// <param name="result">The answer.</param>
    /// <param name="rawLabels">
    /// Whether labels and headings stand as they are in the data; otherwise a spreadsheet can open the file without running them.
    /// </param>
    public static byte[] Csv(QueryResult result, bool rawLabels = false)
    {
        var columns = result.Answer.Columns;
        string? Field(string? text, int column) => text is not null && columns[column].Role == AnswerRole.Label && !rawLabels ? PrintableText.Cell(text) : text;

        using var stream = new MemoryStream();
        using (var writer = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true))
        {
            CsvOutput.WriteRow(writer, columns.Select(column => rawLabels ? column.Name : PrintableText.Cell(column.Name)));
            foreach (var row in Texts(result, rawLabels))
            {
                CsvOutput.WriteRow(writer, row.Select(Field));
            }
        }

        return stream.ToArray();
    }

    /// <summary>Where a CSV file's metadata stands, by the convention of the W3C's CSV on the Web.</summary>
    public static string MetadataPath(string csv) => csv + "-metadata.json";

    /// <summary>What goes beside a CSV file: a table's description as the W3C has it (CSV on the Web, metadata vocabulary).</summary>
    /// <param name="result">The answer.</param>
    /// <param name="file">Name of the CSV file, without a folder.</param>
    /// <param name="rawLabels">Whether labels stand in it as they are in the data.</param>
    public static byte[] Metadata(QueryResult result, string file, bool rawLabels = false)
    {
        var notes = Describe(result);
        notes["labels"] = rawLabels
            ? "raw"
            : "neutralised: control characters are shown by their pictures, and an apostrophe stands before a leading =, +, - or @, and before a label that is "
                + "called like one of the words that stand in place of a label, (total) for example; --raw-labels keeps them as they are";
        var taken = new HashSet<string>(StringComparer.Ordinal);
        var json = new JsonObject
        {
            ["@context"] = "http://www.w3.org/ns/csvw",
            ["url"] = Uri.EscapeDataString(file),
            ["tableSchema"] = new JsonObject
            {
                ["columns"] = new JsonArray([
                    .. result.Answer.Columns.Select((column, i) => (JsonNode)new JsonObject
                    {
                        ["name"] = NameOf(column.Name, taken), ["titles"] = column.Name, ["datatype"] = DatatypeOf(result.Answer, i),
                    })
                ]),
            },
            ["notes"] = new JsonArray(notes),
        };
        return JsonSerializer.SerializeToUtf8Bytes(json, Indented);
    }

    /// <summary>A column with words in place of values is none of numbers.</summary>
    private static string DatatypeOf(Answer answer, int column) => answer.Columns[column].Role switch
    {
        AnswerRole.Label => "string",
        _ when answer.Rows.Any(row => row[column] is { IsWithheld: true, Text: null } && !IsWithheldLine(row)) => "string",
        AnswerRole.Count => "integer",
        AnswerRole.Exact => "decimal",
        _ => "double"
    };

    /// <summary>A name as a URI template takes it (RFC 6570 section 2.3), not beginning with an underscore, another one for each column.</summary>
    private static string NameOf(string heading, HashSet<string> taken)
    {
        var plain = new string([.. heading.Select(character => char.IsAsciiLetterOrDigit(character) ? character : '_')]).Trim('_');
        var (wanted, name) = (plain.Length > 0 ? plain : "column", plain.Length > 0 ? plain : "column");
        for (var i = 2; !taken.Add(name); i++)
        {
            name = $"{wanted}_{i}";
        }

        return name;
    }

    public static byte[] Json(QueryResult result)
    {
        var json = Describe(result);
        json["columns"] = new JsonArray([
            .. result.Answer.Columns.Select(column => (JsonNode)new JsonObject { ["name"] = column.Name, ["role"] = column.Role.ToString().ToLowerInvariant() })
        ]);
        json["rows"] =
            new JsonArray([.. result.Answer.Rows.Select(row => (JsonNode)new JsonArray([.. row.Select((cell, i) => Value(cell, result.Answer.Columns[i]))]))]);
        JsonArray Cells(Func<AnswerCell, bool> which) =>
            new([.. result.Answer.Rows.SelectMany((row, i) => row.Select((cell, j) => (cell, i, j)))
                .Where(entry => which(entry.cell)).Select(entry => (JsonNode)new JsonArray(entry.i, entry.j))]);
        json["withheldCells"] = Cells(cell => cell.IsWithheld);
        json["totalCells"] = Cells(cell => cell.IsTotal);
        return JsonSerializer.SerializeToUtf8Bytes(json, Indented);
    }

    public static Task<byte[]> ParquetAsync(QueryResult result) => AnswerFile.WriteAsync(
        [.. result.Answer.Columns.Select((column, i) => new AnswerFileColumn(column.Name, column.Role switch
        {
            AnswerRole.Label => AnswerFileType.Text,
            AnswerRole.Count => AnswerFileType.Integer,
            AnswerRole.Exact => AnswerFileType.Decimal,
            _ => AnswerFileType.Double
        }, column.Decimals,
            [.. result.Answer.Rows.Select(row => row[i].Text)]))],
        [.. result.Answer.Rows.Select(row => row.Any(cell => cell.IsWithheld))],
        new Dictionary<string, string> { ["psi"] = Describe(result).ToJsonString(Indented) });

    private static JsonObject Describe(NoiseTerms noise)
    {
        var described = new JsonObject { ["law"] = JsonSerializer.SerializeToNode(noise.Law) };
        if (noise.Law == NoiseKind.CellKey)
        {
            (described["variance"], described["deviation"]) = (CellKeyRule.Variance(noise), CellKeyRule.Deviation(noise));
        }
        else
        {
            described["spread"] = noise.Spread;
        }

        described["mostOff95"] = NoiseRule.MostOff(noise);
        return described;
    }

    private static JsonObject Describe(QueryResult result) => new()
    {
        ["query"] = result.Text,
        ["session"] = result.Session,
        ["queryId"] = result.QueryId,
        ["engine"] = WireNames.NameOf(result.Engine),
        ["answeredAt"] = result.AnsweredAt.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        ["commonRecords"] = result.CommonRecords < 0 ? null : result.CommonRecords,
        ["records"] = result.Answer.Records < 0 ? null : result.Answer.Records,
        ["minimumCellSize"] = result.MinCell,
        ["noise"] = result.Answer.Noise is { } noise ? Describe(noise) : null,
        ["withheldRows"] = result.Answer.Withheld,
        ["withheldLine"] = result.Answer.Rows.Any(IsWithheldLine),
        ["facts"] = new JsonObject(result.Answer.Facts.Select(fact => KeyValuePair.Create(fact.Key,
            (JsonNode?)(double.TryParse(fact.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? JsonValue.Create(number) : null)))),
        ["rules"] = new JsonArray([.. result.Answer.Rules.Select(rule => (JsonNode)rule)]),
        ["seconds"] = Math.Round(result.Seconds, 3),
    };

    private static JsonSerializerOptions Indented { get; } = new()
    {
        WriteIndented = true,
        Encoder = PrintableJson.Encoder,
        TypeInfoResolver = new System.Text.Json.Serialization.Metadata.DefaultJsonTypeInfoResolver()
    };

    private static JsonNode? Value(AnswerCell cell, AnswerColumn column) => cell.Text is null ? null
        : column.Role == AnswerRole.Label ? JsonValue.Create(cell.Text) : JsonNode.Parse(cell.Text);

    /// <summary>A value as people read it: thousands separated, floating numbers in six digits. The files have all digits.</summary>
    private static string Shown(AnswerCell cell, string? text, AnswerColumn column) => cell switch
    {
        { IsWithheld: true, Text: null } => text ?? "",
        { Text: null } => column.Role == AnswerRole.Label ? "(missing)" : "",
        _ => column.Role switch
        {
            AnswerRole.Label => cell.Text.Length == 0 ? "(empty)" : cell.Text,
            AnswerRole.Real => Rounded(cell.Text),
            _ => decimal.TryParse(cell.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                ? number.ToString("N" + column.Decimals, CultureInfo.InvariantCulture)
                : cell.Text,
        },
    };

    private static string Rounded(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        ? Math.Abs(number) is >= 1e6 and < 1e15 ? number.ToString("N0", CultureInfo.InvariantCulture) : number.ToString("G6", CultureInfo.InvariantCulture)
        : text;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(Commands.KeysView))]
[JsonSerializable(typeof(List<Commands.AnswerView>))]
[JsonSerializable(typeof(Commands.PolicyView))]
[JsonSerializable(typeof(Commands.ApprovalsView))]
[JsonSerializable(typeof(Simulation.SimulationReport))]
[JsonSerializable(typeof(Simulation.BenchReport))]
[JsonSerializable(typeof(List<Party.Datasets.Dataset>))]
[JsonSerializable(typeof(Party.Datasets.Dataset))]
[JsonSerializable(typeof(Party.Datasets.ReusableSet))]
[JsonSerializable(typeof(Commands.SessionView))]
[JsonSerializable(typeof(List<Commands.SessionView>))]
[JsonSerializable(typeof(Commands.AuditView))]
[JsonSerializable(typeof(Commands.AuditEntriesView))]
[JsonSerializable(typeof(Commands.AuditExportView))]
[JsonSerializable(typeof(Participants.Audit.ReconciliationResult))]
[JsonSerializable(typeof(Commands.CardView))]
internal sealed partial class OutputJson : JsonSerializerContext
{
    /// <summary>For files and terminals, not for web pages.</summary>
    public static OutputJson Plain { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true, Encoder = PrintableJson.Encoder,
    });
}
