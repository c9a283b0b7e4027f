using System.Collections.Concurrent;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Store;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace PsiMessaging.Messaging;

/// <summary>
/// The way out to RabbitMQ, and the only place that opens connections beside MassTransit's inboxes. Publishes to the exchange that a queue's owner has put
/// before it, under the queue's name, and declares nothing of anybody else's; returns when the broker has confirmed. The owner's exchange rather than the
/// broker's default one, because the right to write to the default exchange is the right to write to every queue there is. Thread-safe.
/// </summary>
/// <remarks>
/// A broker that takes a connection and then says nothing (one that still starts, one that is frozen) is given up after <see cref="AnswerTime"/> with a
/// <see cref="BrokerAwayException"/>, and the connection with it. The client library says the same with a cancellation nobody asked for, or waits for ever.
/// </remarks>
/// <param name="broker">Where.</param>
/// <param name="time">Clock of what is waited for.</param>
internal sealed class BrokerPublisher(BrokerAddress broker, TimeProvider time) : IAsyncDisposable
{
    /// <summary>How long the broker has to answer anything but a message to be stored, which may wait for its memory or disk.</summary>
    public static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(10);

    /// <summary>How often a connection without messages is heard of.</summary>
    public static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Largest message that a RabbitMQ of any version carries, in bytes: one that the client would not take kills its connection, and comes again.
    /// </summary>
    public const uint LargestMessageOfAnyBroker = 512u << 20;

    private const int MostIdleChannels = 16;
    private const ushort NotFound = 404;
    private const ushort AccessRefused = 403;
    private const ushort PreconditionFailed = 406;
    private static readonly CreateChannelOptions Confirmed = new(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true);

    private readonly SemaphoreSlim _connecting = new(1, 1);
    private readonly ConcurrentBag<IChannel> _idle = [];
    private readonly ConcurrentDictionary<string, string> _refused = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _full = new(StringComparer.Ordinal);
    private IConnection? _connection;
    private string? _blocked;

    /// <summary>What the broker refuses to this user, or that it takes nothing from anybody, in one line; null when neither.</summary>
    public string? Refusal => Volatile.Read(ref _blocked) is { } reason
        ? $"the broker at {broker} takes no messages for now ({reason}): see its memory and disk with rabbitmq-diagnostics alarms"
        : _refused.Values.FirstOrDefault();

    /// <summary>That somebody's queue takes nothing more, in one line; null when all do. It concerns what is sent there and nothing else.</summary>
    public string? Full => _full.Values.FirstOrDefault();

    /// <summary>Opens a connection, to see that the broker answers and takes us.</summary>
    /// <exception cref="ParticipantException">It refuses the user, the virtual host, or its certificate is not to be believed.</exception>
    /// <exception cref="BrokerAwayException">It is not there, or does not answer.</exception>
    public async Task ProbeAsync(CancellationToken cancellation) => await ConnectionAsync(cancellation);

    /// <summary>Publishes a frame and waits for the broker's word.</summary>
    /// <param name="queue">Whose exchange.</param>
    /// <param name="messageId">32 hexadecimal digits.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="lifetime">How long it may wait on the queue; null for ever.</param>
    /// <param name="headers">Headers of an own message to an own queue.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="UnroutableException">There is no such queue.</exception>
    /// <exception cref="SendRefusedException">This user may not write there, or the queue is full.</exception>
    /// <exception cref="BrokerAwayException">The broker is not there, or does not answer.</exception>
    public async Task PublishAsync(QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame,
        TimeSpan? lifetime, IDictionary<string, object?>? headers, CancellationToken cancellation)
    {
        var properties = new BasicProperties
        {
            MessageId = messageId,
            DeliveryMode = DeliveryModes.Persistent,
            ContentType = FrameSerializer.FrameContentType.MediaType,
            Expiration = lifetime is { } time ? ((long)time.TotalMilliseconds).ToString(System.Globalization.CultureInfo.InvariantCulture) : null,
            Headers = headers,
        };
        var channel = await RentAsync(cancellation);
        try
        {
            await channel.BasicPublishAsync(queue.Name, routingKey: "", mandatory: true, properties, frame, cancellation);
            Forget(queue);
            await ReturnAsync(channel);
        }
        catch (PublishException exception) when (exception.IsReturn)
        {
            Forget(queue);
            await ReturnAsync(channel);
            throw new UnroutableException(queue.Name);
        }
        catch (PublishException exception)
        {
            await ReturnAsync(channel);
            throw Refused(_full, queue.Name, $"the queue {queue} takes nothing more: it is full until its owner's worker has read from it", exception);
        }
        catch (Exception exception) when (BrokerFault.ReasonOf(exception, channel) is { ReplyCode: NotFound })
        {
            Forget(queue);
            await channel.DisposeAsync();
            throw new UnroutableException(queue.Name);
        }
        catch (Exception exception) when (BrokerFault.ReasonOf(exception, channel) is { ReplyCode: AccessRefused })
        {
            await channel.DisposeAsync();
            throw Refused(_refused, queue.Name, $"the broker refuses {broker.User} the right to write to {queue}; grant it as deploy/rabbitmq says", exception);
        }
        catch (Exception exception) when (IsLost(exception))
        {
            await channel.DisposeAsync();
            throw Lost(exception);
        }
        catch
        {
            await channel.DisposeAsync();
            throw;
        }
    }

