using Microsoft.Extensions.Logging;

namespace PsiMessaging.Cli.Simulation;

/// <summary>An engine's log of which only the faults of its steps are heard.</summary>
/// <param name="report">Told of each.</param>
internal sealed class FaultLog<T>(Action<Exception> report) : ILogger<T>
{
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
}
