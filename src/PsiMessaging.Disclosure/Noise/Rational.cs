using System.Globalization;
using System.Numerics;

namespace PsiMessaging.Disclosure.Noise;

/// <summary>
/// An exact fraction in lowest terms, its denominator positive. Parameters of noise are fractions and never floating-point numbers: what is promised of the
/// noise holds for exactly the parameter that stands in the policy.
/// </summary>
public readonly struct Rational : IEquatable<Rational>, IComparable<Rational>
{
    /// <summary>Digits that a number in text may have, before or after its point.</summary>
    public const int MaximumDigits = 30;

    private readonly BigInteger _denominator;

    /// <summary>Brings a fraction to lowest terms.</summary>
    /// <exception cref="ArgumentException">The denominator is zero.</exception>
    public Rational(BigInteger numerator, BigInteger denominator)
    {
        if (denominator.IsZero)
        {
            throw new ArgumentException("a fraction's denominator is not zero", nameof(denominator));
        }

        var divisor = BigInteger.GreatestCommonDivisor(numerator, denominator) * denominator.Sign;
        Numerator = numerator / divisor;
        _denominator = denominator / divisor;
    }

    public BigInteger Numerator { get; }

    public BigInteger Denominator => _denominator.IsZero ? BigInteger.One : _denominator;

    /// <summary>-1, 0 or 1.</summary>
    public int Sign => Numerator.Sign;

    public static implicit operator Rational(long number) => new(number, 1);

    public static Rational operator +(Rational left, Rational right) =>
        new((left.Numerator * right.Denominator) + (right.Numerator * left.Denominator), left.Denominator * right.Denominator);

    public static Rational operator -(Rational left, Rational right) =>
        new((left.Numerator * right.Denominator) - (right.Numerator * left.Denominator), left.Denominator * right.Denominator);

    public static Rational operator *(Rational left, Rational right) => new(left.Numerator * right.Numerator, left.Denominator * right.Denominator);

    /// <exception cref="ArgumentException"><paramref name="right"/> is zero.</exception>
    public static Rational operator /(Rational left, Rational right) => new(left.Numerator * right.Denominator, left.Denominator * right.Numerator);

    public static bool operator ==(Rational left, Rational right) => left.Equals(right);

    public static bool operator !=(Rational left, Rational right) => !left.Equals(right);

    public static bool operator <(Rational left, Rational right) => left.CompareTo(right) < 0;

    public static bool operator >(Rational left, Rational right) => left.CompareTo(right) > 0;

    public static bool operator <=(Rational left, Rational right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Rational left, Rational right) => left.CompareTo(right) >= 0;

    /// <summary>Reads <c>3</c>, <c>1.08</c> or <c>27/25</c>, digits of ASCII only, a minus sign before it allowed; nothing else.</summary>
    /// <returns>Whether the text is such a number of at most <see cref="MaximumDigits"/> digits on each side.</returns>
    public static bool TryParse(string text, out Rational value)
    {
        value = default;
        var negative = text.StartsWith('-');
        var digits = negative ? text.AsSpan(1) : text;
        var mark = digits.IndexOfAny('.', '/');
        var first = mark < 0 ? digits : digits[..mark];
        var second = mark < 0 ? "" : digits[(mark + 1)..];
        if (!IsDigits(first) || (mark >= 0 && !IsDigits(second)))
        {
            return false;
        }

        var whole = BigInteger.Parse(first, NumberStyles.None);
        var part = second.IsEmpty ? BigInteger.Zero : BigInteger.Parse(second, NumberStyles.None);
        if (mark >= 0 && digits[mark] == '/')
        {
            if (part.IsZero)
            {
                return false;
            }

            value = new Rational(negative ? -whole : whole, part);
            return true;
        }

        var scale = BigInteger.Pow(10, second.Length);
        var number = (whole * scale) + part;
        value = new Rational(negative ? -number : number, scale);
        return true;
    }

    /// <summary>As <see cref="TryParse"/>.</summary>
    /// <exception cref="FormatException">The text is no such number.</exception>
    public static Rational Parse(string text) =>
        TryParse(text, out var value) ? value : throw new FormatException($"'{text}' is no number such as 3, 1.08 or 27/25");

    /// <summary>The greatest integer not above it.</summary>
    public BigInteger Floor() => BigInteger.DivRem(Numerator - (Sign < 0 ? Denominator - 1 : 0), Denominator, out _);

    /// <summary>The least integer not below it.</summary>
    public BigInteger Ceiling() => -new Rational(-Numerator, Denominator).Floor();

    /// <summary>For printing and for figures that need no exactness.</summary>
    public double ToDouble()
    {
        // Both halves shifted alike, so that neither overflows a double.
        var shift = (int)long.Max(0, long.Max(Numerator.GetBitLength(), Denominator.GetBitLength()) - 1000);
        return (double)(Numerator >> shift) / (double)(Denominator >> shift);
    }

    public bool Equals(Rational other) => Numerator == other.Numerator && Denominator == other.Denominator;

    public override bool Equals(object? obj) => obj is Rational other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Numerator, Denominator);

    public int CompareTo(Rational other) => (Numerator * other.Denominator).CompareTo(other.Numerator * Denominator);

    /// <summary>The fraction, <c>27/25</c>, or the integer.</summary>
    public override string ToString() => Denominator.IsOne ? $"{Numerator}" : $"{Numerator}/{Denominator}";

    private static bool IsDigits(ReadOnlySpan<char> text) => text.Length is > 0 and <= MaximumDigits && text.IndexOfAnyExceptInRange('0', '9') < 0;
}
