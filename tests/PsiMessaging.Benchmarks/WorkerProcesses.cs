using System.Diagnostics;
using System.Globalization;
using PsiMessaging.Participants.Identities;

namespace PsiMessaging.Benchmarks;

/// <summary>A worker process for each home, stopped with this object.</summary>
internal sealed class WorkerProcesses(IReadOnlyList<ParticipantHome> homes) : IDisposable
{
    private readonly Process[] _workers =
        [.. homes.Select(home => Start(home.Config.Role == ParticipantRole.Linker ? "linker" : "party", "run", "--home", home.Path))];

    /// <summary>Starts <c>psi</c> with these arguments; a worker's output is read and dropped.</summary>
    public static Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { UseShellExecute = false, RedirectStandardOutput = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "psi.dll"));
        Array.ForEach(arguments, start.ArgumentList.Add);
        var process = Process.Start(start)!;
        if (arguments is [_, "run", ..])
        {
            process.OutputDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
        }

        return process;
    }

    /// <summary>Prints the peak memory of every worker so far.</summary>
    public void PrintPeaks()
    {
        foreach (var (worker, home) in _workers.Zip(homes))
        {
            var peak = File.ReadLines($"/proc/{worker.Id}/status").Single(line => line.StartsWith("VmHWM", StringComparison.Ordinal));
            Console.WriteLine($"{home.Name,-7} peak memory "
                + $"{int.Parse(peak.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024.0:N0} MiB, "
                + $"processor time {worker.TotalProcessorTime.TotalSeconds:f1} s");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(_workers, worker =>
    {
        worker.Kill();
        worker.Dispose();
    });
}
