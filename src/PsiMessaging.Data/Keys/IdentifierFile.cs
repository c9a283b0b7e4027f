using System.Buffers;
using System.Buffers.Binary;
using PsiMessaging.Files;

namespace PsiMessaging.Data.Keys;

/// <summary>
/// Distinct canonical identifiers on disk, in an order that says nothing about the source, each with the row it stands in. Layout: per identifier its row
/// (4 bytes, little-endian), its length (4) and its bytes; then the offsets (8 bytes each) of every 256th; then a foot: count (4), end of the identifiers (8),
/// magic (8). Appears under its name only when it is whole.
/// </summary>
public sealed class IdentifierFile : IDisposable
{
    private const int IndexInterval = 256;
    private const int EntriesABlock = 16;
    private const int FootBytes = 20;
    private const int HeadBytes = 8;
    private static readonly byte[] Magic = "PSIIDS01"u8.ToArray();

    private readonly FileStream _stream;
    private readonly long[] _index;
    private readonly long _end;

    private IdentifierFile(FileStream stream, int count, long end, long[] index) => (_stream, Count, _end, _index) = (stream, count, end, index);

    /// <summary>Number of identifiers.</summary>
    public int Count { get; }

    /// <summary>Opens a file for reading.</summary>
    /// <exception cref="InputException">It is damaged.</exception>
    public static IdentifierFile Open(string path)
    {
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 17);
        try
        {
            Span<byte> foot = stackalloc byte[FootBytes];
            if (stream.Length >= FootBytes)
            {
                stream.Position = stream.Length - FootBytes;
                stream.ReadExactly(foot);
            }

            var (count, end) = (BinaryPrimitives.ReadInt32LittleEndian(foot), BinaryPrimitives.ReadInt64LittleEndian(foot[4..]));
            var entries = (count + IndexInterval - 1) / IndexInterval;
            if (!foot[12..].SequenceEqual(Magic) || stream.Length != end + (8L * entries) + FootBytes)
            {
                throw new InputException($"{path} is damaged; add the dataset again");
            }

            stream.Position = end;
            var bytes = new byte[8 * entries];
            stream.ReadExactly(bytes);
            var index = new long[entries];
            for (var i = 0; i < entries; i++)
            {
                index[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(8 * i));
            }

            return new IdentifierFile(stream, count, end, index);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Identifiers <paramref name="first"/>.., each behind its length (4 bytes, little-endian), without their rows.</summary>
    /// <param name="first">From 0.</param>
    /// <param name="count">0 or more; first + count is at most <see cref="Count"/>.</param>
    public byte[] ReadPacked(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)first + count, Count);
        if (count == 0)
        {
            return [];
        }

        // One read from the index entry before to the one after, then the wanted part without the rows.
        var (from, last) = (_index[first / IndexInterval], (first + count - 1) / IndexInterval);
        var size = (int)((last + 1 < _index.Length ? _index[last + 1] : _end) - from);
        var raw = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            lock (_stream)
            {
                _stream.Position = from;
                _stream.ReadExactly(raw, 0, size);
            }

