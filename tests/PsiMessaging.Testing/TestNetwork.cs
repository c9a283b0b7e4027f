using System.Collections.Concurrent;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Data.Keys;
using PsiMessaging.InProcess;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;
using PsiMessaging.Storage;

namespace PsiMessaging.Testing;

/// <summary>
/// P1, P2 and LINKER with real engines, real state on disk, and a network that a test can bend: repeat, reorder, alter or drop frames, crash a participant at
/// any write of its state and start it again on the same home.
/// </summary>
public sealed class TestNetwork : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly TempFolder _folder = new();
    private readonly ConcurrentDictionary<string, Action<byte[]>> _queues = new(StringComparer.Ordinal);
    private readonly List<TestParticipant> _participants = [];
    private readonly LocalCluster _cluster;
    private readonly ConcurrentDictionary<string, byte[]> _inside = new(StringComparer.Ordinal);

    public TestNetwork(TimeProvider? time = null, Func<ParticipantConfig, ParticipantConfig>? configure = null, Func<string, TimeProvider>? timeOf = null)
    {
        Time = time ?? TimeProvider.System;
        TimeOf = timeOf ?? (_ => Time);
        var options = new LocalClusterOptions
        {
            Root = _folder.Path, Configure = config => Configure(config, configure), Stores = new CrashingStores(this), Time = Time, TimeOf = TimeOf,
            Sealing = (home, store) => _participants.Single(own => own.Name == home.Name).Tap(new TappedSealing(home, store, _inside)),
        };
        _cluster = new LocalCluster(options, new BendableTransport(this));
    }

    private static ParticipantConfig Configure(ParticipantConfig config, Func<ParticipantConfig, ParticipantConfig>? configure)
    {
        var usual = config with { Parallelism = 2, AcceptOneSided = true, AllowVole = true };
        return configure?.Invoke(usual) ?? usual;
    }

    public TimeProvider Time { get; }

    /// <summary>Each participant's own clock.</summary>
    internal Func<string, TimeProvider> TimeOf { get; }

    public TestParticipant P1 => _participants[0];

    public TestParticipant P2 => _participants[1];

    public TestParticipant Linker => _participants[2];

    public string Folder => _folder.Path;

    /// <summary>What becomes of a frame on its way; by default itself, once.</summary>
    public Func<Envelope, IEnumerable<byte[]>> Bend { get; set; } = envelope => [envelope.Frame.ToArray()];

    /// <summary>Every frame that was sent, in order of sending.</summary>
    public ConcurrentQueue<Envelope> Wire { get; } = new();

    /// <summary>The same as it was carried: queue and sealed bytes.</summary>
    public ConcurrentQueue<(string Queue, byte[] Bytes)> Sealed { get; } = new();

    /// <summary>Told of every session document a party stores.</summary>
    public Action<TestParticipant, PartySession> OnChanged { get; set; } = (_, _) => { };

    /// <summary>Steps of the parties' sessions; one that no session may take fails the test at the end.</summary>
    public TransitionTable Transitions { get; } = new();

    internal void Register(string queue, Action<byte[]> deliver) => _queues[queue] = deliver;

    internal void Send(string queue, byte[] frame)
    {
        if (!_queues.TryGetValue(queue, out var deliver))
        {
            throw new UnroutableException(queue);
        }

        Sealed.Enqueue((queue, frame));
        _inside.TryGetValue(TappedSealing.MarkOf(frame), out var inside);
        if (inside is null || FrameSealing.IsOpeningAlone(inside))
        {
            deliver(frame);
            return;
        }

        var envelope = Envelope.Parse(inside);
        Wire.Enqueue(envelope);
        foreach (var bent in Bend(envelope))
        {
            deliver(bent.AsSpan().SequenceEqual(inside) ? frame : Seal(Find(Envelope.TrySenderOf(bent)) ?? Find(envelope.Header.From), ReaderOf(queue), bent));
        }
    }

    /// <summary>
    /// Puts a frame into a participant's inbox, sealed as its sender would: where it is one of these participants, to the session's key if it has that.
    /// </summary>
    public void Inject(TestParticipant to, byte[] frame) => InjectSealed(to, Seal(Find(Envelope.TrySenderOf(frame)), to.Home, frame));

    /// <summary>Gives two participants each other's key of a session, as if they had begun it: what one of them sends then is sealed to that.</summary>
    public static void OpenChannel(string session, TestParticipant one, TestParticipant other)
    {
        foreach (var (from, to) in new[] { (one, other), (other, one) })
        {
            using var seed = SecretBytes.CopyOf(from.Engine!.Store.Write(state => Channels.Ensure(state, session, to.Name)).Seed);
            using var key = new HybridKey(seed);
            to.Engine!.Store.Write(state => Channels.Learn(state, to.Home, session, from.Name, key.PublicKey));
        }
    }

    /// <summary>Puts anything into a participant's inbox, as a stranger on the broker could.</summary>
    public void InjectSealed(TestParticipant to, byte[] bytes) => _queues[to.Home.Inbox.Name](bytes);

    /// <summary>A frame sealed as its sender would.</summary>
    public byte[] Seal(TestParticipant from, TestParticipant to, byte[] frame) => Seal(from, to.Home, frame);

    private TestParticipant? Find(string? name) => _participants.Find(participant => participant.Name == name);

    private ParticipantHome ReaderOf(string queue) => _participants.Find(participant => participant.Home.Inbox.Name == queue)?.Home
        ?? _participants.First(participant => queue.StartsWith($"psi.{participant.Name.ToLowerInvariant()}.", StringComparison.Ordinal)).Home;

    private static byte[] Seal(TestParticipant? from, ParticipantHome to, byte[] frame) => TappedSealing.SealAnything(from?.Sealing, to, frame);

    /// <summary>Waits for something that follows by itself, such as files going after a failure.</summary>
    public static Task EventuallyAsync(Func<bool> condition, TimeSpan? patience = null) => EventuallyAsync(() => Task.FromResult(condition()), patience);

    /// <inheritdoc cref="EventuallyAsync(Func{bool}, TimeSpan?)"/>
    public static async Task EventuallyAsync(Func<Task<bool>> condition, TimeSpan? patience = null)
    {
        using var limit = new CancellationTokenSource(patience ?? Patience);
        while (!await condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, limit.Token);
        }
    }

    /// <summary>
    /// Adds the prototype's sample at both parties, or other texts. They are small and made up, so their
    /// owners set a minimum cell size of 1; null leaves it to the homes.
    /// </summary>
    public async Task AddDataAsync(string? p1 = null, string? p2 = null,
        DuplicateRule duplicates = DuplicateRule.Reject, string key = "IDKEY", int? minCell = 1)
    {
        await P1.AddAsync("istat", _folder.Write("istat.csv", p1 ?? Samples.Istat), duplicates, key, minCell: minCell);
        await P2.AddAsync("bi", _folder.Write("bi.csv", p2 ?? Samples.Bi), duplicates, key, minCell: minCell);
    }

    public void Start() => _participants.ForEach(participant => participant.Start());

    public static StartSession Propose(int rsaBits = 2048, int? minCell = null, int deadlineSeconds = 3600, string? peerDataset = null,
        string protocol = "rsa", string reveal = "both", bool reuse = false, string engine = "tokens", string? security = null) => new()
    {
        Peer = "P2", Dataset = "istat", PeerDataset = peerDataset, Protocol = protocol, Security = security, Engine = engine,
        Reveal = reveal, Reuse = reuse, RsaBits = rsaBits, MinCell = minCell, DeadlineSeconds = deadlineSeconds,
    };

    /// <summary>Opens a session from P1 and waits until both parties have ended it.</summary>
    public async Task<(PartySession P1, PartySession P2)> IntersectAsync(StartSession? start = null)
    {
        var reply = await P1.CommandAsync(null, start ?? Propose());
        Assert(reply.Ok, reply.Message);
        return (await P1.WaitAsync(session => session.IsEnded), await P2.WaitAsync(session => session.IsEnded));
    }

    /// <summary>Sends both parties' rows and waits until both know that all are at the linker.</summary>
    public async Task SendRowsAsync(string session)
    {
        foreach (var participant in new[] { P1, P2 })
        {
            var reply = await participant.CommandAsync(session, new SendDataset(session));
            Assert(reply.Ok, $"{participant.Name} refused to send: {reply.Message}");
        }

        await P1.WaitAsync(AllRegistered);
        await P2.WaitAsync(AllRegistered);
    }

    /// <summary>Waits until nothing is on its way, nothing waits for anybody, and no party has work left to do by itself.</summary>
    public Task SettleAsync() => EventuallyAsync(() =>
    {
        // What one sends while another is looked at may arrive behind the look.
        var before = Wire.Count;
        return _participants.TrueForAll(participant => participant.IsSettled()) && Wire.Count == before;
    });

    public static bool AllRegistered(PartySession session) =>
        session.State == SessionState.Failed
            || (session.Registration == RegistrationState.Registered && session.PeerRegistered && session.PeerColumns is not null);

    private static void Assert(bool condition, string? message)
    {
        if (!condition)
        {
            throw new InvalidOperationException(message);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _folder.Dispose();
        Transitions.Append();
        if (Transitions.Forbidden is { Count: > 0 } forbidden)
        {
            throw new InvalidOperationException($"sessions took steps that none may take: {string.Join("; ", forbidden)}");
        }
    }

    /// <summary>Frames go through <see cref="Bend"/> into inboxes that outlive their participant, as a broker's do.</summary>
    private sealed class BendableTransport(TestNetwork network) : ILocalTransport
    {
        public void Connect(IReadOnlyList<LocalParticipant> participants) =>
            network._participants.AddRange(participants.Select(participant => new TestParticipant(network, participant)));

        public IEnvelopeSender SenderOf(LocalParticipant participant) => network._participants.Single(own => own.Name == participant.Name);

        // Each participant reads its inbox from its own start on.
        public Task StartAsync(CancellationToken cancellation) => Task.CompletedTask;

        public async ValueTask DisposeAsync()
        {
            foreach (var participant in network._participants)
            {
                await participant.StopAsync();
            }
        }
    }

    private sealed class CrashingStores(TestNetwork network) : IStores
    {
        private readonly SqliteStores _stores = new();

        public IParticipantStore Open(ParticipantHome home) => network._participants.Single(own => own.Name == home.Name).Wrap(_stores.Open(home));
    }
}

/// <summary>Conveniences for answers that count.</summary>
public static class AnswerExtensions
{
    /// <summary>Rows as labels and count, bars between; no count where it is withheld, <c>?</c> for a missing label.</summary>
    public static string[] Lines(this QueryResult result) =>
        [.. result.Answer.Rows.Select(row => string.Join('|', row.Select((cell, i) => cell.Text ?? (i < result.Groupings ? "?" : ""))))];
}

/// <summary>A command's reply, with the answer of a query as it lies in the home.</summary>
public sealed record TestReply(bool Ok, string? SessionId, string? Code, string? Message, QueryResult? Result);

/// <summary>The store was made to crash: the process is as good as killed.</summary>
public sealed class CrashException() : Exception("crash");
