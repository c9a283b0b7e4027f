namespace PsiMessaging.Analytics.Queries;

/// <summary>A question that cannot be read, resolved or answered. The message is one line for the person who asked.</summary>
/// <param name="code">A failure code of the wire contract.</param>
/// <param name="message">What is wrong, where, and what there is.</param>
public sealed class QueryException(string code, string message) : Exception(message)
{
    /// <summary>The question cannot be read.</summary>
    public const string BadQuery = "bad-query";
    /// <summary>A column of neither party, or of both.</summary>
    public const string UnknownColumn = "unknown-column";
    /// <summary>A statistic on values that have none: a mean of texts, say.</summary>
    public const string WrongType = "wrong-type";
    /// <summary>The session's engine cannot compute this.</summary>
    public const string EngineCannot = "engine-cannot";
    /// <summary>More groups or columns than a query may have.</summary>
    public const string TooManyGroups = "too-many-groups";
    /// <summary>No common record passes the filter.</summary>
    public const string NothingSelected = "nothing-selected";
    /// <summary>The question or one side of it is about fewer records than the session's minimum cell size.</summary>
    public const string BelowMinimum = "below-minimum";
    /// <summary>The difference between the answer and an earlier question's may be about few records.</summary>
    public const string TooClose = "too-close";
    /// <summary>A weight below zero.</summary>
    public const string NegativeWeight = "negative-weight";
    /// <summary>A regression without a unique solution.</summary>
    public const string Singular = "singular-regression";

    /// <summary>A failure code of the wire contract.</summary>
    public string Code => code;

    /// <summary>The id of the earlier question that it is too close to; null where it is refused for another reason.</summary>
    public string? Earlier { get; init; }
}
