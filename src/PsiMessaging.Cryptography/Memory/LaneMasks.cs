using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PsiMessaging.Cryptography.Memory;

/// <summary>
/// Tables that turn a few bits into a mask over the parts of a 64-byte line, and sums of lines under such masks. The tables are read by secret bits of the
/// own set only, inside one kilobyte.
/// </summary>
internal static unsafe class LaneMasks
{
    /// <summary>16 lines: bit p of the index sets all bits of block p.</summary>
    public static readonly ulong* OfBlocks = Make(4);

    /// <summary>4 lines: bit p of the index sets all bits of pair p of blocks.</summary>
    public static readonly ulong* OfPairs = Make(2);

    private static ulong* Make(int parts)
    {
        // Lives as long as the process.
        var masks = (ulong*)NativeMemory.AlignedAlloc((nuint)(64 << parts), 64);
        for (var i = 0; i < 8 << parts; i++)
        {
            masks[i] = (((i / 8) >> (i % 8 * parts / 8)) & 1) == 0 ? 0 : ulong.MaxValue;
        }

        return masks;
    }

    /// <summary>Adds to a sum those parts of a line that some bits of a word name.</summary>
    /// <param name="sum">The sum.</param>
    /// <param name="line">The line.</param>
    /// <param name="masks"><see cref="OfBlocks"/> or <see cref="OfPairs"/>.</param>
    /// <param name="word">Bits.</param>
    /// <param name="first">The first bit that counts.</param>
    /// <param name="bits">How many count, 4 or 2.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Add(Vector512<ulong> sum, Vector512<ulong> line, ulong* masks, ulong word, int first, int bits)
    {
        // Bytes into the table: the bits times 64.
        var offset = (first < 6 ? word << (6 - first) : word >> (first - 6)) & (bits == 4 ? 0x3C0UL : 0xC0UL);
        return sum ^ (line & Vector512.LoadAligned((ulong*)((byte*)masks + offset)));
    }

    /// <summary>Adds to a sum the blocks of one line that four bits of a word name.</summary>
    /// <param name="sum">The sum.</param>
    /// <param name="masks"><see cref="OfBlocks"/>.</param>
    /// <param name="word">64 bits, of which those from 4 · <paramref name="line"/> on count.</param>
    /// <param name="data">Line 0.</param>
    /// <param name="line">0 to 15.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> AddLine(Vector512<ulong> sum, ulong* masks, ulong word, ulong* data, int line)
    {
        return Add(sum, Vector512.LoadAligned(data + (8 * line)), masks, word, 4 * line, 4);
    }

    /// <summary>Adds the blocks of 16 lines that the 64 bits of a word name.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddLines(ref Vector512<ulong> even, ref Vector512<ulong> odd, ulong* masks, ulong word, ulong* data)
    {
        even = AddLine(even, masks, word, data, 0);
        odd = AddLine(odd, masks, word, data, 1);
        even = AddLine(even, masks, word, data, 2);
        odd = AddLine(odd, masks, word, data, 3);
        even = AddLine(even, masks, word, data, 4);
        odd = AddLine(odd, masks, word, data, 5);
        even = AddLine(even, masks, word, data, 6);
        odd = AddLine(odd, masks, word, data, 7);
        even = AddLine(even, masks, word, data, 8);
        odd = AddLine(odd, masks, word, data, 9);
        even = AddLine(even, masks, word, data, 10);
        odd = AddLine(odd, masks, word, data, 11);
        even = AddLine(even, masks, word, data, 12);
        odd = AddLine(odd, masks, word, data, 13);
        even = AddLine(even, masks, word, data, 14);
        odd = AddLine(odd, masks, word, data, 15);
    }
}
