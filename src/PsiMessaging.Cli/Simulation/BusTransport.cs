using Microsoft.Extensions.Logging.Abstractions;
using PsiMessaging.InProcess;
using PsiMessaging.Messaging;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;

namespace PsiMessaging.Cli.Simulation;

/// <summary>Participants of one process over a bus: MassTransit in memory, or RabbitMQ with inboxes that go with the run.</summary>
/// <param name="broker">Address of a RabbitMQ; null for a bus in memory.</param>
/// <param name="files">Files of certificates, for an amqps broker.</param>
/// <param name="time">Clock.</param>
/// <param name="traffic">Counts what is sent between participants.</param>
/// <param name="onFault">Told of what went wrong while a frame was taken in; the bus brings it again.</param>
internal sealed class BusTransport(string? broker, BrokerFiles files, TimeProvider time, TrafficMeter traffic, Action<Exception> onFault) : ILocalTransport
{
    private static readonly TimeSpan BrokerPatience = TimeSpan.FromSeconds(5);
    private IReadOnlyList<LocalParticipant> _participants = [];
    private MessageBus? _bus;

    /// <summary>The bus, for commands too.</summary>
    public MessageBus Bus => _bus ?? throw new InvalidOperationException("the transport is not connected yet");

    /// <inheritdoc/>
    public void Connect(IReadOnlyList<LocalParticipant> participants)
    {
        _participants = participants;
        var inboxes = participants.Select(participant => new Inbox(participant.Home.Inbox, frame => ReceiveAsync(participant, frame))).ToArray();
        _bus = broker is null
            ? MessageBus.InMemory(inboxes, time, NullLogger.Instance)
            : MessageBus.RabbitMq(BrokerAddress.Parse(broker, files), inboxes, time, NullLogger.Instance, temporary: true);
    }

    /// <inheritdoc/>
    public IEnvelopeSender SenderOf(LocalParticipant participant) => new MeteredSender(this, participant.Name);

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellation) => Bus.StartAsync(BrokerPatience, cancellation);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _bus?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task ReceiveAsync(LocalParticipant participant, ReadOnlyMemory<byte> frame)
    {
        try
        {
            await participant.ReceiveAsync(frame);
        }
        catch (Exception exception)
        {
            onFault(exception);
            throw;
        }
    }

    private void Count(string from, QueueAddress queue, ReadOnlyMemory<byte> frame)
    {
        // What goes to a reply queue stays at home.
        if (_participants.FirstOrDefault(participant => participant.Home.Inbox == queue) is { } receiver)
        {
            traffic.Add(from, receiver.Name, frame);
        }
    }

    private sealed class MeteredSender(BusTransport transport, string from) : IEnvelopeSender
    {
        public async Task SendAsync(QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation)
        {
            await transport.Bus.SendAsync(queue, messageId, frame, cancellation);
            transport.Count(from, queue, frame);
        }
    }
}
