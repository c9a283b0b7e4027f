using System.Globalization;

namespace PsiMessaging.Analytics.Tests;

/// <summary>
/// What a party sees that asks with the product as it is, with columns of its own made for the purpose. Worlds differ in what only the other party knows of one record; what
/// is seen must be the same in all of them.
/// </summary>
public class StockQuestionTests
{
    private const int Rows = 300;
    private const int Target = 137;

    private static string Csv(string head, Func<int, string> row, int rows = Rows) => $"ID;{head}\n" + string.Concat(Enumerable.Range(0, rows).Select(i => FormattableString.Invariant($"id-{i:D5};{row(i)}\n")));

    private static string Disease(int i) => (i * 7 % 10) switch { < 5 => "ASTHMA", < 8 => "COLD", _ => "FLU" };

    private static string Income(int i) => (1000 + (i * 7919 % 9000) + 0.25m).ToString(CultureInfo.InvariantCulture);

    private static async Task<string> SeenAsync(string p1, string p2, string text)
    {
        using var run = await MaskedRun.OpenAsync(p1, p2);
        return await run.SeenAsync(text, 10);
    }

    private static async Task<string> SameAsync(string p1, string text, params string[] worlds)
    {
        var seen = new List<string>();
        foreach (var world in worlds)
        {
            seen.Add(await SeenAsync(p1, world, text));
        }

        Assert.All(seen, one => Assert.Equal(seen[0], one));
        return seen[0];
    }

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    public async Task AThirdValueInAFew_DoesNotMakeASumOfZerosAndOnesSomethingElse(int third)
    {
        var seen = await SeenAsync(Csv("G", i => i < 40 ? "x" : "y"), Csv("FLAG", i => i >= 300 - third ? "2" : i < 40 ? (i < 3 ? "0" : "1") : i % 3 == 0 ? "1" : "0"), "sum(FLAG) by G");
        Assert.Contains("x | W", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("37", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ChiSquare_RecordsWithoutAnOwnLabel_DoNotHideHowManyOfAFewAreLeftOut()
    {
        var p1 = Csv("G", i => i < 90 ? "x" : i < 180 ? "y" : "");
        var seen = await SameAsync(p1, "chisq(G, DISEASE)", [.. new[] { 1, 3, 9 }.Select(few => Csv("DISEASE", i => i >= 20 && i < 20 + few ? "RARE" : Disease(i)))]);
        Assert.Contains("below-minimum", seen, StringComparison.Ordinal);

        // Nor do those of the few that have no own label show in the note.
        seen = await SameAsync(p1, "chisq(G, DISEASE)", [.. new[] { 1, 3, 9 }.Select(few => Csv("DISEASE", i => i >= 200 && i < 200 + few ? "RARE" : Disease(i)))]);
        Assert.Contains("none or fewer than 10 records without a value", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Regression_TooFewRecordsForItsCoefficients_SaysNoNumberOfThem()
    {
        var names = string.Join(";", Enumerable.Range(0, 14).Select(i => $"X{i}"));
        var p1 = Csv(names, i => string.Join(";", Enumerable.Range(0, 14).Select(x => (i + 3) * (x + 7) * (x + i) % 101)), 40);
        var seen = await SameAsync(p1, $"ols(INCOME ~ {names.Replace(";", " + ", StringComparison.Ordinal)})", [.. new[] { 26, 28, 31, 35 }.Select(missing => Csv("INCOME", i => i < missing ? "" : Income(i), 40))]);
        Assert.Contains("below-minimum", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Labels_WithAnyCharactersInThem_StayApart()
    {
        var p1 = Csv("A;B", i => i % 2 == 0 ? "x\u00011y;z" : "x;y\u00011z");
        var seen = await SeenAsync(p1, Csv("DISEASE", Disease), "A, B, DISEASE with totals");
        Assert.Contains("x\u00011y | z | (total) | 150", seen, StringComparison.Ordinal);
        Assert.Contains("x | y\u00011z | (total) | 150", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RegressesOnTheOthersClasses_AndDoesNotSeeWhetherSomebodyHasARareOne()
    {
        var seen = await SeenAsync(Csv("X", i => $"{i * 97 % 1009}"), Csv("DISEASE", i => i == Target ? "RARE" : Disease(i)), "ols(X ~ C(DISEASE))");
        var without = await SeenAsync(Csv("X", i => $"{i * 97 % 1009}"), Csv("DISEASE", i => i == Target ? "ASTHMA" : Disease(i)), "ols(X ~ C(DISEASE))");
        Assert.Equal(without, seen);
        Assert.Contains("classes of fewer than 10 records are counted with the reference, if there are any", seen, StringComparison.Ordinal);
        Assert.Contains("DISEASE[FLU]", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Regression_ARareOwnClass_IsCountedWithTheReference()
    {
        var seen = await SeenAsync(Csv("G", i => i < 3 ? "a" : i < 100 ? "b" : i < 200 ? "c" : i < 209 ? "d" : "e"), Csv("INCOME", Income), "ols(INCOME ~ C(G))");
        Assert.Contains("G: the reference is b", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("G[d]", seen, StringComparison.Ordinal);
        Assert.Contains("G[e]", seen, StringComparison.Ordinal);
        Assert.Equal(seen, await SeenAsync(Csv("G", i => i < 3 ? "b" : i < 100 ? "b" : i < 200 ? "c" : i < 209 ? "b" : "e"), Csv("INCOME", Income), "ols(INCOME ~ C(G))"));
    }

    [Fact]
    public async Task Regression_OnlyRareClasses_IsOneWithoutThem()
    {
        var seen = await SeenAsync(Csv("G;X", i => $"g{i / 9};{i * 97 % 1009}"), Csv("INCOME", Income), "ols(INCOME ~ X + C(G))");
        Assert.StartsWith("(intercept) | ", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("G[", seen, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("count by DISEASE with totals where TEN = 1 and INCOME > 6000")]
    [InlineData("G, DISEASE with totals where INCOME > 6000")]
    [InlineData("count by G with totals where INCOME > 6000")]
    public async Task AsksForTotalsAboveAThreshold_AndTheirLinesDoNotTellWhetherAllTenPass(string question)
    {
        var p1 = Csv("TEN;G", i => i is >= Target and < Target + 10 ? "1;x" : "0;y");
        await SameAsync(p1, question, [.. new[] { "5999", "6001" }.Select(target => Csv("DISEASE;INCOME", i => $"{Disease(i)};{(i == Target ? target : i is > Target and < Target + 10 ? "9000" : Income(i))}"))]);
    }

    [Fact]
    public async Task AsksForTotals_AndNoLineTellsThatAnybodyIsHidden()
    {
        // H2 has no cell of ten, but eleven or nine records in all: what is listed is what has a cell that is shown.
        var listed = new List<string>();
        foreach (var few in new[] { 9, 11 })
        {
            var seen = await SeenAsync(Csv("G", i => i < 150 ? "x" : "y"), Csv("H;K", i => i % 28 == 0 && i / 28 < few ? "H2;k" : $"H1;{"kl"[i / 2 % 2]}"), "G, H, K with totals");
            listed.Add(string.Join('\n', seen.Split('\n').Where(line => line.Contains(" | ", StringComparison.Ordinal)).Select(line => line[..line.LastIndexOf(" | ", StringComparison.Ordinal)])));
        }

        Assert.Equal(listed[0], listed[1]);
        Assert.Contains("(total) | H1 | (total)", listed[0], StringComparison.Ordinal);
    }

    private static string Ps => string.Join(", ", Enumerable.Range(1, 19).Select(k => (k * 0.05m).ToString(CultureInfo.InvariantCulture)));

    [Theory]
    [InlineData("count, sum(INCOME) by DISEASE weight W")]
    [InlineData("mean(INCOME), cov(INCOME, X) by DISEASE with totals weight W")]
    [InlineData("count by DISEASE weight W")]
    public async Task WeighsElevenPeopleHeavily_AndReadsNoDiagnosisOfOne(string question)
    {
        // Eleven weights of 10^9 among ones: the ten others are known to have the flu. One dose of them anywhere else would show as a large count.
        bool IsMarked(int i) => i == Target || (i % 10 == 7 && i < 107);
        var p1 = Csv("W;X", i => $"{(IsMarked(i) ? 1000000000 : 1)};{i * 97 % 1009}");
        await SameAsync(p1, question, [.. new[] { ("ASTHMA", "COLD"), ("COLD", "ASTHMA") }.Select(world => Csv("DISEASE;INCOME", i => $"{(i == Target ? world.Item1 : i == 5 ? world.Item2 : IsMarked(i) ? "FLU" : i % 2 == 0 ? "ASTHMA" : "COLD")};4321.5"
            .Replace("4321.5", i is 5 or Target ? "4321.5" : Income(i), StringComparison.Ordinal)))]);
    }

    [Theory]
    [InlineData("count weight W where INCOME > 6000")]
    [InlineData("count where INCOME > 6000 weight W")]
    [InlineData("sum(X) by G where INCOME > 6000 weight W")]
    [InlineData("ols(INCOME ~ X) where INCOME > 6000 weight W")]
    public async Task WeighsTenPeopleHeavilyAboveAThreshold_AndReadsNotHowManyPass(string question)
    {
        var p1 = Csv("W;X;G", i => $"{(i is >= Target and < Target + 10 ? 1000 : 1)};{i * 97 % 1009};{"xy"[i % 2]}");
        var seen = new List<string>();
        foreach (var (first, second) in new[] { ("9999.5", "100.5"), ("100.5", "9999.5") })
        {
            // The same number passes: a marked one or one that is not.
            seen.Add(await SeenAsync(p1, Csv("INCOME", i => i == Target ? first : i == Target + 20 ? second : i is > Target and < Target + 10 ? "100" : Income(i)), question));
        }

        Assert.All(seen, one => Assert.DoesNotContain("1000", one.Split('\n')[0], StringComparison.Ordinal));
        if (!question.Contains("ols", StringComparison.Ordinal))
        {
            Assert.Equal(seen[0], seen[1]);
        }
        else
        {
            Assert.All(seen, one => Assert.StartsWith("below-minimum: W has one value in all but fewer than 10", one, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task QuantilesOfWeights_DoNotPlaceAPerson()
    {
        var p1 = Csv("W", i => i is >= Target and < Target + 11 ? "1000000" : "1");
        await SameAsync(p1, $"quantile(INCOME, {Ps}, 1500 to 9500 step 500) weight W",
            [.. new[] { 2500, 6500 }.Select(target => Csv("INCOME", i => i == Target ? $"{target}" : i == 5 ? $"{9000 - target}" : i is > Target and < Target + 11 ? "9100" : Income(i)))]);
    }

    [Fact]
    public async Task QuantilesOfAnOwnColumnByDiagnosis_DoNotCountTheOneBetweenTwoBins()
    {
        // Bins: below 0, [0, 1), [1, 2) with the target alone, [2, 3), 3 and more.
        var p1 = Csv("X", i => i == Target ? "1.5" : (i % 4) switch { 0 => "-5", 1 => "0.5", 2 => "2.5", _ => "9" });
        await SameAsync(p1, $"quantile(X, {Ps}, 0 to 3 step 1) by DISEASE", [.. new[] { Target, Target + 1 }.Select(flu => Csv("DISEASE", i => i is Target or Target + 1 ? (i == flu ? "FLU" : "COLD") : Disease(i)))]);
    }

    [Fact]
    public async Task Quantiles_SmallBins_ArePutTogetherAndTheRestStay()
    {
        // 3 below 0 and in [0, 10) each, then 20 in each bin, 2 above.
        var seen = await SeenAsync(Csv("G", _ => "x", 88), Csv("X", i => i < 3 ? "-1" : i < 6 ? "5" : i < 86 ? $"{10 + ((i - 6) / 20 * 10) + (i % 10)}" : "77", 88), "quantile(X, 0.1, 0.5, 0.9, 0 to 50 step 10)");
        // 26 of 88 are in 0 to 20: 8.8/26 of the way; then straight lines in bins of ten, the last with the two above.
        var cells = seen.Split('\n')[0].Split(" | ");
        Assert.Equal(20 * 8.8 / 26, double.Parse(cells[0], CultureInfo.InvariantCulture), 1e-9);
        Assert.Equal(20 + (10 * (44 - 26) / 20.0), double.Parse(cells[1], CultureInfo.InvariantCulture), 1e-9);
        Assert.Equal(40 + (10 * (79.2 - 66) / 22), double.Parse(cells[2], CultureInfo.InvariantCulture), 1e-9);
        Assert.Contains("bins of fewer than 10 records are put together with their neighbours", seen, StringComparison.Ordinal);
        Assert.Contains("off by less than a merged bin", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Weights_ThatAreAllTheSameInAGroup_WithholdNothing()
    {
        var seen = await SeenAsync(Csv("W;G", i => i % 2 == 0 ? "1;x" : "3;y"), Csv("DISEASE", i => Disease(i / 2)), "count by G, DISEASE weight W");
        Assert.Contains("x | ASTHMA | 75", seen, StringComparison.Ordinal);
        Assert.Contains("y | ASTHMA | 225", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OwnColumnWithoutAValueAtOnePerson_GivesNoIncome()
    {
        // sum(INCOME) is of all, cov(X, INCOME) of all but one.
        var p1 = Csv("X", i => i == Target ? "" : $"{i * 97 % 1009}");
        var seen = await SameAsync(p1, "sum(INCOME), cov(X, INCOME)", [.. new[] { "4321.5", "8765.25" }.Select(target => Csv("INCOME", i => i == Target ? target : Income(i)))]);
        Assert.Contains("records without a value in X are put aside where they are fewer than 10", seen, StringComparison.Ordinal);
        Assert.DoesNotContain(" W", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OwnColumnsWithoutAValueAtDifferentPeople_ArePutAsideUntilNoFewAreLeft()
    {
        // X lacks at 5 of x; Y at those and 8 others of them: without the five it lacks at 8.
        var p1 = Csv("G;X;Y", i => $"{(i < 100 ? "x" : "y")};{(i < 5 ? "" : $"{i * 97 % 1009}")};{(i < 13 ? "" : $"{i * 89 % 1009}")}");
        var seen = await SameAsync(p1, "count, cov(X, INCOME), cov(Y, INCOME) by G", [.. new[] { "1", "9999" }.Select(target => Csv("INCOME", i => i < 13 ? target : Income(i)))]);
        Assert.StartsWith("x | 87 | ", seen, StringComparison.Ordinal);
        Assert.Contains("records without a value in X or Y are put aside where they are fewer than 10 of a group of G", seen, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("corr(X, INCOME)")]
    [InlineData("ols(INCOME ~ X)")]
    [InlineData("mean(INCOME) weight X")]
    public async Task OneValueThatHoldsMostOfAColumn_IsRefused(string question)
    {
        var seen = await SameAsync(Csv("X", i => i == Target ? "1100" : $"{(i % 2) + 1}"), question, [.. new[] { "4321.5", "8765.25" }.Select(target => Csv("INCOME", i => i == Target ? target : Income(i)))]);
        Assert.StartsWith("P1: one record holds too large a part of all that differs in X, and what is calculated with it would be about it alone", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AGroupInWhichAColumnSinglesOutFew_IsPutAsideAndTheOthersAreAnswered()
    {
        var p1 = Csv("REGION;SMOKER", i => $"{"abc"[i % 3]};{(i % 3 == 0 ? (i < 12 ? 1 : 0) : i / 3 % 2)}");
        var seen = await SeenAsync(p1, Csv("INCOME", Income), "corr(SMOKER, INCOME) by REGION");
        var rows = seen.Split('\n');
        Assert.StartsWith("b | 0.", rows[0].Replace("-", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.StartsWith("c | 0.", rows[1].Replace("-", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal("(withheld) | W", rows[2]);
        Assert.Contains("groups of REGION are put aside: SMOKER has one value in all but fewer than 10 records of a group of REGION", seen, StringComparison.Ordinal);

        // None is left.
        Assert.StartsWith("P1: SMOKER has one value in all but fewer than 10 records of a group of REGION", await SeenAsync(Csv("REGION;SMOKER", i => $"{"abc"[i % 3]};{(i < 12 ? 1 : 0)}"), Csv("INCOME", Income), "corr(SMOKER, INCOME) by REGION"), StringComparison.Ordinal);
    }

    /// <summary>The example of docs/disclosure.md.</summary>
    [Fact]
    public async Task OneRareDiagnosis_HidesTheSmallestThatIsShownToo()
    {
        string Of(int i, int rare) => i < rare ? "RARE" : i < 60 ? "FLU" : i < 150 ? "COLD" : "ASTHMA";
        var seen = await SameAsync(Csv("X", i => $"{i}"), "count by DISEASE", [.. new[] { 1, 9 }.Select(rare => Csv("DISEASE", i => Of(i, rare)))]);
        Assert.StartsWith("ASTHMA | 150\nCOLD | 90\n(withheld) | 60\n", seen, StringComparison.Ordinal);
        Assert.Contains("FLU | 60", await SeenAsync(Csv("X", i => $"{i}"), Csv("DISEASE", i => Of(i, 0)), "count by DISEASE"), StringComparison.Ordinal);
        Assert.Contains("COLD | 90\nFLU | 45\n(withheld) | 15", await SeenAsync(Csv("X", i => $"{i}"), Csv("DISEASE", i => Of(i, 15).Replace("RARE", i < 8 ? "R1" : "R2", StringComparison.Ordinal)), "count by DISEASE"), StringComparison.Ordinal);
        Assert.Contains("COLD | 90\nFLU | 50\nRARE | 10", await SeenAsync(Csv("X", i => $"{i}"), Csv("DISEASE", i => Of(i, 10)), "count by DISEASE"), StringComparison.Ordinal);
    }
}
