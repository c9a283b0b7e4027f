using System.CommandLine;
using PsiMessaging.Compute;
using PsiMessaging.LinkerWorker;
using PsiMessaging.PartyWorker;
using PsiMessaging.WorkerHost;

namespace PsiMessaging.Cli.Commands;

/// <summary><c>psi party run</c>, <c>psi party compute</c> and <c>psi linker run</c>.</summary>
internal static class WorkerCommands
{
    public static Command Party() =>
        new("party", "A data holder's workers") { Run("Run this party's worker until it is stopped", () => new PartyParts()), Compute() };

    public static Command Linker() => new("linker", "The linker's worker") { Run("Run this linker's worker until it is stopped", () => new LinkerParts()) };

    private static Command Run(string description, Func<ParticipantParts> parts) => new Command("run", description).Do(async (parsed, cancellation) =>
    {
        using var home = WorkerSettings.OpenHome(PsiRootCommand.HomeOf(parsed),
            parsed.GetValue(PsiRootCommand.Broker), PsiRootCommand.FilesOf(parsed));
        await ParticipantService.RunAsync(home, parts(), JsonLogs(parsed), cancellation);
    });

    private static Command Compute()
    {
        var key = new Option<string?>("--key")
        {
            Description = $"The party's compute.key, from its home (default: {ComputeSettings.KeyFileVariable})",
            HelpName = "FILE"
        };
        var parallelism = PsiRootCommand.Number("--parallelism", "Cores to use (default: all)", 0, 0, 1024);
        return new Command("compute", "Run one more compute worker for a party, on this or another machine, until it is stopped; it needs no home")
        {
            key,
            parallelism
        }.Do((parsed, cancellation) =>
            ComputeWorker.RunAsync(
                ComputeSettings.FromEnvironment(parsed.GetValue(key), parsed.GetValue(PsiRootCommand.Broker),
                    parsed.GetValue(parallelism) is > 0 and var asked ? asked : null, PsiRootCommand.FilesOf(parsed)),
                JsonLogs(parsed), cancellation));
    }

    private static bool JsonLogs(ParseResult parsed) => parsed.GetValue(PsiRootCommand.Json) || Console.IsOutputRedirected;
}
