using System.Text.Json;
using PsiMessaging.Files;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests;

/// <summary>
/// A party that puts labels into its own data for the other's spreadsheet to run, or for its terminal to obey, once they come back in an answer.
/// </summary>
public sealed class SpreadsheetReader : IDisposable
{
    private static readonly string[] Labels =
    [
        "=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=2+2", " =3+3", "\uFF1D1+1",
        "x;=4+4", "\u001b]0;gone\u0007", "\u001b[2J", "a\u202Eb", "[red]", "-5", "<10", "plain",
    ];

    private readonly TempFolder _folder = new();

    private string Out => Path.Combine(_folder.Path, "out");

    private async Task<PsiResult> AskAsync(params string[] more)
    {
        static string Quoted(string text) => $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
        var p1 = "ID,A\n" + string.Concat(Labels.Select((_, i) => $"{i},{i * 100}\n"));
        var p2 = "ID,\"LABEL\",V\n" + string.Concat(Labels.Select((label, i) => $"{i},{Quoted(label)},{-5 - i}\n"));
        var result = await PsiProcess.RunAsync(["simulate", "--p1", _folder.Write("p1.csv", p1), "--p2", _folder.Write("p2.csv", p2),
            "--key", "ID", "--query", "LABEL", "--query", "mean(V) by LABEL", "--min-cell", "1", "--out", Out, .. more]);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result;
    }

    private static string FirstField(string line) =>
        line.StartsWith('"')
            ? line[1..line.LastIndexOf("\",", StringComparison.Ordinal)].Replace("\"\"", "\"", StringComparison.Ordinal)
            : line[..line.IndexOf(',', StringComparison.Ordinal)];

    [Fact]
    public async Task SendsLabelsThatAreFormulas_TheFileHoldsNone()
    {
        await AskAsync();
        var text = File.ReadAllText(Path.Combine(Out, "query-1.csv"));
        Assert.DoesNotContain(text, character => char.IsControl(character) && character != '\n');
        var labels = text.TrimEnd('\n').Split('\n')[1..].Select(FirstField).ToArray();
        Assert.Equal(Labels.Length, labels.Length);
        foreach (var label in labels.Where(label => label != "-5"))
        {
            Assert.All(label.Split(';'), piece => Assert.DoesNotContain(piece.TrimStart()[0], "=+-@\uFF1D\uFF0B\uFF0D\uFF20"));
        }

        Assert.Contains("'=cmd|'/C calc'!A0", labels);
        Assert.Contains("x;'=4+4", labels);
        Assert.Contains("\u241B[2J", labels);
        Assert.Contains("-5", labels);
        Assert.Contains("<10", labels);

        // Measures are numbers and stay numbers, below zero too.
        Assert.Contains("-5", File.ReadAllText(Path.Combine(Out, "query-2.csv")).Split('\n')
            .Where(line => line.Contains("cmd", StringComparison.Ordinal)).Select(line => line[(line.LastIndexOf(',') + 1)..]));
        using var metadata = JsonDocument.Parse(File.ReadAllText(Path.Combine(Out, "query-1.csv-metadata.json")));
        Assert.StartsWith("neutralised", metadata.RootElement.GetProperty("notes")[0].GetProperty("labels").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SendsEscapeSequences_TheTerminalGetsNone()
    {
        var result = await AskAsync();
        Assert.DoesNotContain('\u202E', result.Output);
        Assert.DoesNotContain(result.Output + result.Error, character => char.IsControl(character) && character != '\n');
        Assert.Contains("\u241B[2J", result.Output, StringComparison.Ordinal);
        Assert.Contains("[red]", result.Output, StringComparison.Ordinal);
    }

    /// <summary>
    /// A heading comes from the other's file as labels do. Everything the commands say is looked at, each with the code it ends with and the heading in it.
    /// </summary>
    [Fact]
    public async Task SendsAHeadingWithEscapeSequences_TheTerminalGetsNone()
    {
        var home = Path.Combine(_folder.Path, "p1");
        Assert.Equal(0, (await PsiProcess.RunAsync("init", "--home", home, "--party", "P1")).ExitCode);
        var file = _folder.Write("received.csv", "ID,A\u001b[2J\u200EB\n1,2\n2,3\n");
        foreach (var (code, shown, arguments) in new (int, string, string[])[]
        {
            (0, "A\u241B[2J\uFFFDB", ["dataset", "add", "received", file, "--key", "ID"]),
            (0, "received", ["dataset", "list"]),
            (1, "A\u241B[3J", ["dataset", "add", "again", file, "--key", "A\u001b[3J"]),
        })
        {
            var result = await PsiProcess.RunAsync([.. arguments, "--home", home]);
            Assert.True(result.ExitCode == code, result.ToString());
            Assert.Contains(shown, result.Output + result.Error, StringComparison.Ordinal);
            Assert.DoesNotContain(result.Output + result.Error, character => PrintableText.IsControl(character) && character != '\n');
        }
    }

    /// <summary>JSON is for programs: the terminal is not steered by it either, and the heading is the file's own.</summary>
    [Fact]
    public async Task SendsAHeadingWithEscapeSequences_JsonSteersNothingAndSaysItAsItIs()
    {
        const string Heading = "A\u001b[2J\u200E\u202E\u0085é>B";
        var home = Path.Combine(_folder.Path, "p1");
        Assert.Equal(0, (await PsiProcess.RunAsync("init", "--home", home, "--party", "P1")).ExitCode);
        Assert.Equal(0,
            (await PsiProcess.RunAsync("dataset", "add", "received",
                _folder.Write("received.csv", $"ID,{Heading}\n1,2\n2,3\n"), "--key", "ID", "--home", home)).ExitCode);
        var result = await PsiProcess.RunAsync("dataset", "list", "--json", "--home", home);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.DoesNotContain(result.Output, character => PrintableText.IsControl(character) && character != '\n');
        Assert.Contains("é>B", result.Output, StringComparison.Ordinal);
        using var list = JsonDocument.Parse(result.Output);
        Assert.Equal(["ID", Heading], list.RootElement[0].GetProperty("columns").EnumerateArray().Select(column => column.GetString()));
    }

    [Fact]
    public async Task RawLabels_KeepThemAndSaySo()
    {
        await AskAsync("--raw-labels");
        var text = File.ReadAllText(Path.Combine(Out, "query-1.csv"));
        Assert.Contains("\n=cmd|'/C calc'!A0,1\n", text, StringComparison.Ordinal);
        Assert.Contains("\u001b[2J", text, StringComparison.Ordinal);
        Assert.Contains("\"labels\": \"raw\"", File.ReadAllText(Path.Combine(Out, "query-1.csv-metadata.json")), StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
