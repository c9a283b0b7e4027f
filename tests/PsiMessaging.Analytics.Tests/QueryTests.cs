using CsCheck;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Analytics.Tests;

public class QueryTests
{
    private static readonly QuerySchema Schema = new(new Dictionary<string, IReadOnlyList<TypedColumn>>(StringComparer.Ordinal)
    {
        ["P1"] = [new("AGE", new ColumnType(ColumnKind.Integer, 3)), new("CITY", ColumnType.Text), new("both", ColumnType.Text),
            new("a,b", ColumnType.Text), new("q\"q", ColumnType.Text), new("count", ColumnType.Text)],
        ["P2"] = [new("INCOME", new ColumnType(ColumnKind.Decimal, 11, 2)), new("both", ColumnType.Text), new("P1.AGE", ColumnType.Text)],
    });

    private static readonly string[] Words =
    [
        "count", "by", "where", "AGE", "in", "(", ")", ",", "0-17", "65+", "'x'", "\"y\"", "and", "not", "ols",
        "~", "+", "C", "with", "totals", "..", "-", "1.5", "{", "is", "missing", "=", "step", "to", "quantile",
    ];

    private static BoundQuery Bind(string text) => new(Query.Parse(text), Schema);

    [Theory]
    [InlineData("AGE", "P1.AGE")]
    [InlineData(" AGE ,INCOME", "P1.AGE P2.INCOME")]
    [InlineData("P1.both,P2.both", "P1.both P2.both")]
    [InlineData("\"a,b\" , AGE", "P1.a,b P1.AGE")]
    [InlineData("\"q\"\"q\"", "P1.q\"q")]
    [InlineData("P1.AGE", "P2.P1.AGE")]
    [InlineData("\"count\"", "P1.count")]
    [InlineData("AGE in 0-17, 18-64, 65+, CITY", "P1.AGE P1.CITY")]
    public void Parse_BareColumns_CountByThem(string text, string expected)
    {
        var query = Bind(text);
        Assert.Equal(expected, string.Join(' ', query.Groupings.Select(grouping => $"{grouping.Column.Party}.{grouping.Column.Name}")));
        Assert.Equal(["count"], query.Measures.Select(entry => entry.Measure.Name));
    }

