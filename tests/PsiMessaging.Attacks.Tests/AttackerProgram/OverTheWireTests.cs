using System.Text.Json;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Attacks.Tests.AttackerProgram.Attacks;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Policy;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests.AttackerProgram;

/// <summary>That an attacker of real participants sees what the attacker program does: the same questions, the same answers to the last byte.</summary>
public class OverTheWireTests
{
    private static Attack[] Attacks =>
    [
        new OneTable(), new LeftOver(), new LinkedTables(), new TwoSteps(), new MarksAsGroups(), new Bisection(), new PowersOfTwo("LONG"),
        new PowersOfTwo("PACKED"), new UnitMark(), new TotalsOfTables(), new FarApart(), new RefusalsAsAnswers(), new MissingValues(),
    ];

    [Theory]
    [InlineData(4, true, HistoryRule.Guard)]
    [InlineData(5, true, HistoryRule.Once)]
    [InlineData(6, false, HistoryRule.Guard)]
    public async Task AttacksOfRealParticipants_SeeTheSame(int seed, bool isBound, HistoryRule history)
    {
        var session = new RandomSession(seed, 150);
        var rules = (history == HistoryRule.Once ? Rules.All : Rules.Guarded) & ~(isBound ? Rules.None : Rules.BoundOnly);
        using var desk = await Desk.OpenAsync(session, rules);
        foreach (var attack in Attacks)
        {
            await attack.RunAsync(desk);
        }

        await using var network = new TestNetwork();
        await network.AddDataAsync(session.Asker("IDKEY"), session.Other("IDKEY"), minCell: RandomSession.Minimum);
        new PartyPolicy
        {
            Version = 1, Partners = new Dictionary<string, IReadOnlyList<PolicyGrant>>
            {
                ["P1"] = [PolicyGrant.Everything with { Engines = ["masked"], BoundOnly = isBound, History = history }],
            },
        }.Write(network.P2.Home.Path);
        network.Start();
        var (real, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: "masked"));
        Assert.Equal((null, RandomSession.Minimum), (real.FailureReason, real.MinCell));
        await network.SendRowsAsync(real.Id);
        foreach (var (text, seen) in desk.Seen)
        {
            var reply = await network.P1.CommandAsync(real.Id, new SubmitQuery(real.Id, text));
            Assert.True(reply.Ok == seen.Answer is not null, $"{text}: {reply.Code} {reply.Message} {seen.Refused}");
            Assert.Equal(seen.Refused == QueryException.TooClose, reply.Code == QueryException.TooClose);
            if (reply.Ok)
            {
                Assert.Equal(JsonSerializer.Serialize(seen.Answer), JsonSerializer.Serialize(reply.Result!.Answer));
            }
        }

        Assert.Contains(desk.Seen, seen => seen.Reply.Answer is not null);
        Assert.Contains(desk.Seen, seen => seen.Reply.Refused is not null);
    }
}
