using Microsoft.Extensions.Logging;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Data;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Engine;

/// <summary>
/// A party at work: opens and answers sessions, runs the protocol's rounds, sends the common rows to the linker, asks it questions. The rules of a
/// session are its dataset's; the two parties compare them before anything that depends on data leaves.
/// </summary>
public sealed partial class PartyEngine : ParticipantEngine
{
    /// <summary>Messages of one session that may wait in the outbox before nothing more is produced.</summary>
    /// <summary>Messages of a session that may be on their way out before it makes more.</summary>
    internal const int OutboxWindow = 16;
    /// <summary>Batches of a round that may be on their way to a party that has not yet dealt with them.</summary>
    private const int CreditWindow = 16;
    /// <summary>A receiver grants more credit each time it has dealt with this many batches.</summary>
    private const int CreditStep = 8;
    /// <summary>Highest round number any protocol has.</summary>
    private const int MaximumRound = 11;
    /// <summary>Longest batch any protocol has: 1,024 blinded values of 8192 bits, 65,536 prepared tags of 16 bytes.</summary>
    private const int MaximumBatchBytes = 1 << 20;
    private const int MaximumDeadlineSeconds = 30 * 24 * 3600;
    private const int MaximumMinCell = 1_000_000;
    private const string RefusedKind = "refused-command";

    private readonly ILogger _log;
    private readonly IBatchEvaluator _evaluator;
    private readonly Cores _cores;
    private readonly Dictionary<string, ActiveSession> _active = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RowSender> _senders = new(StringComparer.Ordinal);
    private readonly Lock _cacheLock = new();

    /// <param name="home">The party's home.</param>
    /// <param name="store">Its state.</param>
    /// <param name="sender">The way out.</param>
    /// <param name="time">Clock.</param>
    /// <param name="log">Log.</param>
    /// <param name="evaluator">Where batches are evaluated, owned by the engine from here on; null means on this process's cores.</param>
    /// <param name="openScratch">Makes folders for sorted runs; null means ordinary ones.</param>
    public PartyEngine(
        ParticipantHome home, IParticipantStore store, IEnvelopeSender sender, TimeProvider time, ILogger<PartyEngine> log,
        IBatchEvaluator? evaluator = null, Func<string, ScratchFolder>? openScratch = null)
        : base(home, store, sender, time, log)
    {
        _log = log;
        _evaluator = evaluator ?? new LocalEvaluator(ParallelismOf(home));
        _cores = new Cores(ParallelismOf(home));
        Datasets = new DatasetCatalog(home, store, time, openScratch);
    }

    /// <summary>Cores a party's worker uses.</summary>
    public static int ParallelismOf(ParticipantHome home) => home.Config.Parallelism > 0 ? home.Config.Parallelism : Environment.ProcessorCount;

