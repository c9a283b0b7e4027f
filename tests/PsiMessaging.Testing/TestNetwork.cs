using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Data.Types;
using PsiMessaging.Linker;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Result;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
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

    public TestNetwork(TimeProvider? time = null, Func<ParticipantConfig, ParticipantConfig>? configure = null)
    {
        Time = time ?? TimeProvider.System;
        foreach (var (name, role) in new[] { ("P1", ParticipantRole.Party), ("P2", ParticipantRole.Party), ("LINKER", ParticipantRole.Linker) })
        {
            var config = new ParticipantConfig { Name = name, Role = role, Parallelism = 2, AcceptOneSided = true, AllowVole = true };
            _participants.Add(new TestParticipant(this, ParticipantHome.Create(Path.Combine(_folder.Path, name), configure?.Invoke(config) ?? config)));
        }

        foreach (var one in _participants)
        {
            foreach (var other in _participants.Where(other => other != one))
            {
                one.Home.Pin(other.Home.Card, replace: false);
            }
        }
    }

    public TimeProvider Time { get; }

    public TestParticipant P1 => _participants[0];

    public TestParticipant P2 => _participants[1];

    public TestParticipant Linker => _participants[2];

    public string Folder => _folder.Path;

    /// <summary>What becomes of a frame on its way; by default itself, once.</summary>
    public Func<Envelope, IEnumerable<byte[]>> Bend { get; set; } = envelope => [envelope.Frame.ToArray()];

    /// <summary>Every frame that was sent, in order of sending.</summary>
    public ConcurrentQueue<Envelope> Wire { get; } = new();

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

        var envelope = Envelope.Parse(frame);
        Wire.Enqueue(envelope);
        foreach (var bent in Bend(envelope))
        {
            deliver(bent);
        }
    }

    /// <summary>Puts a frame into a participant's inbox as a stranger on the broker could.</summary>
    public void Inject(TestParticipant to, byte[] frame) => _queues[to.Home.Inbox.Name](frame);

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
        Assert((await P1.CommandAsync(session, new SendDataset(session))).Ok, "P1 refused to send");
        Assert((await P2.CommandAsync(session, new SendDataset(session))).Ok, "P2 refused to send");
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
        foreach (var participant in _participants)
        {
            await participant.StopAsync();
            participant.Home.Dispose();
        }

        _folder.Dispose();
        Transitions.Append();
        if (Transitions.Forbidden is { Count: > 0 } forbidden)
        {
            throw new InvalidOperationException($"sessions took steps that none may take: {string.Join("; ", forbidden)}");
        }
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

/// <summary>One participant of a <see cref="TestNetwork"/>.</summary>
public sealed class TestParticipant : IEnvelopeSender
{
    private readonly TestNetwork _network;
    private readonly Channel<byte[]> _inbox = Channel.CreateUnbounded<byte[]>();
    private CancellationTokenSource _stop = new();
    private Task _reading = Task.CompletedTask;
    private CrashingStore? _store;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal TestParticipant(TestNetwork network, ParticipantHome home)
    {
        _network = network;
        Home = home;
        network.Register(home.Inbox.Name, frame => _inbox.Writer.TryWrite(frame));
    }

    public ParticipantHome Home { get; private set; }

    public Participant? Engine { get; private set; }

    /// <summary>Frames the engine refused, with the reason.</summary>
    public ConcurrentQueue<string> Refused { get; } = new();

    /// <summary>What went wrong for a moment while a frame was taken in.</summary>
    public ConcurrentQueue<Exception> Faults { get; } = new();

    /// <summary>Makes folders for sorted runs, where a test wants its own.</summary>
    public Func<string, ScratchFolder>? OpenScratch { get; set; }

    /// <summary>Crash at this write of the state, counted from 1 since the start; 0 means never. Half of the crashes fall after the commit.</summary>
    public int CrashAtWrite { get; set; }

    public bool HasCrashed => _store?.Crashed ?? false;

    public int Writes => _store?.Writes ?? 0;

