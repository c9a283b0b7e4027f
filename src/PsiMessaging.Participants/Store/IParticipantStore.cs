using PsiMessaging.Participants.Naming;

namespace PsiMessaging.Participants.Store;

/// <summary>A session as stored: its state for searching, and its owner's document.</summary>
/// <param name="Id">Session id.</param>
/// <param name="State">State name.</param>
/// <param name="Document">JSON of the use case that owns it.</param>
/// <param name="CreatedAt">When it was first stored.</param>
/// <param name="Peer">By whose message it is here, for counting: a peer's name, or empty for a session of the own people.</param>
/// <param name="IsOpen">Whether it has or may get work by itself; a session that has not is looked at only when a message comes for it.</param>
/// <param name="DueAt">When it must be looked at whatever comes: its next deadline. Null for never.</param>
/// <param name="EndedAt">When it ended without a result, from which its age counts; null for a session that is kept.</param>
public sealed record StoredSession(string Id, string State, string Document, DateTimeOffset CreatedAt, string Peer = "", bool IsOpen = true, DateTimeOffset? DueAt = null, DateTimeOffset? EndedAt = null);

/// <summary>A received message that is kept until its session has dealt with it.</summary>
/// <param name="Session">Session id.</param>
/// <param name="Slot">Its place in the session: sender, kind, round, sequence. One message a slot.</param>
/// <param name="Frame">The frame.</param>
public sealed record PendingMessage(string Session, string Slot, byte[] Frame);

/// <summary>A message on its way out.</summary>
/// <param name="Number">Order of insertion.</param>
/// <param name="MessageId">Content-derived id.</param>
/// <param name="Session">Session id, or null.</param>
/// <param name="Queue">Queue it goes to.</param>
/// <param name="Frame">The frame.</param>
/// <param name="BestEffort">Whether it is dropped when nobody listens, as with a reply to a CLI that is gone.</param>
public sealed record OutgoingMessage(long Number, string MessageId, string? Session, QueueAddress Queue, byte[] Frame, bool BestEffort);

/// <summary>An entry of the audit log.</summary>
/// <param name="Number">From 1, without gaps.</param>
/// <param name="Entry">JSON: time, event, details.</param>
/// <param name="Hash">SHA-256 over the previous hash and this entry, 32 bytes.</param>
/// <param name="Signature">The participant's signature over the hash, 64 bytes.</param>
public sealed record AuditEntry(long Number, string Entry, byte[] Hash, byte[] Signature);

/// <summary>What storing a received message found.</summary>
public enum InboundResult
{
    /// <summary>New.</summary>
    Stored,
    /// <summary>The same message was here before.</summary>
    Repeated,
    /// <summary>Another message holds that slot: somebody altered a repeat.</summary>
    Altered,
}

/// <summary>One transaction on a participant's state. All of it becomes durable, or nothing.</summary>
public interface IStoreTransaction
{
    StoredSession? FindSession(string id);
    /// <summary>Every session with its document: for a person's list, never for a worker's step.</summary>
    IReadOnlyList<StoredSession> ListSessions();
    void PutSession(StoredSession session);
    /// <summary>State of a session without its document, or null.</summary>
    string? FindState(string id);
    /// <summary>Ids of sessions that are open, or for which a message waits.</summary>
    IReadOnlyList<string> OpenSessions();
    /// <summary>Ids of sessions that are due, the longest overdue first.</summary>
    IReadOnlyList<string> DueSessions(DateTimeOffset now, int limit);
    /// <summary>Sessions of a peer: all of them, or those that are open.</summary>
    int CountSessions(string peer, bool openOnly);
    /// <summary>
    /// Ids of sessions that ended before a time, oldest first; or, beyond <paramref name="keep"/>, the oldest ended ones of each peer. One that is open still, since what it held
    /// is not cleaned up, is not among them.
    /// </summary>
    IReadOnlyList<string> EndedSessions(DateTimeOffset before, int keep, int limit);
    /// <summary>Forgets a session: its document, its messages in hand, what was kept of it, and its documents. What is in the outbox still leaves.</summary>
    /// <param name="id">Session id.</param>
    /// <param name="remember">Whether its id is kept, so that nothing old can open it again.</param>
    void DeleteSession(string id, bool remember = true);
    /// <summary>Whether a session of that id was here and was forgotten.</summary>
    bool IsForgotten(string id);
    /// <summary>Forgotten sessions of a peer whose ids are kept.</summary>
    int CountForgotten(string peer);

