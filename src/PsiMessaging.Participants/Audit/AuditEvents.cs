using System.Collections.Frozen;

namespace PsiMessaging.Participants.Audit;

/// <summary>What is entered into audit logs, in words for people. The list with the fields of each is docs/audit.md, which a test holds to the code.</summary>
public static class AuditEvents
{
    /// <summary>Events by name, with their words.</summary>
    public static FrozenDictionary<string, string> Words { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["home-made"] = "home made",
        ["card-pinned"] = "card pinned",
        ["card-replaced"] = "card replaced",
        ["card-renewed"] = "card renewed",
        ["card-revoked"] = "card revoked",
        ["keys-protected"] = "keys protected",
        ["keys-rotated"] = "keys rotated",
        ["policy-checked"] = "policy checked",
        ["approval-asked"] = "approval asked for",
        ["approval-pending"] = "other's approval awaited",
        ["approval-taken-back"] = "approval taken back",
        ["approval-decided"] = "approval decided",
        ["dataset-added"] = "dataset added",
        ["dataset-removed"] = "dataset removed",
        ["reusable-set-made"] = "reusable set made",
        ["frames-refused"] = "messages refused",
        ["session-opened"] = "session opened",
        ["session-proposed"] = "session proposed",
        ["session-accepted"] = "session accepted",
        ["session-agreed"] = "session agreed",
        ["session-refused"] = "session refused",
        ["session-completed"] = "session completed",
        ["session-failed"] = "session ended",
        ["session-deleted"] = "session deleted",
        ["protocol-restarted"] = "rounds begun again",
        ["rows-sent"] = "rows sent",
        ["questions-allowed"] = "questions allowed",
        ["rows-confirmed"] = "rows confirmed",
        ["registration-opened"] = "registration taken",
        ["registration-refused"] = "registration refused",
        ["rows-registered"] = "rows registered",
        ["query-asked"] = "question asked",
        ["query-answered"] = "question answered",
        ["query-refused"] = "question refused",
        ["peer-asked"] = "other party asked",
        ["history-refused"] = "too close to an earlier question",
        ["peer-contributes"] = "other party contributes",
        ["peer-question-ended"] = "other's question ended",
        ["mask-counter-raised"] = "mask counter raised",
        ["query-run"] = "question counted",
        ["release-begun"] = "release begun",
        ["release-garbled"] = "decided on what is shown",
        ["noise-spent"] = "paid for noise",
        ["cell-keys-used"] = "noise by cell keys",
        ["product-computed"] = "product computed",
        ["product-ended"] = "product ended",
    }.ToFrozenDictionary(StringComparer.Ordinal);
}
