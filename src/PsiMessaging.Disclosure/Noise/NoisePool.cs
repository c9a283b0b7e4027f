using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>
/// Noise that was drawn before anybody asked. A question takes its noise by copying words, in a time that depends on their number alone; drawing happens
/// elsewhere, a whole batch at a time. What an observer can time is then when a batch was begun and how long all of it took: with <see cref="TableSampler"/>
/// that is the same for every batch, with <see cref="ExactSampler"/> it tells something of the sum over a batch's thousands of draws, at a moment that has
/// nothing to do with the question that uses one of them (arXiv 2112.05307 recommends no less). A draw is handed out once and overwritten. Safe for several
/// threads.
/// </summary>
public sealed class NoisePool : IDisposable
{
    /// <summary>Draws of a batch when nothing else is said.</summary>
    public const int DefaultBatch = 4096;

    private readonly Lock _taking = new();
    private readonly Lock _drawing = new();
    private readonly INoiseSampler _sampler;
    private readonly long[] _batch;
    private readonly long[] _ring;
    private int _first;
    private int _ready;

    /// <summary>An empty pool: <see cref="TryDrawBatch"/> fills it.</summary>
    /// <param name="sampler">What draws; used by this pool alone.</param>
    /// <param name="batches">Batches that it keeps at most, 1 to 4096.</param>
    /// <param name="batch">Draws of a batch, 256 to 2^20.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not in its range.</exception>
    public NoisePool(INoiseSampler sampler, int batches = 2, int batch = DefaultBatch)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batches, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(batches, 4096);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 256);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(batch, 1 << 20);
        _sampler = sampler;
        _batch = new long[batch];
        _ring = new long[checked(batches * batch)];
    }

    /// <summary>Draws that can be taken.</summary>
    public int Ready
    {
        get
        {
            lock (_taking)
            {
                return _ready;
            }
        }
    }

    /// <summary>What is drawn.</summary>
    public NoiseLaw Law => _sampler.Law;

    /// <summary>Draws one whole batch, where there is room for it. To be called ahead: when a worker starts, and after a question was answered.</summary>
    /// <returns>Whether there was room. Where not, nothing was drawn.</returns>
    public bool TryDrawBatch()
    {
        lock (_drawing)
        {
            lock (_taking)
            {
                if (_ready + _batch.Length > _ring.Length)
                {
                    return false;
                }
            }

            // Outside the lock that takers wait for: how long it takes must not be seen in a question's time.
            _sampler.Fill(_batch);
            lock (_taking)
            {
                for (var i = 0; i < _batch.Length; i++)
                {
                    _ring[(_first + _ready + i) % _ring.Length] = _batch[i];
                }

                _ready += _batch.Length;
            }

            CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_batch.AsSpan()));
            return true;
        }
    }

    /// <summary>Takes noise for a question, all of it or none.</summary>
    /// <returns>Whether there was enough. Where not, the question is answered later: drawing for it now is what the pool is there to prevent.</returns>
    public bool TryTake(Span<long> destination)
    {
        lock (_taking)
        {
            if (destination.Length > _ready)
            {
                return false;
            }

            for (var i = 0; i < destination.Length; i++)
            {
                ref var place = ref _ring[_first];
                destination[i] = place;
                place = 0;
                _first = _first + 1 == _ring.Length ? 0 : _first + 1;
            }

            _ready -= destination.Length;
            return true;
        }
    }

    /// <summary>Overwrites what was not taken.</summary>
    public void Dispose()
    {
        lock (_taking)
        {
            CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(_ring.AsSpan()));
            _ready = 0;
        }
    }
}
