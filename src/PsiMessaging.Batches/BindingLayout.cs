namespace PsiMessaging.Batches;

/// <summary>
/// Columns of a masked product by which the asking party is bound to a matrix of zeros and ones with at most one 1 a row and factor, and to its true correction
/// (docs/masked.md, "Binding"). Behind the contributing party's own columns stand one for each of the asking party's marks, one that hides what is opened, and
/// three in the clear: a random combination of the masks, random weights, and ones.
/// </summary>
/// <param name="P">Columns of the asking party's matrix.</param>
/// <param name="Q">Columns of the other's, those of the binding included.</param>
/// <param name="Groups">Groups of the asking party, 1 or more.</param>
/// <param name="Width">Columns of each group.</param>
/// <param name="Offsets">Within a group, the columns that are 0 or 1: each is 1 in at most one group.</param>
public sealed record BindingLayout(int P, int Q, int Groups, int Width, IReadOnlyList<int> Offsets)
{
    /// <summary>Columns of the binding beside those of the marks.</summary>
    private const int Others = 4;

    /// <summary>Most marks.</summary>
    public const int MaximumMarks = 64;

    /// <summary>Columns that a binding adds.</summary>
    public static int ColumnsOf(int marks) => marks + Others;

    /// <summary>Columns behind all others that are not sent: the linker makes them from the seed.</summary>
    public const int FromSeed = 2;

    /// <summary>Columns that are masked.</summary>
    public int Masked => Q - 3;

    /// <summary>The column that hides what the combination would say of the others.</summary>
    public int Hiding => Q - 4;

    /// <summary>In the clear: a random combination of the masks of each row.</summary>
    public int Combination => Q - 3;

    /// <summary>In the clear: random weights of the rows.</summary>
    public int Weights => Q - 2;

    /// <summary>In the clear: ones. The product with it is how many records the asking party put into each group, as shares.</summary>
    public int Ones => Q - 1;

    /// <summary>Puts a side's shares of the numbers of records of the asking party's columns into its share of the product.</summary>
    /// <param name="words">The share of the product, P × Q words.</param>
    /// <param name="shares">A word for each of the asking party's columns.</param>
    public void PutRecords(Span<ulong> words, ReadOnlySpan<ulong> shares)
    {
        for (var i = 0; i < P; i++)
        {
            words[(i * Q) + Ones] = shares[i];
        }
    }

    /// <summary>The linker's shares of them: sums of the masked rows.</summary>
    /// <param name="raw">The sum of products of the masked rows, P × Q words.</param>
    public ulong[] RecordsOf(ReadOnlySpan<ulong> raw)
    {
        var shares = new ulong[P];
        for (var i = 0; i < P; i++)
        {
            shares[i] = raw[(i * Q) + Ones];
        }

        return shares;
    }

    /// <summary>Whether it fits a product of its size.</summary>
    public bool Fits => Groups >= 1 && Width >= 1 && (long)Groups * Width <= P && Offsets.Count is >= 1 and <= MaximumMarks
        && Offsets.All(offset => offset >= 0 && offset < Width) && Offsets.Distinct().Count() == Offsets.Count && Q > ColumnsOf(Offsets.Count);

    /// <summary>The column of a mark.</summary>
    public int MarkColumn(int mark) => Q - Others - Offsets.Count + mark;

    /// <summary>The asking party's column of a mark in a group.</summary>
    public int ColumnOf(int group, int mark) => (group * Width) + Offsets[mark];
}

