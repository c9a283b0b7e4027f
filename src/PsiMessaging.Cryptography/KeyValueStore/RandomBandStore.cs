using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.KeyValueStore;

/// <summary>Why a set of keys could not be encoded.</summary>
public enum EncodeFault
{
    /// <summary>It could.</summary>
    None,
    /// <summary>Two keys are equal; they should have been removed or refused before.</summary>
    DuplicateKey,
    /// <summary>The rows are linearly dependent, by chance less likely than 2^-40: another key of the rows will do.</summary>
    Unsolvable,
}

/// <summary>
/// Oblivious key-value store of random band matrices, RB-OKVS (Bienstock, Patel, Seo, Yeo, ePrint 2023/903): a vector of m = ⌈1.1·n⌉ + 255 elements in which
/// each of n keys decodes, by XOR of those of 256 neighbours that its band names, to its value; nothing else about the keys can be read from it, for free
/// places are random. Decoding is linear over GF(2^128).
/// </summary>
/// <remarks>
/// Encoding is Gaussian elimination along the band. The vector depends on keys, values, hash key and seed alone, not on how the work was split: which places
/// are free follows from the rows' space, and given those the solution is one. Failure at 1.1 and 256: below 2^-50 at a million keys; docs/protocols.md.
/// </remarks>
public static unsafe class RandomBandStore
{
    /// <summary>Coefficients of a row.</summary>
    public const int BandWidth = 256;
    /// <summary>Most keys of a store.</summary>
    public const int MaximumKeys = 1 << 25;

    private const int LineBlocks = 4;
    private const int Padding = BandWidth + (2 * LineBlocks);

