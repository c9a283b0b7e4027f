using System.Globalization;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Policy;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests;

/// <summary>
/// A party that asks two questions which differ by one person, with columns made for it, to read that person's value from the difference. Each attack gives
/// the value where the other party holds no question against those before it, and is refused where it does.
/// </summary>
public class DifferencingAsker
{
    private const int Minimum = 10;
    private const int Common = 900;
    /// <summary>The person: its row.</summary>
    private const int Target = 417;
    /// <summary>What it earns, which only P2 knows.</summary>
    private const int Earns = 1613;
    private const string TooClose = "too-close";

    /// <summary>Others' incomes: all different, none of them the target's.</summary>
    private static int Income(int i) => i == Target ? Earns : 1000 + (i * 97 % 907 * 2);

    /// <summary>
    /// P1's columns: G of thirds, T one at the target, ONE one at forty people, the target among them, TWO at the same without it, LONE at ten others and the
    /// target.
    /// </summary>
    private static string Asker(Func<int, bool>? isThere = null, Func<int, bool>? one = null) => "IDKEY;G;T;ONE;TWO\n"
        + string.Concat(Enumerable.Range(0, Common).Where(i => isThere?.Invoke(i) ?? true).Select(i =>
            $"id-{i};{"ABC"[i / 3 % 3]};{Mark(i == Target)};{Mark(one?.Invoke(i) ?? IsOne(i))};{Mark(IsOne(i) && i != Target)}\n"));

    private static bool IsOne(int i) => i % 22 == Target % 22;

    private static int Mark(bool holds) => holds ? 1 : 0;

    private static string Other() => "IDKEY;INCOME;SEX\n" + string.Concat(Enumerable.Range(0, Common).Select(i => $"id-{i};{Income(i)};{"FM"[i % 2]}\n"));

    private static Task<TestNetwork> NetworkAsync(bool isGuarded) => NetworkAsync(isGuarded ? HistoryRule.Guard : HistoryRule.Off);

    private static async Task<TestNetwork> NetworkAsync(HistoryRule rule, string? asker = null, string? other = null)
    {
        var network = new TestNetwork();
        await network.AddDataAsync(asker ?? Asker(), other ?? Other(), minCell: Minimum);
        new PartyPolicy
        {
            Version = 1, Partners = new Dictionary<string, IReadOnlyList<PolicyGrant>>
            {
                ["P1"] = [PolicyGrant.Everything with { History = rule, Engines = ["masked"] }],
            },
        }.Write(network.P2.Home.Path);
        network.Start();
        return network;
    }

    private static async Task<string> SessionAsync(TestNetwork network, string dataset = "istat")
    {
        var reply = await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh", engine: "masked") with { Dataset = dataset });
        await network.P1.WaitAsync(session => session.Id == reply.SessionId && session.IsEnded);
        await network.P2.WaitAsync(session => session.Id == reply.SessionId && session.IsEnded);
        foreach (var party in new[] { network.P1, network.P2 })
        {
            await party.CommandAsync(reply.SessionId, new SendDataset(reply.SessionId!));
        }

        await network.P1.WaitAsync(session => session.Id == reply.SessionId && TestNetwork.AllRegistered(session));
        await network.P2.WaitAsync(session => session.Id == reply.SessionId && TestNetwork.AllRegistered(session));
        return reply.SessionId!;
    }

    private static Task<TestReply> AskAsync(TestNetwork network, string session, string text) =>
        network.P1.CommandAsync(session, new SubmitQuery(session, text));

    /// <summary>The number behind a label of an answer with one measure.</summary>
    private static decimal Number(TestReply reply, params string[] labels)
    {
        Assert.True(reply.Ok, reply.Message);
        var row = Assert.Single(reply.Result!.Answer.Rows, row => row.Take(labels.Length).Select(cell => cell.Text).SequenceEqual(labels));
        return decimal.Parse(row[labels.Length].Text!, CultureInfo.InvariantCulture);
    }

