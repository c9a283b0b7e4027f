using PsiMessaging.Participants.Naming;

namespace PsiMessaging.Participants.Store;

/// <summary>A participant's state as one transaction sees it. Looking changes nothing.</summary>
public interface IStoreReader
{
    /// <summary>A session, or null.</summary>
    StoredSession? FindSession(string id);

    /// <summary>How often a session was stored, or null.</summary>
    int? FindVersion(string id);

    /// <summary>State of a session without its document, or null.</summary>
    string? FindState(string id);

    /// <summary>Every session with its document: for a person's list, never for a worker's step.</summary>
    IReadOnlyList<StoredSession> ListSessions();

    /// <summary>Ids of sessions that are open, or for which a message waits.</summary>
    IReadOnlyList<string> OpenSessions();

    /// <summary>When sessions must be looked at next, whatever comes.</summary>
    IReadOnlyList<(string Id, DateTimeOffset DueAt)> DueTimes();

    /// <summary>Sessions of a peer: all of them, or those that are open.</summary>
    int CountSessions(string peer, bool openOnly);

    /// <summary>
    /// Ids of sessions that ended before a time, oldest first; or, beyond <paramref name="keep"/>, the oldest ended ones of each peer. One that is open still,
    /// since what it held is not cleaned up, is not among them.
    /// </summary>
    IReadOnlyList<string> EndedSessions(DateTimeOffset before, int keep, int limit);

    /// <summary>Whether a session of that id was here and was forgotten.</summary>
    bool IsForgotten(string id);

    /// <summary>Forgotten sessions of a peer whose ids are kept.</summary>
    int CountForgotten(string peer);

    /// <summary>What of a sender waits to be dealt with, in all sessions: messages and bytes.</summary>
    (int Messages, long Bytes) Waiting(string sender);

    /// <summary>Messages not yet dealt with, whose slot starts with <paramref name="slotPrefix"/>, in slot order.</summary>
    IReadOnlyList<PendingMessage> Pending(string session, string slotPrefix, int limit);

    /// <summary>Slots of messages not yet dealt with, in slot order, without their frames.</summary>
    IReadOnlyList<string> PendingSlots(string session, string slotPrefix);

    /// <summary>The frame in a slot, or null when there is none or it was dealt with.</summary>
    byte[]? FindFrame(string session, string slot);

    /// <summary>Whether this very message was taken into a slot, dealt with since or not.</summary>
    /// <param name="session">The session.</param>
    /// <param name="slot">The slot.</param>
    /// <param name="contentHash">Hash of the message, as it was put in.</param>
    bool HasTaken(string session, string slot, byte[] contentHash);

    /// <summary>Reads what was kept of a round, by sequence, one batch in memory at a time.</summary>
    void ReadKept(string session, int round, Action<int, byte[]> read);

    /// <summary>Queues that messages may leave for.</summary>
    IReadOnlyList<QueueAddress> OutgoingQueues();

    /// <summary>The oldest messages for a queue that are not held back.</summary>
    IReadOnlyList<OutgoingMessage> Outgoing(QueueAddress queue, int limit);

    /// <summary>Messages of a session that are on their way out.</summary>
    int CountOutgoing(string session);

    /// <summary>Messages that wait for a queue.</summary>
    int CountOutgoing(QueueAddress queue);

    /// <summary>A document, or null.</summary>
    string? FindDocument(string kind, string id);

    /// <summary>All documents of a kind.</summary>
    IReadOnlyList<(string Id, string Document)> ListDocuments(string kind);

    /// <summary>Documents of a kind that belong to a session.</summary>
    IReadOnlyList<(string Id, string Document)> ListDocuments(string kind, string session);

    /// <summary>The newest entry of the audit log.</summary>
    AuditEntry? LastAudit();

    /// <summary>Entries of the audit log, by number.</summary>
    IReadOnlyList<AuditEntry> ListAudit(long afterNumber, int limit);
}
