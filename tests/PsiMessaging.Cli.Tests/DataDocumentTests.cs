using System.Text.RegularExpressions;
using PsiMessaging.Testing;

namespace PsiMessaging.Cli.Tests;

/// <summary>docs/data.md is true: each of its commands is typed, and prints what the page shows.</summary>
public partial class DataDocumentTests
{
    [Fact]
    public async Task EveryExample_Typed_PrintsWhatThePageShows()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "PsiMessaging.sln")))
        {
            root = root.Parent!;
        }

        using var folder = new TempFolder();
        var home = Path.Combine(folder.Path, "p1");
        await PsiProcess.RunAsync("init", "--home", home, "--party", "P1");
        var examples = Example().Matches(File.ReadAllText(Path.Combine(root.FullName, "docs", "data.md")));
        Assert.True(examples.Count >= 12, $"only {examples.Count} examples were found");
        foreach (Match example in examples)
        {
            var words = example.Groups["command"].Value.Split(' ');
            Assert.Equal("psi", words[0]);
            var arguments = words.Skip(1).Select(word => word.StartsWith("docs/", StringComparison.Ordinal) ? Path.Combine(root.FullName, word) : word);
            var result = await PsiProcess.RunAsync([.. arguments, "--home", home]);
            Assert.True(result.ExitCode == 0, $"{example.Groups["command"].Value}: {result}");
            Assert.Equal(example.Groups["output"].Value, string.Concat(result.Output.Split('\n').Take(3).Select(line => line + "\n")));
        }
    }

    /// <summary>Examples are there for each kind of export that the page names, and no file of them lies about unused.</summary>
    [Fact]
    public void EveryExampleFile_IsOnAPage()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "PsiMessaging.sln")))
        {
            root = root.Parent!;
        }

        var pages = string.Concat(Directory.GetFiles(Path.Combine(root.FullName, "docs"), "*.md").Select(File.ReadAllText));
        Assert.All(Directory.GetFiles(Path.Combine(root.FullName, "docs", "examples")),
            file => Assert.Contains($"docs/examples/{Path.GetFileName(file)}", pages, StringComparison.Ordinal));
    }

    [GeneratedRegex("```sh\n(?<command>psi dataset add [^\n]+)\n```\n+```text\n(?<output>.+?)```",
        RegexOptions.ExplicitCapture | RegexOptions.Singleline, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Example();
}
