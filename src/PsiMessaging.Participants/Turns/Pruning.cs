using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Turns;

/// <summary>
/// Finds ended sessions that are old, or more than are kept of a peer, once what they held is cleaned up; the audit log keeps what happened. Looks at the
/// start, a minute after a session has ended, and once a day.
/// </summary>
internal sealed class Pruning : IDisposable
{
    /// <summary>Ended sessions that are forgotten in one go.</summary>
    internal const int AtOnce = 64;

    private const string Key = "prune";
    private static readonly TimeSpan Rest = TimeSpan.FromMinutes(1), Longest = TimeSpan.FromDays(1);

    private readonly Lock _lock = new();
    private readonly IParticipantStore _store;
    private readonly TimeProvider _time;
    private readonly Func<(TimeSpan Age, int Sessions)> _kept;
    private readonly Action<string> _forget;
    private readonly TurnScheduler _turns;
    private readonly WakeUps _wake;
    private DateTimeOffset _nextAt;

    /// <param name="store">State.</param>
    /// <param name="time">Clock.</param>
    /// <param name="kept">How long an ended session is kept, and how many of one peer.</param>
    /// <param name="forget">Takes a session that is to be forgotten.</param>
    /// <param name="onFault">Told of an exception at a look, which is repeated after a second.</param>
    /// <param name="stop">Cancelled when nothing is to be looked at any more.</param>
    public Pruning(IParticipantStore store, TimeProvider time, Func<(TimeSpan Age, int Sessions)> kept, Action<string> forget,
        Action<string, Exception> onFault, CancellationToken stop)
    {
        (_store, _time, _kept, _forget) = (store, time, kept, forget);
        _turns = new TurnScheduler((_, _) => Task.FromResult(Prune()), onFault, time, stop);
        _wake = new WakeUps(time, _turns.Signal);
    }

    /// <summary>Looks for the first time.</summary>
    public void Start() => At(_time.GetUtcNow());

    /// <summary>A session has ended.</summary>
    public void Soon()
    {
        var soon = _time.GetUtcNow() + Rest;
        lock (_lock)
        {
            if (soon >= _nextAt)
            {
                return;
            }
        }

        At(soon);
    }

    private void At(DateTimeOffset at)
    {
        lock (_lock)
        {
            _nextAt = at;
        }

        _wake.Set(Key, at);
    }

    private TurnOutcome Prune()
    {
        // Set first: a session that ends during the look brings the next one forward.
        At(_time.GetUtcNow() + Longest);
        var (age, keep) = _kept();
        var old = _store.Read(state => state.EndedSessions(_time.GetUtcNow() - age, keep, AtOnce));
        foreach (var id in old)
        {
            _forget(id);
        }

        // A full hand means that there may be more.
        return old.Count == AtOnce ? TurnOutcome.IdleUntil(_time.GetUtcNow() + TimeSpan.FromSeconds(1)) : TurnOutcome.Idle;
    }

    /// <summary>Waits for a look that is under way, after the stop token was cancelled.</summary>
    public Task DrainAsync() => _turns.DrainAsync();

    /// <inheritdoc/>
    public void Dispose() => _wake.Dispose();
}
