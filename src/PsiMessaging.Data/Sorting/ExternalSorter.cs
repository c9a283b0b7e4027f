using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace PsiMessaging.Data.Sorting;

/// <summary>Compares two records' contents; needed only where keys are equal.</summary>
public delegate int RecordComparison(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right);

/// <summary>
/// A further key of a record's content: of two records whose keys before it are equal, the one with the smaller key comes first by comparing too.
/// </summary>
/// <param name="content">The content.</param>
/// <param name="level">The how many-eth key, from 1; the one the record was added with is 0.</param>
public delegate ulong RecordKey(ReadOnlySpan<byte> content, int level);

/// <summary>
/// Sorts records that may not fit in memory: up to a budget they are gathered and sorted there, beyond it as sorted runs on disk that are merged while they are
/// read. In memory they are sorted by the bits of their keys (<see cref="RadixSort"/>), and those of equal keys by comparing. Everything about a set that needs
/// an order goes through here: shuffling (by a keyed hash), finding duplicates, comparing tags, output. Not thread-safe.
/// </summary>
/// <param name="scratch">Where runs go.</param>
/// <param name="compareContents">Orders records of equal keys.</param>
/// <param name="memory">Bytes of memory to use; null takes the scratch folder's own figure.</param>
/// <param name="furtherKey">Saves comparing where many records have one key; null where few do.</param>
public sealed class ExternalSorter(ScratchFolder scratch, RecordComparison compareContents, long? memory = null, RecordKey? furtherKey = null) : IDisposable
{
    private const int PageSizeBytes = 1 << 20;

    /// <summary>Key, place and length.</summary>
    private const int RecordOverheadBytes = 20;

    /// <summary>What further keys do not tell apart is compared.</summary>
    private const int FurtherKeys = 4;

    private readonly long _memoryBytes = Math.Min(memory ?? scratch.SorterMemoryBytes, int.MaxValue / 2);
    private readonly List<Stream> _runs = [];
    private readonly List<byte[]> _pages = [];
    private ulong[] _keys = [];
    private Place[] _places = [];
    private int[] _order = [];
    private int _page = -1;
    private int _pageUsed;
    private long _contentBytes;
    private int _count;
    private bool _read;

    /// <summary>Records added.</summary>
    public long Count { get; private set; }

    /// <summary>Adds a record.</summary>
    /// <param name="key">Sorts first, as an unsigned number.</param>
    /// <param name="content">Sorts next; copied.</param>
    public void Add(ulong key, ReadOnlySpan<byte> content)
    {
        ObjectDisposedException.ThrowIf(_read, this);
        if (_count > 0 && ((long)_count * RecordOverheadBytes) + _contentBytes + content.Length > _memoryBytes)
        {
            Spill();
        }

        if (_count == Math.Min(_keys.Length, _places.Length))
        {
            Grow(ref _keys);
            Grow(ref _places);
        }

        if (_page < 0 || _pageUsed + content.Length > _pages[_page].Length)
        {
            TurnPage(content.Length);
        }

        content.CopyTo(_pages[_page].AsSpan(_pageUsed));
        _keys[_count] = key;
        _places[_count++] = new Place(_page, _pageUsed, content.Length);
        _pageUsed += content.Length;
        _contentBytes += content.Length;
        Count++;
    }

    /// <summary>All memory is rented, so that one sorter after the other takes the same.</summary>
    private void Grow<T>(ref T[] array)
    {
        // In large steps: what was too small stays in the pool.
        var larger = ArrayPool<T>.Shared.Rent(_count < 1024 ? 1024 : _count < 1 << 20 ? 4 * _count : 2 * _count);
        array.AsSpan(0, _count).CopyTo(larger);
        Return(ref array);
        array = larger;
    }

    private static void Return<T>(ref T[] array)
    {
        if (array.Length > 0)
        {
            // A key may be the beginning of an identifier; where records lie tells nothing.
            ArrayPool<T>.Shared.Return(array, clearArray: typeof(T) == typeof(ulong));
        }

        array = [];
    }

