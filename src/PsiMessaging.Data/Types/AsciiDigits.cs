using System.Runtime.CompilerServices;

namespace PsiMessaging.Data.Types;

/// <summary>Where the digits 0 to 9 end in a field. Fields are short and there are millions of them.</summary>
/// <remarks>
/// A loop, and compiled fully at its first call: the framework's <c>IndexOfAnyExceptInRange</c> makes objects of its bounds until it has been called long
/// enough to be compiled again, a gigabyte of them in the first set of a million rows that a process reads.
/// </remarks>
internal static class AsciiDigits
{
    /// <summary>Index of the first that is no digit from 0 to 9; -1 where all are, and where there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int FirstOther(ReadOnlySpan<char> text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if ((uint)(text[i] - '0') > 9)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Whether all are digits from 0 to 9; of none, yes.</summary>
    public static bool Only(ReadOnlySpan<char> text) => FirstOther(text) < 0;
}
