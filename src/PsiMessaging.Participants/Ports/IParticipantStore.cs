namespace PsiMessaging.Participants.Ports;

/// <summary>A session as stored: its state for searching, and its owner's document.</summary>
/// <param name="Id">Session id.</param>
/// <param name="State">State name.</param>
/// <param name="Document">JSON of the use case that owns it.</param>
/// <param name="CreatedAt">When it was first stored.</param>
public sealed record StoredSession(string Id, string State, string Document, DateTimeOffset CreatedAt);

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
public sealed record OutgoingMessage(long Number, string MessageId, string? Session, string Queue, byte[] Frame, bool BestEffort);

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
    IReadOnlyList<StoredSession> ListSessions();
    void PutSession(StoredSession session);

    InboundResult PutInbound(string session, string slot, byte[] contentHash, byte[] frame);
    /// <summary>Messages not yet dealt with, whose slot starts with <paramref name="slotPrefix"/>, in slot order.</summary>
    IReadOnlyList<PendingMessage> Pending(string session, string slotPrefix, int limit);
    /// <summary>Slots of messages not yet dealt with, in slot order, without their frames.</summary>
    IReadOnlyList<string> PendingSlots(string session, string slotPrefix);
    /// <summary>The frame in a slot, or null when there is none or it was dealt with.</summary>
    byte[]? FindFrame(string session, string slot);
    /// <summary>Marks a message as dealt with and forgets its frame, but not its slot and hash.</summary>
    void Finish(string session, string slot);

    void PutKept(string session, int round, int sequence, byte[] data);
    /// <summary>Reads what was kept of a round, by sequence, one batch in memory at a time.</summary>
    void ReadKept(string session, int round, Action<int, byte[]> read);
    /// <summary>Forgets kept results and the frames of unfinished batches (slots <c>round/</c>, <c>batch/</c>, <c>credit/</c>) and of unfinished queries of a session; other messages stay.</summary>
    void DropRounds(string session);

    void Enqueue(string messageId, string? session, string queue, ReadOnlyMemory<byte> frame, bool bestEffort);
    /// <summary>Queues that messages wait for.</summary>
    IReadOnlyList<string> OutgoingQueues();
    /// <summary>The oldest messages for a queue.</summary>
    IReadOnlyList<OutgoingMessage> Outgoing(string queue, int limit);
    int CountOutgoing(string session);
    void Dequeue(long number);

    string? FindDocument(string kind, string id);
    IReadOnlyList<(string Id, string Document)> ListDocuments(string kind);
    void PutDocument(string kind, string id, string document);
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
