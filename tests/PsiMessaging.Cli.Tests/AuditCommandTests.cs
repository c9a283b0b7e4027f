using System.Text.Json;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Cli.Tests;

/// <summary><c>psi audit</c> as people and programs see it.</summary>
public sealed class AuditCommandTests : IDisposable
{
    private static readonly string Session = new('a', 32), Other = new('b', 32), Question = new('c', 32);

    private readonly TempFolder _folder = new();

    private string P1 => Path.Combine(_folder.Path, "p1");

    private string P2 => Path.Combine(_folder.Path, "p2");

    private string PathOf(string file) => Path.Combine(_folder.Path, file);

    /// <summary>Two homes that trust each other, and in both logs a session, at P1 another one too.</summary>
    private void MakeHomes(int common = 4)
    {
        using var p1 = ParticipantHome.Create(P1, new ParticipantConfig { Name = "P1", Role = ParticipantRole.Party });
        using var p2 = ParticipantHome.Create(P2, new ParticipantConfig { Name = "P2", Role = ParticipantRole.Party });
        p1.Pin(p2.Card, replace: false);
        p2.Pin(p1.Card, replace: false);
        Enter(p1, log => log("session-opened", [("session", Other), ("peer", "P3"), ("dataset", "payroll")]));
        Enter(p1, log => log("session-completed", [("session", Session), ("peer", "P2"), ("own", 10), ("peers", 1200), ("common", 4)]));
        Enter(p1, log => log("query-asked", [("session", Session), ("query", Question), ("text", "SEX where AGE = '\u001b[2Jx'")]));
        Enter(p2, log => log("session-completed", [("session", Session), ("peer", "P1"), ("own", 1200), ("peers", 10), ("common", common)]));
        Enter(p2, log => log("peer-asked", [("session", Session), ("query", Question), ("asker", "P1"), ("outcome", "contributed")]));
    }

    private static void Enter(ParticipantHome home, Action<Action<string, (string, System.Text.Json.Nodes.JsonNode?)[]>> entries)
    {
        using var store = new SqliteParticipantStore(home.StatePath);
        var log = new AuditLog(home, TimeProvider.System);
        entries((happening, details) => store.Write(state => log.Append(state, happening, details)));
    }

    private static Task<PsiResult> Psi(string home, params string[] arguments) => PsiProcess.RunAsync(["audit", .. arguments, "--home", home]);

