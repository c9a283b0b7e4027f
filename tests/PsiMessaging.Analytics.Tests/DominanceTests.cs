using System.Globalization;
using System.Numerics;
using CsCheck;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;

namespace PsiMessaging.Analytics.Tests;

/// <summary>Sums that are held to the contributing party's rules of concentration, by the circuit of the release, against the records in the clear.</summary>
public class DominanceTests
{
    private const int Rows = 120;
    private const int Percent = 10;
    private static readonly Dictionary<string, string> Types = new()
    {
        ["TURNOVER"] = "decimal(9,2)", ["STAFF"] = "integer(4)", ["AGE"] = "integer(3)", ["V"] = "integer(2)",
    };

    /// <summary>p% with p 10: x1 + x2 + x1/10, rounded up.</summary>
    private static readonly MaskedRun.HeldSums Rule = new("TURNOVER", 2, largest => largest.Count == 0 ? 0
        : largest[0] + (largest.Count > 1 ? largest[1] : 0) + ((largest[0] + 9) / 10));

    private static string AreaOf(int i) => "NSW"[i % 3].ToString();

    private static string KindOf(int i) => i / 3 % 2 == 0 ? "A" : "B";

    private static Task<MaskedRun> OpenAsync(IReadOnlyList<long> cents) => MaskedRun.OpenAsync(
        "ID,AREA,AGE,W\n" + string.Join('\n', Enumerable.Range(0, Rows).Select(i => $"{i},{AreaOf(i)},{20 + (i % 50)},{1 + (i % 3)}")),
        "ID,KIND,TURNOVER,STAFF,V\n" + string.Join('\n', Enumerable.Range(0, Rows).Select(i => string.Create(CultureInfo.InvariantCulture,
            $"{i},{KindOf(i)},{(cents[i] == 0 ? "" : $"{cents[i] / 100m:0.00}")},{1 + (i * 7 % 90)},{i / 6 % 5}"))), Types);

    /// <summary>What p% asks of a sum where the group of KIND is what is known.</summary>
    private static bool IsLargeEnough(IReadOnlyList<long> cents, Func<int, bool> cell, Func<int, bool> group, Func<int, long>? weight = null)
    {
        BigInteger ValueOf(int i) => cents[i] * (weight?.Invoke(i) ?? 1);
        var largest = Enumerable.Range(0, Rows).Where(group).Select(ValueOf).Select(BigInteger.Abs).OrderDescending().Take(2).ToArray();
        var total = Enumerable.Range(0, Rows).Where(cell).Aggregate(BigInteger.Zero, (sum, i) => sum + ValueOf(i));
        return 100 * (total - largest[0] - largest[1]) >= Percent * largest[0];
    }

    private static string TextOf(Answer answer, params string[] labels) =>
        Assert.Single(answer.Rows, row => row.Take(labels.Length).Select(cell => cell.Text).SequenceEqual(labels)).Skip(labels.Length)
            .Aggregate("", (text, cell) => $"{text}|{(cell.IsWithheld ? "W" : cell.Text)}");

    /// <summary>One or two firms that hold nearly everything, in some of the groups: shown is each cell that reaches what its group of KIND asks.</summary>
    [Theory]
    [InlineData("sum(TURNOVER)", null)]
    [InlineData("mean(TURNOVER)", null)]
    [InlineData("sd(TURNOVER)", null)]
    [InlineData("cov(TURNOVER, AGE)", null)]
    [InlineData("sum(TURNOVER)", "V")]
    public void Cells_AreShownWhereTheGroupsLargestCannotBeMostOfThem(string measure, string? weight)
    {
        var (shown, withheld) = (0, 0);
        var sizes = Gen.Select(Gen.Long[1000, 3000].Array[Rows], Gen.Int[0, Rows - 1], Gen.Int[0, Rows - 1], Gen.Long[1, 40], Gen.Int[0, 2]);
        sizes.Sample((cents, one, two, times, sign) =>
        {
            cents[one] *= times;
            cents[two] *= -(sign - 1) * times;
            using var run = OpenAsync(cents).GetAwaiter().GetResult();
            var text = $"count, {measure} by AREA, KIND{(weight is null ? "" : $" weight {weight}")}";
            var answer = run.AskAsync(text, minCell: 4, held: Rule).GetAwaiter().GetResult();
            foreach (var (area, kind) in from area in new[] { "N", "S", "W" } from kind in new[] { "A", "B" } select (area, kind))
            {
                var isLarge = IsLargeEnough(cents, i => AreaOf(i) == area && KindOf(i) == kind && cents[i] != 0, i => KindOf(i) == kind,
                    weight is null ? null : i => i / 6 % 5);
                var line = TextOf(answer, area, kind);
                Assert.NotEqual('W', line[1]);
                Assert.Equal(isLarge, !line.EndsWith('W'));
                (shown, withheld) = isLarge ? (shown + 1, withheld) : (shown, withheld + 1);
            }

            Assert.Contains(answer.Rules, rule => rule.StartsWith("what follows from sums of TURNOVER is withheld where few", StringComparison.Ordinal));
        }, iter: 25, threads: 1);
        Assert.True(shown > 10 && withheld > 10, $"{shown} shown, {withheld} withheld");
    }

