using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;

namespace PsiMessaging.WorkerHost;

/// <summary>
/// Main of the worker images: files for their owner alone, settings from the environment only, JSON logs, exit code 1 with one line on failure.
/// </summary>
public static class WorkerProgram
{
    private static readonly TimeSpan HomePoll = TimeSpan.FromSeconds(1);

    /// <summary>Runs a participant's worker.</summary>
    public static Task<int> RunAsync(ParticipantParts parts) => RunAsync(async () =>
    {
        await WaitForHomeAsync(WorkerSettings.HomePath(null));
        using var home = WorkerSettings.OpenHome(WorkerSettings.HomePath(null), broker: null);
        await ParticipantService.RunAsync(home, parts, jsonLogs: true, CancellationToken.None);
    });

    /// <summary>Runs anything; a failure becomes one line and exit code 1.</summary>
    public static async Task<int> RunAsync(Func<Task> work)
    {
        PrivateFile.ProtectProcess();

        // MassTransit would otherwise send a usage report to its makers.
        Environment.SetEnvironmentVariable("MASSTRANSIT_USAGE_TELEMETRY", "false");
        try
        {
            await work();
            return 0;
        }
        catch (ParticipantException exception)
        {
            return await FailAsync(exception.Message);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A full disk, a folder without rights: the system's own words name the file.
            return await FailAsync(exception.Message);
        }
        catch (Exception exception) when (!WorkerLogs.IsDebugging)
        {
            return await FailAsync($"unexpected failure: {WorkerLogs.Describe(exception)} (set {WorkerLogs.DebugVariable}=1 for the details)");
        }
    }

    private static async Task<int> FailAsync(string reason)
    {
        await Console.Error.WriteLineAsync($"psi: {PrintableText.Of(reason.ReplaceLineEndings(" "))}");
        return 1;
    }

    /// <summary>A container may start before somebody has made the home in its volume.</summary>
    private static async Task WaitForHomeAsync(string path)
    {
        if (ParticipantHome.Exists(path))
        {
            return;
        }

        await Console.Error.WriteLineAsync($"psi: waiting for a home in {path}; make one with: psi init --home {path} --party NAME (or --linker NAME)");
        using var timer = new PeriodicTimer(HomePoll, TimeProvider.System);
        while (!ParticipantHome.Exists(path) && await timer.WaitForNextTickAsync())
        {
        }
    }
}
