using System.Numerics;
using System.Security.Cryptography;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>Draws noise of one law.</summary>
public interface INoiseSampler
{
    /// <summary>What is drawn.</summary>
    NoiseLaw Law { get; }

    /// <summary>Fills <paramref name="destination"/> with independent draws.</summary>
    void Fill(Span<long> destination);
}

/// <summary>
/// Draws of exactly the law, with integers alone: algorithms 1 to 3 of Canonne, Kamath, Steinke, arXiv 2004.00010. It rejects and draws again, so <b>its
/// running time tells what it drew</b>: the attack of Jin, McMurtry, Rubinstein and Ohrimenko (arXiv 2112.05307) on samplers of this kind succeeded in 99.65 %
/// of cases. It draws for a <see cref="NoisePool"/>, ahead and never while a question waits, and it is what <see cref="TableSampler"/> is tested against. Not
/// for several threads.
/// </summary>
/// <param name="law">What is drawn.</param>
/// <param name="random">Where the randomness is from.</param>
public sealed class ExactSampler(NoiseLaw law, IRandomBytes random) : INoiseSampler
{
    private readonly byte[] _bytes = new byte[4096];
    private int _used = 4096;
    private uint _bits;
    private int _bitsLeft;

    public NoiseLaw Law => law;

    /// <exception cref="OverflowException">A draw does not fit 64 bits: less likely than 2^-2000 for every law that can be made.</exception>
    public void Fill(Span<long> destination)
    {
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = checked((long)Draw());
        }

        CryptographicOperations.ZeroMemory(_bytes.AsSpan(0, _used));
    }

    private BigInteger Draw() => law switch
    {
        DiscreteLaplace laplace => Laplace(laplace.Scale.Numerator, laplace.Scale.Denominator),
        DiscreteGaussian gaussian => Gaussian(gaussian.SigmaSquared),
        _ => throw new InvalidOperationException($"no exact sampler of a {law}")
    };

    /// <summary>Algorithm 2: P(Y = y) proportional to exp(−|y|·s/t).</summary>
    private BigInteger Laplace(BigInteger t, BigInteger s)
    {
        while (true)
        {
            var u = Below(t);
            if (!BernoulliExp(u, t))
            {
                continue;
            }

            var v = 0;
            while (BernoulliExp(1, 1))
            {
                v++;
            }

            var y = (u + (t * v)) / s;
            var negative = Bit();
            if (!negative || !y.IsZero)
            {
                return negative ? -y : y;
            }
        }
    }

    /// <summary>Algorithm 3: a discrete Laplace of scale ⌊σ⌋ + 1, taken with probability exp(−(|Y| − σ²/t)²/(2σ²)).</summary>
    private BigInteger Gaussian(Rational sigmaSquared)
    {
        var t = FixedPoint.SquareRoot(sigmaSquared.Floor()) + 1;
        var (a, b) = (sigmaSquared.Numerator, sigmaSquared.Denominator);
        while (true)
        {
            var y = Laplace(t, 1);
            // (|y| − a/(bt))²/(2a/b) = (|y|·b·t − a)²/(2·a·b·t²)
            var off = (BigInteger.Abs(y) * b * t) - a;
            if (BernoulliExp(off * off, 2 * a * b * t * t))
            {
                return y;
            }
        }
    }

    /// <summary>Algorithm 1: true with probability exp(−n/d).</summary>
    private bool BernoulliExp(BigInteger n, BigInteger d)
    {
        while (n > d)
        {
            if (!BernoulliExpAtMostOne(1, 1))
            {
                return false;
            }

            n -= d;
        }

        return BernoulliExpAtMostOne(n, d);
    }

    private bool BernoulliExpAtMostOne(BigInteger n, BigInteger d)
    {
        var k = 1;
        while (Below(d * k) < n)
        {
            k++;
        }

        return (k & 1) == 1;
    }

    /// <summary>Uniform in [0, n): as many bits as n − 1 has, again until they are below n.</summary>
    private BigInteger Below(BigInteger n)
    {
        var bits = (int)(n - 1).GetBitLength();
        while (true)
        {
            var drawn = bits <= 64 ? Bits(bits) : BigBits(bits);
            if (drawn < n)
            {
                return drawn;
            }
        }
    }

    private BigInteger BigBits(int bits)
    {
        var value = BigInteger.Zero;
        for (; bits > 0; bits -= 32)
        {
            value = (value << int.Min(bits, 32)) | Bits(int.Min(bits, 32));
        }

        return value;
    }

    private ulong Bits(int bits)
    {
        var value = 0UL;
        while (bits > 0)
        {
            if (_bitsLeft == 0)
            {
                if (_used == _bytes.Length)
                {
                    random.Fill(_bytes);
                    _used = 0;
                }

                _bits = BitConverter.ToUInt32(_bytes, _used);
                _used += sizeof(uint);
                _bitsLeft = 32;
            }

            var taken = int.Min(bits, _bitsLeft);
            value = (value << taken) | (_bits & ((1UL << taken) - 1));
            _bits = taken == 32 ? 0 : _bits >> taken;
            _bitsLeft -= taken;
            bits -= taken;
        }

        return value;
    }

    private bool Bit() => Bits(1) == 1;
}
