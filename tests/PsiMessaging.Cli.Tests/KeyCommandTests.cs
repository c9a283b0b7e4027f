using System.Text.Json;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Testing;

namespace PsiMessaging.Cli.Tests;

/// <summary><c>psi keys</c> and <c>psi trust</c> as people use them: on two homes, by commands alone.</summary>
public sealed class KeyCommandTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string P1 => Path.Combine(_folder.Path, "p1");

    private string P2 => Path.Combine(_folder.Path, "p2");

    public void Dispose() => _folder.Dispose();

    private static async Task<string> DoneAsync(string home, params string[] arguments)
    {
        var result = await PsiProcess.RunAsync([.. arguments, "--home", home]);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result.Output;
    }

    private static async Task FailedAsync(int code, string expected, string home, params string[] arguments)
    {
        var result = await PsiProcess.RunAsync([.. arguments, "--home", home]);
        Assert.Equal(code, result.ExitCode);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
    }

    private async Task<string> CardOfAsync(string home)
    {
        var path = Path.Combine(_folder.Path, Path.GetFileName(home) + ".json");
        await File.WriteAllTextAsync(path, await DoneAsync(home, "card"));
        return path;
    }

    private async Task MakeAsync()
    {
        await DoneAsync(P1, "init", "--party", "P1");
        await DoneAsync(P2, "init", "--party", "P2");
        await DoneAsync(P1, "trust", await CardOfAsync(P2));
        await DoneAsync(P2, "trust", await CardOfAsync(P1));
    }

    /// <summary>From the old keys to the new ones: the own log verifies still, and so does its export at who took the new card.</summary>
    [Fact]
    public async Task Rotate_TheOthersTakeTheNewCard_AndTheLogGoesOnOverIt()
    {
        await MakeAsync();
        Assert.Contains("P1 has new keys", await DoneAsync(P1, "keys", "rotate"), StringComparison.Ordinal);
        Assert.Contains("all whole and signed", await DoneAsync(P1, "audit", "verify"), StringComparison.Ordinal);
        await DoneAsync(P2, "trust", await CardOfAsync(P1));
        await DoneAsync(P2, "trust", Assert.Single(Directory.GetFiles(P1, "revocation-*.json")));
        var export = Path.Combine(_folder.Path, "p1.log");
        await DoneAsync(P1, "audit", "export", "--out", export);
        Assert.Contains("The log is P1's (pinned)", await DoneAsync(P2, "audit", "verify", export), StringComparison.Ordinal);
        Assert.Contains("pinned", await DoneAsync(P2, "keys", "show"), StringComparison.Ordinal);
    }

    /// <summary>Renewed, the identity is the same: nobody has to compare words again, and what was exported before is its own still.</summary>
    [Fact]
    public async Task Renew_KeepsTheFingerprint_AndLeavesPartnersAtPeace()
    {
        await MakeAsync();
        var before = await WordsAsync();
        Assert.Contains("No --replace is needed", await DoneAsync(P1, "keys", "renew"), StringComparison.Ordinal);
        Assert.Equal(before, await WordsAsync());
        var export = Path.Combine(_folder.Path, "p1.log");
        await DoneAsync(P1, "audit", "export", "--out", export);
        await DoneAsync(P2, "audit", "verify", export);

        async Task<string?> WordsAsync()
        {
            using var shown = JsonDocument.Parse(await DoneAsync(P1, "keys", "show", "--json"));
            return shown.RootElement.GetProperty("words").GetString();
        }
    }

    [Fact]
    public async Task WrongUse_IsSaidInOneLine()
    {
        await MakeAsync();
        await FailedAsync(2, "name a file with --passphrase-file or --key-file", P1, "keys", "protect");
        await FailedAsync(2, "--none takes neither", P1, "keys", "protect", "--none", "--key-file", _folder.WritePrivate("key", new string('k', 32)));
        await FailedAsync(1, "no card of P7 is pinned", P1, "keys", "revoke", "P7");
        using (HomeKeys.Lock(P1))
        {
            await FailedAsync(1, "another command is at work on the keys", P1, "keys", "renew");
        }

        using (HomeKeys.KeepWorkerAway(P1))
        {
            await FailedAsync(1, "its worker runs; stop it first", P1, "keys", "rotate");
        }
    }
}
