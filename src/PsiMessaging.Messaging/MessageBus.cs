using System.Collections.Concurrent;
using MassTransit;
using MassTransit.RabbitMqTransport;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Ports;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace PsiMessaging.Messaging;

/// <summary>An inbox that one bus serves.</summary>
/// <param name="Queue">Queue name.</param>
/// <param name="ReceiveAsync">Takes a frame; when it returns the frame is acknowledged.</param>
public sealed record Inbox(string Queue, Func<ReadOnlyMemory<byte>, Task> ReceiveAsync)
{
    /// <summary>Frames the broker hands over before they are acknowledged.</summary>
    public int Prefetch { get; init; } = 16;
    /// <summary>Frames in work at once.</summary>
    public int Concurrency { get; init; } = 4;
    /// <summary>How long a frame may wait on the queue; null for ever.</summary>
    public TimeSpan? MessageLifetime { get; init; }
}

/// <summary>
/// MassTransit's bus as we use it: directed sends to named inboxes with publisher confirms, nothing published, no consume topology, quorum queues, an error
/// queue beside each inbox for frames that are refused. RabbitMQ, or in memory for a single process.
/// </summary>
public sealed partial class MessageBus : IEnvelopeSender, IAsyncDisposable
{
    private const int DeliveryLimit = 1000;
    private static readonly TimeSpan ReplyQueueExpiry = TimeSpan.FromMinutes(2);

    private readonly BrokerAddress? _broker;
    private readonly IBusControl _bus;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<string, Task<ISendEndpoint>> _endpoints = new(StringComparer.Ordinal);
    private readonly string[] _temporaryQueues;

    private MessageBus(BrokerAddress? broker, IBusControl bus, TimeProvider time, ILogger log, string[] temporaryQueues)
    {
        (_broker, _bus, _time, _log, _temporaryQueues) = (broker, bus, time, log, temporaryQueues);
    }

    /// <summary>Told of every frame that was sent: queue and bytes.</summary>
    public Action<string, long> OnSent { get; set; } = (_, _) => { };

    /// <summary>Whether the broker is connected and every inbox is served.</summary>
    public bool IsReady => _bus.CheckHealth().Status == BusHealthStatus.Healthy;

    /// <summary>Where MassTransit's own log lines go; process-wide, set once by a worker's host.</summary>
    public static void UseLogs(ILoggerFactory logs) => LogContext.ConfigureCurrentLogContext(logs);

    /// <summary>A bus inside this process only.</summary>
    public static MessageBus InMemory(IEnumerable<Inbox> inboxes, TimeProvider time, ILogger log)
    {
        var bus = Bus.Factory.CreateUsingInMemory(configure =>
        {
            UseFrames(configure);
            foreach (var inbox in inboxes)
            {
                configure.ReceiveEndpoint(inbox.Queue, endpoint => Serve(endpoint, inbox));
            }
        });
        return new MessageBus(null, bus, time, log, []);
    }

    /// <summary>A bus on RabbitMQ.</summary>
    /// <param name="broker">Where.</param>
    /// <param name="inboxes">Inboxes to serve.</param>
    /// <param name="time">Clock of the retries.</param>
    /// <param name="log">Log.</param>
    /// <param name="temporary">Whether the inboxes are deleted at the end, as after a simulation.</param>
    public static MessageBus RabbitMq(BrokerAddress broker, IReadOnlyCollection<Inbox> inboxes, TimeProvider time, ILogger log, bool temporary = false)
    {
        var bus = Bus.Factory.CreateUsingRabbitMq(configure =>
        {
            configure.Host(broker.Host, broker.Port, broker.VirtualHost, "psi", host =>
            {
                host.Username(broker.User);
                host.Password(broker.Password);
                host.PublisherConfirmation = true;
                if (broker.Tls)
                {
                    host.UseSsl(tls => tls.ServerName = broker.Host);
                }
            });
            UseFrames(configure);
            foreach (var inbox in inboxes)
            {
                configure.ReceiveEndpoint(inbox.Queue, endpoint =>
                {
                    endpoint.SetQuorumQueue();

                    // Every kill of a worker counts as a delivery; RabbitMQ 4 would drop the message after twenty.
                    endpoint.SetQueueArgument("x-delivery-limit", DeliveryLimit);
                    if (inbox.MessageLifetime is { } lifetime)
                    {
                        endpoint.SetQueueArgument("x-message-ttl", (int)lifetime.TotalMilliseconds);
                    }

                    Serve(endpoint, inbox);
                });
            }
        });
        return new MessageBus(broker, bus, time, log, temporary ? [.. inboxes.Select(inbox => inbox.Queue)] : []);
    }

