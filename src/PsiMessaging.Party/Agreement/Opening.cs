using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Agreement;

/// <summary>
/// Sessions begin at the door: by a command of the own people, by a peer's proposal, or by a peer's word that it is over which overtook its proposal.
/// </summary>
internal sealed class Opening(PartyContext party, Choosing choosing)
{
    private const string RefusedKind = "refused-command";

    /// <summary>The routes that open sessions.</summary>
    public IEnumerable<Route<PartySession>> Routes =>
    [
        new Route<StartSession, PartySession>(SenderRole.Self, Limit.By("each opens one session, under its own id"), SlotKinds.Command)
        {
            For = (_, envelope) => envelope.Header.Correlation ?? throw new RejectedEnvelopeException("a command without a correlation id"),
            Rule = _ => Admission.Drop,
            Unknown = Open,
        },
        new Route<ProposeSession, PartySession>(SenderRole.Party, Limit.OnePlace, SlotKinds.Proposal)
        {
            For = RequireForm, Rule = AdmitProposal, Unknown = Propose, Act = "proposed the session",
        },
    ];

    /// <summary>A session of a peer's that was over before it came, so that its proposal finds it ended.</summary>
    public PartySession? Overtaken(Arrival<AbortSession, PartySession> arrival)
    {
        if (arrival.State.IsForgotten(arrival.Id!) || !PeerBounds.MayBeKept(arrival.State, arrival.From))
        {
            return null;
        }

        var session = new PartySession(PartySession.Begin(SessionTrigger.Overtake))
        {
            Id = arrival.Id!, IsInitiator = false, Peer = arrival.From, Linker = "", Protocol = "", Engine = null, Reveal = null, MinCell = 1,
            CreatedAt = arrival.Now, DeadlineAt = arrival.Now, EndedAt = arrival.Now, IsCleaned = true,
            FailureCode = FailureCodes.Known(arrival.Message.Code), FailureReason = $"{arrival.From}: {PartyContext.Printable(arrival.Message.Reason)}",
        };
        return Put(arrival.State, session);
    }

    private PartySession Put(IStoreWriter state, PartySession session)
    {
        state.PutSession(session.ToStored());
        party.OnOpened(session);
        return session;
    }

    /// <summary>The correlation id becomes the session id: the same command delivered twice opens one session.</summary>
    private PartySession? Open(Arrival<StartSession, PartySession> arrival)
    {
        var id = arrival.Envelope.Header.Correlation!;
        if (arrival.State.IsForgotten(id) || arrival.State.FindDocument(RefusedKind, id) is not null)
        {
            return null;
        }

        try
        {
            var session = Put(arrival.State, NewSession(id, arrival.Message, arrival.Now) with { ReplyTo = arrival.Envelope.Header.ReplyTo, Correlation = id });
            party.Services.Audit.Append(
                arrival.State, "session-opened", ("session", id), ("peer", session.Peer), ("dataset", session.Dataset), ("protocol", session.Protocol));
            return session;
        }
        catch (ParticipantException exception)
        {
            // Remembered, so that a replay of the command cannot open the session later, when the reason is gone.
            arrival.State.PutDocument(RefusedKind, id, "{}");
            party.Services.Post.Reply(arrival.State, arrival.Envelope.Header.ReplyTo, id, new CommandReply(false, null, exception.Code, exception.Message));
            return null;
        }
    }

    private PartySession NewSession(string id, StartSession start, DateTimeOffset now)
    {
        var peer = PeerOf(start);
        var linker = LinkerOf(start);
        if (TermsRules.OfStart(start, party.Name, party.Home.Config.AllowVole) is { } fault)
        {
            throw fault.ToException();
        }

        _ = WireNames.TryParse(start.Engine, out QueryEngine engine) & WireNames.TryParse(start.Reveal, out RevealTo reveal)
            & WireNames.TryParse(start.Security, out SecurityModel security);
        var dataset = party.Datasets.Resolve(start.Dataset);
        return choosing.WithCandidates(new PartySession(PartySession.Begin(SessionTrigger.Open))
        {
            Id = id,
            IsInitiator = true,
            Peer = peer.Name,
            Linker = linker.Name,
            Dataset = dataset.Name,
            DatasetHash = dataset.Hash,
            PeerDataset = start.PeerDataset,
            Protocol = start.Protocol,
            Engine = engine,
            Reveal = reveal,
            Security = security,
            RsaBits = TermsRules.HasRsaKeys(PsiProtocols.Find(start.Protocol), start.Reuse) ? start.RsaBits : 0,
            Reuse = start.Reuse,
            MinCell = Math.Max(start.MinCell ?? 1, dataset.MinCell ?? party.Home.Config.MinCell),
            KeyNames = dataset.Key,
            CreatedAt = now,
            DeadlineAt = now.AddSeconds(start.DeadlineSeconds),
        });
    }

