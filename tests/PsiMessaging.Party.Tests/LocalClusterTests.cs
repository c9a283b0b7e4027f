using System.Collections.Concurrent;
using PsiMessaging.InProcess;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Store;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>Three participants of one process: made, opened, started and ended in the right order.</summary>
public sealed class LocalClusterTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ConcurrentQueue<string> _events = new();

    public void Dispose() => _folder.Dispose();

    private LocalCluster Make(Transport transport) => new(
        new LocalClusterOptions { Root = _folder.Path, Configure = config => config with { QueuePrefix = "t" }, Stores = new Stores(_events) }, transport);

    [Fact]
    public async Task Made_EachHasItsHomeAndTheOthersCards()
    {
        await using var cluster = Make(new Transport(_events));
        Assert.Equal(["P1", "P2", "LINKER"], cluster.All.Select(participant => participant.Name));
        Assert.Equal([ParticipantRole.Party, ParticipantRole.Party, ParticipantRole.Linker], cluster.All.Select(participant => participant.Home.Config.Role));
        Assert.All(cluster.All, participant =>
        {
            Assert.Equal(Path.Combine(_folder.Path, participant.Name), participant.Home.Path);
            Assert.Equal("t", participant.Home.Config.QueuePrefix);
            Assert.Null(participant.Engine);
            Assert.Equal(
                cluster.All.Where(other => other != participant).Select(other => other.Home.Card.Fingerprint).Order(StringComparer.Ordinal),
                participant.Home.Cards().Select(card => card.Fingerprint).Order(StringComparer.Ordinal));
        });
    }

    [Fact]
    public async Task Ended_FirstTheInboxesThenTheStates()
    {
        await using (var cluster = Make(new Transport(_events)))
        {
            await cluster.OpenAsync(TestContext.Current.CancellationToken);
            cluster.Start();
        }

        Assert.Equal(["connected", "open P1", "open P2", "open LINKER", "served", "inboxes closed", "closed P1", "closed P2", "closed LINKER"], _events);
    }

    [Fact]
    public async Task Stopped_IsOpenedAgainOnTheSameHome()
    {
        await using var cluster = Make(new Transport(_events));
        cluster.P1.Open();
        Assert.IsType<PartyParticipant>(cluster.P1.Engine);
        Assert.Contains("open already", Assert.Throws<InvalidOperationException>(cluster.P1.Open).Message, StringComparison.Ordinal);
        await cluster.P1.StopAsync();
        await cluster.P1.StopAsync();
        Assert.Throws<InvalidOperationException>(cluster.P1.Start);
        cluster.P1.Open();
        cluster.P1.Start();
        Assert.Equal(["connected", "open P1", "closed P1", "open P1"], _events);
    }

    [Fact]
    public void TransportThatCannotConnect_LeavesNoKeys()
    {
        var transport = new Transport(_events) { IsBroken = true };
        Assert.Throws<InvalidOperationException>(() => Make(transport));
        Assert.All(transport.Participants, participant => Assert.Throws<ObjectDisposedException>(() => participant.Home.Signing.Sign([1])));
    }

    private sealed class Transport(ConcurrentQueue<string> events) : ILocalTransport
    {
        public bool IsBroken { get; init; }

        public IReadOnlyList<LocalParticipant> Participants { get; private set; } = [];

        public void Connect(IReadOnlyList<LocalParticipant> participants)
        {
            Participants = participants;
            events.Enqueue(IsBroken ? throw new InvalidOperationException("no such broker") : "connected");
        }

        public IEnvelopeSender SenderOf(LocalParticipant participant) => new NoSender();

        public Task StartAsync(CancellationToken cancellation)
        {
            events.Enqueue("served");
            return Task.CompletedTask;
        }

        public ValueTask DisposeAsync()
        {
            events.Enqueue("inboxes closed");
            return ValueTask.CompletedTask;
        }
    }

    private sealed class NoSender : IEnvelopeSender
    {
        public Task SendAsync(Participants.Naming.QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation) =>
            throw new UnroutableException(queue.Name);
    }

    private sealed class Stores(ConcurrentQueue<string> events) : IStores
    {
        public IParticipantStore Open(ParticipantHome home)
        {
            events.Enqueue($"open {home.Name}");
            return new Store(new SqliteStores().Open(home), () => events.Enqueue($"closed {home.Name}"));
        }
    }

    private sealed class Store(IParticipantStore inner, Action onClose) : IParticipantStore
    {
        public T Read<T>(Func<IStoreReader, T> action) => inner.Read(action);

        public T Write<T>(Func<IStoreWriter, T> action) => inner.Write(action);

        public void Dispose()
        {
            inner.Dispose();
            onClose();
        }
    }
}