    /// <summary>Declares an own queue with the exchange of its name before it.</summary>
    /// <param name="queue">The own queue.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <param name="isPassing">Whether the exchange goes with the queue, which has an expiry among its arguments.</param>
    /// <exception cref="SendRefusedException">This user may not, or the queue is there already and was made otherwise.</exception>
    /// <exception cref="BrokerAwayException">The broker is not there, or does not answer.</exception>
    public async Task DeclareAsync(QueueAddress queue, IDictionary<string, object?> arguments, CancellationToken cancellation, bool isPassing = false)
    {
        var channel = await OpenChannelAsync(null, cancellation);
        try
        {
            await AnsweredAsync(async limit =>
            {
                await channel.QueueDeclareAsync(queue.Name, durable: true, exclusive: false, autoDelete: false, arguments, cancellationToken: limit);
                await channel.ExchangeDeclareAsync(queue.Name, ExchangeType.Fanout, durable: true, autoDelete: isPassing, cancellationToken: limit);
                await channel.QueueBindAsync(queue.Name, queue.Name, "", cancellationToken: limit);
            }, cancellation);
            Forget(queue);
        }
        catch (Exception exception) when (BrokerFault.ReasonOf(exception, channel) is { ReplyCode: AccessRefused })
        {
            throw Refused(_refused, queue.Name,
                $"the broker refuses {broker.User} the right to declare or bind {queue}; grant it as deploy/rabbitmq says", exception);
        }
        catch (Exception exception) when (BrokerFault.ReasonOf(exception, channel) is { ReplyCode: PreconditionFailed })
        {
            throw Refused(_refused, queue.Name,
                $"the queue {queue} exists and was made otherwise, by an earlier version or by hand; let it run empty, then delete it: rabbitmqctl "
                    + $"delete_queue {queue}", exception);
        }
        finally
        {
            await channel.DisposeAsync();
        }
    }

    /// <summary>Deletes own queues and their exchanges.</summary>
    public async Task DeleteAsync(IEnumerable<QueueAddress> queues, CancellationToken cancellation)
    {
        await using var channel = await OpenChannelAsync(null, cancellation);
        foreach (var queue in queues)
        {
            await AnsweredAsync(async limit =>
            {
                await channel.QueueDeleteAsync(queue.Name, cancellationToken: limit);
                await channel.ExchangeDeleteAsync(queue.Name, cancellationToken: limit);
            }, cancellation);
        }
    }

    private static SendRefusedException Refused(ConcurrentDictionary<string, string> kept, string queue, string message, Exception cause)
    {
        kept[queue] = message;
        return new SendRefusedException(message, cause);
    }

    private void Forget(QueueAddress queue)
    {
        _refused.TryRemove(queue.Name, out _);
        _full.TryRemove(queue.Name, out _);
    }

    private async Task<IChannel> RentAsync(CancellationToken cancellation)
    {
        while (_idle.TryTake(out var idle))
        {
            if (idle.IsOpen)
            {
                return idle;
            }

            await idle.DisposeAsync();
        }

        return await OpenChannelAsync(Confirmed, cancellation);
    }

    private async Task<IChannel> OpenChannelAsync(CreateChannelOptions? options, CancellationToken cancellation)
    {
        var connection = await ConnectionAsync(cancellation);
        IChannel? channel = null;
        await AnsweredAsync(async limit => channel = await connection.CreateChannelAsync(options, limit), cancellation);
        return channel!;
    }

    /// <summary>Waits for the broker's answer as long as it may take; a broker that gives none has lost its connection.</summary>
    private async Task AnsweredAsync(Func<CancellationToken, Task> ask, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(AnswerTime, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            await ask(both.Token);
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            await DropAsync();
            throw new BrokerAwayException(BrokerFault.Waiting(broker, exception), exception);
        }
        catch (Exception exception) when (IsLost(exception))
        {
            throw Lost(exception);
        }
    }

    /// <summary>
    /// What the client throws when a channel or connection is closed under it; a refusal of the
    /// broker's is among the causes (<see cref="BrokerFault.ReasonOf"/>).
    /// </summary>
    private static bool IsLost(Exception exception) => exception is RabbitMQClientException or IOException;

