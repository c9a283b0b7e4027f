using System.Diagnostics;
using System.Globalization;
using System.Runtime;

namespace PsiMessaging.Cli.Simulation;

/// <summary>What the machine did during a phase, for <c>psi bench --explain</c>.</summary>
/// <param name="Cores">Busy share of each core of the machine, 0 to 1; empty where the system does not say.</param>
/// <param name="OwnCores">How many cores this process (both parties and the linker) kept busy.</param>
/// <param name="OtherCores">How many all other processes did, the broker among them; null where the system does not say.</param>
/// <param name="KernelShare">How much of this process's time was the system's, 0 to 1: page faults, files, sockets.</param>
/// <param name="CompileSeconds">Processor seconds the just-in-time compiler took.</param>
/// <param name="PauseSeconds">Seconds that everything stood still for the garbage collector.</param>
/// <param name="AllocatedBytes">Bytes of objects made.</param>
/// <param name="PageFaults">Pages the system had to hand out; null where it does not say.</param>
/// <param name="ResidentBytes">Memory of the process at the end.</param>
/// <param name="SentBytes">Bytes of frames that participants sent.</param>
internal sealed record PhaseLoad(
    IReadOnlyList<double> Cores, double OwnCores, double? OtherCores, double KernelShare, double CompileSeconds, double PauseSeconds, long AllocatedBytes,
    long? PageFaults, long ResidentBytes, long SentBytes);

/// <summary>Looks every few milliseconds at what the process and the machine have done so far, so that it can be said of any stretch of a run.</summary>
internal sealed class LoadSampler : IDisposable
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    private readonly TimeProvider _time;
    private readonly Func<long> _sentBytes;
    private readonly Process _process = Process.GetCurrentProcess();
    private readonly Lock _lock = new();
    private readonly List<Sample> _samples = [];
    private readonly ITimer _timer;

    /// <param name="time">Clock, also of the phases.</param>
    /// <param name="sentBytes">Bytes sent so far.</param>
    public LoadSampler(TimeProvider time, Func<long> sentBytes)
    {
        (_time, _sentBytes) = (time, sentBytes);
        Take();
        _timer = time.CreateTimer(_ => Take(), null, Step, Step);
    }

    /// <summary>What happened between two moments, to the nearest look.</summary>
    public PhaseLoad Between(DateTimeOffset from, DateTimeOffset to)
    {
        Take();
        Sample first, last;
        lock (_lock)
        {
            first = _samples.LastOrDefault(sample => sample.At <= from) ?? _samples[0];
            last = _samples.FirstOrDefault(sample => sample.At >= to) ?? _samples[^1];
        }

        var seconds = Math.Max(0.001, (last.At - first.At).TotalSeconds);
        var own = last.User + last.Kernel - first.User - first.Kernel;
        double[] cores = [.. last.Busy.Zip(first.Busy, (after, before) => Math.Clamp((after - before) / seconds, 0, 1))];
        return new PhaseLoad(
            cores, own / seconds, cores.Length == 0 ? null : Math.Max(0, cores.Sum() - (own / seconds)), own > 0 ? (last.Kernel - first.Kernel) / own : 0,
            last.Compile - first.Compile, last.Pause - first.Pause, last.Allocated - first.Allocated,
            last.Faults is { } after && first.Faults is { } before ? after - before : null, last.Resident, last.Sent - first.Sent);
    }

    private void Take()
    {
        lock (_lock)
        {
            _process.Refresh();
            _samples.Add(new Sample(
                _time.GetUtcNow(), _process.UserProcessorTime.TotalSeconds, _process.PrivilegedProcessorTime.TotalSeconds, BusySeconds(),
                JitInfo.GetCompilationTime().TotalSeconds, GC.GetTotalPauseDuration().TotalSeconds, GC.GetTotalAllocatedBytes(), PageFaults(),
                _process.WorkingSet64, _sentBytes()));
        }
    }

    /// <summary>Of each core, seconds it was at work since the machine started (Linux: proc(5), /proc/stat, in hundredths).</summary>
    private static double[] BusySeconds()
    {
        try
        {
            return
            [
                .. File.ReadLines("/proc/stat").Where(line => line.StartsWith("cpu", StringComparison.Ordinal) && char.IsAsciiDigit(line[3])).Select(line =>
                {
                    var ticks = Array.ConvertAll(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9], long.Parse);
                    return (ticks.Sum() - ticks[3] - ticks[4]) / 100.0;
                }),
            ];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException or ArgumentOutOfRangeException)
        {
            return [];
        }
    }

    /// <summary>Pages handed out to this process without reading a disk (Linux: /proc/self/stat, field 10).</summary>
    private static long? PageFaults()
    {
        try
        {
            var text = File.ReadAllText("/proc/self/stat");
            return long.Parse(text[(text.LastIndexOf(')') + 2)..].Split(' ')[7], CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer.Dispose();
        _process.Dispose();
    }

    private sealed record Sample(
        DateTimeOffset At, double User, double Kernel, double[] Busy, double Compile, double Pause, long Allocated, long? Faults, long Resident, long Sent);
}
