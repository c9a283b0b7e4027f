using Microsoft.Extensions.Logging;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Outbox;

/// <summary>
/// Signs messages and puts them in the outbox, inside a transaction. A participant whose card is not pinned any more is sent nothing; one for whom much waits
/// is sent no refusals, which it could have made without end while it reads none of them.
/// </summary>
public sealed partial class Post(ParticipantHome home, ILogger log)
{
    /// <summary>Messages that wait for a participant beyond which it is sent no refusals.</summary>
    internal const int MostBeforeRefusals = 4096;

    private readonly ILogger _log = log;

    /// <summary>A message to another participant.</summary>
    /// <param name="writer">The transaction.</param>
    /// <param name="to">Receiver.</param>
    /// <param name="session">Session id, or null.</param>
    /// <param name="message">The message.</param>
    /// <param name="body">Its body.</param>
    /// <param name="auditHead">Head of the own audit log. Not for what may be said twice: two that name different heads are two different messages.</param>
    /// <exception cref="ParticipantException">It is larger than its type may be.</exception>
    public void Send(IStoreWriter writer, string to, string? session, object message, ReadOnlyMemory<byte> body = default, byte[]? auditHead = null)
    {
        if (home.InboxOf(to) is not { } inbox)
        {
            LogNotPinned(to);
            return;
        }

        if (message is AbortSession or QueryRefused or RefuseQuery && writer.CountOutgoing(inbox) >= MostBeforeRefusals)
        {
            LogNotRefused(to);
            return;
        }

        Put(writer, inbox, Envelope.Create(home, to, session, message, body, auditHead: auditHead));
    }

    /// <summary>
    /// A message that was signed before. Within a session it leaves once there is a key to seal it to: its receiver's of the session, or for what opens one its
    /// card's.
    /// </summary>
    public void SendSigned(IStoreWriter writer, Envelope envelope)
    {
        if (home.InboxOf(envelope.Header.To) is { } inbox)
        {
            Put(writer, inbox, envelope);
        }
        else
        {
            LogNotPinned(envelope.Header.To);
        }
    }

    /// <summary>Tells the other the own key of a session, where there is nothing else to say.</summary>
    internal void SendOpening(IStoreWriter writer, string to, string session)
    {
        if (home.InboxOf(to) is { } inbox)
        {
            writer.Enqueue(ParticipantNames.NewId(), session, inbox, FrameSealing.OpeningFor(to), bestEffort: false);
        }
    }

    private static void Put(IStoreWriter writer, QueueAddress inbox, Envelope envelope)
    {
        var (session, to) = (envelope.Header.Session, envelope.Header.To);
        var channel = session is not null && writer.FindSession(session) is { EndedAt: null } ? Channels.Ensure(writer, session, to) : null;
        var held = channel is { PeerKey: null } && !MessageLimits.MayOpen(envelope.Message.GetType());
        writer.Enqueue(envelope.Id, session, inbox, envelope.Frame, bestEffort: false, held);
    }

    /// <summary>
    /// Answers a command of the own CLI, if it still waits: to the queue of this home's own CLI that belongs to the command, and to no other.
    /// </summary>
    public void Reply(IStoreWriter writer, string? replyTo, string? correlation, CommandReply reply)
    {
        if (correlation is not null && ParticipantNames.IsId(correlation)
            && QueueAddress.ReplyOf(home.Config.QueuePrefix, home.Name, correlation) is var queue && queue.Name == replyTo)
        {
            var envelope = Envelope.Create(home, home.Name, null, reply, correlation: correlation);
            writer.Enqueue(envelope.Id, null, queue, envelope.Frame, bestEffort: true);
        }
    }

    [LoggerMessage(EventId = 112, Level = LogLevel.Warning, Message = "A message for {Name} was not sent: its card is not pinned here any more")]
    private partial void LogNotPinned(string name);

    [LoggerMessage(EventId = 113, Level = LogLevel.Warning, Message = "A refusal for {Name} was not sent: it reads nothing of what waits for it")]
    private partial void LogNotRefused(string name);
}
