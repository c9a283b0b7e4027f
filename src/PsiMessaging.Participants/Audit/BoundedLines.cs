namespace PsiMessaging.Participants.Audit;

/// <summary>Lines of a file that somebody else made: neither one of them nor all together are longer than they may be.</summary>
internal sealed class BoundedLines(Stream file, int maximumLineBytes, long maximumBytes) : IDisposable
{
    private readonly BufferedStream _file = new(file, 1 << 16);
    private readonly MemoryStream _line = new();
    private long _bytes;

    /// <summary>Whether nothing follows.</summary>
    public bool IsAtEnd => _file.ReadByte() < 0;

    /// <summary>The next line without its end; valid until the next.</summary>
    /// <exception cref="InvalidDataException">There is none, or it is too long.</exception>
    public ReadOnlySpan<byte> Next()
    {
        _line.SetLength(0);
        int read;
        while ((read = _file.ReadByte()) is >= 0 and not '\n')
        {
            if (_line.Length == maximumLineBytes || ++_bytes > maximumBytes)
            {
                throw new InvalidDataException("it is longer than any export may be, or a line of it");
            }

            _line.WriteByte((byte)read);
        }

        return read >= 0 ? _line.GetBuffer().AsSpan(0, (int)_line.Length) : throw new InvalidDataException("it is cut off");
    }

    /// <inheritdoc/>
    public void Dispose() => _line.Dispose();
}