    /// <summary>The same answer with the guard off, and none with it on.</summary>
    private static async Task ReadsIncomeOnlyUnguardedAsync(
        Func<TestNetwork, Task<(TestReply First, TestReply Second)>> ask, Func<TestReply, TestReply, decimal> read)
    {
        await using (var open = await NetworkAsync(isGuarded: false))
        {
            var (first, second) = await ask(open);
            Assert.Equal(Earns, read(first, second));
        }

        await using var network = await NetworkAsync(isGuarded: true);
        var (answered, refused) = await ask(network);
        Assert.True(answered.Ok, answered.Message);
        Assert.Equal((false, TooClose), (refused.Ok, refused.Code));
    }

    private static async Task<(TestReply, TestReply)> BothAsync(TestNetwork network, string first, string second, bool forgets = false)
    {
        var session = await SessionAsync(network);
        var one = await AskAsync(network, session, first);
        if (forgets)
        {
            Forget(network);
        }

        return (one, await AskAsync(network, session, second));
    }

    /// <summary>The asking party takes away what its own worker would hold its questions against: what is left is what the other party can see.</summary>
    private static void Forget(TestNetwork network) => network.P1.Engine!.Store.Write(state =>
    {
        foreach (var (id, _) in state.ListDocuments("history"))
        {
            state.DeleteDocument("history", id);
        }

        return true;
    });

    private static string GroupOfTarget => "ABC"[Target / 3 % 3].ToString();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PutsThePersonAside_WithNoConditionAtAll(bool forgets) => await ReadsIncomeOnlyUnguardedAsync(
        network => BothAsync(network, "sum(INCOME) by G", "sum(INCOME) by T, G", forgets),
        (all, without) => Number(all, GroupOfTarget) - Number(without, "0", GroupOfTarget));

    [Theory]
    [InlineData("sum(INCOME) where ONE = 1", "sum(INCOME) where TWO = 1", false)]
    [InlineData("sum(INCOME) where ONE = 1", "sum(INCOME) where TWO = 1", true)]
    [InlineData("sum(INCOME)", "sum(INCOME) where T = 0", false)]
    [InlineData("sum(INCOME)", "sum(INCOME) where T = 0", true)]
    [InlineData("sum(INCOME) where ONE = 1", "sum(INCOME) where ONE = 1 and not (T = 1)", true)]
    public async Task HasTwoMarksThatDifferInThePerson_AsConditions(string first, string second, bool forgets) => await ReadsIncomeOnlyUnguardedAsync(
        network => BothAsync(network, first, second, forgets), (with, without) => Number(with) - Number(without));

    [Theory]
    [InlineData("sum(INCOME) by ONE", "sum(INCOME) by TWO", true, true)]
    [InlineData("sum(INCOME) by ONE", "sum(INCOME) where TWO = 1", true, false)]
    [InlineData("sum(INCOME) where ONE = 1", "sum(INCOME) by G, TWO", false, false)]
    public async Task HasTwoMarksThatDifferInThePerson_AsGroups_ItsOwnWorkerRefuses(string first, string second, bool isFirstGrouped, bool isSecondGrouped) =>
        await ReadsIncomeOnlyUnguardedAsync(network => BothAsync(network, first, second), (with, without) =>
            (isFirstGrouped ? Number(with, "1") : Number(with)) - (isSecondGrouped ? Number(without, "1")
                : second.Contains("by G", StringComparison.Ordinal) ? "ABC".Sum(group => Number(without, group.ToString(), "1")) : Number(without)));

    /// <summary>
    /// What the other party cannot see: that a group is another one less a person, where the totals are the same. An asking party that has taken away its own
    /// worker's history has the value.
    /// </summary>
    [Fact]
    public async Task HasTwoMarksAsGroups_AndAWorkerThatForgets_StillReadsIt()
    {
        await using var network = await NetworkAsync(isGuarded: true);
        var (with, without) = await BothAsync(network, "sum(INCOME) by ONE", "sum(INCOME) by TWO", forgets: true);
        Assert.Equal(Earns, Number(with, "1") - Number(without, "1"));
    }

    /// <summary>And not where each column of the other's serves for one table: sizes do not matter then.</summary>
    [Fact]
    public async Task HasTwoMarksAsGroups_AndAWorkerThatForgets_WhereAColumnServesOnce_IsRefused()
    {
        await using var network = await NetworkAsync(HistoryRule.Once);
        var (with, without) = await BothAsync(network, "sum(INCOME) by ONE", "sum(INCOME) by TWO", forgets: true);
        Assert.Equal((true, false, TooClose), (with.Ok, without.Ok, without.Code));
    }

