namespace PsiMessaging.Cryptography.HiddenIntersection;

/// <summary>
/// Sizes of a question over a hidden intersection, A (asking party's records × p) and B (the other's × q), and how all of it is cut. Rows travel packed, each
/// in whole bytes; batches of the contributing party's records have the same rows in both matrices.
/// </summary>
/// <param name="AskerRecords">Records of the asking party, dummies among them.</param>
/// <param name="ContributorRecords">Records of the other.</param>
/// <param name="P">Columns of A, 1 to 1,000.</param>
/// <param name="Q">Columns of B, 1 to 1,000.</param>
/// <param name="WordBits">Bits of a word, 1 to 64: all arithmetic is modulo 2 to this power.</param>
public sealed record HiddenShape(int AskerRecords, int ContributorRecords, int P, int Q, int WordBits)
{
    /// <summary>Most columns of a matrix.</summary>
    public const int MaximumColumns = 1000;

    private const int MaximumRows = 1 << 14;

    /// <summary>Refuses sizes that cannot be.</summary>
    /// <exception cref="InvalidDataException">A number is out of its range.</exception>
    public HiddenShape Check() =>
        AskerRecords is >= 0 and <= HiddenSizes.MaximumRecords && ContributorRecords is >= 0 and <= HiddenSizes.MaximumRecords
        && P is >= 1 and <= MaximumColumns && Q is >= 1 and <= MaximumColumns && WordBits is >= 1 and <= 64
            ? this : throw new InvalidDataException("the announced shape of a question is out of its range");

    /// <summary>Rows of every batch but the last.</summary>
    public int BatchRows => Math.Clamp(MessageCut.MaximumSizeBytes / RowBytes(Math.Max(P, Q)), 1, MaximumRows);

    /// <summary>A + ρ, from the asking party to the linker.</summary>
    public MessageCut AskedRows => new("masked rows of the asking party", AskerRecords, RowBytes(P)) { BatchElements = BatchRows };

    /// <summary>X − U, from the linker to the contributing party.</summary>
    public MessageCut AlignedRows => new("aligned rows of the linker", ContributorRecords, RowBytes(P)) { BatchElements = BatchRows };

    /// <summary>B − V, from the contributing party to the linker.</summary>
    public MessageCut ContributedRows => new("masked rows of the contributing party", ContributorRecords, RowBytes(Q)) { BatchElements = BatchRows };

    /// <summary>A share of the product or of the triple: p rows of q words.</summary>
    public MessageCut Shares => new("shares of a product", P, RowBytes(Q));

    private int RowBytes(int columns) => ((columns * WordBits) + 7) / 8;
}
