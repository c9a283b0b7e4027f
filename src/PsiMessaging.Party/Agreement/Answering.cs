using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Agreement;

/// <summary>Decides on a peer's proposal: everything is compared before anything that depends on data leaves.</summary>
internal sealed class Answering(PartyContext party, HandshakeKeys keys, Choosing choosing, PolicyDesk policy) : ISessionArea<PartySession>
{
    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<PartySession> turn)
    {
        if (turn.Next<ProposeSession>(SlotKinds.Proposal) is not { } waiting)
        {
            return new(TurnOutcome.Idle);
        }

        var proposal = waiting.Message;
        var dataset = Agree(turn.Session, proposal);
        var (proposed, session) = (turn.Session.Protocol, choosing.Chosen(turn.Session, proposal, dataset.Distinct));
        var minCell = Math.Max(proposal.MinCell, dataset.MinCell ?? party.Home.Config.MinCell);
        var request = SessionRequest.Of(session, dataset.Name, proposal.SetSize, minCell);
        switch (turn.Read(state => policy.OnSession(state, session, request, proposal.SetCommitment)))
        {
            case OwnersWord.Ask { Why: var why }:
                return new(policy.PutBefore(turn, new Approval
                {
                    Session = session.Id, Partner = session.Peer, Terms = request, Why = why, AskedAt = turn.Now,
                    DeadlineAt = session.DeadlineAt,
                }));
            case OwnersWord.No no:
                throw new ParticipantException(no.Code, no.Why) { ForPeer = no.ForPeer };
        }

        return new(Accept(turn, waiting, (session, proposed), dataset, request));
    }

    private TurnOutcome Accept(
        Turn<PartySession> turn, Waiting<ProposeSession> waiting, (PartySession Session, string Proposed) chosen, Dataset dataset, SessionRequest request)
    {
        var (proposal, (session, proposed), minCell) = (waiting.Message, chosen, request.MinCell);
        using var secrets = keys.Open(session);
        var (sender, reusable) = keys.SenderOf(session, dataset, secrets);
        keys.PutInOrder(turn, session with { OwnReusableSet = reusable }, dataset, secrets);
        var answer = Envelope.Create(party.Home, session.Peer, session.Id, new AcceptSession
        {
            SessionId = session.Id,
            ProposalHash = waiting.Envelope.HeaderHash,
            KeyForms = KeyOutlines.Of(dataset),
            SetSize = dataset.Distinct,
            Nonce = secrets.Nonce(),
            Rsa = sender,
            MinCell = minCell,
            Protocol = proposed == session.Protocol ? null : session.Protocol,
        }, auditHead: turn.Read(AuditLog.HeadOf));
        var accepted = session.Move(SessionTrigger.Answered).With(dataset).With(proposal) with
        {
            MinCell = minCell,
            KeyWarning = KeyOutlines.WarningOf(party.Name, KeyOutlines.Of(dataset), session.Peer, proposal.KeyForms),
            ProposalHash = waiting.Envelope.HeaderHash,
            AcceptanceHash = answer.HeaderHash,
            OwnReusableSet = reusable,
            PreparedAt = turn.Now,
            RunningAt = turn.Now,
            GrantedColumns = SessionGrant.AtTheStart(PartyPolicy.Load(party.Home), session.Peer, dataset.Name),
        };
        try
        {
            Commit(turn, accepted, waiting, answer, effects =>
            {
                PolicyDesk.RequireStill(policy.OnSession(effects.State, session, request, proposal.SetCommitment));
                policy.Count(effects, request, proposal.SetCommitment);
            });
        }
        catch (PolicyDesk.SupersededException)
        {
            // Another session was quicker and took what the day had left; the next turn says so.
        }

        return TurnOutcome.Worked;
    }

    private void Commit(Turn<PartySession> turn, PartySession session, Waiting<ProposeSession> waiting, Envelope answer, Action<Effects> count)
    {
        turn.Commit(session, effects =>
        {
            effects.Finish(waiting.Slot);
            count(effects);
            effects.Send(answer);
            effects.Audit("session-accepted", waiting.Envelope, ("session", session.Id), ("peer", session.Peer), ("dataset", session.Dataset),
                ("protocol", session.Protocol), ("reveal", WireNames.NameOf(session.Reveal)), ("reuse", session.Reuse), ("minCell", session.MinCell),
                ("own", session.OwnDistinct), ("peers", session.PeerDistinct));
        });
        party.Log.Accepted(session.Id, session.Peer, session.OwnDistinct, session.PeerDistinct);
        if (session.KeyWarning is { } warning)
        {
            party.Log.KeyWarning(session.Id, warning);
        }
    }

    /// <summary>Whether this party takes part, and with which dataset.</summary>
    /// <exception cref="ParticipantException">It does not.</exception>
    private Dataset Agree(PartySession session, ProposeSession proposal)
    {
        if (TermsRules.OfProposal(proposal) is { } fault)
        {
            throw fault.ToException();
        }

        party.RequirePeerSet(session.Peer, proposal.SetSize);

        // The initiator names who would get our rows: only a participant that we have pinned as a linker ourselves.
        if (party.Home.FindCard(proposal.Linker) is not { Role: ParticipantRole.Linker } card || card.Name != proposal.Linker)
        {
            throw new ParticipantException(FailureCodes.NotPinned,
                $"{party.Name} has not pinned a linker {proposal.Linker}; pin its card with: psi trust CARD.json");
        }

        var dataset = party.Datasets.ResolveForPeer(proposal.PeerDataset);
        RequireSameRules(proposal, dataset);
        RequireSameKey(session, proposal);

        // Whoever has prepared a reusable set has agreed to such sessions by that; that there is one is seen when it is opened.
        if (session.Reveal == RevealTo.Initiator && !proposal.Reuse && !party.Home.Config.AcceptOneSided)
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"{party.Name} does not answer sessions whose result goes to {proposal.Initiator} alone; "
                + "its people allow them with \"acceptOneSided\": true in its psi.json");
        }

        return dataset;
    }

    private void RequireSameRules(ProposeSession proposal, Dataset dataset)
    {
        if (dataset.Profile != proposal.Profile)
        {
            throw new ParticipantException(FailureCodes.ProfileMismatch, $"the identifiers would be read differently: {proposal.Initiator} proposes "
                + $"{Describe(proposal.Profile)}, {party.Name}'s dataset has {Describe(dataset.Profile)}");
        }

        if (dataset.DuplicatesName != proposal.Duplicates)
        {
            throw new ParticipantException(FailureCodes.DuplicateRuleMismatch,
                $"the duplicate rules differ: {proposal.Initiator} proposes {proposal.Duplicates}, {party.Name}'s dataset has {dataset.DuplicatesName}");
        }
    }

    private void RequireSameKey(PartySession session, ProposeSession proposal)
    {
        using var shared = party.SharedKeyWith(session);
        if (!CryptographicOperations.FixedTimeEquals(SessionSecrets.SharedKeyCheck(shared, session.Id), proposal.SharedKeyCheck))
        {
            throw new ParticipantException(FailureCodes.SharedKeyMismatch,
                $"{proposal.Initiator} and {party.Name} use different shared keys: give both the same --shared-key-file, or neither one");
        }
    }

    private static string Describe(CanonicalizationProfile profile) => $"rules v{profile.Version}, case {PartyContext.Printable(profile.Case)}, "
        + $"{profile.KeyParts} key column(s){(profile.Texts is null ? "" : $", texts {PartyContext.Printable(profile.Texts)}")}";
}
