using System.Buffers.Binary;
using System.IO.Compression;
using ZstdSharp;

namespace PsiMessaging.Data.Records;

/// <summary>Kinds of file that can be read.</summary>
internal enum InputKind
{
    /// <summary>Text with delimiters.</summary>
    Csv,
    /// <summary>Apache Parquet.</summary>
    Parquet,
    /// <summary>An Excel workbook, .xlsx or .xls.</summary>
    Workbook,
}

/// <summary>
/// A file, or a pipe, opened once, with its first bytes known. Compressed text is decompressed on the way, never
/// on disk, and no further than a file of that size can honestly hold.
/// </summary>
internal sealed class InputStream : IDisposable
{
    private const int HeadBytes = 1 << 16;
    private const int MostLetters = 4;

    // Files of other trades, told by their first bytes, and what to do.
    private static readonly (byte[] Magic, int At, string Name, string Remedy)[] Others =
    [
        ([0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0], 0, "is compressed with xz", "unpack it with unxz"),
        ("BZh"u8.ToArray(), 0, "is compressed with bzip2", "unpack it with bunzip2"),
        ([(byte)'7', (byte)'z', 0xBC, 0xAF], 0, "is a 7z archive", "unpack it"),
        ("Rar!"u8.ToArray(), 0, "is a rar archive", "unpack it"),
        ("ustar"u8.ToArray(), 257, "is a tar archive", "unpack it"),
        ("ORC"u8.ToArray(), 0, "is an ORC file", "write it as Parquet or CSV"),
        ([(byte)'O', (byte)'b', (byte)'j', 1], 0, "is an Avro file", "write it as Parquet or CSV"),
        ("ARROW1"u8.ToArray(), 0, "is an Arrow (Feather) file", "write it as Parquet or CSV"),
        ("FEA1"u8.ToArray(), 0, "is a Feather file", "write it as Parquet or CSV"),
        ("\u0089HDF"u8.ToArray()[1..], 1, "is an HDF5 file", "write it as Parquet or CSV"),
        ([0xC2, 0xEA, 0x81, 0x60], 12, "is a SAS dataset", "export it as CSV (PROC EXPORT)"),
        ("$FL2"u8.ToArray(), 0, "is an SPSS file", "save it as CSV"),
        ("$FL3"u8.ToArray(), 0, "is an SPSS file", "save it as CSV"),
        ("<stata_dta>"u8.ToArray(), 0, "is a Stata file", "export it as CSV (export delimited)"),
        ("RDX"u8.ToArray(), 0, "is an R workspace", "write the table with write.csv or arrow::write_parquet"),
        ("X\n\0\0"u8.ToArray(), 0, "is an R object (.rds)", "write the table with write.csv or arrow::write_parquet"),
        ("SQLite format 3\0"u8.ToArray(), 0, "is an SQLite database", "export the table as CSV"),
        ("%PDF-"u8.ToArray(), 0, "is a PDF document", "export the table as CSV"),
    ];

    private InputStream(string path, Stream stream, byte[] head, InputKind kind, string compression) =>
        (Path, Stream, Head, Kind, Compression) = (path, stream, head, kind, compression);

    /// <summary>For messages.</summary>
    public string Path { get; }

    /// <summary>From the first byte on, decompressed; seekable unless it is a pipe or was compressed.</summary>
    public Stream Stream { get; }

    /// <summary>The first bytes, 64 KiB at most.</summary>
    public byte[] Head { get; }

    public InputKind Kind { get; }

    /// <summary><c> (gzip)</c>, <c> (zstd)</c> or nothing.</summary>
    public string Compression { get; }

    /// <exception cref="InputException">Empty, or of a kind that cannot be read.</exception>
    public static InputStream Open(string path)
    {
        Stream stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16);
        try
        {
            var (whole, head) = Peek(stream);
            stream = whole;
            var compression = "";
            if (IsGzip(head) || IsZstd(head))
            {
                compression = head[0] == 0x1F ? " (gzip)" : " (zstd)";
                var counted = new CountingStream(stream);
                (stream, head) =
                    Peek(new DecompressedStream(path, counted, compression, head[0] == 0x1F ? new WholeGzipStream(counted) : new DecompressionStream(counted)));
                if (IsGzip(head) || IsZstd(head))
                {
                    throw new InputException($"{path} is compressed twice; unpack it once");
                }
            }

            if (head.Length == 0)
            {
                throw new InputException($"{path} is empty; it needs a header line and rows");
            }

            var kind = KindOf(path, stream, head);
            return kind == InputKind.Csv || stream.CanSeek ? new InputStream(path, stream, head, kind, compression)
                : throw new InputException(
                    $"{path} is a {(kind == InputKind.Parquet ? "Parquet file" : "workbook")}, which cannot be read from front to back: "
                        + $"{(compression.Length > 0 ? $"unpack it{compression}" : "name a file instead of a pipe")}");
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    private static InputKind KindOf(string path, Stream stream, ReadOnlySpan<byte> head)
    {
        foreach (var (magic, at, name, remedy) in Others)
        {
            // A column may be called ORCHARD: what begins like a short mark is one only where bytes follow that no text has.
            if (head.Length > at && head[at..].StartsWith(magic)
                && (magic.Length > MostLetters || head[..Math.Min(head.Length, 512)].IndexOfAnyExcept(TextBytes) >= 0))
            {
                throw new InputException($"{path} {name}; {remedy}");
            }
        }

        if (head.StartsWith("PARE"u8) && Tail(stream) is "PARE" or null)
        {
            throw new InputException($"{path} is an encrypted Parquet file; write it without encryption, or decrypt it first");
        }

        // A text may begin with these four letters; Parquet ends with them too, and goes on with bytes that no text has.
        if (head.StartsWith("PAR1"u8) && (Tail(stream) == "PAR1" || head[4..Math.Min(head.Length, 256)].IndexOfAnyExcept(TextBytes) >= 0))
        {
            return InputKind.Parquet;
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0xD0, 0xCF, 0x11, 0xE0]))
        {
            return InputKind.Workbook;
        }

