using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;

namespace PsiMessaging.WorkerHost;

/// <summary>Main of the worker images: settings from the environment only, JSON logs, exit code 1 with one line on failure.</summary>
public static class WorkerProgram
{
    /// <summary>Runs a worker.</summary>
    public static async Task<int> RunAsync(ParticipantRole role, EngineFactory create)
    {
        try
        {
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
