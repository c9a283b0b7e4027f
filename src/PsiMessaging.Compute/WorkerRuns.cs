using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography.Sealing;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Participants.Naming;

namespace PsiMessaging.Compute;

/// <summary>
/// What one compute worker knows of its party's runs: its own key, drawn when it starts and never stored, and the key of the latest run, which was sealed to
/// that. Thread-safe.
/// </summary>
internal sealed class WorkerRuns : IDisposable
{
    /// <summary>How long a job waits for the key of its run: the party sends that within two seconds of this worker's word that it lacks it.</summary>
    internal static readonly TimeSpan KeyPatience = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time;
    private readonly HybridKey _own;
    private readonly Lock _lock = new();
    private RunKey? _run;
    private RunName? _before;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="time">Clock.</param>
    public WorkerRuns(TimeProvider time)
    {
        _time = time;
        using var seed = SecretBytes.Random(HybridKey.SizeBytes);
        _own = new HybridKey(seed);
    }

    /// <summary>Drawn when the worker starts.</summary>
    public string WorkerId { get; } = ParticipantNames.NewId();

    /// <summary>What the worker says of itself.</summary>
    public ComputeReady Ready(int cores, long beat)
    {
        lock (_lock)
        {
            return new ComputeReady(WorkerId, cores, beat, _own.PublicKey, _run?.Name.Id);
        }
    }

    /// <summary>Takes the key of a run; false where it is not for this worker, or cannot be opened.</summary>
    public bool Take(ComputeRun word)
    {
        if (word.WorkerId != WorkerId || RunKey.TryOpen(_own, word) is not { } run)
        {
            return false;
        }

        lock (_lock)
        {
            if (_run?.Name == run.Name)
            {
                run.Dispose();
                return true;
            }

            // The last that came, not the latest by its clock, which may have been set back. Should it be an old frame that somebody repeats, then the party
            // hears from the next beat that this worker has another run's key, and sends it again.
            _before = _run?.Name;
            _run?.Dispose();
            _run = run;
            _changed.TrySetResult();
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return true;
        }
    }

    /// <summary>Whether another run has begun since this one.</summary>
    public bool IsOver(RunName run)
    {
        lock (_lock)
        {
            return run == _before || (_run is { } known && run.StartedAt < known.Name.StartedAt);
        }
    }

    /// <summary>The key of a run, which may be on its way; null where it has not come in <see cref="KeyPatience"/>.</summary>
    public async Task<RunKey?> FindAsync(RunName run)
    {
        var until = _time.GetUtcNow() + KeyPatience;
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_run?.Name == run)
                {
                    return _run;
                }

                changed = _changed.Task;
            }

            try
            {
                await changed.WaitAsync(until - _time.GetUtcNow() is { Ticks: > 0 } left ? left : TimeSpan.Zero, _time);
            }
            catch (TimeoutException)
            {
                return null;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _run?.Dispose();
            _own.Dispose();
        }
    }
}
