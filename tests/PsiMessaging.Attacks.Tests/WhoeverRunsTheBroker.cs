using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Store;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests;

/// <summary>Keeps every frame that ever passed and sends it again when it likes.</summary>
public class WhoeverRunsTheBroker
{
    /// <summary>A command or a proposal of a session that was forgotten opened it once more: an intersection that nobody asked for.</summary>
    [Fact]
    public async Task ReplaysCommandAndProposalOfAForgottenSession_NothingBegins()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var id = new string('c', 32);
        var command = Envelope.Create(network.P1.Home, "P1", null, TestNetwork.Propose(protocol: "ecdh"), correlation: id).Frame.ToArray();
        network.Inject(network.P1, command);
        await network.P1.WaitAsync(session => session.IsEnded);
        await network.P2.WaitAsync(session => session.IsEnded);
        var proposal = network.Wire.Single(envelope => envelope.Message is ProposeSession).Frame.ToArray();
        foreach (var party in new[] { network.P1, network.P2 })
        {
            party.Engine!.Store.Write(transaction => transaction.DeleteSession(id));
        }

        var sent = network.Wire.Count;
        network.Inject(network.P1, command);
        network.Inject(network.P2, proposal);
        network.Inject(network.P2, Envelope.Create(network.P1.Home, "P2", id, new AbortSession(id, FailureCodes.Cancelled, "")).Frame.ToArray());
        await network.P1.CommandBarrierAsync();
        await network.P2.CommandBarrierAsync();
        Assert.Null(network.P1.Session());
        Assert.Null(network.P2.Session());
        Assert.Equal(sent, network.Wire.Count);
    }
}
