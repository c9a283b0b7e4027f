using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Agreement;

/// <summary>Takes the responder's acceptance of the own proposal.</summary>
internal sealed class Accepting(PartyContext party, HandshakeKeys keys, Choosing choosing) : ISessionArea<PartySession>
{
    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<PartySession> turn)
    {
        if (turn.Next<AcceptSession>(SlotKinds.Acceptance) is not { } waiting)
        {
            return new(TurnOutcome.Idle);
        }

        var (session, acceptance) = (turn.Session, waiting.Message);
        if (TermsRules.OfAcceptance(session, acceptance) is { } fault)
        {
            throw fault.ToException();
        }

        party.RequirePeerSet(session.Peer, acceptance.SetSize);
        var accepted = choosing.Accepted(session, acceptance);
        var dataset = party.DatasetOf(session);
        if (PsiProtocols.IsAuto(session.Protocol))
        {
            // Only now is it known whether they are needed in the session's order.
            using var secrets = keys.Open(session);
            keys.PutInOrder(turn, accepted, dataset, secrets);
        }

        accepted = accepted.Move(SessionTrigger.Accepted) with
        {
            KeyWarning = KeyOutlines.WarningOf(party.Name, KeyOutlines.Of(dataset), session.Peer, acceptance.KeyForms),
            PeerDistinct = acceptance.SetSize,
            MinCell = acceptance.MinCell,
            AcceptanceHash = waiting.Envelope.HeaderHash,
            PeerRsaModulus = acceptance.Rsa?.Modulus,
            PeerReusableSet = acceptance.Rsa?.ReusableSet,
            RunningAt = turn.Now,
        };
        turn.Commit(accepted, effects =>
        {
            effects.Finish(waiting.Slot);
            effects.Audit("session-agreed", waiting.Envelope, ("session", session.Id), ("peer", session.Peer), ("protocol", accepted.Protocol),
                ("reveal", WireNames.NameOf(session.Reveal)), ("minCell", accepted.MinCell), ("own", session.OwnDistinct), ("peers", acceptance.SetSize));
        });
        party.Log.Accepted(session.Id, session.Peer, session.OwnDistinct, acceptance.SetSize);
        if (accepted.KeyWarning is { } warning)
        {
            party.Log.KeyWarning(session.Id, warning);
        }

        return new(TurnOutcome.Worked);
    }
}
