using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Questions.History;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests.Policy;

/// <summary>
/// The history of what a party contributed to, and what is held against it: series of questions that people ask, the records of it in the state, kills. Who
/// asks two questions for their difference is in Attacks.Tests, DifferencingAsker.
/// </summary>
public class HistoryTests
{
    private const int Common = 600;

    /// <summary>P1's: three years of as many people, sexes and ages of four classes; MONTH is the same as YEAR for all but three.</summary>
    private static string People(int rows = Common) => "IDKEY;YEAR;SEX;AGE;MONTH\n" + string.Concat(Enumerable.Range(0, rows).Select(i =>
        $"id-{i};{2019 + (i % 3)};{"FM"[i / 3 % 2]};{20 + (i / 6 % 40)};{2019 + (i is 3 or 6 or 9 ? 1 : i % 3)}\n"));

    /// <summary>P2's: four regions, places in them, and what people earn.</summary>
    private static string Firms(int rows = Common) => "IDKEY;REGION;PLACE;INCOME;KIND;RARE\n" + string.Concat(Enumerable.Range(0, rows).Select(i =>
        $"id-{i};{"NSEW"[i % 4]};p{i % 8};{1000 + (i * 37 % 601)};{"abc"[i / 12 % 3]};{(i < 3 ? 1 : 0)}\n"));

    private static PartyPolicy Granting(PolicyGrant grant) =>
        new() { Version = 1, Partners = new Dictionary<string, IReadOnlyList<PolicyGrant>> { ["P1"] = [grant] } };

