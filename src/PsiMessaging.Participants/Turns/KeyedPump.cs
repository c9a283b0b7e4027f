namespace PsiMessaging.Participants.Turns;

/// <summary>Runs the steps of one key (a session, a queue) one after the other, different keys side by side. A signal while a step runs is never lost.</summary>
/// <param name="step">Does one piece of work; false when there is none left for now.</param>
/// <param name="onFault">Told of an exception a step threw; the key then waits for its next signal.</param>
public sealed class KeyedPump(Func<string, CancellationToken, Task<bool>> step, Action<string, Exception> onFault)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, bool> _running = new(StringComparer.Ordinal);
    private readonly HashSet<Task> _tasks = [];
    private CancellationToken _stop;

    /// <summary>Allows work to begin.</summary>
    public void Start(CancellationToken stop) => _stop = stop;

    /// <summary>Says that a key may have work.</summary>
    public void Signal(string key)
    {
        lock (_lock)
        {
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            if (_running.ContainsKey(key))
            {
                _running[key] = true;
                return;
            }

            _running[key] = false;
            var task = Task.Run(() => RunAsync(key), CancellationToken.None);
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

    /// <summary>Waits until no step runs; call after the stop token was cancelled.</summary>
    public Task DrainAsync()
    {
        lock (_lock)
        {
            return Task.WhenAll(_tasks);
        }
    }

    private async Task RunAsync(string key)
    {
        while (true)
        {
            try
            {
                while (!_stop.IsCancellationRequested && await step(key, _stop))
                {
                }
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // The worker stops; the state on disk says where to go on.
            }
            catch (Exception exception)
            {
                try
                {
                    onFault(key, exception);
                }
                catch (Exception)
                {
                    // Even telling of the fault failed (a full disk); the next signal tries again. Nothing may wedge the key.
                }
            }

            lock (_lock)
            {
                if (_stop.IsCancellationRequested || !_running[key])
                {
                    _running.Remove(key);
                    return;
                }

                _running[key] = false;
            }
        }
    }
}
