using Microsoft.Extensions.Logging;
using PsiMessaging.Data.Sorting;
using PsiMessaging.Linker;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party;

namespace PsiMessaging.InProcess;

/// <summary>One participant of a <see cref="LocalCluster"/>: opened, started, stopped, and opened again on the same home as a new process would.</summary>
public sealed class LocalParticipant
{
    private readonly LocalClusterOptions _options;
    private readonly ILocalTransport _transport;
    private readonly List<ParticipantHome> _homes;
    private Participant? _engine;

    internal LocalParticipant(ParticipantHome home, LocalClusterOptions options, ILocalTransport transport) =>
        (_homes, _options, _transport) = ([home], options, transport);

    /// <summary>Own home.</summary>
    public ParticipantHome Home => _homes[^1];

    /// <summary>Own name: P1, P2 or LINKER.</summary>
    public string Name => Home.Name;

    /// <summary>Makes a party's folders for sorted runs, from the next <see cref="Open"/> on; null means ordinary ones.</summary>
    public Func<string, ScratchFolder>? OpenScratch { get; set; }

    /// <summary>The participant; null before <see cref="Open"/> and after <see cref="StopAsync"/>.</summary>
    public Participant? Engine => Volatile.Read(ref _engine);

    /// <summary>Opens the state and makes the participant, which does nothing yet.</summary>
    /// <exception cref="InvalidOperationException">It is open.</exception>
    /// <exception cref="ParticipantException">A newer version wrote the state.</exception>
    public void Open()
    {
        if (_engine is not null)
        {
            throw new InvalidOperationException($"{Name} is open already");
        }

        var store = _options.Stores.Open(Home);
        try
        {
            Volatile.Write(ref _engine, Create(store));
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Sets it to work: every unfinished session goes on.</summary>
    /// <exception cref="InvalidOperationException">It is not open.</exception>
    public void Start() => Required().Start();

    /// <inheritdoc cref="Participant.ReceiveAsync"/>
    public Task ReceiveAsync(ReadOnlyMemory<byte> frame) => Required().ReceiveAsync(frame);

    /// <summary>
    /// Finishes the turn in hand and closes the state, which stays on disk as it stands; does nothing where it is not open. What the last turn threw comes out.
    /// </summary>
    public async Task StopAsync()
    {
        if (Interlocked.Exchange(ref _engine, null) is not { } engine)
        {
            return;
        }

        using (engine.Store)
        {
            await engine.DisposeAsync();
        }
    }

    /// <summary>Goes on with another home from the next <see cref="Open"/> on, as after a lost disk. The former one stays as it is.</summary>
    /// <param name="home">The participant's from here on.</param>
    public void MoveTo(ParticipantHome home) => _homes.Add(home);

    internal void CloseHomes() => _homes.ForEach(home => home.Dispose());

    private TimeProvider Time => _options.TimeOf?.Invoke(Name) ?? _options.Time;

    private Participant Create(IParticipantStore store) => Home.Config.Role == ParticipantRole.Linker
        ? new LinkerParticipant(Home, store, _transport.SenderOf(this), Time, _options.Logs.CreateLogger<LinkerParticipant>(),
            _options.Sealing?.Invoke(Home, store))
        : new PartyParticipant(Home, store, _transport.SenderOf(this), Time, _options.Logs.CreateLogger<PartyParticipant>(), openScratch: OpenScratch,
            sealing: _options.Sealing?.Invoke(Home, store));

    private Participant Required() => Engine ?? throw new InvalidOperationException($"{Name} is not open");
}
