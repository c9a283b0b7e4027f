using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Participants.Tests;

/// <summary>Messages on their way out, when the disk or the broker fails.</summary>
public sealed class OutboxTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly QueueAddress Queue = QueueAddress.Restore("psi.p2.inbox.v1")!;

    private readonly TempFolder _folder = new();
    private readonly SqliteParticipantStore _store;

    public OutboxTests()
    {
        _store = new SqliteParticipantStore(Path.Combine(_folder.Path, "state.db"));
        _store.Write(state => state.Enqueue("m1", null, Queue, new byte[] { 1 }, false));
    }

    [Fact]
    public async Task Signal_WhileTheDiskFails_SendsASecondLater_WithoutAnotherSignal()
    {
        var (time, sender) = (new FakeTimeProvider(), new Sender(() => Task.CompletedTask));
        using var stop = new CancellationTokenSource();
        var outbox = new OutboxDispatcher(new FailingOnceStore(_store), new AsItIs(), sender, time, NullLogger.Instance, stop.Token);
        outbox.Signal();
        await outbox.DrainAsync().WaitAsync(Patience);
        Assert.Empty(sender.Sent);
        time.Advance(TimeSpan.FromSeconds(2));
        await TestNetwork.EventuallyAsync(() => !sender.Sent.IsEmpty && _store.Read(state => state.OutgoingQueues()).Count == 0);
        Assert.Equal("01", Assert.Single(sender.Sent));
        await stop.CancelAsync();
        await outbox.DrainAsync().WaitAsync(Patience);
    }

    /// <summary>Also what was signalled before its participant was started: a worker that is told to stop does.</summary>
    [Fact]
    public async Task Send_ThatTheBrokerNeverTakes_EndsWhenWorkStops_AndTheMessageStays()
    {
        var tried = new TaskCompletionSource();
        var sender = new Sender(() =>
        {
            tried.TrySetResult();
            throw new UnroutableException(Queue.Name);
        });
        using var stop = new CancellationTokenSource();
        var outbox = new OutboxDispatcher(_store, new AsItIs(), sender, TimeProvider.System, NullLogger.Instance, stop.Token);
        outbox.Signal();
        await tried.Task.WaitAsync(Patience);
        await stop.CancelAsync();
        await outbox.DrainAsync().WaitAsync(Patience);
        Assert.Equal([Queue], _store.Read(state => state.OutgoingQueues()));
    }

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    /// <summary>What is sent is looked at elsewhere.</summary>
    private sealed class AsItIs : IFrameSealing
    {
        public byte[] Seal(OutgoingMessage message) => message.Frame;

        public OpenedFrame Open(ReadOnlyMemory<byte> bytes) => throw new NotSupportedException();

        public void Forget(string session)
        {
            // Holds nothing.
        }

        public void Dispose()
        {
            // Holds nothing.
        }
    }

    private sealed class Sender(Func<Task> send) : IEnvelopeSender
    {
        public ConcurrentQueue<string> Sent { get; } = new();

        public async Task SendAsync(QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation)
        {
            await send();
            Sent.Enqueue(Convert.ToHexString(frame.Span));
        }
    }
}
