using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Mailbox;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Participants.Outbox;
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

        foreach (var other in _homes.Values.Where(other => other != Home))
        {
            Home.Pin(other.Card, replace: false);
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

    internal RouteTable<LinkSession> Routes() =>
        new LinkerRoutes(new Registering.SessionOpening(Context()), (id, rows, envelope) => Straight(id, rows, envelope)).Create();

    /// <summary>The door alone: nobody takes up what it stores.</summary>
    public Doorkeeper<LinkSession> Door() => new(Home, Store, Time, Routes(), new RefusedFrames(Time, NullLogger.Instance), NullLogger.Instance);

    public byte[] Frame(string from, string? session, object message, ReadOnlyMemory<byte> body = default) =>
        Envelope.Create(_homes[from], "LINKER", session, message, body).Frame.ToArray();

    public QueueAddress InboxOf(string name) => Home.InboxOf(name)!;

    /// <summary>The whole linker.</summary>
    public LinkerParticipant Start()
    {
        _linker = new LinkerParticipant(Home, Store, this, Time, NullLogger<LinkerParticipant>.Instance);
        _linker.Start();
        return _linker;
    }

    public Task SendAsync(string from, string? session, object message, ReadOnlyMemory<byte> body = default) =>
        _linker!.ReceiveAsync(Frame(from, session, message, body));

    public T Read<T>(Func<IStoreReader, T> look) => Store.Read(look);

    public LinkSession? Session(string id) => Read(state => state.FindSession(id)) is { } stored ? LinkSession.Parse(stored) : null;

    /// <summary>Messages that have left for a party.</summary>
    public IEnumerable<T> SentTo<T>(string party) => Sent.Where(envelope => envelope.Header.To == party).Select(envelope => envelope.Message).OfType<T>();

    public static Task EventuallyAsync(Func<bool> condition) => TestNetwork.EventuallyAsync(condition);

    Task IEnvelopeSender.SendAsync(QueueAddress queue, string messageId, ReadOnlyMemory<byte> frame, CancellationToken cancellation)
    {
        Sent.Enqueue(Envelope.Parse(frame));
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (_linker is not null)
        {
            await _linker.DisposeAsync();
        }

        Store.Dispose();
        foreach (var home in _homes.Values)
        {
            home.Dispose();
        }

        _folder.Dispose();
    }
}
