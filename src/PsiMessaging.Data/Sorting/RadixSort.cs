using System.Buffers;
using System.Numerics;

namespace PsiMessaging.Data.Sorting;

/// <summary>
/// Sorts 64-bit keys with a number each: by the eight highest bits in which they differ, then each part by the next eight, down to parts that are sorted by
/// comparing. Eight passes at most, whatever the keys are.
/// </summary>
internal static class RadixSort
{
    /// <summary>Parts up to this size are sorted by comparing.</summary>
    private const int SmallPart = 96;

    private const int Digits = 256;

    /// <summary>Sorts keys, in ascending order, and what goes with them.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="numbers">As many; of equal keys in no order.</param>
    public static void Sort(Span<ulong> keys, Span<int> numbers)
    {
        if (keys.Length <= SmallPart)
        {
            keys.Sort(numbers);
            return;
        }

        var (otherKeys, otherNumbers) = (ArrayPool<ulong>.Shared.Rent(keys.Length), ArrayPool<int>.Shared.Rent(keys.Length));
        Sort(keys, numbers, otherKeys, otherNumbers);

        // Keys may be the beginning of an identifier.
        otherKeys.AsSpan(0, keys.Length).Clear();
        ArrayPool<ulong>.Shared.Return(otherKeys);
        ArrayPool<int>.Shared.Return(otherNumbers);
    }

    private static void Sort(Span<ulong> keys, Span<int> numbers, Span<ulong> otherKeys, Span<int> otherNumbers)
    {
        var (differ, isSorted) = Look(keys);
        if (isSorted)
        {
            return;
        }

        var shift = Math.Max(0, 56 - BitOperations.LeadingZeroCount(differ));
        Span<int> ends = stackalloc int[Digits];
        ends.Clear();
        foreach (var key in keys)
        {
            ends[(int)(key >> shift) & (Digits - 1)]++;
        }

        var start = 0;
        for (var digit = 0; digit < Digits; digit++)
        {
            (ends[digit], start) = (start, start + ends[digit]);
        }

        for (var i = 0; i < keys.Length; i++)
        {
            var key = keys[i];
            var to = ends[(int)(key >> shift) & (Digits - 1)]++;
            (otherKeys[to], otherNumbers[to]) = (key, numbers[i]);
        }

        otherKeys[..keys.Length].CopyTo(keys);
        otherNumbers[..keys.Length].CopyTo(numbers);
        if (shift == 0)
        {
            return;
        }

        start = 0;
        foreach (var end in ends)
        {
            var part = keys[start..end];
            if (part.Length > SmallPart)
            {
                Sort(part, numbers[start..end], otherKeys, otherNumbers);
            }
            else if (part.Length > 1)
            {
                part.Sort(numbers[start..end]);
            }

            start = end;
        }
    }

    /// <summary>The bits in which keys differ, and whether they are in order already.</summary>
    private static (ulong Differ, bool IsSorted) Look(ReadOnlySpan<ulong> keys)
    {
        var (differ, former, isSorted) = (0UL, keys[0], true);
        foreach (var key in keys)
        {
            differ |= key ^ keys[0];
            isSorted &= former <= key;
            former = key;
        }

        return (differ, isSorted);
    }
}
