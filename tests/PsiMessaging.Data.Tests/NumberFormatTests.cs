using PsiMessaging.Data.Records;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Data.Tests;

/// <summary>How the values of a column are written: found where sure, said, never guessed.</summary>
public class NumberFormatTests
{
    private static (ColumnType Type, int Missing, string[] Kept, string Notes) Take(string[] values,
        RecordReaderOptions? options = null, ColumnType? declared = null, bool fileHasCommas = false)
    {
        var intake = new ColumnIntake("a.csv", "X", declared, options ?? new RecordReaderOptions());
        for (var i = 0; i < values.Length; i++)
        {
            intake.Add(values[i], i + 1);
        }

        var kept = values;
        if (intake.NeedsRewriting(fileHasCommas))
        {
            kept = [.. values.Select(value => intake.Plain(value).ToString())];
            for (var i = 0; i < kept.Length; i++)
            {
                intake.AddPlain(kept[i], i + 1);
            }

            kept = intake.TurnsOutText() ? values : kept;
        }

        var column = intake.Finish();
        return (column.Type, column.Missing, kept, string.Join("; ", intake.Notes));
    }

    public static TheoryData<string[], string[], string, string> Sure => new()
    {
        { ["950", "1.5"], ["950", "1.5"], "decimal(11,1)", "" },
        { ["950,50", "1200,25", "-3"], ["950.50", "1200.25", "-3"], "decimal(11,2)", "X has a decimal comma" },
        { ["0,125", "1,250"], ["0.125", "1.250"], "decimal(11,3)", "X has a decimal comma" },
        { ["1234,567", "1"], ["1234.567", "1"], "decimal(11,3)", "X has a decimal comma" },
        { ["1.200,50", "950", "12.500"], ["1200.50", "950", "12500"], "decimal(11,1)", "X has a decimal comma and points between thousands" },
        { ["1,200.50", "950", "12,500"], ["1200.50", "950", "12500"], "decimal(11,1)", "X has a decimal point and commas between thousands" },
        { ["1.234.567", "12"], ["1234567", "12"], "integer(11)", "X has points between thousands" },
        { ["1,234,567", "12"], ["1234567", "12"], "integer(11)", "X has commas between thousands" },
        { ["1,200", "950.5"], ["1200", "950.5"], "decimal(11,1)", "X has a decimal point and commas between thousands" },
        { ["1 234,5", "7"], ["1234.5", "7"], "decimal(11,1)", "X has a decimal comma and blanks between thousands" },
        { ["1\u00A0234\u00A0567", "7"], ["1234567", "7"], "integer(11)", "X has blanks between thousands" },
        { ["1'234.50", "7"], ["1234.50", "7"], "decimal(11,1)", "X has a decimal point and apostrophes between thousands" },
        { ["1,5E3", "2"], ["1.5E3", "2"], "integer(11)", "X has a decimal comma" },
        { ["30", "NA", "50"], ["30", "", "50"], "integer(11)", "X: NA (1) taken as missing" },
        { ["30", ".", "N/A", "n/a", "."], ["30", "", "", "", ""], "integer(11)", "X: . (2), N/A (1), n/a (1) taken as missing" },
        { ["NaN", "1.0", "2.5"], ["", "1.0", "2.5"], "decimal(11,1)", "X: NaN (1) taken as missing" },
        { ["#NULL!", "1,5", "-"], ["", "1.5", ""], "decimal(11,1)", "X has a decimal comma; X: #NULL! (1), - (1) taken as missing" },
        { ["1.250", "0.125"], ["1.250", "0.125"], "decimal(11,3)", "" },
    };

    [Theory]
    [MemberData(nameof(Sure))]
    public void Formats_BeyondDoubt_AreFoundKeptPlainAndSaid(string[] values, string[] kept, string type, string notes)
    {
        var column = Take(values);
        Assert.Equal(kept, column.Kept);
        Assert.Equal(notes, column.Notes);
        Assert.Equal(type, column.Type.ToString());
        Assert.Equal(kept.Count(value => value.Length == 0), column.Missing);
    }

    public static TheoryData<string[], string> Doubtful => new()
    {
        { ["1,200", "12,500"], "X is text, because its commas may be decimal or thousands signs: say --decimal , or --thousands ," },
        { ["12 345", "67 890"], "X is text, because its blanks may stand between thousands or between codes: say --thousands blank for numbers" },
        { ["1.200", "12.500", "950"], "every fraction in X has exactly three digits: if its points stand between thousands, say --thousands ." },
    };

