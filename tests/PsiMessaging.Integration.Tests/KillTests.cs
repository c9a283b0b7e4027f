using System.Text.Json;
using PsiMessaging.Party.Session;
using PsiMessaging.Testing;

namespace PsiMessaging.Integration.Tests;

/// <summary>kill -9 of a worker or of the broker in the middle of the work; after a restart the run completes with the same output.</summary>
public class KillTests
{
    private static string Csv(int first, int rows, string column, int kinds) =>
        $"IDKEY;{column}\n" + string.Concat(Enumerable.Range(first, rows).Select(i => $"id-{i:D6};{column.ToLowerInvariant()}{i % kinds}\n"));

    /// <summary>Enough rows that a kill falls into the rounds: elliptic curves need more of them.</summary>
    private static int RowsOf(string protocol) => protocol switch { "rsa" => 2500, "vole" => 400_000, _ => 20_000 };

    private static Task<Cluster> CreateAsync(int rows) => Cluster.CreateAsync(Csv(0, rows, "A", 3), Csv(rows / 2, rows, "B", 2));

    private static string Common(int rows) => "IDKEY\n" + string.Concat(Enumerable.Range(rows / 2, rows / 2).Select(i => $"id-{i:D6}\n"));

    private static string Table(int rows) => "A,B,count\n" + string.Concat(
        Enumerable.Range(rows / 2, rows / 2).GroupBy(i => (i % 3, i % 2)).OrderBy(group => group.Key)
            .Select(group => $"a{group.Key.Item1},b{group.Key.Item2},{group.Count()}\n"));

    public static TheoryData<string, string> Victims =>
        new() { { "P1", "ecdh" }, { "P2", "rsa" }, { "P1", "vole" }, { "broker", "ecdh" }, { "everything", "ecdh" } };

    [Theory]
    [MemberData(nameof(Victims))]
    public async Task KilledInTheMiddleOfTheRounds_RestartedRunCompletesWithTheSameOutput(string victim, string protocol)
    {
        Assert.SkipUnless(Rabbit.IsGoverned || victim is not ("broker" or "everything"), "needs a broker that can be killed");
        var rows = RowsOf(protocol);
        await using var cluster = await CreateAsync(rows);
        await cluster.StartAsync("P1", "P2", "LINKER");
        var id = await OpenAsync(cluster, protocol);
        await ProgressAsync(cluster, id, 0.2);
        foreach (var name in victim == "everything" ? new[] { "P1", "P2", "LINKER" } : victim == "broker" ? [] : [victim])
        {
            cluster.Kill(name);
        }

        if (victim is "broker" or "everything")
        {
            await Rabbit.DoAsync("kill");
            await Rabbit.DoAsync("start");
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
            Assert.Equal(Common(rows), File.ReadAllText(status.RootElement.GetProperty("intersectionFile").GetString()!));
        }

        await cluster.PsiAsync("P1", "send", id);
        await cluster.PsiAsync("P2", "send", id);
        Assert.Equal(Table(rows), (await cluster.PsiAsync("P1", "query", id, "A,B", "--format", "csv")).Output);
    }

