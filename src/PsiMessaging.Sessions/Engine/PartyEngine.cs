using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.BlindRsa;
using PsiMessaging.Data;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Engine;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Ports;
using PsiMessaging.Protocols;
using PsiMessaging.Sessions.Datasets;

namespace PsiMessaging.Sessions.Engine;

/// <summary>
/// A party at work: opens and answers sessions, runs the protocol's rounds, sends the common rows to the linker, asks it questions. The rules of a
/// session are its dataset's; the two parties compare them before anything that depends on data leaves.
/// </summary>
public sealed partial class PartyEngine : ParticipantEngine
{
    /// <summary>Messages of one session that may wait in the outbox before nothing more is produced.</summary>
    private const int OutboxWindow = 16;
    /// <summary>Batches of a round that may be unanswered before the next is produced: bounds the peer's inbox.</summary>
    private const int ReplyWindow = 16;
    private const int MaximumDeadlineSeconds = 30 * 24 * 3600;
    private const int MaximumMinCell = 1_000_000;
    private const string RefusedKind = "refused-command";

    private readonly ILogger _log;
    private readonly int _parallelism;
    private readonly Dictionary<string, ActiveSession> _active = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RowSender> _senders = new(StringComparer.Ordinal);
    private readonly Lock _cacheLock = new();

    public PartyEngine(ParticipantHome home, IParticipantStore store, IEnvelopeSender sender, TimeProvider time, ILogger<PartyEngine> log)
        : base(home, store, sender, time, log)
    {
        _log = log;
        _parallelism = home.Config.Parallelism > 0 ? home.Config.Parallelism : Environment.ProcessorCount;
        Datasets = new DatasetCatalog(home, store, time);
    }

    /// <summary>The party's datasets.</summary>
    public DatasetCatalog Datasets { get; }

    /// <summary>Told of every change of a session's document, for progress in the same process.</summary>
    public Action<PartySession> OnChanged { get; set; } = _ => { };

    /// <inheritdoc/>
    protected override void Accept(Envelope envelope, ParticipantCard sender)
    {
        var (header, own) = (envelope.Header, envelope.Header.From == Home.Name);
        switch (envelope.Message)
        {
            case StartSession when own:
                OpenSession(envelope);
                break;
            case SendDataset { SessionId: var id } when own:
                AcceptCommand(envelope, id);
                break;
            case SubmitQuery { SessionId: var id } when own:
                AcceptCommand(envelope, id);
                break;
            case CancelSession { SessionId: var id } when own:
                AcceptCommand(envelope, id);
                break;
            case ProposeSession proposal when sender.Role == ParticipantRole.Party && !own:
                AcceptProposal(envelope, proposal);
                break;
            case AcceptSession or RoundBatch or CompleteSession or AnnounceColumns or AbortSession or DatasetRegistered or QueryAnswered or QueryRefused or QueryAsked when !own && header.Session is not null:
                StoreForSession(envelope, header.Session, SlotOf(envelope));
                break;
            default:
                throw new RejectedEnvelopeException($"{header.From} may not send a {header.Type} message");
        }
    }

    private static string SlotOf(Envelope envelope) => envelope.Message switch
    {
        RoundBatch batch => $"round/{batch.Round:D3}/{batch.Sequence:D8}",
        AbortSession => $"abort/{envelope.Header.From}",
        DatasetRegistered registered => $"registered/{registered.Party}",
        QueryAnswered answer => $"answer/{answer.QueryId}",
        QueryRefused refusal => $"answer/{refusal.QueryId}",
        QueryAsked asked => $"asked/{asked.QueryId}",
        var message => message.GetType().Name,
    };

