using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Polly.Retry;
using Polly;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Participants.Outbox;

/// <summary>
/// Sends what the outbox holds: a message leaves the outbox only when the broker has confirmed it, so a kill at any moment repeats a message at worst.
/// A queue that does not exist yet, or a broker that is away, is waited for.
/// </summary>
public sealed partial class OutboxDispatcher
{
    /// <summary>Messages of a queue on their way at once.</summary>
    private const int BatchSize = 4;

    /// <summary>The turn that looks which queues have something; no queue has this name.</summary>
    private const string AllQueues = "";

    private static readonly TimeSpan SayAgain = TimeSpan.FromMinutes(1);

    private readonly IParticipantStore _store;
    private readonly IFrameSealing _sealing;
    private readonly IEnvelopeSender _sender;
    private readonly ILogger _log;
    private readonly TurnScheduler _sending;
    private readonly ResiliencePipeline _retry;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, DateTimeOffset> _said = new(StringComparer.Ordinal);

    /// <param name="store">Own state.</param>
    /// <param name="sealing">Seals what leaves.</param>
    /// <param name="sender">The way to the broker.</param>
    /// <param name="time">Clock.</param>
    /// <param name="log">Log.</param>
    /// <param name="stop">Cancelled when sending is to stop, also what is tried again and again.</param>
    public OutboxDispatcher(IParticipantStore store, IFrameSealing sealing, IEnvelopeSender sender, TimeProvider time, ILogger log, CancellationToken stop)
    {
        _store = store;
        _sealing = sealing;
        _sender = sender;
        _log = log;
        _sending = new TurnScheduler(SendSomeAsync, (queue, exception) => LogFault(exception, queue), time, stop);
        _time = time;
        _retry = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                // A cancellation that nobody here asked for is a fault like another.
                ShouldHandle = arguments =>
                    ValueTask.FromResult(arguments.Outcome.Exception is not null && !arguments.Context.CancellationToken.IsCancellationRequested),
                MaxRetryAttempts = int.MaxValue,
                BackoffType = DelayBackoffType.Exponential,
                Delay = TimeSpan.FromMilliseconds(100),
                MaxDelay = TimeSpan.FromSeconds(5),
                OnRetry = arguments =>
                {
                    SayWaiting(arguments.Context.OperationKey ?? "", arguments.Outcome.Exception);
                    return default;
                },
            })
            .Build();
    }

    /// <summary>Told of every confirmed message: its session may have room to produce more.</summary>
    public Action<OutgoingMessage> OnSent { get; set; } = _ => { };

    /// <summary>
    /// Says that the outbox has something new. Each queue is served by itself: one that is missing holds up no other. Which have something is looked up
    /// in a turn too, so that a fault of the disk there is tried again and no message stays behind.
    /// </summary>
    public void Signal() => _sending.Signal(AllQueues);

    /// <summary>Why messages for a queue are not leaving: at once, then once a minute.</summary>
    private void SayWaiting(string queue, Exception? fault)
    {
        var now = _time.GetUtcNow();
        if (_said.TryGetValue(queue, out var last) && now - last < SayAgain)
        {
            return;
        }

        _said[queue] = now;
        LogWaiting(queue, SendFault.Describe(fault));
    }

    /// <summary>Waits for sends in flight, after the stop token was cancelled.</summary>
    public Task DrainAsync() => _sending.DrainAsync();

    private async Task<TurnOutcome> SendSomeAsync(string name, CancellationToken cancellation)
    {
        if (name == AllQueues)
        {
            foreach (var known in _store.Read(transaction => transaction.OutgoingQueues()))
            {
                _sending.Signal(known.Name);
            }

            return false;
        }

        if (QueueAddress.Restore(name) is not { } queue)
        {
            return false;
        }

        var batch = _store.Read(transaction => transaction.Outgoing(queue, BatchSize));

        // Begun one after the other, so that they leave in their order where nothing is in the way; the broker's words are waited for together.
        await Task.WhenAll(batch.Select(message => SendOne(message, cancellation)).ToArray());
        return batch.Count > 0;
    }

    private async Task SendOne(OutgoingMessage message, CancellationToken cancellation)
    {
        if (_sealing.Seal(message) is not { } frame)
        {
            LogNobodyToSealTo(message.Queue.Name);
            Remove(message);
            return;
        }

        // Not the message's own id, from which who knows its form could tell what it says.
        var id = ParticipantNames.NewId();
        var context = ResilienceContextPool.Shared.Get(message.Queue.Name, cancellation);
        try
        {
            await _retry.ExecuteAsync(async call =>
            {
                try
                {
                    await _sender.SendAsync(message.Queue, id, frame, call.CancellationToken);
                    _said.TryRemove(message.Queue.Name, out _);
                }
                catch (UnroutableException) when (message.BestEffort)
                {
                    LogNobodyListens(message.Queue.Name);
                }
            }, context);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }

        Remove(message);
    }

    private void Remove(OutgoingMessage message)
    {
        _store.Write(transaction => transaction.Dequeue(message.Number));
        OnSent(message);
    }

    [LoggerMessage(EventId = 100, Level = LogLevel.Warning, Message = "Messages for {Queue} wait: {Reason}")]
    private partial void LogWaiting(string queue, string reason);

    [LoggerMessage(EventId = 101, Level = LogLevel.Debug, Message = "Nobody waits any more on {Queue}; the reply is dropped")]
    private partial void LogNobodyListens(string queue);

    [LoggerMessage(EventId = 103, Level = LogLevel.Information, Message = "A message for {Queue} is dropped: its receiver has no key for it any more")]
    private partial void LogNobodyToSealTo(string queue);

    [LoggerMessage(EventId = 102, Level = LogLevel.Error, Message = "Sending to {Queue} stopped; it goes on in a second")]
    private partial void LogFault(Exception exception, string queue);
}
