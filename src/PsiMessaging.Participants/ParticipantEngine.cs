using Microsoft.Extensions.Logging;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Participants;

/// <summary>
/// What every participant does with its inbox: check the frame and its signature, put it on disk, acknowledge; then work on the session it belongs to, with
/// effects and outgoing messages in one transaction. A message may come twice, late or out of order; a process may be killed at any moment.
/// </summary>
public abstract partial class ParticipantEngine : IAsyncDisposable
{
    /// <summary>Ended sessions that are forgotten in one go.</summary>
    protected const int PrunedAtOnce = 64;

    /// <summary>Messages that wait for a participant beyond which it is sent no refusals.</summary>
    internal const int MostBeforeRefusals = 4096;
    private static readonly TimeSpan PruneInterval = TimeSpan.FromMinutes(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly ILogger _log;
    private Task _background = Task.CompletedTask;
    private DateTimeOffset _prunedAt = DateTimeOffset.MinValue;

    protected ParticipantEngine(ParticipantHome home, IParticipantStore store, IEnvelopeSender sender, TimeProvider time, ILogger log)
    {
        Home = home;
        Store = store;
        Time = time;
        _log = log;
        Audit = new AuditLog(home, time);
        Refused = new RefusedFrames(time, log);
        Outbox = new OutboxDispatcher(store, sender, time, log);
        Pump = new KeyedPump(StepAsync, OnStepFault);
        Outbox.OnSent = message =>
        {
            if (message.Session is { } session)
            {
                Pump.Signal(session);
            }
        };
    }

    /// <summary>Own home.</summary>
    public ParticipantHome Home { get; }
    /// <summary>Own state.</summary>
    public IParticipantStore Store { get; }
    protected TimeProvider Time { get; }
    protected AuditLog Audit { get; }
    protected OutboxDispatcher Outbox { get; }
    protected KeyedPump Pump { get; }

    /// <summary>Frames that no pinned card has signed.</summary>
    public RefusedFrames Refused { get; }

    /// <summary>Takes up every unfinished session and starts sending.</summary>
    public void Start()
    {
        Pump.Start(_stop.Token);
        Outbox.Start(_stop.Token);
        _background = TickAsync();
        SignalOpenSessions();
        SweepFolders();
    }

    private void SignalOpenSessions()
    {
        foreach (var id in Store.Read(transaction => transaction.OpenSessions()))
        {
            Pump.Signal(id);
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

            if (Store.Read(transaction => transaction.FindState(id)) is not { } state)
            {
                Directory.Delete(folder, recursive: true);
            }
            else if (NeedsCleanUp(state, folder))
            {
                Pump.Signal(id);
            }
        }
    }

    /// <summary>Whether a session that is over has left something in its folder that must go.</summary>
    protected abstract bool NeedsCleanUp(string state, string folder);

    /// <summary>
    /// Takes one frame from the inbox. When it returns, the frame's effect is on disk and it may be acknowledged.
    /// </summary>
    /// <exception cref="RejectedEnvelopeException">
    /// The frame is malformed, not for us, or not signed by a pinned card: it was counted, and nothing else came of it. Or, where it is authentic, it may not be sent by who
    /// sent it, or is beyond a bound: it belongs in the error queue.
    /// </exception>
    public Task ReceiveAsync(ReadOnlyMemory<byte> frame)
    {
        var (envelope, card) = Authenticate(frame);
        try
        {
            Accept(envelope, card);
        }
        catch (RejectedEnvelopeException exception) when (!exception.IsAuthentic)
        {
            throw new RejectedEnvelopeException(exception.Message, isAuthentic: true);
        }
        catch (ParticipantException exception)
        {
            // A damaged card file, say: the same at every try.
            throw new RejectedEnvelopeException(exception.Message, isAuthentic: true);
        }

        return Task.CompletedTask;
    }

    private (Envelope Envelope, ParticipantCard Card) Authenticate(ReadOnlyMemory<byte> frame)
    {
        ParticipantCard? card = null;
        try
        {
            var envelope = Envelope.Parse(frame, received =>
            {
                if (received.Header.To != Home.Name)
                {
                    throw new RejectedEnvelopeException("the message is addressed to another participant");
                }

                card = received.Header.From == Home.Name ? Home.Card : FindCard(received.Header.From);
                if (card is null || !received.IsSignedBy(card))
                {
                    throw new RejectedEnvelopeException(card is null ? "no card is pinned for its sender" : $"the message is not signed by the card pinned for {card.Name}");
                }
            });
            return (envelope, card!);
        }
        catch (RejectedEnvelopeException exception)
        {
            Refused.Add(exception.Message, card?.Name);
            throw;
        }
    }

    private ParticipantCard? FindCard(string name)
    {
        try
        {
            return Home.FindCard(name);
        }
        catch (ParticipantException exception)
        {
            throw new RejectedEnvelopeException(exception.Message);
        }
    }

    /// <summary>Stores an authenticated message and signals its session, or handles it at once when it belongs to none.</summary>
    protected abstract void Accept(Envelope envelope, ParticipantCard sender);

    /// <summary>Does one piece of a session's work; false when there is none for now.</summary>
    protected abstract Task<bool> StepAsync(string session, CancellationToken cancellation);

    /// <summary>Called about once a second: deadlines, and what is too old to keep.</summary>
    protected abstract void OnTick();

    /// <summary>A step threw something it should not have.</summary>
    protected abstract void OnStepFault(string session, Exception exception);

    /// <summary>
    /// Signs a message and puts it in the outbox, inside a transaction. A participant whose card is not pinned any more is sent nothing; one for whom much waits is sent no refusals, which
    /// it could have made without end while it reads none of them.
    /// </summary>
    protected void Send(IStoreTransaction transaction, string to, string? session, object message, ReadOnlyMemory<byte> body = default)
    {
        if (Home.InboxOf(to) is not { } inbox)
        {
            LogNotPinned(to);
            return;
        }

        if (message is AbortSession or QueryRefused or RefuseQuery && transaction.CountOutgoing(inbox) >= MostBeforeRefusals)
        {
            LogNotRefused(to);
            return;
        }

        var envelope = Envelope.Create(Home, to, session, message, body);
        transaction.Enqueue(envelope.Id, session, inbox, envelope.Frame, bestEffort: false);
    }

    /// <summary>Answers a command of the own CLI, if it still waits.</summary>
    protected void Reply(IStoreTransaction transaction, string? replyTo, string? correlation, object message)
    {
        // To the queue of this home's own CLI that belongs to the command, and to no other.
        if (correlation is not null && ParticipantNames.IsId(correlation) && QueueAddress.ReplyOf(Home.Config.QueuePrefix, Home.Name, correlation) is var queue && queue.Name == replyTo)
        {
            var envelope = Envelope.Create(Home, Home.Name, null, message, correlation: correlation);
            transaction.Enqueue(envelope.Id, null, queue, envelope.Frame, bestEffort: true);
        }
    }

    /// <summary>How long an ended session is kept, and how many of one peer.</summary>
    protected abstract (TimeSpan Age, int Sessions) Kept { get; }

    /// <summary>Forgets ended sessions that are old, or more than are kept of a peer, once what they held is cleaned up. The audit log keeps what happened.</summary>
    private void Prune(DateTimeOffset now)
    {
        if (now - _prunedAt < PruneInterval)
        {
            return;
        }

        var (age, keep) = Kept;
        var old = Store.Read(transaction => transaction.EndedSessions(now - age, keep, PrunedAtOnce));
        foreach (var id in old)
        {
            // The folder first: without the session nobody would look for it before the next start.
            var folder = Home.SessionPath(id);
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }

            Store.Write(transaction => transaction.DeleteSession(id));
        }

        // A full hand means that there may be more.
        _prunedAt = old.Count == PrunedAtOnce ? DateTimeOffset.MinValue : now;
    }