    /// <summary>Stores a received message in a slot of a session.</summary>
    /// <param name="session">Session id.</param>
    /// <param name="slot">Slot.</param>
    /// <param name="contentHash">SHA-256 that identifies the message.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="sender">Who sent it, for <see cref="Waiting"/>.</param>
    InboundResult PutInbound(string session, string slot, byte[] contentHash, byte[] frame, string sender = "");
    /// <summary>What of a sender waits to be dealt with, in all sessions: messages and bytes.</summary>
    (int Messages, long Bytes) Waiting(string sender);
    /// <summary>Messages not yet dealt with, whose slot starts with <paramref name="slotPrefix"/>, in slot order.</summary>
    IReadOnlyList<PendingMessage> Pending(string session, string slotPrefix, int limit);
    /// <summary>Slots of messages not yet dealt with, in slot order, without their frames.</summary>
    IReadOnlyList<string> PendingSlots(string session, string slotPrefix);
    /// <summary>The frame in a slot, or null when there is none or it was dealt with.</summary>
    byte[]? FindFrame(string session, string slot);
    /// <summary>Marks a message as dealt with and forgets its frame, but not its slot and hash.</summary>
    void Finish(string session, string slot);
    /// <summary>The same for every message of a session that has ended but commands, which are still answered.</summary>
    void FinishAll(string session);

    void PutKept(string session, int round, int sequence, byte[] data);
    /// <summary>Reads what was kept of a round, by sequence, one batch in memory at a time.</summary>
    void ReadKept(string session, int round, Action<int, byte[]> read);
    /// <summary>Forgets kept results and every trace of batches (slots <c>round/</c>, <c>batch/</c>, <c>credit/</c>), and the frames of unfinished queries of a session; other messages stay.</summary>
    void DropRounds(string session);

    void Enqueue(string messageId, string? session, QueueAddress queue, ReadOnlyMemory<byte> frame, bool bestEffort);
    /// <summary>Queues that messages wait for.</summary>
    IReadOnlyList<QueueAddress> OutgoingQueues();
    /// <summary>The oldest messages for a queue.</summary>
    IReadOnlyList<OutgoingMessage> Outgoing(QueueAddress queue, int limit);
    int CountOutgoing(string session);
    /// <summary>Messages that wait for a queue.</summary>
    int CountOutgoing(QueueAddress queue);
    void Dequeue(long number);

    string? FindDocument(string kind, string id);
    IReadOnlyList<(string Id, string Document)> ListDocuments(string kind);
    /// <summary>Documents of a kind that belong to a session.</summary>
    IReadOnlyList<(string Id, string Document)> ListDocuments(string kind, string session);
    /// <param name="kind">Kind.</param>
    /// <param name="id">Id within the kind.</param>
    /// <param name="document">JSON.</param>
    /// <param name="session">The session it goes with, if it belongs to one.</param>
    void PutDocument(string kind, string id, string document, string? session = null);
    bool DeleteDocument(string kind, string id);

    AuditEntry? LastAudit();
    void AppendAudit(AuditEntry entry);
    IReadOnlyList<AuditEntry> ListAudit(long afterNumber, int limit);
}

/// <summary>A participant's durable state. Safe for several threads and processes: one writes at a time, readers see committed state.</summary>
public interface IParticipantStore : IDisposable
{
    T Read<T>(Func<IStoreTransaction, T> action);
    T Write<T>(Func<IStoreTransaction, T> action);
}

/// <summary>Conveniences.</summary>
public static class ParticipantStoreExtensions
{
    public static void Write(this IParticipantStore store, Action<IStoreTransaction> action) => store.Write(transaction =>
    {
        action(transaction);
        return true;
    });
}
