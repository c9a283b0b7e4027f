using PsiMessaging.Batches;
using PsiMessaging.Cryptography.HiddenIntersection;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Linker.Engines.Hidden;

/// <summary>
/// The linker's part of a question over a hidden intersection (docs/hidden.md). It lines up the asking party's masked rows with the other's records: X_j =
/// z_j·a + ρ(κ_j), since where j is unmatched it has κ_j itself; sends X − U; takes B − V; and has Z_H = Uᵀ(B − V) + W_H + S as its share of the sum over
/// matched records of a·bᵀ, modulo 2^w. It sees uniformly random words. Batches of one matrix may be worked on by several threads at once.
/// </summary>
/// <remarks>
/// S comes from the contributing party and covers both shares: without it the asking party, who deals U, V and W, would read UᵀB from Z_H, sums over all of
/// the contributing party's records.
/// </remarks>
public sealed class HiddenProduct : IDisposable
{
    private readonly HiddenShape _shape;
    private readonly MatchedRecords _records;
    private readonly MessageIntake _asked;
    private readonly MessageCut _contributed;
    private readonly MessageMarks _marks;
    private readonly byte[] _questionKey;
    private readonly RecordMask _mask;
    private readonly SecretBytes _seedU, _seedShare;
    private readonly ulong[] _sum;
    private readonly Lock _gate = new();

    /// <summary>Bytes of what the asking party deals to the linker: K_Q and two seeds.</summary>
    public const int DealtSizeBytes = RecordMask.KeySizeBytes + (2 * TripleStream.SeedSizeBytes);

    /// <param name="shape">What was announced.</param>
    /// <param name="records">What is matched, in the direction of the question; stays the caller's.</param>
    /// <param name="dealt">The asking party's message to the linker.</param>
    /// <exception cref="InvalidDataException">Shape or message cannot be.</exception>
    public HiddenProduct(HiddenShape shape, MatchedRecords records, ReadOnlySpan<byte> dealt)
    {
        (_shape, _records) = (shape.Check(), records);
        if (shape.AskerRecords != records.AskerRecords || shape.ContributorRecords != records.ContributorRecords)
        {
            throw new InvalidDataException("a question was announced over other numbers of records than are matched");
        }

        if (dealt.Length != DealtSizeBytes)
        {
            throw new InvalidDataException($"the triple of a question has {dealt.Length} bytes in the place of {DealtSizeBytes}");
        }

        (_asked, _contributed) = (new MessageIntake(shape.AskedRows), shape.ContributedRows);
        _marks = new MessageMarks(_contributed);
        _questionKey = dealt[..RecordMask.KeySizeBytes].ToArray();
        _mask = new RecordMask(_questionKey);
        _seedU = SecretBytes.CopyOf(dealt.Slice(RecordMask.KeySizeBytes, TripleStream.SeedSizeBytes));
        _seedShare = SecretBytes.CopyOf(dealt[(RecordMask.KeySizeBytes + TripleStream.SeedSizeBytes)..]);
        _sum = new ulong[shape.P * shape.Q];
    }

    /// <summary>Takes a part of A + ρ from the asking party.</summary>
    /// <exception cref="InvalidDataException">It does not fit the announced shape, or came before.</exception>
    public void TakeAsked(int sequence, ReadOnlySpan<byte> message) => _asked.Take(sequence, message);

    /// <summary>A part of X − U for the contributing party.</summary>
    /// <exception cref="InvalidDataException">Not all of the asking party's rows are here.</exception>
    public byte[] Aligned(int sequence)
    {
        if (!_asked.IsWhole)
        {
            throw new InvalidDataException("rows of the asking party are missing");
        }

        var (first, rows) = (_shape.AlignedRows.FirstOf(sequence), _shape.AlignedRows.CountOf(sequence));
        var words = new ulong[rows * _shape.P];
        _mask.Fill(_records.Keys.Slice(first, rows), _shape.P, words);
        var (cut, row) = (_asked.Cut, new ulong[_shape.P]);
        for (var i = 0; i < rows; i++)
        {
            if (_records.PartnerOf(first + i) is var partner and >= 0)
            {
                var batch = partner / cut.BatchElements;
                PackedRows.Read(_asked[batch].Slice((partner - cut.FirstOf(batch)) * cut.ElementSizeBytes, cut.ElementSizeBytes),
                    _shape.WordBits, row, words, rows, i);
            }
        }

        ColumnProducts.SubtractFrom(words, U(first, rows));
        return PackedRows.Write(words, rows, _shape.P, _shape.WordBits);
    }

    private ulong[] U(int first, int rows)
    {
        var words = new ulong[rows * _shape.P];
        using var stream = TripleStream.Open(_seedU, _questionKey);
        stream.Fill((long)first * _shape.P, words);
        return words;
    }

    /// <summary>Takes a part of B − V from the contributing party.</summary>
    /// <exception cref="InvalidDataException">It does not fit the announced shape, or came before.</exception>
    public void TakeContributed(int sequence, ReadOnlySpan<byte> message)
    {
        _marks.Admit(sequence, message);
        var (first, rows) = (_contributed.FirstOf(sequence), _contributed.CountOf(sequence));
        var sum = new ulong[_sum.Length];
        ColumnProducts.Add(U(first, rows), _shape.P, PackedRows.Read(message, rows, _shape.Q, _shape.WordBits), _shape.Q, rows, sum);
        lock (_gate)
        {
            ColumnProducts.AddTo(_sum, sum);
        }

        _marks.Done();
    }

    /// <summary>The linker's share, p × q words modulo 2^w, as messages: uniformly random to whoever lacks the contributing party's share.</summary>
    /// <param name="coverSeed">What the contributing party sent to cover both shares, 32 bytes.</param>
    /// <exception cref="InvalidDataException">Rows of the contributing party are missing, or the seed has another length.</exception>
    public IReadOnlyList<byte[]> Finish(ReadOnlySpan<byte> coverSeed)
    {
        if (!_marks.IsWhole)
        {
            throw new InvalidDataException("rows of the contributing party are missing");
        }

        if (coverSeed.Length != TripleStream.SeedSizeBytes)
        {
            throw new InvalidDataException($"the cover of a question's shares has {coverSeed.Length} bytes in the place of {TripleStream.SeedSizeBytes}");
        }

        var (share, mask) = ((ulong[])_sum.Clone(), new ulong[_sum.Length]);
        using var cover = SecretBytes.CopyOf(coverSeed);
        foreach (var seed in new[] { _seedShare, cover })
        {
            using var stream = TripleStream.Open(seed, _questionKey);
            stream.Fill(0, mask);
            ColumnProducts.AddTo(share, mask);
        }

        return [.. Enumerable.Range(0, _shape.Shares.Batches).Select(sequence => PackedRows.WriteInOrder(
            share.AsSpan(_shape.Shares.FirstOf(sequence) * _shape.Q, _shape.Shares.CountOf(sequence) * _shape.Q), _shape.Q, _shape.WordBits))];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mask.Dispose();
        _seedU.Dispose();
        _seedShare.Dispose();
    }
}