        if (!head.StartsWith("PK\u0003\u0004"u8))
        {
            return InputKind.Csv;
        }

        // Office writes the list of content types first; others put the workbook anywhere.
        return head.IndexOf("xl/"u8) >= 0
            || head.IndexOf("[Content_Types].xml"u8) >= 0 ? InputKind.Workbook : throw new InputException($"{path} is a zip archive; unpack it");
    }

    private static readonly System.Buffers.SearchValues<byte> TextBytes = System.Buffers.SearchValues
        .Create([.. Enumerable.Range(0, 256).Where(value => value is >= 32 or 9 or 10 or 13).Select(value => (byte)value)]);

    private static bool IsGzip(ReadOnlySpan<byte> head) => head.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]);

    private static bool IsZstd(ReadOnlySpan<byte> head) =>
        head.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(head) is 0xFD2FB528 or (>= 0x184D2A50 and <= 0x184D2A5F);

    /// <summary>The last four bytes as text; null where they cannot be had.</summary>
    private static string? Tail(Stream stream)
    {
        if (!stream.CanSeek || stream.Length < 12)
        {
            return null;
        }

        Span<byte> tail = stackalloc byte[4];
        var before = stream.Position;
        stream.Seek(-4, SeekOrigin.End);
        stream.ReadExactly(tail);
        stream.Position = before;
        return System.Text.Encoding.Latin1.GetString(tail);
    }

    private static (Stream Whole, byte[] Head) Peek(Stream stream)
    {
        var head = new byte[HeadBytes];
        head = head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        if (!stream.CanSeek)
        {
            return (new PeekedStream(head, stream), head);
        }

        stream.Position = 0;
        return (stream, head);
    }

    public void Dispose() => Stream.Dispose();

    /// <summary>A stream that can only be read forward.</summary>
    private abstract class ForwardStream(Stream inner) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer) => inner.Read(buffer);

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }

    private sealed class PeekedStream(byte[] head, Stream rest) : ForwardStream(rest)
    {
        private int _at;

        public override int Read(Span<byte> buffer)
        {
            if (_at == head.Length)
            {
                return base.Read(buffer);
            }

            var count = Math.Min(buffer.Length, head.Length - _at);
            head.AsSpan(_at, count).CopyTo(buffer);
            _at += count;
            return count;
        }
    }

    private sealed class CountingStream(Stream inner) : ForwardStream(inner)
    {
        public long Count { get; private set; }

        public override int Read(Span<byte> buffer)
        {
            var read = base.Read(buffer);
            Count += read;
            return read;
        }
    }

    /// <summary>
    /// Decompresses gzip and notices where it is cut off, which the framework's stream does not: a member of our
    /// own is put behind the file's, and what comes out must end with it.
    /// </summary>
    private sealed class WholeGzipStream(Stream source) : ForwardStream(new GZipStream(new FollowedStream(source, Pack(Mark)), CompressionMode.Decompress))
    {
        private static readonly byte[] Mark = "\u0001PsiMessaging: the end of a whole file\u0001"u8.ToArray();
        private readonly byte[] _buffer = new byte[HeadBytes];

        // From here on, what was decompressed and not yet given; the last of it may be the mark.
        private int _at, _length;

        public override int Read(Span<byte> buffer)
        {
            while (_length - _at <= Mark.Length)
            {
                _buffer.AsSpan(_at, _length - _at).CopyTo(_buffer);
                (_at, _length) = (0, _length - _at);
                var read = base.Read(_buffer.AsSpan(_length));
                if (read == 0)
                {
                    return _buffer.AsSpan(0, _length).SequenceEqual(Mark) ? 0 : throw new EndOfStreamException();
                }

                _length += read;
            }

            var count = Math.Min(buffer.Length, _length - _at - Mark.Length);
            _buffer.AsSpan(_at, count).CopyTo(buffer);
            _at += count;
            return count;
        }

        private static byte[] Pack(byte[] bytes)
        {
            using var packed = new MemoryStream();
            using (var stream = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            {
                stream.Write(bytes);
            }

            return packed.ToArray();
        }
    }

    private sealed class FollowedStream(Stream inner, byte[] tail) : ForwardStream(inner)
    {
        private int _at;

        public override int Read(Span<byte> buffer)
        {
            if (base.Read(buffer) is var read and > 0)
            {
                return read;
            }

            var count = Math.Min(buffer.Length, tail.Length - _at);
            tail.AsSpan(_at, count).CopyTo(buffer);
            _at += count;
            return count;
        }
    }

    /// <summary>Holds what comes out of a decompressor to what went in, and names its faults.</summary>
    private sealed class DecompressedStream(string path, CountingStream source, string compression, Stream inner) : ForwardStream(inner)
    {
        // Tables of text shrink to a tenth, seldom to a fiftieth.
        private const int MostRatio = 200;
        private const long AlwaysAllowedBytes = 64L << 20;
        private long _count;

        public override int Read(Span<byte> buffer)
        {
            int read;
            try
            {
                read = base.Read(buffer);
            }
            catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException or ZstdException)
            {
                throw new InputException($"{path}: the compressed data{compression} are damaged or cut off", exception);
            }

            _count += read;
            return _count <= AlwaysAllowedBytes + (MostRatio * source.Count) ? read
                : throw new InputException(
                    $"{path} unpacks{compression} to more than {MostRatio} times its size, {_count >> 20:N0} MiB so far; if that is right, unpack it yourself");
        }
    }
}
