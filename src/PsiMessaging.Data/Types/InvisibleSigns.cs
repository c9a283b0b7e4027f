using System.Text;

namespace PsiMessaging.Data.Types;

/// <summary>
/// Signs that nobody sees: those with Unicode's property Default_Ignorable_Code_Point (zero-width spaces and joiners, soft hyphens, byte order marks, marks of
/// direction, variation selectors, tags) and control characters that are no white space.
/// </summary>
internal static class InvisibleSigns
{
    private static readonly (int First, int Last)[] Ranges =
    [
        (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5),
        (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
        (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    ];

    /// <summary>Whether a character is one.</summary>
    public static bool Contains(Rune rune)
    {
        if (rune.IsAscii)
        {
            return Contains((char)rune.Value);
        }

        if (Rune.IsControl(rune))
        {
            return !Rune.IsWhiteSpace(rune);
        }

        if (rune.Value is > 0xAD and < 0x34F)
        {
            // Most letters beyond ASCII.
            return false;
        }

        foreach (var (first, last) in Ranges)
        {
            if (rune.Value <= last)
            {
                return rune.Value >= first;
            }
        }

        return false;
    }

    /// <summary>The same for an ASCII character.</summary>
    public static bool Contains(char ascii) => ascii is < ' ' and not (>= '\t' and <= '\r') or '\u007f';
}
