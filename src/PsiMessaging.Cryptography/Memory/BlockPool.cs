using System.Runtime.InteropServices;

namespace PsiMessaging.Cryptography.Memory;

/// <summary>
/// Native memory of large vectors, kept from one session to the next: what the system hands out has to be found, mapped and cleared page by page, which costs
/// as much as a layer of the protocol. Everything in it is zero. A vector takes the smallest piece that is large enough, and leaves the rest of it to others;
/// pieces that lie side by side are one again when both are back. Where nothing was taken or given back for a while it all goes back to the system.
/// Thread-safe.
/// </summary>
internal sealed unsafe partial class BlockPool : IDisposable
{
    /// <summary>Sizes of large vectors are multiples of this.</summary>
    public const int LargePageBytes = 2 << 20;

    /// <summary>Sizes are multiples of this, and addresses too.</summary>
    public const int PieceBytes = 64 << 10;

    private const int AdviseLargePages = 14;
    private const int ReadAndWrite = 3;
    private const int PrivateAnonymous = 0x22;
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly long _mostBytes;
    private readonly ITimer _timer;

    /// <summary>In the order in which they came back.</summary>
    private readonly List<Piece> _kept = [];

    /// <summary>Where what the system handed out begins and ends; pieces of two of them stay apart, and so does what is given back in part.</summary>
    private readonly List<(nuint First, nuint End)> _mappings = [];
    private long _keptBytes;
    private bool _isUsed;

    /// <param name="mostBytes">Most bytes that are kept.</param>
    /// <param name="time">Clock.</param>
    public BlockPool(long mostBytes, TimeProvider time)
    {
        _mostBytes = mostBytes;
        _timer = time.CreateTimer(_ => Tick(), null, KeptFor, KeptFor);
    }

    private readonly record struct Piece(nuint First, nuint End)
    {
        public nuint SizeBytes => End - First;
    }

    /// <summary>That of the process: 512 MiB, and a thirty-second of the machine's memory at most.</summary>
    public static BlockPool Shared { get; } = new(Math.Min(512L << 20, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 32), TimeProvider.System);

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
    /// <param name="sizeBytes">A multiple of <see cref="PieceBytes"/>.</param>
    public void* Take(nuint sizeBytes)
    {
        lock (_lock)
        {
            _isUsed = true;
            var best = -1;
            for (var i = 0; i < _kept.Count; i++)
            {
                var size = _kept[i].SizeBytes;
                if ((size == sizeBytes || (size > sizeBytes && OperatingSystem.IsLinux())) && (best < 0 || size < _kept[best].SizeBytes))
                {
                    best = i;
                }
            }

            if (best >= 0)
            {
                var piece = _kept[best];
                var rest = new Piece(piece.First + sizeBytes, piece.End);
                if (rest.SizeBytes == 0)
                {
                    _kept.RemoveAt(best);
                }
                else
                {
                    _kept[best] = rest;
                }

                _keptBytes -= (long)sizeBytes;
                return (void*)piece.First;
            }

            // Larger than any that is kept: that makes room, so that no more is held than without keeping.
            for (var room = (long)sizeBytes; room > 0 && _kept.Count > 0;)
            {
                room -= (long)_kept[0].SizeBytes;
                FreeOldest();
            }

            return Map(sizeBytes);
        }
    }

    /// <summary>Gives memory back.</summary>
    /// <param name="pointer">From <see cref="Take"/>; all zero again.</param>
    /// <param name="sizeBytes">Its size.</param>
    public void Return(void* pointer, nuint sizeBytes)
    {
        lock (_lock)
        {
            _isUsed = true;
            var piece = new Piece((nuint)pointer, (nuint)pointer + sizeBytes);
            if (_keptBytes + (long)sizeBytes > _mostBytes)
            {
                Unmap(piece);
                return;
            }

            // At most one neighbour on each side.
            var (first, end) = (piece.First, piece.End);
            for (var i = _kept.Count - 1; i >= 0; i--)
            {
                if ((_kept[i].End == piece.First && !IsBorder(piece.First)) || (_kept[i].First == piece.End && !IsBorder(piece.End)))
                {
                    (first, end) = (nuint.Min(first, _kept[i].First), nuint.Max(end, _kept[i].End));
                    _kept.RemoveAt(i);
                }
            }

            _kept.Add(new Piece(first, end));
            _keptBytes += (long)sizeBytes;
        }
    }

