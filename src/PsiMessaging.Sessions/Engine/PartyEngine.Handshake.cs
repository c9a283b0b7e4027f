using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Ports;
using PsiMessaging.Sessions.Datasets;

namespace PsiMessaging.Sessions.Engine;

/// <content>Proposals, acceptances, and what is checked before anything that depends on data leaves.</content>
public sealed partial class PartyEngine
{
    private void AcceptProposal(Envelope envelope, ProposeSession proposal)
    {
        if (!ParticipantNames.IsId(proposal.SessionId) || proposal.SessionId != envelope.Header.Session
            || proposal.Initiator != envelope.Header.From || proposal.Responder != Home.Name || !ParticipantNames.IsValid(proposal.Linker))
        {
            throw new RejectedEnvelopeException("the proposal's names or id do not match its envelope");
        }

        Store.Write(transaction =>
        {
            var known = transaction.FindSession(proposal.SessionId);
            if (known is null)
            {
                var now = Time.GetUtcNow();
                Put(transaction, new PartySession
                {
                    Id = proposal.SessionId,
                    State = SessionState.Asked,
                    IsInitiator = false,
                    Peer = proposal.Initiator,
                    Linker = proposal.Linker,
                    PeerDataset = null,
                    Protocol = proposal.Protocol,
                    Engine = proposal.Engine,
                    RsaBits = proposal.RsaBits,
                    MinCell = proposal.MinCell,
                    CreatedAt = now,
                    DeadlineAt = now.AddSeconds(Math.Clamp(proposal.DeadlineSeconds, 1, MaximumDeadlineSeconds)),
                });
            }
            else if (PartySession.Parse(known).Peer != envelope.Header.From)
            {
                throw new RejectedEnvelopeException("the session id belongs to another peer");
            }

            var put = transaction.PutInbound(proposal.SessionId, nameof(ProposeSession), envelope.HeaderHash, envelope.Frame.ToArray());
            if (put == InboundResult.Altered && known is not null && PartySession.Parse(known) is { IsEnded: false } session)
            {
                Fail(transaction, session, FailureCodes.AlteredRepeat, $"{session.Peer} proposed the session twice with different content", tellPeer: true);
            }
        });
        Outbox.Signal();
        Pump.Signal(proposal.SessionId);
    }

    /// <inheritdoc/>
    protected override void OnUnauthenticated(Envelope envelope, ParticipantCard? pinned)
    {
        // Neither branch trusts the message: one tells the claimed sender that it was refused, the other leaves a warning for a person.
        var (header, id) = (envelope.Header, envelope.Header.Session);
        if (id is null)
        {
            return;
        }

        Store.Write(transaction =>
        {
            if (envelope.Message is ProposeSession)
            {
                if (transaction.FindSession(id) is null && transaction.CountOutgoing(id) == 0)
                {
                    // Best effort: nothing forged may pile up here.
                    var refusal = Envelope.Create(Home, header.From, id, new AbortSession(id, FailureCodes.NotPinned, pinned is null
                        ? $"{Home.Name} has not pinned {header.From}'s card; hand it over and have it pinned with: psi trust CARD.json"
                        : $"{header.From}'s card is not the one {Home.Name} has pinned; compare fingerprints, then have the new one pinned with: psi trust CARD.json --replace"));
                    transaction.Enqueue(refusal.Id, id, ParticipantNames.Inbox(Home.Config.QueuePrefix, header.From), refusal.Frame, bestEffort: true);
                }
            }
            else if (transaction.FindSession(id) is { } stored && PartySession.Parse(stored) is { State: SessionState.Proposed } session && session.Peer == header.From)
            {
                // Anybody on the broker could have sent it, so it ends nothing.
                Put(transaction, session with { Warning = $"a message that claims to be from {session.Peer} is not signed by the card pinned for it; if {session.Peer} made a new identity, compare fingerprints and pin it with: psi trust CARD.json --replace" });
            }
        });
        Outbox.Signal();
    }


