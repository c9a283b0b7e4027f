using System.Collections.Concurrent;
using System.Security.Cryptography;
using MassTransit;
using MassTransit.RabbitMqTransport;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;

namespace PsiMessaging.Messaging;

/// <summary>An inbox that one bus serves.</summary>
/// <param name="Queue">Its queue, an own one.</param>
/// <param name="ReceiveAsync">Takes a frame; when it returns the frame is acknowledged.</param>
public sealed record Inbox(QueueAddress Queue, Func<ReadOnlyMemory<byte>, Task> ReceiveAsync)
{
    /// <summary>Frames the broker hands over before they are acknowledged.</summary>
    public int Prefetch { get; init; } = 16;
    /// <summary>Frames in work at once.</summary>
    public int Concurrency { get; init; } = 4;
    /// <summary>How long a frame may wait on the queue; null for ever.</summary>
    public TimeSpan? MessageLifetime { get; init; }
    /// <summary>Whether frames that somebody known has signed, and that are refused, are kept on an error queue beside it.</summary>
    public bool HasErrors { get; init; }
}

/// <summary>
/// Messages as we use them. In: MassTransit serves the own inboxes (quorum queues, bounded in length), and a filter takes the bytes before anything of
/// MassTransit's looks at them. Out: frames are published with confirms to the exchange of the receiver's queue, with nothing declared
/// (<see cref="BrokerPublisher"/>). RabbitMQ, or in memory for a single process.
/// </summary>
public sealed partial class MessageBus : IEnvelopeSender, IAsyncDisposable
{
    private const int DeliveryLimit = 1000;
    private const long MostBytes = 4L << 30;
    private const int MostErrors = 1000;
    private const long MostErrorBytes = 64L << 20;
    private static readonly TimeSpan ErrorAge = TimeSpan.FromDays(14);
    private static readonly TimeSpan ReplyQueueExpiry = TimeSpan.FromMinutes(2);

    private readonly BrokerAddress? _broker;
    private readonly BrokerPublisher? _publisher;
    private readonly IBusControl _bus;
    private readonly IReadOnlyCollection<Inbox> _inboxes;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<string, Task<ISendEndpoint>> _endpoints = new(StringComparer.Ordinal);
    private readonly bool _temporary;
    private readonly CancellationTokenSource _stopping = new();
    private bool _isStarted;
    private string? _startProblem;

    private MessageBus(BrokerAddress? broker, IReadOnlyCollection<Inbox> inboxes, TimeProvider time, ILogger log, bool temporary)
    {
        (_broker, _inboxes, _time, _log, _temporary) = (broker, inboxes, time, log, temporary);
        _publisher = broker is null ? null : new BrokerPublisher(broker, time);
        _bus = broker is null ? CreateInMemory() : CreateRabbitMq(broker);
    }

    /// <summary>Told of every frame that was sent: queue and bytes.</summary>
    public Action<QueueAddress, long> OnSent { get; set; } = (_, _) => { };

    /// <summary>Whether the broker is connected and every inbox is served.</summary>
    public bool IsReady => _isStarted && _bus.CheckHealth().Status == BusHealthStatus.Healthy;

    /// <summary>Why nothing comes in or goes out, in one line for a person; null when all is well.</summary>
    public string? Problem => _publisher?.Refusal ?? _startProblem ?? (_isStarted ? ProblemOf(_bus.CheckHealth()) : null);

    /// <summary>
    /// Why something does not go out that is for somebody whose queue is full, in one line; no fault of this participant, and of no effect on the rest.
    /// </summary>
    public string? Waiting => _publisher?.Full;

    /// <summary>Where MassTransit's own log lines go; process-wide, set once by a worker's host.</summary>
    public static void UseLogs(ILoggerFactory logs) => LogContext.ConfigureCurrentLogContext(logs);

    /// <summary>A bus inside this process only.</summary>
    public static MessageBus InMemory(IReadOnlyCollection<Inbox> inboxes, TimeProvider time, ILogger log) => new(null, inboxes, time, log, temporary: false);

