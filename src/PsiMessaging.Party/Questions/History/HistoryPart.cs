using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using PsiMessaging.Analytics.Differencing;
using PsiMessaging.Party.Result;

namespace PsiMessaging.Party.Questions.History;

/// <summary>A part of a history that several questions may have: which records are common, or in which groups they are. Its name is a hash of it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Document">What it holds, packed.</param>
internal sealed record HistoryPart(string Name, string Document)
{
    private const int CellSizeBytes = (2 * sizeof(ulong)) + sizeof(int);

    /// <summary>Which records are common.</summary>
    public static HistoryPart Of(MatchedRows matched) => Pack(matched.ToBytes(), "");

    /// <summary>In which groups they are.</summary>
    /// <param name="cells">The groups.</param>
    /// <param name="records">Name of which records are common: the same groups of others are another part.</param>
    public static HistoryPart Of(RecordCells cells, string records)
    {
        var isWide = cells.Cells.Count >= byte.MaxValue;
        var head = (2 * sizeof(int)) + (cells.Cells.Count * CellSizeBytes);
        var bytes = new byte[head + (cells.Of.Length * (isWide ? sizeof(ushort) : 1))];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, cells.Cells.Count);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(sizeof(int)), cells.Of.Length);
        for (var i = 0; i < cells.Cells.Count; i++)
        {
            var at = bytes.AsSpan((2 * sizeof(int)) + (i * CellSizeBytes));
            BinaryPrimitives.WriteUInt64LittleEndian(at, cells.Cells[i].Definition);
            BinaryPrimitives.WriteUInt64LittleEndian(at[sizeof(ulong)..], cells.Cells[i].Chosen);
            BinaryPrimitives.WriteInt32LittleEndian(at[(2 * sizeof(ulong))..], cells.Cells[i].Records);
        }

        for (var i = 0; i < cells.Of.Length; i++)
        {
            if (isWide)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(head + (i * sizeof(ushort))), (ushort)(cells.Of[i] + 1));
            }
            else
            {
                bytes[head + i] = (byte)(cells.Of[i] + 1);
            }
        }

        return Pack(bytes, records);
    }

    /// <summary>Reads what <see cref="Of(RecordCells, string)"/> wrote.</summary>
    public static RecordCells ReadCells(string document)
    {
        var bytes = Unpack(document);
        var (count, records) = (BinaryPrimitives.ReadInt32LittleEndian(bytes), BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(sizeof(int))));
        var cells = new RecordCell[count];
        for (var i = 0; i < count; i++)
        {
            var at = bytes.AsSpan((2 * sizeof(int)) + (i * CellSizeBytes));
            cells[i] = new RecordCell(BinaryPrimitives.ReadUInt64LittleEndian(at), BinaryPrimitives.ReadUInt64LittleEndian(at[sizeof(ulong)..]),
                BinaryPrimitives.ReadInt32LittleEndian(at[(2 * sizeof(ulong))..]));
        }

        var (of, head) = (new int[records], (2 * sizeof(int)) + (count * CellSizeBytes));
        for (var i = 0; i < records; i++)
        {
            of[i] = (count >= byte.MaxValue ? BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(head + (i * sizeof(ushort)))) : bytes[head + i]) - 1;
        }

        return new RecordCells(cells, of);
    }

    /// <summary>Reads which records are common.</summary>
    public static MatchedRows ReadRecords(string document) => MatchedRows.Parse(Unpack(document));

    private static HistoryPart Pack(byte[] bytes, string of)
    {
        using var packed = new MemoryStream();
        using (var stream = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            stream.Write(bytes);
        }

        return new HistoryPart(Convert.ToHexStringLower(SHA256.HashData([.. System.Text.Encoding.ASCII.GetBytes(of), .. bytes]).AsSpan(0, 16)),
            Convert.ToBase64String(packed.GetBuffer().AsSpan(0, (int)packed.Length)));
    }

    private static byte[] Unpack(string document)
    {
        using var stream = new ZLibStream(new MemoryStream(Convert.FromBase64String(document)), CompressionMode.Decompress);
        using var plain = new MemoryStream();
        stream.CopyTo(plain);
        return plain.ToArray();
    }
}
