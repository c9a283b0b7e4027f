using PsiMessaging.Cli.Output.Forms;
using PsiMessaging.Party.Questions;
using PsiMessaging.Files;

namespace PsiMessaging.Cli.Output;

/// <summary>Writes answers to files and to standard output.</summary>
internal static class AnswerWriter
{
    /// <summary>The forms there are.</summary>
    public static string[] Forms => ["table", "csv", "json", "parquet", "sdmx-csv", "json-stat", "px"];

    /// <summary>Refuses a choice that cannot be, before the question is asked.</summary>
    public static void Check(string form, string? file, string? plot, bool rawLabels)
    {
        if (rawLabels && form != "csv")
        {
            throw new UsageException("--raw-labels goes with --format csv; JSON and Parquet always have the labels as they are, the others never");
        }

        if (rawLabels && file is null && !Console.IsOutputRedirected)
        {
            throw new UsageException("raw labels may steer a terminal: add --out FILE");
        }

        if (file is null && form == "parquet")
        {
            throw new UsageException("a Parquet answer needs a file: add --out FILE");
        }

        if (file is not null && form == "table")
        {
            throw new UsageException("--out takes another --format than table");
        }

        if (plot is not null)
        {
            AnswerPlot.Check(plot);
        }

        foreach (var target in new[] { file, plot }.OfType<string>())
        {
            if (Path.GetDirectoryName(Path.GetFullPath(target)) is { } folder && !Directory.Exists(folder))
            {
                throw new UsageException($"the folder {folder} does not exist; make it before the question is asked");
            }
        }
    }

    /// <summary>An answer in a form; a table has none but on a terminal, and comes out as CSV.</summary>
    /// <exception cref="UsageException">It has no such form.</exception>
    public static async Task<byte[]> ContentAsync(QueryResult result, string form, bool rawLabels) => form switch
    {
        "parquet" => await QueryOutput.ParquetAsync(result),
        "json" => QueryOutput.Json(result),
        "sdmx-csv" => SdmxCsv.Write(AnswerCube.Of(result)),
        "json-stat" => JsonStat.Write(AnswerCube.Of(result)),
        "px" => PcAxis.Write(AnswerCube.Of(result)),
        _ => QueryOutput.Csv(result, rawLabels),
    };

    /// <summary>Writes an answer; to standard output when no file is named. A file is its owner's alone.</summary>
    public static async Task WriteAsync(QueryResult result, string form, string? file, bool rawLabels)
    {
        if (form == "table")
        {
            QueryOutput.Table(result);
            return;
        }

        var content = await ContentAsync(result, form, rawLabels);
        if (file is null)
        {
            if (rawLabels)
            {
                await using var output = Console.OpenStandardOutput();
                await output.WriteAsync(content);
                return;
            }

            await Console.Out.WriteAsync(System.Text.Encoding.UTF8.GetString(content));
            if (form is "json" or "json-stat")
            {
                await Console.Out.WriteLineAsync();
            }

            return;
        }

        AtomicFile.Write(file, content);
        if (form == "csv")
        {
            AtomicFile.Write(QueryOutput.MetadataPath(file), QueryOutput.Metadata(result, Path.GetFileName(file), rawLabels));
        }
    }
}
