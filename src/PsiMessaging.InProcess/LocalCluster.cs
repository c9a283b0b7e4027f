using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;

namespace PsiMessaging.InProcess;

/// <summary>What the participants of one process have in common.</summary>
public sealed record LocalClusterOptions
{
    /// <summary>Folder of the homes.</summary>
    public required string Root { get; init; }
    /// <summary>Completes each home's configuration.</summary>
    public required Func<ParticipantConfig, ParticipantConfig> Configure { get; init; }
    /// <summary>Opens each home's state.</summary>
    public required IStores Stores { get; init; }
    /// <summary>Clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
    /// <summary>Clocks that differ, by the participant's name; null means the same for all.</summary>
    internal Func<string, TimeProvider>? TimeOf { get; init; }
    /// <summary>Where the participants log.</summary>
    public ILoggerFactory Logs { get; init; } = NullLoggerFactory.Instance;
    /// <summary>Seals each participant's messages in another way, for measuring what sealing costs; null means as always.</summary>
    internal Func<ParticipantHome, IParticipantStore, IFrameSealing>? Sealing { get; init; }
}

/// <summary>
/// P1, P2 and LINKER in this process, each with a home, keys and state of its own: the same participants, messages and files as three workers. Made, the
/// homes are there and their cards pinned; opened, the inboxes are served; started, the participants work. Disposed of in the opposite order: first no frame
/// arrives any more, then each finishes its turn in hand and its state is closed, then the keys go. The homes' files stay.
/// </summary>
public sealed class LocalCluster : IAsyncDisposable
{
    private readonly ILocalTransport _transport;

    /// <param name="options">Homes, states, clock and logs.</param>
    /// <param name="transport">How frames travel; the cluster's from here on.</param>
    /// <exception cref="IOException">A home cannot be written.</exception>
    /// <exception cref="Participants.ParticipantException">The transport's settings cannot be used.</exception>
    public LocalCluster(LocalClusterOptions options, ILocalTransport transport)
    {
        (_transport, Root) = (transport, options.Root);
        All = [.. LocalHomes.Create(options.Root, options.Configure).Select(home => new LocalParticipant(home, options, transport))];
        try
        {
            transport.Connect(All);
        }
        catch
        {
            CloseHomes();
            throw;
        }
    }

    /// <summary>Folder of the homes.</summary>
    public string Root { get; }

    /// <summary>P1, P2 and LINKER, in this order.</summary>
    public IReadOnlyList<LocalParticipant> All { get; }

    /// <summary>The party P1.</summary>
    public LocalParticipant P1 => All[0];

    /// <summary>The party P2.</summary>
    public LocalParticipant P2 => All[1];

    /// <summary>Both parties.</summary>
    public IReadOnlyList<LocalParticipant> Parties => [P1, P2];

    /// <summary>The linker.</summary>
    public LocalParticipant Linker => All[2];

    /// <summary>Opens every participant's state and serves the inboxes.</summary>
    /// <inheritdoc cref="ILocalTransport.StartAsync" path="/exception"/>
    public async Task OpenAsync(CancellationToken cancellation)
    {
        foreach (var participant in All)
        {
            participant.Open();
        }

        await _transport.StartAsync(cancellation);
    }

    /// <summary>Sets every participant to work.</summary>
    public void Start()
    {
        foreach (var participant in All)
        {
            participant.Start();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await _transport.DisposeAsync();
            foreach (var participant in All)
            {
                await participant.StopAsync();
            }
        }
        finally
        {
            CloseHomes();
        }
    }

    private void CloseHomes()
    {
        foreach (var participant in All)
        {
            participant.CloseHomes();
        }
    }
}
