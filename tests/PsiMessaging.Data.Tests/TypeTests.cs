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

    /// <summary>The noise of binary numbers: rounded up, it was a digit longer than its column, and counted as missing.</summary>
    [Theory]
    [InlineData("99999.9999999999", "1.5")]
    [InlineData("-999999999999999.9999", "2")]
    [InlineData("999999999999999999.5", "1")]
    [InlineData("999999999999.99999999999", "0.1")]
    public void FoundTypes_HoldWhatBecomesLongerByRounding(params string[] values)
    {
        var type = Find(values).Type;
        Assert.All(values, value => Assert.NotNull(ValueForm.Of(value, type, TextRule.Normal)));
    }

    [Fact]
    public void FoundTypes_HoldEveryValueTheyWereFoundFor() =>
        Gen.Select(Gen.Long[-999_999_999_999_999_999, 999_999_999_999_999_999], Gen.Int[0, 18], Gen.Int[0, 14])
            .Select((units, digits, decimals) =>
                ((decimal)(units / (long)Math.Pow(10, digits)) / (decimal)Math.Pow(10, decimals)).ToString(CultureInfo.InvariantCulture))
            .Array[1, 8].Sample(values =>
            {
                var type = Find(values).Type;
                Assert.All(values, value => Assert.NotNull(ValueForm.Of(value, type, TextRule.Normal)));
            });

    [Fact]
    public void AValueThatIsNoneOfItsColumn_IsAFaultAndNotMissing()
    {
        Assert.Null(ValueForm.Units(" ", ColumnType.TryParse("decimal(11,2)")!));
        Assert.Throws<InputException>(() => ValueForm.Units("1,5", ColumnType.TryParse("decimal(11,2)")!));
        Assert.Throws<InputException>(() => ValueForm.Units("123456", ColumnType.TryParse("integer(3)")!));
    }

    [Theory]
    [InlineData("integer(11)", "1", "-20", "")]
    [InlineData("decimal(11,2)", "1.5", "20", "3.25")]
    [InlineData("decimal(11,1)", "1.5", ".5", "+2.5")]
    [InlineData("decimal(11,1)", "1.50", "13.00", "2")]
    [InlineData("integer(18)", "123456789012")]
    [InlineData("decimal(11,3)", "1.2E-2", "1e+2", "1.0E3")]
    [InlineData("integer(11)", "1", "1.0", "", "2")]
    [InlineData("integer(11)", " 1 ", "\u00a02", " ")]
    [InlineData("text", "100", "1E2", "12E3")]
    [InlineData("text", "32E0134", "32E0135")]
    [InlineData("text", "+39", "+1")]
    [InlineData("text", "1.1", "1.10")]
    [InlineData("decimal(11,1)", "1.1", "1.10", "-3")]
    [InlineData("decimal(11,1)", "1.1", "1.10", "1250.5")]
    [InlineData("text", "60200000000000123456", "1")]
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
        Assert.Contains("file.csv, row 3, column X: not a number, and the column is to be decimal(11,2)",
            Assert.Throws<InputException>(() => Profile("decimal", "1", "2", "n/a")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("-inf")]
    public void NaNAndInfinities_AreRefusedByRow(string value)
    {
        Assert.Contains("row 2, column X: NaN or an infinity", Assert.Throws<InputException>(() => Find("1", value)).Message, StringComparison.Ordinal);
        Assert.Contains("row 2, column X: NaN or an infinity",
            Assert.Throws<InputException>(() => Profile("decimal(5,1)", "1", value)).Message, StringComparison.Ordinal);
        Assert.Equal("text", Profile("text", "1", value).Type.ToString());
    }

    [Fact]
    public void OutOfRange_IsRefusedByRowWithTheRange()
    {
        Assert.Contains("row 2, column X: the value does not fit decimal(5,2), which goes up to 999.99",
            Assert.Throws<InputException>(() => Profile("decimal(5,2)", "999.99", "1000")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CodeReason.LeadingZero, 2, "7", "007")]
    [InlineData(CodeReason.Plus, 1, "+39", "40")]
    [InlineData(CodeReason.Exponent, 2, "100", "1E2")]
    [InlineData(CodeReason.TooLong, 1, "1234567890123456789", "1")]
    [InlineData(CodeReason.TrailingZeros, 3, "1.1", "2", "1.10")]
    public void Codes_AreTextAndSayWhichRowAndWhy(CodeReason code, int row, params string[] values)
    {
        var column = Find(values);
        Assert.Equal(("text", code, row, (int?)null), (column.Type.ToString(), column.Code!.Value, column.CodeRow ?? 0, column.NotANumberRow));
    }

    [Fact]
    public void NumbersOfMoreThanEighteenDigitsInAll_LoseDigitsAfterThePointAndSaySo()
    {
        var column = Find("123456789012345", "0.12345", "1.5");
        Assert.Equal(("decimal(18,3)", 1), (column.Type.ToString(), column.Rounded));
    }

    /// <summary>
    /// In a column that is found to be numbers, two spellings that are one value differ only in what nobody takes for two codes: an exponent with a sign, zeros
    /// at the end where one has no fraction or the column has negative numbers, or .0.
    /// </summary>
    [Fact]
    public void FoundNumbers_NeverMergeSpellingsThatMayBeTwoCodes()
    {
        var digits = Gen.String[Gen.Char["012"], 1, 3];
        static Gen<string> One(params string[] of) => Gen.Int[0, of.Length - 1].Select(i => of[i]);
        var spelling = Gen.Select(One("", "-", "+"), digits, Gen.OneOf(Gen.Const(""), digits.Select(fraction => "." + fraction)),
            One("", "", "E1", "e+1", "E2"), (sign, whole, fraction, exponent) => sign + whole + fraction + exponent);
        spelling.Array[2].Sample(pair =>
        {
            var type = Find(pair).Type;
            if (pair[0] == pair[1] || !type.IsNumber || ValueForm.Of(pair[0], type, TextRule.Normal) != ValueForm.Of(pair[1], type, TextRule.Normal))
            {
                return;
            }

            static string Whole(string text) => text.EndsWith(".0", StringComparison.Ordinal) ? text[..^2] : text;
            static bool IsScientific(string text) => text.Contains('e', StringComparison.OrdinalIgnoreCase);
            static string Plain(string text) => Whole(text.TrimStart('+', '-'));
            Assert.True(pair.Any(IsScientific) || pair.Any(text => text.Contains('.', StringComparison.Ordinal)) || pair.All(text => Plain(text) == "0"),
                string.Join(" and ", pair));
            Assert.True(pair.Any(IsScientific) || pair.Any(text => text[0] == '-') || Plain(pair[0]) == Plain(pair[1])
                || pair.Count(text => text.Contains('.', StringComparison.Ordinal)) == 1, string.Join(" and ", pair));
        }, iter: 20_000);
    }

    [Fact]
    public void ValueForm_OfAnyNumber_IsItsOwnAndOneForEachWorth() =>
        Gen.Select(Gen.Long[-99_999, 99_999], Gen.Int[0, 3], Gen.Int[0, 2]).Sample((units, decimals, zeros) =>
    {
        var type = ColumnType.TryParse($"decimal(9,{decimals})")!;
        var plain = FixedPoint.Write(units, decimals);
        var longer = decimals > 0 ? plain + new string('0', zeros) : plain;
        var form = ValueForm.Of(longer, type, TextRule.Normal)!;
        Assert.Equal((ValueForm.Of(plain, type, TextRule.Normal), form), (form, ValueForm.Of(form, type, TextRule.Exact)));
        Assert.Equal(units, (long)(decimal.Parse(form, CultureInfo.InvariantCulture) * FixedPoint.PowerOfTen(decimals)));
    });

    [Theory]
    [InlineData("Nord")]
    [InlineData("Nord ")]
    [InlineData(" Nord")]
    [InlineData("Nord\u00a0")]
    [InlineData("\ufeffNord")]
    [InlineData("No\u00adrd")]
    [InlineData("N\u200dord")]
    public void TextsThatLookAlike_AreOneValue(string text)
    {
        Assert.Equal("Nord", ValueForm.Of(text, ColumnType.Text, TextRule.Normal));
        Assert.Equal(text, ValueForm.Of(text, ColumnType.Text, TextRule.Exact));
    }

    [Theory]
    [InlineData("Nòrd", "No\u0300rd", "Nòrd")]
    [InlineData("Nord \u2003 Ovest", "Nord Ovest", "Nord Ovest")]
    [InlineData("نمی\u200cخواهم", "نمی\u200cخواهم ", "نمی\u200cخواهم")]
    public void TextsInOtherUnicodeForms_AreOneValue(string one, string other, string form) =>
        Assert.Equal((form, form), (ValueForm.Of(one, ColumnType.Text, TextRule.Normal), ValueForm.Of(other, ColumnType.Text, TextRule.Normal)));

    [Theory]
    [InlineData("Nord", "NORD")]
    [InlineData("½", "1⁄2")]
    [InlineData("Nord", "Nòrd")]
    [InlineData("1", "1.0")]
    [InlineData("x", "x\u0001")]
    public void TextsThatLookDifferent_StayTwo(string one, string other) =>
        Assert.NotEqual(ValueForm.Of(one, ColumnType.Text, TextRule.Normal), ValueForm.Of(other, ColumnType.Text, TextRule.Normal));

    [Fact]
    public void TextForm_OfAnyText_IsItsOwn() =>
        Gen.String[Gen.OneOf(Gen.Char, Gen.Char["a \t\u00a0\u200b\u200c\u200d\u0300\u0301\u0307\u00ad\ufeff\u2003o\u0627\ud83d\udc68"]), 0, 12].Sample(text =>
    {
        var once = TextForm.Of(text, TextRule.Normal).ToString();
        Assert.Equal(once, TextForm.Of(once, TextRule.Normal).ToString());
    }, iter: 20_000);

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("\u00a0")]
    [InlineData("\u200b")]
    public void NothingButBlanks_IsMissing(string text) => Assert.Null(ValueForm.Of(text, ColumnType.Text, TextRule.Normal));

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
