using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace PsiMessaging.Batches;

/// <summary>Words of 1 to 64 bits one behind the other without gaps, the lowest bit first; the last byte is filled up with zeros.</summary>
public static class PackedWords
{
    /// <summary>Bytes of so many words.</summary>
    /// <param name="count">Words, 0 or more.</param>
    /// <param name="bits">Bits of each, 1 to 64.</param>
    public static int SizeBytes(int count, int bits) => checked((int)((((long)count * bits) + 7) / 8));

    /// <summary>All words modulo 2^bits.</summary>
    /// <param name="bits">1 to 64.</param>
    public static ulong Mask(int bits) => ulong.MaxValue >> (64 - bits);

    /// <summary>Leaves of each word its low bits.</summary>
    public static void Cut(Span<ulong> words, int bits)
    {
        var mask = Mask(bits);
        for (var i = 0; bits < 64 && i < words.Length; i++)
        {
            words[i] &= mask;
        }
    }

    /// <summary>Writes the low bits of words.</summary>
    /// <param name="words">The words; what is above their low bits is left out.</param>
    /// <param name="bits">Bits of each, 1 to 64.</param>
    /// <param name="packed">Receives <see cref="SizeBytes"/> bytes.</param>
    public static void Write(ReadOnlySpan<ulong> words, int bits, Span<byte> packed)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(packed.Length, SizeBytes(words.Length, bits));
        if (bits == 64 && BitConverter.IsLittleEndian)
        {
            MemoryMarshal.AsBytes(words).CopyTo(packed);
            return;
        }

        var (mask, held, used) = (Mask(bits), 0UL, 0);
        foreach (var word in words)
        {
            var low = word & mask;
            held |= low << used;
            used += bits;
            if (used >= 64)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(packed, held);
                packed = packed[8..];
                used -= 64;
                // What did not fit: nothing where the word ended with the eight bytes (a shift by 64 would be one by 0).
                held = used == 0 ? 0 : low >> (bits - used);
            }
        }

        for (; used > 0; used -= 8, held >>= 8, packed = packed[1..])
        {
            packed[0] = (byte)held;
        }
    }

    /// <summary>Reads words.</summary>
    /// <param name="packed">What <see cref="Write"/> made: <see cref="SizeBytes"/> bytes. Bits behind the last word do not matter.</param>
    /// <param name="bits">Bits of each, 1 to 64.</param>
    /// <param name="words">Receives them.</param>
    public static void Read(ReadOnlySpan<byte> packed, int bits, Span<ulong> words)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(packed.Length, SizeBytes(words.Length, bits));
        if (bits == 64 && BitConverter.IsLittleEndian)
        {
            packed.CopyTo(MemoryMarshal.AsBytes(words));
            return;
        }

        var (mask, held, left) = (Mask(bits), 0UL, 0);
        for (var i = 0; i < words.Length; i++)
        {
            if (left >= bits)
            {
                words[i] = held & mask;
                held >>= bits;
                left -= bits;
                continue;
            }

            var next = 0UL;
            var got = Math.Min(8, packed.Length);
            if (got == 8)
            {
                next = BinaryPrimitives.ReadUInt64LittleEndian(packed);
            }
            else
            {
                for (var b = 0; b < got; b++)
                {
                    next |= (ulong)packed[b] << (8 * b);
                }
            }

            packed = packed[got..];
            words[i] = (held | (next << left)) & mask;
            var taken = bits - left;
            held = taken == 64 ? 0 : next >> taken;
            left = (8 * got) - taken;
        }
    }
}
