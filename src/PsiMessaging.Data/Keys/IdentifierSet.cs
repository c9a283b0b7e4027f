using System.Buffers.Binary;
using PsiMessaging.Data.Datasets;
using PsiMessaging.Data.Records;
using PsiMessaging.Data.Sorting;

namespace PsiMessaging.Data.Keys;

/// <summary>How records that share an identifier are treated.</summary>
public enum DuplicateRule
{
    /// <summary>Any repeated identifier makes the dataset unusable.</summary>
    Reject,
    /// <summary>The first record of each identifier counts, the others are left out and counted.</summary>
    First,
}

/// <summary>What was found while a source's identifiers were gathered.</summary>
/// <param name="Rows">Rows read, with and without an identifier.</param>
/// <param name="Distinct">Distinct identifiers.</param>
/// <param name="Dropped">Rows without an identifier: a key part was empty.</param>
/// <param name="Repeated">Rows left out because an earlier row has the same identifier.</param>
public sealed record IdentifierCounts(int Rows, int Distinct, int Dropped, int Repeated)
{
    /// <summary>Holds the counts to a session's rules.</summary>
    /// <exception cref="InputException">No identifiers at all, or repeated ones under <see cref="DuplicateRule.Reject"/>.</exception>
    public void Check(string name, DuplicateRule rule)
    {
        if (Rows == 0)
        {
            throw new InputException($"{name} has a header but no rows");
        }

        if (Distinct == 0)
        {
            throw new InputException($"{name}: all {Rows:N0} identifiers are empty or stand for missing values");
        }

        if (Repeated > 0 && rule == DuplicateRule.Reject)
        {
            throw new InputException(
                $"{name}: {Repeated:N0} of {Rows:N0} rows repeat an identifier of an earlier row; make them distinct, or take the first of each with "
                    + "--duplicates first");
        }
    }
}

/// <summary>A hash under a secret key. Identifiers are put in the order of it: a shuffle to whoever has not got the key.</summary>
public delegate ulong IdentifierHash(ReadOnlySpan<byte> canonical);

/// <summary>Gathers a source's distinct identifiers, in memory that does not grow with it. Not thread-safe.</summary>
/// <param name="hash">Decides the order and brings equal identifiers together.</param>
/// <param name="keyColumns">Indices of the key columns, 1 or more.</param>
/// <param name="canonicalizer">The rules.</param>
/// <param name="scratch">Where sorted runs go.</param>
/// <param name="counters">One for each key column, to count how its values look; null counts nothing.</param>
public sealed class IdentifierSet(IdentifierHash hash, IReadOnlyList<int> keyColumns, Canonicalizer canonicalizer,
    ScratchFolder scratch, IReadOnlyList<KeyPartCounter>? counters = null) : IDisposable
{
    private readonly ExternalSorter _sorter = new(scratch, CompareRecords);
    private byte[] _record = new byte[256];
    private int _rows;
    private int _dropped;

    /// <summary>Takes the identifiers of a block of rows; the next rows after those it took before.</summary>
    /// <param name="block">The rows.</param>
    /// <param name="row">Set to the row in hand.</param>
    public void Add(RowBlock block, ref int row)
    {
        for (row = 0; row < block.Rows; row++)
        {
            Add(block[row]);
        }
    }

    /// <summary>Takes the identifier of a row.</summary>
    public void Add<T>(T source) where T : IRowValues
    {
        var row = _rows++;
        if (!TryReadCounting(source))
        {
            _dropped++;
            return;
        }

        AddRecord(_sorter, ref _record, hash, row, canonicalizer.Current);
    }

    private bool TryReadCounting<T>(T source) where T : IRowValues
    {
        if (counters is null)
        {
            return TryRead(source, keyColumns, canonicalizer);
        }

        canonicalizer.Begin();
        for (var i = 0; i < keyColumns.Count; i++)
        {
            var isThere = canonicalizer.TryAdd(source.GetSpan(keyColumns[i]), out var part, out var repairs);
            counters[i].Add(part, isThere, repairs);
            if (!isThere)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Writes the distinct identifiers, each with its first row.</summary>
    public IdentifierCounts Write(string path)
    {
        var (distinct, repeated) = WriteSorted(_sorter, path);
        return new IdentifierCounts(_rows, distinct, _dropped, repeated);
    }

    /// <summary>Writes a set again in the order of another hash.</summary>
    /// <param name="source">The set.</param>
    /// <param name="hash">The new order; under a key that belongs to one session, two sessions' orders are independent.</param>
    /// <param name="scratch">Where sorted runs go.</param>
    /// <param name="path">The new file.</param>
    public static void Reorder(IdentifierFile source, IdentifierHash hash, ScratchFolder scratch, string path)
    {
        using var sorter = new ExternalSorter(scratch, CompareRecords);
        var record = new byte[256];
        source.ReadAll((_, row, canonical) => AddRecord(sorter, ref record, hash, row, canonical));
        WriteSorted(sorter, path);
    }

    /// <summary>Reads the identifier of the row in hand into <see cref="Canonicalizer.Current"/>.</summary>
    /// <returns>False when a key part is empty.</returns>
    public static bool TryRead<T>(T source, IReadOnlyList<int> keyColumns, Canonicalizer canonicalizer) where T : IRowValues
    {
        canonicalizer.Begin();
        foreach (var column in keyColumns)
        {
            if (!canonicalizer.TryAdd(source.GetSpan(column)))
            {
                return false;
            }
        }

        return true;
    }

    private static void AddRecord(ExternalSorter sorter, ref byte[] record, IdentifierHash hash, int row, ReadOnlySpan<byte> canonical)
    {
        if (record.Length < canonical.Length + 4)
        {
            record = new byte[(canonical.Length + 4) * 2];
        }

        BinaryPrimitives.WriteInt32BigEndian(record, row);
        canonical.CopyTo(record.AsSpan(4));
        sorter.Add(hash(canonical), record.AsSpan(0, canonical.Length + 4));
    }

    private static (int Distinct, int Repeated) WriteSorted(ExternalSorter sorter, string path)
    {
        using var writer = new IdentifierFile.Writer(path);
        var (distinct, repeated) = (0, 0);
        var last = Array.Empty<byte>();
        var lastLength = -1;
        for (var records = sorter.Read(); records.MoveNext();)
        {
            var canonical = records.Content[4..];
            if (lastLength >= 0 && canonical.SequenceEqual(last.AsSpan(0, lastLength)))
            {
                repeated++;
                continue;
            }

            if (last.Length < canonical.Length)
            {
                last = new byte[canonical.Length * 2];
            }

            canonical.CopyTo(last);
            lastLength = canonical.Length;
            writer.Add(BinaryPrimitives.ReadInt32BigEndian(records.Content), canonical);
            distinct++;
        }

        writer.Complete();
        return (distinct, repeated);
    }

    /// <summary>Equal identifiers together, the earliest row first.</summary>
    private static int CompareRecords(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var order = left[4..].SequenceCompareTo(right[4..]);
        return order != 0 ? order : left[..4].SequenceCompareTo(right[..4]);
    }

    /// <inheritdoc/>
    public void Dispose() => _sorter.Dispose();
}
