using System.Numerics;

namespace PsiMessaging.Protocols;

/// <summary>How long comparison tags must be.</summary>
public static class FalseMatchBound
{
    /// <summary>A false match anywhere in the session is less likely than 2^-40.</summary>
    public const int StatisticalSecurityParameterBits = 40;

    /// <summary>Longest tag in bytes; enough for two sets of 2^31 with room to spare.</summary>
    public const int MaximumTagSizeBytes = 16;
    /// <summary>Shortest tag in bytes.</summary>
    public const int MinimumTagSizeBytes = 8;

    /// <summary>
    /// Bytes of a tag such that, over all pairs of the two sets, two different identifiers share a tag with probability at most 2^-40 (union bound), and
    /// likewise over all pairs within the larger set, where equal tags would end the session: ⌈(40 + ⌈log2(max(n1·n2, n²/2))⌉) / 8⌉ with n the larger
    /// size, and never fewer than 8, so that a session of tiny sets has the same margin.
    /// </summary>
    /// <param name="size1">Announced size of one set, 0 or more.</param>
    /// <param name="size2">Announced size of the other, 0 or more.</param>
    public static int TagSizeBytes(int size1, int size2) => TagSizeBytes(size1, size2, times: 1);

    /// <summary>The same where pairs of sets of these sizes are compared several times, by the union bound over them.</summary>
    /// <param name="size1">Size of one set, 0 or more.</param>
    /// <param name="size2">Size of the other, 0 or more.</param>
    /// <param name="times">How often, 1 to 255.</param>
    internal static int TagSizeBytes(int size1, int size2, int times)
    {
        var (smaller, larger) = ((ulong)Math.Max(1, Math.Min(size1, size2)), (ulong)Math.Max(1, Math.Max(size1, size2)));
        // 2^62 a pair of sets at most; where 255 of them pass a word, the longest tag is asked for anyway.
        UInt128 all = (UInt128)(uint)times * Math.Max(smaller * larger, ((larger * larger) + 1) / 2);
        var pairs = all > ulong.MaxValue ? ulong.MaxValue : (ulong)all;
        var bits = StatisticalSecurityParameterBits + (pairs == 1 ? 0 : BitOperations.Log2(pairs - 1) + 1);
        return Math.Clamp((bits + 7) / 8, MinimumTagSizeBytes, MaximumTagSizeBytes);
    }
}
