using PsiMessaging.Participants.Naming;

namespace PsiMessaging.Participants.Store;

/// <summary>One transaction that changes a participant's state. All of it becomes durable, or nothing.</summary>
public interface IStoreWriter : IStoreReader
{
    /// <summary>Stores a session; its version goes up by one.</summary>
    void PutSession(StoredSession session);

    /// <summary>Forgets a session: its document, its messages in hand, what was kept of it, and its documents. What is in the outbox still leaves.</summary>
    /// <param name="id">Session id.</param>
    /// <param name="remember">Whether its id is kept, so that nothing old can open it again.</param>
    void DeleteSession(string id, bool remember = true);

    /// <summary>Stores a received message in a slot of a session.</summary>
    /// <param name="session">Session id.</param>
    /// <param name="slot">Slot.</param>
    /// <param name="contentHash">SHA-256 that identifies the message.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="sender">Under whose name it counts, for <see cref="IStoreReader.Waiting"/>.</param>
    InboundResult PutInbound(string session, string slot, byte[] contentHash, byte[] frame, string sender = "");

    /// <summary>Marks a message as dealt with and forgets its frame, but not its slot and hash.</summary>
    void Finish(string session, string slot);

    /// <summary>The same for every message of a session whose slot is of one of some kinds.</summary>
    /// <param name="session">Session id.</param>
    /// <param name="kinds">First parts of slots.</param>
    void FinishKinds(string session, IReadOnlyCollection<string> kinds);

    /// <summary>The same for every message of a session but those of some kinds.</summary>
    void FinishAllBut(string session, IReadOnlyCollection<string> kinds);

    /// <summary>Forgets every trace of a session's messages of some kinds, slot and hash included.</summary>
    void DropKinds(string session, IReadOnlyCollection<string> kinds);

    /// <summary>Keeps something of a round's batch.</summary>
    void PutKept(string session, int round, int sequence, byte[] data);

    /// <summary>Forgets all that was kept of a session's rounds.</summary>
    void DropKept(string session);

    /// <summary>Puts a frame in the outbox.</summary>
    /// <param name="messageId">Its id.</param>
    /// <param name="session">Session id, or null.</param>
    /// <param name="queue">Where to.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="bestEffort">Whether it is dropped when nobody listens.</param>
    /// <param name="held">Whether it waits until <see cref="Release"/>.</param>
    void Enqueue(string messageId, string? session, QueueAddress queue, ReadOnlyMemory<byte> frame, bool bestEffort, bool held = false);

    /// <summary>Lets messages of a session leave for a queue that were held back.</summary>
    void Release(string session, QueueAddress queue);

    /// <summary>Takes messages of a session out of the outbox that are held back still.</summary>
    void DropHeld(string session);

    /// <summary>Takes a message out of the outbox.</summary>
    void Dequeue(long number);

    /// <summary>Stores a document.</summary>
    /// <param name="kind">Kind.</param>
    /// <param name="id">Id within the kind.</param>
    /// <param name="document">JSON.</param>
    /// <param name="session">The session it goes with, if it belongs to one.</param>
    void PutDocument(string kind, string id, string document, string? session = null);

    /// <summary>Forgets a document; whether there was one.</summary>
    bool DeleteDocument(string kind, string id);

    /// <summary>Adds to the audit log.</summary>
    void AppendAudit(AuditEntry entry);
}
