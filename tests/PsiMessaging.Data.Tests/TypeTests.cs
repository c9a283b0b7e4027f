using System.Globalization;
using CsCheck;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Data.Tests;

public class TypeTests
{
    private static DatasetColumn Find(params string[] values) => Profile(null, values);

    private static DatasetColumn Profile(string? type, params string[] values)
    {
        var profile = new ColumnProfile("file.csv", "X", type is null ? null : ColumnType.TryParse(type));
        for (var i = 0; i < values.Length; i++)
        {
            profile.Add(values[i], i + 1);
        }

        return profile.Finish();
    }

    [Theory]
    [InlineData("integer(11)", "1", "-20", "")]
    [InlineData("decimal(11,2)", "1.5", "20", "3.25")]
    [InlineData("decimal(11,1)", "1.50", ".5", "+2")]
    [InlineData("integer(18)", "123456789012")]
    [InlineData("decimal(11,3)", "1.2E-2", "1e2")]
    [InlineData("text", "007", "12")]
    [InlineData("text", "", "")]
    [InlineData("text", "1,5", "2,5")]
    [InlineData("text", "NaN", "x")]
    public void Type_OfValues_IsFound(string expected, params string[] values) => Assert.Equal(expected, Find(values).Type.ToString());

    [Fact]
    public void MixedTypes_AreTextAndSayWhichRow()
    {
        var column = Find("1", "2", "n/a", "", "x");
        Assert.Equal(("text", 3, 1), (column.Type.ToString(), column.NotANumberRow ?? 0, column.Missing));
        Assert.Contains("file.csv, row 3, column X: not a number, and the column is to be decimal(11,2)", Assert.Throws<InputException>(() => Profile("decimal", "1", "2", "n/a")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("-inf")]
    public void NaNAndInfinities_AreRefusedByRow(string value)
    {
        Assert.Contains("row 2, column X: NaN or an infinity", Assert.Throws<InputException>(() => Find("1", value)).Message, StringComparison.Ordinal);
        Assert.Contains("row 2, column X: NaN or an infinity", Assert.Throws<InputException>(() => Profile("decimal(5,1)", "1", value)).Message, StringComparison.Ordinal);
        Assert.Equal("text", Profile("text", "1", value).Type.ToString());
    }

    [Fact]
    public void OutOfRange_IsRefusedByRowWithTheRange()
    {
        Assert.Contains("row 2, column X: the value does not fit decimal(5,2), which goes up to 999.99", Assert.Throws<InputException>(() => Profile("decimal(5,2)", "999.99", "1000")).Message, StringComparison.Ordinal);
        Assert.Contains("need 19 digits", Assert.Throws<InputException>(() => Find("1234567890123456789")).Message, StringComparison.Ordinal);
        Assert.Contains("need 20 digits (15 before and 5 after the point", Assert.Throws<InputException>(() => Find("123456789012345", "0.12345")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TooManyDecimals_AreRoundedAndCounted()
    {
        var noisy = Find("0.1000000000000001", "0.5");
        Assert.Equal(("decimal(11,6)", 1), (noisy.Type.ToString(), noisy.Rounded));
        Assert.Equal(2, Profile("decimal(5,1)", "0.25", "0.35", "1").Rounded);
        Assert.Equal((NumberReading.Rounded, 2L), (FixedPoint.Read("0.25", 5, 1, out var even), even));
        Assert.Equal((NumberReading.Rounded, 4L), (FixedPoint.Read("0.35", 5, 1, out var odd), odd));
        Assert.Equal((NumberReading.Rounded, -3L), (FixedPoint.Read("-0.250001", 5, 1, out var above), above));
    }

    [Fact]
    public void Read_AnyNumberInRange_EqualsDecimalArithmetic() =>
        Gen.Select(Gen.Long[-999_999_999_999_999_999, 999_999_999_999_999_999], Gen.Int[0, 9]).Sample((units, decimals) =>
        {
            var text = FixedPoint.Write(units, decimals);
            Assert.Equal(units, (long)(decimal.Parse(text, CultureInfo.InvariantCulture) * FixedPoint.PowerOfTen(decimals)));
            Assert.Equal((NumberReading.Exact, units), (FixedPoint.Read(text, 18, decimals, out var read), read));
            Assert.Equal((NumberReading.Exact, units), (FixedPoint.Read(FixedPoint.WriteShort(units, decimals), 18, decimals, out read), read));
        });

    [Theory]
    [InlineData("integer", "integer(11)")]
    [InlineData("decimal", "decimal(11,2)")]
    [InlineData("DECIMAL(18,9)", "decimal(18,9)")]
    [InlineData("integer(19)", null)]
    [InlineData("integer(0)", null)]
    [InlineData("decimal(3,4)", null)]
    [InlineData("integer(5,1)", null)]
    [InlineData("number", null)]
    public void TryParse_Types_KeepsTheirRanges(string text, string? expected) => Assert.Equal(expected, ColumnType.TryParse(text)?.ToString());
}
