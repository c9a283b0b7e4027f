namespace PsiMessaging.Data.Datasets;

/// <summary>The texts of a column of some rows, back to back in one array that is used again for the next rows: no object a value.</summary>
internal sealed class TextColumn
{
    /// <summary>An array that one long text has made larger than this is not kept.</summary>
    private const int MostKept = 1 << 22;

    private char[] _characters = [];
    private int[] _ends = [0];

    /// <summary>How many texts there are.</summary>
    public int Count { get; private set; }

    /// <summary>All characters, text after text.</summary>
    public ReadOnlySpan<char> Characters => _characters.AsSpan(0, _ends[Count]);

    /// <summary>Where each text ends in <see cref="Characters"/>, behind a zero: one more than there are texts.</summary>
    public ReadOnlySpan<int> Ends => _ends.AsSpan(0, Count + 1);

    /// <summary>One of the texts.</summary>
    public ReadOnlySpan<char> this[int row]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Count);
            var start = _ends[row];
            return _characters.AsSpan(start, _ends[row + 1] - start);
        }
    }

    /// <summary>Adds a text.</summary>
    public void Add(ReadOnlySpan<char> text)
    {
        var start = _ends[Count];
        if (_characters.Length - start < text.Length)
        {
            Array.Resize(ref _characters, checked(Math.Max(2 * _characters.Length, start + text.Length)));
        }

        text.CopyTo(_characters.AsSpan(start));
        if (Count + 1 == _ends.Length)
        {
            Array.Resize(ref _ends, Math.Max(64, 2 * _ends.Length));
        }

        _ends[++Count] = start + text.Length;
    }

    /// <summary>Makes room for texts whose ends and characters are then filled in.</summary>
    /// <param name="count">How many.</param>
    /// <param name="characters">Most characters of all together.</param>
    public (int[] Ends, char[] Characters) Prepare(int count, int characters)
    {
        _characters = _characters.Length < characters ? new char[characters] : _characters;
        _ends = _ends.Length <= count ? new int[count + 1] : _ends;
        Count = count;
        return (_ends, _characters);
    }

    /// <summary>Forgets all texts.</summary>
    public void Clear()
    {
        Count = 0;
        if (_characters.Length > MostKept)
        {
            _characters = [];
        }
    }
}
