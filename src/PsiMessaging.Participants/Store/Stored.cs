using PsiMessaging.Participants.Naming;

namespace PsiMessaging.Participants.Store;

/// <summary>A session as stored: its state for searching, and its owner's document.</summary>
/// <param name="Id">Session id.</param>
/// <param name="State">State name.</param>
/// <param name="Document">JSON of the participant that owns it.</param>
/// <param name="CreatedAt">When it was first stored.</param>
/// <param name="Peer">By whose message it is here, for counting: a peer's name, or empty for a session of the own people.</param>
/// <param name="IsOpen">Whether it has or may get work by itself; a session that has not is looked at only when a message comes for it.</param>
/// <param name="DueAt">When it must be looked at whatever comes: its next deadline. Null for never.</param>
/// <param name="EndedAt">When it ended without a result, from which its age counts; null for a session that is kept.</param>
public sealed record StoredSession(
    string Id, string State, string Document, DateTimeOffset CreatedAt, string Peer = "",
    bool IsOpen = true, DateTimeOffset? DueAt = null, DateTimeOffset? EndedAt = null)
{
    /// <summary>How often it was stored, as it was read; what a writer gives here is not looked at.</summary>
    public int Version { get; init; }
}

/// <summary>A received message that is kept until its session has dealt with it.</summary>
/// <param name="Session">Session id.</param>
/// <param name="Slot">Its place in the session: kind, then sender, round, sequence or id as the kind has it. One message a slot.</param>
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
/// <param name="Head">The log's head with it, 32 bytes.</param>
/// <param name="Signature">The participant's signature over the head before it and this entry, 64 bytes.</param>
public sealed record AuditEntry(long Number, string Entry, byte[] Head, byte[] Signature);

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
