using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Participants.Tests;

/// <summary>Ended sessions are found when they are old, whatever the disk does meanwhile.</summary>
public sealed class PruningTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly TempFolder _folder = new();
    private readonly SqliteParticipantStore _store;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly ConcurrentQueue<string> _found = new();
    private readonly ConcurrentQueue<Exception> _faults = new();
    private readonly CancellationTokenSource _stop = new();

    public PruningTests() => _store = new SqliteParticipantStore(Path.Combine(_folder.Path, "state.db"));

    private void End(string id) => _store.Write(state =>
        state.PutSession(new StoredSession(id, "Failed", "{}", _time.GetUtcNow(), "P2", IsOpen: false, EndedAt: _time.GetUtcNow())));

    private Pruning Begin(IParticipantStore store, TimeSpan age, Action<string>? forget = null)
    {
        var pruning = new Pruning(store, _time, () => (age, 100), forget ?? _found.Enqueue, (_, fault) => _faults.Enqueue(fault), _stop.Token);
        pruning.Start();
        _time.Advance(TimeSpan.FromMilliseconds(1));
        return pruning;
    }

    /// <summary>On a timer's thread, where looks once were, an exception ends the process.</summary>
    [Fact]
    public async Task Look_ThatFaults_IsTold_AndRepeatedASecondLater()
    {
        End("a");
        _time.Advance(TimeSpan.FromDays(2));
        var store = new FailingOnceStore(_store);
        using var pruning = Begin(store, TimeSpan.FromDays(1));
        await TestNetwork.EventuallyAsync(() => store.Looks == 1);
        await pruning.DrainAsync().WaitAsync(Patience);
        Assert.IsType<IOException>(Assert.Single(_faults));
        Assert.Empty(_found);
        _time.Advance(TimeSpan.FromSeconds(2));
        await TestNetwork.EventuallyAsync(() => !_found.IsEmpty);
        Assert.Equal(["a"], _found);
        Assert.Equal(2, store.Looks);
    }

    [Fact]
    public async Task Session_ThatEndsDuringALook_IsLookedAtAMinuteLater()
    {
        End("a");
        _time.Advance(TimeSpan.FromDays(2));
        Pruning? pruning = null;
        using var begun = pruning = Begin(_store, TimeSpan.FromDays(1), id =>
        {
            // The same may be found again until it is gone.
            if (_found.IsEmpty)
            {
                pruning!.Soon();
            }

            _found.Enqueue(id);
        });
        await TestNetwork.EventuallyAsync(() => _found.Count == 1);
        await begun.DrainAsync().WaitAsync(Patience);
        _time.Advance(TimeSpan.FromSeconds(50));
        await begun.DrainAsync().WaitAsync(Patience);
        Assert.Single(_found);
        _time.Advance(TimeSpan.FromSeconds(11));
        await TestNetwork.EventuallyAsync(() => _found.Count == 2);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
        _store.Dispose();
        _folder.Dispose();
    }
}