    public async Task AddAsync(string name, string file, DuplicateRule duplicates = DuplicateRule.Reject,
        string key = "IDKEY", bool fold = false, int? minCell = 1, TextRule texts = TextRule.Normal)
    {
        using var store = new SqliteParticipantStore(Home.StatePath);
        await new DatasetCatalog(Home, store, _network.Time)
            .AddAsync(new DatasetRequest(name, file, key.Split(','), new RecordReaderOptions(), fold, duplicates, MinCell: minCell, Texts: texts));
    }

    public void Start()
    {
        _stop = new CancellationTokenSource();
        _store = new CrashingStore(new SqliteParticipantStore(Home.StatePath), CrashAtWrite, () => _stop.Cancel());
        Engine = Home.Config.Role == ParticipantRole.Linker
            ? new LinkerParticipant(Home, _store, this, _network.Time, NullLogger<LinkerParticipant>.Instance)
            : new PartyParticipant(Home, _store, this, _network.Time,
                NullLogger<PartyParticipant>.Instance, openScratch: OpenScratch) { OnChanged = OnChanged };
        Engine.Start();
        _reading = ReadAsync(Engine, _stop.Token);
    }

    private void OnChanged(PartySession session)
    {
        _network.Transitions.Note(Home.Name, session);
        _network.OnChanged(this, session);
        Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    private async Task ReadAsync(Participant engine, CancellationToken stop)
    {
        try
        {
            while (await _inbox.Reader.WaitToReadAsync(stop))
            {
                while (_inbox.Reader.TryPeek(out var frame))
                {
                    try
                    {
                        await engine.ReceiveAsync(frame);
                    }
                    catch (RejectedEnvelopeException exception)
                    {
                        Refused.Enqueue(exception.Message);
                    }
                    catch (CrashException)
                    {
                        // Not acknowledged: it comes again after the restart.
                        return;
                    }
                    catch (Exception exception)
                    {
                        // As the bus does: what is not refused by name stays unacknowledged and comes again.
                        Faults.Enqueue(exception);
                        await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, stop);
                        continue;
                    }

                    _inbox.Reader.TryRead(out _);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped or crashed.
        }
    }

    /// <summary>Stops the engine, dead or alive.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _reading;
        if (Engine is { } engine)
        {
            Engine = null;
            try
            {
                await engine.DisposeAsync();
            }
            catch (CrashException)
            {
                // Its tasks died with it.
            }

            _store!.Dispose();
        }
    }

    /// <summary>Restarts on the same home, as a new process would.</summary>
    public async Task RestartAsync(int crashAtWrite = 0)
    {
        await StopAsync();
        CrashAtWrite = crashAtWrite;
        Start();
        Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    /// <summary>A new identity under the same name, as after a lost disk.</summary>
    public void ReplaceIdentity()
    {
        var other = ParticipantHome.Create(Home.Path + "-new", Home.Config);
        foreach (var card in Home.Cards())
        {
            other.Pin(card, replace: false);
        }

        Home = other;
    }

    /// <summary>Sends a command as the CLI would and waits for the reply.</summary>
    public async Task<TestReply> CommandAsync(string? session, object command, string? correlation = null)
    {
        var id = correlation ?? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var queue = QueueAddress.ReplyOf("psi", Home.Name, id).Name;
        var reply = new TaskCompletionSource<CommandReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _network.Register(queue, frame => reply.TrySetResult((CommandReply)Envelope.Parse(frame).Message));
        _network.Inject(this, Envelope.Create(Home, Home.Name, session, command, correlation: id, replyTo: queue).Frame.ToArray());
        var answer = await reply.Task.WaitAsync(TestNetwork.Patience);
        using var store = new SqliteParticipantStore(Home.StatePath);
        return new TestReply(answer.Ok, answer.SessionId, answer.Code, answer.Message,
            answer.QueryId is { } query ? store.Read(transaction => QuestionBook.FindAnswer(transaction, query)) : null);
    }

    /// <summary>Gives a command that holds until a time, and waits until it was looked at.</summary>
    public async Task GiveAsync(object command, DateTimeOffset notAfter)
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        _network.Inject(this,
            Envelope.Create(Home, Home.Name, null, command, correlation: id, replyTo: QueueAddress.ReplyOf("psi", Home.Name, id).Name, notAfter: notAfter).Frame
                .ToArray());
        await CommandBarrierAsync();
    }

    /// <summary>Puts a frame behind all others and waits until it was taken, and refused.</summary>
    public async Task CommandBarrierAsync()
    {
        var before = Refused.Count(reason => reason == Barrier);
        _network.Inject(this, Envelope.Create(Home, Home.Name, null, new CommandReply(true)).Frame.ToArray());
        await TestNetwork.EventuallyAsync(() => Refused.Count(reason => reason == Barrier) > before);
    }

    private string Barrier =>
        Home.Config.Role == ParticipantRole.Linker
            ? $"{Home.Name} may not send a psi.v1.CommandReply message to a linker"
            : $"{Home.Name} may not send a psi.v1.CommandReply message";

    /// <summary>Waits until this party's newest session meets a condition.</summary>
    public async Task<PartySession> WaitAsync(Func<PartySession, bool> condition)
    {
        using var patience = new CancellationTokenSource(TestNetwork.Patience);
        while (true)
        {
            var changed = Volatile.Read(ref _changed).Task;
            if (Session() is { } session && condition(session))
            {
                return session;
            }

            // The change may be announced inside its transaction; a look after the next one is not enough when there is none, so look again soon.
            await Task.WhenAny(changed, Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token));
            if (patience.IsCancellationRequested)
            {
                throw new TimeoutException(
                    $"{Home.Name} stays in {Session()}; faults: {string.Join(" | ", Faults)}; inbox {_inbox.Reader.Count}; reading {_reading.Status}");
            }
        }
    }

