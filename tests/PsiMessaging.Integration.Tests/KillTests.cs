using System.Text.Json;
using PsiMessaging.Testing;

namespace PsiMessaging.Integration.Tests;

/// <summary>kill -9 of a worker or of the broker in the middle of the work; after a restart the run completes with the same output.</summary>
public class KillTests
{
    private const int Rows = 2500;

    private static readonly string P1 = "IDKEY;A\n" + string.Concat(Enumerable.Range(0, Rows).Select(i => $"id-{i:D5};a{i % 3}\n"));
    private static readonly string P2 = "IDKEY;B\n" + string.Concat(Enumerable.Range(Rows / 2, Rows).Select(i => $"id-{i:D5};b{i % 2}\n"));
    private static readonly string Common = "IDKEY\n" + string.Concat(Enumerable.Range(Rows / 2, Rows / 2).Select(i => $"id-{i:D5}\n"));

    private static readonly string Table = "A,B,count\n" + string.Concat(Enumerable.Range(Rows / 2, Rows / 2).GroupBy(i => (i % 3, i % 2)).OrderBy(group => group.Key).Select(group => $"a{group.Key.Item1},b{group.Key.Item2},{group.Count()}\n"));

    public static TheoryData<string> Victims => ["P1", "P2", "broker", "everything"];

    [Theory]
    [MemberData(nameof(Victims))]
    public async Task KilledInTheMiddleOfTheRounds_RestartedRunCompletesWithTheSameOutput(string victim)
    {
        await using var cluster = await Cluster.CreateAsync(P1, P2);
        await cluster.StartAsync("P1", "P2", "LINKER");
        using var opened = JsonDocument.Parse((await cluster.PsiAsync("P1", "intersect", "--with", "P2", "--dataset", "istat", "--rsa-bits", "2048", "--json")).Output);
        var id = opened.RootElement.GetProperty("session").GetString()!;
        await ProgressAsync(cluster, id, 0.2);
        foreach (var name in victim == "everything" ? new[] { "P1", "P2", "LINKER" } : victim == "broker" ? [] : [victim])
        {
            cluster.Kill(name);
        }

        if (victim is "broker" or "everything")
        {
            await Cluster.RabbitAsync("kill");
            await Cluster.RabbitAsync("start");
        }

        if (victim == "everything")
        {
            await cluster.StartAsync("P1", "P2", "LINKER");
        }
        else if (victim != "broker")
        {
            await cluster.StartAsync(victim);
        }

        await ProgressAsync(cluster, id, 1);
        foreach (var name in new[] { "P1", "P2" })
        {
            using var status = JsonDocument.Parse((await cluster.PsiAsync(name, "status", id, "--json")).Output);
            Assert.Equal(Common, File.ReadAllText(status.RootElement.GetProperty("intersectionFile").GetString()!));
        }

        await cluster.PsiAsync("P1", "send", id);
        await cluster.PsiAsync("P2", "send", id);
        Assert.Equal(Table, (await cluster.PsiAsync("P1", "query", id, "A,B", "--format", "csv")).Output);
    }

    [Fact]
    public async Task WorkerStartedBeforeTheBroker_WaitsForIt()
    {
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        await Cluster.RabbitAsync("kill");
        var worker = cluster.Launch("P1");
        using var http = new HttpClient();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!worker.Log.Contains("No answer from the broker", StringComparison.Ordinal))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, patience.Token);
        }

        // Alive, but not ready.
        Assert.Equal("alive\n", await http.GetStringAsync(new Uri($"http://127.0.0.1:{cluster.Ports["P1"]}/health")));
        using (var ready = await http.GetAsync(new Uri($"http://127.0.0.1:{cluster.Ports["P1"]}/ready")))
        {
            Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        }

        await Cluster.RabbitAsync("start");
        await cluster.ReadyAsync("P1");
    }

    /// <summary>Waits until P1's part of the session has come so far; 1 waits for the completion at both parties.</summary>
    private static async Task ProgressAsync(Cluster cluster, string id, double progress)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        foreach (var name in progress < 1 ? new[] { "P1" } : ["P1", "P2"])
        {
            using var store = new Storage.SqliteParticipantStore(Path.Combine(cluster.Home(name), "state.db"));
            while (true)
            {
                var session = store.Read(transaction => transaction.FindSession(id)) is { } stored ? PsiMessaging.Sessions.PartySession.Parse(stored) : null;
                Assert.NotEqual(PsiMessaging.Sessions.SessionState.Failed, session?.State);
                if (session is not null && (progress < 1 ? session.Progress >= progress : session.State == PsiMessaging.Sessions.SessionState.Completed))
                {
                    break;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
            }
        }
    }
}
