using System.Diagnostics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests;

/// <summary>Another user of the machine on which a participant runs: reads what may be read, plants what may be planted.</summary>
public sealed class LocalUser : IDisposable
{
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite
        | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
    private const UnixFileMode Open = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
    private const string Nobody = "65534";
    private const uint OrdinaryUmask = 0b000_010_010;

    private readonly TempFolder _folder = new();

    /// <summary>What of a folder others may open, while somebody works in it: what goes between the listing and the look is passed over, that alone.</summary>
    private static List<string> OpenPaths(string folder)
    {
        var open = new List<string>();
        void Look(string path)
        {
            try
            {
                var mode = File.GetUnixFileMode(path);
                if ((mode & Others) != UnixFileMode.None)
                {
                    open.Add($"{mode} {Path.GetRelativePath(folder, path)}");
                }

                if (Directory.Exists(path))
                {
                    Array.ForEach(Directory.GetFileSystemEntries(path), Look);
                }
            }
            catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
            {
                // Gone meanwhile.
            }
        }

        Look(folder);
        return open;
    }

    private string MakeFolder(string name)
    {
        var path = Path.Combine(_folder.Path, name);
        Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, Open);
        return path;
    }

    /// <summary>The executable, into a folder made before with ordinary rights.</summary>
    [Fact]
    public async Task LooksThroughAHomeMadeInAnOpenFolder_FindsNothingThatOpens()
    {
        var home = MakeFolder("p2");
        foreach (var arguments in new string[][]
        {
            ["init", "--party", "P2"], ["dataset", "add", "bi", _folder.Write("bi.csv", Samples.Bi), "--key", "IDKEY"],
            ["dataset", "prepare", "bi", "--rsa-bits", "2048"], ["bench", "--calibrate"],
        })
        {
            var result = await PsiProcess.RunAsync([.. arguments, "--home", home]);
            Assert.True(result.ExitCode == 0, result.ToString());
        }

        Assert.True(File.Exists(Path.Combine(home, "datasets", "bi", "rows.parquet")));
        Assert.Empty(OpenPaths(home));
    }

    /// <summary>
    /// Engines in a process whose umask lets others read, as a program that uses the library may have; every look between two messages counts.
    /// </summary>
    [Theory]
    [InlineData("ecdh", "masked")]
    [InlineData("vole", "masked")]
    [InlineData("rsa", "tokens")]
    public async Task LooksThroughTheHomesOfAWholeJob_FindsNothingThatOpens(string protocol, string engine)
    {
        // Whoever runs the tests may have a narrow umask, under which nothing could be found.
        _ = Umask(OrdinaryUmask);
        Assert.Equal(Open & ~UnixFileMode.UserExecute & ~UnixFileMode.GroupExecute & ~UnixFileMode.OtherExecute,
            File.GetUnixFileMode(_folder.Write("probe", "")));
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        var (seen, looks) = (new HashSet<string>(StringComparer.Ordinal), new Lock());
        void Look()
        {
            // Messages of three participants come side by side.
            lock (looks)
            {
                foreach (var participant in new[] { network.P1, network.P2, network.Linker })
                {
                    seen.UnionWith(OpenPaths(participant.Home.Path).Select(path => $"{participant.Home.Name}: {path}"));
                }
            }
        }

        network.Bend = envelope =>
        {
            Look();
            return [envelope.Frame.ToArray()];
        };
        network.Start();
        var (p1, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: protocol, engine: engine));
        await network.SendRowsAsync(p1.Id);
        Assert.True((await network.P1.CommandAsync(p1.Id, new SubmitQuery(p1.Id, "CLASSE_ETA"))).Ok);
        Look();
        Assert.True(File.Exists(Path.Combine(network.P1.Home.SessionPath(p1.Id), "intersection.csv")));
        Assert.Empty(seen);
    }

    [Fact]
    public async Task LooksIntoTheResultsFolder_FindsNothingThatOpens()
    {
        var output = Path.Combine(_folder.Path, "out");
        var result = await PsiProcess.RunAsync("simulate", "--p1", _folder.Write("p1.csv", Samples.Istat), "--p2",
            _folder.Write("p2.csv", Samples.Bi), "--key", "IDKEY", "--query", "CLASSE_ETA", "--min-cell", "1", "--out", output);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.True(File.Exists(Path.Combine(output, "query-1.csv")));
        Assert.Empty(OpenPaths(output));
    }

    /// <summary>What libraries write (spilled rows, temporary files) has the rights that the process leaves them.</summary>
    [Theory]
    [InlineData("psi.dll", "bench --rows 20000")]
    [InlineData("psi-party-worker.dll", "")]
    [InlineData("psi-party-worker.dll", "compute")]
    [InlineData("psi-linker-worker.dll", "")]
    public async Task WaitsForFilesOfLibraries_EveryProcessKeepsThemFromOthers(string program, string arguments)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", "--runtimeconfig", Path.Combine(AppContext.BaseDirectory, "psi.runtimeconfig.json"),
            Path.Combine(AppContext.BaseDirectory, program), .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)])
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["TMPDIR"] = _folder.Path;
        start.Environment["PSI_HOME"] = Path.Combine(_folder.Path, "not-yet");
        start.Environment["PSI_COMPUTE_KEY_FILE"] = Path.Combine(_folder.Path, "not-yet.key");
        using var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            // The runtime needs a moment before it comes to Main.
            var umask = "";
            await TestNetwork.EventuallyAsync(() =>
            {
                try
                {
                    umask = File.ReadLines($"/proc/{process.Id}/status")
                        .FirstOrDefault(line => line.StartsWith("Umask:", StringComparison.Ordinal))?.Split('\t')[1] ?? umask;
                }
                catch (IOException)
                {
                    // It has ended.
                }

                return umask == "0077" || process.HasExited;
            });
            Assert.Equal("0077", umask);
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    [Fact]
    public async Task ReadsTheRowsAsAnotherUser_IsDenied()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can become another user");
        var home = MakeFolder("p1");
        Assert.Equal(0, (await PsiProcess.RunAsync("init", "--home", home, "--party", "P1")).ExitCode);
        Assert.Equal(0,
            (await PsiProcess.RunAsync("dataset", "add", "istat", _folder.Write("istat.csv", Samples.Istat), "--key", "IDKEY", "--home", home)).ExitCode);
        foreach (var file in new[] { "rows.parquet", "identifiers.bin" })
        {
            var (code, bytes) = await AsNobodyAsync("cat", Path.Combine(home, "datasets", "istat", file));
            Assert.True(code != 0 && bytes == 0, $"another user read {bytes} bytes of {file}");
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("datasets")]
    [InlineData("sessions")]
    public async Task WaitsInAHomeThatIsOpen_TheHomeIsRefusedWithTheCommandThatMendsIt(string inner)
    {
        var home = Path.Combine(_folder.Path, "p1");
        Assert.Equal(0, (await PsiProcess.RunAsync("init", "--home", home, "--party", "P1")).ExitCode);
        Assert.Equal(0,
            (await PsiProcess.RunAsync("dataset", "add", "istat", _folder.Write("istat.csv", Samples.Istat), "--key", "IDKEY", "--home", home)).ExitCode);
        Directory.CreateDirectory(Path.Combine(home, "sessions"));
        Directory.CreateDirectory(Path.Combine(home, "datasets"));
        File.SetUnixFileMode(Path.Combine(home, "sessions"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.SetUnixFileMode(Path.Combine(home, inner), Open);
        foreach (var command in new string[][] { ["card"], ["dataset", "list"], ["sessions"], ["party", "run"] })
        {
            var result = await PsiProcess.RunAsync([.. command, "--home", home, "--broker", "amqp://127.0.0.1:1"]);
            Assert.Equal((1, ""), (result.ExitCode, result.Output));
            Assert.Contains($"make it yours alone with: chmod -R go= {home}", result.Error, StringComparison.Ordinal);
        }

        using var mending = Process.Start("chmod", ["-R", "go=", home]);
        await mending.WaitForExitAsync();
        Assert.Equal(0, (await PsiProcess.RunAsync("dataset", "list", "--home", home)).ExitCode);
    }

    /// <summary>Whoever owns the folder can read it later: rights can be given back, owners not.</summary>
    [Fact]
    public async Task LeavesAFolderOfItsOwnAsTheHome_IsRefused()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can give a folder away");
        var home = MakeFolder("p1");
        await ChownAsync(home);
        Assert.Contains("belongs to another user", Assert.Throws<ParticipantException>(() =>
            ParticipantHome.Create(home, new ParticipantConfig { Name = "P1", Role = ParticipantRole.Party })).Message, StringComparison.Ordinal);

        var own = Path.Combine(_folder.Path, "own");
        ParticipantHome.Create(own, new ParticipantConfig { Name = "P1", Role = ParticipantRole.Party }).Dispose();
        await ChownAsync(Path.Combine(own, "identity.key"));
        Assert.Contains("belongs to another user", Assert.Throws<ParticipantException>(() => ParticipantHome.Open(own)).Message, StringComparison.Ordinal);
        await ChownAsync(own);
        Assert.Contains("belongs to another user", Assert.Throws<ParticipantException>(() => ParticipantHome.Open(own)).Message, StringComparison.Ordinal);
    }

    /// <summary>An answer goes into a folder that others may write to; under the name of its temporary file lies a link to a file of the victim.</summary>
    [Fact]
    public void PlantsALinkUnderTheTemporaryName_TheFileItPointsToIsUntouched()
    {
        var precious = _folder.Write("precious", "mine");
        var answer = Path.Combine(MakeFolder("shared"), "answer.csv");
        File.CreateSymbolicLink(answer + ".part", precious);
        AtomicFile.Write(answer, "count\n730\n"u8.ToArray());
        Assert.Equal(("mine", "count\n730\n"), (File.ReadAllText(precious), File.ReadAllText(answer)));
        Assert.Null(new FileInfo(answer).LinkTarget);
    }

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "umask")]
    private static extern uint Umask(uint mask);

    private static async Task ChownAsync(string path)
    {
        using var process = Process.Start("chown", [Nobody, path]);
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }

    private static async Task<(int Code, int Bytes)> AsNobodyAsync(params string[] command)
    {
        using var process = Process.Start(new ProcessStartInfo("setpriv", [$"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups",
            .. command]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
        using var output = new MemoryStream();
        await process.StandardOutput.BaseStream.CopyToAsync(output);
        await process.WaitForExitAsync();
        return (process.ExitCode, (int)output.Length);
    }

    public void Dispose() => _folder.Dispose();
}