    /// <summary>A bus on RabbitMQ.</summary>
    /// <param name="broker">Where.</param>
    /// <param name="inboxes">Inboxes to serve.</param>
    /// <param name="time">Clock of the retries.</param>
    /// <param name="log">Log.</param>
    /// <param name="temporary">Whether the inboxes are deleted at the end, as after a simulation.</param>
    public static MessageBus RabbitMq(BrokerAddress broker, IReadOnlyCollection<Inbox> inboxes, TimeProvider time, ILogger log, bool temporary = false) =>
        new(broker, inboxes, time, log, temporary);

    private IBusControl CreateInMemory() => Bus.Factory.CreateUsingInMemory(configure =>
    {
        UseFrames(configure);
        foreach (var inbox in _inboxes)
        {
            configure.ReceiveEndpoint(inbox.Queue.Name, endpoint => Serve(endpoint, inbox));
        }
    });

    private IBusControl CreateRabbitMq(BrokerAddress broker) => Bus.Factory.CreateUsingRabbitMq(configure =>
    {
        configure.Host(broker.Host, broker.Port, broker.VirtualHost, "psi", host =>
        {
            host.Username(broker.User);
            host.Password(broker.Password ?? "");

            // MassTransit's own TLS settings accept a chain that leads nowhere: every connection of its gets ours.
            host.OnRefreshConnectionFactory = factory =>
            {
                BrokerPublisher.Secure(factory, broker, _time);
                return Task.CompletedTask;
            };
        });
        UseFrames(configure);
        foreach (var inbox in _inboxes)
        {
            configure.ReceiveEndpoint(inbox.Queue.Name, endpoint =>
            {
                foreach (var (name, value) in ArgumentsOf(inbox))
                {
                    endpoint.SetQueueArgument(name, value);
                }

                Serve(endpoint, inbox);
            });
        }
    });

    private static void UseFrames(IBusFactoryConfigurator configure)
    {
        configure.ClearSerialization();
        var frames = new FrameSerializer();
        configure.AddSerializer(frames);
        configure.AddDeserializer(frames, isDefault: true);
    }

    /// <summary>
    /// Arguments of an inbox's queue. Bounded, so that whoever may write to it cannot fill the broker's disk: beyond that the broker refuses what is sent.
    /// </summary>
    private static Dictionary<string, object?> ArgumentsOf(Inbox inbox)
    {
        var arguments = new Dictionary<string, object?>
        {
            ["x-queue-type"] = "quorum",

            // Every kill of a worker counts as a delivery; RabbitMQ 4 would drop the message after twenty.
            ["x-delivery-limit"] = DeliveryLimit,
            ["x-max-length-bytes"] = MostBytes,
            ["x-overflow"] = "reject-publish",
        };
        if (inbox.MessageLifetime is { } lifetime)
        {
            arguments["x-message-ttl"] = (int)lifetime.TotalMilliseconds;
        }

        return arguments;
    }

    private static Dictionary<string, object?> ErrorArguments() => new()
    {
        ["x-queue-type"] = "quorum",
        ["x-max-length"] = MostErrors,
        ["x-max-length-bytes"] = MostErrorBytes,
        ["x-overflow"] = "drop-head",
        ["x-message-ttl"] = (long)ErrorAge.TotalMilliseconds,
    };

    private void Serve(IReceiveEndpointConfigurator endpoint, Inbox inbox)
    {
        endpoint.ConfigureConsumeTopology = false;
        endpoint.PublishFaults = false;
        endpoint.PrefetchCount = inbox.Prefetch;
        endpoint.ConcurrentMessageLimit = inbox.Concurrency;
        endpoint.RethrowFaultedMessages();
        endpoint.ConfigureReceive(pipe => pipe.UseFilter(new FrameFilter(inbox, _time, (frame, reason) => RefuseAsync(inbox, frame, reason), _stopping.Token)));
    }

