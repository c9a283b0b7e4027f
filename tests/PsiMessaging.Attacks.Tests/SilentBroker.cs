using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using PsiMessaging.Messaging;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Store;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests;

/// <summary>A broker, or somebody on the way to it, that takes a connection and then says nothing more: one that still starts does it too.</summary>
public sealed class SilentBroker
{
    /// <summary>
    /// Wherever a connection falls silent, the worker gives it up and takes another. Before, a broker that was silent while a queue was declared ended the
    /// worker, with exit code 0, and one that was silent in its greeting held it for good.
    /// </summary>
    /// <remarks>
    /// The first connection is ours, the second MassTransit's; a number of frames of the broker's is let
    /// through. All at once, since each takes the time of one answer.
    /// </remarks>
    [Fact]
    public async Task FallsSilentOnAConnection_TheNextOneServes()
    {
        (string Where, int Connection, double After)[] cases =
        [
            ("says nothing", 1, 0), ("stops in its greeting", 1, 0.5), ("stops after its greeting", 1, 1),
            ("stops after the login", 1, 3), ("stops while queues are declared", 1, 5),
            ("says nothing to MassTransit", 2, 0), ("stops in its greeting to MassTransit", 2, 0.5),
            ("stops after MassTransit's login", 2, 3), ("stops while MassTransit declares", 2, 5),
        ];
        await Task.WhenAll(cases.Select(@case => ServesAfterAsync(@case.Where, @case.Connection, @case.After)));
    }

    /// <summary>A broker that goes away between connecting and sending: a person got the name of a class of the client library.</summary>
    [Fact]
    public async Task GoesAwayInTheMiddle_SendingSaysSo()
    {
        var proxy = new BrokerProxy(_ => null);
        await using var bus = MessageBus.RabbitMq(BrokerAddress.Parse($"amqp://{new Uri(Rabbit.Address).UserInfo}@localhost:{proxy.Port}"),
            [], TimeProvider.System, NullLogger.Instance);
        await bus.StartAsync(TestNetwork.Patience, TestContext.Current.CancellationToken);
        await proxy.DisposeAsync();
        for (var i = 0; i < 2; i++)
        {
            var exception = await Assert.ThrowsAsync<BrokerAwayException>(() =>
                bus.SendAsync(QueueAddress.Restore("psi.p1.inbox.v1")!, new string('a', 32), new byte[10], TestContext.Current.CancellationToken));
            Assert.Matches("^(the connection to the broker at .* was lost|no broker answers at ).*; is RabbitMQ running", exception.Message);
        }
    }

    private static async Task ServesAfterAsync(string where, int connection, double after)
    {
        await using var proxy = new BrokerProxy(_ => null, attempt => attempt == connection ? after : null);
        var arrived = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        var queue = QueueAddress.Restore($"t{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}.p1.inbox.v1")!;
        var inbox = new Inbox(queue, frame =>
        {
            arrived.TrySetResult(frame.ToArray());
            return Task.CompletedTask;
        });
        await using var bus = MessageBus.RabbitMq(BrokerAddress.Parse($"amqp://{new Uri(Rabbit.Address).UserInfo}@localhost:{proxy.Port}"),
            [inbox], TimeProvider.System, NullLogger.Instance, temporary: true);
        var cancellation = TestContext.Current.CancellationToken;
        await bus.StartAsync(patience: null, cancellation).WaitAsync(TestNetwork.Patience, TimeProvider.System, cancellation);
        var frame = RandomNumberGenerator.GetBytes(1000);
        await bus.SendAsync(queue, new string('a', 32), frame, cancellation);
        Assert.Equal(frame, await arrived.Task.WaitAsync(TestNetwork.Patience, TimeProvider.System, cancellation));
        Assert.True(proxy.Attempts > 2, $"{where}: {proxy.Attempts} connections");
    }
}
