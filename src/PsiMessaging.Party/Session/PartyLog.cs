using Microsoft.Extensions.Logging;

namespace PsiMessaging.Party.Session;

/// <summary>A party's log lines. Names, ids and counts only.</summary>
internal static partial class PartyLog
{
    [LoggerMessage(EventId = 200, Level = LogLevel.Information, Message = "Session {Session}: proposed to {Peer} with {Count} identifiers")]
    public static partial void Proposed(this ILogger log, string session, string peer, int count);

    [LoggerMessage(EventId = 201, Level = LogLevel.Information, Message = "Session {Session}: agreed with {Peer}, {Own} identifiers here and {Theirs} there")]
    public static partial void Accepted(this ILogger log, string session, string peer, int own, int theirs);

    [LoggerMessage(EventId = 202, Level = LogLevel.Information, Message = "Session {Session}: completed, identifiers in common: {Common}")]
    public static partial void Completed(this ILogger log, string session, string common);

    [LoggerMessage(EventId = 203, Level = LogLevel.Warning, Message = "Session {Session}: failed, {Code}: {Reason}")]
    public static partial void Failed(this ILogger log, string session, string code, string reason);

    [LoggerMessage(EventId = 205, Level = LogLevel.Error, Message = "Session {Session}: a step failed")]
    public static partial void StepFault(this ILogger log, Exception exception, string session);

    [LoggerMessage(EventId = 206, Level = LogLevel.Warning, Message = "Session {Session}: attempt {Attempt} at the protocol: {Reason}")]
    public static partial void Restarted(this ILogger log, string session, int attempt, string reason);

    [LoggerMessage(EventId = 207, Level = LogLevel.Warning, Message = "Session {Session}: {Warning}")]
    public static partial void KeyWarning(this ILogger log, string session, string warning);

    [LoggerMessage(EventId = 210, Level = LogLevel.Information, Message = "Session {Session}: query {Query}, {Groups} groups, {Outcome}")]
    public static partial void Answered(this ILogger log, string session, string query, int groups, string outcome);

    [LoggerMessage(EventId = 211, Level = LogLevel.Warning, Message = "Session {Session}: {Linker} confirms rows that were not sent")]
    public static partial void UnaskedNews(this ILogger log, string session, string linker);

    [LoggerMessage(EventId = 212, Level = LogLevel.Warning, Message = "{Approval} of {Partner} waits for a person: {Why}; see psi approvals")]
    public static partial void ApprovalAsked(this ILogger log, string approval, string partner, string why);

    [LoggerMessage(EventId = 220, Level = LogLevel.Information,
        Message = "Session {Session}: query {Query}, {Rows} masked rows of {Columns} columns are on their way")]
    public static partial void Contributed(this ILogger log, string session, string query, int rows, int columns);
}