    private static async Task<string> Done(string home, params string[] arguments)
    {
        var result = await Psi(home, arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result.Output;
    }

    private static async Task Failed(int code, string expected, string home, params string[] arguments)
    {
        var result = await Psi(home, arguments);
        Assert.Equal(code, result.ExitCode);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_IsATableForPeople_ThatObeysNothingInIt()
    {
        MakeHomes();
        var table = await Done(P1, "show");
        foreach (var part in new[]
            { "session completed", "question asked", "own 10, peers 1,200, common 4", "aaaaaaaa", "P2", "P3", "query cccccccc, text SEX" })
        {
            Assert.Contains(part, table, StringComparison.Ordinal);
        }

        Assert.DoesNotContain('\u001b', table);
        Assert.DoesNotContain(Session, table, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_BySessionEventTimeAndNumber_ShowsThose()
    {
        MakeHomes();
        Assert.DoesNotContain("payroll", await Done(P1, "show", "--session", "aaaa"), StringComparison.Ordinal);
        Assert.DoesNotContain("completed", await Done(P1, "show", "--event", "query-asked"), StringComparison.Ordinal);
        Assert.Equal("None of the 3 entries is one of these\n", await Done(P1, "show", "--since", "2999-01-01"));
        var last = await Done(P1, "show", "--last", "1");
        Assert.Contains("The last 1 that there are of 3 entries", last, StringComparison.Ordinal);
        Assert.DoesNotContain("completed", last, StringComparison.Ordinal);
        await Failed(2, "there is no event nonsense", P1, "show", "--event", "nonsense");
        await Failed(2, "--since takes a day or a time", P1, "show", "--since", "yesterday");
    }

    [Fact]
    public async Task Show_Json_IsOneDocument()
    {
        MakeHomes();
        using var document = JsonDocument.Parse(await Done(P1, "show", "--json"));
        var entry = document.RootElement.GetProperty("entries")[2];
        Assert.Equal((3, "query-asked", "SEX where AGE = '\u001b[2Jx'", 64), (entry.GetProperty("number").GetInt32(), entry.GetProperty("event").GetString(),
            entry.GetProperty("fields").GetProperty("text").GetString(), entry.GetProperty("head").GetString()!.Length));
        Assert.Equal("P1", document.RootElement.GetProperty("owner").GetString());
    }

    [Fact]
    public async Task Export_IsTheOwnersAlone_AndVerifiedByWhoPinnedItsCard()
    {
        MakeHomes();
        var file = PathOf("p1.json");
        Assert.EndsWith("p1.json: 2 entries of session aaaaaaaa; of the other 1 only that they are there\n",
            await Done(P1, "export", "--out", file, "--session", "aaaa"), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.DoesNotContain("payroll", File.ReadAllText(file), StringComparison.Ordinal);
        var verified = await Done(P2, "verify", file);
        Assert.StartsWith("3 entries, all whole and signed", verified, StringComparison.Ordinal);
        Assert.Contains("The log is P1's (pinned), card ", verified, StringComparison.Ordinal);
        Assert.Contains("P1's (own)", await Done(P1, "verify", file), StringComparison.Ordinal);
        Assert.Contains("of every session", await Done(P1, "export", "--out", PathOf("whole.json")), StringComparison.Ordinal);

        // Whoever has not pinned the card is told whose it is, and not that all is well.
        var stranger = PathOf("stranger");
        ParticipantHome.Create(stranger, new ParticipantConfig { Name = "P9", Role = ParticipantRole.Party }).Dispose();
        await Failed(1, "that is neither this home's own nor pinned here; pin it with: psi trust", stranger, "verify", file);
        File.WriteAllText(file, File.ReadAllText(file).Replace("SEX", "AGE", StringComparison.Ordinal));
        await Failed(1, "is not an intact export of an audit log: entry 3 is not what this participant has signed", P2, "verify", file);
        await Failed(1, "speaks of no session ffff", P1, "export", "--out", file, "--session", "ffff");
    }

    [Theory]
    [InlineData(4, 0)]
    [InlineData(3, 1)]
    public async Task Reconcile_SaysWhetherTheLogsAgree(int common, int code)
    {
        MakeHomes(common);
        await Done(P1, "export", "--out", PathOf("p1.json"), "--session", "aaaa");
        await Done(P2, "export", "--out", PathOf("p2.json"));
        var result = await Psi(P1, "reconcile", PathOf("p1.json"), PathOf("p2.json"));
        Assert.Equal(code, result.ExitCode);
        Assert.Contains(code == 0 ? "The logs of P1, P2 agree." : "session aaaaaaaa: in common: 4 in P1's log, 3 in P2's", result.Output,
            StringComparison.Ordinal);
        Assert.Equal(code == 0 ? "" : "psi: the logs do not agree, in 1 point(s)\n", result.Error);
        using var document = JsonDocument.Parse((await Psi(P1, "reconcile", PathOf("p2.json"), PathOf("p1.json"), "--json")).Output);
        Assert.Equal(code, document.RootElement.GetProperty("faults").GetArrayLength());
        Assert.Equal("P2", document.RootElement.GetProperty("logs")[0].GetProperty("name").GetString());
        await Failed(1, "two or more participants", P1, "reconcile", PathOf("p1.json"));
        await Failed(1, "two of the logs are P1's", P1, "reconcile", PathOf("p1.json"), PathOf("p1.json"));
    }

    [Fact]
    public async Task Homes_ThatAreMadeAndPinned_SayIt()
    {
        await PsiProcess.RunAsync("init", "--home", P1, "--party", "P1");
        foreach (var folder in new[] { "first", "second" })
        {
            await PsiProcess.RunAsync("init", "--home", PathOf(folder), "--party", "P2");
            File.WriteAllText(PathOf("card.json"), (await PsiProcess.RunAsync("card", "--home", PathOf(folder))).Output);
            Assert.Equal(0, (await PsiProcess.RunAsync("trust", PathOf("card.json"), "--replace", "--home", P1)).ExitCode);
        }

        using var document = JsonDocument.Parse(await Done(P1, "show", "--json"));
        Assert.Equal(["home-made", "card-pinned", "card-replaced"],
            document.RootElement.GetProperty("entries").EnumerateArray().Select(entry => entry.GetProperty("event").GetString()));
    }

    public void Dispose() => _folder.Dispose();
}
