using PsiMessaging.Batches;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.HiddenIntersection;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Analytics.Hidden;

/// <summary>
/// The contributing party's part of a question over a hidden intersection: it sends B − V over all of its records to the linker, takes X − U, and has Z_2 = (X
/// − U − ρ(κ))ᵀB + W_2 − S as its share. What it receives is uniformly random and as long whatever matches: it learns nothing of the join. Batches may go
/// on several threads.
/// </summary>
public sealed class HiddenContributor : IDisposable
{
    private readonly HiddenQuestion _question;
    private readonly HiddenShape _shape;
    private readonly BlockBuffer _keys;
    private readonly RecordMask _mask;
    private readonly SecretBytes _seed, _cover;
    private readonly MessageMarks _aligned;
    private readonly ulong[] _sum;
    private readonly Lock _gate = new();

    /// <param name="question">The question.</param>
    /// <param name="keys">κ of the asking party's uploads at the own records, in the order of the own tokens; stays the caller's.</param>
    /// <param name="secret">The own secret of the session, 32 random bytes; stays the caller's.</param>
    /// <param name="seed">The seed of V, dealt by the asking party.</param>
    /// <param name="shares">W_2, dealt by the asking party.</param>
    /// <exception cref="InvalidDataException">What was dealt does not fit the shape.</exception>
    public HiddenContributor(HiddenQuestion question, BlockBuffer keys, SecretBytes secret, ReadOnlySpan<byte> seed, IReadOnlyList<byte[]> shares)
    {
        (_question, _shape, _keys) = (question, question.Shape, keys);
        ArgumentOutOfRangeException.ThrowIfNotEqual(keys.Length, _shape.ContributorRecords);
        if (seed.Length != TripleStream.SeedSizeBytes)
        {
            throw new InvalidDataException($"the seed of a question's triple has {seed.Length} bytes in the place of {TripleStream.SeedSizeBytes}");
        }

        _sum = ShareMessages.Read(_shape, shares);
        _aligned = new MessageMarks(_shape.AlignedRows);
        _mask = new RecordMask(question.Key);
        _seed = SecretBytes.CopyOf(seed);
        _cover = question.Secret(secret, DomainTags.HiddenShare, []);
    }

    /// <summary>What both shares are covered with, for the linker alone: 32 bytes.</summary>
    public byte[] CoverSeed => _cover.Span.ToArray();

    /// <summary>Masks a batch of B.</summary>
    /// <param name="sequence">Which message of <see cref="HiddenShape.ContributedRows"/>.</param>
    /// <param name="words">Its rows in the order of the own tokens, column after column; zeros for dummies. Not changed.</param>
    public byte[] Mask(int sequence, ReadOnlySpan<ulong> words)
    {
        var (first, rows) = (_shape.ContributedRows.FirstOf(sequence), _shape.ContributedRows.CountOf(sequence));
        var (masked, v) = (words.ToArray(), new ulong[rows * _shape.Q]);
        using var stream = TripleStream.Open(_seed, _question.Key);
        stream.Fill((long)first * _shape.Q, v);
        ColumnProducts.SubtractFrom(masked, v);
        var message = PackedRows.Write(masked, rows, _shape.Q, _shape.WordBits);
        masked.AsSpan().Clear();
        return message;
    }

    /// <summary>Takes a part of X − U from the linker.</summary>
    /// <param name="sequence">Which message of <see cref="HiddenShape.AlignedRows"/>.</param>
    /// <param name="message">It.</param>
    /// <param name="words">The same rows of B as for <see cref="Mask"/>.</param>
    /// <exception cref="InvalidDataException">It does not fit the announced shape, or came before.</exception>
    public void TakeAligned(int sequence, ReadOnlySpan<byte> message, ReadOnlySpan<ulong> words)
    {
        var cut = _shape.AlignedRows;
        _aligned.Admit(sequence, message);
        var (first, rows) = (cut.FirstOf(sequence), cut.CountOf(sequence));
        var (aligned, mask) = (PackedRows.Read(message, rows, _shape.P, _shape.WordBits), new ulong[rows * _shape.P]);
        _mask.Fill(_keys.Span.Slice(first, rows), _shape.P, mask);
        ColumnProducts.SubtractFrom(aligned, mask);
        var sum = new ulong[_sum.Length];
        ColumnProducts.Add(aligned, _shape.P, words, _shape.Q, rows, sum);
        lock (_gate)
        {
            ColumnProducts.AddTo(_sum, sum);
        }

        _aligned.Done();
    }

    /// <summary>The own share, p × q words modulo 2^w, as messages: uniformly random to whoever lacks the linker's.</summary>
    /// <exception cref="InvalidDataException">Rows of the linker are missing.</exception>
    public IReadOnlyList<byte[]> Finish()
    {
        if (!_aligned.IsWhole)
        {
            throw new InvalidDataException("aligned rows of the linker are missing");
        }

        var (share, cover) = ((ulong[])_sum.Clone(), new ulong[_sum.Length]);
        using var stream = TripleStream.Open(_cover, _question.Key);
        stream.Fill(0, cover);
        ColumnProducts.SubtractFrom(share, cover);
        return ShareMessages.Write(_shape, share);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mask.Dispose();
        _seed.Dispose();
        _cover.Dispose();
        _sum.AsSpan().Clear();
    }
}
