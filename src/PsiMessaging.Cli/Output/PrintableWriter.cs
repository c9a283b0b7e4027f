using System.Text;
using PsiMessaging.Files;

namespace PsiMessaging.Cli.Output;

/// <summary>
/// Standard output or error without control characters but line ends and tabs. Names, labels and reasons in what we print come from files and from the other
/// party, and a terminal obeys what it is sent: here is the one place that all of it passes. Tables and progress bars, which need escape sequences of their
/// own, go past it. JSON, which must stay what it is, has nothing left for it to change (<see cref="PrintableJson"/>).
/// </summary>
internal sealed class PrintableWriter(TextWriter inner) : TextWriter
{
    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => inner.Write(Shown(value));

    public override void Write(char[] buffer, int index, int count) => Write(buffer.AsSpan(index, count));

    public override void Write(ReadOnlySpan<char> buffer)
    {
        var shown = new char[buffer.Length];
        for (var i = 0; i < shown.Length; i++)
        {
            // Where lines end with two characters, the pair is one.
            shown[i] = buffer[i] == '\r' && i + 1 < buffer.Length && buffer[i + 1] == '\n' && Environment.NewLine.Length == 2 ? '\r' : Shown(buffer[i]);
        }

        inner.Write(shown);
    }

    public override void Write(string? value) => Write(value.AsSpan());

    public override void Flush() => inner.Flush();

    private static char Shown(char character) => character is '\n' or '\t' ? character : PrintableText.Shown(character);
}
