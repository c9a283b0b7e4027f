using Microsoft.Extensions.Logging;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Ports;

namespace PsiMessaging.Participants.Engine;

/// <summary>
/// What every participant does with its inbox: check the frame and its signature, put it on disk, acknowledge; then work on the session it belongs to, with
/// effects and outgoing messages in one transaction. A message may come twice, late or out of order; a process may be killed at any moment.
/// </summary>
public abstract partial class ParticipantEngine : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ILogger _log;
    private Task _background = Task.CompletedTask;

    protected ParticipantEngine(ParticipantHome home, IParticipantStore store, IEnvelopeSender sender, TimeProvider time, ILogger log)
    {
        Home = home;
        Store = store;
        Time = time;
        _log = log;
        Audit = new AuditLog(home, time);
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

    /// <summary>Takes up every unfinished session and starts sending.</summary>
    public void Start()
    {
        Pump.Start(_stop.Token);
        Outbox.Start(_stop.Token);
        _background = TickAsync();
        foreach (var session in Store.Read(transaction => transaction.ListSessions()))
        {
            Pump.Signal(session.Id);
        }
    }

    /// <summary>
    /// Takes one frame from the inbox. When it returns, the frame's effect is on disk and it may be acknowledged.
    /// </summary>
    /// <exception cref="RejectedEnvelopeException">The frame is malformed, not for us, or not signed by a pinned card; it belongs in the error queue.</exception>
    public Task ReceiveAsync(ReadOnlyMemory<byte> frame)
    {
        var envelope = Envelope.Parse(frame);
        if (envelope.Header.To != Home.Name)
        {
            throw new RejectedEnvelopeException("the message is addressed to another participant");
        }

        ParticipantCard? card;
        try
        {
            card = envelope.Header.From == Home.Name ? Home.Card : Home.FindCard(envelope.Header.From);
        }
        catch (ParticipantException exception)
        {
            throw new RejectedEnvelopeException(exception.Message);
        }

        if (card is null || !envelope.IsSignedBy(card))
        {
            LogRefused(envelope.Header.Type, envelope.Header.From, card is null ? "no card pinned" : "signature or card differs");
            OnUnauthenticated(envelope, card);
            throw new RejectedEnvelopeException(card is null
                ? $"no card is pinned for {envelope.Header.From}"
                : $"the message is not signed by the card pinned for {envelope.Header.From}");
        }

        Accept(envelope, card);
        return Task.CompletedTask;
    }

    /// <summary>Stores an authenticated message and signals its session, or handles it at once when it belongs to none.</summary>
    protected abstract void Accept(Envelope envelope, ParticipantCard sender);

    /// <summary>Told of a message whose sender could not be authenticated, before it is refused.</summary>
    /// <param name="envelope">Untrusted.</param>
    /// <param name="pinned">The card pinned under the claimed name, if any.</param>
    protected virtual void OnUnauthenticated(Envelope envelope, ParticipantCard? pinned)
    {
    }

    /// <summary>Does one piece of a session's work; false when there is none for now.</summary>
    protected abstract Task<bool> StepAsync(string session, CancellationToken cancellation);

    /// <summary>Called about once a second: deadlines.</summary>
    protected abstract void OnTick();

    /// <summary>A step threw something it should not have.</summary>
    protected abstract void OnStepFault(string session, Exception exception);

    /// <summary>Signs a message and puts it in the outbox, inside a transaction.</summary>
    protected void Send(IStoreTransaction transaction, string to, string? session, object message, ReadOnlyMemory<byte> body = default)
    {
        var envelope = Envelope.Create(Home, to, session, message, body);
        transaction.Enqueue(envelope.Id, session, ParticipantNames.Inbox(Home.Config.QueuePrefix, to), envelope.Frame, bestEffort: false);
    }

    /// <summary>Answers a command of the own CLI, if it still waits.</summary>
    protected void Reply(IStoreTransaction transaction, string? replyTo, string? correlation, object message)
    {
        if (replyTo is not null && correlation is not null)
        {
            var envelope = Envelope.Create(Home, Home.Name, null, message, correlation: correlation);
            transaction.Enqueue(envelope.Id, null, replyTo, envelope.Frame, bestEffort: true);
        }
    }

    private async Task TickAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), Time);
        while (await timer.WaitForNextTickAsync(_stop.Token))
        {
            try
            {
                OnTick();

                // A send that failed for want of disk or database is taken up again here.
                Outbox.Signal();
            }
            catch (Exception exception)
            {
                LogTickFault(exception);
            }
        }
    }

    [LoggerMessage(EventId = 110, Level = LogLevel.Warning, Message = "Refused a {Type} message that claims to be from {From}: {Reason}")]
    private partial void LogRefused(string type, string from, string reason);

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
