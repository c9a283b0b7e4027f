using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Audit;
using PsiMessaging.Party.Session;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests;

/// <summary>Whole jobs, and what stands in the three participants' audit logs after them.</summary>
public class AuditedJobTests
{
    [Theory]
    [InlineData("tokens")]
    [InlineData("masked")]
    public async Task WholeJob_LogsOfAllThree_AgreeAndKnowOfOneAnother(string engine)
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        var (p1, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", engine: engine));
        await network.SendRowsAsync(p1.Id);
        await AskAsync(network, network.P1, p1.Id, "CLASSE_ETA, CLASSE_REDDITO");
        await AskAsync(network, network.P2, p1.Id, "CLASSE_REDDITO");
        await AskAsync(network, network.P1, p1.Id, "CLASSE_ETA");
        await network.SettleAsync();

        var logs = Logs(network, null);
        foreach (var compared in new[] { logs, Logs(network, p1.Id), [logs[0], logs[1]], [logs[2], logs[0]] })
        {
            var result = Reconciliation.Of(compared);
            Assert.Empty(result.Faults);
            Assert.All(result.Facts, fact => Assert.True(fact.Agrees, fact.What));
        }

        var all = Reconciliation.Of(logs);

        // Of each log the others know at least what it says of the last question it had to do with: for a party the one that it asked last.
        var last = logs.Select((log, i) => log.Records.Last(record => i == 2 ? record.Text("asker") is not null : record.Event == "query-asked").Number);
        Assert.All(all.Logs.Zip(last), pair => Assert.True(pair.First.Witnessed >= pair.Second, $"{pair.First.Name}: {pair.First.Witnessed} < {pair.Second}"));
        Assert.Equal(["2", "2", "2"], Said(all, "questions of P1"));
        Assert.Equal(["10", "10"], Said(all, "set size of P1"));
        Assert.Equal(["4", "4"], Said(all, "in common"));
        Assert.Equal(["4", "4"], Said(all, "rows of P2"));
    }

    [Fact]
    public async Task WholeJob_WhenTheOtherRefuses_BothSayByWhom()
    {
        await using var network = new TestNetwork(configure: config => config with { AcceptOneSided = false });
        await network.AddDataAsync();
        network.Start();
        var (p1, _) = await network.IntersectAsync(TestNetwork.Propose(protocol: "ecdh", reveal: "initiator"));
        await network.SettleAsync();
        Assert.Equal(SessionState.Failed, p1.State);
        foreach (var log in Logs(network, p1.Id)[..2])
        {
            var refusal = Assert.Single(log.Records, record => record.Event == "session-refused");
            Assert.Equal(("P2", FailureCodes.Unsupported), (refusal.Text("by"), refusal.Text("code")));
        }
    }

    /// <summary>A partner that sends without end what it may not leaves one entry a minute.</summary>
    [Fact]
    public async Task RefusedFrames_OfAPinnedPartner_AreOneEntryAMinute()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var network = new TestNetwork(time);
        network.Start();
        foreach (var count in new[] { 5, 1 })
        {
            for (var i = 0; i < count; i++)
            {
                network.Inject(network.P1, Participants.Envelopes.Envelope.Create(
                    network.P2.Home, "P1", new string('a', 32), new SendDataset(new string('a', 32))).Frame.ToArray());
            }

            await network.P1.CommandBarrierAsync();
            time.Advance(TimeSpan.FromMinutes(1));
        }

        using var store = new SqliteParticipantStore(network.P1.Home.StatePath);
        var entries = store.Read(state => AuditLog.Entries(state).Select(entry => AuditRecord.Parse(entry.Number, entry.Entry)).ToArray());
        Assert.Equal([("frames-refused", "P2", "1", "psi.v1.SendDataset"), ("frames-refused", "P2", "5", "psi.v1.SendDataset")],
            entries.Select(entry => (entry.Event, entry.Text("from"), entry.Value("count"), entry.Text("type"))));
    }

    private static IEnumerable<string> Said(ReconciliationResult result, string what) => result.Facts.Single(fact => fact.What == what).Said.Values;

    private static async Task AskAsync(TestNetwork network, TestParticipant asker, string session, string text)
    {
        var reply = await asker.CommandAsync(session, new SubmitQuery(session, text));
        Assert.True(reply.Ok, reply.Message);
        await network.SettleAsync();
    }

    private static AuditFile[] Logs(TestNetwork network, string? session) =>
        [.. new[] { network.P1, network.P2, network.Linker }.Select(participant => participant.ExportAudit(session))];
}
