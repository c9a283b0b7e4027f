using Microsoft.Extensions.Logging;

namespace PsiMessaging.Cli.Simulation;

/// <summary>Participants' logs of which only the faults of their steps are heard.</summary>
/// <param name="report">Told of each.</param>
internal sealed class FaultLog(Action<Exception> report) : ILoggerFactory, ILogger
{
    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel) && exception is not null)
        {
            report(exception);
        }
    }

    public void Dispose()
    {
        // Holds nothing.
    }
}
