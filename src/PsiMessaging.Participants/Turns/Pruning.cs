using PsiMessaging.Participants.Store;

namespace PsiMessaging.Participants.Turns;

/// <summary>
/// Finds ended sessions that are old, or more than are kept of a peer, once what they held is cleaned up; the audit log keeps what happened. Looks at the
/// start, a minute after a session has ended, and once a day.
/// </summary>
/// <param name="store">State.</param>
/// <param name="time">Clock.</param>
/// <param name="kept">How long an ended session is kept, and how many of one peer.</param>
/// <param name="forget">Takes a session that is to be forgotten.</param>
internal sealed class Pruning(IParticipantStore store, TimeProvider time, Func<(TimeSpan Age, int Sessions)> kept, Action<string> forget) : IDisposable
{
    /// <summary>Ended sessions that are forgotten in one go.</summary>
    internal const int AtOnce = 64;

    private const string Key = "prune";
    private static readonly TimeSpan Rest = TimeSpan.FromMinutes(1), Longest = TimeSpan.FromDays(1);

    private readonly Lock _lock = new();
    private WakeUps? _wake;
    private DateTimeOffset _nextAt;

    /// <summary>Looks for the first time.</summary>
    public void Start()
    {
        _wake = new WakeUps(time, _ => Prune());
        At(time.GetUtcNow());
    }

    /// <summary>A session has ended.</summary>
    public void Soon()
    {
        var soon = time.GetUtcNow() + Rest;
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

        _wake?.Set(Key, at);
    }

    private void Prune()
    {
        var next = Rest;
        try
        {
            var (age, keep) = kept();
            var old = store.Read(state => state.EndedSessions(time.GetUtcNow() - age, keep, AtOnce));
            foreach (var id in old)
            {
                forget(id);
            }

            // A full hand means that there may be more.
            next = old.Count == AtOnce ? TimeSpan.FromSeconds(1) : Longest;
        }
        catch (Exception)
        {
            // A busy database, say: the next look may go better. On a timer's thread an exception would end the process.
        }

        At(time.GetUtcNow() + next);
    }

    /// <inheritdoc/>
    public void Dispose() => _wake?.Dispose();
}