    /// <summary>
    /// No two groups of these are near, and each table keeps to the minimum; what they leave of each other is two people. The guard does not see it; where each
    /// column serves for one table it is refused, whichever comes first.
    /// </summary>
    [Theory]
    [InlineData(HistoryRule.Guard, false)]
    [InlineData(HistoryRule.Once, false)]
    [InlineData(HistoryRule.Once, true)]
    public async Task AsksByFinerGroupsToo_AndSubtractsWhatIsShownOfThem(HistoryRule rule, bool isFinerFirst)
    {
        // Of the ward A 12 have it, of B 2.
        static string Has(int i) => (i / 2, i % 2) switch { ( < 12, 0) or ( < 2, 1) => "RARE", ( < 42, _) => "FLU", _ => "COLD" };
        await using var network = await NetworkAsync(rule, "IDKEY;WARD\n" + string.Concat(Enumerable.Range(0, 200).Select(i => $"id-{i};{"AB"[i % 2]}\n")),
            "IDKEY;DISEASE\n" + string.Concat(Enumerable.Range(0, 200).Select(i => $"id-{i};{Has(i)}\n")));
        string[] texts = ["count by DISEASE", "count by WARD, DISEASE"];
        var (first, second) = await BothAsync(network, texts[isFinerFirst ? 1 : 0], texts[isFinerFirst ? 0 : 1]);
        Assert.True(first.Ok, first.Message);
        if (rule == HistoryRule.Once)
        {
            Assert.Equal(TooClose, second.Code);
            return;
        }

        Assert.DoesNotContain(second.Result!.Answer.Rows, row => row[0].Text == "B" && row[1].Text == "RARE");
        Assert.Equal(2, Number(first, "RARE") - Number(second, "A", "RARE"));
    }

    /// <summary>Halves the range of what the person may earn: it passes the threshold where the counts with and without it differ.</summary>
    [Fact]
    public async Task BisectsThePersonsIncomeByThresholds()
    {
        await using (var open = await NetworkAsync(isGuarded: false))
        {
            var session = await SessionAsync(open);
            var (low, high) = (1000, 2999);
            while (low < high)
            {
                var middle = (low + high + 1) / 2;
                var counts = new List<decimal>();
                foreach (var mark in new[] { "ONE", "TWO" })
                {
                    var reply = await AskAsync(open, session, $"count by {mark} where INCOME >= {middle}");
                    Assert.True(reply.Ok, reply.Message);
                    counts.Add(reply.Result!.Answer.Rows.FirstOrDefault(row => row[0].Text == "1") is { } row
                        ? decimal.Parse(row[1].Text!, CultureInfo.InvariantCulture) : -1);
                }

                // Where nothing is shown of the forty it is at either end; a person in the middle of the range is not.
                Assert.DoesNotContain(-1, counts.Where((_, _) => middle is > 1500 and < 1700));
                (low, high) = counts[0] > counts[1] || middle < 1500 ? (middle, high) : (low, middle - 1);
            }

            Assert.Equal(Earns, low);
        }

        await using var network = await NetworkAsync(isGuarded: true);
        var (first, second) = await BothAsync(network, "count by ONE where INCOME >= 1600", "count by TWO where INCOME >= 1600");
        Assert.True(first.Ok, first.Message);
        Assert.Equal(TooClose, second.Code);
    }

    /// <summary>Moves a threshold, or the ends of a class, past one person: what it earns is the difference of two sums.</summary>
    [Theory]
    [InlineData("sum(INCOME) where INCOME >= 1613", "sum(INCOME) where INCOME > 1613")]
    [InlineData("sum(INCOME) where INCOME >= 1613", "sum(INCOME) where not (INCOME <= 1613)")]
    [InlineData("sum(INCOME) where SEX = 'M' and INCOME >= 1613", "sum(INCOME) where INCOME > 1613 and SEX = 'M'")]
    public async Task MovesAThresholdPastOneRecord(string first, string second) => await ReadsIncomeOnlyUnguardedAsync(
        network => BothAsync(network, first, second), (with, without) => Number(with) - Number(without));