    private void TurnPage(int atLeast)
    {
        scratch.Ended.ThrowIfCancellationRequested();
        _pageUsed = 0;
        if (++_page < _pages.Count && _pages[_page].Length >= atLeast)
        {
            return;
        }

        _pages.Insert(_page, ArrayPool<byte>.Shared.Rent(Math.Max(PageSizeBytes, atLeast)));
    }

    /// <summary>Ends adding and reads all records in order. Once only.</summary>
    public SortedRecords Read()
    {
        ObjectDisposedException.ThrowIf(_read, this);
        _read = true;
        if (_runs.Count == 0)
        {
            Sort();
            return new SortedRecords([new MemoryRun(this)], compareContents, scratch.Ended);
        }

        if (_count > 0)
        {
            Spill();
        }

        ReturnPages();
        return new SortedRecords([.. _runs.Select(run => new FileRun(run))], compareContents, scratch.Ended);
    }

    private void Sort()
    {
        if (_order.Length < _count)
        {
            Return(ref _order);
            _order = ArrayPool<int>.Shared.Rent(_count);
        }

        var order = _order.AsSpan(0, _count);
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        RadixSort.Sort(_keys.AsSpan(0, _count), order);
        SortTies(_keys.AsSpan(0, _count), order, level: 1);
    }

    /// <summary>Puts records of equal keys in order.</summary>
    /// <param name="keys">The keys, in order.</param>
    /// <param name="order">The records that have them.</param>
    /// <param name="level">The key that would tell them apart.</param>
    private void SortTies(ReadOnlySpan<ulong> keys, Span<int> order, int level)
    {
        for (var start = 0; start < keys.Length;)
        {
            var end = start + 1;
            while (end < keys.Length && keys[end] == keys[start])
            {
                end++;
            }

            if (end - start > 1)
            {
                for (var i = start; i < end; i++)
                {
                    FetchAhead(order, i);
                }

                SortTied(order[start..end], level);
            }

            start = end;
        }
    }

    private void SortTied(Span<int> order, int level)
    {
        if (furtherKey is null || level > FurtherKeys)
        {
            order.Sort((left, right) => compareContents(ContentOf(left), ContentOf(right)));
            return;
        }

        var rented = ArrayPool<ulong>.Shared.Rent(order.Length);
        var keys = rented.AsSpan(0, order.Length);
        for (var i = 0; i < keys.Length; i++)
        {
            keys[i] = furtherKey(ContentOf(order[i]), level);
        }

        RadixSort.Sort(keys, order);
        SortTies(keys, order, level + 1);
        keys.Clear();
        ArrayPool<ulong>.Shared.Return(rented);
    }

    private ReadOnlySpan<byte> ContentOf(int index)
    {
        var (page, offset, length) = _places[index];
        return _pages[page].AsSpan(offset, length);
    }

    private void Spill()
    {
        Sort();
        var run = scratch.CreateFile();
        _runs.Add(run);
        Span<byte> head = stackalloc byte[12];
        for (var i = 0; i < _count; i++)
        {
            var content = ContentOf(_order[i]);
            BinaryPrimitives.WriteUInt64LittleEndian(head, _keys[i]);
            BinaryPrimitives.WriteInt32LittleEndian(head[8..], content.Length);
            run.Write(head);
            run.Write(content);
        }

        run.Flush();
        run.Position = 0;
        (_count, _page, _pageUsed, _contentBytes) = (0, -1, 0, 0);
    }

    private void ReturnPages()
    {
        // Wiped: they held identifiers, and whoever rents them next may not be as careful.
        _pages.ForEach(page => ArrayPool<byte>.Shared.Return(page, clearArray: true));
        _pages.Clear();
        Return(ref _keys);
        Return(ref _places);
        Return(ref _order);
    }

    /// <summary>Deletes the runs.</summary>
    public void Dispose()
    {
        _read = true;
        ReturnPages();
        _runs.ForEach(run => run.Dispose());
        _runs.Clear();
    }

    internal abstract class Run
    {
        public ulong Key { get; protected set; }

