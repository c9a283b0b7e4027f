using System.Diagnostics;
using PsiMessaging.Cli.Simulation;
using PsiMessaging.Testing;

namespace PsiMessaging.Cli.Tests;

/// <summary>Temporary homes hold rows and keys: however a run ends, nothing of them stays, and nothing else goes.</summary>
public sealed class NothingStaysTests : IDisposable
{
    private const UnixFileMode Own = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Open = Own | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
    private readonly TempFolder _folder = new();

    private string Temporary { get; }

    private Dictionary<string, string> Environment => new() { ["TMPDIR"] = Temporary };

    public NothingStaysTests() => Temporary = Directory.CreateDirectory(Path.Combine(_folder.Path, "tmp")).FullName;

    /// <summary>Enough rows that the run is still at it when the signal comes.</summary>
    private string[] Simulate()
    {
        string Rows(int first, string column) => $"ID;{column}\n" + string.Concat(Enumerable.Range(first, 120_000).Select(i => $"p{i:D7};{i % 97}\n"));
        return ["simulate", "--p1", _folder.Write("a.csv", Rows(0, "V")), "--p2",
            _folder.Write("b.csv", Rows(60_000, "W")), "--key", "ID", "--out", Path.Combine(_folder.Path, "out")];
    }

    private string[] Runs() => Directory.GetDirectories(Temporary, "psi-run-*");

    /// <summary>Somebody who may write to the folder above puts a link to the victim's files in its place: they were deleted.</summary>
    [Fact]
    public void AnotherFolderInItsPlace_IsNotTouched()
    {
        using var shared = new TempFolder();
        var victim = Path.Combine(shared.Path, "victim");
        Directory.CreateDirectory(Path.Combine(victim, "sub"));
        shared.Write("victim/thesis.txt", "x");
        var folder = TemporaryFolder.Beside(Path.Combine(shared.Path, "out"));
        Directory.Move(folder.Path, Path.Combine(shared.Path, "moved"));
        File.CreateSymbolicLink(folder.Path, victim);
        folder.Dispose();
        Assert.True(File.Exists(Path.Combine(victim, "thesis.txt")));

        var again = TemporaryFolder.Beside(Path.Combine(shared.Path, "out2"));
        Directory.Move(again.Path, Path.Combine(shared.Path, "moved2"));
        Directory.Move(victim, again.Path);
        again.Dispose();
        Assert.True(File.Exists(Path.Combine(again.Path, "thesis.txt")));
    }

    /// <summary>Whether a session is under way in a temporary home.</summary>
    private bool IsExchanging() =>
        Runs().Any(run => Directory.Exists(Path.Combine(run, "P1", "sessions")) && Directory.GetDirectories(Path.Combine(run, "P1", "sessions")).Length > 0);

