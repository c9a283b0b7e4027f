using System.Numerics;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Ristretto;

namespace PsiMessaging.Cryptography.Tests.Ristretto;

public sealed class ScalarDigitsTests
{
    private static readonly BigInteger Order = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493",
        System.Globalization.CultureInfo.InvariantCulture);

    [Fact]
    public void Recode_ExtremeAndRandomScalars_AreTheirDigitsAndHalves()
    {
        var powers = Enumerable.Range(0, 256).Select(i => BigInteger.One << i);
        var random = Enumerable.Range(0, 2_000).Select(_ => new BigInteger(RandomNumberGenerator.GetBytes(32), isUnsigned: true));
        BigInteger[] extremes = [0, 1, 2, 7, 8, 9, 15, 16, Order - 1, Order, Order + 1, 2 * Order, (Order + 1) / 2, (BigInteger.One << 255) - 1,
            (BigInteger.One << 256) - 1];
        var digits = new sbyte[ScalarDigits.Count];
        foreach (var scalar in extremes.Concat(powers).Concat(powers.Select(power => power - 1)).Concat(random))
        {
            var bytes = new byte[33];
            scalar.TryWriteBytes(bytes, out _);

            // The highest bit is left out, as libsodium does.
            var taken = scalar % (BigInteger.One << 255);
            ScalarDigits.Recode(bytes.AsSpan(0, 32), halved: false, digits);
            Assert.Equal(taken, Value(digits));
            ScalarDigits.Recode(bytes.AsSpan(0, 32), halved: true, digits);
            Assert.Equal(taken.IsEven ? taken / 2 : (taken + Order) / 2, Value(digits));
        }

        static BigInteger Value(sbyte[] digits)
        {
            Assert.All(digits, digit => Assert.InRange(digit, -8, 8));
            return digits.Reverse().Aggregate(BigInteger.Zero, (sum, digit) => (sum << 4) + digit);
        }
    }
}
