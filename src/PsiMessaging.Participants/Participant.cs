using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Participants;

/// <summary>A participant at work, as its host sees it.</summary>
public abstract class Participant : IAsyncDisposable
{
    private protected Participant(ParticipantHome home, IParticipantStore store, RefusedFrames refused) => (Home, Store, Refused) = (home, store, refused);

    /// <summary>Own home.</summary>
    public ParticipantHome Home { get; }

    /// <summary>Own state.</summary>
    public IParticipantStore Store { get; }

    /// <summary>Frames that no pinned card has signed.</summary>
    public RefusedFrames Refused { get; }

    /// <summary>Told of every frame once it is open, before it is looked at: what this participant sees.</summary>
    public Action<ReadOnlyMemory<byte>>? OnOpened { get; set; }

    /// <summary>Takes up every unfinished session and starts sending.</summary>
    public abstract void Start();

    /// <inheritdoc cref="Doorkeeper{TSession}.Receive"/>
    public abstract Task ReceiveAsync(ReadOnlyMemory<byte> frame);

    /// <summary>Finishes the turn in hand and stops; what is undone stays on disk.</summary>
    public abstract ValueTask DisposeAsync();
}

/// <summary>
/// What every participant does with its inbox: check the frame and its signature, put it on disk, acknowledge; then work on the session it belongs to, a turn
/// at a time, with effects and outgoing messages in one transaction. A message may come twice, late or out of order; a process may be killed at any moment.
/// Nothing is polled: sessions are looked at when a message comes, when one of theirs has left, and when they are due.
/// </summary>
/// <typeparam name="TSession">Sessions of this participant.</typeparam>
public abstract class Participant<TSession> : Participant
    where TSession : class, ISession<TSession>
{
    private static readonly TimeSpan AfterDue = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AfterFault = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly CommitListener<TSession> _listener;
    private readonly TurnServices _services;
    private readonly OutboxDispatcher _outbox;
    private readonly WakeUps _due;
    private readonly Pruning _pruning;
    private readonly ConcurrentDictionary<string, bool> _outgrown = new(StringComparer.Ordinal);
    private readonly Lazy<Doorkeeper<TSession>> _door;
    private readonly IFrameSealing _sealing;
    private readonly RefusalEntries _refusals;

    protected Participant(ParticipantHome home, IParticipantStore store, IFrameSealing? sealing, IEnvelopeSender sender, TimeProvider time, ILogger log)
        : base(home, store, new RefusedFrames(time, log))
    {
        Log = log;
        Time = home.Time = time;
        _sealing = sealing ?? new FrameSealing(home, store);
        _services = new TurnServices(store, new Post(home, log), new AuditLog(home, time), time);
        _refusals = new RefusalEntries(home, store, _services.Audit, time);
        _outbox = new OutboxDispatcher(store, _sealing, sender, time, log, _stop.Token) { OnSent = message => SignalSession(message.Session) };
        Scheduler = new TurnScheduler(TakeTurnAsync, OnTurnFault, time, _stop.Token);
        // The inbox may be served before the sessions are taken up.
        _door = new Lazy<Doorkeeper<TSession>>(() => new Doorkeeper<TSession>(home, store, time, _services.Post, Routes, Refused, log));
        _listener = new CommitListener<TSession>(session => OnCommitting(session), OnCommitted);
        _due = new WakeUps(time, Scheduler.Interrupt);
        _pruning = new Pruning(store, time, () => Kept, id =>
        {
            _outgrown.TryAdd(id, true);
            Scheduler.Signal(id);
        }, OnTurnFault, _stop.Token);
    }

    /// <summary>Log.</summary>
    protected ILogger Log { get; }

    /// <summary>Clock.</summary>
    protected TimeProvider Time { get; }

    /// <summary>The way out and the audit log.</summary>
    protected TurnServices Services => _services;

    /// <summary>Runs the sessions' turns.</summary>
    protected TurnScheduler Scheduler { get; }

    /// <summary>Who may send what.</summary>
    protected abstract RouteTable<TSession> Routes { get; }

    /// <summary>How long a session that ended without a result is kept, and how many of one peer.</summary>
    protected abstract (TimeSpan Age, int Sessions) Kept { get; }

    /// <inheritdoc/>
    public override void Start()
    {
        _outbox.Signal();
        foreach (var (id, dueAt) in Store.Read(state => state.DueTimes()))
        {
            _due.Set(id, dueAt);
        }

        foreach (var id in Store.Read(state => state.OpenSessions()))
        {
            Scheduler.Signal(id);
        }

        SweepFolders();
        _pruning.Start();
    }

    /// <inheritdoc/>
    public override Task ReceiveAsync(ReadOnlyMemory<byte> frame)
    {
        var receipt = Take(Open(frame));
        if (receipt is { IsNew: true, Session: { } opened })
        {
            _outbox.Signal();
            _due.Set(opened, receipt.DueAt);
        }
        else if (receipt.HasAnswered)
        {
            _outbox.Signal();
        }

        SignalSession(receipt.Session);
        return Task.CompletedTask;
    }

    private Receipt Take(OpenedFrame opened)
    {
        try
        {
            return _door.Value.Receive(opened);
        }
        catch (RejectedEnvelopeException exception) when (exception.IsAuthentic)
        {
            _refusals.Add(opened);
            throw;
        }
    }

    private OpenedFrame Open(ReadOnlyMemory<byte> frame)
    {
        try
        {
            var opened = _sealing.Open(frame);
            OnOpened?.Invoke(opened.Frame);
            return opened;
        }
        catch (RejectedEnvelopeException exception) when (!exception.IsAuthentic)
        {
            Refused.Add(exception.Message);
            throw;
        }
    }

    /// <summary>The matters of a session in the state it is in, in the order in which they are looked at.</summary>
    protected abstract IReadOnlyList<ISessionArea<TSession>> AreasOf(TSession session);

    /// <summary>What becomes of a session whose turn threw something.</summary>
    protected abstract TurnOutcome OnFault(Turn<TSession> turn, Exception exception);

    /// <summary>A turn threw something that even <see cref="OnFault"/> could not deal with: it is tried again after a second.</summary>
    protected abstract void OnTurnFault(string session, Exception exception);

    /// <summary>Whether a session that is over has left something in its folder that must go.</summary>
    protected abstract bool NeedsCleanUp(string state, string folder);

    /// <summary>Told of a session's change inside its transaction.</summary>
    protected virtual void OnCommitting(TSession session)
    {
    }

    private void SignalSession(string? id)
    {
        if (id is not null)
        {
            Scheduler.Signal(id);
        }
    }

    private async Task<TurnOutcome> TakeTurnAsync(string id, CancellationToken ended)
    {
        if (_outgrown.ContainsKey(id))
        {
            Forget(id);
            _outgrown.TryRemove(id, out _);
        }

        if (Turn<TSession>.Begin(_services, id, _listener, ended) is not { } turn)
        {
            return TurnOutcome.Idle;
        }

        TurnOutcome outcome;
        var ifPast = AfterDue;
        try
        {
            outcome = await StepAsync(turn);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !ended.IsCancellationRequested)
        {
            // It may have been in the way of what is due, and may be there for long.
            (outcome, ifPast) = (OnFault(turn, exception), AfterFault);
        }

        if (!outcome.HasWorked && turn.DueAt is { } dueAt)
        {
            // Whatever was due has been dealt with, or can only be later.
            var now = Time.GetUtcNow();
            _due.Set(id, dueAt > now ? dueAt : now + ifPast);
        }

        return outcome;
    }

    private async Task<TurnOutcome> StepAsync(Turn<TSession> turn)
    {
        DateTimeOffset? wakeAt = null;
        foreach (var area in AreasOf(turn.Session))
        {
            var outcome = await area.StepAsync(turn);
            if (outcome.HasWorked)
            {
                return outcome;
            }

            wakeAt = wakeAt < outcome.WakeAt ? wakeAt : outcome.WakeAt ?? wakeAt;
        }

        return new TurnOutcome(false, wakeAt);
    }

    private void OnCommitted(StoredSession? stored, Effects effects)
    {
        if (stored is not null)
        {
            _due.Set(stored.Id, stored.DueAt);
            if (stored.EndedAt is not null)
            {
                _pruning.Soon();
            }

            if (effects.HasClosed)
            {
                _sealing.Forget(stored.Id);
            }
        }

        if (effects.HasSent)
        {
            _outbox.Signal();
        }
    }

    /// <summary>Folders whose session a kill left half cleaned up, or forgotten: looked at once, at the start.</summary>
    private void SweepFolders()
    {
        var sessions = Path.Combine(Home.Path, "sessions");
        foreach (var folder in Directory.Exists(sessions) ? Directory.EnumerateDirectories(sessions) : [])
        {
            var id = Path.GetFileName(folder);
            if (!ParticipantNames.IsId(id))
            {
                continue;
            }

            if (Store.Read(state => state.FindState(id)) is not { } found)
            {
                Directory.Delete(folder, recursive: true);
            }
            else if (NeedsCleanUp(found, folder))
            {
                Scheduler.Signal(id);
            }
        }
    }

    /// <summary>The folder first: without the session nobody would look for it before the next start.</summary>
    private void Forget(string id)
    {
        var folder = Home.SessionPath(id);
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        Store.Write(state => state.DeleteSession(id));
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _due.Dispose();
        _pruning.Dispose();
        await _pruning.DrainAsync();
        await Scheduler.DrainAsync();
        await _outbox.DrainAsync();
        _sealing.Dispose();
        _stop.Dispose();
        GC.SuppressFinalize(this);
    }
}
