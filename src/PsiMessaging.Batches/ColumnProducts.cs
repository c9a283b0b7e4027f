using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PsiMessaging.Batches;

/// <summary>
/// The arithmetic of engine <c>masked</c>: AᵀB modulo 2^64 for tall matrices that come in pieces, column after column. Works on blocks of 4 by 3 columns whose
/// sums stay in registers, in vectors as wide as the machine multiplies; stretches of rows are short enough that both matrices' part stays in the cache.
/// </summary>
public static class ColumnProducts
{
    /// <summary>Rows of a stretch.</summary>
    private const int StretchRows = 1024;

    /// <summary>Adds AᵀB of one piece to a sum.</summary>
    /// <param name="a">First matrix, column after column, <paramref name="rows"/> words each.</param>
    /// <param name="aColumns">Its columns.</param>
    /// <param name="b">Second matrix, laid out alike.</param>
    /// <param name="bColumns">Its columns.</param>
    /// <param name="rows">Rows of the piece.</param>
    /// <param name="sum">aColumns × bColumns words, row after row.</param>
    public static void Add(ReadOnlySpan<ulong> a, int aColumns, ReadOnlySpan<ulong> b, int bColumns, int rows, Span<ulong> sum)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(a.Length, aColumns * rows);
        ArgumentOutOfRangeException.ThrowIfNotEqual(b.Length, bColumns * rows);
        ArgumentOutOfRangeException.ThrowIfNotEqual(sum.Length, aColumns * bColumns);
        ref var aStart = ref MemoryMarshal.GetReference(a);
        ref var bStart = ref MemoryMarshal.GetReference(b);
        // Blocks are 4 columns of one matrix by 3 of the other; which way round leaves less over.
        var turned = Waste(bColumns, aColumns) < Waste(aColumns, bColumns);
        for (var first = 0; first < rows; first += StretchRows)
        {
            var count = Math.Min(StretchRows, rows - first);
            if (turned)
            {
                Stretch(ref bStart, bColumns, ref aStart, aColumns, rows, first, count, sum, 1, bColumns);
            }
            else
            {
                Stretch(ref aStart, aColumns, ref bStart, bColumns, rows, first, count, sum, bColumns, 1);
            }
        }
    }

    private static double Waste(int tall, int wide) => (double)((tall + 3) / 4 * 4) * ((wide + 2) / 3 * 3);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Stretch(ref ulong a, int aColumns, ref ulong b, int bColumns, int stride, int first, int count, Span<ulong> sum, int down, int across)
    {
        Span<ulong> block = stackalloc ulong[12];
        for (var i = 0; i < aColumns; i += 4)
        {
            for (var j = 0; j < bColumns; j += 3)
            {
                if (aColumns < 4 || bColumns < 3)
                {
                    for (var y = i; y < Math.Min(aColumns, i + 4); y++)
                    {
                        for (var x = j; x < Math.Min(bColumns, j + 3); x++)
                        {
                            sum[(y * down) + (x * across)] +=
                                Dot(ref Unsafe.Add(ref a, (y * stride) + first), ref Unsafe.Add(ref b, (x * stride) + first), count);
                        }
                    }

                    continue;
                }

                // At the edge the block moves back over columns that are done; their part of it is not added again.
                var (top, left) = (Math.Min(i, aColumns - 4), Math.Min(j, bColumns - 3));
                ref var rowsOfA = ref Unsafe.Add(ref a, (top * stride) + first);
                ref var rowsOfB = ref Unsafe.Add(ref b, (left * stride) + first);
                if (Vector512.IsHardwareAccelerated)
                {
                    Block512(ref rowsOfA, ref rowsOfB, stride, count, block);
                }
                else
                {
                    BlockVector(ref rowsOfA, ref rowsOfB, stride, count, block);
                }

                for (var y = i; y < top + 4; y++)
                {
                    for (var x = j; x < left + 3; x++)
                    {
                        sum[(y * down) + (x * across)] += block[((y - top) * 3) + x - left];
                    }
                }
            }
        }
    }

    /// <summary>Subtracts one sequence of words from another.</summary>
    public static void SubtractFrom(Span<ulong> target, ReadOnlySpan<ulong> words)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(words.Length, target.Length);
        for (var i = 0; i < target.Length; i++)
        {
            target[i] -= words[i];
        }
    }

    /// <summary>Adds one sequence of words to another.</summary>
    public static void AddTo(Span<ulong> target, ReadOnlySpan<ulong> words)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(words.Length, target.Length);
        ref var to = ref MemoryMarshal.GetReference(target);
        ref var from = ref MemoryMarshal.GetReference(words);
        var i = 0;
        for (; i <= target.Length - Vector512<ulong>.Count; i += Vector512<ulong>.Count)
        {
            (Vector512.LoadUnsafe(ref to, (nuint)i) + Vector512.LoadUnsafe(ref from, (nuint)i)).StoreUnsafe(ref to, (nuint)i);
        }

        for (; i < target.Length; i++)
        {
            target[i] += words[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong Dot(ref ulong left, ref ulong right, int count)
    {
        var (s0, s1) = (Vector512<ulong>.Zero, Vector512<ulong>.Zero);
        var i = 0;
        for (; i <= count - 16; i += 16)
        {
            s0 += Vector512.LoadUnsafe(ref left, (nuint)i) * Vector512.LoadUnsafe(ref right, (nuint)i);
            s1 += Vector512.LoadUnsafe(ref left, (nuint)i + 8) * Vector512.LoadUnsafe(ref right, (nuint)i + 8);
        }

        var sum = Vector512.Sum(s0 + s1);
        for (; i < count; i++)
        {
            sum += Unsafe.Add(ref left, i) * Unsafe.Add(ref right, i);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Block512(ref ulong a, ref ulong b, int stride, int rows, Span<ulong> block)
    {
        Vector512<ulong> s00 = default, s01 = default, s02 = default, s10 = default, s11 = default, s12 =
            default, s20 = default, s21 = default, s22 = default, s30 = default, s31 = default, s32 = default;
        ref var a1 = ref Unsafe.Add(ref a, stride);
        ref var a2 = ref Unsafe.Add(ref a1, stride);
        ref var a3 = ref Unsafe.Add(ref a2, stride);
        ref var b1 = ref Unsafe.Add(ref b, stride);
        ref var b2 = ref Unsafe.Add(ref b1, stride);
        nuint i = 0;
        for (; (int)i <= rows - 8; i += 8)
        {
            var (x0, x1, x2) = (Vector512.LoadUnsafe(ref b, i), Vector512.LoadUnsafe(ref b1, i), Vector512.LoadUnsafe(ref b2, i));
            var y0 = Vector512.LoadUnsafe(ref a, i);
            s00 += y0 * x0;
            s01 += y0 * x1;
            s02 += y0 * x2;
            var y1 = Vector512.LoadUnsafe(ref a1, i);
            s10 += y1 * x0;
            s11 += y1 * x1;
            s12 += y1 * x2;
            var y2 = Vector512.LoadUnsafe(ref a2, i);
            s20 += y2 * x0;
            s21 += y2 * x1;
            s22 += y2 * x2;
            var y3 = Vector512.LoadUnsafe(ref a3, i);
            s30 += y3 * x0;
            s31 += y3 * x1;
            s32 += y3 * x2;
        }

        ReadOnlySpan<ulong> sums =
        [
            Vector512.Sum(s00), Vector512.Sum(s01), Vector512.Sum(s02), Vector512.Sum(s10), Vector512.Sum(s11), Vector512.Sum(s12),
            Vector512.Sum(s20), Vector512.Sum(s21), Vector512.Sum(s22), Vector512.Sum(s30), Vector512.Sum(s31), Vector512.Sum(s32),
        ];
        sums.CopyTo(block);
        Finish(ref a, ref b, stride, (int)i, rows, block);
    }

    /// <summary>The same where vectors are narrower: as wide as <see cref="System.Numerics.Vector{T}"/> is on the machine.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void BlockVector(ref ulong a, ref ulong b, int stride, int rows, Span<ulong> block)
    {
        System.Numerics.Vector<ulong> s00 = default, s01 = default, s02 = default, s10 = default, s11 = default, s12 =
            default, s20 = default, s21 = default, s22 = default, s30 = default, s31 = default, s32 = default;
        var step = System.Numerics.Vector<ulong>.Count;
        var i = 0;
        for (; i <= rows - step; i += step)
        {
            var (x0, x1, x2) = (Load(ref b, i), Load(ref b, stride + i), Load(ref b, (2 * stride) + i));
            var y0 = Load(ref a, i);
            s00 += y0 * x0;
            s01 += y0 * x1;
            s02 += y0 * x2;
            var y1 = Load(ref a, stride + i);
            s10 += y1 * x0;
            s11 += y1 * x1;
            s12 += y1 * x2;
            var y2 = Load(ref a, (2 * stride) + i);
            s20 += y2 * x0;
            s21 += y2 * x1;
            s22 += y2 * x2;
            var y3 = Load(ref a, (3 * stride) + i);
            s30 += y3 * x0;
            s31 += y3 * x1;
            s32 += y3 * x2;
        }

        ReadOnlySpan<ulong> sums =
        [
            System.Numerics.Vector.Sum(s00), System.Numerics.Vector.Sum(s01), System.Numerics.Vector.Sum(s02),
            System.Numerics.Vector.Sum(s10), System.Numerics.Vector.Sum(s11), System.Numerics.Vector.Sum(s12),
            System.Numerics.Vector.Sum(s20), System.Numerics.Vector.Sum(s21), System.Numerics.Vector.Sum(s22),
            System.Numerics.Vector.Sum(s30), System.Numerics.Vector.Sum(s31), System.Numerics.Vector.Sum(s32),
        ];
        sums.CopyTo(block);
        Finish(ref a, ref b, stride, i, rows, block);
    }

    private static System.Numerics.Vector<ulong> Load(ref ulong start, int offset) => System.Numerics.Vector.LoadUnsafe(ref start, (nuint)offset);

    private static void Finish(ref ulong a, ref ulong b, int stride, int from, int rows, Span<ulong> block)
    {
        for (var y = 0; y < 4; y++)
        {
            for (var x = 0; x < 3; x++)
            {
                for (var i = from; i < rows; i++)
                {
                    block[(y * 3) + x] += Unsafe.Add(ref a, (y * stride) + i) * Unsafe.Add(ref b, (x * stride) + i);
                }
            }
        }
    }
}
