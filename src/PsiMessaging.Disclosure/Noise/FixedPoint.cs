using System.Numerics;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>
/// Numbers as integers in units of 2^-<see cref="Bits"/>, for tables of probabilities. Integer arithmetic alone, so that every machine makes the same table.
/// </summary>
internal static class FixedPoint
{
    /// <summary>Binary places.</summary>
    public const int Bits = 320;

    private const int GuardBits = 64;
    private const int Working = Bits + GuardBits;

    /// <summary>One.</summary>
    public static readonly BigInteger One = BigInteger.One << Bits;

    /// <summary>
    /// exp(−x), off by less than 2^-300: the series of exp(−x/2^r) with x/2^r below 2^-8, squared r times. A truncated step is off by less than one unit of
    /// 2^-384; a squaring doubles what is off and adds a unit, so r squarings of some 60 steps leave less than 2^(r + 7) units, and r is below 18.
    /// </summary>
    /// <param name="x">Not negative.</param>
    public static BigInteger ExpMinus(Rational x)
    {
        if (x.Sign < 0)
        {
            throw new ArgumentException($"exp(−x) is made for x of 0 or more, not {x}", nameof(x));
        }

        if (x > 512)
        {
            // Below 2^-738: nothing at this precision.
            return BigInteger.Zero;
        }

        var halvings = (int)x.Floor().GetBitLength() + 8;
        var y = (x.Numerator << Working) / (x.Denominator << halvings);
        var sum = BigInteger.One << Working;
        var term = sum;
        for (var k = 1; !term.IsZero; k++)
        {
            term = (term * y >> Working) / k;
            sum += (k & 1) == 0 ? term : -term;
        }

        for (var i = 0; i < halvings; i++)
        {
            sum = sum * sum >> Working;
        }

        return sum >> GuardBits;
    }

    /// <summary>The greatest integer whose square is at most <paramref name="n"/>.</summary>
    public static BigInteger SquareRoot(BigInteger n)
    {
        if (n.IsZero)
        {
            return n;
        }

        // Newton from above never goes below the root.
        var root = BigInteger.One << (int)((n.GetBitLength() + 1) / 2);
        while (true)
        {
            var next = (root + (n / root)) >> 1;
            if (next >= root)
            {
                return root;
            }

            root = next;
        }
    }
}
