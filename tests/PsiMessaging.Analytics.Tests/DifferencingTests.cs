using CsCheck;
using PsiMessaging.Analytics.Differencing;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Analytics.Tests;

/// <summary>When two questions are too close: what the same part is, how groups of records are compared, and what follows of both.</summary>
public class DifferencingTests
{
    private static readonly QuerySchema Schema = new(new Dictionary<string, IReadOnlyList<TypedColumn>>(StringComparer.Ordinal)
    {
        ["P1"] = [new("G", ColumnType.Text), new("T", ColumnType.TryParse("integer(11)")!), new("YEAR", ColumnType.TryParse("integer(11)")!)],
        ["P2"] =
        [
            new("REGION", ColumnType.Text), new("AGE", ColumnType.TryParse("integer(11)")!), new("INCOME", ColumnType.TryParse("decimal(11,2)")!),
        ],
    });

    private static QuestionPart Part(string text, string party) => QuestionPart.Of(new BoundQuery(Query.Parse(text), Schema), party);

    private static AskedSide Asked(string text, params int[] groups) => new(Part(text, "P1"), [.. groups.Order()]);

    [Theory]
    [InlineData("count where AGE > 17", "count where AGE >= 18")]
    [InlineData("count where AGE between 18 and 29", "count where P2.AGE <= 29 and AGE >= 18")]
    [InlineData("count where REGION = 'N'", "mean(INCOME) where REGION in ('N')")]
    [InlineData("count where REGION in ('S', 'N') or AGE < 18", "count where AGE <= 17 or REGION in ('N', 'S', 'N')")]
    [InlineData("count where INCOME > 1000.5", "count where INCOME >= 1000.51")]
    [InlineData("count where not (REGION = 'N')", "count where REGION != 'N'")]
    [InlineData("count where not (not (AGE = 3))", "count where AGE = 3.0")]
    [InlineData("count by AGE in 0-17 as young, 18+ as old", "count by AGE in 0-17, 18+")]
    public void Part_OfTheSame_IsTheSame(string one, string other)
    {
        Assert.True(Part(one, "P2").HasConditionsOf(Part(other, "P2")));
        Assert.True(Part(one, "P2").HasGroupingsOf(Part(other, "P2")));
    }

    [Theory]
    [InlineData("count where AGE > 17", "count where AGE > 18")]
    [InlineData("count where REGION = 'N'", "count where REGION != 'N'")]
    [InlineData("count where REGION is missing", "count where REGION is not missing")]
    [InlineData("count weight AGE", "count")]
    public void Part_OfOthers_Differs(string one, string other) => Assert.False(Part(one, "P2").HasConditionsOf(Part(other, "P2")));

    [Theory]
    [InlineData("count where YEAR = 2019", "count where YEAR = 2020", true)]
    [InlineData("count where YEAR = 2019", "count where YEAR >= 2020", true)]
    [InlineData("count where YEAR < 2020", "count where YEAR between 2020 and 2030", true)]
    [InlineData("count where G = 'a' and T = 1", "count where G in ('b', 'c')", true)]
    [InlineData("count where YEAR is missing", "count where YEAR = 2020", true)]
    [InlineData("count where YEAR <= 2020", "count where YEAR >= 2020", false)]
    [InlineData("count where G in ('a', 'b')", "count where G in ('b', 'c')", false)]
    [InlineData("count where G = 'a'", "count where T = 1", false)]
    [InlineData("count where not (G = 'a')", "count where G = 'b'", false)]
    public void Excludes_WhereNoRecordCanPassBoth(string one, string other, bool expected)
    {
        Assert.Equal(expected, Part(one, "P1").Excludes(Part(other, "P1")));
        Assert.Equal(expected, Part(other, "P1").Excludes(Part(one, "P1")));
    }

    [Fact]
    public void Definition_OfAGroup_IsThatOfTheConditionThatSelectsIt()
    {
        var (grouped, selected) = (new BoundQuery(Query.Parse("count by REGION"), Schema), Part("count where REGION = 'N'", "P2"));
        Assert.Equal(selected.DefinitionOf([]), Part("count by REGION", "P2").DefinitionOf(QuestionPart.MeaningOf(grouped.Groupings[0], "N")));
        var classes = new BoundQuery(Query.Parse("count by AGE in 18-29 as young, 30+"), Schema);
        Assert.Equal(Part("count where AGE >= 18 and AGE < 30", "P2").DefinitionOf([]),
            Part("count", "P2").DefinitionOf(QuestionPart.MeaningOf(classes.Groupings[0], "young")));
    }

