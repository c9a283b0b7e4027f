using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Data.Types;

namespace PsiMessaging.Analytics.Tests;

/// <summary>What a party says of its side of a question under a minimum cell size, and which sides are refused.</summary>
public class QuestionRuleTests
{
    private static BoundQuery Bound(string text) =>
        new(Query.Parse(text), new QuerySchema(new Dictionary<string, IReadOnlyList<TypedColumn>>(StringComparer.Ordinal)
    {
        ["P1"] = [new("G", ColumnType.Text), new("T", new ColumnType(ColumnKind.Integer, 9))],
        ["P2"] = [new("H", ColumnType.Text), new("Y", new ColumnType(ColumnKind.Integer, 9))],
    }));

    [Theory]
    [InlineData("count by G, H", new[] { 10, 90 }, "", null)]
    [InlineData("count by G, H", new[] { 9, 90 }, "", "a group of G has fewer than 10 common records; take coarser classes")]
    [InlineData("ols(Y ~ C(G))", new[] { 100 }, "90 9", "a class of G has fewer than 10 records; put it together with another, or leave C(G) out")]
    [InlineData("ols(Y ~ C(G))", new[] { 100 }, "90 0", "a class of G has fewer than 10 records; put it together with another, or leave C(G) out")]
    [InlineData("ols(Y ~ C(G))", new[] { 100 }, "90 10", null)]
    public void Fault_OfGroupsAndClasses(string text, int[] groups, string levels, string? expected) =>
        Assert.Equal(expected, QuestionRule.Fault(new QueryAnnouncement(groups, levels.Length == 0 ? [] : [[.. levels.Split(' ').Select(int.Parse)]], []),
            Bound(text), "P1", 10, isAsker: true));

    [Theory]
    [InlineData(100, 90, 300, true, null)]
    [InlineData(100, 9, 900, true, "one value in all but fewer than 10")]
    [InlineData(100, 0, 0, true, null)]
    [InlineData(100, 0, 0, false, "one value in all but fewer than 10")]
    [InlineData(9, 9, 300, true, "a value in fewer than 10 records")]
    [InlineData(0, 0, 0, true, null)]
    [InlineData(0, 0, 0, false, "a value in fewer than 10 records")]
    [InlineData(100, 90, 998, true, "fewer than 10 records hold nearly all")]
    [InlineData(12, 12, 930, true, null)]
    [InlineData(95, 90, 300, true, "no value in fewer than 10 records")]
    [InlineData(95, 90, 300, false, null)]
    [InlineData(90, 80, 300, true, null)]
    public void Fault_OfAColumn_NamesItAndNoNumber(int records, int different, int largest, bool isAsker, string? expected)
    {
        var fault = QuestionRule.Fault(new QueryAnnouncement([100], [], [new ColumnAnnouncement("T", [new ColumnSpread(records, different, largest)])]),
            Bound("cov(T, Y)"), "P1", 10, isAsker);
        Assert.Equal(expected is null, fault is null);
        if (expected is not null)
        {
            Assert.Contains(expected, fault, StringComparison.Ordinal);
            Assert.Contains("T", fault, StringComparison.Ordinal);
            Assert.DoesNotContain("100", fault, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Malformed_AnnouncementsThatCannotBe()
    {
        var (query, shape) = (Bound("cov(T, Y) by G"), new PartyShape(2, []));
        var spread = new ColumnSpread(50, 40, 500, 100);
        var good = new QueryAnnouncement([50, 50], [], [new ColumnAnnouncement("T", [spread, spread])]);
        string? Of(QueryAnnouncement? announced) => QuestionRule.Malformed(announced, query, "P1", "P2", shape, 100);
        Assert.Null(Of(good));
        Assert.All<QueryAnnouncement?>([
            null, good with { Groups = [50] }, good with { Groups = [50, 51] },
            good with { Groups = [-1, 50] }, good with { Levels = [[1]] }, good with { Columns = [] },
            good with { Columns = [new ColumnAnnouncement("Y", [spread, spread])] }, good with { Columns = [new ColumnAnnouncement("T", [spread])] },
            good with { Columns = [new ColumnAnnouncement("T", [spread, spread with { Records = 51 }])] },
            good with { Columns = [new ColumnAnnouncement("T", [spread, spread with { Different = 51 }])] },
            good with { Columns = [new ColumnAnnouncement("T", [spread, spread with { Largest = 1001 }])] },
            good with { Columns = [new ColumnAnnouncement("T", [spread, spread with { Single = 0 }])] },
            good with { Columns = [new ColumnAnnouncement("T", [spread, spread with { Single = 1001 }])] },
            good with { Columns = [null!] }, good with { Groups = null! }, good with { Columns = [new ColumnAnnouncement("T", null!)] },
        ], announced => Assert.NotNull(Of(announced)));

        // A question about the asking party's own columns alone gives nothing away: there is nothing to announce of them.
        Assert.Null(QuestionRule.Malformed(new QueryAnnouncement([50, 50], [], []), Bound("sum(T) by G"), "P1", "P2", shape, 100));
    }

    /// <summary>
    /// Two layouts of one size whose columns mean different things must not share masks: then other entries would be needed of the same product.
    /// </summary>
    [Fact]
    public void LayoutText_DiffersWithLimbsAndTheirWidths()
    {
        QuerySchema Schema(int x, int y) =>
            new(new Dictionary<string, IReadOnlyList<TypedColumn>>(StringComparer.Ordinal)
            {
                ["P1"] = [new("x", new ColumnType(ColumnKind.Integer, x))],
                ["P2"] = [new("y", new ColumnType(ColumnKind.Integer, y))]
            });
        MaskedPlan Plan(int x, int y) =>
            MaskedPlan.Build(new BoundQuery(Query.Parse("cov(x, y)"), Schema(x, y)), 1000,
                ("P1", new PartyShape(1, [])), ("P2", new PartyShape(1, [])), padTo: 20);
        var (one, other) = (Plan(3, 9), Plan(2, 9));
        Assert.Equal((one.A.PaddedColumns, one.B.PaddedColumns), (other.A.PaddedColumns, other.B.PaddedColumns));
        Assert.NotEqual((one.A.Text, one.B.Text), (other.A.Text, other.B.Text));
        var context = new MaskContext(new byte[32], "q", 1, "P1", "cov(x, y)", 1000, 20, 20, one.A.Text);
        Assert.NotEqual(context.Hash(), (context with { Layout = other.A.Text }).Hash());
    }
}