    private static void UseFrames(IBusFactoryConfigurator configure)
    {
        configure.ClearSerialization();
        var frames = new FrameSerializer();
        configure.AddSerializer(frames);
        configure.AddDeserializer(frames, isDefault: true);
    }

    private static void Serve(IReceiveEndpointConfigurator endpoint, Inbox inbox)
    {
        endpoint.ConfigureConsumeTopology = false;
        endpoint.PublishFaults = false;
        endpoint.PrefetchCount = inbox.Prefetch;
        endpoint.ConcurrentMessageLimit = inbox.Concurrency;
        endpoint.UseMessageRetry(retry =>
        {
            // A full or locked disk passes; until then the frame stays unacknowledged. Only refused frames go to the error queue at once.
            retry.Exponential(1000, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(30), TimeSpan.FromMilliseconds(500));
            retry.Ignore<RejectedEnvelopeException>();
        });
        endpoint.Handler<EnvelopeFrame>(context => inbox.ReceiveAsync(context.Message.Bytes));
    }

    /// <summary>Waits for the broker, however long it takes, then serves the inboxes.</summary>
    /// <param name="patience">How long to wait for a broker that does not answer; null waits for ever.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="ParticipantException">The broker refuses us, or did not answer within the patience.</exception>
    public async Task StartAsync(TimeSpan? patience, CancellationToken cancellation)
    {
        if (_broker is not null)
        {
            await WaitForBrokerAsync(patience, cancellation);
        }

        await _bus.StartAsync(cancellation);
    }

    /// <inheritdoc/>
    public Task SendAsync(string queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation) => SendAsync(queue, messageId, frame, cancellation, lifetime: null);

    /// <summary>The same for a frame that is of no use after a while.</summary>
    /// <param name="queue">Queue name.</param>
    /// <param name="messageId">32 hexadecimal digits.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="cancellation">Stops waiting for the broker.</param>
    /// <param name="lifetime">How long it may wait on the queue; null for ever.</param>
    public async Task SendAsync(string queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation, TimeSpan? lifetime)
    {
        var endpoint = await _endpoints.GetOrAdd(queue, name => _bus.GetSendEndpoint(AddressOf(name)));
        try
        {
            await endpoint.Send(new EnvelopeFrame(frame), context =>
            {
                context.MessageId = Guid.ParseExact(messageId, "N");
                context.TimeToLive = lifetime;
                if (context.TryGetPayload<RabbitMqSendContext>(out var rabbit))
                {
                    rabbit.Mandatory = true;
                }
            }, cancellation);
        }
        catch (Exception exception) when (exception is MessageReturnedException or RabbitMQ.Client.Exceptions.PublishException { IsReturn: true })
        {
            throw new UnroutableException(queue);
        }

        OnSent(queue, frame.Length);
    }

    /// <summary>
    /// The exchange that MassTransit puts before a queue of that name, declared as its owner declares it; an address of the form "queue:" would declare the
    /// queue too, with other arguments than its owner's.
    /// </summary>
    private Uri AddressOf(string queue) => new($"exchange:{queue}{(_broker is not null && ParticipantNames.IsReplyQueue(queue) ? "?autodelete=true" : "")}");