    /// <summary>Start positions for n keys: ⌈1.1·n⌉.</summary>
    public static int StartsOf(int keys)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(keys);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(keys, MaximumKeys);
        return Math.Max(1, (int)(((11L * keys) + 9) / 10));
    }

    /// <summary>Elements of the store for n keys, m.</summary>
    public static int ColumnsOf(int keys) => StartsOf(keys) + BandWidth - 1;

    /// <summary>Whether the wide path runs on this processor.</summary>
    public static bool IsAccelerated => Vector512.IsHardwareAccelerated;

    /// <summary>Encodes.</summary>
    /// <param name="rows">The keys' rows.</param>
    /// <param name="values">Their values, in the rows' order.</param>
    /// <param name="seed">Secret key of the free places, 16 bytes, used for this once.</param>
    /// <param name="cores">Threads.</param>
    /// <param name="fault">What went wrong when the result is null.</param>
    /// <returns>The store; longer than m by some zeros.</returns>
    public static BlockBuffer? Encode(BandRows rows, ReadOnlySpan<Vector128<byte>> values, ReadOnlySpan<byte> seed, Cores cores, out EncodeFault fault) =>
        Encode(rows, values, seed, cores, IsAccelerated, BandWidth, out fault);

    /// <summary>With a narrower band, for experiments on the probability of failure, and without the wide path.</summary>
    internal static BlockBuffer? Encode(
        BandRows rows, ReadOnlySpan<Vector128<byte>> values, ReadOnlySpan<byte> seed, Cores cores, bool accelerated, int width, out EncodeFault fault)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length, rows.Count);
        var columns = rows.Starts + BandWidth - 1;
        var store = new BlockBuffer(columns + Padding);
        using var pivots = new BlockBuffer(2 * (columns + Padding));
        fixed (Vector128<byte>* from = values)
        {
            fault = Eliminate(rows, from, store.Pointer, (ulong*)pivots.Pointer, columns, width, cores);
        }

        if (fault != EncodeFault.None)
        {
            store.Dispose();
            return null;
        }

        FillFree(store.Pointer, (ulong*)pivots.Pointer, columns, seed, cores);
        if (accelerated)
        {
            SubstituteWide(store.Pointer, (ulong*)pivots.Pointer, columns, LaneMasks.OfBlocks);
        }
        else
        {
            SubstitutePortable(store.Pointer, (ulong*)pivots.Pointer, columns);
        }

        return store;
    }

    /// <summary>Decodes: result i is the XOR of the elements that row i names.</summary>
    /// <param name="store">
    /// The store, or any vector of its length, with zeros behind as
    /// <see cref="Encode(BandRows, ReadOnlySpan{Vector128{byte}}, ReadOnlySpan{byte}, Cores, out EncodeFault)"/> leaves.
    /// </param>
    /// <param name="rows">Rows, of these keys or others.</param>
    /// <param name="results">Receives a block a row, in the rows' order.</param>
    /// <param name="cores">Threads.</param>
    public static void Decode(BlockBuffer store, BandRows rows, BlockBuffer results, Cores cores) => Decode(store, rows, results, cores, IsAccelerated);

    internal static void Decode(BlockBuffer store, BandRows rows, BlockBuffer results, Cores cores, bool accelerated)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(store.Length, LengthOf(rows.Starts));
        ArgumentOutOfRangeException.ThrowIfLessThan(results.Length, rows.Count);
        cores.Split(rows.Count, BandRows.MaximumBands, (_, first, end) =>
        {
            Span<Vector128<byte>> bands = stackalloc Vector128<byte>[2 * BandRows.MaximumBands];
            for (var at = first; at < end; at += BandRows.MaximumBands)
            {
                var take = Math.Min(BandRows.MaximumBands, end - at);
                rows.Bands(at, bands[..(2 * take)]);
                fixed (Vector128<byte>* band = bands)
                {
                    if (accelerated)
                    {
                        DecodeWide(store.Pointer, rows.Places + at, (ulong*)band, results.Pointer + at, take, LaneMasks.OfBlocks);
                    }
                    else
                    {
                        DecodePortable(store.Pointer, rows.Places + at, (ulong*)band, results.Pointer + at, take);
                    }
                }
            }
        });
    }

    /// <summary>Blocks a vector must have to be decoded: the store's elements and the zeros behind.</summary>
    public static int LengthOf(int starts) => starts + BandWidth - 1 + Padding;

    /// <summary>
    /// Rows in ascending order of their start go to the first free column of their band. Each thread has a range of columns; rows that leave it wait and are
    /// placed one by one at the end.
    /// </summary>
    private static EncodeFault Eliminate(BandRows rows, Vector128<byte>* values, Vector128<byte>* store, ulong* pivots, int columns, int width, Cores cores)
    {
        var parts = cores.PartsOf(rows.Count, 1 << 14);
        var late = new List<LateRow>[parts];
        var faults = new EncodeFault[parts];
        cores.Split(rows.Count, 1 << 14, (part, first, end) =>
        {
            var limit = end == rows.Count ? columns : rows.StartOf(end);
            late[part] = [];
            faults[part] = EliminateRange(rows, values, store, pivots, first, end, limit, width, late[part]);
        });
        foreach (var waiting in late.SelectMany(list => list))
        {
            var row = waiting;
            var fault = PlaceRow(ref row, store, pivots, columns);
            if (fault != EncodeFault.None)
            {
                return fault;
            }
        }

        return faults.FirstOrDefault(fault => fault != EncodeFault.None);
    }

    private record struct LateRow(int Column, ulong B0, ulong B1, ulong B2, ulong B3, Vector128<byte> Value);

    private static EncodeFault EliminateRange(
        BandRows rows, Vector128<byte>* values, Vector128<byte>* store, ulong* pivots, int first, int end, int limit, int width, List<LateRow> late)
    {
        Span<Vector128<byte>> bands = stackalloc Vector128<byte>[2 * BandRows.MaximumBands];
        for (var at = first; at < end; at += BandRows.MaximumBands)
        {
            var take = Math.Min(BandRows.MaximumBands, end - at);
            rows.Bands(at, bands[..(2 * take)]);
            if (width < BandWidth)
            {
                Narrow(bands[..(2 * take)], width);
            }

            fixed (Vector128<byte>* band = bands)
            {
                for (var i = 0; i < take; i++)
                {
                    var b = (ulong*)(band + (2 * i));
                    var row = new LateRow(rows.StartOf(at + i), b[0], b[1], b[2], b[3], values[at + i]);
                    var fault = PlaceRow(ref row, store, pivots, limit);
                    if (fault != EncodeFault.None)
                    {
                        return fault;
                    }

                    if (row.Column >= 0)
                    {
                        late.Add(row);
                    }
                }
            }
        }

        return EncodeFault.None;
    }

    private static void Narrow(Span<Vector128<byte>> bands, int width)
    {
        var words = System.Runtime.InteropServices.MemoryMarshal.Cast<Vector128<byte>, ulong>(bands);
        for (var i = 0; i < words.Length; i++)
        {
            var bits = Math.Clamp(width - ((i & 3) * 64), 0, 64);
            words[i] &= bits == 64 ? ulong.MaxValue : (1UL << bits) - 1;
        }
    }

    /// <summary>Places a row, or leaves in it where it stood when it reached <paramref name="limit"/>; a placed row has column -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static EncodeFault PlaceRow(ref LateRow row, Vector128<byte>* store, ulong* pivots, int limit)
    {
        var (column, b0, b1, b2, b3, value) = row;
        while (true)
        {
            if (b0 == 0)
            {
                if ((b1 | b2 | b3) == 0)
                {
                    return value == Vector128<byte>.Zero ? EncodeFault.DuplicateKey : EncodeFault.Unsolvable;
                }

                (b0, b1, b2, b3, column) = (b1, b2, b3, 0, column + 64);
                continue;
            }

            var zeros = BitOperations.TrailingZeroCount(b0);
            if (zeros != 0)
            {
                b0 = (b0 >> zeros) | (b1 << (64 - zeros));
                b1 = (b1 >> zeros) | (b2 << (64 - zeros));
                b2 = (b2 >> zeros) | (b3 << (64 - zeros));
                b3 >>= zeros;
                column += zeros;
            }

            if (column >= limit)
            {
                row = new LateRow(column, b0, b1, b2, b3, value);
                return EncodeFault.None;
            }

            var pivot = pivots + (4L * column);
            if (pivot[0] == 0)
            {
                (pivot[0], pivot[1], pivot[2], pivot[3]) = (b0, b1, b2, b3);
                store[column] = value;
                row.Column = -1;
                return EncodeFault.None;
            }

            b0 ^= pivot[0];
            b1 ^= pivot[1];
            b2 ^= pivot[2];
            b3 ^= pivot[3];
            value ^= store[column];
        }
    }

    private static void FillFree(Vector128<byte>* store, ulong* pivots, int columns, ReadOnlySpan<byte> seed, Cores cores)
    {
        using var random = new Aes128(seed);
        cores.Split(columns, 1024, (_, first, end) =>
        {
            Span<Vector128<byte>> blocks = stackalloc Vector128<byte>[64];
            for (var at = first; at < end; at += blocks.Length)
            {
                var take = Math.Min(blocks.Length, end - at);
                random.Counter((ulong)at, blocks[..take]);
                for (var i = 0; i < take; i++)
                {
                    if (pivots[4L * (at + i)] == 0)
                    {
                        store[at + i] = blocks[i];
                    }
                }
            }
        });
    }

    private static void SubstitutePortable(Vector128<byte>* store, ulong* pivots, int columns)
    {
        for (var column = columns - 1; column >= 0; column--)
        {
            store[column] ^= Gather(store + column, pivots + (4L * column), skipFirst: true);
        }
    }

    private static Vector128<byte> Gather(Vector128<byte>* at, ulong* band, bool skipFirst)
    {
        var sum = Vector128<byte>.Zero;
        for (var word = 0; word < 4; word++)
        {
            for (var bits = word == 0 && skipFirst ? band[0] & ~1UL : band[word]; bits != 0; bits &= bits - 1)
            {
                sum ^= at[(64 * word) + BitOperations.TrailingZeroCount(bits)];
            }
        }

        return sum;
    }

    /// <summary>
    /// Back substitution, four columns a step: the lines behind them are read once for all four and always whole, as they were written, so that the processor
    /// can forward what it stored a moment ago; within the four it is plain triangular substitution.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SubstituteWide(Vector128<byte>* store, ulong* pivots, int columns, ulong* masks)
    {
        for (var column = (columns - 1) & ~(LineBlocks - 1); column >= 0; column -= LineBlocks)
        {
            var p0 = pivots + (4L * column);
            var p1 = p0 + 4;
            var p2 = p0 + 8;
            var p3 = p0 + 12;
            var line = (ulong*)(store + column);
            Vector512<ulong> s0 = default, s1 = default, s2 = default, s3 = default;
            for (var word = 0; word < 4; word++)
            {
                // Bit i of a band stands for the column i places on: shifted, so that bit 0 is the first column behind the four.
                var (w0, w1, w2, w3) = (Shifted(p0, word, 4), Shifted(p1, word, 3), Shifted(p2, word, 2), Shifted(p3, word, 1));
                var data = line + 8 + (word * 128);
                for (var part = 0; part < 4; part++)
                {
                    Vector512<ulong> d;
                    d = Vector512.LoadAligned(data);
                    s0 = LaneMasks.Add(s0, d, masks, w0, 0, 4);
                    s1 = LaneMasks.Add(s1, d, masks, w1, 0, 4);
                    s2 = LaneMasks.Add(s2, d, masks, w2, 0, 4);
                    s3 = LaneMasks.Add(s3, d, masks, w3, 0, 4);
                    d = Vector512.LoadAligned(data + 8);
                    s0 = LaneMasks.Add(s0, d, masks, w0, 4, 4);
                    s1 = LaneMasks.Add(s1, d, masks, w1, 4, 4);
                    s2 = LaneMasks.Add(s2, d, masks, w2, 4, 4);
                    s3 = LaneMasks.Add(s3, d, masks, w3, 4, 4);
                    d = Vector512.LoadAligned(data + 16);
                    s0 = LaneMasks.Add(s0, d, masks, w0, 8, 4);
                    s1 = LaneMasks.Add(s1, d, masks, w1, 8, 4);
                    s2 = LaneMasks.Add(s2, d, masks, w2, 8, 4);
                    s3 = LaneMasks.Add(s3, d, masks, w3, 8, 4);
                    d = Vector512.LoadAligned(data + 24);
                    s0 = LaneMasks.Add(s0, d, masks, w0, 12, 4);
                    s1 = LaneMasks.Add(s1, d, masks, w1, 12, 4);
                    s2 = LaneMasks.Add(s2, d, masks, w2, 12, 4);
                    s3 = LaneMasks.Add(s3, d, masks, w3, 12, 4);
                    data += 32;
                    w0 >>= 16;
                    w1 >>= 16;
                    w2 >>= 16;
                    w3 >>= 16;
                }
            }

            var own = Vector512.LoadAligned(line);
            var y3 = Sum(s3) ^ own.GetUpper().GetUpper();
            var y2 = Sum(s2) ^ own.GetUpper().GetLower() ^ (y3 & Mask(p2[0], 1));
            var y1 = Sum(s1) ^ own.GetLower().GetUpper() ^ (y2 & Mask(p1[0], 1)) ^ (y3 & Mask(p1[0], 2));
            var y0 = Sum(s0) ^ own.GetLower().GetLower() ^ (y1 & Mask(p0[0], 1)) ^ (y2 & Mask(p0[0], 2)) ^ (y3 & Mask(p0[0], 3));
            Vector512.Create(Vector256.Create(y0, y1), Vector256.Create(y2, y3)).StoreAligned(line);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Shifted(ulong* band, int word, int shift) => (band[word] >> shift) | (word == 3 ? 0 : band[word + 1] << (64 - shift));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DecodeWide(Vector128<byte>* store, ulong* places, ulong* bands, Vector128<byte>* results, int count, ulong* masks)
    {
        for (var i = 0; i < count; i++)
        {
            // Whole lines only: the band is moved to the line's border instead of the loads to the band's.
            var start = (int)(places[i] >> 32);
            var shift = start & (LineBlocks - 1);
            var data = (ulong*)(store + (start - shift));
            var band = bands + (4 * i);
            Vector512<ulong> even = default, odd = default;
            var (b0, b1, b2, b3) = (band[0], band[1], band[2], band[3]);
            LaneMasks.AddLines(ref even, ref odd, masks, b0 << shift, data);
            LaneMasks.AddLines(ref even, ref odd, masks, (b1 << shift) | Carried(b0, shift), data + 128);
            LaneMasks.AddLines(ref even, ref odd, masks, (b2 << shift) | Carried(b1, shift), data + 256);
            LaneMasks.AddLines(ref even, ref odd, masks, (b3 << shift) | Carried(b2, shift), data + 384);
            even = LaneMasks.AddLine(even, masks, Carried(b3, shift), data + 512, 0);
            results[i] = Sum(even ^ odd).AsByte();
        }
    }

    /// <summary>The bits that a shift to the left moves out of a word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Carried(ulong word, int shift) => (word >> 1) >> (63 - shift);

    private static void DecodePortable(Vector128<byte>* store, ulong* places, ulong* bands, Vector128<byte>* results, int count)
    {
        for (var i = 0; i < count; i++)
        {
            results[i] = Gather(store + (int)(places[i] >> 32), bands + (4 * i), skipFirst: false);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Sum(Vector512<ulong> value)
    {
        var half = value.GetLower() ^ value.GetUpper();
        return half.GetLower() ^ half.GetUpper();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Mask(ulong bits, int bit) => Vector128.Create(0UL - ((bits >> bit) & 1));
}
