using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Tests;

public class QueryTests
{
    private static readonly Dictionary<string, IReadOnlyList<string>> Schema = new(StringComparer.Ordinal)
    {
        ["P1"] = ["AGE", "CITY", "both", "a,b", "q\"q"],
        ["P2"] = ["INCOME", "both", "P1.AGE"],
    };

    [Theory]
    [InlineData("AGE", "P1.AGE")]
    [InlineData(" AGE ,INCOME", "P1.AGE P2.INCOME")]
    [InlineData("P1.both,P2.both", "P1.both P2.both")]
    [InlineData("\"a,b\" , AGE", "P1.a,b P1.AGE")]
    [InlineData("\"q\"\"q\"", "P1.q\"q")]
    [InlineData("P1.AGE", "P2.P1.AGE")]
    public void Parse_ProperQuery_FindsItsColumns(string text, string expected) =>
        Assert.Equal(expected, string.Join(' ', GroupCountQuery.Parse(text, Schema).Columns.Select(column => $"{column.Party}.{column.Name}")));

    [Theory]
    [InlineData("", "bad-query", "empty")]
    [InlineData("  ", "bad-query", "empty")]
    [InlineData("AGE,", "bad-query", "names no column before character 5")]
    [InlineData(",AGE", "bad-query", "names no column before character 1")]
    [InlineData("AGE, AGE", "bad-query", "twice")]
    [InlineData("P1.both, P1.both", "bad-query", "twice")]
    [InlineData("\"AGE", "bad-query", "not closed")]
    [InlineData("both", "unknown-column", "both parties have a column both; write P1.both or P2.both")]
    [InlineData("NOPE", "unknown-column", "P1 has AGE, CITY, both, a,b, q\"q; P2 has INCOME, both")]
    [InlineData("age", "unknown-column", "neither party has a column age")]
    public void Parse_BadQuery_SaysWhatIsWrong(string text, string code, string expected)
    {
        var exception = Assert.Throws<QueryException>(() => GroupCountQuery.Parse(text, Schema));
        Assert.Equal(code, exception.Code);
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_TooManyOrTooLong_IsRefused()
    {
        Assert.Throws<QueryException>(() => GroupCountQuery.Parse(new string('x', GroupCountQuery.MaximumCharacters + 1), Schema));
        Assert.Contains("65 columns", Assert.Throws<QueryException>(() => GroupCountQuery.Parse(string.Join(',', Enumerable.Repeat("AGE", 65)), Schema)).Message, StringComparison.Ordinal);
    }
}
