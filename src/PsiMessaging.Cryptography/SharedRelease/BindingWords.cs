using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.SharedRelease;

/// <summary>
/// The random words by which the asking party is bound: known to linker and contributing party, from a seed that the latter draws for each question, and
/// unknown to the asking party. Not thread-safe.
/// </summary>
public sealed class BindingWords : IDisposable
{
    /// <summary>Bytes of the seed.</summary>
    public const int SeedSizeBytes = WordStream.KeySizeBytes;

    // Places in the stream: nothing is read twice for two purposes.
    private const long ProbeStart = 1L << 20;
    private const long WeightsStart = 1L << 32;
    private readonly WordStream _stream;

    /// <param name="seed">32 bytes.</param>
    public BindingWords(SecretBytes seed) => _stream = new WordStream(seed);

    /// <summary>An odd word for each group.</summary>
    public ulong[] Factors(int groups)
    {
        var factors = new ulong[groups];
        _stream.Fill(0, factors);
        for (var i = 0; i < groups; i++)
        {
            factors[i] |= 1;
        }

        return factors;
    }

    /// <summary>A word for each masked column; the last, of the hiding one, is odd.</summary>
    public ulong[] Probe(int columns)
    {
        var probe = new ulong[columns];
        _stream.Fill(ProbeStart, probe);
        probe[^1] |= 1;
        return probe;
    }

    /// <summary>Weights of some rows.</summary>
    public void Weights(int firstRow, Span<ulong> weights) => _stream.Fill(WeightsStart + firstRow, weights);

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();
}
