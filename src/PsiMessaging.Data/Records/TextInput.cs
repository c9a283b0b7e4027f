using System.Text;

namespace PsiMessaging.Data.Records;

/// <summary>
/// The characters of a text file from its first line on: strictly decoded, without byte order marks and the end sign of DOS. A NUL is refused with its line: no
/// text holds one, and readers that go on lose rows without a word.
/// </summary>
internal sealed class TextInput : TextReader
{
    private const int BufferCharacters = 1 << 16;
    private const char DosEnd = '\u001A';
    private const char NotACharacter = '\uFFFF';
    private readonly string _path;
    private readonly TextReader _inner;
    private readonly char[] _buffer = new char[BufferCharacters];
    private int _at, _length;
    private long _line = 1;
    private bool _ended;

    private TextInput(string path, TextReader inner, string encodingName) => (_path, _inner, EncodingName) = (path, inner, encodingName);

    /// <summary>Its IANA name.</summary>
    public string EncodingName { get; }

    /// <summary>Whether the whole text stands in <see cref="Sample"/>.</summary>
    public bool IsWhole => _ended;

    /// <summary>The next characters, up to 65,536; valid until they are read.</summary>
    public ReadOnlySpan<char> Sample => _buffer.AsSpan(_at, _length - _at);

    /// <exception cref="InputException">The encoding is not known.</exception>
    public static TextInput Open(InputStream input, string? encodingName)
    {
        var encoding = Resolve(encodingName, input.Head);
        return new TextInput(input.Path,
            new StreamReader(input.Stream, encoding, detectEncodingFromByteOrderMarks: false, bufferSize: 1 << 16), encoding.WebName);
    }

    /// <summary>Takes what stands before the first line.</summary>
    public void Begin()
    {
        Fill();
        while (_at < _length && _buffer[_at] == '\uFEFF')
        {
            _at++;
        }
    }

    private static Encoding Resolve(string? name, ReadOnlySpan<byte> head)
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        if (Shown(head) is { } shown)
        {
            return Strict(shown);
        }

        try
        {
            return name is null ? new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true) : Strict(name);
        }
        catch (ArgumentException exception)
        {
            throw new InputException($"the encoding {name} is not known; try utf-8, iso-8859-1, windows-1252 or utf-16", exception);
        }
    }

    private static Encoding Strict(string name) => Encoding.GetEncoding(name, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback);

    /// <summary>The encoding that the first bytes show: a byte order mark, or the zeros of UTF-16.</summary>
    private static string? Shown(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
        {
            return "utf-8";
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]))
        {
            return head.Length >= 4 && head[2] == 0 && head[3] == 0 ? "utf-32" : "utf-16";
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
        {
            return "utf-16BE";
        }

        // Digits, delimiters and line ends are one zero byte and one other in UTF-16, always on the same side.
        var (pairs, even, odd) = (Math.Min(head.Length, 4096) / 2, 0, 0);
        for (var i = 0; i < pairs; i++)
        {
            even += head[2 * i] == 0 && head[(2 * i) + 1] != 0 ? 1 : 0;
            odd += head[2 * i] != 0 && head[(2 * i) + 1] == 0 ? 1 : 0;
        }

        return odd * 4 > pairs && even * 20 < odd ? "utf-16" : even * 4 > pairs && odd * 20 < even ? "utf-16BE" : null;
    }

    /// <summary>Takes the next line, without its end.</summary>
    /// <returns>Null at the end of the text.</returns>
    public string? TakeLine()
    {
        var line = new StringBuilder();
        while (Sample.Length > 0 || Fill())
        {
            var end = Sample.IndexOfAny('\r', '\n');
            line.Append(end < 0 ? Sample : Sample[..end]);
            if (end < 0)
            {
                _at = _length;
                continue;
            }

            var first = Sample[end];
            _at += end + 1;
            if (first == '\r' && (Sample.Length > 0 || Fill()) && Sample[0] == '\n')
            {
                _at++;
            }

            return line.ToString();
        }

        return line.Length > 0 ? line.ToString() : null;
    }

    /// <summary>Makes <see cref="Sample"/> as long as it can be.</summary>
    public void FillSample()
    {
        if (_at > 0 && !_ended)
        {
            Sample.CopyTo(_buffer);
            (_at, _length) = (0, _length - _at);
            Append();
        }
    }

    private bool Fill()
    {
        if (_ended)
        {
            return false;
        }

        (_at, _length) = (0, 0);
        Append();
        return _length > 0;
    }

    private void Append()
    {
        var start = _length;
        _length += _inner.ReadBlock(_buffer, _length, _buffer.Length - _length);
        _ended = _length < _buffer.Length || (_buffer[_length - 1] == DosEnd && _inner.Peek() < 0);
        var added = _buffer.AsSpan(start, _length - start);
        var bad = added.IndexOfAny('\0', NotACharacter);
        if (bad >= 0)
        {
            throw new InputException(
                $"{_path}, line {_line + added[..bad].Count('\n')}: {(added[bad] == '\0' ? "a NUL character" : "the non-character U+FFFF")}, which no text "
                    + "holds; the file is damaged, or no CSV file, or in another encoding (--encoding)");
        }

        _line += added.Count('\n');
        while (_ended && _length > _at && _buffer[_length - 1] == DosEnd)
        {
            _length--;
        }
    }

    public override int Peek() => Sample.Length > 0 || Fill() ? _buffer[_at] : -1;

    public override int Read() => Sample.Length > 0 || Fill() ? _buffer[_at++] : -1;

    public override int Read(char[] buffer, int index, int count) => Read(buffer.AsSpan(index, count));

    public override int Read(Span<char> buffer)
    {
        if (Sample.IsEmpty && !Fill())
        {
            return 0;
        }

        var count = Math.Min(buffer.Length, Sample.Length);
        Sample[..count].CopyTo(buffer);
        _at += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
