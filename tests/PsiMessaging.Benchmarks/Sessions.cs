using System.Diagnostics;
using System.Globalization;
using PsiMessaging.Cli.Simulation;
using PsiMessaging.InProcess;
using PsiMessaging.Party.Session;
using PsiMessaging.Storage;

namespace PsiMessaging.Benchmarks;

/// <summary>
/// <c>session BROKER [rows1 [rows2 [psi intersect options]]]</c>: one session between real worker processes, datasets already added; prints its phases and
/// every process's own peak memory. With <c>--reuse</c> P2's reusable set is made first.
/// </summary>
internal static class Sessions
{
    public static async Task<int> RunAsync(string[] args)
    {
        var (rows1, rows2) = (Rows(args, 2), Rows(args, 3));
        var options = args.Skip(4).ToArray();
        var root = Directory.CreateTempSubdirectory("psi-session-").FullName;
        var homes = LocalHomes.Create(root, config => config with { QueuePrefix = $"bench{Environment.ProcessId}", Broker = args[1], AllowVole = true });

        try
        {
            var (p1, p2) = BenchData.Write(root, rows1, rows2);
            await PsiAsync("dataset", "add", "a", p1, "--key", "ID", "--home", homes[0].Path);
            await PsiAsync("dataset", "add", "b", p2, "--key", "ID", "--home", homes[1].Path);
            if (options.Contains("--reuse"))
            {
                var watch = Stopwatch.StartNew();
                await PsiAsync("dataset", "prepare", "b", "--rsa-bits", "2048", "--home", homes[1].Path);
                Console.WriteLine($"reusable set of {rows2:N0} made in {watch.Elapsed.TotalSeconds:0.0} s");
            }

            using var workers = new WorkerProcesses([.. homes.Take(2)]);
            await WarmUpAsync(homes[0].Path);
            var whole = Stopwatch.StartNew();
            await PsiAsync(["intersect", "--with", "P2", "--dataset", "a", "--wait", "--rsa-bits", "2048", "--home", homes[0].Path, .. options]);
            Console.WriteLine(
                $"psi intersect --wait, {rows1:N0} x {rows2:N0} {string.Join(' ', options)}: {whole.Elapsed.TotalSeconds:0.00} s from command to prompt");
            using var store = new SqliteParticipantStore(homes[0].StatePath);
            var session = PartySession.Parse(store.Read(transaction => transaction.ListSessions())[^1]);
            Console.WriteLine(
                $"{session.IntersectionSize:N0} in common; {string.Join(", ", session.Phases().Select(phase => $"{phase.Name} {phase.Seconds:0.00} s"))}");
            workers.PrintPeaks();
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }

        return 0;
    }

    private static int Rows(string[] args, int at) => args.Length > at ? int.Parse(args[at], CultureInfo.InvariantCulture) : 1_000_000;

    /// <summary>Until the worker answers: a command about a session that does not exist.</summary>
    private static async Task WarmUpAsync(string home)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            using var process = Start("intersect", "--with", "NOBODY", "--dataset", "a", "--home", home);
            var error = await process.StandardError.ReadToEndAsync(patience.Token);
            if (error.Contains("no card of a party NOBODY", StringComparison.Ordinal))
            {
                return;
            }
        }
    }

    private static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "psi.dll"));
        Array.ForEach(arguments, start.ArgumentList.Add);
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return process;
    }

    private static async Task PsiAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"psi {string.Join(' ', arguments)}: {error}");
        }
    }
}
