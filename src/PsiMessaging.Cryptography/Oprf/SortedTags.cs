using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using PsiMessaging.Cryptography.Memory;

namespace PsiMessaging.Cryptography.Oprf;

/// <summary>
/// Comparison tags, the first bytes of pseudorandom blocks, in ascending order of their bytes. Sorted, they say nothing about the order of the items they stand
/// for, and two sets compare by one walk over both. Batches of the other side may come in any order.
/// </summary>
public sealed unsafe class SortedTags : IDisposable
{
    private const int LargestRanges = 4096;
    private readonly BlockBuffer _tags;
    private readonly BlockBuffer _rows;
    private readonly ulong[] _common;

    private SortedTags(int count, int tagSizeBytes)
    {
        (Count, TagSizeBytes) = (count, tagSizeBytes);
        _tags = new BlockBuffer(count);
        _rows = new BlockBuffer((count + 3) / 4);
        _common = new ulong[(count + 63) / 64];
    }

    /// <summary>Number of tags.</summary>
    public int Count { get; }

    /// <summary>Bytes of a tag, 1 to 16.</summary>
    public int TagSizeBytes { get; }

    /// <summary>Which of the blocks given is the tag at a place, from 0.</summary>
    public int RowOf(int place) => (int)((uint*)_rows.Pointer)[place];

    /// <summary>Whether the tag at a place has been found on the other side.</summary>
    public bool IsCommon(int place) => (_common[place >> 6] & (1UL << (place & 63))) != 0;

    /// <summary>The same as a number, 1 or 0, without a branch.</summary>
    public int CommonBit(int place) => (int)(_common[place >> 6] >> place) & 1;