    /// <summary>
    /// Two compute workers, one killed in the middle: its job goes to the other. Then both: the party's
    /// worker goes on by itself. Then the broker, with jobs on it.
    /// </summary>
    [Theory]
    [InlineData("ecdh", "one")]
    [InlineData("rsa", "one")]
    [InlineData("ecdh", "both")]
    [InlineData("ecdh", "broker")]
    public async Task ComputeWorkers_KilledInTheMiddle_SameOutput(string protocol, string victim)
    {
        Assert.SkipUnless(Rabbit.IsGoverned || victim != "broker", "needs a broker that can be killed");
        var killed = victim switch { "one" => 1, "both" => 2, _ => 0 };
        var rows = RowsOf(protocol);
        await using var cluster = await CreateAsync(rows);
        await cluster.StartAsync("P1", "P2", "LINKER");
        var workers = new[] { cluster.Compute("P1", "compute-1"), cluster.Compute("P1", "compute-2") };
        await cluster.ReadyAsync("compute-1");
        await cluster.ReadyAsync("compute-2");
        await TestNetwork.EventuallyAsync(() => cluster.Worker("P1").Log.Contains("2 in all", StringComparison.Ordinal));

        var id = await OpenAsync(cluster, protocol);
        await TestNetwork.EventuallyAsync(() => workers.All(worker => worker.Log.Contains(id, StringComparison.Ordinal)));
        for (var i = 0; i < killed; i++)
        {
            workers[i].Kill();
        }

        if (victim == "broker")
        {
            await Rabbit.DoAsync("kill");
            await Rabbit.DoAsync("start");
        }

        await ProgressAsync(cluster, id, 1);
        foreach (var name in new[] { "P1", "P2" })
        {
            using var status = JsonDocument.Parse((await cluster.PsiAsync(name, "status", id, "--json")).Output);
            Assert.Equal(Common(rows), File.ReadAllText(status.RootElement.GetProperty("intersectionFile").GetString()!));
        }

        // Neither identifiers nor secrets in anybody's log.
        Assert.All(workers.Append(cluster.Worker("P1")), worker => Assert.DoesNotContain("id-0", worker.Log, StringComparison.Ordinal));
        if (killed == 1)
        {
            Assert.Equal(0, (await workers[1].TerminateAsync()).ExitCode);
        }
        else if (killed == 2)
        {
            Assert.Contains("evaluated here", cluster.Worker("P1").Log, StringComparison.Ordinal);
        }
    }

    private static async Task<string> OpenAsync(Cluster cluster, string protocol)
    {
        using var opened = JsonDocument.Parse(
            (await cluster.PsiAsync("P1", "intersect", "--with", "P2", "--dataset", "istat", "--protocol", protocol, "--rsa-bits", "2048", "--json")).Output);
        return opened.RootElement.GetProperty("session").GetString()!;
    }

    [Fact]
    public async Task WorkerStartedBeforeTheBroker_WaitsForIt()
    {
        Assert.SkipUnless(Rabbit.IsGoverned, "needs a broker that can be killed");
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        await Rabbit.DoAsync("kill");
        try
        {
            var worker = cluster.Launch("P1");
            using var http = new HttpClient();
            await TestNetwork.EventuallyAsync(() => worker.Log.Contains("no broker answers at", StringComparison.Ordinal));

            // Alive, but not ready, and it says why.
            Assert.Equal("alive\n", await http.GetStringAsync(new Uri($"http://127.0.0.1:{cluster.Ports["P1"]}/health")));
            using var ready = await http.GetAsync(new Uri($"http://127.0.0.1:{cluster.Ports["P1"]}/ready"));
            Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, ready.StatusCode);
            Assert.Contains("no broker answers at", await ready.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        finally
        {
            await Rabbit.DoAsync("start");
        }

        await cluster.ReadyAsync("P1");
    }

    /// <summary>A broker that is short of memory takes what is published and confirms nothing, without end.</summary>
    [Fact]
    public async Task BrokerShortOfMemory_CommandSaysSoInTimeAndIsNotDoneLater()
    {
        Assert.SkipUnless(Rabbit.IsGoverned, "needs a broker that can be governed");
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        await cluster.StartAsync("P1", "P2", "LINKER");
        await Rabbit.ControlAsync("set_vm_memory_high_watermark", "0");
        try
        {
            var given = await cluster.TryPsiAsync("P1", "intersect", "--with", "P2", "--dataset", "istat", "--timeout", "5");
            Assert.Equal(1, given.ExitCode);
            Assert.Contains("takes no messages for now", given.Error, StringComparison.Ordinal);
            Assert.Contains("The command was given up and will not be done later", given.Error, StringComparison.Ordinal);
        }
        finally
        {
            await Rabbit.ControlAsync("set_vm_memory_high_watermark", "0.4");
        }

        // What was published first is delivered first: by the time this one is done, the other would have been.
        await cluster.PsiAsync("P1", "intersect", "--with", "P2", "--dataset", "istat", "--wait");
        using var sessions = JsonDocument.Parse((await cluster.PsiAsync("P1", "sessions", "--json")).Output);
        Assert.Equal(1, sessions.RootElement.GetArrayLength());
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
                var session = store.Read(transaction => transaction.FindSession(id)) is { } stored ? PartySession.Parse(stored) : null;
                Assert.NotEqual(SessionState.Failed, session?.State);
                if (session is not null && (progress < 1 ? session.Progress >= progress : session.State == SessionState.Completed))
                {
                    break;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
            }
        }
    }
}