    private async Task TickAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), Time);
        while (await timer.WaitForNextTickAsync(_stop.Token))
        {
            try
            {
                OnTick();
                Prune(Time.GetUtcNow());

                // What waits for room, or was stopped by a fault that may have passed, is taken up again here.
                SignalOpenSessions();

                // A send that failed for want of disk or database is taken up again here.
                Outbox.Signal();
            }
            catch (Exception exception)
            {
                LogTickFault(exception);
            }
        }
    }

    [LoggerMessage(EventId = 112, Level = LogLevel.Warning, Message = "A message for {Name} was not sent: its card is not pinned here any more")]
    private partial void LogNotPinned(string name);

    [LoggerMessage(EventId = 113, Level = LogLevel.Warning, Message = "A refusal for {Name} was not sent: it reads nothing of what waits for it")]
    private partial void LogNotRefused(string name);

    [LoggerMessage(EventId = 111, Level = LogLevel.Error, Message = "Looking after deadlines failed; the next look is in a second")]
    private partial void LogTickFault(Exception exception);

    /// <summary>Finishes the step in hand and stops; what is undone stays on disk.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Pump.DrainAsync();
        await Outbox.DrainAsync();
        try
        {
            await _background;
        }
        catch (OperationCanceledException)
        {
            // Asked for.
        }

        _stop.Dispose();
        GC.SuppressFinalize(this);
    }
}