    private void StoreForSession(Envelope envelope, string id, string slot)
    {
        var result = Store.Write(transaction =>
        {
            if (transaction.FindSession(id) is not { } stored)
            {
                if (envelope.Message is AbortSession abort)
                {
                    // It overtook the proposal it ends, which must find the session ended when it comes.
                    Put(transaction, Tombstone(id, envelope.Header.From, abort));
                }

                return (InboundResult?)null;
            }

            var session = PartySession.Parse(stored);
            if (session.State == SessionState.Failed || (session.State == SessionState.Completed && envelope.Message is RoundBatch or AcceptSession))
            {
                // Late or idle: nothing waits for it any more.
                return InboundResult.Repeated;
            }

            var expected = envelope.Message is DatasetRegistered or QueryAnswered or QueryRefused or QueryAsked ? session.Linker : session.Peer;
            if (envelope.Header.From != expected && !(envelope.Message is AbortSession && envelope.Header.From == session.Linker))
            {
                throw new RejectedEnvelopeException($"{envelope.Header.From} is not who may send a {envelope.Header.Type} message in this session");
            }

            var put = transaction.PutInbound(id, slot, envelope.HeaderHash, envelope.Frame.ToArray());
            if (put == InboundResult.Altered && !session.IsEnded)
            {
                Fail(transaction, session, FailureCodes.AlteredRepeat, $"{envelope.Header.From} sent a {envelope.Header.Type} message twice with different content", tellPeer: true);
            }

            return put;
        });
        if (result is null)
        {
            LogUnknownSession(envelope.Header.Type, id);
            return;
        }

        Outbox.Signal();
        Pump.Signal(id);
    }

    private PartySession Tombstone(string id, string peer, AbortSession abort) => new()
    {
        Id = id, State = SessionState.Failed, IsInitiator = false, Peer = peer, Linker = "", Protocol = "", Engine = "", RsaBits = 0, MinCell = 1,
        CreatedAt = Time.GetUtcNow(), DeadlineAt = Time.GetUtcNow(), EndedAt = Time.GetUtcNow(), FailureCode = abort.Code, FailureReason = $"{peer}: {Printable(abort.Reason)}",
    };

    // ---- Commands of the own CLI -------------------------------------------------------------------------------------------------------

    private void OpenSession(Envelope envelope)
    {
        // The correlation id becomes the session id: the same command delivered twice opens one session.
        var id = envelope.Header.Correlation ?? throw new RejectedEnvelopeException("a command without a correlation id");
        var start = (StartSession)envelope.Message;
        Store.Write(transaction =>
        {
            if (transaction.FindSession(id) is not null || transaction.FindDocument(RefusedKind, id) is not null)
            {
                return;
            }

            try
            {
                var session = NewSession(id, start) with { ReplyTo = envelope.Header.ReplyTo, Correlation = id };
                Put(transaction, session);
                Audit.Append(transaction, "session-opened", ("session", id), ("peer", session.Peer), ("dataset", session.Dataset), ("protocol", session.Protocol));
            }
            catch (ParticipantException exception)
            {
                // Remembered, so that a replay of the command cannot open the session later, when the reason is gone.
                transaction.PutDocument(RefusedKind, id, "{}");
                Reply(transaction, envelope.Header.ReplyTo, id, new CommandReply(false, null, exception.Code, exception.Message));
            }
        });
        Outbox.Signal();
        Pump.Signal(id);
    }

    private PartySession NewSession(string id, StartSession start)
    {
        var peer = Home.FindCard(start.Peer);
        if (peer is null || peer.Role != ParticipantRole.Party)
        {
            throw new ParticipantException(FailureCodes.NotPinned, $"no card of a party {start.Peer} is pinned; pin it with: psi trust CARD.json");
        }

        var linkers = Home.Cards().Where(card => card.Role == ParticipantRole.Linker).ToArray();
        var linker = start.Linker is null ? linkers.Length == 1 ? linkers[0] : null : Array.Find(linkers, card => card.Name == start.Linker);
        if (linker is null)
        {
            throw new ParticipantException(FailureCodes.NotPinned, linkers.Length == 0
                ? "no linker's card is pinned; pin it with: psi trust CARD.json"
                : $"choose a linker with --linker: {string.Join(", ", linkers.Select(card => card.Name))}");
        }

        if (start.Protocol != "rsa" || start.Engine != "tokens")
        {
            throw new ParticipantException(FailureCodes.Unsupported, $"protocol {start.Protocol} with engine {start.Engine} is not available; this version has protocol rsa and engine tokens");
        }

        if (!RsaPublicKey.IsAllowedLength(start.RsaBits))
        {
            throw new ParticipantException(FailureCodes.WeakKey, $"an RSA modulus of {start.RsaBits} bits is not allowed: take {RsaPublicKey.MinimumBits} to {RsaPublicKey.MaximumBits}, a multiple of {RsaPublicKey.BitsStep}");
        }

        if (start.MinCell is < 1 or > MaximumMinCell || start.DeadlineSeconds is < 1 or > MaximumDeadlineSeconds)
        {
            throw new ParticipantException(FailureCodes.Malformed, "the minimum cell size must be 1 to 1,000,000 and the deadline 1 second to 30 days");
        }

        var dataset = Datasets.Resolve(start.Dataset);
        var now = Time.GetUtcNow();
        return new PartySession
        {
            Id = id,
            State = SessionState.Preparing,
            IsInitiator = true,
            Peer = start.Peer,
            Linker = linker.Name,
            Dataset = dataset.Name,
            DatasetHash = dataset.Hash,
            PeerDataset = start.PeerDataset,
            Protocol = start.Protocol,
            Engine = start.Engine,
            RsaBits = start.RsaBits,
            MinCell = Math.Max(start.MinCell, Home.Config.MinCell),
            KeyNames = dataset.Key,
            CreatedAt = now,
            DeadlineAt = now.AddSeconds(start.DeadlineSeconds),
        };
    }

