using System.Collections.Concurrent;

namespace PsiMessaging.Batches;

/// <summary>
/// The linker's part: the sum of (A + R1)ᵀ(B + R2) over batches in any order, less the two corrections. Batches of one call are shared among the cores. It sees
/// uniformly random words and knows n, p and q. Readers are kept from call to call, since batches come a few at a time; after a fault the sum is not to be
/// used.
/// </summary>
/// <param name="p">Columns of the first matrix.</param>
/// <param name="q">Columns of the second.</param>
/// <param name="check">What the asking party's rows are held to; null for nothing.</param>
/// <param name="wordBits">Bits of a word, 1 to 64: all of it is modulo 2 to this power.</param>
public sealed class LinkerProduct(int p, int q, BindingCheck? check = null, int wordBits = MaskedBatch.MaximumWordBits) : IDisposable
{
    private readonly ulong[] _sum = new ulong[p * q];
    private readonly Lock _gate = new();
    private readonly ConcurrentBag<MaskedReader> _readers = [];

    /// <summary>Adds batches.</summary>
    /// <param name="batches">Paths of the two files of each batch, its rows, and which row of the matrix its first is.</param>
    /// <param name="parallelism">Cores to use, 1 or more.</param>
    /// <exception cref="InvalidDataException">A batch is not what was announced; says whose.</exception>
    public void Add(IReadOnlyList<(string First, string Second, int Rows, int FirstRow)> batches, int parallelism)
    {
        try
        {
            Parallel.ForEach(batches, new ParallelOptions { MaxDegreeOfParallelism = parallelism },
                () => (Reader: _readers.TryTake(out var kept) ? kept : new MaskedReader(), Sum: new ulong[p * q]), (batch, _, local) =>
            {
                var (a, b) = (new ulong[batch.Rows * p], new ulong[batch.Rows * q]);
                local.Reader.Read(batch.First, p, a, wordBits);
                var sent = q - (check is null ? 0 : BindingLayout.FromSeed);
                local.Reader.Read(batch.Second, sent, b.AsSpan(0, batch.Rows * sent), wordBits);
                check?.Fill(b, batch.FirstRow, batch.Rows);
                ColumnProducts.Add(a, p, b, q, batch.Rows, local.Sum);
                if (check?.Fold(a, b, batch.Rows) is { } folded)
                {
                    lock (_gate)
                    {
                        Folded = [.. Folded.Length == 0 ? folded : Folded.Zip(folded, (sum, part) => sum + part)];
                    }
                }

                return local;
            }, local =>
            {
                _readers.Add(local.Reader);
                lock (_gate)
                {
                    ColumnProducts.AddTo(_sum, local.Sum);
                }
            });
        }
        catch (AggregateException exception) when (exception.InnerExceptions.OfType<InvalidDataException>().FirstOrDefault() is { } invalid)
        {
            throw new InvalidDataException(invalid.Message, exception);
        }
    }

    /// <summary>The sum of products as it is, p × q words.</summary>
    public ReadOnlySpan<ulong> Raw => _sum;

    /// <summary>What <see cref="BindingCheck.Fold"/> gave, over all batches.</summary>
    public ulong[] Folded { get; private set; } = [];

    /// <summary>The product after the last batch: AᵀB − S1 − S2. No bits above those of a word: they would say something of the masked rows.</summary>
    /// <param name="corrections">Both parties' corrections, p × q words each.</param>
    public ulong[] Finish(params IEnumerable<ulong[]> corrections)
    {
        var product = (ulong[])_sum.Clone();
        foreach (var correction in corrections)
        {
            for (var i = 0; i < product.Length; i++)
            {
                product[i] -= correction[i];
            }
        }

        PackedWords.Cut(product, wordBits);

        return product;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_readers.TryTake(out var reader))
        {
            reader.Dispose();
        }
    }
}