    [Fact]
    public async Task MovesTheEndsOfAClassPastOneRecord() => await ReadsIncomeOnlyUnguardedAsync(
        network => BothAsync(network, "sum(INCOME) by INCOME in ..1612, 1613+", "sum(INCOME) by INCOME in ..1613, 1614+"),
        (with, without) => Number(with, "1613+") - Number(without, "1614+"));

    /// <summary>The sum of two classes of one question, against a condition of another.</summary>
    [Fact]
    public async Task AddsUpClasses_ToAThresholdThatIsPastOneRecord() => await ReadsIncomeOnlyUnguardedAsync(
        network => BothAsync(network, "sum(INCOME) by INCOME in ..1612 as L, 1613..2000 as M, 2001+ as H", "sum(INCOME) where INCOME > 1613"),
        (with, without) => Number(with, "M") + Number(with, "H") - Number(without));

    /// <summary>A refusal tells nothing of what lies between: nobody and one person give the same words.</summary>
    [Fact]
    public async Task MovesAThresholdByOne_AndCannotTellNobodyFromOnePerson()
    {
        var seen = new List<string>();
        foreach (var (first, second) in new[] { (1613, 1614), (1615, 1616) })
        {
            await using var network = await NetworkAsync(isGuarded: true);
            Assert.Equal(first == 1613, Enumerable.Range(0, Common).Any(i => Income(i) == first));
            var (answered, refused) = await BothAsync(network, $"sum(INCOME) where INCOME >= {first}", $"sum(INCOME) where INCOME >= {second}");
            Assert.True(answered.Ok, answered.Message);
            seen.Add($"{refused.Code}: {refused.Message!.Replace(answered.Result!.QueryId[..8], "ID", StringComparison.Ordinal)[..60]}");
        }

        Assert.Equal(seen[0], seen[1]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AsksTheSecondQuestionInAnotherSession(bool forgets) => await ReadsIncomeOnlyUnguardedAsync(async network =>
    {
        var first = await AskAsync(network, await SessionAsync(network), "sum(INCOME) where ONE = 1");
        if (forgets)
        {
            Forget(network);
        }

        return (first, await AskAsync(network, await SessionAsync(network), "sum(INCOME) where TWO = 1"));
    }, (with, without) => Number(with) - Number(without));

    /// <summary>The same words over other data: the person is in the group, and then it is not; or it is common, and then it is not.</summary>
    [Theory]
    [InlineData("sum(INCOME) by ONE", true)]
    [InlineData("sum(INCOME) where ONE = 1", true)]
    [InlineData("sum(INCOME)", false)]
    public async Task AddsItsDataAgainWithoutThePerson(string text, bool isMarkTaken) => await ReadsIncomeOnlyUnguardedAsync(async network =>
    {
        await network.P1.AddAsync("again", network.P1.Home.Path + "-again.csv", File(network, isMarkTaken), minCell: Minimum);
        var first = await AskAsync(network, await SessionAsync(network), text);
        return (first, await AskAsync(network, await SessionAsync(network, "again"), text));
    }, (with, without) => text.Contains("by", StringComparison.Ordinal) ? Number(with, "1") - Number(without, "1") : Number(with) - Number(without));

    private static Data.Keys.DuplicateRule File(TestNetwork network, bool isMarkTaken)
    {
        System.IO.File.WriteAllText(network.P1.Home.Path + "-again.csv",
            isMarkTaken ? Asker(one: i => IsOne(i) && i != Target) : Asker(isThere: i => i != Target));
        return Data.Keys.DuplicateRule.Reject;
    }

    /// <summary>The other party's guard holds over a restart: it is on disk.</summary>
    [Fact]
    public async Task WaitsForARestart_AndIsRefusedStill()
    {
        await using var network = await NetworkAsync(isGuarded: true);
        var session = await SessionAsync(network);
        Assert.True((await AskAsync(network, session, "sum(INCOME) where INCOME >= 1613")).Ok);
        await network.P2.RestartAsync();
        Assert.Equal(TooClose, (await AskAsync(network, session, "sum(INCOME) where INCOME > 1613")).Code);
    }
}
