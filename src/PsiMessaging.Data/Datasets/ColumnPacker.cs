using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace PsiMessaging.Data.Datasets;

/// <summary>
/// Packs the texts of a column of some rows. Layout, numbers little-endian: kind (1 byte: 1 texts, 2 codes), width (1), zero (2), rows (4), size (4); then of
/// texts their UTF-8 bytes, size in all, and their lengths in bytes, width bytes each (0: all are of one length); of codes the different texts, packed as
/// texts in size bytes, and the place of each row's text among them, width bytes each. An empty text is a missing value. Not thread-safe.
/// </summary>
internal sealed class ColumnPacker
{
    internal const int HeadBytes = 12;
    internal const byte KindTexts = 1;
    internal const byte KindCodes = 2;

    /// <summary>Most different texts that are kept as codes.</summary>
    private const int MostCodes = 1 << 12;

    /// <summary>From so many different texts on they must be half of the rows at most.</summary>
    private const int ManyCodes = 256;

    /// <summary>Texts that fall together in the table more often are not looked for: no choice of texts makes it slow.</summary>
    private const int MostProbes = 16;

    private readonly ushort[] _slots = new ushort[2 * MostCodes];
    private readonly TextColumn _different = new();
    private ushort[] _codes = [];
    private int[] _lengths = [];

    /// <summary>Packs texts.</summary>
    /// <param name="texts">The texts; of a row that could not be read to its end there may be one more.</param>
    /// <param name="rows">How many of them.</param>
    /// <param name="packed">Receives them; made longer where it must be.</param>
    /// <returns>Bytes of <paramref name="packed"/> that are taken.</returns>
    public int Pack(TextColumn texts, int rows, ref byte[] packed)
    {
        if (!FindCodes(texts, rows))
        {
            return PackTexts(texts, rows, ref packed, at: 0);
        }

        var size = PackTexts(_different, _different.Count, ref packed, HeadBytes) - HeadBytes;
        var width = _different.Count <= 256 ? 1 : 2;
        var end = HeadBytes + size + (width * rows);
        Grow(ref packed, end);
        WriteHead(packed, KindCodes, width, rows, size);
        var to = packed.AsSpan(HeadBytes + size, width * rows);
        var codes = _codes.AsSpan(0, rows);
        if (width == 1)
        {
            for (var i = 0; i < codes.Length; i++)
            {
                to[i] = (byte)codes[i];
            }
        }
        else
        {
            for (var i = 0; i < codes.Length; i++)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(to[(2 * i)..], codes[i]);
            }
        }

        return end;
    }

    /// <summary>Gives each different text a number, unless they are too many for it to pay.</summary>
    private bool FindCodes(TextColumn texts, int rows)
    {
        _slots.AsSpan().Clear();
        _different.Clear();
        _codes = _codes.Length < rows ? new ushort[rows] : _codes;
        for (var row = 0; row < rows; row++)
        {
            var text = texts[row];
            var slot = (int)(HashOf(text) >> 51);
            for (var probes = 0; ; slot = (slot + 1) & (_slots.Length - 1))
            {
                if (_slots[slot] == 0)
                {
                    if (_different.Count == MostCodes || (_different.Count >= ManyCodes && 2 * _different.Count > row))
                    {
                        return false;
                    }

                    _different.Add(text);
                    _slots[slot] = (ushort)_different.Count;
                    break;
                }

                if (_different[_slots[slot] - 1].SequenceEqual(text))
                {
                    break;
                }

                if (++probes == MostProbes)
                {
                    return false;
                }
            }

            _codes[row] = (ushort)(_slots[slot] - 1);
        }

        return true;
    }

    /// <summary>Of the first, middle and last characters.</summary>
    private static ulong HashOf(ReadOnlySpan<char> text)
    {
        const ulong Odd = 0x9E37_79B9_7F4A_7C15;
        var hash = (ulong)text.Length;
        if (text.Length >= 4)
        {
            var bytes = MemoryMarshal.AsBytes(text);
            hash += BinaryPrimitives.ReadUInt64LittleEndian(bytes) * Odd;
            hash = ulong.RotateLeft(hash, 29) + (BinaryPrimitives.ReadUInt64LittleEndian(bytes[(2 * ((text.Length - 4) / 2))..]) * Odd);
            hash = ulong.RotateLeft(hash, 29) + BinaryPrimitives.ReadUInt64LittleEndian(bytes[^8..]);
        }
        else
        {
            foreach (var character in text)
            {
                hash = (hash << 16) | character;
            }
        }

        hash ^= hash >> 32;
        return hash * Odd;
    }

    private int PackTexts(TextColumn texts, int rows, ref byte[] packed, int at)
    {
        // Most are ASCII, where characters are bytes and lengths are known.
        var ends = texts.Ends[..(rows + 1)];
        var characters = texts.Characters[..ends[^1]];
        Grow(ref packed, at + HeadBytes + characters.Length);
        _lengths = _lengths.Length < rows ? new int[rows] : _lengths;
        var lengths = _lengths.AsSpan(0, rows);
        for (var i = 0; i < lengths.Length; i++)
        {
            lengths[i] = ends[i + 1] - ends[i];
        }

        if (Ascii.FromUtf16(characters, packed.AsSpan(at + HeadBytes), out var size) != System.Buffers.OperationStatus.Done)
        {
            Grow(ref packed, checked(at + HeadBytes + (3 * characters.Length)));
            size = Encode(texts, lengths, packed.AsSpan(at + HeadBytes));
        }

        var (shortest, longest) = (int.MaxValue, 0);
        foreach (var length in lengths)
        {
            (shortest, longest) = (Math.Min(shortest, length), Math.Max(longest, length));
        }

        var width = shortest == longest ? 0 : longest <= byte.MaxValue ? 1 : longest <= ushort.MaxValue ? 2 : 4;
        var end = at + HeadBytes + size + (width * rows);
        Grow(ref packed, end);
        WriteHead(packed.AsSpan(at), KindTexts, width, rows, size);
        WriteLengths(lengths, width, packed.AsSpan(at + HeadBytes + size));
        return end;
    }

    private static int Encode(TextColumn texts, Span<int> lengths, Span<byte> to)
    {
        var size = 0;
        for (var row = 0; row < lengths.Length; row++)
        {
            lengths[row] = Encoding.UTF8.GetBytes(texts[row], to[size..]);
            size += lengths[row];
        }

        return size;
    }

    private static void WriteLengths(ReadOnlySpan<int> lengths, int width, Span<byte> to)
    {
        switch (width)
        {
            case 1:
                for (var i = 0; i < lengths.Length; i++)
                {
                    to[i] = (byte)lengths[i];
                }

                break;
            case 2:
                for (var i = 0; i < lengths.Length; i++)
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(to[(2 * i)..], (ushort)lengths[i]);
                }

                break;
            case 4:
                for (var i = 0; i < lengths.Length; i++)
                {
                    BinaryPrimitives.WriteInt32LittleEndian(to[(4 * i)..], lengths[i]);
                }

                break;
        }
    }

    private static void WriteHead(Span<byte> to, byte kind, int width, int rows, int size)
    {
        (to[0], to[1], to[2], to[3]) = (kind, (byte)width, 0, 0);
        BinaryPrimitives.WriteInt32LittleEndian(to[4..], rows);
        BinaryPrimitives.WriteInt32LittleEndian(to[8..], size);
    }

    private static void Grow(ref byte[] packed, int size)
    {
        if (packed.Length < size)
        {
            Array.Resize(ref packed, Math.Max(size, (int)Math.Min(2L * packed.Length, Array.MaxLength)));
        }
    }
}
