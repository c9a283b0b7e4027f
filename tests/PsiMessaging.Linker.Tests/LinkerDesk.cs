using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Linker.Tests;

/// <summary>A linker's home with three parties and another linker pinned, its state, and what it sends; no parties at work and no broker.</summary>
public sealed class LinkerDesk : IEnvelopeSender, IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Dictionary<string, ParticipantHome> _homes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SqliteParticipantStore> _stores = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FrameSealing> _sealings = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, byte[]> _inside = new(StringComparer.Ordinal);
    private LinkerParticipant? _linker;

    public LinkerDesk()
    {
        Time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        foreach (var (name, role) in new[]
        {
            ("LINKER", ParticipantRole.Linker), ("P1", ParticipantRole.Party), ("P2", ParticipantRole.Party),
            ("P3", ParticipantRole.Party), ("OTHER", ParticipantRole.Linker),
        })
        {
            _homes[name] = ParticipantHome.Create(Path.Combine(_folder.Path, name), new ParticipantConfig { Name = name, Role = role, Parallelism = 1 });
        }

        foreach (var (home, other) in _homes.Values.SelectMany(home => _homes.Values.Where(other => other != home).Select(other => (home, other))))
        {
            home.Pin(other.Card, replace: false);
        }

        Store = new SqliteParticipantStore(Home.StatePath);
    }

    public FakeTimeProvider Time { get; }

    public ParticipantHome Home => _homes["LINKER"];

    public IParticipantStore Store { get; }

    /// <summary>What has left for the parties, in order.</summary>
    public ConcurrentQueue<Envelope> Sent { get; } = new();

    /// <summary>What a test's door lets straight through to files; by default nothing.</summary>
    internal StraightRows Straight { get; set; } = (_, _, _) => false;

    public static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    internal LinkerContext Context() =>
        new(Home, new TurnServices(Store, new Post(Home, NullLogger.Instance), new AuditLog(Home, Time), Time), NullLogger.Instance);

    private SqliteParticipantStore StoreOf(string party) =>
        _stores.TryGetValue(party, out var known) ? known : _stores[party] = new SqliteParticipantStore(_homes[party].StatePath);

    private FrameSealing SealingOf(string party) =>
        _sealings.TryGetValue(party, out var known) ? known : _sealings[party] = new FrameSealing(_homes[party], StoreOf(party));

    internal RouteTable<LinkSession> Routes() =>
        new LinkerRoutes(new Registering.SessionOpening(Context()), (id, rows, envelope) => Straight(id, rows, envelope)).Create();

    /// <summary>The door alone: nobody takes up what it stores.</summary>
    public Doorkeeper<LinkSession> Door() =>
        new(Home, Store, Time, new Post(Home, NullLogger.Instance), Routes(), new RefusedFrames(Time, NullLogger.Instance), NullLogger.Instance);

    /// <summary>A message at the door, sealed to its session's key.</summary>
    public OpenedFrame Opened(string from, string? session, object message) =>
        new(Frame(from, session, message), session is null ? SealedTo.Card : new SealedTo(session, from));

    public byte[] Frame(string from, string? session, object message, ReadOnlyMemory<byte> body = default) =>
        Envelope.Create(_homes[from], "LINKER", session, message, body).Frame.ToArray();

    public QueueAddress InboxOf(string name) => Home.InboxOf(name)!;

    private QueueAddress InboxOfAny(string name) => _homes[name].Inbox;

    /// <summary>The whole linker.</summary>
    public LinkerParticipant Start()
    {
        _linker = new LinkerParticipant(Home, Store, this, Time, NullLogger<LinkerParticipant>.Instance, new TappedSealing(Home, Store, _inside));
        _linker.Start();
        return _linker;
    }

    /// <summary>Sends a message as a party's worker would: once it has the linker's key of the session, sealed to that.</summary>
    public async Task SendAsync(string from, string? session, object message, ReadOnlyMemory<byte> body = default)
    {
        if (session is not null)
        {
            StoreOf(from).Write(state => Channels.Ensure(state, session, Home.Name));
            if (!MessageLimits.MayOpen(message.GetType()) && Read(state => Channels.Find(state, session, from)) is { Seed: not null })
            {
                await EventuallyAsync(() => StoreOf(from).Read(state => Channels.Find(state, session, Home.Name))!.PeerKey is not null);
            }
        }

        await _linker!.ReceiveAsync(TappedSealing.SealAnything(SealingOf(from), Home, Frame(from, session, message, body)));
    }

    public T Read<T>(Func<IStoreReader, T> look) => Store.Read(look);

    public LinkSession? Session(string id) => Read(state => state.FindSession(id)) is { } stored ? LinkSession.Parse(stored) : null;

    /// <summary>Messages that have left for a party.</summary>
    public IEnumerable<T> SentTo<T>(string party) => Sent.Where(envelope => envelope.Header.To == party).Select(envelope => envelope.Message).OfType<T>();

    public static Task EventuallyAsync(Func<bool> condition) => TestNetwork.EventuallyAsync(condition);

    Task IEnvelopeSender.SendAsync(QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation)
    {
        var inside = _inside[TappedSealing.MarkOf(frame.Span)];
        if (FrameSealing.IsOpeningAlone(inside))
        {
            var party = _homes.Keys.Single(name => InboxOfAny(name) == queue);
            var opened = SealingOf(party).Open(frame);
            StoreOf(party).Write(state => Channels.Learn(state, _homes[party], opened.To.Session!, Home.Name, opened.Opening!.Key));
        }
        else
        {
            Sent.Enqueue(Envelope.Parse(inside));
        }

        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (_linker is not null)
        {
            await _linker.DisposeAsync();
        }

        Store.Dispose();
        _sealings.Values.ToList().ForEach(sealing => sealing.Dispose());
        _stores.Values.ToList().ForEach(store => store.Dispose());
        foreach (var home in _homes.Values)
        {
            home.Dispose();
        }

        _folder.Dispose();
    }
}