    private bool Prepare(PartySession session)
    {
        var dataset = OwnDataset(session);
        var keys = Datasets.LoadKeys(dataset);
        using var secrets = SessionSecrets.LoadOrCreate(Home.SessionPath(session.Id), session.RsaBits);
        using var shared = Home.SharedKeyWith(PinnedPeer(session));
        var proposal = new ProposeSession
        {
            SessionId = session.Id,
            Initiator = Home.Name,
            Responder = session.Peer,
            Linker = session.Linker,
            PeerDataset = session.PeerDataset,
            Protocol = session.Protocol,
            Engine = session.Engine,
            RsaBits = session.RsaBits,
            Profile = dataset.Profile,
            Duplicates = dataset.DuplicatesName,
            MinCell = session.MinCell,
            KeyNames = dataset.Key,
            SetSize = keys.Count,
            Nonce = secrets.Nonce(),
            RsaModulus = secrets.Rsa.PublicKey.Modulus,
            RsaExponent = RsaPublicKey.Exponent.ToArray(),
            RsaProof = secrets.KeyProof(session.Id),
            SharedKeyCheck = SessionSecrets.SharedKeyCheck(shared, session.Id),
            DeadlineSeconds = Math.Max(1, (int)(session.DeadlineAt - Time.GetUtcNow()).TotalSeconds),
        };
        var envelope = Envelope.Create(Home, session.Peer, session.Id, proposal);
        Change(session, transaction =>
        {
            transaction.Enqueue(envelope.Id, session.Id, ParticipantNames.Inbox(Home.Config.QueuePrefix, session.Peer), envelope.Frame, bestEffort: false);
            Reply(transaction, session.ReplyTo, session.Correlation, new CommandReply(true, session.Id, null, null));
            return session with
            {
                State = SessionState.Proposed,
                OwnRows = keys.Rows,
                OwnDistinct = keys.Count,
                OwnDropped = keys.Dropped,
                OwnRepeated = keys.Repeated,
                ProposalHash = envelope.HeaderHash,
                PreparedAt = Time.GetUtcNow(),
            };
        });
        LogProposed(session.Id, session.Peer, keys.Count);
        return true;
    }

