using System.Buffers.Binary;
using System.Text;

namespace PsiMessaging.Data.Datasets;

/// <summary>Reads what <see cref="ColumnPacker"/> packed. Nothing in the bytes is believed: whatever they are, no text reaches beyond them.</summary>
internal sealed class PackedColumn
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly TextColumn _texts = new();
    private ushort[] _codes = [];
    private bool _hasCodes;

    /// <summary>The text of a row; empty where it is missing.</summary>
    public ReadOnlySpan<char> this[int row] => _texts[_hasCodes ? _codes[row] : row];

    /// <summary>The different texts, where they are kept as codes; null where every row has its own.</summary>
    public TextColumn? Different => _hasCodes ? _texts : null;

    /// <summary>The place of a row's text among <see cref="Different"/>.</summary>
    public int CodeOf(int row) => _codes[row];

    /// <summary>Takes the place of what was read before.</summary>
    /// <param name="packed">The bytes.</param>
    /// <param name="rows">The rows there must be.</param>
    /// <exception cref="InvalidDataException">The bytes are not what a packer writes for that many rows.</exception>
    public void Read(ReadOnlySpan<byte> packed, int rows)
    {
        var (kind, width, size) = ReadHead(packed, rows);
        _hasCodes = kind == ColumnPacker.KindCodes;
        if (!_hasCodes)
        {
            ReadTexts(packed, rows);
            return;
        }

        var texts = packed.Slice(ColumnPacker.HeadBytes, size);
        Require(texts.Length >= ColumnPacker.HeadBytes);
        var different = BinaryPrimitives.ReadInt32LittleEndian(texts[4..]);
        Require(different >= 0 && different <= rows && width is 1 or 2);
        ReadTexts(texts, different);
        _codes = _codes.Length < rows ? new ushort[rows] : _codes;
        var codes = packed[(ColumnPacker.HeadBytes + size)..];
        var largest = 0;
        for (var i = 0; i < rows; i++)
        {
            _codes[i] = width == 1 ? codes[i] : BinaryPrimitives.ReadUInt16LittleEndian(codes[(2 * i)..]);
            largest = Math.Max(largest, _codes[i]);
        }

        Require(rows == 0 || largest < different);
    }

    private static (byte Kind, int Width, int Size) ReadHead(ReadOnlySpan<byte> packed, int rows)
    {
        Require(packed.Length >= ColumnPacker.HeadBytes);
        var (kind, width) = (packed[0], packed[1]);
        var size = BinaryPrimitives.ReadInt32LittleEndian(packed[8..]);
        Require(kind is ColumnPacker.KindTexts or ColumnPacker.KindCodes && width is 0 or 1 or 2 or 4 && packed[2] == 0 && packed[3] == 0
            && BinaryPrimitives.ReadInt32LittleEndian(packed[4..]) == rows && size >= 0
            && packed.Length == ColumnPacker.HeadBytes + size + ((long)width * rows));
        return (kind, width, size);
    }

    private void ReadTexts(ReadOnlySpan<byte> packed, int rows)
    {
        var (kind, width, size) = ReadHead(packed, rows);
        Require(kind == ColumnPacker.KindTexts && (width != 0 || (rows == 0 ? size == 0 : size % rows == 0)));
        var bytes = packed.Slice(ColumnPacker.HeadBytes, size);

        // No UTF-8 has more characters than bytes.
        var (ends, characters) = _texts.Prepare(rows, size);
        ReadEnds(packed[(ColumnPacker.HeadBytes + size)..], width, size, ends.AsSpan(0, rows + 1));
        if (Ascii.ToUtf16(bytes, characters, out _) == System.Buffers.OperationStatus.Done)
        {
            return;
        }

        var (from, to) = (0, 0);
        for (var row = 1; row <= rows; row++)
        {
            var text = bytes[from..ends[row]];
            from = ends[row];
            to += Decode(text, characters.AsSpan(to));
            ends[row] = to;
        }
    }

    private static int Decode(ReadOnlySpan<byte> text, Span<char> to)
    {
        try
        {
            return Strict.GetChars(text, to);
        }
        catch (DecoderFallbackException exception)
        {
            throw new InvalidDataException("a text is not UTF-8", exception);
        }
    }

    private static void ReadEnds(ReadOnlySpan<byte> lengths, int width, int size, Span<int> ends)
    {
        var rows = ends.Length - 1;
        ends[0] = 0;
        var end = 0L;
        for (var i = 0; i < rows; i++)
        {
            long length = width switch
            {
                0 => size / rows,
                1 => lengths[i],
                2 => BinaryPrimitives.ReadUInt16LittleEndian(lengths[(2 * i)..]),
                _ => BinaryPrimitives.ReadUInt32LittleEndian(lengths[(4 * i)..]),
            };
            end += length;
            Require(end <= size);
            ends[i + 1] = (int)end;
        }

        Require(end == size);
    }

    private static void Require(bool holds)
    {
        if (!holds)
        {
            throw new InvalidDataException("the packed column is damaged");
        }
    }
}