    private void AcceptCommand(Envelope envelope, string id)
    {
        var correlation = envelope.Header.Correlation ?? throw new RejectedEnvelopeException("a command without a correlation id");
        Store.Write(transaction =>
        {
            if (!ParticipantNames.IsId(id) || transaction.FindSession(id) is null)
            {
                Reply(transaction, envelope.Header.ReplyTo, correlation, new CommandReply(false, null, FailureCodes.UnknownSession, $"{Home.Name} has no session {id}; see: psi sessions"));
                return;
            }

            transaction.PutInbound(id, $"command/{correlation}", envelope.HeaderHash, envelope.Frame.ToArray());
        });
        Outbox.Signal();
        Pump.Signal(id);
    }

    // ---- Proposals of a peer -----------------------------------------------------------------------------------------------------------

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

    // ---- Steps -------------------------------------------------------------------------------------------------------------------------

    /// <inheritdoc/>
    protected override async Task<bool> StepAsync(string id, CancellationToken cancellation)
    {
        var stored = Store.Read(transaction => transaction.FindSession(id));
        if (stored is null)
        {
            return false;
        }

        var session = PartySession.Parse(stored);
        try
        {
            return HandleAbort(session) || HandleCommands(session) || session.State switch
            {
                SessionState.Preparing => Prepare(session),
                SessionState.Asked => Answer(session),
                SessionState.Proposed => HandleAcceptance(session),
                SessionState.Running => RunRounds(session),
                SessionState.Comparing => Compare(session),
                SessionState.Completed when SessionSecrets.Exist(Home.SessionPath(session.Id)) => DestroySecrets(session),
                SessionState.Completed => HandleLinker(session) || await SendRowsAsync(session) || HandleAnswers(session),
                SessionState.Failed => CleanUp(session),
                _ => false,
            };
        }
        catch (Exception exception) when (session.State == SessionState.Completed && exception is ProtocolViolationException or ParticipantException or InputException)
        {
            // The intersection stands; only the sending failed, and a person may try it again.
            FailSend(session, exception.Message);
            return false;
        }
        catch (ProtocolViolationException violation)
        {
            FailNow(session, violation.Code, violation.Message, tellPeer: true);
        }
        catch (ParticipantException exception)
        {
            FailNow(session, exception.Code, exception.Message, tellPeer: true);
        }
        catch (InputException exception)
        {
            FailNow(session, FailureCodes.UnusableDataset, exception.Message, tellPeer: true);
        }

        return true;
    }

    private bool HandleAbort(PartySession session)
    {
        var handled = TakeAbort(session);
        if (handled)
        {
            Outbox.Signal();
        }

        return handled;
    }

    private bool TakeAbort(PartySession session) => Store.Write(transaction =>
    {
        if (transaction.Pending(session.Id, "abort/", 1) is not [var pending])
        {
            return false;
        }

        var envelope = Envelope.Parse(pending.Frame);
        var abort = (AbortSession)envelope.Message;
        transaction.Finish(session.Id, pending.Slot);
        if (session.State != SessionState.Failed)
        {
            var known = typeof(FailureCodes).GetFields().Any(field => (string?)field.GetValue(null) == abort.Code);
            Fail(transaction, session, known ? abort.Code : FailureCodes.Malformed, $"{envelope.Header.From}: {Printable(abort.Reason)}", tellPeer: envelope.Header.From != session.Peer);
        }

        return true;
    });

