using Microsoft.Extensions.Logging;

namespace PsiMessaging.Linker;

/// <summary>The linker's log lines. Names, ids and counts only.</summary>
internal static partial class LinkerLog
{
    [LoggerMessage(EventId = 300, Level = LogLevel.Information, Message = "Session {Session}: {Party} registers {Rows} rows")]
    public static partial void Registered(this ILogger log, string session, string party, int rows);

    [LoggerMessage(EventId = 301, Level = LogLevel.Information, Message = "Session {Session}: all {Rows} rows of {Party} are here")]
    public static partial void Complete(this ILogger log, string session, string party, int rows);

    [LoggerMessage(EventId = 302, Level = LogLevel.Information, Message = "Session {Session}: query {Query} {Outcome} in {Seconds:F3} s")]
    public static partial void Queried(this ILogger log, string session, string query, string outcome, double seconds);

    [LoggerMessage(EventId = 303, Level = LogLevel.Warning, Message = "Session {Session}: failed, {Code}: {Reason}")]
    public static partial void Failed(this ILogger log, string session, string code, string reason);

    [LoggerMessage(EventId = 304, Level = LogLevel.Error, Message = "Session {Session}: a step failed")]
    public static partial void StepFault(this ILogger log, Exception exception, string session);

    [LoggerMessage(EventId = 310, Level = LogLevel.Information, Message = "Session {Session}: query {Query}, product of {Rows} rows, {P} by {Q} columns")]
    public static partial void Multiplied(this ILogger log, string session, string query, int rows, int p, int q);
}