            return WithoutRows(raw.AsSpan(0, size), first % IndexInterval, count);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(raw);
        }
    }

    /// <summary>Identifiers of a part of the file, each behind its length.</summary>
    private static byte[] WithoutRows(ReadOnlySpan<byte> raw, int skip, int count)
    {
        raw = raw[LengthOf(raw, skip)..];
        var packed = new byte[LengthOf(raw, count) - (4 * count)];
        for (var at = 0; at < packed.Length;)
        {
            var size = 4 + BinaryPrimitives.ReadInt32LittleEndian(raw[4..]);
            raw.Slice(4, size).CopyTo(packed.AsSpan(at));
            raw = raw[(4 + size)..];
            at += size;
        }

        return packed;
    }

    /// <summary>Bytes of the first entries of a part of the file.</summary>
    private static int LengthOf(ReadOnlySpan<byte> raw, int count)
    {
        var length = 0;
        for (; count > 0; count--)
        {
            length += HeadBytes + BinaryPrimitives.ReadInt32LittleEndian(raw[(length + 4)..]);
        }

        return length;
    }

    /// <summary>Reads all identifiers from the beginning.</summary>
    /// <param name="read">Receives position, row and canonical bytes.</param>
    public void ReadAll(IdentifierAction read)
    {
        lock (_stream)
        {
            // In blocks of whole identifiers, as the index has them.
            var buffer = Array.Empty<byte>();
            for (var entry = 0; entry < _index.Length; entry += EntriesABlock)
            {
                var end = entry + EntriesABlock < _index.Length ? _index[entry + EntriesABlock] : _end;
                var size = (int)(end - _index[entry]);
                if (buffer.Length < size)
                {
                    buffer = new byte[size + (size / 4)];
                }

                _stream.Position = _index[entry];
                _stream.ReadExactly(buffer, 0, size);
                var position = entry * IndexInterval;
                for (var rest = buffer.AsSpan(0, size); !rest.IsEmpty; position++)
                {
                    var length = BinaryPrimitives.ReadInt32LittleEndian(rest[4..]);
                    read(position, BinaryPrimitives.ReadInt32LittleEndian(rest), rest.Slice(HeadBytes, length));
                    rest = rest[(HeadBytes + length)..];
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    /// <summary>Writes such a file.</summary>
    public sealed class Writer : IDisposable
    {
        private readonly string _path;
        private readonly FileStream _stream;
        private readonly List<long> _index = [];
        private byte[] _buffer = new byte[1 << 16];
        private int _buffered;
        private long _position;
        private int _count;

        /// <param name="path">Its name once it is whole; until then it has <c>.part</c> behind.</param>
        public Writer(string path)
        {
            _path = path;
            _stream = PrivateFile.Open(path + ".part", FileMode.Create, FileAccess.Write, bufferSizeBytes: 1 << 17);
        }

        /// <summary>Adds an identifier.</summary>
        public void Add(int row, ReadOnlySpan<byte> canonical)
        {
            if (_count++ % IndexInterval == 0)
            {
                _index.Add(_position);
            }

            var size = HeadBytes + canonical.Length;
            if (_buffered + size > _buffer.Length)
            {
                Drain();
                _buffer = size > _buffer.Length ? new byte[2 * size] : _buffer;
            }

            var to = _buffer.AsSpan(_buffered, size);
            BinaryPrimitives.WriteInt32LittleEndian(to, row);
            BinaryPrimitives.WriteInt32LittleEndian(to[4..], canonical.Length);
            canonical.CopyTo(to[HeadBytes..]);
            _buffered += size;
            _position += size;
        }

        private void Drain()
        {
            _stream.Write(_buffer, 0, _buffered);
            _buffered = 0;
        }

        /// <summary>Writes the foot, flushes to disk and gives the file its name; the name is on disk too.</summary>
        public void Complete()
        {
            Drain();
            Span<byte> word = stackalloc byte[8];
            foreach (var offset in _index)
            {
                BinaryPrimitives.WriteInt64LittleEndian(word, offset);
                _stream.Write(word);
            }

            Span<byte> foot = stackalloc byte[FootBytes];
            BinaryPrimitives.WriteInt32LittleEndian(foot, _count);
            BinaryPrimitives.WriteInt64LittleEndian(foot[4..], _position);
            Magic.CopyTo(foot[12..]);
            _stream.Write(foot);
            _stream.Flush(flushToDisk: true);
            _stream.Dispose();
            AtomicFile.Rename(_path + ".part", _path);
        }

        /// <summary>Deletes the file unless it was completed.</summary>
        public void Dispose()
        {
            _buffer.AsSpan().Clear();
            _stream.Dispose();
            File.Delete(_path + ".part");
        }
    }
}

/// <summary>Receives an identifier: its position, its row in the source from 0, its canonical bytes (valid during the call only).</summary>
public delegate void IdentifierAction(int position, int row, ReadOnlySpan<byte> canonical);
