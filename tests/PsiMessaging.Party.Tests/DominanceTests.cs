using System.Globalization;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Questions;
using PsiMessaging.Party.Rows;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>Sums that P2's owner holds to rules of concentration, over the wire: what of P2's large firms P1 gets.</summary>
public class DominanceTests
{
    private const string Text = "count, sum(TURNOVER), sum(STAFF) by AREA, KIND";
    private const int Large = 11;

    /// <summary>Small shops with one that is large, among firms of all sizes.</summary>
    private static long TurnoverOf(int i) => KindOf(i) == "A" ? 1000 + (i * 7919 % 20_000) : i == Large ? 9_000 : 10 + (i % 30);

    private static string AreaOf(int i) => "NS"[i % 2].ToString();

    private static string KindOf(int i) => i / 2 % 3 == 2 ? "SHOP" : "A";

    private static string People => "IDKEY;AREA;W\n" + string.Concat(Enumerable.Range(0, 60).Select(i => $"K{i};{AreaOf(i)};{1 + (i / 4 % 3)}\n"));

    private static string Firms => "IDKEY;KIND;TURNOVER;STAFF\n" + string.Concat(Enumerable.Range(0, 60)
        .Select(i => string.Create(CultureInfo.InvariantCulture, $"K{i};{KindOf(i)};{TurnoverOf(i)};{1 + (i * 7 % 50)}\n")));

    private static async Task<(TestNetwork Network, string Session)> ReadyAsync(PolicyDominance? dominance, int minCell = 4)
    {
        var network = new TestNetwork();
        await network.AddDataAsync(People, Firms, minCell: minCell);
        network.Start();
        var (session, other) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        Assert.Null(session.FailureReason);
        var policy = PartyPolicy.Open;
        (dominance is null ? policy : policy with { Dominance = new Dictionary<string, PolicyDominance> { [other.Dataset!] = dominance } })
            .Write(network.P2.Home.Path);
        await network.SendRowsAsync(session.Id);
        return (network, session.Id);
    }

    private static async Task<string[]> LinesAsync(TestNetwork network, string session, string text = Text)
    {
        var reply = await network.P1.CommandAsync(session, new SubmitQuery(session, text));
        Assert.True(reply.Ok, reply.Message);
        return reply.Result!.Lines();
    }

    /// <summary>The table in the clear; W where the large firm's kind has it dominate.</summary>
    private static string[] Plain(bool isHeld) =>
        [.. from area in new[] { "N", "S" } from kind in new[] { "A", "SHOP" }
            let cell = Enumerable.Range(0, 60).Where(i => AreaOf(i) == area && KindOf(i) == kind).ToArray()
            select $"{area}|{kind}|{cell.Length}|{(isHeld && kind == KindOf(Large) ? "" : cell.Sum(TurnoverOf))}|{cell.Sum(i => 1 + (i * 7 % 50))}"];

    [Theory]
    [InlineData(10, null)]
    [InlineData(null, "(1,75)")]
    [InlineData(5, "(2,85) (1,90)")]
    public async Task LargeFirm_ItsKindsSumsAreWithheld_AndNothingElse(int? p, string? nk)
    {
        var (network, session) = await ReadyAsync(new PolicyDominance { P = p, Nk = nk, Columns = ["TURNOVER"] });
        await using (network)
        {
            Assert.Equal(Plain(isHeld: true), await LinesAsync(network, session));

            // The same for the mean; counts and another's sums are as they were.
            Assert.Equal("SHOP|", (await LinesAsync(network, session, "mean(TURNOVER) by KIND"))[1]);
            var weighted = await network.P1.CommandAsync(session, new SubmitQuery(session, "sum(TURNOVER) by KIND weight W"));
            Assert.Equal(FailureCodes.EngineCannot, weighted.Code);
            Assert.Contains("how much a record weighs by W it cannot know", weighted.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task NoRules_OrOfAnotherColumn_EverythingIsShown()
    {
        foreach (var rules in new[] { null, new PolicyDominance { P = 10, Columns = ["STAFF"] } })
        {
            var (network, session) = await ReadyAsync(rules);
            await using (network)
            {
                Assert.Equal(Plain(isHeld: false), await LinesAsync(network, session));
            }
        }
    }

    /// <summary>Its numbers are its owner's: P1 is told which columns, and of p, k and the large firm nothing stands in what it keeps.</summary>
    [Fact]
    public async Task ThresholdsStayWithTheirOwner()
    {
        var (network, session) = await ReadyAsync(new PolicyDominance { P = 13 });
        await using (network)
        {
            await LinesAsync(network, session, "sum(TURNOVER) by KIND");
            var asked = network.P1.Engine!.Store.Read(state => state.ListDocuments("query")).Select(entry => entry.Document).ToArray();
            Assert.All(asked, document => Assert.DoesNotContain("least", document, StringComparison.OrdinalIgnoreCase));
            Assert.NotEmpty(asked);
        }
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("P1")]
    [InlineData("P2")]
    [InlineData("LINKER")]
    public async Task KilledAtAnyWriteOfTheQuestion_TheSameIsWithheld(string victimName)
    {
        var (network, session) = await ReadyAsync(new PolicyDominance { P = 10, Columns = ["TURNOVER"] });
        await using (network)
        {
            await KilledAtAnyWrite.OfAQuestionAsync(network, session, victimName, Text, 5, (_, answer) => Assert.Equal(Plain(isHeld: true), answer.Lines()));
        }
    }

    [Fact]
    public async Task EngineTokens_IsRefused()
    {
        var network = new TestNetwork();
        await using (network)
        {
            await network.AddDataAsync(People, Firms, minCell: 4);
            (PartyPolicy.Open with { Dominance = new Dictionary<string, PolicyDominance> { ["bi"] = new() { P = 10 } } }).Write(network.P2.Home.Path);
            network.Start();
            var reply = await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh", engine: "tokens"));
            await network.P1.WaitAsync(session => session.Id == reply.SessionId && session.IsEnded);
            Assert.Contains(
                "rules for answers about this dataset that engine tokens does not keep", network.P1.Session()!.FailureReason, StringComparison.Ordinal);
        }
    }
}
