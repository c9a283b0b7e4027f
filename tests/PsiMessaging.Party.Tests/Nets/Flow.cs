using Microsoft.Extensions.Time.Testing;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Session;
using PsiMessaging.Protocols;
using PsiMessaging.Protocols.Evaluation;
using PsiMessaging.Storage;
using PsiMessaging.Testing;

namespace PsiMessaging.Party.Tests.Nets;

/// <summary>One way a whole job can go.</summary>
public sealed record Flow(string Protocol, string Reveal, string Engine, string? Security = null, bool Reuse = false)
{
    public string Name => string.Join('-', new[] { Protocol, Security, Reveal, Engine, Reuse ? "reuse" : null }.OfType<string>());

    /// <summary>Every protocol and variant with every reveal it allows and every engine.</summary>
    public static IReadOnlyList<Flow> All { get; } =
    [
        .. from engine in new[] { "tokens", "masked" } from reveal in new[] { "both", "initiator", "responder", "size" }
           select new Flow("ecdh", reveal, engine),
        .. from engine in new[] { "tokens", "masked" } from reveal in new[] { "both", "initiator", "responder" } select new Flow("rsa", reveal, engine),
        .. from reveal in new[] { "initiator", "responder" } select new Flow("rsa", reveal, "tokens", Reuse: true),
        .. from engine in new[] { "tokens", "masked" } from reveal in new[] { "both", "initiator", "responder" }
           from security in new[] { null, "malicious" } select new Flow("vole", reveal, engine, security),
    ];
}

/// <summary>What came of a flow.</summary>
/// <param name="Messages">Every message, a line each, in an order that does not depend on timing.</param>
/// <param name="Stored">What lies in the three stores and the session's folders at the end, as JSON.</param>
/// <param name="Writes">Writes of P1, P2 and LINKER.</param>
public sealed record FlowRun(string Messages, string Stored, IReadOnlyList<int> Writes)
{
    private static readonly string Session = new('a', 32);
    private static readonly IReadOnlyDictionary<string, string> Names = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        [Session] = "<session>",
        [new string('b', 32)] = "<send of P1>",
        [new string('c', 32)] = "<send of P2>",
        [new string('d', 32)] = "<question of P1>",
        [new string('e', 32)] = "<question of P2>",
    };

    /// <summary>
    /// Runs the sample through a job from beginning to end: the intersection and, where both learn it, both parties' rows and a question by each. The
    /// clock stands still.
    /// </summary>
    public static async Task<FlowRun> OfAsync(Flow flow)
    {
        await using var network = new TestNetwork(new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)));
        await network.AddDataAsync();
        if (flow.Reuse)
        {
            await PrepareAsync(flow.Reveal == "initiator" ? network.P2 : network.P1, network.Time);
        }

        network.Start();
        var start = TestNetwork.Propose(protocol: flow.Protocol, reveal: flow.Reveal, reuse: flow.Reuse, engine: flow.Engine, security: flow.Security);
        await DoAsync(network, network.P1, null, start, Session);
        foreach (var party in new[] { network.P1, network.P2 })
        {
            var ended = await party.WaitAsync(session => session.IsEnded);
            Assert.True(ended.State == SessionState.Completed, ended.FailureReason);
        }

        await network.SettleAsync();
        if (flow.Reveal == "both")
        {
            // One after the other: what two do at once comes in any order.
            await DoAsync(network, network.P1, Session, new SendDataset(Session), new string('b', 32));
            await DoAsync(network, network.P2, Session, new SendDataset(Session), new string('c', 32));
            await DoAsync(network, network.P1, Session, new SubmitQuery(Session, "CLASSE_ETA, CLASSE_REDDITO"), new string('d', 32));
            await DoAsync(network, network.P2, Session, new SubmitQuery(Session, "CLASSE_REDDITO"), new string('e', 32));
        }

        TestParticipant[] participants = [network.P1, network.P2, network.Linker];
        int[] writes = [.. participants.Select(participant => participant.Writes)];
        foreach (var participant in participants)
        {
            await participant.StopAsync();
        }

        return new FlowRun(FlowText.Of(network.Wire), StoredText.Of(participants, Names), writes);
    }

    private static async Task PrepareAsync(TestParticipant party, TimeProvider time)
    {
        using var store = new SqliteParticipantStore(party.Home.StatePath);
        using var threads = new ComputeThreads(2);
        var catalog = new DatasetCatalog(party.Home, store, time);
        await ReusableSets.MakeAsync(catalog, catalog.Resolve(null), party.Home.Name, 2048, threads, time, _ => { }, CancellationToken.None);
    }

    private static async Task DoAsync(TestNetwork network, TestParticipant party, string? session, object command, string id)
    {
        var reply = await party.CommandAsync(session, command, id);
        Assert.True(reply.Ok, reply.Message);
        if (session is not null)
        {
            await network.SettleAsync();
        }
    }
}
