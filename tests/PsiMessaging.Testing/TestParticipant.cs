using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Threading.Channels;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Keys;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Data.Types;
using PsiMessaging.InProcess;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Result;
using PsiMessaging.Party.Rows;
using PsiMessaging.Party.Session;
using PsiMessaging.Storage;

namespace PsiMessaging.Testing;

/// <summary>One participant of a <see cref="TestNetwork"/>.</summary>
public sealed class TestParticipant : IEnvelopeSender
{
    private readonly TestNetwork _network;
    private readonly LocalParticipant _local;
    private readonly Channel<byte[]> _inbox = Channel.CreateUnbounded<byte[]>();
    private CancellationTokenSource _stop = new();
    private Task _reading = Task.CompletedTask;
    private CrashingStore? _store;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal TestParticipant(TestNetwork network, LocalParticipant local)
    {
        (_network, _local) = (network, local);
        network.Register(Home.Inbox.Name, frame => _inbox.Writer.TryWrite(frame));
    }

    public string Name => _local.Name;

    public ParticipantHome Home => _local.Home;

    public Participant? Engine => _local.Engine;

    /// <summary>Frames the engine refused, with the reason.</summary>
    public ConcurrentQueue<string> Refused { get; } = new();

    /// <summary>What went wrong for a moment while a frame was taken in.</summary>
    public ConcurrentQueue<Exception> Faults { get; } = new();

    /// <summary>Makes folders for sorted runs, where a test wants its own.</summary>
    public Func<string, ScratchFolder>? OpenScratch
    {
        get => _local.OpenScratch;
        set => _local.OpenScratch = value;
    }

    /// <summary>Crash at this write of the state, counted from 1 since the start; 0 means never. Half of the crashes fall after the commit.</summary>
    public int CrashAtWrite { get; set; }

    /// <summary>What seals for the running participant.</summary>
    public TappedSealing? Sealing { get; private set; }

    internal IFrameSealing Tap(TappedSealing sealing)
    {
        Sealing = sealing;
        return sealing;
    }

    public bool HasCrashed => _store?.Crashed ?? false;

    public int Writes => _store?.Writes ?? 0;

    public async Task AddAsync(string name, string file, DuplicateRule duplicates = DuplicateRule.Reject,
        string key = "IDKEY", bool fold = false, int? minCell = 1, TextRule texts = TextRule.Normal)
    {
        using var store = new SqliteParticipantStore(Home.StatePath);
        await new DatasetCatalog(Home, store, _network.TimeOf(Name))
            .AddAsync(new DatasetRequest(name, file, key.Split(','), new RecordReaderOptions(), fold, duplicates, MinCell: minCell, Texts: texts));
    }

    public void Start()
    {
        _stop = new CancellationTokenSource();
        _local.Open();
        if (Engine is PartyParticipant party)
        {
            party.OnChanged = OnChanged;
        }

        _local.Start();
        _reading = ReadAsync(Engine!, _stop.Token);
    }

    internal CrashingStore Wrap(IParticipantStore store) => _store = new CrashingStore(store, CrashAtWrite, () => _stop.Cancel());

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

    /// <summary>The audit log as its owner would export it, of one session or whole, and read and checked as another would.</summary>
    public AuditFile ExportAudit(string? session = null)
    {
        using var store = new SqliteParticipantStore(Home.StatePath);
        return ExportAudit(Home, store, session);
    }

    /// <inheritdoc cref="ExportAudit(string?)"/>
    public static AuditFile ExportAudit(ParticipantHome home, IParticipantStore store, string? session = null)
    {
        using var stream = new MemoryStream();
        store.Read(state => AuditFile.Write(home, state, session, stream));
        stream.Position = 0;
        return AuditFile.Read(stream, home.Name);
    }

    /// <summary>Stops the engine, dead or alive.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _reading;
        try
        {
            await _local.StopAsync();
        }
        catch (CrashException)
        {
            // Its tasks died with it.
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
        PartyPolicy.Open.Write(other.Path);
        foreach (var card in Home.Cards())
        {
            other.Pin(card, replace: false);
        }

        _local.MoveTo(other);
    }

    /// <summary>Sends a command as the CLI would and waits for the reply.</summary>
    public async Task<TestReply> CommandAsync(string? session, object command, string? correlation = null)
    {
        var id = correlation ?? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var queue = QueueAddress.ReplyOf("psi", Home.Name, id).Name;
        var reply = new TaskCompletionSource<CommandReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _network.Register(queue, frame => reply.TrySetResult((CommandReply)Envelope.Parse(FrameSealing.OpenOwn(Home, frame)).Message));
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
}
