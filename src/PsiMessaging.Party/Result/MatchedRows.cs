using System.Buffers.Binary;
using PsiMessaging.Files;

namespace PsiMessaging.Party.Result;

/// <summary>Which rows of the own dataset are common, one bit a row. As a file: number of rows (4 bytes, little-endian), then the bits.</summary>
internal sealed class MatchedRows
{
    private const string FileName = "matched.bin";
    private readonly byte[] _bits;
    private readonly int _rows;

    public MatchedRows(int rows)
    {
        _rows = rows;
        _bits = new byte[(rows + 7) / 8];
    }

    private MatchedRows(int rows, byte[] bits) => (_rows, _bits) = (rows, bits);

    /// <summary>Whether a row is common.</summary>
    public bool this[int row] => row < _rows && (_bits[row >> 3] & (1 << (row & 7))) != 0;

    public void Add(int row) => _bits[row >> 3] |= (byte)(1 << (row & 7));

    /// <summary>The rows that are common here or in another set over the same dataset: the how many-eth of each each is, -1 where it is none.</summary>
    public IEnumerable<(int This, int Other)> Pairs(MatchedRows other)
    {
        for (int row = 0, here = 0, there = 0; row < Math.Max(_rows, other._rows); row++)
        {
            var (isHere, isThere) = (this[row], other[row]);
            if (isHere || isThere)
            {
                yield return (isHere ? here++ : -1, isThere ? there++ : -1);
            }
        }
    }

    /// <summary>As the file has it.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[sizeof(int) + _bits.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, _rows);
        _bits.CopyTo(bytes, sizeof(int));
        return bytes;
    }

    /// <summary>Reads <see cref="ToBytes"/>.</summary>
    public static MatchedRows Parse(byte[] bytes) => new(BinaryPrimitives.ReadInt32LittleEndian(bytes), bytes[4..]);

    public void Write(string sessionPath) => AtomicFile.Write(Path.Combine(sessionPath, FileName), ToBytes());

    public static MatchedRows Read(string sessionPath) => Parse(File.ReadAllBytes(Path.Combine(sessionPath, FileName)));
}
