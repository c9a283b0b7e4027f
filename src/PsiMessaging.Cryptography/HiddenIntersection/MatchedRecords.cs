using System.Runtime.Intrinsics;
using PsiMessaging.Cryptography.Memory;

namespace PsiMessaging.Cryptography.HiddenIntersection;

/// <summary>What the linker needs for the questions of one party: which record of the asking party each record of the other is matched with, if any.</summary>
/// <param name="partners">For each record of the contributing party the place of its match, or -1.</param>
/// <param name="askerRecords">Records of the asking party.</param>
/// <param name="keys">κ of the contributing party's unmatched records, random blocks for the others; owned.</param>
public sealed class MatchedRecords(int[] partners, int askerRecords, BlockBuffer keys) : IDisposable
{
    /// <summary>Records of the asking party.</summary>
    public int AskerRecords => askerRecords;

    /// <summary>Records of the contributing party.</summary>
    public int ContributorRecords => partners.Length;

    /// <summary>Keys of unmatched records, by the contributing party's order.</summary>
    public ReadOnlySpan<Vector128<byte>> Keys => keys.Span;

    /// <summary>Place of the asking party's record that is matched with one of the contributing party, or -1.</summary>
    public int PartnerOf(int record) => partners[record];

    /// <inheritdoc/>
    public void Dispose() => keys.Dispose();
}
