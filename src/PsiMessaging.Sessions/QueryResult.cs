namespace PsiMessaging.Sessions;

/// <summary>A query's answer with its labels decrypted. It stays in the asking party's home and is never sent.</summary>
/// <param name="QueryId">The query.</param>
/// <param name="Text">As typed.</param>
/// <param name="Columns">Header: the queried columns.</param>
/// <param name="Groups">One entry a group, in label order.</param>
/// <param name="MinCell">The rule that was applied.</param>
/// <param name="Suppressed">Number of groups whose count is withheld.</param>
/// <param name="Joined">Rows of the join.</param>
/// <param name="Seconds">From question to answer.</param>
public sealed record QueryResult(string QueryId, string Text, IReadOnlyList<string> Columns, IReadOnlyList<QueryGroup> Groups, int MinCell, int Suppressed, int Joined, double Seconds);

/// <summary>One group of an answer.</summary>
/// <param name="Labels">One a column; null where the value was missing.</param>
/// <param name="Count">Rows in the group; null when suppressed.</param>
public sealed record QueryGroup(IReadOnlyList<string?> Labels, long? Count = null);
