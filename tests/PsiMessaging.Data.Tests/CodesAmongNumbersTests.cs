using PsiMessaging.Data.Records;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Data.Tests;

/// <summary>What is a number to one rule and a code to another: the code wins, and stays as it is spelled.</summary>
public class CodesAmongNumbersTests
{
    /// <summary>As a dataset is added: the rows are written again until every column is settled.</summary>
    private static (string Type, string[] Kept) Take(params string[] values)
    {
        var intake = new ColumnIntake("a.csv", "X", null, new RecordReaderOptions());
        for (var i = 0; i < values.Length; i++)
        {
            intake.Add(values[i], i + 1);
        }

        var kept = values;
        if (intake.NeedsRewriting(fileHasCommas: false))
        {
            kept = [.. values.Select(value => intake.Plain(value).ToString())];
            for (var i = 0; i < kept.Length; i++)
            {
                intake.AddPlain(kept[i], i + 1);
            }

            kept = intake.TurnsOutText() ? values : kept;
        }

        return (intake.Finish().Type.ToString(), kept);
    }

    [Theory]
    [InlineData("1,1", "1,10", "2,5")]
    [InlineData("007", "NA", "12")]
    [InlineData("1,5", "007,5")]
    [InlineData("+39", "NA")]
    public void Codes_WithACommaOrAMissingWordAmongThem_StayAsTheyAreSpelled(params string[] values)
    {
        var (type, kept) = Take(values);
        Assert.Equal("text", type);
        Assert.Equal(values, kept);
    }

    [Fact]
    public void MinusAsPeopleTypesetIt_IsAMinus()
    {
        var plain = Take("\u22125", "3");
        Assert.Equal("integer(11)", plain.Type);
        Assert.Equal(["-5", "3"], plain.Kept);
        var comma = Take("\u22125,5", "3");
        Assert.Equal("decimal(11,1)", comma.Type);
        Assert.Equal(["-5.5", "3"], comma.Kept);
    }
}