    private bool IsBorder(nuint address)
    {
        foreach (var (first, _) in _mappings)
        {
            if (first == address)
            {
                return true;
            }
        }

        return false;
    }

    private void Tick()
    {
        lock (_lock)
        {
            while (!_isUsed && _kept.Count > 0)
            {
                FreeOldest();
            }

            _isUsed = false;
        }
    }

    private void FreeOldest()
    {
        var oldest = _kept[0];
        _kept.RemoveAt(0);
        _keptBytes -= (long)oldest.SizeBytes;
        Unmap(oldest);
    }

    /// <summary>What the system hands out is zero, and found when it is first touched: clearing it here would be a pass over memory more.</summary>
    private void* Map(nuint sizeBytes)
    {
        if (!OperatingSystem.IsLinux())
        {
            var other = NativeMemory.AlignedAlloc(sizeBytes, PieceBytes);
            NativeMemory.Clear(other, sizeBytes);
            return other;
        }

        // Whole large pages at a border of large pages; the rest of the last one is for others.
        var wholeBytes = (sizeBytes + LargePageBytes - 1) & ~(nuint)(LargePageBytes - 1);
        var mapped = mmap(null, wholeBytes + LargePageBytes, ReadAndWrite, PrivateAnonymous, -1, 0);
        if (mapped == (void*)-1)
        {
#pragma warning disable MA0012 // What the allocator throws too.
            throw new OutOfMemoryException($"the system has no {wholeBytes >> 20} MiB more");
#pragma warning restore MA0012
        }

        var first = ((nuint)mapped + LargePageBytes - 1) & ~(nuint)(LargePageBytes - 1);
        Unmap((nuint)mapped, first - (nuint)mapped);
        Unmap(first + wholeBytes, (nuint)mapped + LargePageBytes - first);

        // Advice only: where it is refused, small pages serve.
        _ = madvise((void*)first, wholeBytes, AdviseLargePages);
        _mappings.Add((first, first + wholeBytes));
        if (wholeBytes > sizeBytes)
        {
            _kept.Add(new Piece(first + sizeBytes, first + wholeBytes));
            _keptBytes += (long)(wholeBytes - sizeBytes);
        }

        return (void*)first;
    }

    private void Unmap(Piece piece)
    {
        if (!OperatingSystem.IsLinux())
        {
            NativeMemory.AlignedFree((void*)piece.First);
            return;
        }

        Unmap(piece.First, piece.SizeBytes);

        // What is left of its mapping lies on both sides of a gap.
        var at = _mappings.FindIndex(mapping => mapping.First <= piece.First && piece.End <= mapping.End);
        var (first, end) = _mappings[at];
        _mappings.RemoveAt(at);
        if (first < piece.First)
        {
            _mappings.Add((first, piece.First));
        }

        if (piece.End < end)
        {
            _mappings.Add((piece.End, end));
        }
    }

    private static void Unmap(nuint first, nuint sizeBytes)
    {
        if (sizeBytes > 0)
        {
            _ = munmap((void*)first, sizeBytes);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer.Dispose();
        lock (_lock)
        {
            while (_kept.Count > 0)
            {
                FreeOldest();
            }
        }
    }

    [LibraryImport("libc")]
    private static partial int madvise(void* address, nuint length, int advice);

    [LibraryImport("libc")]
    private static partial void* mmap(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc")]
    private static partial int munmap(void* address, nuint length);
}
