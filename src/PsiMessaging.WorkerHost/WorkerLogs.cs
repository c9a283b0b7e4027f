using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using PsiMessaging.Files;

namespace PsiMessaging.WorkerHost;

/// <summary>Log lines of a worker, plain or JSON: one line each, without stack traces unless somebody is debugging.</summary>
public static class WorkerLogs
{
    /// <summary>Variable that, set to anything, asks for stack traces and for lines of level Debug.</summary>
    public const string DebugVariable = "PSI_DEBUG";

    /// <summary>Whether stack traces are asked for.</summary>
    public static bool IsDebugging => Environment.GetEnvironmentVariable(DebugVariable) is not null;

    /// <summary>An exception and what is behind it, in one line that steers no terminal: types and messages.</summary>
    public static string Describe(Exception exception)
    {
        var line = new List<string>();
        for (Exception? next = exception; next is not null; next = next.InnerException)
        {
            line.Add($"{next.GetType().Name}: {next.Message.ReplaceLineEndings(" ")}");
        }

        return PrintableText.Of(string.Join(" <- ", line));
    }

    /// <summary>Adds the console as the only place of the log.</summary>
    /// <param name="logging">The host's.</param>
    /// <param name="asJson">Whether lines are JSON.</param>
    /// <param name="isDebugging">Whether level Debug is shown too, and exceptions with their stack traces.</param>
    public static void AddWorkerConsole(this ILoggingBuilder logging, bool asJson, bool isDebugging)
    {
        logging.ClearProviders();
        logging.SetMinimumLevel(isDebugging ? LogLevel.Debug : LogLevel.Information);
        if (asJson)
        {
            logging.AddJsonConsole(options =>
            {
                options.UseUtcTimestamp = true;
                options.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
            });
        }
        else
        {
            logging.AddSimpleConsole(options =>
            {
                options.SingleLine = true;

                // The CLI lets no escape sequence through, as reasons of peers stand in these lines.
                options.ColorBehavior = LoggerColorBehavior.Disabled;
                options.TimestampFormat = "HH:mm:ss ";
            });
        }

        if (!isDebugging)
        {
            logging.Services.AddSingleton<ConsoleFormatter>(services =>
                new BriefFormatter(services, asJson ? ConsoleFormatterNames.Json : ConsoleFormatterNames.Simple));
            logging.Services.Configure<ConsoleLoggerOptions>(options => options.FormatterName = BriefFormatter.FormatterName);
        }
    }

    /// <summary>Another formatter's lines, with exceptions as types and messages.</summary>
    private sealed class BriefFormatter(IServiceProvider services, string inner) : ConsoleFormatter(FormatterName)
    {
        public const string FormatterName = "psi";

        // Not before the first line: the formatters are made together.
        private readonly Lazy<ConsoleFormatter> _inner = new(() => services.GetServices<ConsoleFormatter>().Single(formatter => formatter.Name == inner));

        public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
        {
            var exception = logEntry.Exception is { } thrown ? new Brief(Describe(thrown)) : null;
            _inner.Value.Write(new LogEntry<TState>(logEntry.LogLevel, logEntry.Category, logEntry.EventId, logEntry.State, exception, logEntry.Formatter),
                scopeProvider, textWriter);
        }
    }

    private sealed class Brief(string line) : Exception(line)
    {
        public override string ToString() => Message;
    }
}
