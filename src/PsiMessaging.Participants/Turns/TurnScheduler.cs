namespace PsiMessaging.Participants.Turns;

/// <summary>What a turn came to.</summary>
/// <param name="HasWorked">Whether something was done, so that there may be more to do at once.</param>
/// <param name="WakeAt">Where nothing was done: when to look again, if no signal comes before. Null for never.</param>
public readonly record struct TurnOutcome(bool HasWorked, DateTimeOffset? WakeAt = null)
{
    /// <summary>Something was done.</summary>
    public static TurnOutcome Worked => new(true);

    /// <summary>There is nothing to do before the next signal.</summary>
    public static TurnOutcome Idle => default;

    /// <summary>There is nothing to do now, but there may be at a time.</summary>
    public static TurnOutcome IdleUntil(DateTimeOffset at) => new(false, at);

    /// <summary>Worked or not.</summary>
    public static implicit operator TurnOutcome(bool hasWorked) => new(hasWorked);
}

/// <summary>
/// Runs the turns of one key (a session, a queue) one after the other, different keys side by side. A signal while a turn runs is never lost. A turn that
/// faults is tried again after a second: a full disk or a busy database may pass.
/// </summary>
public sealed class TurnScheduler
{
    private static readonly TimeSpan AfterFault = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Run> _runs = new(StringComparer.Ordinal);
    private readonly HashSet<Task> _tasks = [];
    private readonly Func<string, CancellationToken, Task<TurnOutcome>> _turn;
    private readonly Action<string, Exception> _onFault;
    private readonly TimeProvider _time;
    private readonly WakeUps _again;
    private readonly CancellationToken _stop;

    /// <param name="turn">
    /// Does one piece of work. Its token is cancelled when the work is to stop or when the key was interrupted; what it had not stored then is done again by
    /// a later turn.
    /// </param>
    /// <param name="onFault">Told of an exception that a turn threw.</param>
    /// <param name="time">Clock.</param>
    /// <param name="stop">Cancelled when all work is to stop: every turn ends by it, and none begins after it.</param>
    public TurnScheduler(Func<string, CancellationToken, Task<TurnOutcome>> turn, Action<string, Exception> onFault, TimeProvider time,
        CancellationToken stop)
    {
        (_turn, _onFault, _time, _stop) = (turn, onFault, time, stop);
        _again = new WakeUps(time, Signal);
        stop.Register(_again.Dispose);
    }

    /// <summary>Says that a key may have work.</summary>
    public void Signal(string key)
    {
        lock (_lock)
        {
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            if (_runs.TryGetValue(key, out var running))
            {
                running.IsSignalled = true;
                return;
            }

            var run = new Run();
            _runs.Add(key, run);
            var task = Task.Run(() => RunAsync(key, run), CancellationToken.None);
            _tasks.Add(task);
            _ = task.ContinueWith(done =>
            {
                lock (_lock)
                {
                    _tasks.Remove(done);
                }
            }, TaskScheduler.Default);
        }
    }

    /// <summary>Signals a key and cancels the token of the turn that it is in, if it is in one: what it works for is over.</summary>
    public void Interrupt(string key)
    {
        CancellationTokenSource? ended = null;
        lock (_lock)
        {
            if (_runs.TryGetValue(key, out var running))
            {
                ended = running.Ended;
            }
        }

        Signal(key);
        try
        {
            // Not here: what hears of it may throw, and this may be a timer's thread.
            _ = ended?.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // The turn was just over.
        }
    }

    /// <summary>Waits until no turn runs; call after the stop token was cancelled.</summary>
    public Task DrainAsync()
    {
        lock (_lock)
        {
            return Task.WhenAll(_tasks);
        }
    }

    private async Task RunAsync(string key, Run run)
    {
        while (true)
        {
            DateTimeOffset? again = null;
            try
            {
                again = await TakeTurnsAsync(key, run);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // The worker stops; the state on disk says where to go on.
            }
            catch (Exception exception)
            {
                again = _time.GetUtcNow() + AfterFault;
                TellFault(key, exception);
            }

            lock (_lock)
            {
                if (_stop.IsCancellationRequested || !run.IsSignalled)
                {
                    _runs.Remove(key);
                    if (!_stop.IsCancellationRequested)
                    {
                        _again.Set(key, again);
                    }

                    return;
                }

                run.IsSignalled = false;
            }
        }
    }

    private async Task<DateTimeOffset?> TakeTurnsAsync(string key, Run run)
    {
        while (!_stop.IsCancellationRequested)
        {
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stop);
            run.Ended = ended;
            try
            {
                if (await _turn(key, ended.Token) is { HasWorked: false } outcome)
                {
                    return outcome.WakeAt;
                }
            }
            catch (OperationCanceledException) when (ended.IsCancellationRequested && !_stop.IsCancellationRequested)
            {
                // Interrupted: the next turn sees why.
            }
            finally
            {
                run.Ended = null;
            }
        }

        return null;
    }

    private void TellFault(string key, Exception exception)
    {
        try
        {
            _onFault(key, exception);
        }
        catch (Exception)
        {
            // Even telling of the fault failed (a full disk); the next turn tries again. Nothing may wedge the key.
        }
    }

    private sealed class Run
    {
        public bool IsSignalled { get; set; }

        public CancellationTokenSource? Ended { get; set; }
    }
}
