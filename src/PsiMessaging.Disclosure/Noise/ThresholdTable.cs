using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>
/// A law over 0 … K as its K cumulative probabilities in units of 2^-127. A draw is how many of them are at most a uniform number of 127 bits: all K are
/// compared, always, without a branch or an address that depends on the number.
/// </summary>
internal sealed class ThresholdTable
{
    /// <summary>Draws that are made at once.</summary>
    public const int Block = 256;

    /// <summary>Binary places of a threshold.</summary>
    public const int Bits = 127;

    private const int Step = 2;

    // Both halves with their highest bit turned, as signed comparison needs it; the low half's last bit is zero, since a draw's is its sign.
    private readonly long[] _high;
    private readonly long[] _low;

    /// <summary>Rounds a law's cumulative probabilities to units of 2^-127.</summary>
    /// <param name="weights">Of 0 … K, in proportion; each not negative and the first positive.</param>
    public ThresholdTable(IReadOnlyList<BigInteger> weights)
    {
        var total = weights.Aggregate(BigInteger.Add);
        _high = new long[weights.Count - 1];
        _low = new long[weights.Count - 1];
        var sum = BigInteger.Zero;
        for (var i = 0; i < _high.Length; i++)
        {
            sum += weights[i];
            // To the nearest; where all but nothing lies below, one unit less than one, which no number reaches but the greatest.
            var threshold = BigInteger.Min(((sum << (Bits + 1)) + total) / (2 * total), (BigInteger.One << Bits) - 1) << 1;
            _high[i] = (long)(ulong)(threshold >> 64) ^ long.MinValue;
            _low[i] = (long)(ulong)(threshold & ulong.MaxValue) ^ long.MinValue;
        }
    }

    /// <summary>Comparisons of a draw.</summary>
    public int Count => _high.Length;

    /// <summary>P(0), …, P(K) as the table has them, in units of 2^-127.</summary>
    public IReadOnlyList<BigInteger> Probabilities()
    {
        var thresholds = _high.Zip(_low, (high, low) => (BigInteger)(new UInt128((ulong)high ^ (1UL << 63), (ulong)low ^ (1UL << 63)) >> 1)).ToArray();
        return [.. thresholds.Append(BigInteger.One << Bits).Zip(thresholds.Prepend(BigInteger.Zero), BigInteger.Subtract)];
    }

    /// <summary>Makes a block of draws.</summary>
    /// <param name="random">Twice <see cref="Block"/> uniform words: high halves, then low halves. The last bit of a low half is not looked at.</param>
    /// <param name="draws">Where the <see cref="Block"/> draws go.</param>
    public void Draw(ReadOnlySpan<long> random, Span<long> draws)
    {
        var highs = MemoryMarshal.Cast<long, Vector256<long>>(random[..Block]);
        var lows = MemoryMarshal.Cast<long, Vector256<long>>(random.Slice(Block, Block));
        var results = MemoryMarshal.Cast<long, Vector256<long>>(draws[..Block]);
        var all = Vector256.Create((long)_high.Length);
        var withoutSign = Vector256.Create(~1L);
        var turned = Vector256.Create(long.MinValue);
        for (var at = 0; at < results.Length; at += Step)
        {
            // Four draws in a vector, two vectors at a time: a threshold is loaded once for eight draws.
            var (high0, high1) = (highs[at] ^ turned, highs[at + 1] ^ turned);
            var (low0, low1) = ((lows[at] & withoutSign) ^ turned, (lows[at + 1] & withoutSign) ^ turned);
            var (above0, above1) = (Vector256<long>.Zero, Vector256<long>.Zero);
            for (var i = 0; i < _high.Length; i++)
            {
                var (high, low) = (Vector256.Create(_high[i]), Vector256.Create(_low[i]));
                above0 += Vector256.GreaterThan(high, high0) | (Vector256.Equals(high, high0) & Vector256.GreaterThan(low, low0));
                above1 += Vector256.GreaterThan(high, high1) | (Vector256.Equals(high, high1) & Vector256.GreaterThan(low, low1));
            }

            // A comparison that holds counts as −1.
            results[at] = all + above0;
            results[at + 1] = all + above1;
        }
    }
}
