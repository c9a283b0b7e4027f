using System.Runtime.InteropServices;

namespace PsiMessaging.Data.Keys;

/// <summary>How records that share an identifier are treated.</summary>
public enum DuplicateRule
{
    /// <summary>Any repeated identifier makes the dataset unusable.</summary>
    Reject,
    /// <summary>The first record of each identifier counts, the others are left out and counted.</summary>
    First,
}

/// <summary>
/// Distinct canonical identifiers in compact form: bytes back to back in pages, two integers an identifier. Ten million identifiers of ten
/// characters take about 400 MB. Safe to read from several threads once built.
/// </summary>
public sealed class KeyTable
{
    private const int PageBits = 20;
    private const int PageSize = 1 << PageBits;

    private readonly List<byte[]> _pages = [];
    private readonly List<(long Start, int Length)> _keys = [];
    private readonly List<int> _rows = [];
    private int[] _slots = new int[1024];
    private int _pageUsed = PageSize;

    /// <summary>Number of distinct identifiers.</summary>
    public int Count => _keys.Count;

    /// <summary>Rows read, with and without an identifier.</summary>
    public int Rows { get; private set; }

    /// <summary>Rows without an identifier: a key part was empty.</summary>
    public int Dropped { get; private set; }

    /// <summary>Rows left out because an earlier row has the same identifier.</summary>
    public int Repeated { get; private set; }

    /// <summary>Canonical bytes of one identifier; order of first appearance.</summary>
    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            var (start, length) = _keys[index];
            return _pages[(int)(start >> 32)].AsSpan((int)start, length);
        }
    }

    /// <summary>Zero-based row, in the source's order, where the identifier first stands.</summary>
    public int RowOf(int index) => _rows[index];

    /// <summary>Counts a row that has no identifier.</summary>
    public void AddDropped()
    {
        Rows++;
        Dropped++;
    }

    /// <summary>Adds a row's identifier.</summary>
    public void Add(ReadOnlySpan<byte> canonical)
    {
        var row = Rows++;
        var mask = _slots.Length - 1;
        var slot = HashOf(canonical) & mask;
        while (_slots[slot] != 0)
        {
            if (this[_slots[slot] - 1].SequenceEqual(canonical))
            {
                Repeated++;
                return;
            }

            slot = (slot + 1) & mask;
        }

        Store(canonical);
        _rows.Add(row);
        _slots[slot] = _keys.Count;
        if (_keys.Count * 2 > _slots.Length)
        {
            Grow();
        }
    }

    /// <summary>Reads a whole source.</summary>
    /// <param name="source">The records; read to the end.</param>
    /// <param name="keyColumns">Indices of the key columns, 1 or more.</param>
    /// <param name="canonicalizer">The session's rules.</param>
    public static KeyTable Build(Records.IRecordReader source, IReadOnlyList<int> keyColumns, Canonicalizer canonicalizer)
    {
        var table = new KeyTable();
        while (source.Read())
        {
            canonicalizer.Begin();
            var complete = true;
            foreach (var column in keyColumns)
            {
                complete = complete && canonicalizer.TryAdd(source.GetSpan(column));
            }

            if (complete)
            {
                table.Add(canonicalizer.Current);
            }
            else
            {
                table.AddDropped();
            }
        }

        return table;
    }

    /// <summary>Holds the table to a session's rules.</summary>
    /// <exception cref="InputException">No identifiers at all, or repeated ones under <see cref="DuplicateRule.Reject"/>.</exception>
    public void Check(string name, DuplicateRule rule)
    {
        if (Rows == 0)
        {
            throw new InputException($"{name} has a header but no rows");
        }

        if (Count == 0)
        {
            throw new InputException($"{name}: all {Rows:N0} identifiers are empty");
        }

        if (Repeated > 0 && rule == DuplicateRule.Reject)
        {
            throw new InputException($"{name}: {Repeated:N0} of {Rows:N0} rows repeat an identifier of an earlier row; make them distinct, or take the first of each with --duplicates first");
        }
    }

    private void Store(ReadOnlySpan<byte> canonical)
    {
        if (_pageUsed + canonical.Length > PageSize)
        {
            _pages.Add(new byte[PageSize]);
            _pageUsed = 0;
        }

        canonical.CopyTo(_pages[^1].AsSpan(_pageUsed));
        _keys.Add((((long)(_pages.Count - 1)) << 32 | (uint)_pageUsed, canonical.Length));
        _pageUsed += canonical.Length;
    }

    private void Grow()
    {
        _slots = new int[_slots.Length * 2];
        var mask = _slots.Length - 1;
        for (var i = 0; i < _keys.Count; i++)
        {
            var slot = HashOf(this[i]) & mask;
            while (_slots[slot] != 0)
            {
                slot = (slot + 1) & mask;
            }

            _slots[slot] = i + 1;
        }
    }

    private static int HashOf(ReadOnlySpan<byte> bytes)
    {
        var hash = default(HashCode);
        hash.AddBytes(bytes);
        return hash.ToHashCode();
    }

    /// <summary>Indices of identifiers in the order of their bytes, for output.</summary>
    public int[] Sorted(IEnumerable<int> indices)
    {
        var sorted = indices.ToArray();
        Array.Sort(sorted, (left, right) => CompareKeys(this[left], this[right]));
        return sorted;
    }

    /// <summary>Orders canonical identifiers part by part, each by its UTF-8 bytes.</summary>
    public static int CompareKeys(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        while (!left.IsEmpty && !right.IsEmpty)
        {
            var leftSize = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(left);
            var rightSize = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(right);
            var order = left.Slice(4, leftSize).SequenceCompareTo(right.Slice(4, rightSize));
            if (order != 0)
            {
                return order;
            }

            left = left[(4 + leftSize)..];
            right = right[(4 + rightSize)..];
        }

        return left.Length.CompareTo(right.Length);
    }
}
