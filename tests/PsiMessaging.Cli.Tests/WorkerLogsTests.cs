using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using PsiMessaging.Files;
using PsiMessaging.WorkerHost;

namespace PsiMessaging.Cli.Tests;

/// <summary>Log lines of workers: an exception is said in one line that steers no terminal, and traced only for who debugs.</summary>
public class WorkerLogsTests
{
    private static Exception Thrown()
    {
        try
        {
            throw new InvalidOperationException("outer\u001b[2J\nsecond line", new IOException("No space left on device"));
        }
        catch (InvalidOperationException exception)
        {
            return exception;
        }
    }

    private static string Line(bool asJson, bool isDebugging)
    {
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.AddWorkerConsole(asJson, isDebugging));
        using var provider = services.BuildServiceProvider();
        var name = provider.GetRequiredService<IOptionsMonitor<ConsoleLoggerOptions>>().CurrentValue.FormatterName;
        using var writer = new StringWriter();
        provider.GetServices<ConsoleFormatter>().Single(formatter => formatter.Name == name)
            .Write(new LogEntry<string>(LogLevel.Error, "Engine", new EventId(205), "a step failed", Thrown(), (state, _) => state), null, writer);
        return writer.ToString();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Exception_BelowDebug_IsOneLineWithWhatIsBehindIt(bool asJson)
    {
        var line = Line(asJson, isDebugging: false);
        Assert.EndsWith("\n", line, StringComparison.Ordinal);
        Assert.DoesNotContain(line[..^1], PrintableText.IsControl);
        Assert.DoesNotContain(" at ", line, StringComparison.Ordinal);
        foreach (var part in new[] { "a step failed", "InvalidOperationException: outer", "second line", "IOException: No space left on device" })
        {
            Assert.Contains(part, line, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Exception_AtDebug_HasItsTrace(bool asJson) =>
        Assert.Contains(" at PsiMessaging.Cli.Tests.WorkerLogsTests.Thrown", Line(asJson, isDebugging: true), StringComparison.Ordinal);
}