    private BrokerAwayException Lost(Exception cause) => new($"the connection to the broker at {broker} was lost; is RabbitMQ running?", cause);

    /// <summary>Closing channel by channel, as a connection is disposed of, would wait for answers again.</summary>
    private async Task DropAsync()
    {
        if (Interlocked.Exchange(ref _connection, null) is { } silent)
        {
            Volatile.Write(ref _blocked, null);
            await silent.AbortAsync(Constants.ReplySuccess, "no answer", TimeSpan.Zero);
            await silent.DisposeAsync();
        }
    }

    private async ValueTask ReturnAsync(IChannel channel)
    {
        if (_idle.Count < MostIdleChannels)
        {
            _idle.Add(channel);
        }
        else
        {
            await channel.DisposeAsync();
        }
    }

    private async Task<IConnection> ConnectionAsync(CancellationToken cancellation)
    {
        if (_connection is { IsOpen: true } open)
        {
            return open;
        }

        await _connecting.WaitAsync(cancellation);
        try
        {
            if (_connection is { IsOpen: true } opened)
            {
                return opened;
            }

            if (_connection is { } lost)
            {
                (_connection, _blocked) = (null, null);
                await lost.DisposeAsync();
            }

            await AnsweredAsync(async limit => _connection = await ConnectAsync(limit), cancellation);
            return _connection ?? throw Lost(new ObjectDisposedException(nameof(IConnection)));
        }
        finally
        {
            _connecting.Release();
        }
    }

    /// <summary>
    /// What every connection has in common, ours and MassTransit's: who the broker must be, how large a message may come, how long it may be silent.
    /// </summary>
    /// <returns>What is found about the certificate, when it is looked at.</returns>
    public static CertificateVerdict Secure(ConnectionFactory factory, BrokerAddress broker, TimeProvider time)
    {
        var verdict = new CertificateVerdict();
        factory.Ssl = BrokerTls.OptionFor(broker, verdict, time.GetUtcNow());
        if (broker.Password is null)
        {
            // Nothing else, whatever the broker offers: there is no password to fall back to.
            factory.AuthMechanisms = [new ExternalMechanismFactory()];
        }

        factory.MaxInboundMessageBodySize = LargestMessageOfAnyBroker;
        factory.RequestedConnectionTimeout = factory.HandshakeContinuationTimeout = factory.ContinuationTimeout = AnswerTime;
        factory.RequestedHeartbeat = Heartbeat;
        factory.SocketFactory = family => WatchedTcpClient.Create(family, time);
        return verdict;
    }

    private async Task<IConnection> ConnectAsync(CancellationToken cancellation)
    {
        var factory = new ConnectionFactory
        {
            HostName = broker.Host, Port = broker.Port, VirtualHost = broker.VirtualHost,
            UserName = broker.User, Password = broker.Password ?? "", AutomaticRecoveryEnabled = false,
        };
        var verdict = Secure(factory, broker, time);
        IConnection? connection = null;
        try
        {
            connection = await factory.CreateConnectionAsync("psi", cancellation);
            connection.ConnectionBlockedAsync += (_, arguments) => Note(arguments.Reason);
            connection.ConnectionUnblockedAsync += (_, _) => Note(null);

            // The client does not wait for the virtual host to be opened: the first channel tells.
            _idle.Add(await connection.CreateChannelAsync(Confirmed, cancellation));
            return connection;
        }
        catch (Exception exception)
        {
            if (connection is not null)
            {
                await connection.AbortAsync(Constants.ReplySuccess, "not usable", TimeSpan.Zero);
                await connection.DisposeAsync();
            }

            // A cancellation is ours, or that of whoever bounds the wait.
            if (exception is OperationCanceledException)
            {
                throw;
            }

            var alert = TlsAlerts.Of(exception);
            if (alert == TlsAlert.None && verdict.IsBelieved && BrokerFault.IsWithoutAnswer(exception))
            {
                alert = await TlsAlerts.AskAsync(broker, time, cancellation);
            }

            throw BrokerFault.Refusal(broker, exception, verdict, alert) is { } refusal ? new ParticipantException(FailureCodes.Internal, refusal, exception)
                : new BrokerAwayException(BrokerFault.Waiting(broker, exception), exception);
        }
    }

    private Task Note(string? reason)
    {
        _blocked = reason;
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // The connection first: channels of a closed one are not asked to say goodbye.
        if (_connection is { } connection)
        {
            await connection.AbortAsync(Constants.ReplySuccess, "done", AnswerTime);
            await connection.DisposeAsync();
        }

        while (_idle.TryTake(out var channel))
        {
            await channel.DisposeAsync();
        }

        _connecting.Dispose();
    }
}
