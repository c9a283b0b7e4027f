using System.Buffers;
using System.Globalization;
using System.Text;
using PsiMessaging.Files;

namespace PsiMessaging.Data.Output;

/// <summary>CSV as we write it: comma, LF, UTF-8 without BOM; quotes only where RFC 4180 asks for them; null is an empty field, the empty text is "".</summary>
public static class CsvOutput
{
    private static readonly SearchValues<char> Special = SearchValues.Create(",\"\r\n");

    /// <summary>Writes one row.</summary>
    public static void WriteRow(TextWriter writer, IEnumerable<string?> fields)
    {
        var first = true;
        foreach (var field in fields)
        {
            if (!first)
            {
                writer.Write(',');
            }

            first = false;
            if (field is null)
            {
                continue;
            }

            if (field.Length == 0 || field.AsSpan().IndexOfAny(Special) >= 0)
            {
                writer.Write('"');
                writer.Write(field.Replace("\"", "\"\"", StringComparison.Ordinal));
                writer.Write('"');
            }
            else
            {
                writer.Write(field);
            }
        }

        writer.Write('\n');
    }

    /// <summary>Writes a whole file atomically, its rows as UTF-8 bytes.</summary>
    public static void WriteFile(string path, IEnumerable<string> header, Action<Utf8Rows> rows) => AtomicFile.Write(path, stream =>
    {
        using (var writer = new StreamWriter(stream, new UTF8Encoding(false), 1 << 10, leaveOpen: true))
        {
            WriteRow(writer, header);
        }

        var utf8 = new Utf8Rows(stream);
        rows(utf8);
        utf8.Drain();
    });

    /// <summary>Rows whose fields are UTF-8 already.</summary>
    /// <param name="stream">Receives them.</param>
    public sealed class Utf8Rows(Stream stream)
    {
        private static readonly SearchValues<byte> SpecialBytes = SearchValues.Create(",\"\r\n"u8);
        private readonly byte[] _buffer = new byte[1 << 16];
        private int _buffered;
        private byte[] _bytes = new byte[256];

        /// <summary>Writes a field.</summary>
        /// <param name="field">UTF-8.</param>
        /// <param name="first">Whether it is the row's first.</param>
        public void Write(ReadOnlySpan<byte> field, bool first)
        {
            if (!first)
            {
                Put((byte)',');
            }

            if (!field.IsEmpty && field.IndexOfAny(SpecialBytes) < 0)
            {
                Put(field);
                return;
            }

            Put((byte)'"');
            for (var quote = field.IndexOf((byte)'"'); quote >= 0; quote = field.IndexOf((byte)'"'))
            {
                Put(field[..(quote + 1)]);
                Put((byte)'"');
                field = field[(quote + 1)..];
            }

            Put(field);
            Put((byte)'"');
        }

        private void Put(byte one)
        {
            if (_buffered == _buffer.Length)
            {
                Drain();
            }

            _buffer[_buffered++] = one;
        }

        private void Put(ReadOnlySpan<byte> some)
        {
            if (some.Length > _buffer.Length - _buffered)
            {
                Drain();
                if (some.Length > _buffer.Length)
                {
                    stream.Write(some);
                    return;
                }
            }

            some.CopyTo(_buffer.AsSpan(_buffered));
            _buffered += some.Length;
        }

        internal void Drain()
        {
            stream.Write(_buffer, 0, _buffered);
            _buffered = 0;
        }

        /// <summary>Writes a field that is text.</summary>
        public void Write(ReadOnlySpan<char> field, bool first)
        {
            var most = Encoding.UTF8.GetMaxByteCount(field.Length);
            _bytes = _bytes.Length < most ? new byte[2 * most] : _bytes;
            Write(_bytes.AsSpan(0, Encoding.UTF8.GetBytes(field, _bytes)), first);
        }

        /// <summary>Writes a field that is a number, and not the row's first.</summary>
        public void Write(int field)
        {
            Span<byte> bytes = stackalloc byte[16];
            field.TryFormat(bytes, out var length, default, CultureInfo.InvariantCulture);
            Write(bytes[..length], first: false);
        }

        /// <summary>Ends the row.</summary>
        public void EndRow() => Put((byte)'\n');
    }

    /// <summary>Writes a whole file atomically.</summary>
    public static void WriteFile(string path, IEnumerable<string> header, IEnumerable<IEnumerable<string?>> rows) => AtomicFile.Write(path, stream =>
    {
        using var writer = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true);
        WriteRow(writer, header);
        foreach (var row in rows)
        {
            WriteRow(writer, row);
        }
    });
}
