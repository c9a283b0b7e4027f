using System.Security.Cryptography;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Data.Keys;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Engine;

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

        RequireForm(proposal);
        Store.Write(transaction =>
        {
            var known = transaction.FindSession(proposal.SessionId);
            if (known is null)
            {
                if (transaction.IsForgotten(proposal.SessionId))
                {
                    throw new RejectedEnvelopeException("a session of that id has ended long ago");
                }

                if (transaction.CountSessions(proposal.Initiator, openOnly: true) >= PeerBounds.OpenSessions || !PeerBounds.MayBeKept(transaction, proposal.Initiator))
                {
                    RefuseProposal(transaction, proposal);
                    return;
                }

                // Names that this version does not have are not kept: what the proposal says is judged later, and answered.
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
                    Security = WireNames.TryParse(proposal.Security, out SecurityModel security) ? security : SecurityModel.SemiHonest,
                    Engine = WireNames.TryParse(proposal.Engine, out QueryEngine engine) ? engine : null,
                    Reveal = WireNames.TryParse(proposal.Reveal, out RevealTo reveal) ? reveal : null,
                    RsaBits = proposal.RsaBits ?? 0,
                    Reuse = proposal.Reuse,
                    MinCell = proposal.MinCell,
                    CreatedAt = now,
                    DeadlineAt = now.AddSeconds(Math.Clamp(proposal.DeadlineSeconds, 1, MaximumDeadlineSeconds)),
                });
            }
            else if (PartySession.Parse(known) is var mine && (mine.IsInitiator || mine.Peer != envelope.Header.From))
            {
                throw new RejectedEnvelopeException("the session id belongs to another session");
            }

            if (known is { State: nameof(SessionState.Failed) })
            {
                return;
            }

            var put = transaction.PutInbound(proposal.SessionId, nameof(ProposeSession), envelope.HeaderHash, envelope.Frame.ToArray(), envelope.Header.From);
            if (put == InboundResult.Altered && known is not null && PartySession.Parse(known) is { IsEnded: false } session)
            {
                Fail(transaction, session, FailureCodes.AlteredRepeat, $"{session.Peer} proposed the session twice with different content", tellPeer: true);
            }
        });
        Outbox.Signal();
        Pump.Signal(proposal.SessionId);
    }

    /// <summary>More sessions than this party keeps of one peer: nothing is stored but the refusal, and of those not many.</summary>
    private void RefuseProposal(IStoreTransaction transaction, ProposeSession proposal)
    {
        if (Home.InboxOf(proposal.Initiator) is { } inbox && transaction.CountOutgoing(inbox) < PeerBounds.WaitingRefusals)
        {
            Send(transaction, proposal.Initiator, proposal.SessionId, new AbortSession(proposal.SessionId, FailureCodes.WrongState,
                $"{Home.Name} has {PeerBounds.OpenSessions} open sessions of {proposal.Initiator}, or keeps {PeerBounds.Sessions:N0} of its making, and takes no more"));
        }
    }

    /// <summary>Texts and lists of a proposal before anything of it is stored: what it means is judged later, and answered.</summary>
    private static void RequireForm(ProposeSession proposal)
    {
        static bool IsLong(string? text) => text is { Length: > 100 };
        static bool HasLong(IReadOnlyList<KeyForm>? forms) => forms is { Count: > 16 } || (forms ?? []).Any(form => form is null || IsLong(form.Alphabet) || IsLong(form.Letters));
        if (IsLong(proposal.PeerDataset) || IsLong(proposal.Protocol) || IsLong(proposal.Security) || IsLong(proposal.Engine) || IsLong(proposal.Reveal) || IsLong(proposal.Duplicates)
            || IsLong(proposal.Profile.Case) || IsLong(proposal.Profile.Texts) || HasLong(proposal.KeyForms) || proposal.Protocols is { Count: > 8 } || (proposal.Protocols ?? []).Any(IsLong) || proposal.KeyNames.Count > 16 || proposal.KeyNames.Any(name => name is null or { Length: > 200 })
            || proposal.Nonce.Length > 64 || proposal.SharedKeyCheck.Length > 64)
        {
            throw new RejectedEnvelopeException("a field of the proposal is longer than it may be, or a list holds nothing where a value belongs");
        }
    }

    private bool Prepare(PartySession session)
    {
        var dataset = OwnDataset(session);
        using var secrets = OpenSecrets(session);
        var (sender, reusable) = SenderOf(session, dataset, secrets);
        PrepareItems(session with { OwnReusableSet = reusable }, dataset, secrets);
        using var shared = Home.SharedKeyWith(PinnedPeer(session));
        var proposal = new ProposeSession
        {
            SessionId = session.Id,
            Initiator = Home.Name,
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
            Nonce = secrets.Nonce(),
            Rsa = sender,
            SharedKeyCheck = SessionSecrets.SharedKeyCheck(shared, session.Id),
            DeadlineSeconds = Math.Max(1, (int)(session.DeadlineAt - Time.GetUtcNow()).TotalSeconds),
        };
        var envelope = Envelope.Create(Home, session.Peer, session.Id, proposal);
        Change(session, transaction =>
        {
            transaction.Enqueue(envelope.Id, session.Id, PinnedInbox(session.Peer), envelope.Frame, bestEffort: false);
            Reply(transaction, session.ReplyTo, session.Correlation, new CommandReply(true, session.Id, null, null));
            return session with
            {
                State = SessionState.Proposed,
                OwnRows = dataset.Rows,
                OwnDistinct = dataset.Distinct,
                OwnDropped = dataset.Dropped,
                OwnRepeated = dataset.Repeated,
                OwnReusableSet = reusable,
                Texts = dataset.Texts,
                ProposalHash = envelope.HeaderHash,
                PreparedAt = Time.GetUtcNow(),
            };
        });
        LogProposed(session.Id, session.Peer, dataset.Distinct);
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

        var dataset = Datasets.ResolveForPeer(proposal.PeerDataset);
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

        using (var shared = Home.SharedKeyWith(PinnedPeer(session)))
        {
            if (!CryptographicOperations.FixedTimeEquals(SessionSecrets.SharedKeyCheck(shared, session.Id), proposal.SharedKeyCheck))
            {
                throw new ParticipantException(FailureCodes.SharedKeyMismatch,
                    $"{proposal.Initiator} and {Home.Name} use different shared keys: give both the same --shared-key-file, or neither one");
            }
        }

        // Whoever has prepared a reusable set has agreed to such sessions by that; SenderOf sees that there is one.
        if (session.Reveal == RevealTo.Initiator && !proposal.Reuse && !Home.Config.AcceptOneSided)
        {
            throw new ParticipantException(FailureCodes.Unsupported,
                $"{Home.Name} does not answer sessions whose result goes to {proposal.Initiator} alone; its people allow them with \"acceptOneSided\": true in its psi.json");
        }

        var proposed = session.Protocol;
        session = Chosen(session, proposal, dataset.Distinct);
        CheckSizes(session, SetSizes.Of(session.IsInitiator, dataset.Distinct, proposal.SetSize));
        using var secrets = OpenSecrets(session);
        var (sender, reusable) = SenderOf(session, dataset, secrets);
        PrepareItems(session with { OwnReusableSet = reusable }, dataset, secrets);
        var minCell = MinCellOf(proposal.MinCell, dataset);
        var keyWarning = KeyOutlines.WarningOf(Home.Name, KeyOutlines.Of(dataset), session.Peer, proposal.KeyForms);
        var answer = Envelope.Create(Home, session.Peer, session.Id, new AcceptSession
        {
            SessionId = session.Id,
            ProposalHash = envelope.HeaderHash,
            KeyForms = KeyOutlines.Of(dataset),
            SetSize = dataset.Distinct,
            Nonce = secrets.Nonce(),
            Rsa = sender,
            MinCell = minCell,
            Protocol = proposed == session.Protocol ? null : session.Protocol,
        });
        var now = Time.GetUtcNow();
        Change(session, transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            transaction.Enqueue(answer.Id, session.Id, PinnedInbox(session.Peer), answer.Frame, bestEffort: false);
            Audit.Append(transaction, "session-accepted", ("session", session.Id), ("peer", session.Peer), ("dataset", dataset.Name), ("protocol", session.Protocol), ("reveal", proposal.Reveal), ("reuse", proposal.Reuse), ("minCell", minCell));
            return session with
            {
                State = SessionState.Running,
                Dataset = dataset.Name,
                DatasetHash = dataset.Hash,
                MinCell = minCell,
                KeyNames = proposal.KeyNames,
                Texts = dataset.Texts,
                KeyWarning = keyWarning,
                OwnRows = dataset.Rows,
                OwnDistinct = dataset.Distinct,
                OwnDropped = dataset.Dropped,
                OwnRepeated = dataset.Repeated,
                PeerDistinct = proposal.SetSize,
                ProposalHash = envelope.HeaderHash,
                AcceptanceHash = answer.HeaderHash,
                OwnReusableSet = reusable,
                PeerRsaModulus = proposal.Rsa?.Modulus,
                PeerReusableSet = proposal.Rsa?.ReusableSet,
                PreparedAt = now,
                RunningAt = now,
            };
        });
        LogAccepted(session.Id, session.Peer, dataset.Distinct, proposal.SetSize);
        WarnOfKeys(session.Id, keyWarning);
        return true;
    }

    /// <summary>Everything about a proposal that can be judged without own data.</summary>
    private static void CheckProposal(ProposeSession proposal)
    {
        if (proposal.Protocol == PsiProtocols.Auto
            ? proposal.Protocols is not { Count: 2 or 3 } || proposal.Protocols.Distinct(StringComparer.Ordinal).Count() != proposal.Protocols.Count
                || !proposal.Protocols.Contains(PsiProtocols.All[0].Name, StringComparer.Ordinal) || proposal.Protocols.Any(name => name.Length > 20)
            : proposal.Protocols is not null)
        {
            throw new ParticipantException(FailureCodes.Malformed, $"{proposal.Initiator}'s proposal leaves the choice of protocol in a way that cannot be");
        }

        if (!PsiProtocols.MayBeAsked(proposal.Protocol) || !WireNames.TryParse(proposal.Engine, out QueryEngine _))
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"{proposal.Initiator} proposes a protocol or engine that is not available here");
        }

        var protocol = PsiProtocols.Find(proposal.Protocol);
        if (proposal.Reuse && protocol is not { HasReusableSets: true })
        {
            // What follows takes reuse for the consent to a one-sided session; only with rsa is there a set that was prepared for that.
            throw new ParticipantException(FailureCodes.Unsupported, $"{proposal.Initiator} proposes to reuse a set with the protocol {proposal.Protocol}; only rsa has reusable sets");
        }

        if (PsiProtocols.FaultOf(protocol, proposal.Reveal, proposal.Reuse, proposal.Security) is { } rule)
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"{proposal.Initiator} proposes what cannot be: {rule}");
        }

        if (protocol is null ? proposal.RsaBits is not null : !protocol.TakesRsaBits(proposal.RsaBits))
        {
            throw new ParticipantException(FailureCodes.WeakKey, $"{proposal.Initiator} proposes an RSA length of {proposal.RsaBits?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"} bits for the protocol {proposal.Protocol}");
        }

        _ = WireNames.TryParse(proposal.Reveal, out RevealTo reveal);
        CheckSender(proposal.Initiator, proposal.SessionId, proposal.RsaBits ?? 0, proposal.Reuse, protocol?.Signs(reveal, initiator: true) == true, proposal.Rsa);

        if (proposal.SetSize < 1 || proposal.Nonce.Length != 32 || proposal.SharedKeyCheck.Length != 16 || proposal.MinCell is < 1 or > MaximumMinCell
            || proposal.KeyNames.Count != proposal.Profile.KeyParts || proposal.KeyNames.Count is < 1 or > 16 || proposal.KeyNames.Any(name => name.Length is 0 or > 200)
            || !KeyOutlines.AreWellFormed(proposal.KeyForms, proposal.KeyNames.Count) || proposal.DeadlineSeconds is < 1 or > MaximumDeadlineSeconds)
        {
            throw new ParticipantException(FailureCodes.Malformed, $"{proposal.Initiator}'s proposal has a field out of its range");
        }
    }

    /// <summary>A sender shows a good key, with a reusable set when that was agreed; a party that does not sign shows none.</summary>
    private static void CheckSender(string name, string sessionId, int bits, bool reuse, bool sends, RsaSender? sender)
    {
        if (sends != sender is not null)
        {
            throw new ParticipantException(FailureCodes.Malformed, $"{name} shows {(sends ? "no RSA key, though it signs" : "an RSA key, though it does not sign")} in this session");
        }

        if (sender is not null && SessionSecrets.FaultOf(bits, sender.Modulus, sender.Exponent, sender.Proof, sessionId) is { } fault)
        {
            throw new ParticipantException(FailureCodes.WeakKey, $"{name}'s key is refused: {fault}");
        }

        if (sender is not null && (reuse ? sender.ReusableSet is not { Length: 32 } : sender.ReusableSet is not null))
        {
            throw new ParticipantException(FailureCodes.ReusableSet, $"{name} shows {(reuse ? "no reusable set, though one was agreed" : "a reusable set that was not agreed")}");
        }
    }

    private QueueAddress PinnedInbox(string party) => Home.InboxOf(party, ParticipantRole.Party) ?? throw new ParticipantException(FailureCodes.NotPinned, $"{party}'s card is not pinned any more");

    private SessionSecrets OpenSecrets(PartySession session) =>
        SessionSecrets.LoadOrCreate(Home.SessionPath(session.Id), !session.Reuse && SessionRules.Signs(session, session.IsInitiator) ? session.RsaBits : 0);

    /// <summary>What this party shows when it signs: a key made for the session, or its reusable set.</summary>
    private (RsaSender? Sender, byte[]? ReusableSet) SenderOf(PartySession session, Dataset dataset, SessionSecrets secrets)
    {
        if (!SessionRules.Signs(session, session.IsInitiator))
        {
            return (null, null);
        }

        using var reusable = session.Reuse ? ReusableSets.Open(Datasets, dataset, Home.Name, session.RsaBits) : null;
        var key = reusable?.Key ?? secrets.Rsa!;
        return (new RsaSender(key.PublicKey.Modulus, RsaPublicKey.Exponent.ToArray(), SessionSecrets.KeyProof(key, session.Id), reusable?.Set.Id), reusable?.Set.Id);
    }

    /// <summary>Puts the own identifiers in the session's order, unless that was done before a restart or is not needed.</summary>
    private void PrepareItems(PartySession session, Dataset dataset, SessionSecrets secrets)
    {
        var path = ActiveSession.ItemsPath(Home.SessionPath(session.Id));
        if (File.Exists(path) || !ActiveSession.NeedsItems(session))
        {
            return;
        }

        using var identifiers = Datasets.OpenIdentifiers(dataset);
        using var shuffle = secrets.Shuffle();
        using var scratch = SessionScratch(session, "items");
        IdentifierSet.Reorder(identifiers, canonical => (ulong)(shuffle.Compute(canonical) >> 64), scratch, path);
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
            || acceptance.SetSize < 1 || acceptance.MinCell < session.MinCell || acceptance.MinCell > MaximumMinCell
            || !KeyOutlines.AreWellFormed(acceptance.KeyForms, session.KeyNames.Count))
        {
            throw new ParticipantException(FailureCodes.Malformed, $"{session.Peer}'s acceptance does not fit the proposal");
        }

        CheckSender(session.Peer, session.Id, session.RsaBits, session.Reuse, SessionRules.Signs(session, initiator: false), acceptance.Rsa);

        CheckPeerSet(session.Peer, acceptance.SetSize);
        var accepted = WithAcceptedProtocol(session, acceptance);
        CheckSizes(accepted, SetSizes.Of(session.IsInitiator, session.OwnDistinct, acceptance.SetSize));
        if (session.Protocol == PsiProtocols.Auto)
        {
            // Only now is it known whether they are needed in the session's order.
            using var secrets = OpenSecrets(session);
            PrepareItems(accepted, OwnDataset(session), secrets);
        }

        var keyWarning = KeyOutlines.WarningOf(Home.Name, KeyOutlines.Of(OwnDataset(session)), session.Peer, acceptance.KeyForms);
        Change(session, transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            return accepted with
            {
                State = SessionState.Running,
                KeyWarning = keyWarning,
                PeerDistinct = acceptance.SetSize,
                MinCell = acceptance.MinCell,
                AcceptanceHash = envelope.HeaderHash,
                PeerRsaModulus = acceptance.Rsa?.Modulus,
                PeerReusableSet = acceptance.Rsa?.ReusableSet,
                RunningAt = Time.GetUtcNow(),
            };
        });
        LogAccepted(session.Id, session.Peer, session.OwnDistinct, acceptance.SetSize);
        WarnOfKeys(session.Id, keyWarning);
        return true;
    }
}
