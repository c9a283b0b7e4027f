using System.Buffers.Binary;
using System.Text;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Data.Keys;

/// <summary>What was changed in an identifier beyond blanks, compatibility forms and case, or why it is none.</summary>
[Flags]
public enum KeyRepairs
{
    /// <summary>Nothing.</summary>
    None = 0,
    /// <summary>Invisible signs were taken out.</summary>
    Invisible = 1,
    /// <summary><c>="00123"</c> was read as <c>00123</c>.</summary>
    Formula = 2,
    /// <summary><c>'00123</c> was read as <c>00123</c>.</summary>
    Apostrophe = 4,
    /// <summary>It is a word that stands for a missing value.</summary>
    MissingWord = 8,
    /// <summary><c>100234.0</c> was read as <c>100234</c>, where that was asked for.</summary>
    PointZero = 16,
}

/// <summary>
/// Turns raw identifiers into canonical bytes, version 2: Unicode NFKC; invisible signs and control characters out; no white space at the ends, every run of it
/// inside one space; <c>="…"</c> and an apostrophe before digits, by which spreadsheets mark texts, off; and where case is folded, Unicode's full case folding
/// (<see cref="CaseFolding"/>). A composite key is its parts, each behind its length, so that no two different keys give the same bytes. Not thread-safe.
/// </summary>
public sealed class Canonicalizer
{
    /// <summary>Version of these rules.</summary>
    public const int Version = 2;
    /// <summary>Longest identifier part in UTF-8 bytes.</summary>
    public const int MaximumPartBytes = 4096;

    private readonly bool _foldCase;
    private readonly bool _missingWords;
    private readonly bool _wholeNumbers;
    private byte[] _bytes = new byte[256];
    private char[] _characters = new char[64];
    private int _length;

    /// <param name="foldCase">Whether <c>Rossi</c> and <c>ROSSI</c> are one identifier.</param>
    /// <param name="missingWords">Whether words such as <c>NA</c> and <c>NULL</c> stand for a missing identifier (<see cref="MissingWords"/>).</param>
    /// <param name="wholeNumbers">Whether <c>100234.0</c> is <c>100234</c>: for files written by a program that took the identifiers for numbers.</param>
    /// <exception cref="InputException">This process runs without Unicode data, where normalisation would silently do nothing.</exception>
    public Canonicalizer(bool foldCase, bool missingWords = true, bool wholeNumbers = false)
    {
        if ("ﬁ".Normalize(NormalizationForm.FormKC) != "fi")
        {
            throw new InputException(
                "this machine runs .NET without Unicode data (ICU), so identifiers cannot be normalised; install ICU or unset "
                    + "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT");
        }

        (_foldCase, _missingWords, _wholeNumbers) = (foldCase, missingWords, wholeNumbers);
    }

    /// <summary>The canonical bytes gathered since <see cref="Begin"/>.</summary>
    public ReadOnlySpan<byte> Current => _bytes.AsSpan(0, _length);

    /// <summary>Starts a new identifier.</summary>
    public void Begin() => _length = 0;

    /// <summary>Adds one part.</summary>
    /// <returns>False when the part is empty after canonicalisation, or stands for a missing value: the record then has no identifier.</returns>
    /// <exception cref="InputException">The part is too long, or not valid Unicode.</exception>
    public bool TryAdd(ReadOnlySpan<char> raw) => TryAdd(raw, out _, out _);

    /// <summary>The same, and what it came to.</summary>
    /// <param name="raw">As it stands in the file.</param>
    /// <param name="part">The canonical text; valid until the next call, and only when there is one.</param>
    /// <param name="repairs">What was changed.</param>
    public bool TryAdd(ReadOnlySpan<char> raw, out ReadOnlySpan<char> part, out KeyRepairs repairs)
    {
        repairs = KeyRepairs.None;
        part = Clean(raw, ref repairs);
        if (part.IsEmpty)
        {
            return false;
        }

        part = Undisguise(part, ref repairs);
        if (part.IsEmpty)
        {
            return false;
        }

        if (_missingWords && MissingWords.StandForNoIdentifier(part))
        {
            repairs |= KeyRepairs.MissingWord;
            return false;
        }

        part = _foldCase ? Fold(part) : part;
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
            TakePart(ref canonical, out var part);
            parts.Add(Encoding.UTF8.GetString(part));
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

    private static ReadOnlySpan<char> Clean(ReadOnlySpan<char> raw, scoped ref KeyRepairs repairs)
    {
        var trimmed = raw.Trim();
        if (TextForm.IsPlain(trimmed) || TextForm.IsTidy(trimmed, NormalizationForm.FormKC))
        {
            return trimmed;
        }

        foreach (var rune in trimmed.EnumerateRunes())
        {
            if (InvisibleSigns.Contains(rune))
            {
                repairs |= KeyRepairs.Invisible;
                break;
            }
        }

        return Normal(trimmed.ToString(), fold: false);
    }

    /// <summary>Applies the rules until nothing changes any more, so that a canonical form is its own.</summary>
    private static string Normal(string text, bool fold)
    {
        try
        {
            while (true)
            {
                // As in Unicode's NFKC_Casefold: without invisible signs, folded in decomposed form, composed again.
                var next = fold ? CaseFolding.Fold(text.Normalize(NormalizationForm.FormKD)) : text;
                next = TextForm.Tidy(next.Normalize(NormalizationForm.FormKC), ofText: false);
                if (next == text)
                {
                    return next;
                }

                text = next;
            }
        }
        catch (ArgumentException exception)
        {
            throw new InputException("an identifier is not valid Unicode text (a lone surrogate, or a code point that is no character)", exception);
        }
    }

    /// <summary>
    /// Takes off what a spreadsheet, or whoever wrote for one, puts around a text so that it stays one. Nothing that has a meaning of its own looks like it.
    /// </summary>
    private ReadOnlySpan<char> Undisguise(ReadOnlySpan<char> text, scoped ref KeyRepairs repairs)
    {
        if (text.Length > 3 && text[0] == '=' && text[1] == '"' && text[^1] == '"' && !text[2..^1].Contains('"'))
        {
            repairs |= KeyRepairs.Formula;
            text = text[2..^1].Trim(' ');
        }

        if (text.Length > 1 && text[0] == '\'' && AsciiDigits.Only(text[1..]))
        {
            repairs |= KeyRepairs.Apostrophe;
            text = text[1..];
        }

        if (_wholeNumbers && text.Length > 2 && text[^1] == '0' && text[^2] is '.' or ',' && AsciiDigits.Only(text[..^2]))
        {
            repairs |= KeyRepairs.PointZero;
            text = text[..^2];
        }

        return text;
    }

    private ReadOnlySpan<char> Fold(ReadOnlySpan<char> text)
    {
        if (!Ascii.IsValid(text))
        {
            return Normal(text.ToString(), fold: true);
        }

        if (_characters.Length < text.Length)
        {
            _characters = new char[text.Length * 2];
        }

        Ascii.ToLower(text, _characters, out var length);
        return _characters.AsSpan(0, length);
    }
}
