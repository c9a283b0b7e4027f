using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;

namespace PsiMessaging.WorkerHost;

/// <summary>Main of the worker images: settings from the environment only, JSON logs, exit code 1 with one line on failure.</summary>
public static class WorkerProgram
{
    private static readonly TimeSpan HomePoll = TimeSpan.FromSeconds(1);

    /// <summary>Runs a worker.</summary>
    public static async Task<int> RunAsync(ParticipantRole role, EngineFactory create)
    {
        try
        {
            await WaitForHomeAsync(WorkerSettings.HomePath(null));
            using var home = WorkerSettings.OpenHome(WorkerSettings.HomePath(null), broker: null);
            RequireRole(home, role);
            await Worker.RunAsync(home, create, jsonLogs: true, CancellationToken.None);
            return 0;
        }
        catch (ParticipantException exception)
        {
            await Console.Error.WriteLineAsync($"psi: {exception.Message}");
            return 1;
        }
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

    /// <summary>Refuses a home of the other role.</summary>
    public static void RequireRole(ParticipantHome home, ParticipantRole role)
    {
        if (home.Config.Role != role)
        {
            throw new ParticipantException(FailureCodes.WrongState, role == ParticipantRole.Party
                ? $"{home.Path} is a linker's home; run it with: psi linker run"
                : $"{home.Path} is a party's home; run it with: psi party run");
        }
    }
}
