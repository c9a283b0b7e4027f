using System.Globalization;
using PsiMessaging.Analytics.Queries;

namespace PsiMessaging.Analytics.Tests;

/// <summary>
/// What a party sees that asks with the product as it is, with columns of its own made for the purpose. Worlds differ in what only the other party knows of one
/// record; what is seen must be the same in all of them.
/// </summary>
public class StockQuestionTests
{
    private const int Rows = 300;
    private const int Target = 137;

    private static string Csv(string head, Func<int, string> row, int rows = Rows) =>
        $"ID;{head}\n" + string.Concat(Enumerable.Range(0, rows).Select(i => FormattableString.Invariant($"id-{i:D5};{row(i)}\n")));

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
        var seen = await SeenAsync(Csv("G", i => i < 40 ? "x" : "y"),
            Csv("FLAG", i => i >= 300 - third ? "2" : i < 40 ? (i < 3 ? "0" : "1") : i % 3 == 0 ? "1" : "0"), "sum(FLAG) by G");
        Assert.Contains("x | W", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("37", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ChiSquare_RecordsWithoutAnOwnLabel_DoNotHideHowManyOfAFewAreLeftOut()
    {
        var p1 = Csv("G", i => i < 90 ? "x" : i < 180 ? "y" : "");
        var seen = await SameAsync(p1, "chisq(G, DISEASE)",
            [.. new[] { 1, 3, 9 }.Select(few => Csv("DISEASE", i => i >= 20 && i < 20 + few ? "RARE" : Disease(i)))]);
        Assert.Contains("below-minimum", seen, StringComparison.Ordinal);

        // Nor do those of the few that have no own label show in the note.
        seen = await SameAsync(p1, "chisq(G, DISEASE)",
            [.. new[] { 1, 3, 9 }.Select(few => Csv("DISEASE", i => i >= 200 && i < 200 + few ? "RARE" : Disease(i)))]);
        Assert.Contains("120 of the 300 common records are left out: without a value in G or DISEASE or in a group of fewer than 10",
            seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Regression_TooFewRecordsForItsCoefficients_SaysNoNumberOfThem()
    {
        var names = string.Join(";", Enumerable.Range(0, 14).Select(i => $"X{i}"));
        var p1 = Csv(names, i => string.Join(";", Enumerable.Range(0, 14).Select(x => (i + 3) * (x + 7) * (x + i) % 101)), 40);
        var seen = await SameAsync(p1, $"ols(INCOME ~ {names.Replace(";", " + ", StringComparison.Ordinal)})",
            [.. new[] { 26, 28, 30 }.Select(missing => Csv("INCOME", i => i < missing ? "" : Income(i), 40))]);
        Assert.Contains("below-minimum", seen, StringComparison.Ordinal);

        // That fewer than the minimum of all common records have a value every question about the column says.
        seen = await SameAsync(p1, $"ols(INCOME ~ {names.Replace(";", " + ", StringComparison.Ordinal)})",
            [.. new[] { 31, 35, 39 }.Select(missing => Csv("INCOME", i => i < missing ? "" : Income(i), 40))]);
        Assert.Contains("has a value in fewer than 10 records", seen, StringComparison.Ordinal);
    }

    /// <summary>What is said of records that are left out is true wherever they are left out: on either side, by a filter, by a weight.</summary>
    [Theory]
    [InlineData("ols(INCOME ~ X)", 0, 120, "120 of the 300 common records are left out: without one of the values", "n 180")]
    [InlineData("ols(INCOME ~ X)", 120, 0, "120 of the 300 common records are left out: without one of the values", "n 180")]
    [InlineData("ols(INCOME ~ X)", 100, 9, "100 of the 300 common records are left out: without one of the values", "n 200")]
    [InlineData("ols(INCOME ~ X)", 100, 0, "100 of the 300 common records are left out: without one of the values", "n 200")]
    [InlineData("ols(INCOME ~ X) weight W where G = 'x'", 0, 0,
        "150 of the 300 common records are left out: not passing the filter, without a weight or without one of the values", "n 150")]
    [InlineData("chisq(G, DISEASE) where INCOME > 3000", 0, 0,
        "67 of the 300 common records are left out: not passing the filter, without a value in G or DISEASE or in a group of fewer than 10", " | 233")]
    public async Task NotesOnWhatIsLeftOut_AreTrue(string question, int lackingX, int lackingIncome, string note, string n)
    {
        var seen = await SeenAsync(Csv("G;X;W", i => $"{(i < 150 ? "x" : "y")};{(i < lackingX ? "" : $"{i * 97 % 1009}")};{1 + (i % 3)}"),
            Csv("DISEASE;INCOME", i => $"{Disease(i)};{(i >= Rows - lackingIncome ? "" : Income(i))}"), question);
        Assert.Contains(note, seen, StringComparison.Ordinal);
        Assert.Contains(n, seen, StringComparison.Ordinal);
        Assert.Equal(question.StartsWith("ols", StringComparison.Ordinal) && lackingIncome < 10, seen.Contains(
            "none or fewer than 10 more lack a value of the other party's and are left out too; n, the degrees of freedom, p-values, intervals and adjusted R² "
                + "are as if none was",
            StringComparison.Ordinal));
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
        var seen = await SeenAsync(Csv("G", i => i < 3 ? "a" : i < 100 ? "b" : i < 200 ? "c" : i < 209 ? "d" : "e"),
            Csv("INCOME", Income), "ols(INCOME ~ C(G))");
        Assert.Contains("G: the reference is b", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("G[d]", seen, StringComparison.Ordinal);
        Assert.Contains("G[e]", seen, StringComparison.Ordinal);
        Assert.Equal(seen,
            await SeenAsync(Csv("G", i => i < 3 ? "b" : i < 100 ? "b" : i < 200 ? "c" : i < 209 ? "b" : "e"), Csv("INCOME", Income), "ols(INCOME ~ C(G))"));
    }

    [Fact]
    public async Task Regression_OnlyRareClasses_IsOneWithoutThem()
    {
        var seen = await SeenAsync(Csv("G;X", i => $"g{i / 9};{i * 97 % 1009}"), Csv("INCOME", Income), "ols(INCOME ~ X + C(G))");
        Assert.StartsWith("(intercept) | ", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("G[", seen, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("count by DISEASE with totals where TEN = 1 and INCOME > 6000", "(total) | W\n(withheld) | W\n")]
    [InlineData("G, DISEASE with totals where INCOME > 6000", "y | ASTHMA | 64\ny | COLD | 41\ny | FLU | 24\n")]
    [InlineData("count by G with totals where INCOME > 6000", "y | 129\n")]
    public async Task AsksForTotalsAboveAThreshold_AndTheirLinesDoNotTellWhetherAllTenPass(string question, string shown)
    {
        var p1 = Csv("TEN;G", i => i is >= Target and < Target + 10 ? "1;x" : "0;y");
        Assert.StartsWith(shown, await SameAsync(p1, question, [
            .. new[] { "5999", "6001" }.Select(target =>
                Csv("DISEASE;INCOME", i => $"{Disease(i)};{(i == Target ? target : i is > Target and < Target + 10 ? "9000" : Income(i))}"))
        ]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AsksForTotals_AndNoLineTellsThatAnybodyIsHidden()
    {
        // H2 has no cell of ten, but eleven or nine records in all: what is listed is what has a cell that is shown.
        var listed = new List<string>();
        foreach (var few in new[] { 9, 11 })
        {
            var seen = await SeenAsync(Csv("G", i => i < 150 ? "x" : "y"),
                Csv("H;K", i => i % 28 == 0 && i / 28 < few ? "H2;k" : $"H1;{"kl"[i / 2 % 2]}"), "G, H, K with totals");
            listed.Add(string.Join('\n', seen.Split('\n').Where(line => line.Contains(" | ", StringComparison.Ordinal))
                .Select(line => line[..line.LastIndexOf(" | ", StringComparison.Ordinal)])));
        }

        Assert.Equal(listed[0], listed[1]);
        Assert.Contains("(total) | H1 | (total)", listed[0], StringComparison.Ordinal);
    }

    private static bool IsSingledOut(int i) => i is >= Target and < Target + 12;

    /// <summary>
    /// A mark of the other party's that many have, but few in one class, among twelve people of an own column or at one weight: sums of products count those.
    /// The worlds differ in the mark of one of them; somebody elsewhere makes up for it, so that what counts all is the same.
    /// </summary>
    [Theory]
    [InlineData("ols(FLAG ~ C(G))", "below-minimum: C(G) and FLAG have, or leave out, fewer than 10 records together")]
    [InlineData("ols(X ~ C(G) + FLAG)", "below-minimum: C(G) and FLAG have, or leave out, fewer than 10 records together")]
    [InlineData("ols(X ~ C(G) + C(FLAG))", "below-minimum: C(G) and C(FLAG) have, or leave out, fewer than 10 records together")]
    [InlineData("ols(X ~ TEN + C(FLAG))", "below-minimum: TEN and C(FLAG) have, or leave out, fewer than 10 records together")]
    [InlineData("ols(FLAG ~ TEN)", "below-minimum: TEN and FLAG have, or leave out, fewer than 10 records together")]
    [InlineData("ols(TEN ~ FLAG)", "below-minimum: FLAG and TEN have, or leave out, fewer than 10 records together")]
    [InlineData("ols(FLAG ~ X) weight W", "below-minimum: X and FLAG and W have, or leave out, fewer than 10 records together")]
    [InlineData("sum(FLAG), cov(TEN, FLAG)", "100 | W\n")]
    [InlineData("count, corr(TEN, FLAG)", "300 | W\n")]
    [InlineData("count, sum(FLAG) weight W", "11100 | W\n")]
    [InlineData("mean(X), mean(FLAG) weight W", "503.8286")]
    [InlineData("sum(X), sum(TEN) weight V", "45657531 | W\n")]
    [InlineData("sum(X), cov(X, TEN) weight V", "45657531 | W\n")]
    public async Task AMarkThatManyHave_ButFewOfThoseSingledOut_IsNotCountedAmongThem(string question, string expected)
    {
        // Seven of the twelve are known to have the mark and four not to; in class a are the twelve and thirteen more without it.
        var p1 = Csv("G;TEN;W;X", i =>
            $"{(i is >= Target and < Target + 25 ? "a" : i % 2 == 0 ? "b" : "c")};{(IsSingledOut(i) ? 1 : 0)};{(IsSingledOut(i) ? 901 : 1)}"
                + $";{(i is 5 or Target ? 777 : i * 97 % 1009)}");
        var worlds = new[] { true, false }.Select(target => Csv("FLAG;V", i =>
        {
            var flag = i == Target ? target : i == 5 ? !target : i is > Target and < Target + 8 || (i is < Target or >= Target + 25 && i % 3 == 0);
            return $"{(flag ? 1 : 0)};{(i is >= 260 and < 290 ? "" : flag ? "1000" : "1")}";
        })).ToArray();
        Assert.StartsWith(expected, await SameAsync(p1, question, worlds), StringComparison.Ordinal);
    }

    /// <summary>An amount that many get, but one in a class, is a mean of the class: to the cent.</summary>
    [Theory]
    [InlineData("ols(BENEFIT ~ C(G))")]
    [InlineData("ols(BENEFIT ~ C(AREA))")]
    [InlineData("ols(BENEFIT ~ X + C(G))")]
    public async Task AnAmountThatOneOfAClassGets_IsNoCoefficient(string question)
    {
        var p1 = Csv("G;X", i => $"{"abc"[i % 3]};{i * 97 % 1009}");
        var seen = await SameAsync(p1, question, [.. new[] { "0", "4321.5", "8765.25" }.Select(target =>
            Csv("BENEFIT;AREA", i => $"{(i % 3 == 0 ? (i == 138 ? target : "0") : i % 4 == 0 ? Income(i) : "0")};{"kls"[i % 3]}"))]);
        Assert.StartsWith($"below-minimum: C({(question.Contains("AREA", StringComparison.Ordinal) ? "AREA" : "G")}) and BENEFIT have, or leave out, fewer "
            + "than 10 records together",
            seen, StringComparison.Ordinal);

        // Where ten or more of every class get one, the means are there.
        Assert.StartsWith("(intercept) | 1",
            await SeenAsync(p1, Csv("BENEFIT;AREA", i => $"{(i % 4 == 0 ? Income(i) : "0")};{"kls"[i % 3]}"), question), StringComparison.Ordinal);
    }

    /// <summary>Own columns, or own classes, that are equal but for one record: their difference is a mark at it.</summary>
    [Theory]
    [InlineData("ols(INCOME ~ A + B)", "A and B")]
    [InlineData("ols(INCOME ~ C(A) + C(B))", "C(A) and C(B)")]
    [InlineData("ols(INCOME ~ C(A) + B)", "C(A) and B")]
    public async Task OwnTermsThatDifferAtOneRecord_GiveNoIncome(string question, string terms)
    {
        var p1 = Csv("A;B;C", i => $"{i % 2};{(i == Target ? 0 : i % 2)};{i / 2 % 2}");
        var seen = await SameAsync(p1, question, [.. new[] { "4321.5", "8765.25" }.Select(target => Csv("INCOME", i => i == Target ? target : Income(i)))]);
        Assert.StartsWith($"below-minimum: {terms} have, or leave out, fewer than 10 records together", seen, StringComparison.Ordinal);
        Assert.StartsWith("(intercept) | ",
            await SeenAsync(p1, Csv("INCOME", Income), question.Replace("B", "C", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    /// <summary>Of two own columns the asking party knows how many have both: what the other's filter or groups leave out of those follows.</summary>
    [Theory]
    [InlineData("ols(X ~ MARK + HALF) where INCOME > 6000", "below-minimum: MARK and HALF have, or leave out, fewer than 10 records together")]
    [InlineData("ols(X ~ C(MARK) + HALF) where INCOME > 6000", "below-minimum: C(MARK) and HALF have, or leave out, fewer than 10 records together")]
    [InlineData("sum(X), cov(MARK, HALF) where INCOME > 6000", "63325 | W\n")]
    [InlineData("sum(X), cov(MARK, HALF) by H", "p | 63325 | W\nq | 89331 | W\n")]
    public async Task TwoOwnMarks_DoNotTellHowManyOfThoseThatHaveBothPass(string question, string expected)
    {
        // Sixty have MARK and half of all HALF; of the thirty with both all but one or two pass, or are in p, of the other thirty of MARK fifteen.
        bool IsMarked(int i) => i < 60;
        var p1 = Csv("MARK;HALF;X", i => $"{(IsMarked(i) ? 1 : 0)};{i % 2};{(i is 21 or 201 ? 500 : i * 97 % 1009)}");
        var seen = await SameAsync(p1, question, [.. new[] { true, false }.Select(target =>
            Csv("INCOME;H", i => (i == 21 ? target : i == 201 ? !target : i != 1 && (i < 60 ? i % 2 == 1 || i % 4 == 0 : i % 3 == 0)) ? "7000;p" : "100;q"))]);
        Assert.StartsWith(expected, seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MarksThatEnoughHaveEverywhere_AreAnswered()
    {
        var (p1, p2) = (Csv("G;TEN;W;X", i => $"{"abc"[i % 3]};{(i < 100 ? 1 : 0)};{1 + (2 * (i / 10 % 2))};{i * 97 % 1009}"),
            Csv("FLAG;V", i => $"{i / 5 % 2};{(i % 4 == 0 ? 0 : (i / 25 % 2) + 1)}"));
        foreach (var question in new[] { "ols(FLAG ~ C(G))", "ols(FLAG ~ TEN + C(G) + X)", "sum(FLAG), cov(TEN, FLAG)",
            "sum(FLAG), mean(FLAG) by G weight W", "sum(TEN), corr(TEN, X) weight V", "ols(FLAG ~ X) weight W" })
        {
            var seen = await SeenAsync(p1, p2, question);
            Assert.DoesNotContain("below-minimum", seen, StringComparison.Ordinal);
            Assert.DoesNotContain("W", seen.Split('\n')[0], StringComparison.Ordinal);
        }
    }

    /// <summary>
    /// Hidden cells of several own groups have enough records together; their sums, in totals that share some of them, would be equations with one solution.
    /// </summary>
    [Theory]
    [InlineData("sum(INCOME), mean(INCOME) by G, DISEASE with totals", "x | ASTHMA | 272837.50 | ")]
    [InlineData("count, sum(INCOME) by G, DISEASE with totals weight W", "x | ASTHMA | 127 | 695849.75")]
    [InlineData("cov(X, INCOME), sd(INCOME) by DISEASE, G with totals", "ASTHMA | x | ")]
    public async Task MeasuresOfTotals_SayNothingOfTheCellsThatAreNotShown(string question, string expected)
    {
        // Seven in each of x, y and z have something rare, and their smallest other group is hidden with them.
        var p1 = Csv("G;X;W", i => $"{"xyz"[i % 3]};{i * 97 % 1009};{1 + (i / 3 % 4)}");
        string Of(int i) => i / 3 < 7 ? "RARE" : i / 3 < 19 ? "FLU" : i / 3 < 50 ? "COLD" : "ASTHMA";
        var seen = await SameAsync(p1, question,
            [.. new[] { "4321.5", "8765.25" }.Select(target => Csv("DISEASE;INCOME", i => $"{Of(i)};{(i == 3 ? target : Income(i))}"))]);
        Assert.StartsWith(expected, seen.Split('\n')[0], StringComparison.Ordinal);

        // Where every cell is shown, so is every total.
        Assert.DoesNotContain(" | W", string.Join('\n',
            (await SeenAsync(p1, Csv("DISEASE;INCOME", i => $"{Of(i).Replace("RARE", "FLU", StringComparison.Ordinal)};{Income(i)}"), question))
                .Split('\n').Where(line => line.Contains("(total)", StringComparison.Ordinal))), StringComparison.Ordinal);
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
        var seen = await SameAsync(p1, question, [.. new[] { ("ASTHMA", "COLD"), ("COLD", "ASTHMA") }.Select(world =>
            Csv("DISEASE;INCOME", i => $"{(i == Target ? world.Item1 : i == 5 ? world.Item2 : IsMarked(i) ? "FLU" : i % 2 == 0 ? "ASTHMA" : "COLD")};4321.5"
            .Replace("4321.5", i is 5 or Target ? "4321.5" : Income(i), StringComparison.Ordinal)))]);
        Assert.StartsWith("ASTHMA | W", seen, StringComparison.Ordinal);
        Assert.Contains("\nFLU | W", seen, StringComparison.Ordinal);
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
            seen.Add(await SeenAsync(p1,
                Csv("INCOME", i => i == Target ? first : i == Target + 20 ? second : i is > Target and < Target + 10 ? "100" : Income(i)), question));
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

    /// <summary>
    /// Of all records the other party's weight lies evenly, and of those that pass its condition nine have nearly all of it: what follows from it is withheld
    /// whatever is asked, and the refusal that would name the column tells nothing of who passes.
    /// </summary>
    [Theory]
    [InlineData("sum(X) by G where T = 'a' weight W", "9000")]
    [InlineData("quantile(X, 0.5, 0 to 100 step 10) by G where T = 'a' weight W", "69.99")]
    [InlineData("sum(W) by G where T = 'a'", "9000")]
    [InlineData("ols(X ~ W) where T = 'a'", "R squared")]
    public async Task AWeightThatFewOfThoseWhoPassHold_IsWithheld(string text, string never)
    {
        var p1 = Csv("G;X", i => $"{(i % 2 == 0 ? "x" : "y")};{i * 37 % 100}");
        static int WeightOf(int i) => i % 3 > 0 ? 1 + (i * 7919 % 2_000_000) : i % 39 == 0 ? 1_000_000 + i : 1 + (i / 6 % 3);
        var seen = await SeenAsync(p1, Csv("T;W", i => $"{(i % 3 == 0 ? "a" : "b")};{WeightOf(i)}"), text);
        Assert.DoesNotContain(never, seen, StringComparison.Ordinal);
        Assert.Matches("W|below-minimum", seen);
        Assert.DoesNotContain("withheld 0", seen, StringComparison.Ordinal);

        // Where the condition leaves an even weight it is answered.
        Assert.DoesNotMatch("\\| W|below-minimum|P2:", await SeenAsync(p1, Csv("T;W", i => $"{(i % 3 == 1 ? "a" : "b")};{WeightOf(i)}"), text));
    }

    /// <summary>A weight of zero counts nobody, whoever has the weights: a group in which only few have another has few records.</summary>
    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 9)]
    [InlineData(false, 1)]
    [InlineData(false, 9)]
    public async Task AGroupOfWhichFewHaveAWeight_IsNotShown(bool isOwn, int few)
    {
        // Ten of S and others have weights, of the hundred in N few.
        string Weight(int i) => i < 100 ? (i < few ? "1" : "0") : $"{1 + (i % 2)}";
        var seen = await SeenAsync(Csv(isOwn ? "REG;W" : "REG", i => $"{(i < 100 ? "N" : "S")}{(isOwn ? ";" + Weight(i) : "")}"),
            Csv(isOwn ? "INCOME" : "INCOME;W", i => $"{Income(i)}{(isOwn ? "" : ";" + (i >= 260 ? "0" : Weight(i)))}"),
            "count, sum(INCOME), mean(INCOME) by REG weight W");
        Assert.StartsWith(isOwn ? "S | 300 | " : "S | 240 | ", seen, StringComparison.Ordinal);
        Assert.Contains("\n(withheld) | W | W | W\n", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("N | ", seen, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("count, sum(INCOME) by G weight W", "P1")]
    [InlineData("count by G weight V where INCOME > 6000", "P2")]
    [InlineData("ols(INCOME ~ W) weight V", "P2")]
    [InlineData("quantile(INCOME, 0.5, 0 to 10000 step 100) weight W where G = 'y'", "P1")]
    public async Task AWeightBelowZero_IsRefusedByWhoeverHasIt_WhateverTheFilter(string question, string party)
    {
        using var run = await MaskedRun.OpenAsync(Csv("G;W", i => $"{"xy"[i % 2]};{(i == Target - 1 ? -1 : 1 + (i % 3))}"),
            Csv("INCOME;V", i => $"{(i == Target ? "1" : Income(i))};{(i == Target ? "-0.5" : "1")}"));
        foreach (var minimum in new[] { 1, 10 })
        {
            var refused = await Assert.ThrowsAsync<QueryException>(() => run.AskAsync(question, minCell: minimum));
            Assert.Equal(QueryException.NegativeWeight, refused.Code);
            Assert.StartsWith($"the weight {(party == "P1" ? "W" : "V")} is below zero in some of {party}'s common records",
                refused.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("1500 to 9500", "- | - | ")]
    [InlineData("500 to 10500", "1000 | 1500 | 2000 | ")]
    public async Task QuantilesOfWeights_DoNotPlaceAPerson(string bins, string shown)
    {
        var p1 = Csv("W", i => i is >= Target and < Target + 11 ? "1000000" : "1");
        Assert.StartsWith(shown, await SameAsync(p1, $"quantile(INCOME, {Ps}, {bins} step 500) weight W",
            [
                .. new[] { 2500, 6500 }.Select(target =>
                    Csv("INCOME", i => i == Target ? $"{target}" : i == 5 ? $"{9000 - target}" : i is > Target and < Target + 11 ? "9100" : Income(i)))
            ]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task QuantilesOfAnOwnColumnByDiagnosis_DoNotCountTheOneBetweenTwoBins()
    {
        // Bins: below 0, [0, 1), [1, 2) with the target alone, [2, 3), 3 and more.
        var p1 = Csv("X", i => i == Target ? "1.5" : (i % 4) switch { 0 => "-5", 1 => "0.5", 2 => "2.5", _ => "9" });
        var seen = await SameAsync(p1, $"quantile(X, {Ps}, 0 to 3 step 1) by DISEASE",
            [.. new[] { Target, Target + 1 }.Select(flu => Csv("DISEASE", i => i is Target or Target + 1 ? (i == flu ? "FLU" : "COLD") : Disease(i)))]);
        Assert.Contains("\nCOLD | - | - | - | 0.1 | 0.25 | 0.4 | ", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quantiles_SmallBins_ArePutTogetherAndTheRestStay()
    {
        // 3 below 0 and in [0, 10) each, then 20 in each bin, 2 above.
        var seen = await SeenAsync(Csv("G", _ => "x", 88), Csv("X",
            i => i < 3 ? "-1" : i < 6 ? "5" : i < 86 ? $"{10 + ((i - 6) / 20 * 10) + (i % 10)}" : "77", 88), "quantile(X, 0.1, 0.5, 0.9, 0 to 50 step 10)");
        // 26 of 88 are in 0 to 20: 8.8/26 of the way; then straight lines in bins of ten, the last with the two above.
        var cells = seen.Split('\n')[0].Split(" | ");
        Assert.Equal(20 * 8.8 / 26, double.Parse(cells[0], CultureInfo.InvariantCulture), 1e-9);
        Assert.Equal(20 + (10 * (44 - 26) / 20.0), double.Parse(cells[1], CultureInfo.InvariantCulture), 1e-9);
        Assert.Equal(40 + (10 * (79.2 - 66) / 22), double.Parse(cells[2], CultureInfo.InvariantCulture), 1e-9);
        Assert.Contains("bins of fewer than 10 records are put together with their neighbours", seen, StringComparison.Ordinal);
        Assert.Contains("off by less than a merged bin", seen, StringComparison.Ordinal);
    }

    /// <summary>
    /// Records beyond the bins that are not few have no place in them: a quantile among them is empty, as without a minimum, and those in the bins are right.
    /// </summary>
    [Theory]
    [InlineData(false, "0.1,0.5,0.9", "25 - -", false)]
    [InlineData(false, "0.1,0.5,0.9", "25 - -", true)]
    [InlineData(true, "0.1,0.5,0.9", "- - 25", false)]
    [InlineData(true, "0.1,0.5,0.9", "- - 25", true)]
    public async Task Quantiles_ManyBeyondTheBins_AreNotDrawnIntoThem(bool below, string probabilities, string expected, bool isOwn)
    {
        // 20 fives, 5 thirties and 100 beyond 50; mirrored, 100 below zero.
        string Of(int i) =>
            ((i < 20, i < 25, below) switch { (true, _, false) => 5, (true, _, true) => 45, (_, true, false) => 30, (_, true, true) => 20, (_, _, false) => 60
                + i, _ => -60 - i }).ToString(CultureInfo.InvariantCulture);
        var (with, without) = (Csv("X", Of, 125), Csv("G", _ => "x", 125));
        var seen = await SeenAsync(isOwn ? with : without, isOwn ? without : with, $"quantile(X, {probabilities}, 0 to 50 step 10)");
        Assert.Equal($"{expected} 125".Replace(" ", " | ", StringComparison.Ordinal), seen.Split('\n')[0]);
        Assert.Contains("or in a bin put together with 10 records or more from there", seen, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(10, 100, "- - -")]
    [InlineData(9, 100, "- - -")]
    [InlineData(100, 9, "- - -")]
    [InlineData(9, 9, "15 30 40")]
    public async Task Quantiles_FewInTheBinsAndManyBeyond_AreEmpty(int below, int above, string expected)
    {
        // Nobody or nine in the bins are with those beyond; with 36 in the bins the few beyond are counted in the outermost.
        var inside = below + above == 18 ? 36 : 5;
        var seen = await SeenAsync(Csv("G", _ => "x", below + above + inside),
            Csv("X", i => i < below ? "-9" : i < below + above ? "99" : $"{20 + (10 * (i % 2))}", below + above + inside),
            "quantile(X, 0.25, 0.5, 0.75, 0 to 50 step 10)");
        Assert.Equal(expected, string.Join(' ', seen.Split('\n')[0].Split(" | ").Take(3)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    public async Task Quantiles_OfOwnBins_AreEmptyBeyondThemByOwnNumbersAlone(int flu)
    {
        // Of twelve own values beyond the bins none or nine have the flu: which is not told.
        var seen = await SeenAsync(Csv("X", i => i < 12 ? "99" : $"{i % 50}"),
            Csv("DISEASE", i => i < 12 ? (i < flu ? "FLU" : "COLD") : i % 2 == 0 ? "FLU" : "COLD"), "quantile(X, 0.1, 0.99, 0 to 50 step 25) by DISEASE");
        Assert.Equal("-", seen.Split('\n').Single(line => line.StartsWith("FLU | ", StringComparison.Ordinal)).Split(" | ")[2]);
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
        var seen = await SameAsync(p1, "sum(INCOME), cov(X, INCOME)",
            [.. new[] { "4321.5", "8765.25" }.Select(target => Csv("INCOME", i => i == Target ? target : Income(i)))]);
        Assert.Contains("records without a value in X are put aside where they are fewer than 10", seen, StringComparison.Ordinal);
        Assert.DoesNotContain(" W", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OwnColumnsWithoutAValueAtDifferentPeople_ArePutAsideUntilNoFewAreLeft()
    {
        // X lacks at 5 of x; Y at those and 8 others of them: without the five it lacks at 8.
        var p1 = Csv("G;X;Y", i => $"{(i < 100 ? "x" : "y")};{(i < 5 ? "" : $"{i * 97 % 1009}")};{(i < 13 ? "" : $"{i * 89 % 1009}")}");
        var seen = await SameAsync(p1, "count, cov(X, INCOME), cov(Y, INCOME) by G",
            [.. new[] { "1", "9999" }.Select(target => Csv("INCOME", i => i < 13 ? target : Income(i)))]);
        Assert.StartsWith("x | 87 | ", seen, StringComparison.Ordinal);
        Assert.Contains("records without a value in X or Y are put aside where they are fewer than 10 of a group of G", seen, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("corr(X, INCOME)")]
    [InlineData("ols(INCOME ~ X)")]
    [InlineData("mean(INCOME) weight X")]
    public async Task OneValueThatHoldsMostOfAColumn_IsRefused(string question)
    {
        var seen = await SameAsync(Csv("X", i => i == Target ? "1100" : $"{(i % 2) + 1}"), question,
            [.. new[] { "4321.5", "8765.25" }.Select(target => Csv("INCOME", i => i == Target ? target : Income(i)))]);
        Assert.StartsWith("P1: one record holds too large a part of all that differs in X, and what is calculated with it would be about it alone",
            seen, StringComparison.Ordinal);
    }

    /// <summary>Of a group of exactly the minimum all but the median hold all that differs: what one of them holds decides.</summary>
    [Theory]
    [InlineData(10)]
    [InlineData(11)]
    [InlineData(20)]
    public async Task AGroupOfTheMinimumOrALittleMore_WithEvenValues_IsAnswered(int records)
    {
        var p1 = Csv("REGION;X;PACKED", i => $"{(i < records ? "a" : "b")};{i};{1L << (i < records ? i : i % 2)}");
        var seen = await SeenAsync(p1, Csv("INCOME", Income), "corr(X, INCOME) by REGION");
        Assert.StartsWith("a | ", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("are put aside", seen, StringComparison.Ordinal);
        Assert.Contains("groups of REGION are put aside",
            await SeenAsync(p1, Csv("INCOME", Income), "corr(PACKED, INCOME) by REGION"), StringComparison.Ordinal);
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
        Assert.Contains("groups of REGION are put aside: SMOKER has one value in all but fewer than 10 records of a group of REGION",
            seen, StringComparison.Ordinal);

        // None is left.
        Assert.StartsWith("P1: SMOKER has one value in all but fewer than 10 records of a group of REGION",
            await SeenAsync(Csv("REGION;SMOKER", i => $"{"abc"[i % 3]};{(i < 12 ? 1 : 0)}"), Csv("INCOME", Income), "corr(SMOKER, INCOME) by REGION"),
            StringComparison.Ordinal);
    }

    /// <summary>The example of docs/disclosure.md.</summary>
    [Fact]
    public async Task OneRareDiagnosis_HidesTheSmallestThatIsShownToo()
    {
        string Of(int i, int rare) => i < rare ? "RARE" : i < 60 ? "FLU" : i < 150 ? "COLD" : "ASTHMA";
        var seen = await SameAsync(Csv("X", i => $"{i}"), "count by DISEASE", [.. new[] { 1, 9 }.Select(rare => Csv("DISEASE", i => Of(i, rare)))]);
        Assert.StartsWith("ASTHMA | 150\nCOLD | 90\n(withheld) | 60\n", seen, StringComparison.Ordinal);
        Assert.Contains("FLU | 60", await SeenAsync(Csv("X", i => $"{i}"), Csv("DISEASE", i => Of(i, 0)), "count by DISEASE"), StringComparison.Ordinal);
        Assert.Contains("COLD | 90\nFLU | 45\n(withheld) | 15", await SeenAsync(Csv("X", i => $"{i}"),
            Csv("DISEASE", i => Of(i, 15).Replace("RARE", i < 8 ? "R1" : "R2", StringComparison.Ordinal)), "count by DISEASE"), StringComparison.Ordinal);
        Assert.Contains("COLD | 90\nFLU | 50\nRARE | 10",
            await SeenAsync(Csv("X", i => $"{i}"), Csv("DISEASE", i => Of(i, 10)), "count by DISEASE"), StringComparison.Ordinal);
    }
}