    private bool HandleCommands(PartySession session)
    {
        var handled = false;
        foreach (var pending in Store.Read(transaction => transaction.Pending(session.Id, "command/", 100)))
        {
            var envelope = Envelope.Parse(pending.Frame);
            handled |= Store.Write(transaction =>
            {
                var current = PartySession.Parse(transaction.FindSession(session.Id)!);
                var reply = envelope.Message switch
                {
                    SendDataset => BeginSend(transaction, current),
                    CancelSession => Cancel(transaction, current),
                    SubmitQuery query => BeginQuery(transaction, current, query, envelope),
                    _ => Refusal(current, FailureCodes.Unsupported, "the command is not known"),
                };
                if (ReferenceEquals(reply, Waiting))
                {
                    return false;
                }

                if (reply is not null)
                {
                    Reply(transaction, envelope.Header.ReplyTo, envelope.Header.Correlation, reply);
                }

                transaction.Finish(session.Id, pending.Slot);
                return true;
            });
        }

        if (handled)
        {
            Outbox.Signal();
        }

        return handled;
    }

    private static readonly CommandReply Waiting = new(true);

    private static CommandReply Refusal(PartySession session, string code, string message) => new(false, session.Id, code, message);

    private CommandReply Cancel(IStoreTransaction transaction, PartySession session)
    {
        if (session.State == SessionState.Failed)
        {
            return Refusal(session, FailureCodes.WrongState, $"the session has ended already: {session.FailureReason}");
        }

        Fail(transaction, session, FailureCodes.Cancelled, $"{Home.Name} cancelled the session", tellPeer: true);
        return new CommandReply(true, session.Id, null, "cancelled");
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

    // ---- The protocol's rounds ---------------------------------------------------------------------------------------------------------

    private bool RunRounds(PartySession session)
    {
        var active = Activate(session);
        var rounds = active.Protocol.Rounds;
        if (session.TotalBatches == 0)
        {
            Change(session, _ => session with { TotalBatches = rounds.Where(round => round.Direction != RoundDirection.Reply).Sum(round => round.Batches) });
            return true;
        }

        // Cheap own work that gives the peer something to do comes first, then the peer's batches, then the rest.
        var producible = rounds.Where(round => round.Direction == RoundDirection.Outgoing && CanProduce(session, round, rounds)).ToArray();
        if (Array.Find(producible, round => Answers(round, rounds)) is { } asking)
        {
            return Produce(session, active, asking);
        }

        if (Store.Read(transaction => transaction.Pending(session.Id, "round/", 1)) is [var pending])
        {
            return Consume(session, active, pending);
        }

        if (producible.Length > 0)
        {
            return Produce(session, active, producible[0]);
        }

        var allProduced = rounds.Where(round => round.Direction == RoundDirection.Outgoing).All(round => session.Produced.GetValueOrDefault(round.Number) == round.Batches);
        var allConsumed = rounds.Where(round => round.Direction == RoundDirection.Incoming)
            .All(round => Store.Read(transaction => transaction.CountFinished(session.Id, $"round/{round.Number:D3}/")) == round.Batches);
        return allProduced && allConsumed && Finish(session, active);
    }

    private bool CanProduce(PartySession session, Round round, IReadOnlyList<Round> rounds)
    {
        var next = session.Produced.GetValueOrDefault(round.Number);
        return next < round.Batches && Store.Read(transaction =>
            transaction.CountOutgoing(session.Id) < OutboxWindow
            && (!Answers(round, rounds) || next - transaction.CountFinished(session.Id, $"round/{round.Number + 1:D3}/") < ReplyWindow));
    }

    /// <summary>Whether the peer answers each batch of this round with one of the next.</summary>
    private static bool Answers(Round round, IReadOnlyList<Round> rounds) =>
        rounds.Any(other => other.Direction == RoundDirection.Reply && other.Number == round.Number + 1);

    private bool Produce(PartySession session, ActiveSession active, Round round)
    {
        var sequence = session.Produced.GetValueOrDefault(round.Number);
        var payload = active.Protocol.Produce(round, sequence);
        Change(session, transaction =>
        {
            Send(transaction, session.Peer, session.Id, new RoundBatch(session.Id, session.Transcript, round.Number, sequence, round.Batches, round.CountOf(sequence), round.ElementSizeBytes), payload);
            return session with { Produced = new Dictionary<int, int>(session.Produced) { [round.Number] = sequence + 1 } };
        });
        return true;
    }

    private bool Consume(PartySession session, ActiveSession active, PendingMessage pending)
    {
        var envelope = Envelope.Parse(pending.Frame);
        var batch = (RoundBatch)envelope.Message;
        var round = active.Protocol.Rounds.FirstOrDefault(round => round.Number == batch.Round && round.Direction == RoundDirection.Incoming)
            ?? throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} sent a batch of round {batch.Round}, which it has no part in");
        if (batch.SessionId != session.Id || !batch.Transcript.AsSpan().SequenceEqual(session.Transcript))
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} sent a batch of another session");
        }

        if (batch.Batches != round.Batches || batch.Sequence < 0 || batch.Sequence >= round.Batches || batch.ElementSizeBytes != round.ElementSizeBytes
            || batch.Count != round.CountOf(batch.Sequence) || envelope.Body.Length != batch.Count * round.ElementSizeBytes)
        {
            throw new ProtocolViolationException(FailureCodes.BadBatch, $"{session.Peer} sent a batch of round {round.Name} that does not fit the announced sizes");
        }

        var outcome = active.Protocol.Consume(round, batch.Sequence, envelope.Body.Span);
        Change(session, transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            if (outcome.Keep is { } keep)
            {
                transaction.PutKept(session.Id, round.Number, batch.Sequence, keep);
            }

            if (outcome.Reply is { } reply)
            {
                var answer = active.Protocol.Rounds.Single(other => other.Direction == RoundDirection.Reply && other.Number == round.Number + 1);
                Send(transaction, session.Peer, session.Id, new RoundBatch(session.Id, session.Transcript, answer.Number, batch.Sequence, answer.Batches, batch.Count, answer.ElementSizeBytes), reply);
            }

            return session with { Consumed = session.Consumed + 1 };
        });
        return true;
    }

    private bool Finish(PartySession session, ActiveSession active)
    {
        var matched = active.Protocol.Match();
        var path = Home.SessionPath(session.Id);
        MatchedFile.Write(path, matched);
        var sorted = active.Keys.Sorted(matched);
        using var shared = Home.SharedKeyWith(PinnedPeer(session));
        var (own, peers) = IntersectionFile.Write(Path.Combine(path, IntersectionFile.Name), session.KeyNames, active.Keys, sorted, shared, session.Transcript, Home.Name, session.Peer);
        Change(session, transaction =>
        {
            transaction.DropRounds(session.Id);
            Send(transaction, session.Peer, session.Id, new CompleteSession(session.Id, session.Transcript, matched.Length, own));
            return session with { State = SessionState.Comparing, IntersectionSize = matched.Length, PeerIntersectionHash = peers, MatchedAt = Time.GetUtcNow() };
        });
        Deactivate(session.Id);
        DisposeRetired(session.Id);
        return true;
    }

    private bool Compare(PartySession session)
    {
        if (Store.Read(transaction => transaction.Pending(session.Id, nameof(CompleteSession), 1)) is not [var pending])
        {
            return false;
        }

        var completion = (CompleteSession)Envelope.Parse(pending.Frame).Message;
        if (!completion.Transcript.AsSpan().SequenceEqual(session.Transcript) || completion.IntersectionSize != session.IntersectionSize
            || !CryptographicOperations.FixedTimeEquals(completion.IntersectionHash, session.PeerIntersectionHash))
        {
            throw new ProtocolViolationException(FailureCodes.ResultMismatch, $"{session.Peer} and {Home.Name} found different intersections; neither is kept");
        }

        Change(session, transaction =>
        {
            transaction.Finish(session.Id, pending.Slot);
            Audit.Append(transaction, "session-completed", ("session", session.Id), ("peer", session.Peer), ("own", session.OwnDistinct), ("peers", session.PeerDistinct), ("common", session.IntersectionSize));
            return session with { State = SessionState.Completed, HadResult = true, EndedAt = Time.GetUtcNow() };
        });
        LogCompleted(session.Id, session.IntersectionSize ?? 0);
        return true;
    }

    // ---- Failing -----------------------------------------------------------------------------------------------------------------------

    private void FailNow(PartySession session, string code, string reason, bool tellPeer)
    {
        Store.Write(transaction =>
        {
            var current = PartySession.Parse(transaction.FindSession(session.Id)!);
            if (!current.IsEnded)
            {
                Fail(transaction, current, code, reason, tellPeer);
            }
        });
        Outbox.Signal();
        Pump.Signal(session.Id);
    }

    private void Fail(IStoreTransaction transaction, PartySession session, string code, string reason, bool tellPeer)
    {
        if (tellPeer && session.State != SessionState.Preparing)
        {
            Send(transaction, session.Peer, session.Id, new AbortSession(session.Id, code, Printable(reason)));
        }

        if (session.Registration != RegistrationState.None)
        {
            Send(transaction, session.Linker, session.Id, new AbortSession(session.Id, code, "the parties ended the session"));
        }

        if (session.State == SessionState.Preparing)
        {
            Reply(transaction, session.ReplyTo, session.Correlation, new CommandReply(false, session.Id, code, reason));
        }

        transaction.DropRounds(session.Id);
        Put(transaction, session with { State = SessionState.Failed, FailureCode = code, FailureReason = reason, EndedAt = Time.GetUtcNow() });
        Audit.Append(transaction, "session-failed", ("session", session.Id), ("peer", session.Peer), ("code", code));
        AnswerOpenQueries(transaction, session.Id, code, reason);
        LogFailed(session.Id, code, reason);
        Deactivate(session.Id);
    }

    /// <summary>What a failed session leaves behind goes after the failure is on disk, on the session's own pump, and again at the next start if need be.</summary>
    private bool CleanUp(PartySession session)
    {
        DisposeRetired(session.Id);
        var folder = Home.SessionPath(session.Id);
        SessionSecrets.Destroy(folder);
        if (!session.HadResult && Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        return false;
    }

    private void FailSend(PartySession session, string reason)
    {
        Store.Write(transaction => Put(transaction, PartySession.Parse(transaction.FindSession(session.Id)!) with
        {
            Registration = RegistrationState.None, SendSequence = 0, SendRow = 0, OwnColumns = null, FailureReason = reason,
        }));
        LogFailed(session.Id, FailureCodes.UnusableDataset, reason);
    }

    /// <inheritdoc/>
    protected override void OnStepFault(string session, Exception exception)
    {
        LogStepFault(exception, session);
        var stored = Store.Read(transaction => transaction.FindSession(session));
        if (stored is not null && PartySession.Parse(stored) is { IsEnded: false } open)
        {
            FailNow(open, FailureCodes.Internal, $"{Home.Name} could not go on: {exception.GetType().Name}; its log says more", tellPeer: true);
        }
    }

    /// <inheritdoc/>
    protected override void OnTick()
    {
        var now = Time.GetUtcNow();
        foreach (var stored in Store.Read(transaction => transaction.ListSessions()))
        {
            if (stored.State is nameof(SessionState.Failed))
            {
                continue;
            }

            var session = PartySession.Parse(stored);
            if (!session.IsEnded && now > session.DeadlineAt)
            {
                FailNow(session, FailureCodes.Deadline, DeadlineReason(session), tellPeer: true);
                continue;
            }

            if (Store.Read(transaction => transaction.Pending(session.Id, "command/", 1)).Count > 0)
            {
                Pump.Signal(session.Id);
            }
        }
    }

    private string DeadlineReason(PartySession session)
    {
        var waited = session.State switch
        {
            SessionState.Proposed => $"{session.Peer} did not answer the proposal; is its worker running, and does it have {Home.Name}'s card pinned?",
            SessionState.Running => $"the rounds with {session.Peer} did not finish",
            SessionState.Comparing => $"{session.Peer} did not report its result",
            _ => "it was still being prepared",
        };
        return $"the session's deadline passed while {waited}{(session.Warning is null ? "" : $"; {session.Warning}")}";
    }

    // ---- Helpers -----------------------------------------------------------------------------------------------------------------------

    /// <summary>Changes a session in a transaction of its own, unless it ended meanwhile.</summary>
    private void Change(PartySession session, Func<IStoreTransaction, PartySession> change)
    {
        Store.Write(transaction =>
        {
            // A deadline or a cancellation on another thread may have ended it.
            var current = PartySession.Parse(transaction.FindSession(session.Id)!);
            if (current.State == session.State)
            {
                Put(transaction, change(transaction));
            }
        });
        Outbox.Signal();
    }

    private void Put(IStoreTransaction transaction, PartySession session)
    {
        transaction.PutSession(session.ToStored());
        OnChanged(session);
    }

    private Dataset OwnDataset(PartySession session)
    {
        var dataset = Datasets.Resolve(session.Dataset);
        return dataset.Hash == session.DatasetHash ? dataset
            : throw new ParticipantException(FailureCodes.UnusableDataset, $"the dataset {dataset.Name} was replaced after the session began");
    }

    private ParticipantCard PinnedPeer(PartySession session) =>
        Home.FindCard(session.Peer) ?? throw new ParticipantException(FailureCodes.NotPinned, $"{session.Peer}'s card is not pinned any more");

    private ActiveSession Activate(PartySession session)
    {
        lock (_cacheLock)
        {
            if (_active.TryGetValue(session.Id, out var known))
            {
                return known;
            }
        }

        var keys = Datasets.LoadKeys(OwnDataset(session));
        var kept = Store.Read(transaction => transaction.ListKept(session.Id));
        var opened = ActiveSession.Open(session, Home.Name, keys, Home.SessionPath(session.Id), _parallelism, kept);
        lock (_cacheLock)
        {
            _active.Add(session.Id, opened);
        }

        return opened;
    }

    private void Deactivate(string id)
    {
        lock (_cacheLock)
        {
            // Not disposed here: a step on another thread may still use it.
            if (_active.Remove(id, out var active))
            {
                _retired.Add((id, active));
            }

            _senders.Remove(id);
        }
    }

    private readonly List<(string Id, ActiveSession Active)> _retired = [];

    /// <summary>Wipes what ended sessions held in memory; called on the session's own pump, where no step can still use it.</summary>
    private void DisposeRetired(string id)
    {
        lock (_cacheLock)
        {
            foreach (var (_, active) in _retired.Where(entry => entry.Id == id))
            {
                active.Dispose();
            }

            _retired.RemoveAll(entry => entry.Id == id);
        }
    }

    private bool DestroySecrets(PartySession session)
    {
        SessionSecrets.Destroy(Home.SessionPath(session.Id));
        return true;
    }

    private static string Describe(CanonicalizationProfile profile) => $"rules v{profile.Version}, case {profile.Case}, {profile.KeyParts} key column(s)";

    /// <summary>A peer's text as it may be shown: one line, no control characters, 500 characters at most.</summary>
    private static string Printable(string text)
    {
        var line = new string([.. text.Select(character => char.IsControl(character) ? ' ' : character)]);
        return line.Length <= 500 ? line : line[..500];
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        lock (_cacheLock)
        {
            foreach (var active in _active.Values.Concat(_retired.Select(entry => entry.Active)))
            {
                active.Dispose();
            }

            _active.Clear();
            _retired.Clear();
        }
    }

    [LoggerMessage(EventId = 200, Level = LogLevel.Information, Message = "Session {Session}: proposed to {Peer} with {Count} identifiers")]
    private partial void LogProposed(string session, string peer, int count);

    [LoggerMessage(EventId = 201, Level = LogLevel.Information, Message = "Session {Session}: agreed with {Peer}, {Own} identifiers here and {Theirs} there")]
    private partial void LogAccepted(string session, string peer, int own, int theirs);

    [LoggerMessage(EventId = 202, Level = LogLevel.Information, Message = "Session {Session}: completed, {Common} identifiers in common")]
    private partial void LogCompleted(string session, int common);

    [LoggerMessage(EventId = 203, Level = LogLevel.Warning, Message = "Session {Session}: failed, {Code}: {Reason}")]
    private partial void LogFailed(string session, string code, string reason);

    [LoggerMessage(EventId = 204, Level = LogLevel.Information, Message = "A {Type} message for the unknown session {Session} was dropped")]
    private partial void LogUnknownSession(string type, string session);

    [LoggerMessage(EventId = 205, Level = LogLevel.Error, Message = "Session {Session}: a step failed")]
    private partial void LogStepFault(Exception exception, string session);
}
