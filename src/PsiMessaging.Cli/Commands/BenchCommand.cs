using System.CommandLine;

namespace PsiMessaging.Cli.Commands;

internal static class BenchCommand
{
    public static Command Create() => new("bench", "placeholder");
}