    private static async Task<(TestNetwork Network, string Session)> ReadyAsync(PolicyGrant? grant = null, TimeProvider? time = null, int minCell = 10)
    {
        var network = new TestNetwork(time);
        await network.AddDataAsync(People(), Firms(), minCell: minCell);
        Granting(grant ?? PolicyGrant.Everything).Write(network.P2.Home.Path);
        network.Start();
        var (session, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        Assert.Null(session.FailureReason);
        await network.SendRowsAsync(session.Id);
        return (network, session.Id);
    }

    private static Task<TestReply> AskAsync(TestNetwork network, string session, string text) =>
        network.P1.CommandAsync(session, new SubmitQuery(session, text));

    private static QuestionHistory HistoryAtP2(TestNetwork network, string session) => network.P2.Engine!.Store.Read(state =>
        HistoryBook.Of(state, new HistoryKey("P1", network.P2.Session()!.DatasetHash!, HistoryRole.Peers)));

    /// <summary>Series that people ask, one after the other in one session: all are answered.</summary>
    [Fact]
    public async Task SeriesThatPeopleAsk_GoThrough()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            foreach (var text in new[]
            {
                // The same again, and other measures of the same.
                "count, mean(INCOME) by REGION", "count, mean(INCOME) by REGION", "sd(INCOME) by REGION", "mean(INCOME)",
                // Finer and coarser, with other groupings of either party.
                "mean(INCOME) by REGION, PLACE", "mean(INCOME) by PLACE", "mean(INCOME) by SEX", "mean(INCOME) by SEX, YEAR", "mean(INCOME) by YEAR, REGION",
                "mean(INCOME) by AGE in 20-29, 30-39, 40-49, 50-59", "mean(INCOME) by AGE in 20-39, 40-59",
                "mean(INCOME) by REGION in ('N', 'S') as A, ('E', 'W') as B",
                // One year after the other, as many people in each; one region after the other.
                "mean(INCOME) by SEX where YEAR = 2019", "mean(INCOME) by SEX where YEAR = 2020", "mean(INCOME) by SEX where YEAR = 2021",
                "mean(INCOME) by SEX where REGION = 'N'", "mean(INCOME) by SEX where REGION = 'S'", "mean(INCOME) where REGION in ('E')",
                // Classes and thresholds that are far from each other, down into a part.
                "mean(INCOME) by INCOME in ..1299, 1300+", "mean(INCOME) by INCOME in ..1199, 1200-1299, 1300-1399, 1400+", "mean(INCOME) where INCOME >= 1200",
                "mean(INCOME) where REGION = 'N' and INCOME >= 1300", "mean(INCOME) where YEAR = 2019 and SEX = 'F'",
                "mean(INCOME) where YEAR = 2019 and AGE < 30",
                // Models and quantiles.
                "ols(INCOME ~ AGE + C(SEX))", "quantile(INCOME, 0.5, 1000 to 1700 step 100) by SEX", "chisq(SEX, REGION)", "chisq(SEX, KIND)",
            })
            {
                var reply = await AskAsync(network, session, text);
                Assert.True(reply.Ok, $"{text}: {reply.Message}");
            }
        }
    }

    [Fact]
    public async Task TooClose_IsRefusedWithWhichAndWhatToDo_AndIsInTheLog()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            var first = await AskAsync(network, session, "mean(INCOME) where YEAR = 2019");
            Assert.True(first.Ok, first.Message);
            var refused = await AskAsync(network, session, "mean(INCOME) where MONTH = 2019");
            Assert.Equal(FailureCodes.TooClose, refused.Code);
            Assert.Matches($"^it is too close to question {first.Result!.QueryId[..8]} of [0-9-]{{10}} [0-9:]{{5}} UTC: the difference of the two "
                + "answers may be about none or fewer than 10 records; ask the earlier one again in its own words, or take classes and "
                + "conditions that differ in more$", refused.Message);

            // The other party says the same where the own worker does not look.
            network.P1.Engine!.Store.Write(state => state.ListDocuments("history").Count(entry => state.DeleteDocument("history", entry.Id)));
            var told = await AskAsync(network, session, "mean(INCOME) where MONTH = 2019");
            Assert.Equal((FailureCodes.TooClose, $"P2: {refused.Message}"), (told.Code, told.Message));
            var log = network.P2.Engine!.Store.Read(state => state.ListAudit(0, 1000)).Select(entry => entry.Entry).ToArray();
            Assert.Single(log, text => text.Contains("history-refused", StringComparison.Ordinal)
                && text.Contains(first.Result.QueryId, StringComparison.Ordinal));
            Assert.Single(log, text => text.Contains("peer-asked", StringComparison.Ordinal) && text.Contains(FailureCodes.TooClose, StringComparison.Ordinal));

            // A question that was refused counts for nothing.
            Assert.Single(HistoryAtP2(network, session).Entries);
            Assert.True((await AskAsync(network, session, "mean(INCOME) where YEAR = 2019")).Ok);
        }
    }

    /// <summary>Both sides must be near: another region's people are others, whoever the asker has taken out.</summary>
    [Fact]
    public async Task NearOnOneSideAlone_IsAnswered()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            Assert.True((await AskAsync(network, session, "mean(INCOME) where YEAR = 2019 and REGION = 'N'")).Ok);
            Assert.True((await AskAsync(network, session, "mean(INCOME) where MONTH = 2019 and REGION = 'S'")).Ok);
            Assert.True((await AskAsync(network, session, "count by KIND where MONTH = 2019")).Ok);
            Assert.Equal(FailureCodes.TooClose, (await AskAsync(network, session, "mean(INCOME) where MONTH = 2019 and REGION = 'N'")).Code);
        }
    }

    [Fact]
    public async Task QuestionAboutTheAskersOwnColumns_IsOfNoInterest()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            Assert.True((await AskAsync(network, session, "count where YEAR = 2019")).Ok);
            Assert.True((await AskAsync(network, session, "count where MONTH = 2019")).Ok);
            Assert.Empty(HistoryAtP2(network, session).Entries);
        }
    }

    [Theory]
    [InlineData(HistoryRule.Off, 10)]
    [InlineData(HistoryRule.Guard, 1)]
    public async Task Off_OrUnderAMinimumOfOne_NothingIsKept(HistoryRule rule, int minCell)
    {
        var (network, session) = await ReadyAsync(PolicyGrant.Everything with { History = rule, Engines = ["masked"] }, minCell: minCell);
        await using (network)
        {
            Assert.True((await AskAsync(network, session, "mean(INCOME) where YEAR = 2019")).Ok);
            Assert.True((await AskAsync(network, session, "mean(INCOME) where MONTH = 2019")).Ok);
            Assert.Empty(HistoryAtP2(network, session).Entries);
            Assert.Empty(network.P1.Engine!.Store.Read(state => state.ListDocuments("history")));
        }
    }

    /// <summary>Each column serves for one table: other measures of the same go through, and whatever else is refused, in another session too.</summary>
    [Fact]
    public async Task Once_OtherMeasuresOfATableGoThrough_AndNoOtherTable()
    {
        var (network, session) = await ReadyAsync(PolicyGrant.Everything with { History = HistoryRule.Once, Engines = ["masked"] });
        await using (network)
        {
            var first = await AskAsync(network, session, "count by REGION where YEAR = 2019");
            Assert.True(first.Ok, first.Message);
            Assert.True((await AskAsync(network, session, "mean(INCOME) by REGION where YEAR = 2019 with totals")).Ok);
            Assert.StartsWith("Refused, since each column serves for one table alone: question ",
                Assert.Single(await ExplainAsync(network, "mean(INCOME) by REGION, PLACE where YEAR = 2019", HistoryRule.Once),
                    line => line.Contains("count by", StringComparison.Ordinal)), StringComparison.Ordinal);
            Assert.Equal(["2 earlier questions of P1 count, and none made another table of its columns."],
                await ExplainAsync(network, "sd(INCOME) by REGION where YEAR = 2019", HistoryRule.Once));
            foreach (var other in new[]
            {
                "count by REGION", "mean(INCOME) where YEAR = 2019", "count by REGION where SEX = 'F'", "count by SEX, REGION where YEAR = 2019",
            })
            {
                var refused = await AskAsync(network, session, other);
                Assert.Equal((other, FailureCodes.TooClose), (other, refused.Code));
                Assert.StartsWith("P2: each column of this dataset serves for one table alone, and question ", refused.Message, StringComparison.Ordinal);
            }

            // Of other records, as the asking party's own conditions have it.
            var apart = await AskAsync(network, session, "count by REGION where YEAR = 2020");
            Assert.True(apart.Ok, apart.Message);
        }
    }

    /// <summary>
    /// Of a worker that is taken to be changed no second question about a column, be it the same again: which rows it sends nobody sees, and two of the same
    /// words with a person in one of them differ by that person.
    /// </summary>
    [Fact]
    public async Task OnceAndBoundOnly_NoSecondQuestionAboutAColumn()
    {
        var (network, session) = await ReadyAsync(PolicyGrant.Everything with { History = HistoryRule.Once, BoundOnly = true, Engines = ["masked"] });
        await using (network)
        {
            Assert.True((await AskAsync(network, session, "count by REGION where YEAR = 2019")).Ok);
            foreach (var other in new[]
            {
                "count by REGION where YEAR = 2019", "count by REGION where YEAR = 2020", "mean(INCOME) by REGION where YEAR = 2019",
            })
            {
                var refused = await AskAsync(network, session, other);
                Assert.Equal((other, FailureCodes.TooClose), (other, refused.Code));
                Assert.Contains("serves for one question alone", refused.Message, StringComparison.Ordinal);
            }

            Assert.True((await AskAsync(network, session, "count by KIND where YEAR = 2019")).Ok);
        }
    }

    /// <summary>A refusal that says something of the own records is in the history as an answer is; one that says something of the asker's is not.</summary>
    [Fact]
    public async Task RefusedForTheOwnRecords_CountsAsAnAnswer()
    {
        var (network, session) = await ReadyAsync(PolicyGrant.Everything with { History = HistoryRule.Once, Engines = ["masked"] });
        await using (network)
        {
            var refused = await AskAsync(network, session, "sum(RARE)");
            Assert.Equal(FailureCodes.BelowMinimum, refused.Code);
            Assert.Equal("sum(RARE)", Assert.Single(HistoryAtP2(network, session).Entries).Text);
            Assert.Equal(FailureCodes.TooClose, (await AskAsync(network, session, "sum(RARE) where REGION = 'N'")).Code);
            Assert.Equal(FailureCodes.BelowMinimum, (await AskAsync(network, session, "sum(RARE)")).Code);
            Assert.True((await AskAsync(network, session, "count by KIND")).Ok);
            Assert.Equal(3, HistoryAtP2(network, session).Entries.Count);
        }
    }

    /// <summary>A question counts for as long as its owner says, and in whatever session.</summary>
    [Fact]
    public async Task HistoryDays_AQuestionCountsNoLonger_AndItsPartsGo()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new DateTimeOffset(2027, 1, 1, 0, 0, 0, TimeSpan.Zero))
        {
            AutoAdvanceAmount = TimeSpan.FromMilliseconds(1),
        };
        var (network, session) = await ReadyAsync(PolicyGrant.Everything with { HistoryDays = 30 }, time);
        await using (network)
        {
            Assert.True((await AskAsync(network, session, "mean(INCOME) where INCOME >= 1300")).Ok);
            Assert.Equal(FailureCodes.TooClose, (await AskAsync(network, session, "mean(INCOME) where INCOME >= 1301")).Code);
            time.AdjustTime(time.GetUtcNow() + TimeSpan.FromDays(31));
            Assert.True((await AskAsync(network, session, "mean(INCOME) where INCOME >= 1301")).Ok);
            var history = HistoryAtP2(network, session);
            Assert.Equal("mean(INCOME) where INCOME >= 1301", Assert.Single(history.Entries).Text);
            Assert.Equal(2, history.Sizes.Count);
            Assert.Equal(2, network.P2.Engine!.Store.Read(state => state.ListDocuments("history-part").Count));
        }
    }

    /// <summary>None is forgotten before its time: where there is no room for more, no more is answered.</summary>
    [Fact]
    public async Task Full_TheNextQuestionIsRefused()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            Assert.True((await AskAsync(network, session, "mean(INCOME)")).Ok);
            var (id, document) = Assert.Single(network.P2.Engine!.Store.Read(state => state.ListDocuments("history")));
            var entry = document[(document.IndexOf('[', StringComparison.Ordinal) + 1)..(document.IndexOf("],\"sizes\"", StringComparison.Ordinal))];
            ParticipantStoreExtensions.Write(network.P2.Engine.Store, state => state.PutDocument("history", id,
                document.Replace(entry, string.Join(',', Enumerable.Repeat(entry, HistoryGuard.MostQuestions)), StringComparison.Ordinal)));
            var refused = await AskAsync(network, session, "mean(INCOME) by REGION");
            Assert.Equal(FailureCodes.OverBudget, refused.Code);
            Assert.Contains("keeps no more", refused.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>What <c>psi policy explain</c> says, from the state and the home alone.</summary>
    [Fact]
    public async Task Explain_SaysWhatTheGuardWould()
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            Assert.Equal(["No earlier question of P1 counts against it."], await ExplainAsync("mean(INCOME)"));
            var first = await AskAsync(network, session, "mean(INCOME) where YEAR = 2019 and INCOME >= 1300");
            Assert.True(first.Ok, first.Message);
            var name = $"question {first.Result!.QueryId[..8]} of ";
            Assert.StartsWith($"Refused as too close to {name}", Assert.Single(await ExplainAsync("mean(INCOME) where YEAR = 2019 and INCOME > 1300")),
                StringComparison.Ordinal);
            Assert.StartsWith("Refused where P1's part of it leaves from 191 to 209 records, by question",
                Assert.Single(await ExplainAsync("mean(INCOME) where MONTH = 2019 and INCOME >= 1300")), StringComparison.Ordinal);
            Assert.Equal(["1 earlier question of P1 count, and none is near on this party's side."], await ExplainAsync("mean(INCOME) where INCOME >= 1500"));
            Assert.Equal(["1 earlier question of P1 count, and none is near on this party's side."],
                await ExplainAsync("mean(INCOME) where YEAR = 2020 and INCOME > 1300"));
            Assert.Contains("not held", Assert.Single(await ExplainAsync("mean(INCOME)", HistoryRule.Off)), StringComparison.Ordinal);
            Assert.Contains("cannot be held", Assert.Single(await ExplainAsync("mean(NOTHING)")), StringComparison.Ordinal);
        }

        Task<IReadOnlyList<string>> ExplainAsync(string text, HistoryRule rule = HistoryRule.Guard) => HistoryTests.ExplainAsync(network, text, rule);
    }

    private static Task<IReadOnlyList<string>> ExplainAsync(TestNetwork network, string text, HistoryRule rule) => HistoryExplanation.OfAsync(network.P2.Home,
        network.P2.Engine!.Store, new Datasets.DatasetCatalog(network.P2.Home, network.P2.Engine.Store, TimeProvider.System).Resolve(null), "P1",
        Analytics.Queries.Query.Parse(text), PolicyGrant.Everything with { History = rule }, TimeProvider.System.GetUtcNow());

    /// <summary>Whoever is killed, at whatever write: each question that was answered stands in the history once.</summary>
    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("P1")]
    [InlineData("P2")]
    public async Task KilledAtAnyWriteOfTheQuestion_ItIsInTheHistoryOnce(string victimName)
    {
        var (network, session) = await ReadyAsync();
        await using (network)
        {
            await KilledAtAnyWrite.OfAQuestionAsync(network, session, victimName, "mean(INCOME) by REGION", 4, (k, answer) =>
            {
                var history = HistoryAtP2(network, session).Entries;
                Assert.Equal(k, history.Count);
                Assert.Equal(answer.QueryId, history[^1].Query);
                Assert.Equal(k, history.Select(entry => entry.Query).Distinct().Count());
            });
            Assert.Equal(2, HistoryAtP2(network, session).Sizes.Count);
        }
    }
}
