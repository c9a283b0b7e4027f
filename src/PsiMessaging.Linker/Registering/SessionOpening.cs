using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.Linker.Registering;

/// <summary>
/// What becomes of a message for a session that is not here. Only a registration opens one; batches that overtook theirs wait for it, a few of them and
/// not long. Nothing else could ever be used.
/// </summary>
/// <param name="linker">The linker.</param>
internal sealed class SessionOpening(LinkerContext linker)
{
    /// <summary>
    /// The other party of a registration, to whom the linker will write, is one that it has pinned as a party, by its very name. What else it says is
    /// judged later, and answered.
    /// </summary>
    /// <exception cref="RejectedEnvelopeException">It is not.</exception>
    public void RequireRegistration(string from, RegisterDataset request)
    {
        if (linker.Home.InboxOf(request.Peer, ParticipantRole.Party) is null || request.Peer == from)
        {
            throw new RejectedEnvelopeException($"{from} registers rows with a party that this linker has not pinned");
        }
    }

    /// <summary>
    /// A question or registration is told to the other party: without end, if it reads nothing. Nobody may wait for what does not come, so who sends it
    /// is told that.
    /// </summary>
    /// <param name="arrival">The message.</param>
    /// <param name="other">The other party.</param>
    /// <returns>Null where the other reads.</returns>
    /// <exception cref="RejectedEnvelopeException">It is a question whose id is none.</exception>
    public Admission? Unread<TMessage>(Arrival<TMessage, LinkSession> arrival, string other)
    {
        if (linker.Home.InboxOf(other) is not { } unread || arrival.State.CountOutgoing(unread) < PartyBounds.UnreadMessages)
        {
            return null;
        }

        var (from, id) = (arrival.From, arrival.Id!);
        var reason = $"{other} has not read the {PartyBounds.UnreadMessages:N0} messages that wait for it at {linker.Home.Name}; is its worker running?";
        if (arrival.Message is RunQuery { QueryId: var query })
        {
            if (!ParticipantNames.IsId(query))
            {
                throw new RejectedEnvelopeException($"{from} sent a question whose id is none");
            }

            linker.Services.Post.Send(arrival.State, from, id, new QueryRefused(id, query, FailureCodes.WrongState, reason));
        }
        else
        {
            linker.Services.Post.Send(arrival.State, from, id, new AbortSession(id, FailureCodes.WrongState, reason));
        }

        return Admission.Answered;
    }

    /// <summary>A registration opens its session, unless its party has too many; it is told so.</summary>
    public LinkSession? ByRegistration(Arrival<RegisterDataset, LinkSession> arrival)
    {
        var (from, state, peer) = (arrival.From, arrival.State, arrival.Message.Peer);
        RequireRegistration(from, arrival.Message);
        RequireNotForgotten(arrival);
        if (Unread(arrival, peer) is not null)
        {
            return null;
        }

        RequireNotWornOut(state, from);
        if (state.CountSessions(from, openOnly: true) < PartyBounds.OpenSessions)
        {
            return Open(arrival, peer);
        }

        var reason = $"{from} has {PartyBounds.OpenSessions:N0} open sessions at {linker.Home.Name}; end some with: psi cancel SESSION";
        Tell(arrival, new AbortSession(arrival.Id!, FailureCodes.WrongState, reason));
        return null;
    }

    /// <summary>An end that overtook the registration it ends, which must find the session ended when it comes.</summary>
    public LinkSession? ByAbort(Arrival<AbortSession, LinkSession> arrival)
    {
        var (from, state) = (arrival.From, arrival.State);
        RequireNotForgotten(arrival);
        RequireNotWornOut(state, from);
        if (state.CountSessions(from, openOnly: false) >= PartyBounds.OpenSessions + PartyBounds.EndedSessions + PartyBounds.OvertakenSessions)
        {
            throw MoreThanMayWait(from);
        }

        state.PutSession(LinkSession.Overtaken(arrival.Id!, arrival.Now, from).ToStored());
        return null;
    }

    /// <summary>A question is refused.</summary>
    public LinkSession? ByQuestion(Arrival<RunQuery, LinkSession> arrival)
    {
        RequireNotForgotten(arrival);
        if (!ParticipantNames.IsId(arrival.Message.QueryId)
            || !Tell(arrival, new QueryRefused(arrival.Id!, arrival.Message.QueryId, FailureCodes.UnknownSession, "the linker has no such session")))
        {
            throw MoreThanMayWait(arrival.From);
        }

        return null;
    }

    /// <summary>What belongs to a query: its session was never registered here, or the linker's state is gone. Nobody could use it.</summary>
    public LinkSession? ByNothing<TMessage>(Arrival<TMessage, LinkSession> arrival)
    {
        RequireNotForgotten(arrival);
        return null;
    }

    private static LinkSession Open(Arrival<RegisterDataset, LinkSession> arrival, string partner)
    {
        var session = LinkSession.Open(arrival.Id!, arrival.Now, arrival.From, partner);
        arrival.State.PutSession(session.ToStored());
        return session;
    }

    /// <summary>Answers who reads its answers; false where too many wait for it.</summary>
    private bool Tell<TMessage>(Arrival<TMessage, LinkSession> arrival, object answer)
    {
        if (linker.Home.InboxOf(arrival.From) is not { } inbox || arrival.State.CountOutgoing(inbox) >= PartyBounds.WaitingMessages)
        {
            return false;
        }

        linker.Services.Post.Send(arrival.State, arrival.From, arrival.Id, answer);
        return true;
    }

    private static void RequireNotForgotten<TMessage>(Arrival<TMessage, LinkSession> arrival)
    {
        if (arrival.State.IsForgotten(arrival.Id!))
        {
            throw new RejectedEnvelopeException("a session of that id has ended long ago");
        }
    }

    private static void RequireNotWornOut(IStoreReader state, string from)
    {
        if (state.CountForgotten(from) >= PartyBounds.ForgottenSessions)
        {
            throw new RejectedEnvelopeException($"{from} has had {PartyBounds.ForgottenSessions:N0} sessions here, and may open no more");
        }
    }

    private static RejectedEnvelopeException MoreThanMayWait(string from) =>
        new($"{from} sends rows of more sessions that are not registered here than may wait");
}
