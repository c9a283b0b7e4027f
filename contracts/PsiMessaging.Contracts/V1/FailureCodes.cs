namespace PsiMessaging.Contracts.V1;

/// <summary>The named reasons with which sessions, queries and commands end. Part of the wire contract: add, never rename.</summary>
public static class FailureCodes
{
    /// <summary>The proposal or message breaks its contract: a missing field, a length or range.</summary>
    public const string Malformed = "malformed-message";
    /// <summary>The two parties' canonicalisation differs.</summary>
    public const string ProfileMismatch = "profile-mismatch";
    /// <summary>The two parties' duplicate rules differ.</summary>
    public const string DuplicateRuleMismatch = "duplicate-rule-mismatch";
    /// <summary>The two parties hold different shared keys.</summary>
    public const string SharedKeyMismatch = "shared-key-mismatch";
    /// <summary>The RSA key is too short, of the wrong length, or has another exponent.</summary>
    public const string WeakKey = "weak-rsa-key";
    /// <summary>A protocol, engine or option the receiver does not have.</summary>
    public const string Unsupported = "unsupported";
    /// <summary>No such dataset, or several to choose from.</summary>
    public const string UnknownDataset = "unknown-dataset";
    /// <summary>The dataset breaks a rule of the session: duplicates, no identifiers.</summary>
    public const string UnusableDataset = "unusable-dataset";
    /// <summary>A batch does not fit the announced sizes, or has bad elements.</summary>
    public const string BadBatch = "bad-batch";
    /// <summary>A consistency check of the protocol failed: the peer does not follow it. Never says which check.</summary>
    public const string FailedCheck = "failed-check";
    /// <summary>The same batch came twice with different content.</summary>
    public const string AlteredRepeat = "altered-repeat";
    /// <summary>A signature of the blind-signature protocol does not verify.</summary>
    public const string BadSignature = "bad-signature";
    /// <summary>There is no reusable set, or it was made from another version of the dataset, under other rules or with another key.</summary>
    public const string ReusableSet = "reusable-set-mismatch";
    /// <summary>The two parties' results differ.</summary>
    public const string ResultMismatch = "result-mismatch";
    /// <summary>The session's deadline passed.</summary>
    public const string Deadline = "deadline-passed";
    /// <summary>A person cancelled it.</summary>
    public const string Cancelled = "cancelled";
    /// <summary>No such session.</summary>
    public const string UnknownSession = "unknown-session";
    /// <summary>The session is not in the state the command needs.</summary>
    public const string WrongState = "wrong-state";
    /// <summary>The peer or linker is not pinned, or its card changed.</summary>
    public const string NotPinned = "not-pinned";
    /// <summary>The two registrations at the linker disagree.</summary>
    public const string RegistrationMismatch = "registration-mismatch";
    /// <summary>Not both parties' rows are registered.</summary>
    public const string NotRegistered = "not-registered";
    /// <summary>A column of neither party, or of both.</summary>
    public const string UnknownColumn = "unknown-column";
    /// <summary>The question cannot be read.</summary>
    public const string BadQuery = "bad-query";
    /// <summary>More groups than one answer may hold.</summary>
    public const string TooManyGroups = "too-many-groups";
    /// <summary>A statistic on values that have none.</summary>
    public const string WrongType = "wrong-type";
    /// <summary>The session's engine cannot compute this.</summary>
    public const string EngineCannot = "engine-cannot";
    /// <summary>No common record passes the filter.</summary>
    public const string NothingSelected = "nothing-selected";
    /// <summary>The question, or one side of it, is about fewer records than the session's minimum cell size; or it cannot be checked.</summary>
    public const string BelowMinimum = "below-minimum";
    /// <summary>The difference between the question's answer and an earlier one's may be about few records. Says nothing of whether it is.</summary>
    public const string TooClose = "too-close";
    /// <summary>A column of weights has values below zero among the common records.</summary>
    public const string NegativeWeight = "negative-weight";
    /// <summary>A regression without a unique solution.</summary>
    public const string Singular = "singular-regression";
    /// <summary>A mask counter that is not above every one before it: somebody's state went back in time.</summary>
    public const string MaskCounter = "mask-counter-went-back";
    /// <summary>A contribution that does not fit its query, or a product that cannot be.</summary>
    public const string BadContribution = "bad-contribution";
    /// <summary>The owner has not granted it.</summary>
    public const string NotGranted = "not-granted";
    /// <summary>A person has denied it.</summary>
    public const string Denied = "denied-by-owner";
    /// <summary>More of it than the owner grants in a day.</summary>
    public const string OverBudget = "over-budget";
    /// <summary>What may be said of a dataset is spent: the account of its noise has less left than the question costs.</summary>
    public const string PrivacySpent = "privacy-spent";
    /// <summary>Something failed at the receiver; its log says what.</summary>
    public const string Internal = "internal-error";

    private static readonly HashSet<string> All =
        [.. typeof(FailureCodes).GetFields().Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!)];

    /// <summary>A code that somebody else sent, as it may be stored and shown: itself where it is one of these, else <see cref="Malformed"/>.</summary>
    public static string Known(string? code) => code is not null && All.Contains(code) ? code : Malformed;
}
