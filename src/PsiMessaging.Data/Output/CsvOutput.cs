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

        rows(new Utf8Rows(stream));
    });

    /// <summary>Rows whose fields are UTF-8 already.</summary>
    /// <param name="stream">A buffered stream.</param>
    public sealed class Utf8Rows(Stream stream)
    {
        private static readonly SearchValues<byte> SpecialBytes = SearchValues.Create(",\"\r\n"u8);
        private byte[] _bytes = new byte[256];

        /// <summary>Writes a field.</summary>
        /// <param name="field">UTF-8.</param>
        /// <param name="first">Whether it is the row's first.</param>
        public void Write(ReadOnlySpan<byte> field, bool first)
        {
            if (!first)
            {
                stream.WriteByte((byte)',');
            }

            if (!field.IsEmpty && field.IndexOfAny(SpecialBytes) < 0)
            {
                stream.Write(field);
                return;
            }

            stream.WriteByte((byte)'"');
            for (var quote = field.IndexOf((byte)'"'); quote >= 0; quote = field.IndexOf((byte)'"'))
            {
                stream.Write(field[..(quote + 1)]);
                stream.WriteByte((byte)'"');
                field = field[(quote + 1)..];
            }

            stream.Write(field);
            stream.WriteByte((byte)'"');
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
        public void EndRow() => stream.WriteByte((byte)'\n');
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