    /// <summary>Sorts.</summary>
    /// <param name="outputs">Pseudorandom blocks.</param>
    /// <param name="tagSizeBytes">Bytes of each that count.</param>
    /// <param name="cores">Threads.</param>
    /// <returns>Null when two tags are equal: less likely than 2^-40 for different items.</returns>
    public static SortedTags? Create(BlockBuffer outputs, int tagSizeBytes, Cores cores)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tagSizeBytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tagSizeBytes, 16);
        var sorted = new SortedTags(outputs.Length, tagSizeBytes);
        try
        {
            if (sorted.Sort(outputs, cores))
            {
                return sorted;
            }
        }
        catch
        {
            sorted.Dispose();
            throw;
        }

        sorted.Dispose();
        return null;
    }

    /// <summary>Copies tags as they travel.</summary>
    /// <param name="first">Place of the first.</param>
    /// <param name="tags">Receives them back to back.</param>
    public void CopyTo(int first, Span<byte> tags)
    {
        var (i, at) = (first, 0);
        for (; at + 16 <= tags.Length; i++, at += TagSizeBytes)
        {
            // What is behind the tag the next one is written over.
            Swap(_tags.Pointer[i]).CopyTo(tags[at..]);
        }

        Span<byte> block = stackalloc byte[16];
        for (; at < tags.Length; i++, at += TagSizeBytes)
        {
            Swap(_tags.Pointer[i]).CopyTo(block);
            block[..TagSizeBytes].CopyTo(tags[at..]);
        }
    }

    /// <summary>Compares with a batch of the other side's tags.</summary>
    /// <param name="tags">Tags back to back, strictly ascending.</param>
    /// <param name="found">Receives a bit for each that is common, from bit 0 of the first byte.</param>
    /// <returns>False when the tags are not strictly ascending; nothing may be taken from them then.</returns>
    public bool TryMatch(ReadOnlySpan<byte> tags, Span<byte> found)
    {
        found.Clear();
        var cut = CutOff();
        Vector128<byte> former = default;
        var place = -1;
        var count = tags.Length / TagSizeBytes;
        for (var i = 0; i < count; i++)
        {
            var tag = TagAt(tags, i, cut);
            if (i > 0 && !Less(former, tag))
            {
                return false;
            }

            former = tag;
            if (place < 0)
            {
                place = FirstNotBelow(tag);
            }

            while (place < Count && Less(_tags.Pointer[place], tag))
            {
                place++;
            }

            if (place < Count && _tags.Pointer[place] == tag)
            {
                found[i >> 3] |= (byte)(1 << (i & 7));
                Interlocked.Or(ref _common[place >> 6], 1UL << (place & 63));
            }
        }

        return true;
    }

    /// <summary>
    /// Compares with all of the other side's tags, in as many steps of the same kind, by arithmetic and without a branch, as both sets have tags: how long it
    /// takes says nothing about what is common. One thread.
    /// </summary>
    /// <param name="tags">Tags back to back, strictly ascending.</param>
    /// <returns>False when the tags are not strictly ascending; nothing may be taken from them then.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryMatchEvenly(ReadOnlySpan<byte> tags)
    {
        // One more on each side, so that a side that is through may be read.
        var (mine, theirs) = (Count, tags.Length / TagSizeBytes);
        using var other = new BlockBuffer(theirs + 1);
        if (!ReadAll(tags, other))
        {
            return false;
        }

        if (mine == 0)
        {
            return true;
        }

        ulong* left = (ulong*)_tags.Pointer, right = (ulong*)other.Pointer;
        long i = 0, j = 0;
        for (long step = 0, steps = (long)mine + theirs; step < steps; step++)
        {
            // All ones where a side has tags left.
            long hasLeft = (i - mine) >> 63, hasRight = (j - theirs) >> 63, at = i + ~hasLeft;
            ulong a1 = left[(2 * at) + 1], a0 = left[2 * at], b1 = right[(2 * j) + 1], b0 = right[2 * j];
            var below = Below(a1, b1) | (Zero(a1 ^ b1) & Below(a0, b0));
            var equal = Zero((a1 ^ b1) | (a0 ^ b0)) & (ulong)hasLeft & (ulong)hasRight;
            var takeLeft = (below | equal | ~(ulong)hasRight) & (ulong)hasLeft & 1;
            _common[at >> 6] |= (equal & 1) << (int)(at & 63);
            i += (long)takeLeft;
            j += (long)(takeLeft ^ 1);
        }

        return true;
    }

    /// <summary>All ones where a is below b, otherwise zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Below(ulong a, ulong b) => 0 - (((~a & b) | ((~a | b) & (a - b))) >> 63);

    /// <summary>All ones where a word is zero, otherwise zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Zero(ulong word) => 0 - ((~word & (word - 1)) >> 63);

    // Long loops from the first call of a process on: they would run unoptimized.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool ReadAll(ReadOnlySpan<byte> tags, BlockBuffer to)
    {
        var (ascending, cut, former) = (true, CutOff(), Vector128<byte>.Zero);
        var target = to.Pointer;
        for (var i = 0; i < tags.Length / TagSizeBytes; i++)
        {
            var tag = TagAt(tags, i, cut);
            target[i] = tag;
            ascending &= i == 0 || Less(former, tag);
            former = tag;
        }

        return ascending;
    }

    private int FirstNotBelow(Vector128<byte> tag)
    {
        var (low, high) = (0, Count);
        while (low < high)
        {
            var middle = (int)(((uint)low + (uint)high) / 2);
            (low, high) = Less(_tags.Pointer[middle], tag) ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    /// <summary>A tag as a number: its first eight bytes, big-endian, in the upper word.</summary>
    /// <param name="tags">Tags back to back.</param>
    /// <param name="index">Which.</param>
    /// <param name="cut"><see cref="CutOff"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128<byte> TagAt(ReadOnlySpan<byte> tags, int index, Vector128<byte> cut)
    {
        var rest = tags[(index * TagSizeBytes)..];
        return (rest.Length >= 16 ? Swap(Vector128.Create(rest)) : LastTag(rest)) & cut;
    }

    private static Vector128<byte> LastTag(ReadOnlySpan<byte> rest)
    {
        Span<byte> block = stackalloc byte[16];
        block.Clear();
        rest.CopyTo(block);
        return Swap(Vector128.Create<byte>(block));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Less(Vector128<byte> left, Vector128<byte> right)
    {
        var (a, b) = (left.AsUInt64(), right.AsUInt64());
        return a.GetElement(1) < b.GetElement(1) || (a.GetElement(1) == b.GetElement(1) && a.GetElement(0) < b.GetElement(0));
    }

    private bool Sort(BlockBuffer outputs, Cores cores)
    {
        // Uniform bits: ranges by the first ones, in them places by the next, then insertion over what is nearly in order.
        var rangeBits = Math.Clamp(BitOperations.Log2((uint)Math.Max(1, Count)) - 8, 0, BitOperations.Log2(LargestRanges));
        var ranges = 1 << rangeBits;
        var parts = cores.PartsOf(Count, Chunk);
        var next = new int[parts][];
        using var tags = new BlockBuffer(Count);
        using var rows = new BlockBuffer((Count + 3) / 4);
        cores.Split(Count, Chunk, (part, first, end) => next[part] = CountRanges(outputs.Pointer, first, end, rangeBits, ranges));
        var bounds = new int[ranges + 1];
        var at = 0;
        for (var range = 0; range < ranges; range++)
        {
            bounds[range] = at;
            for (var part = 0; part < parts; part++)
            {
                (next[part][range], at) = (at, at + next[part][range]);
            }
        }

        bounds[ranges] = at;
        var cut = CutOff();
        cores.Split(Count, Chunk, (part, first, end) => Scatter(outputs.Pointer, first, end, rangeBits, cut, next[part], tags.Pointer, (uint*)rows.Pointer));
        var ordered = true;
        cores.Split(ranges, 1, (_, first, end) =>
        {
            var counts = new int[1];
            for (var range = first; range < end; range++)
            {
                if (!SortRange(tags.Pointer, (uint*)rows.Pointer, bounds[range], bounds[range + 1], rangeBits, ref counts))
                {
                    Volatile.Write(ref ordered, value: false);
                }
            }
        });
        return ordered;
    }

    private const int Chunk = 4096;

    /// <summary>Which bits of a tag count.</summary>
    private Vector128<byte> CutOff()
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        bytes[..TagSizeBytes].Fill(0xFF);
        return Swap(Vector128.Create<byte>(bytes));
    }

    /// <summary>All 16 bytes in reverse.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Swap(Vector128<byte> block) =>
        Vector128.Shuffle(block, Vector128.Create((byte)15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));

    private static int RangeOf(ulong word, int bits) => bits == 0 ? 0 : (int)(word >> (64 - bits));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int[] CountRanges(Vector128<byte>* blocks, int first, int end, int bits, int ranges)
    {
        var counts = new int[ranges];
        for (var i = first; i < end; i++)
        {
            counts[RangeOf(BinaryPrimitives.ReverseEndianness(blocks[i].AsUInt64().GetElement(0)), bits)]++;
        }

        return counts;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scatter(Vector128<byte>* blocks, int first, int end, int bits, Vector128<byte> cut, int[] next, Vector128<byte>* tags, uint* rows)
    {
        for (var i = first; i < end; i++)
        {
            var tag = Swap(blocks[i]);
            var at = next[RangeOf(tag.AsUInt64().GetElement(1), bits)]++;
            tags[at] = tag & cut;
            rows[at] = (uint)i;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool SortRange(Vector128<byte>* fromTags, uint* fromRows, int first, int end, int rangeBits, ref int[] counts)
    {
        var count = end - first;
        if (count == 0)
        {
            return true;
        }

        var bits = Math.Min(BitOperations.Log2((uint)count), Math.Max(0, (8 * Math.Min(8, TagSizeBytes)) - rangeBits));
        if (counts.Length < (1 << bits) + 1)
        {
            counts = new int[(1 << bits) + 1];
        }

        var places = counts.AsSpan(0, (1 << bits) + 1);
        places.Clear();
        for (var i = first; i < end; i++)
        {
            places[RangeOf(fromTags[i].AsUInt64().GetElement(1) << rangeBits, bits) + 1]++;
        }

        places[0] = first;
        for (var i = 1; i < places.Length; i++)
        {
            places[i] += places[i - 1];
        }

        var tags = _tags.Pointer;
        var rows = (uint*)_rows.Pointer;
        for (var i = first; i < end; i++)
        {
            var at = places[RangeOf(fromTags[i].AsUInt64().GetElement(1) << rangeBits, bits)]++;
            tags[at] = fromTags[i];
            rows[at] = fromRows[i];
        }

        var distinct = true;
        for (var i = first + 1; i < end; i++)
        {
            var (tag, row, at) = (tags[i], rows[i], i);
            for (; at > first && Less(tag, tags[at - 1]); at--)
            {
                (tags[at], rows[at]) = (tags[at - 1], rows[at - 1]);
            }

            (tags[at], rows[at]) = (tag, row);
            distinct &= at == first || tags[at - 1] != tag;
        }

        return distinct;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tags.Dispose();
        _rows.Dispose();
    }
}
