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

    public void Write(string sessionPath) => AtomicFile.Write(Path.Combine(sessionPath, FileName), stream =>
    {
        Span<byte> rows = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(rows, _rows);
        stream.Write(rows);
        stream.Write(_bits);
    });

    public static MatchedRows Read(string sessionPath)
    {
        var bytes = File.ReadAllBytes(Path.Combine(sessionPath, FileName));
        return new MatchedRows(BinaryPrimitives.ReadInt32LittleEndian(bytes), bytes[4..]);
    }
}