    /// <summary>Any two partitions of records of one dataset, with different records common: against sets, pair by pair.</summary>
    [Fact]
    public void Cells_AgainstPlainSets()
    {
        var partition = Gen.Select(Gen.Int[0, 4], Gen.Int[-1, 4].Array[30], Gen.Bool.Array[30], (groups, of, isCommon) => (groups, of, isCommon));
        Gen.Select(partition, partition, Gen.Int[1, 6], Gen.Bool, Gen.Bool).Sample((one, other, minimum, hasTotals, isSame) =>
        {
            var common = isSame ? one.isCommon : other.isCommon;
            var (left, right) = (CellsOf(one.groups, one.of, one.isCommon), CellsOf(other.groups, other.of, common));
            var pairs = new List<(int, int)>();
            for (int row = 0, a = 0, b = 0; row < 30; row++)
            {
                if (one.isCommon[row] || common[row])
                {
                    pairs.Add((one.isCommon[row] ? a++ : -1, common[row] ? b++ : -1));
                }
            }

            var expected = CellRelation.Apart;
            var (sets, others) = (SetsOf(one.groups, one.of, one.isCommon), SetsOf(other.groups, other.of, common));
            foreach (var (set, definition) in sets)
            {
                foreach (var (rest, otherwise) in others)
                {
                    var apart = Apart(set, rest);
                    expected |= set.Count < minimum || rest.Count < minimum || apart >= minimum ? CellRelation.Apart
                        : apart > 0 ? CellRelation.FewApart : definition == otherwise ? CellRelation.Same : CellRelation.Equal;
                }
            }

            expected |= NearestOf(sets, others) | NearestOf(others, sets);
            var (all, rests) = (sets.SelectMany(entry => entry.Set).ToHashSet(), others.SelectMany(entry => entry.Set).ToHashSet());
            if (all.Count >= minimum && rests.Count >= minimum && Apart(all, rests) < minimum)
            {
                expected |= hasTotals && Apart(all, rests) > 0 ? CellRelation.FewApart : CellRelation.Same;
            }

            // Every group against every choice of groups.
            CellRelation NearestOf(List<(HashSet<int> Set, int Definition)> these, List<(HashSet<int> Set, int Definition)> those)
            {
                var (found, large) = (CellRelation.Apart, those.Where(entry => entry.Set.Count > 0).ToArray());
                foreach (var (set, _) in these.Where(entry => entry.Set.Count >= minimum))
                {
                    var best = Enumerable.Range(1, (1 << large.Length) - 1).Select(choice =>
                        (Choice: choice, Apart: Apart(set, large.Where((_, i) => (choice & (1 << i)) != 0).SelectMany(entry => entry.Set).ToHashSet())))
                        .OrderBy(entry => entry.Apart).ThenBy(entry => int.PopCount(entry.Choice)).FirstOrDefault((0, minimum));
                    found |= best.Item2 >= minimum ? CellRelation.Apart : best.Item2 == 0 ? CellRelation.Same
                        : best.Item1 == (1 << large.Length) - 1 && !hasTotals ? CellRelation.Same : CellRelation.FewApart;
                }

                return found;
            }

            Assert.Equal(expected, CellComparison.Of(left, right, minimum, isSame ? null : pairs, hasTotals));
        });

        static int Apart(HashSet<int> one, HashSet<int> other) => one.Except(other).Count() + other.Except(one).Count();
        static int GroupOf(int groups, int cell) => cell >= groups ? -1 : cell;
        static RecordCells CellsOf(int groups, int[] of, bool[] isCommon) => RecordCells.From(
            [.. Enumerable.Range(0, groups).Select(group => ((ulong)group, (ulong)group))],
            [.. of.Where((_, row) => isCommon[row]).Select(cell => GroupOf(groups, cell))]);
        static List<(HashSet<int> Set, int Definition)> SetsOf(int groups, int[] of, bool[] isCommon)
        {
            int[] rows = [.. Enumerable.Range(0, 30).Where(row => isCommon[row] && GroupOf(groups, of[row]) >= 0)];
            return [.. Enumerable.Range(0, groups).Select(group => (rows.Where(row => of[row] == group).ToHashSet(), group))];
        }
    }

    /// <summary>A line that nobody has drawn: a place lies in one province, and that no record is elsewhere is no wonder.</summary>
    [Fact]
    public void Cells_OfValuesAsTheyAre_MayBeTheSame_AndOfClassesMayNot()
    {
        int[] rows = [.. Enumerable.Repeat(0, 20)];
        RecordCells Of(ulong definition, ulong chosen) => RecordCells.From([(definition, chosen)], rows);
        Assert.Equal(CellRelation.Same, CellComparison.Of(Of(1, 9), Of(2, 9), 10, null, hasTotals: true));
        Assert.Equal(CellRelation.Same, CellComparison.Of(Of(1, 8), Of(1, 9), 10, null, hasTotals: true));
        Assert.Equal(CellRelation.Same | CellRelation.Equal, CellComparison.Of(Of(1, 8), Of(2, 9), 10, null, hasTotals: true));
    }

