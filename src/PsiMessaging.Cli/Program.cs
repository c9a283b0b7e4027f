using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using PsiMessaging.Cli.Commands;
using PsiMessaging.Cli.Output;
using PsiMessaging.Files;

// Before anything makes a file.
PrivateFile.ProtectProcess();
Terminal.Protect();
Passphrases.Connect();
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

// MassTransit would otherwise send a usage report to its makers.
Environment.SetEnvironmentVariable("MASSTRANSIT_USAGE_TELEMETRY", "false");

var parsed = PsiRootCommand.Create().Parse(args);
if (parsed.Errors.Count > 0)
{
    // Usage errors: one line, exit code 2.
    var message = parsed.UnmatchedTokens is [var token, ..] ? $"{token} is not a command or option here" : parsed.Errors[0].Message.TrimEnd('.');
    Console.Error.WriteLine($"psi: {message}; see: psi {string.Join(' ', PsiRootCommand.PathOf(parsed.CommandResult))}--help");
    return ExitCodes.WrongUsage;
}

// As the two other signals that ask for an end: what is in hand is cleared away first, also where the terminal has gone.
var patience = TimeSpan.FromSeconds(30);
using var hangUp = new CancellationTokenSource();
using var onHangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
{
    signal.Cancel = true;
    hangUp.Cancel();
    _ = Task.Delay(patience, TimeProvider.System).ContinueWith(_ => Environment.Exit(ExitCodes.HungUp), TaskScheduler.Default);
});
return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = patience }, hangUp.Token);