    /// <summary>Keeps a refused frame for a person to look at, where the inbox has a place for such.</summary>
    private async Task RefuseAsync(Inbox inbox, ReadOnlyMemory<byte> frame, string reason)
    {
        LogRefused(inbox.Queue.Name, reason);
        if (_publisher is not null && inbox.HasErrors)
        {
            var id = Convert.ToHexStringLower(SHA256.HashData(frame.Span).AsSpan(0, 16));
            try
            {
                await _publisher.PublishAsync(inbox.Queue.Errors, id, frame, lifetime: null,
                    new Dictionary<string, object?> { ["psi-reason"] = reason }, _stopping.Token);
            }
            catch (Exception exception) when (exception is UnroutableException or SendRefusedException)
            {
                // The error queue was deleted, or takes nothing: a refused frame is not worth an inbox that stands still.
                LogNotKept(inbox.Queue.Errors.Name, exception.Message);
            }
        }
    }

    /// <summary>Waits for the broker, however long it takes, then serves the inboxes.</summary>
    /// <param name="patience">How long to wait for a broker that does not answer or does not let us; null waits for ever.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="ParticipantException">The broker refuses us, or did not answer within the patience.</exception>
    public async Task StartAsync(TimeSpan? patience, CancellationToken cancellation)
    {
        if (_publisher is not null)
        {
            await WaitForBrokerAsync(_publisher, _broker!, patience, cancellation);
        }

        await _bus.StartAsync(cancellation);
        _isStarted = true;
    }

    /// <inheritdoc/>
    public Task SendAsync(QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation) =>
        SendAsync(queue, messageId, frame, cancellation, lifetime: null);

    /// <summary>The same for a frame that is of no use after a while.</summary>
    /// <param name="queue">Where to.</param>
    /// <param name="messageId">32 hexadecimal digits.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="cancellation">Stops waiting for the broker.</param>
    /// <param name="lifetime">How long it may wait on the queue; null for ever.</param>
    public async Task SendAsync(QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation, TimeSpan? lifetime)
    {
        if (_publisher is not null)
        {
            await _publisher.PublishAsync(queue, messageId, frame, lifetime, headers: null, cancellation);
        }
        else
        {
            var endpoint = await _endpoints.GetOrAdd(queue.Name, name => _bus.GetSendEndpoint(new Uri("queue:" + name)));
            await endpoint.Send(new EnvelopeFrame(frame), cancellation);
        }

        OnSent(queue, frame.Length);
    }

    /// <summary>Serves a queue for the length of one command, for its reply.</summary>
    /// <exception cref="ParticipantException">The broker does not let this user.</exception>
    public async Task<IAsyncDisposable> ListenAsync(QueueAddress queue, Func<ReadOnlyMemory<byte>, Task> receive, CancellationToken cancellation)
    {
        var expiry = (int)ReplyQueueExpiry.TotalMilliseconds;
        if (_publisher is not null)
        {
            // Here a refusal is an exception; MassTransit would try for ever.
            try
            {
                await _publisher.DeclareAsync(queue, new Dictionary<string, object?> { ["x-expires"] = expiry }, cancellation, isPassing: true);
            }
            catch (SendRefusedException exception)
            {
                throw new ParticipantException(FailureCodes.Internal, exception.Message, exception);
            }
        }

        var handle = _bus.ConnectReceiveEndpoint(queue.Name, endpoint =>
        {
            Serve(endpoint, new Inbox(queue, receive));
            if (endpoint is IRabbitMqReceiveEndpointConfigurator rabbit)
            {
                // Durable with an expiry, not transient: RabbitMQ 4 does away with transient non-exclusive queues.
                rabbit.Durable = true;
                rabbit.AutoDelete = true;
                rabbit.SetQueueArgument("x-expires", expiry);
            }
        });
        await handle.Ready.WaitAsync(cancellation);
        return new Listening(handle, _time);
    }

