using System.Buffers.Binary;
using System.Text;

namespace PsiMessaging.Data.Keys;

/// <summary>
/// Turns raw identifiers into canonical bytes, version 1: trim, Unicode NFKC, every run of white space inside to one space, and where case is folded, the
/// invariant upper-case mapping. A composite key is its parts, each behind its length, so that no two different keys give the same bytes.
/// Not thread-safe.
/// </summary>
public sealed class Canonicalizer
{
    /// <summary>Version of these rules.</summary>
    public const int Version = 1;
    /// <summary>Longest identifier part in UTF-8 bytes.</summary>
    public const int MaximumPartBytes = 4096;

    private readonly bool _foldCase;
    private byte[] _bytes = new byte[256];
    private char[] _characters = new char[64];
    private int _length;

    /// <param name="foldCase">Whether <c>Rossi</c> and <c>ROSSI</c> are one identifier.</param>
    /// <exception cref="InputException">This process runs without Unicode data, where normalisation would silently do nothing.</exception>
    public Canonicalizer(bool foldCase)
    {
        if ("ﬁ".Normalize(NormalizationForm.FormKC) != "fi")
        {
            throw new InputException("this machine runs .NET without Unicode data (ICU), so identifiers cannot be normalised; install ICU or unset DOTNET_SYSTEM_GLOBALIZATION_INVARIANT");
        }

        _foldCase = foldCase;
    }

    /// <summary>The canonical bytes gathered since <see cref="Begin"/>.</summary>
    public ReadOnlySpan<byte> Current => _bytes.AsSpan(0, _length);

    /// <summary>Starts a new identifier.</summary>
    public void Begin() => _length = 0;

    /// <summary>Adds one part.</summary>
    /// <returns>False when the part is empty after canonicalisation: the record then has no identifier.</returns>
    /// <exception cref="InputException">The part is too long, or not valid Unicode.</exception>
    public bool TryAdd(ReadOnlySpan<char> raw)
    {
        var part = Fold(raw.Trim());
        if (part.IsEmpty)
        {
            return false;
        }

        var most = Encoding.UTF8.GetMaxByteCount(part.Length);
        if (_bytes.Length < _length + 4 + most)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + 4 + most));
        }

        var size = Encoding.UTF8.GetBytes(part, _bytes.AsSpan(_length + 4));
        if (size > MaximumPartBytes)
        {
            throw new InputException($"an identifier is longer than {MaximumPartBytes:N0} bytes; is the right column named as the key?");
        }

        BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(_length), size);
        _length += 4 + size;
        return true;
    }

    /// <summary>The parts of canonical bytes, as text.</summary>
    public static string[] Decode(ReadOnlySpan<byte> canonical)
    {
        var parts = new List<string>();
        while (!canonical.IsEmpty)
        {
            var size = BinaryPrimitives.ReadInt32BigEndian(canonical);
            parts.Add(Encoding.UTF8.GetString(canonical.Slice(4, size)));
            canonical = canonical[(4 + size)..];
        }

        return [.. parts];
    }

    /// <summary>Takes the first part off canonical bytes.</summary>
    /// <param name="canonical">What is left; loses the part.</param>
    /// <param name="part">Its UTF-8 bytes.</param>
    public static void TakePart(ref ReadOnlySpan<byte> canonical, out ReadOnlySpan<byte> part)
    {
        var size = BinaryPrimitives.ReadInt32BigEndian(canonical);
        part = canonical.Slice(4, size);
        canonical = canonical[(4 + size)..];
    }

    private ReadOnlySpan<char> Fold(ReadOnlySpan<char> text)
    {
        if (!Ascii.IsValid(text))
        {
            try
            {
                text = text.ToString().Normalize(NormalizationForm.FormKC).AsSpan().Trim();
            }
            catch (ArgumentException exception)
            {
                throw new InputException("an identifier is not valid Unicode text (a lone surrogate)", exception);
            }
        }

        var changes = _foldCase;
        for (var i = 0; i < text.Length && !changes; i++)
        {
            changes = char.IsWhiteSpace(text[i]) && (text[i] != ' ' || char.IsWhiteSpace(text[i + 1]));
        }

        if (!changes)
        {
            return text;
        }

        if (_characters.Length < text.Length)
        {
            _characters = new char[text.Length * 2];
        }

        var length = 0;
        var space = false;
        foreach (var character in text)
        {
            var white = char.IsWhiteSpace(character);
            if (!white || !space)
            {
                _characters[length++] = white ? ' ' : character;
            }

            space = white;
        }

        var folded = _characters.AsSpan(0, length);
        if (_foldCase)
        {
            for (var i = 0; i < folded.Length; i++)
            {
                folded[i] = char.ToUpperInvariant(folded[i]);
            }
        }

        return folded;
    }
}
