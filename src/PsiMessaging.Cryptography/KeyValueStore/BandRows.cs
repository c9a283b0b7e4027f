using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.KeyValueStore;

/// <summary>
/// A set of keys as rows of the random band matrix, in ascending order of where their bands begin: memory is then walked once, from front to back. A key's row
/// comes from the hashes c_j of key ⊕ j, j = 0, 1, 2: it begins at ⌊low64(c_0)·S / 2^64⌋ of S starts, and c_1, c_2 are its 256 coefficients, the first set to
/// one.
/// </summary>
public sealed unsafe class BandRows : IDisposable
{
    private const int ChunkKeys = 64;
    private const int LargestRanges = 4096;

    private readonly BlockBuffer _keys;
    private readonly BlockBuffer _places;
    private readonly Aes128 _hash;

    private BandRows(int count, int starts, Aes128 hash) =>
        (Count, Starts, _hash, _keys, _places) = (count, starts, hash, new BlockBuffer(count), new BlockBuffer((count + 1) / 2));

    /// <summary>Number of keys.</summary>
    public int Count { get; }

    /// <summary>Start positions, S.</summary>
    public int Starts { get; }

    /// <summary>The keys in the rows' order.</summary>
    public ReadOnlySpan<Vector128<byte>> Keys => _keys.Span;

    /// <summary>Which key of those given a row is, from 0.</summary>
    public int IndexOf(int row) => (int)(uint)Places[row];

    /// <summary>Where a row's band begins.</summary>
    internal int StartOf(int row) => (int)(Places[row] >> 32);

    /// <summary>Start in the upper half, index in the lower.</summary>
    internal ulong* Places => (ulong*)_places.Pointer;

    /// <summary>Hashes and orders keys.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="starts">Start positions of the store they are for.</param>
    /// <param name="hashKey">Public key of the rows, 16 bytes, drawn after the keys were fixed.</param>
    /// <param name="cores">Threads.</param>
    public static BandRows Create(BlockBuffer keys, int starts, ReadOnlySpan<byte> hashKey, Cores cores)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(starts);
        var rows = new BandRows(keys.Length, starts, new Aes128(hashKey));
        try
        {
            rows.Order(keys, cores);
            return rows;
        }
        catch
        {
            rows.Dispose();
            throw;
        }
    }

    /// <summary>The coefficients of rows <paramref name="first"/>.., 32 bytes each.</summary>
    /// <param name="first">From 0.</param>
    /// <param name="bands">Receives two blocks a row, as many rows as fit, at most <see cref="MaximumBands"/>.</param>
    internal void Bands(int first, Span<Vector128<byte>> bands)
    {
        var keys = _keys.Span.Slice(first, bands.Length / 2);
        for (var i = 0; i < keys.Length; i++)
        {
            bands[2 * i] = keys[i] ^ Vector128.CreateScalar(1UL).AsByte();
            bands[(2 * i) + 1] = keys[i] ^ Vector128.CreateScalar(2UL).AsByte();
        }

        _hash.Hash(bands, bands);
        for (var i = 0; i < keys.Length; i++)
        {
            bands[2 * i] |= Vector128.CreateScalar(1UL).AsByte();
        }
    }

    /// <summary>Rows whose coefficients are best made at a time: they stay in the innermost cache.</summary>
    internal const int MaximumBands = 64;

    private void Order(BlockBuffer keys, Cores cores)
    {
        // Radix first, by the starts' high bits into ranges that fit a cache, then each range by counting.
        var shift = 6;
        while (((Starts - 1) >> shift) >= LargestRanges || (((Starts - 1) >> shift) >= 1024 && shift < 13))
        {
            shift++;
        }

        var ranges = ((Starts - 1) >> shift) + 1;
        var parts = cores.PartsOf(keys.Length, ChunkKeys);
        var begins = new int[parts][];
        using var starts = new BlockBuffer((keys.Length + 3) / 4);
        using var unorderedKeys = new BlockBuffer(keys.Length);
        using var unorderedPlaces = new BlockBuffer((keys.Length + 1) / 2);
        cores.Split(keys.Length, ChunkKeys, (part, first, end) => begins[part] = HashKeys(keys.Span, (uint*)starts.Pointer, first, end, shift, ranges));

        // Where each part's keys of each range go: equal starts keep the order they came in, whatever the number of threads.
        var bounds = new int[ranges + 1];
        var next = 0;
        for (var range = 0; range < ranges; range++)
        {
            bounds[range] = next;
            for (var part = 0; part < parts; part++)
            {
                (begins[part][range], next) = (next, next + begins[part][range]);
            }
        }

        bounds[ranges] = next;
        cores.Split(keys.Length, ChunkKeys, (part, first, end) =>
            Scatter(keys.Span, (uint*)starts.Pointer, first, end, shift, begins[part], unorderedKeys.Pointer, (ulong*)unorderedPlaces.Pointer));
        cores.Split(ranges, 1, (_, first, end) =>
        {
            var counts = new int[(1 << shift) + 1];
            for (var range = first; range < end; range++)
            {
                OrderRange(unorderedKeys.Pointer, (ulong*)unorderedPlaces.Pointer, bounds[range], bounds[range + 1], range << shift, counts);
            }
        });
    }

    // Long loops from the first call of a process on: they would run unoptimized.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int[] HashKeys(ReadOnlySpan<Vector128<byte>> keys, uint* starts, int first, int end, int shift, int ranges)
    {
        var counts = new int[ranges];
        Span<Vector128<byte>> hashes = stackalloc Vector128<byte>[ChunkKeys];
        for (var at = first; at < end; at += ChunkKeys)
        {
            var take = Math.Min(ChunkKeys, end - at);
            _hash.Hash(keys.Slice(at, take), hashes);
            for (var i = 0; i < take; i++)
            {
                var start = (uint)Math.BigMul(hashes[i].AsUInt64().GetElement(0), (ulong)Starts, out _);
                starts[at + i] = start;
                counts[start >> shift]++;
            }
        }

        return counts;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scatter(ReadOnlySpan<Vector128<byte>> keys, uint* starts, int first,
        int end, int shift, int[] next, Vector128<byte>* toKeys, ulong* toPlaces)
    {
        for (var i = first; i < end; i++)
        {
            var at = next[starts[i] >> shift]++;
            toKeys[at] = keys[i];
            toPlaces[at] = ((ulong)starts[i] << 32) | (uint)i;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void OrderRange(Vector128<byte>* fromKeys, ulong* fromPlaces, int first, int end, int firstStart, int[] counts)
    {
        counts.AsSpan().Clear();
        for (var i = first; i < end; i++)
        {
            counts[(int)(fromPlaces[i] >> 32) - firstStart + 1]++;
        }

        counts[0] = first;
        for (var i = 1; i < counts.Length; i++)
        {
            counts[i] += counts[i - 1];
        }

        var keys = _keys.Pointer;
        var places = Places;
        for (var i = first; i < end; i++)
        {
            var at = counts[(int)(fromPlaces[i] >> 32) - firstStart]++;
            keys[at] = fromKeys[i];
            places[at] = fromPlaces[i];
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _keys.Dispose();
        _places.Dispose();
        _hash.Dispose();
    }
}