    private async Task WaitForBrokerAsync(BrokerPublisher publisher, BrokerAddress broker, TimeSpan? patience, CancellationToken cancellation)
    {
        using var limit = patience is { } longest ? new CancellationTokenSource(longest, _time) : new CancellationTokenSource();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        var retry = new ResiliencePipelineBuilder { TimeProvider = _time }
            .AddRetry(new RetryStrategyOptions
            {
                // Not by kind of exception: the client says with a cancellation, too, that the broker was silent.
                ShouldHandle = arguments => ValueTask.FromResult(arguments.Outcome.Exception is not (null or ParticipantException)
                    && !arguments.Context.CancellationToken.IsCancellationRequested),
                MaxRetryAttempts = int.MaxValue,
                BackoffType = DelayBackoffType.Exponential,
                Delay = TimeSpan.FromMilliseconds(250),
                MaxDelay = TimeSpan.FromSeconds(5),
                OnRetry = arguments =>
                {
                    _startProblem = BrokerFault.Waiting(broker, arguments.Outcome.Exception);
                    return default;
                },
            })
            .Build();
        try
        {
            await retry.ExecuteAsync(async token =>
            {
                await publisher.ProbeAsync(token);
                foreach (var inbox in _inboxes)
                {
                    await publisher.DeclareAsync(inbox.Queue, ArgumentsOf(inbox), token);
                    if (inbox.HasErrors)
                    {
                        await publisher.DeclareAsync(inbox.Queue.Errors, ErrorArguments(), token);
                    }
                }
            }, either.Token);
            _startProblem = null;
        }
        catch (Exception exception) when (exception is not ParticipantException && !cancellation.IsCancellationRequested)
        {
            throw new ParticipantException(FailureCodes.Internal,
                exception is OperationCanceledException && _startProblem is { } before ? before : BrokerFault.Waiting(broker, exception), exception);
        }
    }

    private string? ProblemOf(BusHealthResult health)
    {
        if (health.Status == BusHealthStatus.Healthy)
        {
            return null;
        }

        var fault = health.Endpoints.Values.Where(endpoint => endpoint.Status != BusHealthStatus.Healthy)
            .Select(endpoint => endpoint.Exception).FirstOrDefault(exception => exception is not null) ?? health.Exception;
        return fault is not null && BrokerFault.ReasonOf(fault) is { ReplyText: { Length: > 0 } text }
            ? $"the broker at {_broker} does not serve the own queues: {text}; the rights this user needs are in deploy/rabbitmq"
            : $"no answer from the broker at {_broker}; is RabbitMQ running?";
    }

    /// <summary>Stops serving; frames in hand are finished first.</summary>
    public async ValueTask DisposeAsync()
    {
        // Frames that wait for room or for a disk go back to the broker.
        await _stopping.CancelAsync();
        using var limit = new CancellationTokenSource(BrokerPublisher.AnswerTime, _time);
        try
        {
            await _bus.StopAsync(limit.Token);
        }
        catch (Exception exception) when (limit.IsCancellationRequested)
        {
            LogLeft(exception.GetType().Name);
        }

        if (_publisher is not null)
        {
            if (_temporary && _isStarted)
            {
                try
                {
                    await _publisher.DeleteAsync(_inboxes.SelectMany(inbox => inbox.HasErrors ? new[] { inbox.Queue, inbox.Queue.Errors } : [inbox.Queue]),
                        limit.Token);
                }
                catch (Exception exception)
                {
                    LogNotDeleted(exception.Message);
                }
            }

            await _publisher.DisposeAsync();
        }

        _stopping.Dispose();
    }

    [LoggerMessage(EventId = 402, Level = LogLevel.Warning, Message = "A refused frame is not kept on {Queue}: {Reason}")]
    private partial void LogNotKept(string queue, string reason);

    [LoggerMessage(EventId = 403, Level = LogLevel.Warning, Message = "The broker did not take leave ({Fault}); what was in hand stays with it")]
    private partial void LogLeft(string fault);

    [LoggerMessage(EventId = 404, Level = LogLevel.Warning, Message = "The own queues were not deleted: {Reason}")]
    private partial void LogNotDeleted(string reason);

    [LoggerMessage(EventId = 401, Level = LogLevel.Warning, Message = "A frame on {Queue} is refused: {Reason}")]
    private partial void LogRefused(string queue, string reason);

    private sealed class Listening(HostReceiveEndpointHandle handle, TimeProvider time) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            using var limit = new CancellationTokenSource(BrokerPublisher.AnswerTime, time);
            try
            {
                await handle.StopAsync(limit.Token);
            }
            catch (Exception) when (limit.IsCancellationRequested)
            {
                // The queue has an expiry of its own.
            }
        }
    }
}
