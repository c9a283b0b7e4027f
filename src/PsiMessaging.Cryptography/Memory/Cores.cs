using System.Collections.Concurrent;

namespace PsiMessaging.Cryptography.Memory;

/// <summary>
/// A number of threads for long computations: whole steps run on them in the order they were given, and a step may split its loops over those that are free.
/// The thread pool, which serves messages and timers, is left alone. With one thread a loop simply runs where it stands.
/// </summary>
public sealed class Cores : IDisposable
{
    private readonly Threads? _threads;

    /// <param name="count">Threads, 1 or more.</param>
    public Cores(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Count = count;
        _threads = new Threads(count);
    }

    private Cores() => Count = 1;

    /// <summary>No threads of its own: everything runs on the caller's.</summary>
    public static Cores One { get; } = new();

    /// <summary>Number of threads.</summary>
    public int Count { get; }

    /// <summary>How many cores a setting asks for: itself, or all of this machine where it is 0.</summary>
    /// <param name="configured">Cores to use, 0 or more.</param>
    public static int CountOf(int configured) => configured > 0 ? configured : Environment.ProcessorCount;

    /// <summary>Runs a step on one of the threads.</summary>
    public Task<T> Run<T>(Func<T> step) => _threads is null ? Task.FromResult(step())
        : Task.Factory.StartNew(step, CancellationToken.None, TaskCreationOptions.DenyChildAttach, _threads);

    /// <summary>Calls <paramref name="work"/> with (part, first, end) for contiguous parts that together cover 0..length-1, at most one a thread.</summary>
    /// <param name="length">Elements, 0 or more.</param>
    /// <param name="grain">Parts begin at multiples of this; a part has at least this many elements.</param>
    /// <param name="work">Called once a part, on any thread.</param>
    public void Split(int length, int grain, Action<int, int, int> work)
    {
        var parts = PartsOf(length, grain);
        if (parts == 1)
        {
            work(0, 0, length);
            return;
        }

        try
        {
            Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = Count, TaskScheduler = _threads },
                part => work(part, Bound(part), Bound(part + 1)));
        }
        catch (AggregateException exception)
        {
            // As on one thread.
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(exception.Flatten().InnerExceptions[0]);
        }

        int Bound(int part) => part == parts ? length : (int)((long)length * part / parts / grain * grain);
    }

    /// <summary>Number of parts <see cref="Split"/> makes of a length, 1 or more.</summary>
    public int PartsOf(int length, int grain) => Math.Clamp(length / Math.Max(1, grain), 1, Count);

    /// <inheritdoc/>
    public void Dispose() => _threads?.Dispose();

    private sealed class Threads : TaskScheduler, IDisposable
    {
        private readonly BlockingCollection<Task> _tasks = [];
        private readonly Thread[] _threads;

        [ThreadStatic]
        private static Threads? _current;

        public Threads(int count)
        {
            _threads = new Thread[count];
            for (var i = 0; i < count; i++)
            {
                _threads[i] = new Thread(Run) { IsBackground = true, Name = $"psi vectors {i}" };
                _threads[i].Start();
            }
        }

        public override int MaximumConcurrencyLevel => _threads.Length;

        protected override void QueueTask(Task task) => _tasks.Add(task);

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => _current == this && TryExecuteTask(task);

        protected override IEnumerable<Task> GetScheduledTasks() => [.. _tasks];

        private void Run()
        {
            _current = this;
            foreach (var task in _tasks.GetConsumingEnumerable())
            {
                TryExecuteTask(task);
            }
        }

        public void Dispose()
        {
            _tasks.CompleteAdding();
            foreach (var thread in _threads)
            {
                thread.Join();
            }

            _tasks.Dispose();
        }
    }
}
