using System.Text.Json.Nodes;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Turns;

/// <summary>What belongs to a change of a session, in its transaction.</summary>
public sealed class Effects
{
    private readonly string _session;
    private readonly IStoreWriter _state;
    private readonly Post _post;
    private readonly AuditLog _audit;
    private readonly HashSet<string> _finished = new(StringComparer.Ordinal);

    internal Effects(string session, IStoreWriter state, Post post, AuditLog audit) => (_session, _state, _post, _audit) = (session, state, post, audit);

    /// <summary>The state in this transaction, to look at.</summary>
    public IStoreReader State => _state;

    /// <summary>Slots that were finished.</summary>
    internal IReadOnlySet<string> Finished => _finished;

    /// <summary>Whether something was put in the outbox.</summary>
    internal bool HasSent { get; private set; }

    /// <summary>Whether the session's keys were destroyed.</summary>
    internal bool HasClosed { get; private set; }

    /// <summary>
    /// Sends a message of the session to a participant; see <see cref="Post.Send"/>. Where it may, it names the audit log's head: what it is about is entered
    /// before it is sent, so that its receiver witnesses that.
    /// </summary>
    public void Send(string to, object message, ReadOnlyMemory<byte> body = default) =>
        Send(to, message, body, MessageLimits.NamesAuditHead(message.GetType()) ? AuditLog.HeadOf(_state) : null);

    /// <summary>Sends what may be said again later, in the same words: it names no head, since a message that comes twice must be the same bytes.</summary>
    public void SendRepeatable(string to, object message) => Send(to, message, default, auditHead: null);

    private void Send(string to, object message, ReadOnlyMemory<byte> body, byte[]? auditHead)
    {
        HasSent = true;
        _post.Send(_state, to, _session, message, body, auditHead);
    }

    /// <summary>Sends a message that was signed before, since its hash is part of the session.</summary>
    public void Send(Envelope envelope)
    {
        HasSent = true;
        _post.SendSigned(_state, envelope);
    }

    /// <summary>The session is over, and all is said: its keys are destroyed, and what comes for it does not open any more.</summary>
    public void CloseChannels()
    {
        HasClosed = true;
        Channels.Close(_state, _session);
    }

    /// <summary>Answers a command; see <see cref="Post.Reply"/>.</summary>
    public void Reply(string? replyTo, string? correlation, CommandReply reply)
    {
        HasSent = true;
        _post.Reply(_state, replyTo, correlation, reply);
    }

    /// <summary>Adds to the audit log: names, ids and counts.</summary>
    public void Audit(string happening, params (string Name, JsonNode? Value)[] details) => _audit.Append(_state, happening, details);

    /// <summary>Adds what a message leads to, with the head of its sender's log where it names one.</summary>
    public void Audit(string happening, Envelope? cause, params (string Name, JsonNode? Value)[] details) => _audit.Append(_state, happening, cause, details);

    /// <summary>A received message is dealt with.</summary>
    public void Finish(string slot)
    {
        _finished.Add(slot);
        _state.Finish(_session, slot);
    }

    /// <summary>All received messages of some kinds are dealt with.</summary>
    public void FinishKinds(IReadOnlyCollection<string> kinds) => _state.FinishKinds(_session, kinds);

    /// <summary>All received messages but those of some kinds are dealt with.</summary>
    public void FinishAllBut(IReadOnlyCollection<string> kinds) => _state.FinishAllBut(_session, kinds);

    /// <summary>Keeps something of a round's batch.</summary>
    public void Keep(int round, int sequence, byte[] data) => _state.PutKept(_session, round, sequence, data);

    /// <summary>Forgets what was kept of rounds, and every trace of messages of some kinds.</summary>
    public void Forget(IReadOnlyCollection<string> kinds)
    {
        _state.DropKept(_session);
        _state.DropKinds(_session, kinds);
    }

    /// <summary>Stores a document of the session.</summary>
    public void Put(string kind, string id, string document) => _state.PutDocument(kind, id, document, _session);

    /// <summary>Stores a document that outlives the session.</summary>
    public void PutForAll(string kind, string id, string document) => _state.PutDocument(kind, id, document);

    /// <summary>Forgets a document.</summary>
    public void Delete(string kind, string id) => _state.DeleteDocument(kind, id);
}