    /// <summary>Memory that sessions over whole vectors may take together, in bytes.</summary>
    internal long VectorMemoryBytes { get; set; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>How long a session over whole vectors may stand still before another that needs its memory takes it.</summary>
    internal TimeSpan IdleVectors { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The party's datasets.</summary>
    public DatasetCatalog Datasets { get; }

    /// <summary>Told of every change of a session's document, for progress in the same process.</summary>
    public Action<PartySession> OnChanged { get; set; } = _ => { };

    /// <inheritdoc/>
    protected override void Accept(Envelope envelope, ParticipantCard sender)
    {
        var (header, own) = (envelope.Header, envelope.Header.From == Home.Name);
        if (own && IsGivenUp(envelope))
        {
            LogGivenUp(header.Type);
            return;
        }

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
            case AcceptSession or RestartProtocol or RoundBatch or GrantCredit or CompleteSession or AnnounceColumns or AbortSession or DatasetRegistered or QueryAnswered or QueryRefused or QueryAsked
                or ProposeQuery or AcceptQuery or RefuseQuery or WithdrawQuery or ProductComputed when !own && header.Session is not null:
                StoreForSession(envelope, header.Session, SlotOf(envelope));
                break;
            default:
                throw new RejectedEnvelopeException($"{header.From} may not send a {header.Type} message");
        }
    }

    /// <inheritdoc/>
    protected override bool NeedsCleanUp(string state, string folder) => state == nameof(SessionState.Failed) || (state == nameof(SessionState.Completed) && SessionSecrets.Exist(folder));

    private static string SlotOf(Envelope envelope) => envelope.Message switch
    {
        RoundBatch batch => SlotOf(batch.Round, batch.Sequence, batch.Attempt ?? 0),
        GrantCredit grant => $"credit/{grant.Round:D3}/{grant.Batches:D8}{AttemptSuffix(grant.Attempt ?? 0)}",
        RestartProtocol restart => $"restart/{restart.Attempt}",
        AbortSession => $"abort/{envelope.Header.From}",
        DatasetRegistered registered => $"registered/{registered.Party}",
        QueryAnswered answer => $"answer/{answer.QueryId}",
        QueryRefused refusal => $"answer/{refusal.QueryId}",
        ProductComputed product => $"answer/{product.QueryId}",
        ProposeQuery proposal => $"ask/{proposal.QueryId}",
        AcceptQuery acceptance => $"asked-back/{acceptance.QueryId}",
        RefuseQuery refusal => $"asked-back/{refusal.QueryId}",
        WithdrawQuery withdrawal => $"withdraw/{withdrawal.QueryId}",
        QueryAsked asked => $"asked/{asked.QueryId}",
        var message => message.GetType().Name,
    };

    private static string SlotOf(int round, int sequence, int attempt) => $"round/{round:D3}/{sequence:D8}{AttemptSuffix(attempt)}";

    private static string AttemptSuffix(int attempt) => attempt == 0 ? "" : $"/{attempt}";

    private void StoreForSession(Envelope envelope, string id, string slot)
    {
        var result = Store.Write(transaction =>
        {
            if (transaction.FindSession(id) is not { } stored)
            {
                if (envelope.Message is AbortSession abort && !transaction.IsForgotten(id) && PeerBounds.MayBeKept(transaction, envelope.Header.From))
                {
                    // It overtook the proposal it ends, which must find the session ended when it comes.
                    Put(transaction, Tombstone(id, envelope.Header.From, abort));
                }

                return (InboundResult?)null;
            }

            var session = PartySession.Parse(stored);
            if (session.State == SessionState.Failed
                || (envelope.Message is RoundBatch or GrantCredit && session.State is not (SessionState.Proposed or SessionState.Running))
                || (AttemptOf(envelope.Message) is { } attempt && attempt < session.Attempt)
                || (envelope.Message is AcceptSession && session.State == SessionState.Completed))
            {
                // Late or idle: nothing waits for it any more.
                return InboundResult.Repeated;
            }

            if (SessionIdOf(envelope.Message) is { } named && named != id)
            {
                throw new RejectedEnvelopeException("the message names another session than its envelope");
            }

            var expected = envelope.Message is DatasetRegistered or QueryAnswered or QueryRefused or QueryAsked or ProductComputed ? session.Linker : session.Peer;
            if (envelope.Header.From != expected && !(envelope.Message is AbortSession && envelope.Header.From == session.Linker))
            {
                throw new RejectedEnvelopeException($"{envelope.Header.From} is not who may send a {envelope.Header.Type} message in this session");
            }

            if (envelope.Message is RestartProtocol && session.State is not (SessionState.Proposed or SessionState.Running))
            {
                // The rounds are over here: what this party sent or found cannot be taken back.
                if (!session.IsEnded)
                {
                    Fail(transaction, session, FailureCodes.WrongState, $"{session.Peer} had to begin the protocol again after {Home.Name} was done; open another session", tellPeer: true);
                }

                return InboundResult.Repeated;
            }

            if (envelope.Message is RoundBatch or GrantCredit or RestartProtocol && !MayBeStored(transaction, session, envelope))
            {
                Fail(transaction, session, FailureCodes.BadBatch, $"{envelope.Header.From} sent a {envelope.Header.Type} message out of range, or beyond the credit it has", tellPeer: true);
                return InboundResult.Altered;
            }

            if (envelope.Message is ProposeQuery or AcceptQuery or RefuseQuery or WithdrawQuery && !MayBeAsked(transaction, session, envelope))
            {
                throw new RejectedEnvelopeException($"{envelope.Header.From} sent a {envelope.Header.Type} message out of range, or more questions than may wait");
            }

            if (!PeerBounds.MayWait(transaction, session, envelope))
            {
                throw new RejectedEnvelopeException($"{envelope.Header.From} sent a {envelope.Header.Type} message that nothing waits for, or more than may wait here");
            }

            var put = transaction.PutInbound(id, slot, envelope.HeaderHash, envelope.Frame.ToArray(), PeerBounds.CountsFor(envelope));
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

    private static string? SessionIdOf(object message) => message switch
    {
        AcceptSession accept => accept.SessionId,
        RestartProtocol restart => restart.SessionId,
        RoundBatch batch => batch.SessionId,
        GrantCredit grant => grant.SessionId,
        CompleteSession complete => complete.SessionId,
        AnnounceColumns announce => announce.SessionId,
        AbortSession abort => abort.SessionId,
        DatasetRegistered registered => registered.SessionId,
        QueryAnswered answered => answered.SessionId,
        QueryRefused refused => refused.SessionId,
        QueryAsked asked => asked.SessionId,
        ProposeQuery proposal => proposal.SessionId,
        AcceptQuery acceptance => acceptance.SessionId,
        RefuseQuery refusal => refusal.SessionId,
        WithdrawQuery withdrawal => withdrawal.SessionId,
        ProductComputed product => product.SessionId,
        _ => null,
    };

    private static int? AttemptOf(object message) => message switch
    {
        RoundBatch batch => batch.Attempt ?? 0,
        GrantCredit grant => grant.Attempt ?? 0,
        _ => null,
    };

    /// <summary>Bounds what a peer can have us store for one session, before it is known which batches belong there.</summary>
    private static bool MayBeStored(IStoreTransaction transaction, PartySession session, Envelope envelope) => (AttemptOf(envelope.Message) ?? session.Attempt) == session.Attempt && envelope.Message switch
    {
        RestartProtocol restart => restart.Attempt is >= 1 and <= MaximumAttempts && restart.Nonce.Length == 32 && restart.Transcript.Length == 32,
        RoundBatch batch => batch.Round is >= 1 and <= MaximumRound && batch.Transcript.Length == 32 && envelope.Body.Length <= MaximumBatchBytes
            && batch.Sequence >= 0 && batch.Sequence < session.Consumed.GetValueOrDefault(batch.Round) + CreditWindow && PeerBounds.HasRoomForRound(transaction, envelope),
        GrantCredit grant => grant.Round is >= 1 and <= MaximumRound && grant.Transcript.Length == 32 && grant.Batches > 0 && transaction.PendingSlots(session.Id, "credit/").Count < CreditWindow,
        _ => false,
    };

    private PartySession Tombstone(string id, string peer, AbortSession abort) => new()
    {
        Id = id, State = SessionState.Failed, IsInitiator = false, Peer = peer, Linker = "", Protocol = "", Engine = "", Reveal = "", MinCell = 1,
        CreatedAt = Time.GetUtcNow(), DeadlineAt = Time.GetUtcNow(), EndedAt = Time.GetUtcNow(), IsCleaned = true, FailureCode = FailureCodes.Known(abort.Code), FailureReason = $"{peer}: {Printable(abort.Reason)}",
    };

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
                SessionState.Completed when !session.IsCleaned || SessionSecrets.Exist(Home.SessionPath(session.Id)) => DestroySecrets(session),
                SessionState.Completed => HandleLinker(session) || await SendRowsAsync(session) || HandleAnswers(session) || await AdvanceQueriesAsync(session),
                SessionState.Failed => await CleanUpAsync(session),
                _ => false,
            };
        }
        catch (Exception exception) when (session.State == SessionState.Completed && exception is ProtocolViolationException or ParticipantException or InputException)
        {
            // The intersection stands; only the sending failed, and a person may try it again.
            FailSend(session, exception.Message);
            return false;
        }
        catch (RestartException restart) when (session.State == SessionState.Running)
        {
            RestartOrFail(session, restart.Message);
        }
        catch (ProtocolViolationException violation)
        {
            FailNow(session, violation.Code, violation.Message, tellPeer: true);
        }
        catch (ParticipantException exception)
        {
            FailNow(session, exception.Code, exception.Message, tellPeer: true, exception.ForPeer);
        }
        catch (InputException exception)
        {
            FailNow(session, FailureCodes.UnusableDataset, exception.Message, tellPeer: true, OwnMatter);
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
            Fail(transaction, session, FailureCodes.Known(abort.Code), $"{envelope.Header.From}: {Printable(abort.Reason)}", tellPeer: envelope.Header.From != session.Peer);
        }

        return true;
    });

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
            : throw new ParticipantException(FailureCodes.UnusableDataset, $"the dataset {dataset.Name} was replaced after the session began") { ForPeer = OwnMatter };
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