    private static long[] Cents(int large, long times) => [.. Enumerable.Range(0, Rows).Select(i => (1000 + (i * 37 % 900L)) * (i == large ? times : 1))];

    /// <summary>The total is the sum of the cells: with one of them it is withheld too. Other columns and counts are as they were.</summary>
    [Fact]
    public async Task DominatingValue_WithholdsItsCellAndWhatItWouldFollowFrom()
    {
        using var run = await OpenAsync(Cents(large: 3, times: 400));
        var answer = await run.AskAsync("count, sum(TURNOVER), sum(STAFF) by AREA, KIND with totals", minCell: 4, held: Rule);
        Assert.Matches(@"^\|20\|W\|\d+$", TextOf(answer, AreaOf(3), KindOf(3)));
        Assert.Matches(@"^\|20\|[0-9.]+\|\d+$", TextOf(answer, "N", "A"));
        Assert.All(answer.Rows.Where(row => row[0].IsTotal && row[1].IsTotal), row => Assert.True(row[3].IsWithheld && row[4].Text is not null));
        using var even = await OpenAsync(Cents(large: 3, times: 1));
        var all = await even.AskAsync("count, sum(TURNOVER), sum(STAFF) by AREA, KIND with totals", minCell: 4, held: Rule);
        Assert.DoesNotContain(all.Rows.SelectMany(row => row), cell => cell.IsWithheld);
    }

    [Fact]
    public async Task DominatingValue_InARegression_IsRefusedByName()
    {
        using var run = await OpenAsync(Cents(large: 3, times: 4000));
        var refused = await Assert.ThrowsAsync<QueryException>(() => run.AskAsync("ols(TURNOVER ~ AGE + C(KIND))", minCell: 4, held: Rule));
        Assert.Equal((QueryException.BelowMinimum, "few records may hold too much of TURNOVER, by rules of its owner's; leave it out"),
            (refused.Code, refused.Message));
        using var even = await OpenAsync(Cents(large: 3, times: 1));
        Assert.NotEmpty((await even.AskAsync("ols(TURNOVER ~ AGE + C(KIND))", minCell: 4, held: Rule)).Rows);
        Assert.NotEmpty((await even.AskAsync("ols(AGE ~ TURNOVER)", minCell: 4, held: Rule)).Rows);
    }

    [Theory]
    [InlineData("sum(TURNOVER) by KIND weight W", 4, "how much a record weighs by W it cannot know; leave the weight out, or take one of P2's")]
    [InlineData("sum(TURNOVER) by KIND", 1, "the session has a minimum cell size of 1, under which nothing binds who asks; begin one with 3 or more")]
    public async Task WhatCannotBeChecked_IsRefused(string text, int minCell, string why)
    {
        using var run = await OpenAsync(Cents(3, 1));
        var query = new BoundQuery(Query.Parse(text), run.Schema);
        var refused = Assert.Throws<QueryException>(() => Analytics.Disclosure.Dominance.Require(query, "P2", ["TURNOVER"], minCell));
        Assert.Equal((QueryException.EngineCannot, $"P2 holds sums of TURNOVER to rules of concentration: {why}"), (refused.Code, refused.Message));
    }

    /// <summary>Numbers so long that their sum cannot be compared are refused, and not shown unchecked.</summary>
    [Fact]
    public async Task SumThatIsTooLong_IsRefused()
    {
        using var run = await MaskedRun.OpenAsync(
            "ID,AGE\n" + string.Join('\n', Enumerable.Range(0, 40).Select(i => $"{i},{20 + i}")),
            "ID,TURNOVER\n" + string.Join('\n', Enumerable.Range(0, 40).Select(i => $"{i},{1000 + (i * 13)}")),
            new Dictionary<string, string> { ["TURNOVER"] = "integer(18)" });
        var refused = await Assert.ThrowsAsync<QueryException>(() => run.AskAsync("sum(TURNOVER)", minCell: 4, held: Rule));
        Assert.Equal(QueryException.EngineCannot, refused.Code);
        Assert.StartsWith("sums of TURNOVER have too many digits", refused.Message, StringComparison.Ordinal);
    }
}
