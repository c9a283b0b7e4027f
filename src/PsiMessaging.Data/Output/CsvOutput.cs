using System.Buffers;
using System.Text;

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
