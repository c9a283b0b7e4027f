using System.Diagnostics;
using System.Text;

namespace PsiMessaging.Testing;

/// <summary>What a run of <c>psi</c> gave.</summary>
public sealed record PsiResult(int ExitCode, string Output, string Error)
{
    public override string ToString() => $"exit {ExitCode}\n{Output}\n{Error}";
}

/// <summary>The real executable, as a process of its own.</summary>
public sealed class PsiProcess : IDisposable
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "psi.dll");
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();

    private PsiProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(_error, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    public string Log
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    public bool HasExited => _process.HasExited;

    private void Append(StringBuilder builder, string? line)
    {
        if (line is not null)
        {
            lock (_output)
            {
                builder.Append(line).Append('\n');
            }
        }
    }

    /// <summary>Starts it and leaves it running.</summary>
    public static PsiProcess Start(IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true
        };
        start.ArgumentList.Add(Program);
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var name in new[] { "PSI_BROKER", "PSI_HOME", "PSI_DEBUG" })
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        return new PsiProcess(Process.Start(start)!);
    }

    /// <summary>Runs it to its end.</summary>
    public static Task<PsiResult> RunAsync(params string[] arguments) => RunAsync(null, arguments);

    public static async Task<PsiResult> RunAsync(IReadOnlyDictionary<string, string>? environment, params string[] arguments)
    {
        using var process = Start(environment, arguments);
        return await process.WaitAsync();
    }

    public async Task<PsiResult> WaitAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException exception)
        {
            Kill();
            throw new TimeoutException($"psi does not end:\n{_output}\n{_error}", exception);
        }

        return new PsiResult(_process.ExitCode, _output.ToString(), _error.ToString());
    }

    /// <summary>kill -9.</summary>
    public void Kill() => _process.Kill(entireProcessTree: false);

    /// <summary>kill -TERM, then its end.</summary>
    public Task<PsiResult> TerminateAsync() => SignalAsync("TERM");

    /// <summary>A signal by its name, then its end.</summary>
    public async Task<PsiResult> SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", ["-" + signal, Id.ToString()]);
        await kill.WaitForExitAsync();
        return await WaitAsync();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }
}
