using Microsoft.Extensions.Logging.Abstractions;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Naming;

namespace PsiMessaging.Messaging.Tests;

public class MessagingTests
{
    [Fact]
    public async Task InMemory_Frame_ArrivesAsItWasSent()
    {
        var arrived = new TaskCompletionSource<byte[]>();
        var queue = QueueAddress.Restore("psi.p1.inbox.v1")!;
        await using var bus = MessageBus.InMemory([new Inbox(queue, frame =>
        {
            arrived.TrySetResult(frame.ToArray());
            return Task.CompletedTask;
        })], TimeProvider.System, NullLogger.Instance);
        await bus.StartAsync(null, TestContext.Current.CancellationToken);
        var frame = System.Security.Cryptography.RandomNumberGenerator.GetBytes(1 << 20);
        await bus.SendAsync(queue, new string('a', 32), frame, TestContext.Current.CancellationToken);
        Assert.Equal(frame, await arrived.Task.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System));
    }

    [Theory]
    [InlineData("amqp://localhost", "amqp://guest@localhost:5672")]
    [InlineData("amqp://p1:secret@broker:1234/psi", "amqp://p1@broker:1234/psi")]
    [InlineData("amqps://p1:se%40cret@broker", "amqps://p1@broker:5671")]
    [InlineData("amqp://u:p@broker/%2Fodd", "amqp://u@broker:5672//odd")]
    public void Parse_Address_ShowsEverythingButThePassword(string text, string shown) => Assert.Equal(shown, BrokerAddress.Parse(text).ToString());

    [Fact]
    public void Parse_Password_IsUnescaped() => Assert.Equal("se@cret", BrokerAddress.Parse("amqps://p1:se%40cret@broker").Password);

    [Theory]
    [InlineData("localhost")]
    [InlineData("http://localhost")]
    [InlineData("")]
    public void Parse_NoAddress_IsRefusedInOneLine(string text) =>
        Assert.Contains("amqp://", Assert.Throws<ParticipantException>(() => BrokerAddress.Parse(text)).Message, StringComparison.Ordinal);
}