        public abstract ReadOnlySpan<byte> Content { get; }

        public abstract bool MoveNext();
    }

    private readonly record struct Place(int Page, int Offset, int Length);

    /// <summary>
    /// Order and memory have nothing to do with each other: what comes soon is fetched ahead, first where it lies, then itself.
    /// </summary>
    private unsafe void FetchAhead(ReadOnlySpan<int> order, int at)
    {
        const int PlacesAhead = 24;
        const int ContentsAhead = 12;
        if (Sse.IsSupported && at + PlacesAhead < order.Length)
        {
            Sse.Prefetch0(Unsafe.AsPointer(ref _places[order[at + PlacesAhead]]));
            var (page, offset, _) = _places[order[at + ContentsAhead]];
            Sse.Prefetch0(Unsafe.AsPointer(ref _pages[page][Math.Min(offset, _pages[page].Length - 1)]));
        }
    }

    private sealed class MemoryRun(ExternalSorter sorter) : Run
    {
        private readonly int[] _order = sorter._order;
        private readonly int _count = sorter._count;
        private int _at = -1;

        public override ReadOnlySpan<byte> Content => sorter.ContentOf(_order[_at]);

        public override bool MoveNext()
        {
            if (++_at >= _count)
            {
                return false;
            }

            sorter.FetchAhead(_order.AsSpan(0, _count), _at);
            Key = sorter._keys[_at];
            return true;
        }
    }

    private sealed class FileRun(Stream stream) : Run
    {
        private byte[] _content = new byte[64];
        private int _length;

        public override ReadOnlySpan<byte> Content => _content.AsSpan(0, _length);

        public override bool MoveNext()
        {
            Span<byte> head = stackalloc byte[12];
            var read = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
            if (read == 0)
            {
                return false;
            }

            if (read != head.Length)
            {
                throw new EndOfStreamException("a sorted run is cut off");
            }

            Key = BinaryPrimitives.ReadUInt64LittleEndian(head);
            _length = BinaryPrimitives.ReadInt32LittleEndian(head[8..]);
            if (_content.Length < _length)
            {
                _content = new byte[_length * 2];
            }

            stream.ReadExactly(_content, 0, _length);
            return true;
        }
    }
}

/// <summary>Records in order, one at a time.</summary>
public sealed class SortedRecords
{
    /// <summary>Records between two looks at whether they are still wanted.</summary>
    private const int LookEvery = 1 << 16;

    private readonly PriorityQueue<ExternalSorter.Run, ExternalSorter.Run> _heads;
    private readonly CancellationToken _ended;
    private ExternalSorter.Run? _current;
    private int _untilLook = LookEvery;

    internal SortedRecords(IEnumerable<ExternalSorter.Run> runs, RecordComparison compareContents, CancellationToken ended)
    {
        _ended = ended;
        _heads = new PriorityQueue<ExternalSorter.Run, ExternalSorter.Run>(Comparer<ExternalSorter.Run>.Create((left, right) =>
            left!.Key != right!.Key ? left.Key.CompareTo(right.Key) : compareContents(left.Content, right.Content)));
        foreach (var run in runs)
        {
            if (run.MoveNext())
            {
                _heads.Enqueue(run, run);
            }
        }
    }

    /// <summary>Key of the record in hand.</summary>
    public ulong Key => _current!.Key;

    /// <summary>Content of the record in hand; valid until the next <see cref="MoveNext"/>.</summary>
    public ReadOnlySpan<byte> Content => _current!.Content;

    /// <summary>Goes to the next record.</summary>
    /// <exception cref="OperationCanceledException">What is computed is not wanted any more.</exception>
    public bool MoveNext()
    {
        if (--_untilLook == 0)
        {
            _ended.ThrowIfCancellationRequested();
            _untilLook = LookEvery;
        }

        if (_current is not null && _current.MoveNext())
        {
            if (_heads.Count == 0)
            {
                return true;
            }

            _current = _heads.EnqueueDequeue(_current, _current);
            return true;
        }

        return _heads.TryDequeue(out _current, out _);
    }
}
