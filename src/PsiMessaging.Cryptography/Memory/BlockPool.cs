using System.Runtime.InteropServices;

namespace PsiMessaging.Cryptography.Memory;

/// <summary>
/// Native memory of large vectors, kept from one session to the next: what the system hands out has to be found, mapped and cleared page by page, which costs
/// as much as a layer of the protocol. Everything in it is zero. Where nothing was taken or given back for a while it all goes back to the system. Thread-safe.
/// </summary>
internal sealed unsafe partial class BlockPool : IDisposable
{
    /// <summary>Sizes are multiples of this, and addresses too.</summary>
    public const int LargePageBytes = 2 << 20;

    private const int AdviseLargePages = 14;
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly LinkedList<(nint Pointer, nuint SizeBytes)> _kept = new();
    private readonly long _mostBytes;
    private readonly ITimer _timer;
    private long _keptBytes;
    private bool _isUsed;

    /// <param name="mostBytes">Most bytes that are kept.</param>
    /// <param name="time">Clock.</param>
    public BlockPool(long mostBytes, TimeProvider time)
    {
        _mostBytes = mostBytes;
        _timer = time.CreateTimer(_ => Tick(), null, KeptFor, KeptFor);
    }

    /// <summary>That of the process: 256 MiB, and a thirty-second of the machine's memory at most.</summary>
    public static BlockPool Shared { get; } = new(Math.Min(256L << 20, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 32), TimeProvider.System);

    /// <summary>Bytes that are kept now.</summary>
    public long KeptBytes
    {
        get
        {
            lock (_lock)
            {
                return _keptBytes;
            }
        }
    }

    /// <summary>Memory of a size, all zero.</summary>
    /// <param name="sizeBytes">A multiple of <see cref="LargePageBytes"/>.</param>
    public void* Take(nuint sizeBytes)
    {
        lock (_lock)
        {
            _isUsed = true;
            for (var node = _kept.First; node is not null; node = node.Next)
            {
                if (node.Value.SizeBytes == sizeBytes)
                {
                    Remove(node);
                    return (void*)node.Value.Pointer;
                }
            }

            // Another size than before: what is kept makes room, so that no more is held than without keeping.
            for (var room = (long)sizeBytes; room > 0 && _kept.First is { } oldest; room -= (long)oldest.Value.SizeBytes)
            {
                Free(oldest);
            }
        }

        var pointer = NativeMemory.AlignedAlloc(sizeBytes, LargePageBytes);
        if (OperatingSystem.IsLinux())
        {
            // Advice only: where it is refused, small pages serve.
            _ = madvise(pointer, sizeBytes, AdviseLargePages);
        }

        NativeMemory.Clear(pointer, sizeBytes);
        return pointer;
    }

    /// <summary>Gives memory back.</summary>
    /// <param name="pointer">From <see cref="Take"/>; all zero again.</param>
    /// <param name="sizeBytes">Its size.</param>
    public void Return(void* pointer, nuint sizeBytes)
    {
        lock (_lock)
        {
            _isUsed = true;
            if (_keptBytes + (long)sizeBytes <= _mostBytes)
            {
                _kept.AddLast(((nint)pointer, sizeBytes));
                _keptBytes += (long)sizeBytes;
                return;
            }
        }

        NativeMemory.AlignedFree(pointer);
    }

    private void Tick()
    {
        lock (_lock)
        {
            while (!_isUsed && _kept.First is { } kept)
            {
                Free(kept);
            }

            _isUsed = false;
        }
    }

    private void Free(LinkedListNode<(nint Pointer, nuint SizeBytes)> node)
    {
        Remove(node);
        NativeMemory.AlignedFree((void*)node.Value.Pointer);
    }

    private void Remove(LinkedListNode<(nint Pointer, nuint SizeBytes)> node)
    {
        _kept.Remove(node);
        _keptBytes -= (long)node.Value.SizeBytes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer.Dispose();
        lock (_lock)
        {
            while (_kept.First is { } kept)
            {
                Free(kept);
            }
        }
    }

    [LibraryImport("libc")]
    private static partial int madvise(void* address, nuint length, int advice);
}
