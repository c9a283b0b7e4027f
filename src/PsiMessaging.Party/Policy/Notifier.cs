using System.Diagnostics;
using System.Net.Http.Json;
using Microsoft.Extensions.Logging;

namespace PsiMessaging.Party.Policy;

/// <summary>
/// Tells a person that something waits, by a program or an address that this party's own policy names. It is told the id, the partner's pinned name and the
/// kind: nothing that the partner has written. What goes wrong is logged, and holds up nothing.
/// </summary>
internal sealed partial class Notifier(ILogger log)
{
    private const int MostAtOnce = 4;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly SemaphoreSlim _places = new(MostAtOnce);
    private readonly ILogger _log = log;

    /// <summary>Tells, in the background.</summary>
    public void Tell(PolicyNotice? notice, Approval approval)
    {
        if (notice?.Command is { Count: > 0 } command)
        {
            _ = Task.Run(() => SafelyAsync(stop => RunAsync(command, approval, stop)));
        }

        if (notice?.WebHook is { } address)
        {
            _ = Task.Run(() => SafelyAsync(stop => PostAsync(new Uri(address), approval, stop)));
        }
    }

    private static string KindOf(Approval approval) => approval.Question is null ? "session" : "question";

    private async Task SafelyAsync(Func<CancellationToken, Task> tell)
    {
        if (!await _places.WaitAsync(TimeSpan.Zero))
        {
            LogNotTold($"{MostAtOnce} are being told already");
            return;
        }

        try
        {
            using var limit = new CancellationTokenSource(Patience);
            await tell(limit.Token);
        }
        catch (Exception exception)
        {
            LogNotTold(exception.Message);
        }
        finally
        {
            _places.Release();
        }
    }

    private static async Task RunAsync(IReadOnlyList<string> command, Approval approval, CancellationToken stop)
    {
        var start = new ProcessStartInfo(command[0]) { UseShellExecute = false, RedirectStandardInput = true };
        foreach (var argument in command.Skip(1))
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["PSI_APPROVAL"] = approval.Id;
        start.Environment["PSI_PARTNER"] = approval.Partner;
        start.Environment["PSI_KIND"] = KindOf(approval);
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} did not start");
        process.StandardInput.Close();
        try
        {
            await process.WaitForExitAsync(stop);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{command[0]} ended with {process.ExitCode}");
        }
    }

    private static async Task PostAsync(Uri address, Approval approval, CancellationToken stop)
    {
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });
        using var answer = await client.PostAsJsonAsync(address, new Dictionary<string, string>
        {
            ["approval"] = approval.Id, ["partner"] = approval.Partner, ["kind"] = KindOf(approval),
        }, stop);
        answer.EnsureSuccessStatusCode();
    }

    [LoggerMessage(EventId = 330, Level = LogLevel.Warning, Message = "Nobody could be told that something waits for a person ({Reason}); see psi approvals")]
    private partial void LogNotTold(string reason);
}
