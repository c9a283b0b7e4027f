using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Party.Session;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests;

/// <summary>The party of a one-sided session that learns nothing, and would like to know how much is common from when it hears of the other.</summary>
public sealed class CuriousOneSidedPeer
{
    /// <summary>
    /// A report that cannot be is looked at when the other has compared, so the time of its refusal tells how long that took. Whoever alone learns the result
    /// says nothing any more after its own report, whatever comes.
    /// </summary>
    [Theory]
    [InlineData("ecdh", "initiator")]
    [InlineData("ecdh", "responder")]
    [InlineData("rsa", "initiator")]
    [InlineData("vole", "initiator")]
    [InlineData("vole", "responder")]
    public async Task AnswersWithAReportThatCannotBe_ToTimeTheComparisonByItsRefusal(string protocol, string reveal)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        var (learner, attacker) = reveal == "initiator" ? (network.P1, network.P2) : (network.P2, network.P1);
        network.Bend = envelope => envelope.Message is CompleteSession report && envelope.Header.From == attacker.Home.Name
            ? [Envelope.Create(attacker.Home, learner.Home.Name, report.SessionId, report with { IntersectionSize = 7 }).Frame.ToArray()]
            : [envelope.Frame.ToArray()];
        network.Start();
        await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: protocol, reveal: reveal));
        var session = await learner.WaitAsync(session => session.IsEnded);
        Assert.Equal((SessionState.Failed, FailureCodes.ResultMismatch), (session.State, session.FailureCode));
        await TestNetwork.EventuallyAsync(() =>
        {
            using var store = new SqliteParticipantStore(learner.Home.StatePath);
            return store.Read(transaction => transaction.CountOutgoing(session.Id)) == 0;
        });
        var heard = network.Wire.Where(envelope => envelope.Header.From == learner.Home.Name && envelope.Header.To == attacker.Home.Name)
            .Select(envelope => envelope.Message.GetType().Name).ToArray();
        Assert.True(heard[^1] == nameof(CompleteSession),
            $"after its report the learner also said: {string.Join(", ", heard.SkipWhile(name => name != nameof(CompleteSession)).Skip(1))}");
        Assert.Single(heard, nameof(CompleteSession));
    }
}