    /// <summary>Serves a queue for the length of one command, for its reply.</summary>
    public async Task<IAsyncDisposable> ListenAsync(string queue, Func<ReadOnlyMemory<byte>, Task> receive, CancellationToken cancellation)
    {
        var handle = _bus.ConnectReceiveEndpoint(queue, endpoint =>
        {
            Serve(endpoint, new Inbox(queue, receive));
            if (endpoint is IRabbitMqReceiveEndpointConfigurator rabbit)
            {
                // Durable with an expiry, not transient: RabbitMQ 4 does away with transient non-exclusive queues.
                rabbit.Durable = true;
                rabbit.AutoDelete = true;
                rabbit.SetQueueArgument("x-expires", (int)ReplyQueueExpiry.TotalMilliseconds);
            }
        });
        await handle.Ready.WaitAsync(cancellation);
        return new Listening(handle);
    }

    private async Task WaitForBrokerAsync(TimeSpan? patience, CancellationToken cancellation)
    {
        var start = _time.GetTimestamp();
        var retry = new ResiliencePipelineBuilder { TimeProvider = _time }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<Exception>(exception =>
                    exception is not (OperationCanceledException or ParticipantException) && (patience is null || _time.GetElapsedTime(start) < patience)),
                MaxRetryAttempts = int.MaxValue,
                BackoffType = DelayBackoffType.Exponential,
                Delay = TimeSpan.FromMilliseconds(250),
                MaxDelay = TimeSpan.FromSeconds(5),
                OnRetry = arguments =>
                {
                    LogWaiting(_broker!.ToString(), arguments.AttemptNumber + 1);
                    return default;
                },
            })
            .Build();
        try
        {
            await retry.ExecuteAsync(async token =>
            {
                await using var connection = await ConnectAsync(token);
            }, cancellation);
        }
        catch (Exception exception) when (exception is not (OperationCanceledException or ParticipantException))
        {
            throw new ParticipantException(FailureCodes.Internal, $"no broker answers at {_broker}; is RabbitMQ running, and is the address right?", exception);
        }
    }

    private async Task<IConnection> ConnectAsync(CancellationToken cancellation)
    {
        var broker = _broker!;
        var factory = new ConnectionFactory { HostName = broker.Host, Port = broker.Port, VirtualHost = broker.VirtualHost, UserName = broker.User, Password = broker.Password, AutomaticRecoveryEnabled = false };
        if (broker.Tls)
        {
            factory.Ssl = new SslOption(broker.Host, enabled: true);
        }

        try
        {
            return await factory.CreateConnectionAsync("psi", cancellation);
        }
        catch (BrokerUnreachableException exception) when (Find<AuthenticationFailureException>(exception))
        {
            throw new ParticipantException(FailureCodes.Internal, $"the broker at {broker} refuses the user or its password", exception);
        }
        catch (BrokerUnreachableException exception) when (Find<OperationInterruptedException>(exception))
        {
            throw new ParticipantException(FailureCodes.Internal, $"the broker at {broker} refuses the virtual host {broker.VirtualHost} to this user", exception);
        }
    }

    private static bool Find<T>(Exception? exception)
        where T : Exception => exception is not null && (exception is T || Find<T>(exception.InnerException)
            || (exception is AggregateException aggregate && aggregate.InnerExceptions.Any(Find<T>)));

    /// <summary>Stops serving; frames in hand are finished first.</summary>
    public async ValueTask DisposeAsync()
    {
        await _bus.StopAsync(CancellationToken.None);
        if (_temporaryQueues.Length > 0)
        {
            await using var connection = await ConnectAsync(CancellationToken.None);
            await using var channel = await connection.CreateChannelAsync();
            foreach (var queue in _temporaryQueues.SelectMany(queue => new[] { queue, queue + "_error", queue + "_skipped" }))
            {
                await channel.QueueDeleteAsync(queue);
                await channel.ExchangeDeleteAsync(queue);
            }
        }
    }

    [LoggerMessage(EventId = 400, Level = LogLevel.Warning, Message = "No answer from the broker at {Broker}; attempt {Attempt}")]
    private partial void LogWaiting(string broker, int attempt);

    private sealed class Listening(HostReceiveEndpointHandle handle) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await handle.StopAsync();
    }
}