        var opened = ActiveSession.Open(session, Home.Name, OwnDataset(session), Datasets, Home.SessionPath(session.Id), _cores);
        opened.Resumed = opened.Protocol is not IVectorParty party || (session.Produced.Count == 0 && session.Consumed.Count == 0) ? Task.CompletedTask : Task.Run(() => ResumeAsync(session, opened, party));
        lock (_cacheLock)
        {
            _active.Add(session.Id, opened);
        }

        return opened;
    }

    /// <summary>
    /// Whether there is memory for one more session over whole vectors: half of what this process may use, and one always. A session that stands still gives its
    /// place up, since it can be brought back from disk; one without a place waits.
    /// </summary>
    private bool HasRoomForVectors(PartySession session)
    {
        if (session.Protocol != SessionRules.Vole)
        {
            return true;
        }

        lock (_cacheLock)
        {
            if (_active.ContainsKey(session.Id))
            {
                return true;
            }

            var others = _active.Where(entry => entry.Value.MemoryBytes > 0).ToArray();
            if (others.Length == 0 || others.Sum(entry => entry.Value.MemoryBytes) + ActiveSession.EstimateOf(session) <= VectorMemoryBytes)
            {
                return true;
            }

            // The lower id goes first, so that two parties that hold different sessions come together.
            var idle = others.Where(entry => entry.Value.InHand.Count == 0
                && Time.GetUtcNow() - entry.Value.UsedAt > (string.CompareOrdinal(session.Id, entry.Key) < 0 ? IdleVectors : 3 * IdleVectors)).Select(entry => entry.Key).FirstOrDefault();
            if (idle is null)
            {
                return false;
            }

            Deactivate(idle);
            Pump.Signal(idle);
            return true;
        }
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

            if (_senders.Remove(id, out var sender))
            {
                _retiredSenders.Add((id, sender));
            }
        }
    }

    private readonly List<(string Id, ActiveSession Active)> _retired = [];
    private readonly List<(string Id, RowSender Sender)> _retiredSenders = [];

    /// <summary>Wipes what ended sessions held in memory; called on the session's own pump, where no step can still use it.</summary>
    private void DisposeRetired(string id)
    {
        // Out of the lock: a protocol over vectors waits for its last step.
        (string Id, ActiveSession Active)[] sessions;
        (string Id, RowSender Sender)[] senders;
        lock (_cacheLock)
        {
            sessions = [.. _retired.Where(entry => entry.Id == id)];
            senders = [.. _retiredSenders.Where(entry => entry.Id == id)];
            _retired.RemoveAll(entry => entry.Id == id);
            _retiredSenders.RemoveAll(entry => entry.Id == id);
        }

        foreach (var (_, active) in sessions)
        {
            active.Dispose();
        }

        foreach (var (_, sender) in senders)
        {
            sender.Dispose();
        }
    }

    private bool DestroySecrets(PartySession session)
    {
        ForgetIdentifiers(Home.SessionPath(session.Id));
        SessionSecrets.Destroy(Home.SessionPath(session.Id));
        MarkCleaned(session);
        return true;
    }

    /// <summary>What a session's folder holds in plain text beside the result goes.</summary>
    private static void ForgetIdentifiers(string folder)
    {
        if (Directory.Exists(folder))
        {
            File.Delete(ActiveSession.ItemsPath(folder));
            File.Delete(ActiveSession.ItemsPath(folder) + AtomicFile.PartSuffix);
            Array.ForEach(Directory.GetDirectories(folder, "scratch-*"), path => Directory.Delete(path, recursive: true));
        }
    }

    private static string Describe(CanonicalizationProfile profile) => $"rules v{profile.Version}, case {Printable(profile.Case)}, {profile.KeyParts} key column(s){(profile.Texts is null ? "" : $", texts {Printable(profile.Texts)}")}";

    /// <summary>A peer's text as it may be shown: one line, no control characters, 500 characters at most.</summary>
    private static string Printable(string text)
    {
        var line = PrintableText.Of(text);
        return line.Length <= 500 ? line : line[..500];
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var (session, query) in _contributions.Keys.ToArray())
        {
            Retire(session, query);
        }

        await DisposeRetiredAsync(session: null);
        lock (_cacheLock)
        {
            foreach (var active in _active.Values.Concat(_retired.Select(entry => entry.Active)))
            {
                active.Dispose();
            }

            foreach (var sender in _senders.Values.Concat(_retiredSenders.Select(entry => entry.Sender)))
            {
                sender.Dispose();
            }

            _active.Clear();
            _retired.Clear();
            _senders.Clear();
            _retiredSenders.Clear();
        }

        await _evaluator.DisposeAsync();
        _cores.Dispose();
    }

    [LoggerMessage(EventId = 200, Level = LogLevel.Information, Message = "Session {Session}: proposed to {Peer} with {Count} identifiers")]
    private partial void LogProposed(string session, string peer, int count);

    [LoggerMessage(EventId = 201, Level = LogLevel.Information, Message = "Session {Session}: agreed with {Peer}, {Own} identifiers here and {Theirs} there")]
    private partial void LogAccepted(string session, string peer, int own, int theirs);

    private void WarnOfKeys(string session, string? warning)
    {
        if (warning is not null)
        {
            LogKeyWarning(session, warning);
        }
    }

    [LoggerMessage(EventId = 207, Level = LogLevel.Warning, Message = "Session {Session}: {Warning}")]
    private partial void LogKeyWarning(string session, string warning);

    [LoggerMessage(EventId = 202, Level = LogLevel.Information, Message = "Session {Session}: completed, identifiers in common: {Common}")]
    private partial void LogCompleted(string session, string common);

    [LoggerMessage(EventId = 203, Level = LogLevel.Warning, Message = "Session {Session}: failed, {Code}: {Reason}")]
    private partial void LogFailed(string session, string code, string reason);

    [LoggerMessage(EventId = 208, Level = LogLevel.Information, Message = "A {Type} command came after it was given up, and is not begun")]
    private partial void LogGivenUp(string type);

    [LoggerMessage(EventId = 204, Level = LogLevel.Information, Message = "A {Type} message for the unknown session {Session} was dropped")]
    private partial void LogUnknownSession(string type, string session);

    [LoggerMessage(EventId = 205, Level = LogLevel.Error, Message = "Session {Session}: a step failed")]
    private partial void LogStepFault(Exception exception, string session);
}