    private bool Answer(PartySession session)
    {
        if (Store.Read(transaction => transaction.Pending(session.Id, nameof(ProposeSession), 1)) is not [var pending])
        {
            return false;
        }

        var envelope = Envelope.Parse(pending.Frame);
        var proposal = (ProposeSession)envelope.Message;
        CheckProposal(proposal);
        CheckPeerSet(session.Peer, proposal.SetSize);

        // The initiator names who would get our rows: only a participant that we have pinned as a linker ourselves.
        if (Home.FindCard(proposal.Linker) is not { Role: ParticipantRole.Linker } linkerCard || linkerCard.Name != proposal.Linker)
        {
            throw new ParticipantException(FailureCodes.NotPinned, $"{Home.Name} has not pinned a linker {proposal.Linker}; pin its card with: psi trust CARD.json");
        }

        var dataset = Datasets.Resolve(proposal.PeerDataset);
        if (dataset.Profile != proposal.Profile)
        {
            throw new ParticipantException(FailureCodes.ProfileMismatch,
                $"the identifiers would be read differently: {proposal.Initiator} proposes {Describe(proposal.Profile)}, {Home.Name}'s dataset has {Describe(dataset.Profile)}");
        }

        if (dataset.DuplicatesName != proposal.Duplicates)
        {
            throw new ParticipantException(FailureCodes.DuplicateRuleMismatch,
                $"the duplicate rules differ: {proposal.Initiator} proposes {proposal.Duplicates}, {Home.Name}'s dataset has {dataset.DuplicatesName}");
        }

        var keys = Datasets.LoadKeys(dataset);
        using (var shared = Home.SharedKeyWith(PinnedPeer(session)))
        {
            if (!CryptographicOperations.FixedTimeEquals(SessionSecrets.SharedKeyCheck(shared, session.Id), proposal.SharedKeyCheck))
            {
                throw new ParticipantException(FailureCodes.SharedKeyMismatch,
                    $"{proposal.Initiator} and {Home.Name} use different shared keys: give both the same --shared-key-file, or neither one");
            }
        }

        using var secrets = SessionSecrets.LoadOrCreate(Home.SessionPath(session.Id), proposal.RsaBits);
        var minCell = Math.Max(proposal.MinCell, Home.Config.MinCell);
        var answer = Envelope.Create(Home, session.Peer, session.Id, new AcceptSession
        {
            SessionId = session.Id,
            ProposalHash = envelope.HeaderHash,
            SetSize = keys.Count,
            Nonce = secrets.Nonce(),
            RsaModulus = secrets.Rsa.PublicKey.Modulus,
            RsaExponent = RsaPublicKey.Exponent.ToArray(),
            RsaProof = secrets.KeyProof(session.Id),
            MinCell = minCell,
        });
        var now = Time.GetUtcNow();
        Change(session, transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            transaction.Enqueue(answer.Id, session.Id, ParticipantNames.Inbox(Home.Config.QueuePrefix, session.Peer), answer.Frame, bestEffort: false);
            Audit.Append(transaction, "session-accepted", ("session", session.Id), ("peer", session.Peer), ("dataset", dataset.Name), ("protocol", proposal.Protocol), ("minCell", minCell));
            return session with
            {
                State = SessionState.Running,
                Dataset = dataset.Name,
                DatasetHash = dataset.Hash,
                MinCell = minCell,
                KeyNames = proposal.KeyNames,
                OwnRows = keys.Rows,
                OwnDistinct = keys.Count,
                OwnDropped = keys.Dropped,
                OwnRepeated = keys.Repeated,
                PeerDistinct = proposal.SetSize,
                ProposalHash = envelope.HeaderHash,
                AcceptanceHash = answer.HeaderHash,
                PeerRsaModulus = proposal.RsaModulus,
                PreparedAt = now,
                RunningAt = now,
            };
        });
        LogAccepted(session.Id, session.Peer, keys.Count, proposal.SetSize);
        return true;
    }

    /// <summary>Everything about a proposal that can be judged without own data.</summary>
    private static void CheckProposal(ProposeSession proposal)
    {
        if (proposal.Protocol != "rsa" || proposal.Engine != "tokens")
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"{proposal.Initiator} proposes a protocol or engine that is not available here");
        }

        if (SessionSecrets.FaultOf(proposal.RsaBits, proposal.RsaModulus, proposal.RsaExponent, proposal.RsaProof, proposal.SessionId) is { } fault)
        {
            throw new ParticipantException(FailureCodes.WeakKey, $"{proposal.Initiator}'s key is refused: {fault}");
        }

        if (proposal.SetSize < 1 || proposal.Nonce.Length != 32 || proposal.SharedKeyCheck.Length != 16 || proposal.MinCell is < 1 or > MaximumMinCell
            || proposal.KeyNames.Count != proposal.Profile.KeyParts || proposal.KeyNames.Count is < 1 or > 16 || proposal.KeyNames.Any(name => name.Length is 0 or > 200)
            || proposal.DeadlineSeconds is < 1 or > MaximumDeadlineSeconds)
        {
            throw new ParticipantException(FailureCodes.Malformed, $"{proposal.Initiator}'s proposal has a field out of its range");
        }
    }

    private void CheckPeerSet(string peer, int size)
    {
        if (size > Home.Config.MaximumPeerSet)
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"{peer} announces {size:N0} identifiers; {Home.Name} takes {Home.Config.MaximumPeerSet:N0} at most (maximumPeerSet in psi.json)");
        }
    }

    private bool HandleAcceptance(PartySession session)
    {
        if (Store.Read(transaction => transaction.Pending(session.Id, nameof(AcceptSession), 1)) is not [var pending])
        {
            return false;
        }

        var envelope = Envelope.Parse(pending.Frame);
        var acceptance = (AcceptSession)envelope.Message;
        if (acceptance.SessionId != session.Id || !acceptance.ProposalHash.AsSpan().SequenceEqual(session.ProposalHash) || acceptance.Nonce.Length != 32
            || acceptance.SetSize < 1 || acceptance.MinCell < session.MinCell || acceptance.MinCell > MaximumMinCell)
        {
            throw new ParticipantException(FailureCodes.Malformed, $"{session.Peer}'s acceptance does not fit the proposal");
        }

        if (SessionSecrets.FaultOf(session.RsaBits, acceptance.RsaModulus, acceptance.RsaExponent, acceptance.RsaProof, session.Id) is { } fault)
        {
            throw new ParticipantException(FailureCodes.WeakKey, $"{session.Peer}'s key is refused: {fault}");
        }

        CheckPeerSet(session.Peer, acceptance.SetSize);
        Change(session, transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            return session with
            {
                State = SessionState.Running,
                PeerDistinct = acceptance.SetSize,
                MinCell = acceptance.MinCell,
                AcceptanceHash = envelope.HeaderHash,
                PeerRsaModulus = acceptance.RsaModulus,
                RunningAt = Time.GetUtcNow(),
            };
        });
        LogAccepted(session.Id, session.Peer, session.OwnDistinct, acceptance.SetSize);
        return true;
    }
}