    [Theory]
    [MemberData(nameof(Doubtful))]
    public void Formats_InDoubt_AreSaidAndNothingIsChanged(string[] values, string notes)
    {
        var column = Take(values);
        Assert.Equal(values, column.Kept);
        Assert.Equal(notes, column.Notes);
    }

    public static TheoryData<string[]> Texts => new()
    {
        { ["NA", "IT", "FR"] },
        { ["NA", "NA"] },
        { ["1,5", "1.5,2"] },
        { ["1,5", "1.5"] },
        { ["12,34,56"] },
        { ["2026-01-31", "1"] },
        { ["1.2.3", "1"] },
        { ["1,5 kg"] },
        { ["1.5", "inf", "-Infinity"] },
        { ["00123", "00124,5"] },
        { ["00123", "NA"] },
    };

    [Theory]
    [MemberData(nameof(Texts))]
    public void Texts_StayAsTheyAre(string[] values)
    {
        var column = Take(values);
        Assert.Equal(ColumnType.Text, column.Type);
        Assert.Equal(values, column.Kept);
        Assert.Equal(0, column.Missing);
        Assert.Equal("", column.Notes);
    }

    [Fact]
    public void Signs_ThatAPersonSays_SettleTheDoubt()
    {
        Assert.Equal(["1200", "12500", "950"], Take(["1.200", "12.500", "950"], new RecordReaderOptions(Thousands: '.')).Kept);
        Assert.Equal(["1.200", "12.500"], Take(["1,200", "12,500"], new RecordReaderOptions(Decimal: ',')).Kept);
        Assert.Equal(["1200", "12500"], Take(["1,200", "12,500"], new RecordReaderOptions(Thousands: ',')).Kept);
        Assert.Equal(["12345"], Take(["12 345"], new RecordReaderOptions(Thousands: ' ')).Kept);
        Assert.Equal("", Take(["1.200", "12.500"], new RecordReaderOptions(Decimal: '.')).Notes);
        Assert.Equal(ColumnType.Text, Take(["1.5", "2"], new RecordReaderOptions(Decimal: ',')).Type);
    }

    [Fact]
    public void AnotherColumn_WithCommasBeyondDoubt_SettlesTheDoubt()
    {
        Assert.Equal(["1.200", "12.500"], Take(["1,200", "12,500"], fileHasCommas: true).Kept);
        Assert.Equal(["1200", "12500"], Take(["1.200", "12.500"], fileHasCommas: true).Kept);
        Assert.Equal(["1.25", "12.5"], Take(["1.25", "12.5"], fileHasCommas: true).Kept);
    }

    [Fact]
    public void DeclaredNumbers_MayBeWrittenInAnyWayThatIsSure()
    {
        Assert.Equal(["1.5", "", "2"], Take(["1,5", "NA", "2"], declared: ColumnType.TryParse("decimal(5,1)")).Kept);
        Assert.Contains("row 2, column X: not a number",
            Assert.Throws<InputException>(() => Take(["1", "x"], declared: ColumnType.TryParse("integer(5)"))).Message, StringComparison.Ordinal);
        Assert.Contains("not a number",
            Assert.Throws<InputException>(() => Take(["1,200"], declared: ColumnType.TryParse("integer(5)"))).Message, StringComparison.Ordinal);
        Assert.Equal(["NA", "1,5"], Take(["NA", "1,5"], declared: ColumnType.Text).Kept);
    }

    [Fact]
    public void Missing_WordsThatAPersonSays_AreTheOnlyOnes() =>
        Assert.Equal(ColumnType.Text, Take(["1", "NULL"], new RecordReaderOptions { Missing = ["NA"] }).Type);

    /// <summary>What is kept of a number, whatever its format, is that number: 2,000 numbers in all formats.</summary>
    [Fact]
    public void EveryFormat_ReadBack_IsTheSameNumber()
    {
        var state = 12345u;
        for (var i = 0; i < 2000; i++)
        {
            state = (state * 1664525) + 1013904223;
            var units = (long)state * (i % 3 == 0 ? 1 : 1000) * (i % 2 == 0 ? 1 : -1);
            foreach (var format in NumberFormat.All)
            {
                var plain = FixedPoint.Write(units, 2);
                var whole = plain.TrimStart('-').Split('.')[0];
                if (format.Thousands is { } sign)
                {
                    for (var at = whole.Length - 3; at > 0; at -= 3)
                    {
                        whole = whole.Insert(at, sign.ToString());
                    }
                }

                var text = (units < 0 ? "-" : "") + whole + format.Decimal + plain[^2..];
                var read = new char[80];
                Assert.True(format.TryRead(text, read, out var length, out _), text);
                Assert.Equal(plain, new string(read, 0, length));
            }
        }
    }
}