    [Theory]
    [InlineData("HUP", false)]
    [InlineData("INT", false)]
    [InlineData("TERM", false)]
    [InlineData("HUP", true)]
    [InlineData("INT", true)]
    [InlineData("TERM", true)]
    public async Task Signal_InTheMiddle_NothingIsLeft(string signal, bool isDemo)
    {
        using var run = PsiProcess.Start(Environment, isDemo ? ["demo", "--rows", "60000"] : Simulate());
        await TestNetwork.EventuallyAsync(IsExchanging);
        Assert.All(Runs(), path => Assert.Equal(Own, File.GetUnixFileMode(path)));
        var result = await run.SignalAsync(signal);
        Assert.Equal((1, "psi: stopped\n"), (result.ExitCode, result.Error));
        Assert.Empty(Runs());
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path, "out*"));
    }

    /// <summary>The terminal goes, and with it all that could be told: a hang-up comes, and what is written there fails.</summary>
    [Fact]
    public async Task Terminal_Closed_NothingIsLeft()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "needs script, which makes a terminal");
        var start = new ProcessStartInfo("/usr/bin/script", ["-qec",
            $"dotnet '{Path.Combine(AppContext.BaseDirectory, "psi.dll")}' {string.Join(' ', Simulate())}", "/dev/null"])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true,
        };
        start.Environment["TMPDIR"] = Temporary;
        start.Environment["TERM"] = "xterm";
        using var terminal = Process.Start(start)!;
        terminal.OutputDataReceived += (_, _) => { };
        terminal.BeginOutputReadLine();
        await TestNetwork.EventuallyAsync(IsExchanging);
        terminal.Kill();
        await TestNetwork.EventuallyAsync(() => Runs().Length == 0);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path, "out*"));
    }

    /// <summary>What kill -9 leaves goes with the next run; what is in use, a link, another's, open to others, or without our lock, stays.</summary>
    [Fact]
    public async Task Killed_TheNextRunRemovesWhatIsLeft_AndNothingElse()
    {
        using (var killed = PsiProcess.Start(Environment, Simulate()))
        {
            await TestNetwork.EventuallyAsync(IsExchanging);
            killed.Kill();
            await killed.WaitAsync();
        }

        var left = Assert.Single(Runs());
        Assert.Equal(3, Directory.GetFiles(left, "identity.key", SearchOption.AllDirectories).Length);
        using var alive = PsiProcess.Start(Environment, "demo", "--rows", "60000");
        await TestNetwork.EventuallyAsync(() => !Directory.Exists(left) && IsExchanging());
        var used = Runs();

        string Plant(string name, UnixFileMode rights, bool isLocked)
        {
            var path = Directory.CreateDirectory(Path.Combine(name.StartsWith("psi", StringComparison.Ordinal) ? Temporary : _folder.Path, name)).FullName;
            File.WriteAllText(Path.Combine(path, "precious"), "mine");
            if (isLocked)
            {
                File.WriteAllText(Path.Combine(path, "psi.lock"), "");
            }

            File.SetUnixFileMode(path, rights);
            return path;
        }

        var linked = Plant("linked", Own, isLocked: true);
        Directory.CreateSymbolicLink(Path.Combine(Temporary, "psi-run-00000000000000aa"), linked);
        List<string> others = [linked, Plant("psi-run-00000000000000bb", Own, isLocked: false),
            Plant("psi-run-00000000000000cc", Open, isLocked: true), Plant("psi-run-mine", Own, isLocked: true)];
        if (System.Environment.IsPrivilegedProcess)
        {
            others.Add(Plant("psi-run-00000000000000dd", Own, isLocked: true));
            using var chown = Process.Start("chown", ["65534", others[^1]]);
            await chown.WaitForExitAsync();
        }

        var abandoned = Plant("psi-run-00000000000000ee", Own, isLocked: true);
        Directory.CreateSymbolicLink(Path.Combine(abandoned, "out"), linked);
        var next = await PsiProcess.RunAsync(Environment, "demo", "--rows", "40");
        Assert.True(next.ExitCode == 0, next.ToString());
        Assert.False(Directory.Exists(abandoned));
        Assert.All(used, path => Assert.True(Directory.Exists(path)));
        Assert.All(others, path => Assert.Equal("mine", File.ReadAllText(Path.Combine(path, "precious"))));
        Assert.Equal(linked, new DirectoryInfo(Path.Combine(Temporary, "psi-run-00000000000000aa")).LinkTarget);
        Assert.Equal(1, (await alive.SignalAsync("TERM")).ExitCode);
        Assert.All(used, path => Assert.False(Directory.Exists(path)));
    }

    /// <summary>
    /// The disk of the temporary homes is full while the files are read, and while the parties exchange: one line with cause, place and remedy.
    /// </summary>
    [Theory]
    [InlineData(8)]
    [InlineData(20)]
    public async Task Disk_Full_OneLineAndNothingIsLeft(int mebibytes)
    {
        Assert.SkipUnless(System.Environment.IsPrivilegedProcess, "only root can make a small disk");
        using var mount = Process.Start(new ProcessStartInfo("mount", ["-t", "tmpfs", "-o", $"size={mebibytes}m",
            "tmpfs", Temporary]) { UseShellExecute = false, RedirectStandardError = true })!;
        await mount.WaitForExitAsync();
        Assert.SkipUnless(mount.ExitCode == 0, "no file system can be mounted here");
        try
        {
            var result = await PsiProcess.RunAsync(Environment, Simulate());
            Assert.Equal((1, ""), (result.ExitCode, result.Output));
            Assert.Equal($"psi: no space is left in {Temporary}/ for this run's temporary files; free some there, or name a folder with more room in TMPDIR\n",
                result.Error);
            Assert.Empty(Runs());
            Assert.Empty(Directory.GetFileSystemEntries(_folder.Path, "out*"));
        }
        finally
        {
            using var unmount = Process.Start("umount", [Temporary]);
            await unmount.WaitForExitAsync();
        }
    }

    /// <summary>
    /// Results are made beside their folder: under a name nobody else has, so that a folder of the user's stays, and what a kill has left of a former run goes.
    /// </summary>
    [Fact]
    public async Task Out_FoldersBesideIt_OnlyOurOwnGo()
    {
        var output = Path.Combine(_folder.Path, "out");
        string Folder(string name, bool isLocked)
        {
            var path = Directory.CreateDirectory(output + name, Own).FullName;
            File.WriteAllText(Path.Combine(path, isLocked ? "psi.lock" : "precious"), "mine");
            return path;
        }

        string[] users = [Folder(".part", isLocked: false), Folder(".00000000000000aa.part", isLocked: false)];
        var left = Folder(".00000000000000bb.part", isLocked: true);
        foreach (var turn in new[] { "new", "into what is there" })
        {
            var result = await PsiProcess.RunAsync(Environment, "simulate", "--p1", _folder.Write("a.csv", Samples.Istat),
                "--p2", _folder.Write("b.csv", Samples.Bi), "--key", "IDKEY", "--out", output);
            Assert.True(result.ExitCode == 0, turn + result);
            Assert.Equal(Samples.Intersection, File.ReadAllText(Path.Combine(output, "P2", "intersection.csv")));
            Assert.Equal([output, .. users.Order(StringComparer.Ordinal)], Directory.GetDirectories(_folder.Path, "out*").Order(StringComparer.Ordinal));
        }

        Assert.All(users, path => Assert.Equal("mine", File.ReadAllText(Path.Combine(path, "precious"))));
        Assert.False(Directory.Exists(left));
        Assert.Empty(Runs());
    }

    /// <summary>Half-written files of a worker that was killed, common identifiers among them, go when the next one starts.</summary>
    [Fact]
    public async Task Worker_Starts_HalfWrittenFilesOfAKilledOneGo()
    {
        var home = Path.Combine(_folder.Path, "p1");
        Assert.Equal(0, (await PsiProcess.RunAsync("init", "--home", home, "--party", "P1")).ExitCode);
        string[] left = [_folder.Write($"p1/sessions/{new string('a', 32)}/intersection.csv.0123abcd.part", "ID\nRALPH\n"),
            _folder.Write("p1/identity.key.0123abcd.part", "half a key")];
        foreach (var folder in new[] { Path.Combine(home, "sessions"), Path.GetDirectoryName(left[0])! })
        {
            File.SetUnixFileMode(folder, Own);
        }

        using var worker = PsiProcess.Start(null, "party", "run", "--home", home, "--broker", "amqp://127.0.0.1:1");
        await TestNetwork.EventuallyAsync(() => !left.Any(File.Exists));
        await worker.TerminateAsync();
        Assert.All(left, path => Assert.False(File.Exists(path)));
        Assert.True(File.Exists(Path.Combine(home, "identity.key")));
    }

    public void Dispose() => _folder.Dispose();
}
