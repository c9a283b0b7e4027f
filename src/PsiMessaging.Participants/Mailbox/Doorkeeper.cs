using Microsoft.Extensions.Logging;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Participants.Mailbox;

/// <summary>
/// Takes frames from the inbox: checks form, address and signature, then what the message's route says, and stores it for its session's turn. It opens sessions
/// and never changes one that is there, so that a session has one writer.
/// </summary>
/// <typeparam name="TSession">Sessions of this participant.</typeparam>
/// <param name="home">Own home.</param>
/// <param name="store">Own state.</param>
/// <param name="time">Clock.</param>
/// <param name="post">The way out, for a session's key.</param>
/// <param name="routes">Who may send what.</param>
/// <param name="refused">Counts what no pinned card has signed.</param>
/// <param name="log">Log.</param>
public sealed partial class Doorkeeper<TSession>(ParticipantHome home, IParticipantStore store,
    TimeProvider time, Post post, RouteTable<TSession> routes, RefusedFrames refused, ILogger log)
    where TSession : class, ISession<TSession>
{
    private readonly ILogger _log = log;

    /// <summary>Takes one frame. When it returns, the frame's effect is on disk and it may be acknowledged.</summary>
    /// <returns>What is to be done about it.</returns>
    /// <exception cref="RejectedEnvelopeException">
    /// The frame is malformed, not for us, or not signed by a pinned card: it was counted, and nothing else came of it. Or, where it is authentic, it may not
    /// be sent by who sent it, or is beyond a bound: it belongs in the error queue.
    /// </exception>
    /// <exception cref="ReceiverBusyException">What came before has to be dealt with first.</exception>
    public Receipt Receive(OpenedFrame opened)
    {
        if (opened.Frame.IsEmpty)
        {
            return Learn(opened);
        }

        var (envelope, card) = Authenticate(opened);
        try
        {
            return Take(envelope, card, opened);
        }
        catch (RejectedEnvelopeException exception) when (!exception.IsAuthentic)
        {
            throw new RejectedEnvelopeException(exception.Message, isAuthentic: true);
        }
        catch (ParticipantException exception)
        {
            // A damaged card file, say: the same at every try.
            throw new RejectedEnvelopeException(exception.Message, isAuthentic: true);
        }
    }

    private (Envelope Envelope, ParticipantCard Card) Authenticate(OpenedFrame opened)
    {
        ParticipantCard? card = null;
        try
        {
            var envelope = Envelope.Parse(opened.Frame, received =>
            {
                if (received.Header.To != home.Name)
                {
                    throw new RejectedEnvelopeException("the message is addressed to another participant");
                }

                card = received.Header.From == home.Name ? home.Card : FindCard(received.Header.From);
                if (card is null || !received.IsSignedBy(card, home.Card))
                {
                    throw new RejectedEnvelopeException(
                        card is null ? WhyNot(received.Header.From) : $"the message is not signed by the card pinned for {card.Name}");
                }

                RequireOwnKey(received.Header, card, opened);
            });
            return (envelope, card!);
        }
        catch (RejectedEnvelopeException exception)
        {
            refused.Add(exception.Message, card?.Name);
            throw;
        }
    }

    /// <summary>A session's key opens what its session and peer have sealed, and what brings one brings it for its own session.</summary>
    private void RequireOwnKey(EnvelopeHeader header, ParticipantCard card, OpenedFrame opened)
    {
        var isOfItsSession = opened.To.Session is not { } session || (session == header.Session && opened.To.Peer == header.From);
        if (!isOfItsSession || (opened.Opening is { } opening && (header.Session is not { } opens || !opening.IsSignedBy(card, home.Card, opens))))
        {
            throw new RejectedEnvelopeException("the message is sealed to a key of another session or sender, or brings one");
        }
    }

    private string WhyNot(string name) =>
        home.FindPinned(name) is { } pinned && home.WhyNot(pinned) is { } why ? why : "no card is pinned for its sender";

    private ParticipantCard? FindCard(string name)
    {
        try
        {
            return home.FindCard(name);
        }
        catch (ParticipantException exception)
        {
            throw new RejectedEnvelopeException(exception.Message);
        }
    }

    private Receipt Take(Envelope envelope, ParticipantCard card, OpenedFrame opened)
    {
        var (header, role) = (envelope.Header, RoleOf(card));
        var route = routes.Of(envelope.Message.GetType());
        if (role == SenderRole.Self && header.NotAfter < time.GetUtcNow())
        {
            // Whoever gave the command has been told that it came to nothing: it must not be begun behind their back.
            LogGivenUp(header.Type);
            return Receipt.Nothing;
        }

        if ((route.From & role) == SenderRole.Nobody || route.SessionOf(envelope) is not { } id)
        {
            throw new RejectedEnvelopeException($"{header.From} may not send a {header.Type} message{routes.Whom}");
        }

        if (opened.To.Session is null && role != SenderRole.Self && !MessageLimits.MayOpen(route.Message))
        {
            throw new RejectedEnvelopeException($"{header.From} sealed a {header.Type} message to the key on the card, and not to its session's");
        }

        return route.Stream(id, envelope) ? new Receipt(id, IsNew: false, null)
            : store.Write(state => Put(state, route, id, envelope) is var receipt && LearnOf(state, id, header, opened)
                ? receipt with { HasAnswered = true } : receipt);
    }

    /// <summary>Takes the key that a message has brought, once what it is for stands.</summary>
    private bool LearnOf(IStoreWriter state, string id, EnvelopeHeader header, OpenedFrame opened) =>
        opened.Opening is { } opening && id == header.Session && state.FindSession(id) is { EndedAt: null }
        && Learn(state, id, header.From, opening, opened.To);

    /// <summary>The other's key of a session came alone.</summary>
    private Receipt Learn(OpenedFrame opened)
    {
        if (opened is not { To: { Session: { } session, Peer: { } peer }, Opening: { } opening }
            || FindCard(peer) is not { } card || !opening.IsSignedBy(card, home.Card, session))
        {
            refused.Add("the key of a session is not signed by who may bring it", opened.To.Peer);
            throw new RejectedEnvelopeException("the key of a session is not signed by who may bring it");
        }

        var isNew = store.Write(state => state.FindSession(session) is { EndedAt: null } && Learn(state, session, peer, opening, opened.To));
        return new Receipt(session, IsNew: false, null, HasAnswered: isNew);
    }

    /// <summary>Takes the other's key of a session; whether something may leave that could not before.</summary>
    private bool Learn(IStoreWriter state, string session, string peer, ChannelOpening opening, SealedTo to)
    {
        var learnt = Channels.Learn(state, home, session, peer, opening.Key);
        if (learnt == Learnt.New && to.Session is null)
        {
            post.SendOpening(state, peer, session);
        }

        return learnt switch
        {
            Learnt.Other => throw new RejectedEnvelopeException($"{peer} brings two keys for one session", isAuthentic: true),
            _ => learnt == Learnt.New,
        };
    }

    private SenderRole RoleOf(ParticipantCard card) =>
        card.Name == home.Name ? SenderRole.Self : card.Role == ParticipantRole.Party ? SenderRole.Party : SenderRole.Linker;

    private Receipt Put(IStoreWriter state, Route<TSession> route, string id, Envelope envelope)
    {
        var now = time.GetUtcNow();
        var known = ParticipantNames.IsId(id) && state.FindSession(id) is { } stored ? TSession.Parse(stored) : null;
        if ((known ?? route.WhenUnknown(envelope, state, now)) is not { } session)
        {
            if (!route.KnowsUnknown)
            {
                LogUnknownSession(envelope.Header.Type, id);
            }

            return new Receipt(id, IsNew: true, null);
        }

        return Do(route.Admit(envelope, session, state, now), state, route, id, envelope, session, now) && known is not null
            ? new Receipt(id, IsNew: false, null, HasAnswered: true)
            : known is null ? new Receipt(id, IsNew: true, session.ToStored().DueAt) : new Receipt(id, IsNew: false, null);
    }

    /// <summary>Does what was found of a message; whether it was answered.</summary>
    private bool Do(Admission admission, IStoreWriter state, Route<TSession> route, string id, Envelope envelope, TSession session, DateTimeOffset now)
    {
        switch (admission)
        {
            case Admission.Storing:
                Store(state, route, id, envelope, session, now);
                break;
            case Admission.Ending { Verdict: var verdict }:
                verdict.Put(state, id);
                break;
            case Admission.Refusal when state.HasTaken(id, route.SlotOf(envelope), envelope.HeaderHash):
                // The broker delivers at least once: what was taken and comes again is no fault, whatever has become of the session since.
                break;
            case Admission.Refusal { Reason: var reason }:
                throw new RejectedEnvelopeException(reason);
            case Admission.Waiting:
                throw new ReceiverBusyException();
        }

        return admission is Admission.Answering;
    }

    private void Store(IStoreWriter state, Route<TSession> route, string id, Envelope envelope, TSession session, DateTimeOffset now)
    {
        var header = envelope.Header;
        if (route.Limit.Waiting is { } most && (state.PendingSlots(id, route.KindOf(envelope) + "/").Count >= most || !HasRoom(state, envelope)))
        {
            throw new RejectedEnvelopeException($"{header.From} sent a {header.Type} message that nothing waits for, or more than may wait here");
        }

        var account = header.From == home.Name ? "" : route.CountsFor(envelope, session, state, now);
        if (state.PutInbound(id, route.SlotOf(envelope), envelope.HeaderHash, envelope.Frame.ToArray(), account) == InboundResult.Altered)
        {
            new Verdict(FailureCodes.AlteredRepeat, $"{header.From} {route.Act ?? $"sent a {header.Type} message"} twice with different content")
                .Put(state, id);
        }
    }

    private bool HasRoom(IStoreWriter state, Envelope envelope)
    {
        var (messages, bytes) = state.Waiting(envelope.Header.From);
        return messages < routes.Room.Messages && bytes + envelope.Frame.Length <= routes.Room.Bytes;
    }

    [LoggerMessage(EventId = 204, Level = LogLevel.Information, Message = "A {Type} message for the unknown session {Session} was dropped")]
    private partial void LogUnknownSession(string type, string session);

    [LoggerMessage(EventId = 208, Level = LogLevel.Information, Message = "A {Type} command came after it was given up, and is not begun")]
    private partial void LogGivenUp(string type);
}

/// <summary>What a frame that was taken leaves to do.</summary>
/// <param name="Session">The session that may have work now; null where there is nothing to do.</param>
/// <param name="IsNew">Whether the session was not here before: it may have been opened, or an answer put in the outbox.</param>
/// <param name="DueAt">When a session that was opened is due.</param>
/// <param name="HasAnswered">Whether an answer was put in the outbox for a session that was here before.</param>
public readonly record struct Receipt(string? Session, bool IsNew, DateTimeOffset? DueAt, bool HasAnswered = false)
{
    /// <summary>Nothing is to be done.</summary>
    public static Receipt Nothing => default;
}
