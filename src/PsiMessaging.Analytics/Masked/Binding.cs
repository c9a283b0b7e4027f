using PsiMessaging.Batches;
using PsiMessaging.Cryptography;
using PsiMessaging.Cryptography.SharedRelease;
using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Analytics.Masked;

/// <summary>
/// The contributing party's side of the binding (docs/masked.md): it fills the columns by which the linker sees that the asking party sent zeros and ones, and
/// the correction of what it sent. The seed goes to the linker alone; after a kill all of it is the same. Not thread-safe.
/// </summary>
public sealed class Binding : IDisposable
{
    private readonly BindingLayout _layout;
    private readonly BindingWords _words;
    private readonly WordStream _hiding;
    private readonly ulong[] _factors, _probe, _squares;

    /// <param name="homeSecret">The session's secret of withheld sums.</param>
    /// <param name="context">What the question is.</param>
    /// <param name="layout">The columns.</param>
    public Binding(SecretBytes homeSecret, MaskContext context, BindingLayout layout)
    {
        _layout = layout;
        using var seed = homeSecret.Derive(context.Transcript, [.. DomainTags.BindingSeed, .. context.Hash()], BindingWords.SeedSizeBytes);
        using var hiding = homeSecret.Derive(context.Transcript, [.. DomainTags.BindingHiding, .. context.Hash()], WordStream.KeySizeBytes);
        (Seed, _words, _hiding) = (seed.Span.ToArray(), new BindingWords(seed), new WordStream(hiding));
        (_factors, _probe, _squares) = (_words.Factors(layout.Groups), _words.Probe(layout.Masked), new ulong[layout.Offsets.Count]);
    }

    /// <summary>For the linker.</summary>
    public byte[] Seed { get; }

    /// <summary>Fills the columns of a batch that are masked: weighted masks of each mark, and what hides.</summary>
    /// <param name="firstRow">First row of the batch.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="r1">Masks of the asking party's rows, column after column.</param>
    /// <param name="words">The batch.</param>
    public void Fill(int firstRow, int rows, ulong[] r1, ulong[] words)
    {
        var (weights, masks) = (new ulong[rows], new ulong[rows]);
        _words.Weights(firstRow, weights);
        for (var mark = 0; mark < _squares.Length; mark++)
        {
            BindingCheck.Combine(_layout, _factors, r1, mark, rows, masks);
            _squares[mark] += BindingCheck.SumOfSquares(masks, weights);
            var column = words.AsSpan(_layout.MarkColumn(mark) * rows, rows);
            for (var i = 0; i < rows; i++)
            {
                column[i] = weights[i] * masks[i];
            }
        }

        _hiding.Fill(firstRow, words.AsSpan(_layout.Hiding * rows, rows));
    }

    /// <summary>Fills the columns in the clear, once the others are masked.</summary>
    /// <param name="firstRow">First row of the batch.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="r2">Masks of the own rows.</param>
    /// <param name="words">The batch.</param>
    public void Open(int firstRow, int rows, ulong[] r2, ulong[] words)
    {
        _words.Weights(firstRow, words.AsSpan(_layout.Weights * rows, rows));
        words.AsSpan(_layout.Ones * rows, rows).Fill(1);
        var combination = words.AsSpan(_layout.Combination * rows, rows);
        combination.Clear();
        for (var column = 0; column < _layout.Masked; column++)
        {
            var probe = _probe[column];
            var masks = r2.AsSpan(column * rows, rows);
            for (var i = 0; i < rows; i++)
            {
                combination[i] += probe * masks[i];
            }
        }
    }

    /// <summary>What the linker needs to look: <see cref="BindingCheck.WordsOf"/> words.</summary>
    /// <param name="products">R1ᵀ times the batches as they were sent, P × Q words.</param>
    /// <param name="s1">The mask of the asking party's correction.</param>
    /// <param name="share">The own share of the product.</param>
    public ulong[] Finish(ulong[] products, ulong[] s1, ulong[] share)
    {
        var sent = new ulong[BindingCheck.WordsOf(_layout)];
        for (var i = 0; i < _layout.P; i++)
        {
            sent[i] = products[(i * _layout.Q) + _layout.Combination];
            for (var j = 0; j < _layout.Masked; j++)
            {
                sent[i] -= s1[(i * _layout.Q) + j] * _probe[j];
            }
        }

        for (var mark = 0; mark < _squares.Length; mark++)
        {
            var sum = 0 - _squares[mark];
            for (var group = 0; group < _layout.Groups; group++)
            {
                var (factor, row) = (_factors[group], _layout.ColumnOf(group, mark) * _layout.Q);
                sum -= 2 * factor * share[row + _layout.MarkColumn(mark)];
                sum += factor * factor * products[row + _layout.Weights];
            }

            sent[_layout.P + mark] = sum;
        }

        return sent;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _words.Dispose();
        _hiding.Dispose();
    }
}
