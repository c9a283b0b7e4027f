using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Agreement;

/// <summary>Makes the initiator's proposal: its secrets and its set are frozen before the message that commits to them leaves.</summary>
internal sealed class Proposing(PartyContext party, HandshakeKeys keys) : ISessionArea<PartySession>
{
    /// <inheritdoc/>
    public ValueTask<TurnOutcome> StepAsync(Turn<PartySession> turn)
    {
        var session = turn.Session;
        var dataset = party.DatasetOf(session);
        using var secrets = keys.Open(session);
        var (sender, reusable) = keys.SenderOf(session, dataset, secrets);
        keys.PutInOrder(turn, session with { OwnReusableSet = reusable }, dataset, secrets);
        using var shared = party.SharedKeyWith(session);
        var envelope = Envelope.Create(party.Home, session.Peer, session.Id, new ProposeSession
        {
            SessionId = session.Id,
            Initiator = party.Name,
            Responder = session.Peer,
            Linker = session.Linker,
            PeerDataset = session.PeerDataset,
            Protocol = session.Protocol,
            Protocols = session.Protocols,
            Security = WireNames.NameOf(session.Security),
            Engine = WireNames.NameOf(session.Engine),
            Reveal = WireNames.NameOf(session.Reveal),
            RsaBits = session.RsaBits == 0 ? null : session.RsaBits,
            Reuse = session.Reuse,
            Profile = dataset.Profile,
            Duplicates = dataset.DuplicatesName,
            MinCell = session.MinCell,
            KeyNames = dataset.Key,
            KeyForms = KeyOutlines.Of(dataset),
            SetSize = dataset.Distinct,
            SetCommitment = Terms.CommitmentOf(shared, dataset),
            Nonce = secrets.Nonce(),
            Rsa = sender,
            SharedKeyCheck = SessionSecrets.SharedKeyCheck(shared, session.Id),
            DeadlineSeconds = Math.Max(1, (int)(session.DeadlineAt - turn.Now).TotalSeconds),
        }, auditHead: turn.Read(AuditLog.HeadOf));
        var proposed = session.Move(SessionTrigger.ProposalSent)
            .With(dataset) with
        {
            OwnReusableSet = reusable, ProposalHash = envelope.HeaderHash, PreparedAt = turn.Now,
            GrantedColumns = SessionGrant.AtTheStart(PartyPolicy.Load(party.Home), session.Peer, dataset.Name),
        };
        turn.Commit(proposed, effects =>
        {
            effects.Send(envelope);
            effects.Audit("session-proposed", ("session", session.Id), ("peer", session.Peer), ("linker", session.Linker), ("own", dataset.Distinct));
            effects.Reply(session.ReplyTo, session.Correlation, new CommandReply(true, session.Id, null, null));
        });
        party.Log.Proposed(session.Id, session.Peer, dataset.Distinct);
        return new(TurnOutcome.Worked);
    }
}
