using System.Text.Json;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Session;
using PsiMessaging.Storage;
using PsiMessaging.Testing;
using static PsiMessaging.Cli.Tests.PublishedTables;

namespace PsiMessaging.Cli.Tests;

/// <summary><c>psi publish</c> as people run it, on a home with stored answers.</summary>
public sealed class PublishCommandTests : IDisposable
{
    private static readonly (string[], long)[] Cells = [(["F", "0-17"], 40), (["F", "18+"], 310), (["M", "0-17"], 14), (["M", "18+"], 270)];
    private const string Audit = "cell            value  from   to  needed  safe\nSEX=F,AGE=0-17     40    10   44  -       -\n"
        + "SEX=F,AGE=18+     310   306  340  -       -\nSEX=M,AGE=0-17     14    10   44  >= 30   yes\nSEX=M,AGE=18+     270   240  274  -       -\n";

    private readonly TempFolder _folder = new();

    private string Home => Path.Combine(_folder.Path, "p1");

    public void Dispose() => _folder.Dispose();

    private async Task<PsiResult> PsiAsync(params string[] arguments) => await PsiProcess.RunAsync([.. arguments, "--home", Home]);

    private string FileOf(string name) => Path.Combine(_folder.Path, name);

    /// <summary>A home whose party has these answers.</summary>
    private async Task MakeAsync(params QueryResult[] answers)
    {
        Assert.Equal(0, (await PsiAsync("init", "--party", "P1")).ExitCode);
        using var home = ParticipantHome.Open(Home);
        using var store = new SqliteParticipantStore(home.StatePath);
        store.Write(state =>
        {
            foreach (var answer in answers)
            {
                var question = new Question(QuestionState.Answered)
                {
                    Id = answer.QueryId, Session = answer.Session, Text = answer.Text, AskedAt = answer.AnsweredAt, Result = answer,
                };
                state.PutDocument("query", answer.QueryId, JsonSerializer.Serialize(question, PartyJson.Default.Question));
            }
        });
    }

    private static string Page()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "PsiMessaging.sln")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder.FullName, "docs", "suppression.md");
    }

    private static QueryResult BySexAndAge(int id = 0xa1) => Answer("SEX, AGE with totals", Cells, id, minimum: 10);

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task Publish_ATable_WithholdsWhatIsSmallAndWhatGivesItAway_TheSameTwice()
    {
        await MakeAsync(BySexAndAge());
        var (file, audit) = (FileOf("table.csv"), FileOf("audit.txt"));
        var first = await PsiAsync("publish", "a1", "--form", "csv", "--out", file, "--audit", audit, "--show-audit");
        Assert.True(first.ExitCode == 0, first.ToString());
        Assert.Equal("", first.Output);
        Assert.Equal("SEX,AGE,count\nF,0-17,withheld\nF,18+,withheld\nM,0-17,withheld\nM,18+,withheld\n(total),0-17,54\n(total),18+,580\n"
            + "F,(total),350\nM,(total),284\n(total),(total),634\n", await File.ReadAllTextAsync(file));
        Assert.Equal("1 count below 30 and 3 more counts that protect them are withheld, the fewest that will do\n", first.Error[Audit.Length..]);
        Assert.StartsWith(Audit, first.Error, StringComparison.Ordinal);
        Assert.Equal(Audit, await File.ReadAllTextAsync(audit));
        Assert.Contains($"```\n{Audit}```", await File.ReadAllTextAsync(Page()),
            StringComparison.Ordinal);
        var bytes = await File.ReadAllBytesAsync(file);
        var metadata = await File.ReadAllTextAsync(file + "-metadata.json");
        Assert.Contains("counts below 30 are withheld", metadata, StringComparison.Ordinal);
        Assert.DoesNotContain("12 records have no value", metadata, StringComparison.Ordinal);
        Assert.Equal(0, (await PsiAsync("publish", "a1", "--form", "csv", "--out", file)).ExitCode);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(file));
        Assert.DoesNotContain(Directory.GetFiles(_folder.Path), path => path.EndsWith(".part", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task Publish_SeveralTables_WritesAFileEach_OrPrintsEach()
    {
        await MakeAsync(BySexAndAge(), Answer("SEX", [(["F"], 350), (["M"], 284)], 0xb2, minimum: 10));
        var both = await PsiAsync("publish", "a1", "b2", "--rule", "minimum-frequency=20", "--form", "json-stat", "--out", FileOf("t.json"));
        Assert.True(both.ExitCode == 0, both.ToString());
        Assert.Equal(["t-a1000000.json", "t-b2000000.json"],
            Directory.GetFiles(_folder.Path, "t-*").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        var printed = await PsiAsync("publish", "a1", "b2");
        Assert.True(printed.ExitCode == 0, printed.ToString());
        Assert.Contains("SEX, AGE with totals\n", printed.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(" 14 ", printed.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Publish_Rounded_IsInMultiplesOfTheBase()
    {
        await MakeAsync(BySexAndAge());
        var rounded = await PsiAsync("publish", "a1", "--round", "20", "--form", "csv");
        Assert.True(rounded.ExitCode == 0, rounded.ToString());
        Assert.All(rounded.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1), line => Assert.Equal(0, Number(line.Split(',')[2]) % 20));
        Assert.StartsWith("every count is a multiple of 20 now", rounded.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "is below the session's minimum cell size, 10", "a1", "--rule", "minimum-frequency=9")]
    [InlineData(2, "--rule takes minimum-frequency=N", "a1", "--rule", "p-percent=9")]
    [InlineData(2, "--rule takes minimum-frequency=N", "a1", "--rule", "minimum-frequency=-1")]
    [InlineData(2, "do not go together", "a1", "--rule", "minimum-frequency=30", "--round", "5")]
    [InlineData(2, "--round takes a whole number", "a1", "--round", "1")]
    [InlineData(2, "--audit and --show-audit are of withheld counts", "a1", "--round", "5", "--show-audit")]
    [InlineData(2, "add --out FILE", "a1", "c3", "--form", "csv")]
    [InlineData(2, "Required argument missing", "--form", "csv")]
    [InlineData(1, "P1 has no answer ff", "ff")]
    [InlineData(1, "cannot be published: c3000000 has mean(X)", "c3")]
    [InlineData(1, "cannot be published: the session has 634 common records, fewer than 700", "a1", "--rule", "minimum-frequency=700")]
    [InlineData(1, "whatever is withheld: SEX=F", "d4")]
    public async Task Publish_WhatCannotBe_IsOneLineAndAnExitCode(int exitCode, string message, params string[] arguments)
    {
        await MakeAsync(BySexAndAge(), Answer("SEX", [(["F"], 350), (["M"], 284)], 0xc3, minimum: 10) with { Text = "count, mean(X) by SEX" },
            Answer("SEX with totals", [(["F"], 25), (["M"], 10)], 0xd4, minimum: 10));
        var result = await PsiAsync(["publish", .. arguments]);
        Assert.True(result.ExitCode == exitCode, result.ToString());
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.True(exitCode == 2 || result.Error.TrimEnd('\n').Split('\n').Length == 1, result.ToString());
        Assert.Equal("", result.Output);
    }
}
