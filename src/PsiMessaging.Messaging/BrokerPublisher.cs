using System.Collections.Concurrent;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Ports;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace PsiMessaging.Messaging;

/// <summary>
/// The way out to RabbitMQ, and the only place that opens connections beside MassTransit's inboxes. Publishes to the exchange that a queue's owner has put before it, under the
/// queue's name, and declares nothing of anybody else's; returns when the broker has confirmed. The owner's exchange rather than the broker's default one, because the
/// right to write to the default exchange is the right to write to every queue there is. Thread-safe.
/// </summary>
internal sealed class BrokerPublisher(BrokerAddress broker) : IAsyncDisposable
{
    /// <summary>Largest message that a RabbitMQ of any version carries, in bytes: one that the client would not take kills its connection, and comes again.</summary>
    public const uint LargestMessageOfAnyBroker = 512u << 20;

    private const int MostIdleChannels = 16;
    private const ushort NotFound = 404;
    private const ushort AccessRefused = 403;
    private const ushort PreconditionFailed = 406;
    private static readonly CreateChannelOptions Confirmed = new(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true);

    private readonly SemaphoreSlim _connecting = new(1, 1);
    private readonly ConcurrentBag<IChannel> _idle = [];
    private readonly ConcurrentDictionary<string, string> _refused = new(StringComparer.Ordinal);
    private IConnection? _connection;

    /// <summary>What the broker refuses to this user, in one line; null when nothing.</summary>
    public string? Refusal => _refused.Values.FirstOrDefault();

    /// <summary>Opens a connection, to see that the broker answers and takes us.</summary>
    /// <exception cref="ParticipantException">It refuses the user, the virtual host, or its certificate is not to be believed.</exception>
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
    public async Task PublishAsync(QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame, TimeSpan? lifetime, IDictionary<string, object?>? headers, CancellationToken cancellation)
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
            _refused.TryRemove(queue.Name, out _);
            Return(channel);
        }
        catch (PublishException exception) when (exception.IsReturn)
        {
            Return(channel);
            throw new UnroutableException(queue.Name);
        }
        catch (PublishException exception)
        {
            Return(channel);
            throw Refused(queue.Name, $"the queue {queue} takes nothing more: it is full until its owner's worker has read from it", exception);
        }
        catch (Exception exception) when (ReasonOf(exception, channel) is { ReplyCode: NotFound })
        {
            await channel.DisposeAsync();
            throw new UnroutableException(queue.Name);
        }
        catch (Exception exception) when (ReasonOf(exception, channel) is { ReplyCode: AccessRefused })
        {
            await channel.DisposeAsync();
            throw Refused(queue.Name, $"the broker refuses {broker.User} the right to write to {queue}; grant it as deploy/rabbitmq says", exception);
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
    public async Task DeclareAsync(QueueAddress queue, IDictionary<string, object?> arguments, CancellationToken cancellation, bool isPassing = false)
    {
        var channel = await (await ConnectionAsync(cancellation)).CreateChannelAsync(cancellationToken: cancellation);
        try
        {
            await channel.QueueDeclareAsync(queue.Name, durable: true, exclusive: false, autoDelete: false, arguments, cancellationToken: cancellation);
            await channel.ExchangeDeclareAsync(queue.Name, ExchangeType.Fanout, durable: true, autoDelete: isPassing, cancellationToken: cancellation);
            await channel.QueueBindAsync(queue.Name, queue.Name, "", cancellationToken: cancellation);
            _refused.TryRemove(queue.Name, out _);
        }
        catch (Exception exception) when (ReasonOf(exception, channel) is { ReplyCode: AccessRefused })
        {
            throw Refused(queue.Name, $"the broker refuses {broker.User} the right to declare or bind {queue}; grant it as deploy/rabbitmq says", exception);
        }
        catch (Exception exception) when (ReasonOf(exception, channel) is { ReplyCode: PreconditionFailed })
        {
            throw Refused(queue.Name, $"the queue {queue} exists and was made otherwise, by an earlier version or by hand; let it run empty, then delete it: rabbitmqctl delete_queue {queue}", exception);
        }
        finally
        {
            await channel.DisposeAsync();
        }
    }

    /// <summary>Deletes own queues and their exchanges.</summary>
    public async Task DeleteAsync(IEnumerable<QueueAddress> queues, CancellationToken cancellation)
    {
        await using var channel = await (await ConnectionAsync(cancellation)).CreateChannelAsync(cancellationToken: cancellation);
        foreach (var queue in queues)
        {
            await channel.QueueDeleteAsync(queue.Name, cancellationToken: cancellation);
            await channel.ExchangeDeleteAsync(queue.Name, cancellationToken: cancellation);
        }
    }

    /// <summary>Why the broker closed a channel or connection.</summary>
    internal static ShutdownEventArgs? ReasonOf(Exception exception, IChannel? channel = null) =>
        (exception as OperationInterruptedException)?.ShutdownReason ?? (exception.InnerException is { } inner ? ReasonOf(inner) : null) ?? channel?.CloseReason;

    private SendRefusedException Refused(string queue, string message, Exception cause)
    {
        _refused[queue] = message;
        return new SendRefusedException(message, cause);
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

        return await (await ConnectionAsync(cancellation)).CreateChannelAsync(Confirmed, cancellation);
    }

    private void Return(IChannel channel)
    {
        if (_idle.Count < MostIdleChannels)
        {
            _idle.Add(channel);
        }
        else
        {
            channel.Dispose();
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
                _connection = null;
                await lost.DisposeAsync();
            }

            return _connection = await ConnectAsync(cancellation);
        }
        finally
        {
            _connecting.Release();
        }
    }

    private async Task<IConnection> ConnectAsync(CancellationToken cancellation)
    {
        var factory = new ConnectionFactory
        {
            HostName = broker.Host, Port = broker.Port, VirtualHost = broker.VirtualHost, UserName = broker.User, Password = broker.Password,
            AutomaticRecoveryEnabled = false, MaxInboundMessageBodySize = LargestMessageOfAnyBroker, Ssl = BrokerTls.OptionFor(broker),
        };
        try
        {
            return await factory.CreateConnectionAsync("psi", cancellation);
        }
        catch (BrokerUnreachableException exception) when (Find<AuthenticationFailureException>(exception))
        {
            throw new ParticipantException(FailureCodes.Internal, $"the broker at {broker} refuses the user or its password", exception);
        }
        catch (BrokerUnreachableException exception) when (Find<System.Security.Authentication.AuthenticationException>(exception))
        {
            throw new ParticipantException(FailureCodes.Internal,
                $"the broker at {broker} shows no certificate to be believed: it must be for the name {broker.Host}, in date, and from {(broker.CaFile is { } file ? $"an authority in {file}" : "an authority of this system (a private one: --broker-ca FILE)")}", exception);
        }
        catch (BrokerUnreachableException exception) when (Find<OperationInterruptedException>(exception))
        {
            throw new ParticipantException(FailureCodes.Internal, $"the broker at {broker} refuses the virtual host {broker.VirtualHost} to this user", exception);
        }
    }

    private static bool Find<T>(Exception? exception)
        where T : Exception => exception is not null && (exception is T || Find<T>(exception.InnerException)
            || (exception is AggregateException aggregate && aggregate.InnerExceptions.Any(Find<T>)));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        while (_idle.TryTake(out var channel))
        {
            await channel.DisposeAsync();
        }

        if (_connection is { } connection)
        {
            await connection.DisposeAsync();
        }

        _connecting.Dispose();
    }
}