/// <summary>
/// The linker's side of the binding: it sees whether the asking party's correction is that of the rows it sent, and whether these are zeros and ones. It learns
/// that they are, and nothing else.
/// </summary>
/// <param name="layout">The columns.</param>
/// <param name="factors">A random odd word for each group, unknown to the asking party.</param>
/// <param name="probe">A random word for each masked column, that of the hiding one odd; unknown to the asking party.</param>
/// <param name="fillWeights">Fills in the random weights from a row on; called by one thread at a time.</param>
/// <param name="wordBits">Bits of a word, 1 to 64: all of it is modulo 2 to this power.</param>
public sealed class BindingCheck(
    BindingLayout layout, ulong[] factors, ulong[] probe, Action<int, Memory<ulong>> fillWeights, int wordBits = MaskedBatch.MaximumWordBits)
{
    private readonly Lock _weights = new();

    /// <summary>Words that the contributing party sends for it.</summary>
    public static int WordsOf(BindingLayout layout) => layout.P + layout.Offsets.Count;

    /// <summary>Fills in the columns of a batch that were not sent.</summary>
    /// <param name="b">The contributing party's rows, column after column.</param>
    /// <param name="firstRow">Which row of the matrix is the first.</param>
    /// <param name="rows">Rows of the batch.</param>
    public void Fill(ulong[] b, int firstRow, int rows)
    {
        lock (_weights)
        {
            fillWeights(firstRow, b.AsMemory(layout.Weights * rows, rows));
        }

        PackedWords.Cut(b.AsSpan(layout.Weights * rows, rows), wordBits);
        b.AsSpan(layout.Ones * rows, rows).Fill(1);
    }

    /// <summary>Of a batch, for each mark the weighted sum of squares of the masked rows, their groups put together by the factors.</summary>
    /// <param name="a">The asking party's masked rows, column after column.</param>
    /// <param name="b">The other's.</param>
    /// <param name="rows">Rows of the batch.</param>
    public ulong[] Fold(ulong[] a, ulong[] b, int rows)
    {
        var sums = new ulong[layout.Offsets.Count];
        var weighed = b.AsSpan(layout.Weights * rows, rows);
        var row = new ulong[rows];
        for (var mark = 0; mark < sums.Length; mark++)
        {
            Combine(layout, factors, a, mark, rows, row);
            sums[mark] = SumOfSquares(row, weighed);
        }

        return sums;
    }

    /// <summary>For each row, a mark's columns of all groups times the factors.</summary>
    /// <param name="layout">The columns.</param>
    /// <param name="factors">A word a group.</param>
    /// <param name="a">A matrix of the asking party's shape, its rows or their masks, column after column.</param>
    /// <param name="mark">The mark.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="row">Receives a word a row.</param>
    public static void Combine(BindingLayout layout, ulong[] factors, ReadOnlySpan<ulong> a, int mark, int rows, Span<ulong> row)
    {
        row.Clear();
        for (var group = 0; group < layout.Groups; group++)
        {
            var column = a.Slice(layout.ColumnOf(group, mark) * rows, rows);
            var factor = factors[group];
            for (var i = 0; i < rows; i++)
            {
                row[i] += factor * column[i];
            }
        }
    }

    /// <summary>Σ weight · value² modulo 2^64.</summary>
    public static ulong SumOfSquares(ReadOnlySpan<ulong> values, ReadOnlySpan<ulong> weights)
    {
        var sum = 0UL;
        for (var i = 0; i < values.Length; i++)
        {
            sum += weights[i] * values[i] * values[i];
        }

        return sum;
    }

    /// <summary>What is wrong with the asking party's side, or null.</summary>
    /// <param name="raw">The sum of products of the masked rows, P × Q words.</param>
    /// <param name="correction">The asking party's correction.</param>
    /// <param name="share">The linker's share of the product.</param>
    /// <param name="folded">From <see cref="Fold"/>, over all rows.</param>
    /// <param name="sent">What the contributing party sent: <see cref="WordsOf"/> words.</param>
    public string? FaultOf(
        ReadOnlySpan<ulong> raw, ReadOnlySpan<ulong> correction, ReadOnlySpan<ulong> share, ReadOnlySpan<ulong> folded, ReadOnlySpan<ulong> sent)
    {
        for (var i = 0; i < layout.P; i++)
        {
            // U1·s + (R1ᵀt − S1·s) = (A + R1)ᵀt, with t = R2·s (Freivalds): another correction is found but with one in 2^(bits − 1).
            var sum = sent[i];
            for (var j = 0; j < layout.Masked; j++)
            {
                sum += correction[(i * layout.Q) + j] * probe[j];
            }

            if (((sum - raw[(i * layout.Q) + layout.Combination]) & PackedWords.Mask(wordBits)) != 0)
            {
                return "its correction is not that of its rows";
            }
        }

        for (var mark = 0; mark < layout.Offsets.Count; mark++)
        {
            var sum = folded[mark] + sent[layout.P + mark];
            for (var group = 0; group < layout.Groups; group++)
            {
                var (factor, row) = (factors[group], layout.ColumnOf(group, mark) * layout.Q);
                sum -= 2 * factor * share[row + layout.MarkColumn(mark)];
                sum -= factor * factor * raw[row + layout.Weights];
            }

            if ((sum & PackedWords.Mask(wordBits)) != 0)
            {
                return "its rows are not zeros and ones of one group each";
            }
        }

        return null;
    }
}