    /// <summary>Whether all frames that came were taken, all messages dealt with and sent, and no session of a party is under way.</summary>
    internal bool IsSettled() => _inbox.Reader.Count == 0 && _store is { Crashed: false } store && store.Read(transaction =>
        transaction.OutgoingQueues().Count == 0
        && transaction.ListSessions().All(stored => transaction.PendingSlots(stored.Id, "").Count == 0
            && (Home.Config.Role == ParticipantRole.Linker
                || PartySession.Parse(stored) is { IsEnded: true, IsCleaned: true, Registration: not RegistrationState.Sending, OpenQueries.Count: 0 })));

    /// <summary>This party's newest session as it stands on disk.</summary>
    public PartySession? Session()
    {
        using var store = new SqliteParticipantStore(Home.StatePath);
        return store.Read(transaction => transaction.ListSessions()).LastOrDefault() is { } stored ? PartySession.Parse(stored) : null;
    }

    public string Intersection(string session) => File.ReadAllText(Path.Combine(Home.SessionPath(session), IntersectionFile.Name));

    Task IEnvelopeSender.SendAsync(QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation)
    {
        if (HasCrashed)
        {
            throw new CrashException();
        }

        _network.Send(queue.Name, frame.ToArray());
        return Task.CompletedTask;
    }

    /// <summary>Passes through to the real store until its time comes; then nothing works any more.</summary>
    private sealed class CrashingStore(IParticipantStore inner, int crashAtWrite, Action onCrash) : IParticipantStore
    {
        private int _writes;

        public bool Crashed { get; private set; }

        public int Writes => _writes;

        public T Read<T>(Func<IStoreReader, T> action) => Crashed ? throw new CrashException() : inner.Read(action);

        public T Write<T>(Func<IStoreWriter, T> action)
        {
            if (Crashed)
            {
                throw new CrashException();
            }

            var number = Interlocked.Increment(ref _writes);
            if (number != crashAtWrite)
            {
                return TransitionTable.Writing(() => inner.Write(action));
            }

            if (number % 2 == 0)
            {
                TransitionTable.Writing(() => inner.Write(action));
            }

            Crashed = true;
            onCrash();
            throw new CrashException();
        }

        public void Dispose() => inner.Dispose();
    }
}
