using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace PsiMessaging.Protocols.Evaluation;

/// <summary>
/// A fixed number of threads for costly arithmetic. The thread pool, which serves messages and timers, is left alone; work is cut into chunks, and the
/// chunks of several batches queue up, so that no thread idles where one batch ends and the next begins.
/// </summary>
public sealed class ComputeThreads : IDisposable
{
    private readonly BlockingCollection<Action> _chunks = [];
    private readonly Thread[] _threads;

    /// <param name="count">Threads, 1 or more.</param>
    public ComputeThreads(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        _threads = new Thread[count];
        for (var i = 0; i < count; i++)
        {
            _threads[i] = new Thread(Run) { IsBackground = true, Name = $"psi compute {i}" };
            _threads[i].Start();
        }
    }

    /// <summary>Number of threads.</summary>
    public int Count => _threads.Length;

    /// <summary>Calls <paramref name="work"/> with (first, length) for chunks that together cover 0..count-1; completes when all have run.</summary>
    /// <param name="count">Elements, 0 or more.</param>
    /// <param name="chunkElements">Elements in every chunk but the last.</param>
    /// <param name="work">Called on the threads, chunks in any order. The first exception ends the batch and is the task's.</param>
    /// <param name="cancellation">Leaves out the chunks that have not begun.</param>
    public Task ForEachChunkAsync(int count, int chunkElements, Action<int, int> work, CancellationToken cancellation)
    {
        var left = (count + chunkElements - 1) / chunkElements;
        if (left == 0)
        {
            return Task.CompletedTask;
        }

        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        ExceptionDispatchInfo? fault = null;
        for (var first = 0; first < count; first += chunkElements)
        {
            var (from, length) = (first, Math.Min(chunkElements, count - first));
            _chunks.Add(() =>
            {
                try
                {
                    if (Volatile.Read(ref fault) is null)
                    {
                        cancellation.ThrowIfCancellationRequested();
                        work(from, length);
                    }
                }
                catch (Exception exception)
                {
                    Interlocked.CompareExchange(ref fault, ExceptionDispatchInfo.Capture(exception), null);
                }

                if (Interlocked.Decrement(ref left) == 0)
                {
                    Complete(done, fault);
                }
            }, CancellationToken.None);
        }

        return done.Task;
    }

    private static void Complete(TaskCompletionSource done, ExceptionDispatchInfo? fault)
    {
        if (fault is null)
        {
            done.SetResult();
        }
        else if (fault.SourceException is OperationCanceledException)
        {
            done.SetCanceled(CancellationToken.None);
        }
        else
        {
            done.SetException(fault.SourceException);
        }
    }

    private void Run()
    {
        foreach (var chunk in _chunks.GetConsumingEnumerable())
        {
            chunk();
        }
    }

    /// <summary>Finishes the chunks in hand and those queued, then ends the threads.</summary>
    public void Dispose()
    {
        _chunks.CompleteAdding();
        foreach (var thread in _threads)
        {
            thread.Join();
        }

        _chunks.Dispose();
    }
}