    [Theory]
    [InlineData("", "bad-query", "empty")]
    [InlineData("  ", "bad-query", "empty")]
    [InlineData("AGE,", "bad-query", "expected a column after `AGE,`")]
    [InlineData(",AGE", "bad-query", "at character 1, before `,AGE`: expected a column")]
    [InlineData("AGE, AGE", "bad-query", "twice")]
    [InlineData("P1.both, P1.both", "bad-query", "twice")]
    [InlineData("\"AGE", "bad-query", "double quote at character 1 that is not closed")]
    [InlineData("AGE where CITY = 'x", "bad-query", "single quote at character 18 that is not closed")]
    [InlineData("mean(INCOME by AGE", "bad-query", "at character 13, before `by AGE`: expected `)`")]
    [InlineData("mean(INCOME) by AGE where", "bad-query", "expected a column after")]
    [InlineData("AGE wher CITY = 'x'", "bad-query", "at character 5, before `wher CITY = 'x'`")]
    [InlineData("AGE in 17-0", "bad-query", "ends before it begins")]
    [InlineData("AGE in 0-17, 10-20", "bad-query", "0-17 and 10-20 of AGE overlap")]
    [InlineData("AGE ; DROP", "bad-query", "`;` at character 5")]
    [InlineData("count by AGE by CITY", "bad-query", "`by` twice")]
    [InlineData("quantile(INCOME, 2, 0 to 10 step 1)", "bad-query", "between 0 and 1")]
    [InlineData("histogram(INCOME, 0 to 10 step 0)", "bad-query", "steps above 0")]
    [InlineData("ols(INCOME ~ AGE) by CITY", "bad-query", "no `by`")]
    [InlineData("sum(CITY)", "wrong-type", "CITY is text, and sum needs numbers")]
    [InlineData("ols(INCOME ~ CITY)", "wrong-type", "P1.CITY is text")]
    [InlineData("count where CITY > 'A'", "wrong-type", "CITY is text, which has no order")]
    [InlineData("count where AGE = 'x'", "wrong-type", "AGE is integer(3), and 'x' is a text")]
    [InlineData("CITY in 0-9", "wrong-type", "CITY is text, which has no ranges")]
    [InlineData("both", "unknown-column", "both parties have a column both; write P1.both or P2.both")]
    [InlineData("NOPE", "unknown-column", "neither party has a column NOPE; P1 has AGE, CITY, both")]
    [InlineData("age", "unknown-column", "neither party has a column age")]
    [InlineData("{\"by\":[\"AGE\"],\"wher\":1}", "bad-query", "query has no member wher")]
    [InlineData("{\"by\":[\"AGE\"", "bad-query", "not JSON: line 1, byte")]
    [InlineData("{\"measures\":[{\"function\":\"avg\",\"columns\":[\"AGE\"]}]}", "bad-query", "query.measures[0] is no measure")]
    public void Parse_BadQuery_SaysWhatIsWrongAndWhere(string text, string code, string expected)
    {
        var exception = Assert.Throws<QueryException>(() => Bind(text));
        Assert.Equal(code, exception.Code);
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_TooManyOrTooLong_IsRefused()
    {
        Assert.Throws<QueryException>(() => Query.Parse(new string('x', Query.MaximumCharacters + 1)));
        Assert.Contains("9 columns", Assert.Throws<QueryException>(() => Query.Parse(string.Join(',', Enumerable.Range(0, 9).Select(i => $"A{i}")))).Message,
            StringComparison.Ordinal);
        Assert.Contains("nested deeper",
            Assert.Throws<QueryException>(() => Query.Parse("count where " + new string('(', 60) + "A = 1" + new string(')', 60))).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("count, mean(INCOME), cov(AGE, INCOME) by AGE in 0-17 as young, 18-64, 65+, CITY where INCOME >= 10.5 and not (CITY in ('A', 'B') or AGE is "
        + "missing) weight INCOME with totals")]
    [InlineData("ols(INCOME ~ AGE + C(CITY in ('A') as X, ('B', 'C')))")]
    [InlineData("chisq(AGE in ..17, 18+, CITY)")]
    [InlineData("histogram(INCOME, -5 to 100 step 2.5) by CITY")]
    [InlineData("quantile(INCOME, 0.25, 0.5, 0 to 100 step 1) where CITY != 'it''s'")]
    public void Write_AnyQuery_ReadsBackTheSame_AsTextAndAsJson(string text)
    {
        var query = Query.Parse(text);
        var written = QueryText.Write(query);
        Assert.Equal(written, QueryText.Write(Query.Parse(written)));
        Assert.Equal(written, QueryText.Write(Query.Parse(QueryJson.Write(query))));
    }

    [Fact]
    public void Parse_RandomText_NeverFailsOtherwiseThanByName() =>
        Gen.Int[0, Words.Length - 1].Select(i => Words[i]).List[0, 14]
            .Sample(words =>
            {
                try
                {
                    Bind(string.Join(' ', words));
                }
                catch (QueryException)
                {
                    // Refused by name.
                }
            }, iter: 20_000);

    [Theory]
    [InlineData("20-28,< 20,> 35,29-35,0", "0|< 20|20-28|29-35|> 35")]
    [InlineData("A10,A2,a1,B", "a1|A2|A10|B")]
    [InlineData("65+,18-64,0-17,100", "0-17|18-64|65+|100")]
    [InlineData("-5,3,-10,x", "-10|-5|3|x")]
    public void NaturalOrder_Labels_StandAsPeopleExpect(string labels, string expected)
    {
        var sorted = labels.Split(',');
        Array.Sort(sorted, NaturalOrder.Compare);
        Assert.Equal(expected, string.Join('|', sorted));
    }
}
