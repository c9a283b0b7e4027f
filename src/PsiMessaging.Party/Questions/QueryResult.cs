using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Party.Questions;

/// <summary>A query's answer, in plain, with what must be known to read it. It stays in the asking party's home and is never sent.</summary>
/// <param name="QueryId">The query.</param>
/// <param name="Text">As typed.</param>
/// <param name="Session">Session id.</param>
/// <param name="Engine">Linker engine.</param>
/// <param name="Kind">What was asked for.</param>
/// <param name="Answer">The table, its facts and rules.</param>
/// <param name="MinCell">The minimum cell size that was applied.</param>
/// <param name="CommonRecords">Size of the intersection.</param>
/// <param name="Groupings">Number of leading columns that are labels of groups.</param>
/// <param name="AnsweredAt">When.</param>
/// <param name="Seconds">From question to answer.</param>
public sealed record QueryResult(
    string QueryId, string Text, string Session, QueryEngine Engine, QueryKind Kind, Answer Answer,
    int MinCell, int CommonRecords, int Groupings, DateTimeOffset AnsweredAt, double Seconds);