    private ParticipantCard PeerOf(StartSession start)
    {
        if (party.Home.FindCard(start.Peer) is { Role: ParticipantRole.Party } peer)
        {
            return peer;
        }

        if (party.Home.FindPinned(start.Peer) is { } pinned && party.Home.WhyNot(pinned) is { } why)
        {
            throw new ParticipantException(FailureCodes.NotPinned, why);
        }

        var names = party.Home.Cards().Where(card => card.Role == ParticipantRole.Party).Select(card => card.Name).ToArray();
        throw new ParticipantException(FailureCodes.NotPinned,
            $"no card of a party {start.Peer} is pinned; pinned parties: {(names.Length == 0 ? "none" : string.Join(", ", names))}. Pin another with: psi "
                + "trust CARD.json");
    }

    private ParticipantCard LinkerOf(StartSession start)
    {
        var linkers = party.Home.Cards().Where(card => card.Role == ParticipantRole.Linker).ToArray();
        var linker = start.Linker is not null ? Array.Find(linkers, card => card.Name == start.Linker) : linkers is [var only] ? only : null;
        return linker ?? throw new ParticipantException(FailureCodes.NotPinned, linkers.Length == 0
            ? "no linker's card is pinned; pin it with: psi trust CARD.json"
            : $"choose a linker with --linker: {string.Join(", ", linkers.Select(card => card.Name))}");
    }

    private string RequireForm(ProposeSession proposal, Envelope envelope)
    {
        if (!ParticipantNames.IsId(proposal.SessionId) || proposal.SessionId != envelope.Header.Session || proposal.Initiator != envelope.Header.From
            || proposal.Responder != party.Name || !ParticipantNames.IsValid(proposal.Linker))
        {
            throw new RejectedEnvelopeException("the proposal's names or id do not match its envelope");
        }

        return TermsRules.HasForm(proposal) ? proposal.SessionId
            : throw new RejectedEnvelopeException("a field of the proposal is longer than it may be, or a list holds nothing where a value belongs");
    }

    private static Admission AdmitProposal(Arrival<ProposeSession, PartySession> arrival) => arrival.Session! switch
    {
        { IsInitiator: true } => Admission.Refuse("the session id belongs to another session"),
        { Peer: var peer } when peer != arrival.From => Admission.Refuse("the session id belongs to another session"),
        { State: SessionState.Failed } => Admission.Drop,
        _ => Admission.Store,
    };

    private PartySession? Propose(Arrival<ProposeSession, PartySession> arrival)
    {
        var proposal = arrival.Message;
        if (arrival.State.IsForgotten(proposal.SessionId))
        {
            throw new RejectedEnvelopeException("a session of that id has ended long ago");
        }

        if (arrival.State.CountSessions(proposal.Initiator, openOnly: true) >= PeerBounds.OpenSessions
            || !PeerBounds.MayBeKept(arrival.State, proposal.Initiator))
        {
            Refuse(arrival.State, proposal);
            return null;
        }

        return Put(arrival.State, new PartySession(PartySession.Begin(SessionTrigger.Propose))
        {
            Id = proposal.SessionId,
            IsInitiator = false,
            Peer = proposal.Initiator,
            Linker = proposal.Linker,
            Protocol = proposal.Protocol,
            Security = WireNames.TryParse(proposal.Security, out SecurityModel security) ? security : default,
            Engine = WireNames.TryParse(proposal.Engine, out QueryEngine engine) ? engine : null,
            Reveal = WireNames.TryParse(proposal.Reveal, out RevealTo reveal) ? reveal : null,
            RsaBits = proposal.RsaBits ?? 0,
            Reuse = proposal.Reuse,
            MinCell = proposal.MinCell,
            CreatedAt = arrival.Now,
            DeadlineAt = arrival.Now.AddSeconds(Math.Clamp(proposal.DeadlineSeconds, 1, PartyContext.MaximumDeadlineSeconds)),
        });
    }

    /// <summary>More sessions than this party keeps of one peer: nothing is stored but the refusal, and of those not many.</summary>
    private void Refuse(IStoreWriter state, ProposeSession proposal)
    {
        if (party.Home.InboxOf(proposal.Initiator) is { } inbox && state.CountOutgoing(inbox) < PeerBounds.WaitingRefusals)
        {
            party.Services.Post.Send(state, proposal.Initiator, proposal.SessionId, new AbortSession(proposal.SessionId, FailureCodes.WrongState,
                $"{party.Name} has {PeerBounds.OpenSessions} open sessions of {proposal.Initiator}, or keeps {PeerBounds.Sessions:N0} of "
                    + "its making, and takes no more"));
        }
    }
}
