using PsiMessaging.Batches;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.HiddenIntersection;
using PsiMessaging.Cryptography.Memory;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Analytics.Hidden;

/// <summary>
/// The asking party's part of a question over a hidden intersection: it sends A + ρ(κ) over all of its records to the linker, deals a matrix triple, and adds
/// the two shares that come back. It learns the sums over matched records, and nothing of which records these are. Batches may be worked on by several threads.
/// </summary>
/// <param name="question">The question.</param>
/// <param name="keys">κ of the own uploads, in the order of the own tokens; stays the caller's.</param>
/// <param name="secret">The own secret of the session, 32 random bytes; stays the caller's.</param>
/// <param name="cores">Threads; stay the caller's.</param>
public sealed class HiddenAsker(HiddenQuestion question, BlockBuffer keys, SecretBytes secret, Cores cores) : IDisposable
{
    private readonly RecordMask _mask = new(question.Key);
    private readonly HiddenShape _shape = keys.Length == question.Shape.AskerRecords ? question.Shape
        : throw new ArgumentException("a record of the asking party has no key", nameof(keys));

    /// <summary>Masks a batch of A.</summary>
    /// <param name="sequence">Which message of <see cref="HiddenShape.AskedRows"/>.</param>
    /// <param name="words">Its rows in the order of the own tokens, column after column; zeros for dummies. Not changed.</param>
    public byte[] Mask(int sequence, ReadOnlySpan<ulong> words)
    {
        var (first, rows) = (_shape.AskedRows.FirstOf(sequence), _shape.AskedRows.CountOf(sequence));
        var masked = new ulong[rows * _shape.P];
        _mask.Fill(keys.Span.Slice(first, rows), _shape.P, masked);
        ColumnProducts.AddTo(masked, words);
        return PackedRows.Write(masked, rows, _shape.P, _shape.WordBits);
    }

    /// <summary>Deals the triple, which depends on no data: K_Q and seeds for the linker; a seed, and W_2 in messages, for the contributing party.</summary>
    public DealtTriple Deal()
    {
        using SecretBytes u = Seed("U"u8), v = Seed("V"u8), w = Seed("W"u8);
        var product = new ulong[_shape.P * _shape.Q];
        var (cut, gate) = (_shape.ContributedRows, new Lock());
        cores.Split(cut.Batches, 1, (_, from, end) =>
        {
            var sum = new ulong[product.Length];
            using WordStream left = TripleStream.Open(u, question.Key), right = TripleStream.Open(v, question.Key);
            for (var sequence = from; sequence < end; sequence++)
            {
                var (first, rows) = (cut.FirstOf(sequence), cut.CountOf(sequence));
                ulong[] a = new ulong[rows * _shape.P], b = new ulong[rows * _shape.Q];
                left.Fill((long)first * _shape.P, a);
                right.Fill((long)first * _shape.Q, b);
                ColumnProducts.Add(a, _shape.P, b, _shape.Q, rows, sum);
            }

            lock (gate)
            {
                ColumnProducts.AddTo(product, sum);
            }
        });
        var share = new ulong[product.Length];
        using (var stream = TripleStream.Open(w, question.Key))
        {
            stream.Fill(0, share);
        }

        ColumnProducts.SubtractFrom(product, share);
        return new DealtTriple([.. question.Key, .. u.Span, .. w.Span], v.Span.ToArray(), ShareMessages.Write(_shape, product));
    }

    private SecretBytes Seed(ReadOnlySpan<byte> name) => question.Secret(secret, DomainTags.HiddenTriple, name);

    /// <summary>The sums: p × q words modulo 2^w, row after row.</summary>
    /// <param name="ofLinker">The linker's share, as it came.</param>
    /// <param name="ofContributor">The contributing party's.</param>
    /// <exception cref="InvalidDataException">A share does not fit the shape.</exception>
    public ulong[] Open(IReadOnlyList<byte[]> ofLinker, IReadOnlyList<byte[]> ofContributor)
    {
        var sums = ShareMessages.Read(_shape, ofLinker);
        ColumnProducts.AddTo(sums, ShareMessages.Read(_shape, ofContributor));
        PackedWords.Cut(sums, _shape.WordBits);
        return sums;
    }

    /// <inheritdoc/>
    public void Dispose() => _mask.Dispose();
}

/// <summary>What the asking party deals for a question. Each part is for its receiver alone.</summary>
/// <param name="ToLinker">K_Q, the seed of U and that of W_H, 80 bytes.</param>
/// <param name="SeedToContributor">The seed of V, 32 bytes.</param>
/// <param name="SharesToContributor">W_2 = UᵀV − W_H, as messages.</param>
public sealed record DealtTriple(byte[] ToLinker, byte[] SeedToContributor, IReadOnlyList<byte[]> SharesToContributor);
