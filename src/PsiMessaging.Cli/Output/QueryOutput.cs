using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Sessions;
using PsiMessaging.Data.Output;

namespace PsiMessaging.Cli.Output;

/// <summary>A query's answer in the forms people ask for.</summary>
internal static class QueryOutput
{
    private const int MostTableRows = 1000;

    public static string Count(QueryGroup group, int minCell) => group.Count?.ToString() ?? $"<{minCell}";

    public static void Table(QueryResult result)
    {
        Terminal.Table([.. result.Columns, "count"],
            result.Groups.Take(MostTableRows).Select(group => (IReadOnlyList<string>)[.. group.Labels.Select(Label), group.Count?.ToString("N0") ?? $"<{result.MinCell}"]), result.Columns.Count);
        if (result.Groups.Count > MostTableRows)
        {
            Console.Out.WriteLine($"… and {result.Groups.Count - MostTableRows:N0} more groups; take --format csv to see them all");
        }

        if (result.Suppressed > 0)
        {
            Console.Out.WriteLine($"{result.Suppressed:N0} of {result.Groups.Count:N0} counts are below {result.MinCell} and withheld by the session's minimum cell size.");
        }
    }

    /// <summary>Header, then the groups; a suppressed count is written <c>&lt;k</c>.</summary>
    public static IEnumerable<IEnumerable<string?>> CsvRows(QueryResult result) =>
        result.Groups.Select(group => group.Labels.Append(Count(group, result.MinCell)));

    public static void WriteCsvFile(string path, QueryResult result) => CsvOutput.WriteFile(path, result.Columns.Append("count"), CsvRows(result));

    public static void Csv(QueryResult result, TextWriter writer)
    {
        CsvOutput.WriteRow(writer, result.Columns.Append("count"));
        foreach (var row in CsvRows(result))
        {
            CsvOutput.WriteRow(writer, row);
        }
    }

    public static void Json(QueryResult result) => Terminal.Json(result, OutputJson.Plain.QueryResult);

    public static Task<byte[]> ParquetAsync(QueryResult result) =>
        CountTableFile.WriteAsync(result.Columns, [.. result.Groups.Select(group => (group.Labels, group.Count))]);

    private static string Label(string? label) => label is null ? "(missing)" : label.Length == 0 ? "(empty)" : new string([.. label.Select(character => char.IsControl(character) ? ' ' : character)]);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(QueryResult))]
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
