using PsiMessaging.Analytics.Queries;
using PsiMessaging.Party.Policy;

namespace PsiMessaging.Party.Tests.Policy;

/// <summary>What a policy grants, from what it says alone.</summary>
public class PolicyRulesTests
{
    private static readonly DateTimeOffset Noon = new(2026, 6, 15, 12, 0, 0, TimeSpan.Zero);
    private static readonly SessionRequest Asked = new("P2", "people", "ecdh", "both", "masked", 5000, 10);

    private static string WhyNot(PolicyGrant grant, SessionRequest request, DateTimeOffset? now = null)
    {
        var policy = new PartyPolicy { Version = 1, Partners = new Dictionary<string, IReadOnlyList<PolicyGrant>> { ["P2"] = [grant] } };
        return PolicyRules.GrantFor(policy, request, now ?? Noon) is (null, var why) ? why : "granted";
    }

    private static readonly PolicyGrant People = new() { Datasets = ["people"], LeastSet = 1000, MostSet = 10_000, MinCell = 10 };

    [Fact]
    public void GrantFor_WithinAllItsBounds_IsGranted_AndNothingElseIs()
    {
        Assert.Equal("granted", WhyNot(People, Asked));
        Assert.Equal("the dataset other is not granted to P2", WhyNot(People, Asked with { Dataset = "other" }));
        Assert.Equal("the protocol vole is not granted to P2", WhyNot(People, Asked with { Protocol = "vole" }));
        Assert.Equal("a session that reveals initiator is not granted to P2", WhyNot(People, Asked with { Reveal = "initiator" }));
        Assert.Equal("the engine tokens is not granted to P2", WhyNot(People, Asked with { Engine = "tokens" }));
        Assert.Equal("P2's set has 999 identifiers, and 1,000 are the least", WhyNot(People, Asked with { SetSize = 999 }));
        Assert.Equal("P2's set has 10,001 identifiers, and 10,000 are the most", WhyNot(People, Asked with { SetSize = 10_001 }));
        Assert.Equal("the session's minimum cell size would be 9, and 10 is the least", WhyNot(People, Asked with { MinCell = 9 }));
        Assert.Equal("nothing is granted to P3", WhyNot(People, Asked with { Partner = "P3" }));
    }

    [Fact]
    public void Cover_SameTerms_FromHalfToTwiceTheSet_AndNoSmallerMinimum()
    {
        Assert.True(ApprovedTerms.Cover(Asked, Asked));
        Assert.True(ApprovedTerms.Cover(Asked, Asked with { SetSize = 2500, MinCell = 11 }));
        Assert.True(ApprovedTerms.Cover(Asked, Asked with { SetSize = 10_000 }));
        Assert.True(ApprovedTerms.Cover(Asked with { SetSize = int.MaxValue }, Asked with { SetSize = int.MaxValue }));
        foreach (var other in new[]
        {
            Asked with { SetSize = 2499 }, Asked with { SetSize = 10_001 }, Asked with { MinCell = 9 }, Asked with { Partner = "P3" },
            Asked with { Dataset = "other" }, Asked with { Protocol = "rsa" }, Asked with { Reveal = "initiator" }, Asked with { Engine = "tokens" },
        })
        {
            Assert.False(ApprovedTerms.Cover(Asked, other));
        }
    }

    /// <summary>Hours are for a session to begin in; a last day is for its questions too.</summary>
    [Fact]
    public void GrantOf_OutsideItsHours_HoldsForQuestions_AndAfterItsLastDayDoesNot()
    {
        var day = new PartyPolicy
        {
            Version = 1,
            Partners = new Dictionary<string, IReadOnlyList<PolicyGrant>>
            {
                ["P2"] = [People with { Hours = "13:00-14:00", Until = new DateOnly(2026, 6, 15) }],
            },
        };
        Assert.Null(PolicyRules.GrantFor(day, Asked, Noon).Grant);
        Assert.NotNull(PolicyRules.GrantOf(day, Asked, Noon));
        Assert.Null(PolicyRules.GrantOf(day, Asked, Noon.AddDays(1)));
    }

    [Theory]
    [InlineData("2026-06-15T07:59:59Z", false)]
    [InlineData("2026-06-15T08:00:00Z", true)]
    [InlineData("2026-06-15T17:59:59Z", true)]
    [InlineData("2026-06-15T18:00:00Z", false)]
    [InlineData("2026-06-15T10:00:00+02:00", true)]
    [InlineData("2026-06-15T09:59:00+02:00", false)]
    [InlineData("2026-06-17T12:00:00Z", false)]
    public void GrantFor_InItsHoursAndUntilItsLastDay(string now, bool granted) => Assert.Equal(granted,
        WhyNot(People with { Hours = "08:00-18:00", Until = new DateOnly(2026, 6, 16) }, Asked,
            DateTimeOffset.Parse(now, System.Globalization.CultureInfo.InvariantCulture)) == "granted");