    [Theory]
    [InlineData(new[] { 50L }, new[] { 50L }, false)]
    [InlineData(new[] { 50L }, new[] { 51L }, true)]
    [InlineData(new[] { 50L }, new[] { 59L }, true)]
    [InlineData(new[] { 50L }, new[] { 60L }, false)]
    // Nobody between, and none beyond.
    [InlineData(new[] { 200L }, new[] { 300L }, true)]
    [InlineData(new[] { 2000L }, new[] { 3000L }, false)]
    [InlineData(new[] { 0L, 50L }, new[] { 5L, 70L }, false)]
    public void Lines_WithFewBetween_AreNear(long[] one, long[] other, bool expected) => Assert.Equal(expected, LineComparison.AnyNear(
        [.. Enumerable.Range(0, 100).Select(i => (long)i), .. Enumerable.Repeat(1000L, 20)], one, other, 10));

    [Fact]
    public void Lines_OfConditionsAndClasses_AreOfUnits()
    {
        var lines = Part("count by AGE in 0-17, 18-64 where INCOME > 10.5 or not (INCOME <= 3 and REGION = 'N')", "P2").Lines;
        Assert.Equal([0, 18, 65], lines["AGE"]);
        Assert.Equal([301, 1051], lines["INCOME"]);
        Assert.Empty(Part("histogram(AGE, 0 to 100 step 10) where P2.AGE = 3", "P2").Lines);
    }

    [Theory]
    // The same records, whatever is computed and however they are grouped.
    [InlineData("mean(INCOME) by G", new[] { 300, 300 }, "sum(INCOME) by G", new[] { 300, 300 }, AskerRelation.Same)]
    [InlineData("mean(INCOME) by G", new[] { 300, 300 }, "mean(INCOME) by G, YEAR", new[] { 100, 200, 100, 200 }, AskerRelation.Same)]
    // One person is put aside.
    [InlineData("sum(INCOME) by G", new[] { 300, 300 }, "sum(INCOME) by T, G", new[] { 299, 300 }, AskerRelation.Close)]
    // Conditions of one column that exclude each other are of other records, however many.
    [InlineData("sum(INCOME) where YEAR = 2019", new[] { 300 }, "sum(INCOME) where YEAR = 2020", new[] { 300 }, AskerRelation.Apart)]
    [InlineData("sum(INCOME) where YEAR = 2019", new[] { 300 }, "sum(INCOME) where T = 1", new[] { 300 }, AskerRelation.Close)]
    [InlineData("sum(INCOME) where YEAR = 2019", new[] { 300 }, "sum(INCOME) where T = 1", new[] { 291 }, AskerRelation.Close)]
    [InlineData("sum(INCOME) where YEAR = 2019", new[] { 300 }, "sum(INCOME) where T = 1", new[] { 290 }, AskerRelation.Apart)]
    // A group may be what a condition selects.
    [InlineData("sum(INCOME) by T", new[] { 300, 600 }, "sum(INCOME) where G = 'a'", new[] { 299 }, AskerRelation.MayCoincide)]
    public void Asker_InOneSession(string one, int[] groups, string other, int[] others, AskerRelation expected) =>
        Assert.Equal(expected, DifferencingRule.OfAsker(Asked(one, groups), Asked(other, others), 10, isSameSession: true));

    [Theory]
    [InlineData("sum(INCOME) by T", new[] { 40, 860 }, "sum(INCOME) by T", new[] { 40, 860 }, AskerRelation.Same)]
    [InlineData("sum(INCOME) by T", new[] { 40, 860 }, "sum(INCOME) by T", new[] { 39, 861 }, AskerRelation.Close)]
    [InlineData("sum(INCOME) by T", new[] { 40, 860 }, "sum(INCOME) by YEAR", new[] { 39, 861 }, AskerRelation.Close)]
    [InlineData("sum(INCOME) by T", new[] { 40, 860 }, "sum(INCOME) by YEAR", new[] { 400, 500 }, AskerRelation.Same)]
    [InlineData("sum(INCOME) where YEAR = 2019", new[] { 300 }, "sum(INCOME) where YEAR = 2020", new[] { 301 }, AskerRelation.Close)]
    public void Asker_OverTwoSessions_MayHaveOtherData(string one, int[] groups, string other, int[] others, AskerRelation expected) =>
        Assert.Equal(expected, DifferencingRule.OfAsker(Asked(one, groups), Asked(other, others), 10, isSameSession: false));

    [Theory]
    [InlineData(AskerRelation.Same, CellRelation.Same, false)]
    [InlineData(AskerRelation.Same, CellRelation.Apart, false)]
    [InlineData(AskerRelation.Same, CellRelation.FewApart, true)]
    [InlineData(AskerRelation.Same, CellRelation.Equal, true)]
    [InlineData(AskerRelation.Close, CellRelation.Same, true)]
    [InlineData(AskerRelation.Close, CellRelation.Apart, false)]
    [InlineData(AskerRelation.MayCoincide, CellRelation.Same, false)]
    [InlineData(AskerRelation.MayCoincide, CellRelation.Same | CellRelation.FewApart, true)]
    [InlineData(AskerRelation.Apart, CellRelation.FewApart, false)]
    public void TooClose_OnlyWhereBothSidesAreNear(AskerRelation asker, CellRelation own, bool expected) =>
        Assert.Equal(expected, DifferencingRule.IsTooClose(asker, own));
}
