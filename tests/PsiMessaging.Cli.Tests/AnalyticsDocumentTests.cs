using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Testing;

namespace PsiMessaging.Cli.Tests;

/// <summary>docs/analytics.md is true: each of its examples is asked, and answers what the page shows.</summary>
public class AnalyticsDocumentTests
{
    [Fact]
    public async Task EveryExample_Asked_AnswersWhatThePageShows()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "PsiMessaging.sln")))
        {
            root = root.Parent!;
        }

        var docs = Path.Combine(root.FullName, "docs");
        var examples = Examples(File.ReadAllText(Path.Combine(docs, "analytics.md")));
        Assert.True(examples.Count >= 12, $"only {examples.Count} examples were found");
        using var folder = new TempFolder();
        var output = Path.Combine(folder.Path, "out");
        var result = await PsiProcess.RunAsync(["simulate", "--p1", Path.Combine(docs, "examples", "people.csv"), "--p2",
            Path.Combine(docs, "examples", "taxes.csv"), "--key", "ID", "--min-cell", "1", "--out", output, "--plot", "svg",
            .. examples.Where(example => Draws(example.Query)).SelectMany(example => new[] { "--query", example.Query })]);
        Assert.True(result.ExitCode == 0, result.Error);
        var drawn = examples.Where(example => Draws(example.Query)).ToArray();
        for (var i = 0; i < drawn.Length; i++)
        {
            Assert.Equal($"{drawn[i].Query}\n{drawn[i].Answer}", $"{drawn[i].Query}\n{File.ReadAllText(Path.Combine(output, $"query-{i + 1}.csv"))}");
            Assert.Contains("<svg", File.ReadAllText(Path.Combine(output, $"query-{i + 1}.svg")), StringComparison.Ordinal);
            Assert.Contains("\"engine\": \"masked\"", File.ReadAllText(Path.Combine(output, $"query-{i + 1}.csv-metadata.json")), StringComparison.Ordinal);
        }

        var rest = examples.Except(drawn).ToArray();
        output = Path.Combine(folder.Path, "rest");
        result = await PsiProcess.RunAsync(["simulate", "--p1", Path.Combine(docs, "examples", "people.csv"),
            "--p2", Path.Combine(docs, "examples", "taxes.csv"), "--key", "ID", "--min-cell", "1", "--out", output,
            .. rest.SelectMany(example => new[] { "--query", example.Query })]);
        Assert.True(result.ExitCode == 0, result.Error);
        for (var i = 0; i < rest.Length; i++)
        {
            Assert.Equal($"{rest[i].Query}\n{rest[i].Answer}", $"{rest[i].Query}\n{File.ReadAllText(Path.Combine(output, $"query-{i + 1}.csv"))}");
        }
    }

    /// <summary>Whether an answer has one or two groupings, or is a regression: those have pictures.</summary>
    private static bool Draws(string query) =>
        query.Contains("ols", StringComparison.Ordinal) || query.Contains("histogram", StringComparison.Ordinal) || query is "SEX, CLASS" or "count by CLASS";

    private static List<(string Query, string Answer)> Examples(string text)
    {
        var examples = new List<(string, string)>();
        string Block(string kind, ref int at)
        {
            var start = text.IndexOf($"```{kind}\n", at, StringComparison.Ordinal);
            if (start < 0)
            {
                return "";
            }

            start += kind.Length + 4;
            at = text.IndexOf("```", start, StringComparison.Ordinal);
            return text[start..at];
        }

        for (var at = 0; Block("query", ref at).TrimEnd('\n') is { Length: > 0 } query;)
        {
            examples.Add((query, Block("csv", ref at)));
        }

        return examples;
    }
}