    [Fact]
    public void FaultOf_EachUseNeedsItsOwnGrant_AndNeverGoesFirst()
    {
        var policy = PartyPolicy.Default with { Never = new Dictionary<string, IReadOnlyList<string>> { ["people"] = ["STREET"] } };
        var columns = new PolicyColumns { GroupBy = ["*"], Measure = ["TAX"], Filter = ["SEX"], Never = ["NAME"] };
        string? Of(string column, ColumnUse use) => PolicyRules.FaultOf(policy, columns, "people", [(column, use)]);
        Assert.Null(Of("SEX", ColumnUse.GroupBy));
        Assert.Null(Of("TAX", ColumnUse.Measure));
        Assert.Null(Of("SEX", ColumnUse.Filter));
        Assert.Equal("the column SEX may not be calculated with", Of("SEX", ColumnUse.Measure));
        Assert.Equal("the column TAX may not stand in a condition", Of("TAX", ColumnUse.Filter));
        Assert.Equal("the column NAME may not be used in any question", Of("NAME", ColumnUse.GroupBy));
        Assert.Equal("the column STREET may not be used in any question", Of("STREET", ColumnUse.GroupBy));
        Assert.Null(PolicyRules.FaultOf(policy, columns, "other", [("STREET", ColumnUse.GroupBy)]));
    }

    /// <summary>Every place of a question that names a column is a use: one that was forgotten would be a way around the policy.</summary>
    [Theory]
    [InlineData("A, B", "A:GroupBy B:GroupBy")]
    [InlineData("mean(C) by A where B = 'x' weight D", "A:GroupBy B:Filter C:Measure D:Measure")]
    [InlineData("count where A = 'x' or not (B in ('y') and C is missing)", "A:Filter B:Filter C:Filter")]
    [InlineData("corr(C, D)", "C:Measure D:Measure")]
    [InlineData("chisq(A, B)", "A:GroupBy B:GroupBy")]
    [InlineData("ols(C ~ D + C(A))", "A:GroupBy C:Measure D:Measure")]
    [InlineData("quantile(C, 0.5, 0 to 100 step 10) by A", "A:GroupBy C:GroupBy")]
    [InlineData("histogram(C, 0 to 100 step 10)", "C:GroupBy")]
    public void UsesOf_NamesEveryColumn(string question, string uses) => Assert.Equal(uses,
        string.Join(' ', PolicyRules.UsesOf(Query.Parse(question)).Select(use => $"{use.Column}:{use.Use}").Order(StringComparer.Ordinal)));

    [Fact]
    public void Never_WithAStar_IsEveryColumn()
    {
        var columns = new PolicyColumns { GroupBy = ["*"] };
        Assert.NotNull(PolicyRules.FaultOf(PartyPolicy.Default, columns with { Never = ["*"] }, "people", [("A", ColumnUse.GroupBy)]));
        foreach (var (dataset, column) in new[] { ("people", "*"), ("*", "A"), ("*", "*") })
        {
            var policy = PartyPolicy.Default with { Never = new Dictionary<string, IReadOnlyList<string>> { [dataset] = [column] } };
            Assert.NotNull(PolicyRules.FaultOf(policy, columns, "people", [("A", ColumnUse.GroupBy)]));
            Assert.True(PolicyRules.IsNever(policy, "people", "A"));
        }
    }

    /// <summary>Whatever a person sees of what is approved is part of its id.</summary>
    [Fact]
    public void Approval_OfAnythingElse_HasAnotherId()
    {
        var terms = new SessionRequest("P2", "people", "ecdh", "both", "masked", 5, 3) { Linker = "L", Security = "semi-honest" };
        var session = new Approval { Session = new string('1', 32), Partner = "P2", Terms = terms, Why = "", AskedAt = Noon, DeadlineAt = Noon };
        var question = session with { Terms = null, Query = new string('1', 32), Question = "A" };
        string[] ids =
        [
            session.Id, question.Id, (question with { Question = "B" }).Id, (question with { Query = new string('2', 32) }).Id,
            .. new[]
            {
                terms with { Linker = "M" }, terms with { Security = "malicious" }, terms with { Reuse = true }, terms with { SetSize = 6 },
                terms with { MinCell = 4 }, terms with { Reveal = "size" },
            }.Select(other => (session with { Terms = other }).Id),
        ];
        Assert.Equal(ids.Length, ids.Distinct().Count());
        Assert.Equal(session.Id, (session with { Why = "x", State = ApprovalState.Approved }).Id);
        Assert.False(ApprovedTerms.Cover(terms, terms with { Linker = "M" }));
        Assert.True(ApprovedTerms.Cover(terms, terms with { SetSize = 6 }));
    }

    [Fact]
    public void ByTheirSets_CountsSetsOfNearlyTheSameSize_OfTheSameDatasetAndMonth()
    {
        byte[] one = [1], other = [2];
        var usage = new Usage
        {
            Sessions =
            [
                new(Noon - TimeSpan.FromDays(31), "people", 5000, other), new(Noon - TimeSpan.FromDays(2), "people", 5004, other),
                new(Noon - TimeSpan.FromDays(1), "people", 5006, other), new(Noon, "people", 5000, one), new(Noon, "other", 5000, other),
            ],
        };
        Assert.Equal((1, 2, 1), usage.ByTheirSets("people", 5000, one, Noon));
        Assert.Equal((3, 3, 0), usage.ByTheirSets("people", 5001, null, Noon));
        Assert.Equal((0, 3, 0), usage.ByTheirSets("people", 9000, null, Noon));
    }
}
