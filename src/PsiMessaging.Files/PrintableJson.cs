using System.Text.Encodings.Web;

namespace PsiMessaging.Files;

/// <summary>
/// JSON for files and terminals, not for web pages: <c>é</c> and <c>&gt;</c> stay as they are, and whatever <see cref="PrintableText.IsControl"/> names is
/// written as its <c>\uXXXX</c>. So a terminal obeys nothing in it, and who parses it gets the very text that was written.
/// </summary>
public sealed unsafe class PrintableJson : JavaScriptEncoder
{
    private const int EscapeLength = 6;
    private static readonly JavaScriptEncoder Inner = UnsafeRelaxedJsonEscaping;

    private PrintableJson()
    {
    }

    /// <summary>The encoder.</summary>
    public static PrintableJson Encoder { get; } = new();

    /// <inheritdoc/>
    public override int MaxOutputCharactersPerInputCharacter => Inner.MaxOutputCharactersPerInputCharacter;

    /// <inheritdoc/>
    public override int FindFirstCharacterToEncode(char* text, int textLength)
    {
        var first = Inner.FindFirstCharacterToEncode(text, textLength);
        var length = first < 0 ? textLength : first;
        for (var i = 0; i < length; i++)
        {
            if (PrintableText.IsControl(text[i]))
            {
                return i;
            }
        }

        return first;
    }

    /// <inheritdoc/>
    public override bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
    {
        if (!IsControl(unicodeScalar) || Inner.WillEncode(unicodeScalar))
        {
            return Inner.TryEncodeUnicodeScalar(unicodeScalar, buffer, bufferLength, out numberOfCharactersWritten);
        }

        numberOfCharactersWritten = 0;
        return bufferLength >= EscapeLength && new Span<char>(buffer, bufferLength).TryWrite($"\\u{unicodeScalar:X4}", out numberOfCharactersWritten);
    }

    /// <inheritdoc/>
    public override bool WillEncode(int unicodeScalar) => IsControl(unicodeScalar) || Inner.WillEncode(unicodeScalar);

    private static bool IsControl(int scalar) => scalar <= char.MaxValue && PrintableText.IsControl((char)scalar);
}
