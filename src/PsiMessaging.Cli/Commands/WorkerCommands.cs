using System.CommandLine;
using PsiMessaging.LinkerWorker;
using PsiMessaging.Participants.Identities;
using PsiMessaging.PartyWorker;
using PsiMessaging.WorkerHost;

namespace PsiMessaging.Cli.Commands;

/// <summary><c>psi party run</c> and <c>psi linker run</c>.</summary>
internal static class WorkerCommands
{
    public static Command Party() => new("party", "A data holder's worker") { Run("Run this party's worker until it is stopped", ParticipantRole.Party, PartyParts.CreateEngine) };

    public static Command Linker() => new("linker", "The linker's worker") { Run("Run this linker's worker until it is stopped", ParticipantRole.Linker, LinkerParts.CreateEngine) };

    private static Command Run(string description, ParticipantRole role, EngineFactory create) => new Command("run", description).Do(async (parsed, cancellation) =>
    {
        using var home = WorkerSettings.OpenHome(PsiRootCommand.HomeOf(parsed), parsed.GetValue(PsiRootCommand.Broker));
        WorkerProgram.RequireRole(home, role);
        await Worker.RunAsync(home, create, parsed.GetValue(PsiRootCommand.Json) || Console.IsOutputRedirected, cancellation);
    });
}
