namespace PsiMessaging.Participants.Turns;

/// <summary>
/// Wakes keys (sessions, queues) at times: one timer, set to the earliest. Nothing is looked at before its
/// time, so that what only stands there costs nothing. Thread-safe.
/// </summary>
/// <param name="time">Clock.</param>
/// <param name="wake">Told of a key whose time has come, on a timer's thread, where an exception would end the process: it signals and does no work.</param>
public sealed class WakeUps(TimeProvider time, Action<string> wake) : IDisposable
{
    private static readonly TimeSpan LongestTimer = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, DateTimeOffset> _times = new(StringComparer.Ordinal);
    private readonly SortedSet<(DateTimeOffset At, string Key)> _order = [];
    private ITimer? _timer;
    private bool _isDisposed;

    /// <summary>Keys that have a time.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _times.Count;
            }
        }
    }

    /// <summary>Sets when a key is woken next, in place of what was set for it before; null means not at all. A time that is over wakes it at once.</summary>
    public void Set(string key, DateTimeOffset? at)
    {
        lock (_lock)
        {
            Remove(key);
            if (at is { } when && !_isDisposed)
            {
                _times.Add(key, when);
                _order.Add((when, key));
            }

            SetTimer();
        }
    }

    private void Remove(string key)
    {
        if (_times.Remove(key, out var known))
        {
            _order.Remove((known, key));
        }
    }

    /// <summary>Under the lock.</summary>
    private void SetTimer()
    {
        if (_isDisposed || _order.Count == 0)
        {
            _timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            return;
        }

        // A timer counts in whole milliseconds, and not while the machine sleeps or when its clock is set: that is noticed after a minute at the latest.
        var wait = _order.Min.At - time.GetUtcNow() + TimeSpan.FromMilliseconds(1);
        wait = wait < TimeSpan.Zero ? TimeSpan.Zero : wait > LongestTimer ? LongestTimer : wait;
        _timer ??= time.CreateTimer(_ => OnTimer(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    private void OnTimer()
    {
        var over = new List<string>();
        lock (_lock)
        {
            var now = time.GetUtcNow();
            while (_order.Count > 0 && _order.Min.At <= now)
            {
                over.Add(_order.Min.Key);
                Remove(_order.Min.Key);
            }

            SetTimer();
        }

        over.ForEach(wake);
    }

    /// <summary>Wakes nothing any more.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _timer?.Dispose();
            _timer = null;
            _times.Clear();
            _order.Clear();
        }
    }
}
