using System.Numerics;

namespace PsiMessaging.Analytics.Statistics;

/// <summary>From exact integers to floating numbers, rounded once.</summary>
public static class ExactRatio
{
    /// <summary>The double nearest to a quotient of two integers (ties to even); NaN where the denominator is zero.</summary>
    public static double ToDouble(BigInteger numerator, BigInteger denominator)
    {
        if (denominator.IsZero)
        {
            return double.NaN;
        }

        if (numerator.IsZero)
        {
            return 0;
        }

        var negative = (numerator.Sign < 0) != (denominator.Sign < 0);
        (numerator, denominator) = (BigInteger.Abs(numerator), BigInteger.Abs(denominator));

        // A quotient of 62 or 63 bits whose lowest bit says whether anything follows: the conversion then rounds as the exact quotient would.
        var shift = (int)(denominator.GetBitLength() - numerator.GetBitLength()) + 62;
        var quotient = shift >= 0
            ? BigInteger.DivRem(numerator << shift, denominator, out var rest)
            : BigInteger.DivRem(numerator, denominator << -shift, out rest);
        var bits = (ulong)quotient | (rest.IsZero ? 0UL : 1UL);
        var value = Math.ScaleB((double)bits, -shift);
        return negative ? -value : value;
    }

    /// <summary>10 to a power.</summary>
    public static BigInteger PowerOfTen(int power) => BigInteger.Pow(10, power);
}
