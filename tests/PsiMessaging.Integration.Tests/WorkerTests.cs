using System.Text.Json;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Testing;
using RabbitMQ.Client;

namespace PsiMessaging.Integration.Tests;

/// <summary>Real worker processes over a real RabbitMQ, driven by the command line.</summary>
public class WorkerTests
{
    [Fact]
    public async Task WholeJob_ThreeWorkers_GivesThePrototypesResult()
    {
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        await cluster.StartAsync("P1", "P2", "LINKER");
        var opened = await cluster.PsiAsync("P1", "intersect", "--with", "P2", "--dataset", "istat", "--rsa-bits", "2048", "--wait", "--json");
        using var session = JsonDocument.Parse(opened.Output);
        var id = session.RootElement.GetProperty("session").GetString()!;
        Assert.Equal(4, session.RootElement.GetProperty("intersection").GetInt32());
        Assert.Equal(Samples.Intersection, File.ReadAllText(session.RootElement.GetProperty("intersectionFile").GetString()!));

        var early = await cluster.TryPsiAsync("P1", "query", id, "CLASSE_ETA");
        Assert.Equal(1, early.ExitCode);
        Assert.Contains("questions are not yet allowed by P1 and P2", early.Error, StringComparison.Ordinal);

        await cluster.PsiAsync("P1", "send", id[..6]);
        await cluster.PsiAsync("P2", "send", id);
        var answer = await cluster.PsiAsync("P1", "query", id, "CLASSE_ETA, CLASSE_REDDITO", "--format", "csv");
        Assert.Equal(Samples.AgeByIncome, answer.Output);
        Assert.Equal("CLASSE_REDDITO,count\nALTA,1\nBASSA,2\nMEDIA,1\n",
            (await cluster.PsiAsync("P2", "query", id, "CLASSE_REDDITO", "--format", "csv")).Output);

        var parquet = Path.Combine(cluster.Folder.Path, "answer.parquet");
        await cluster.PsiAsync("P1", "query", id, "CLASSE_ETA", "--format", "parquet", "--out", parquet);

        // Stored answers, again and in another form, with nobody asked.
        var stored = System.Text.Json.JsonDocument.Parse((await cluster.PsiAsync("P1", "answers", "--json")).Output).RootElement;
        Assert.Equal(["CLASSE_ETA, CLASSE_REDDITO", "CLASSE_ETA"], stored.EnumerateArray().Select(one => one.GetProperty("question").GetString()));
        var first = stored[0].GetProperty("id").GetString()!;
        Assert.Equal(answer.Output, (await cluster.PsiAsync("P1", "answer", first[..8], "--format", "csv")).Output);
        Assert.Contains("\"class\": \"dataset\"", (await cluster.PsiAsync("P1", "answer", first, "--format", "json-stat")).Output, StringComparison.Ordinal);
        Assert.Contains("no answer ffffffff", (await cluster.TryPsiAsync("P1", "answer", "ffffffff")).Error, StringComparison.Ordinal);
        Assert.Equal("PAR1"u8, File.ReadAllBytes(parquet).AsSpan(0, 4));

        using var status = JsonDocument.Parse((await cluster.PsiAsync("P2", "status", id, "--json")).Output);
        Assert.Equal("Registered", status.RootElement.GetProperty("ownRows").GetString());
        foreach (var name in new[] { "P1", "P2", "LINKER" })
        {
            Assert.Contains("all whole and signed", (await cluster.PsiAsync(name, "audit", "verify")).Output, StringComparison.Ordinal);
        }

        Assert.Contains("\"peer-asked\"", (await cluster.PsiAsync("P2", "audit", "show", "--json")).Output, StringComparison.Ordinal);

        // Logs hold ids and counts; no identifier, no value.
        foreach (var name in new[] { "P1", "P2", "LINKER" })
        {
            Assert.DoesNotContain("RALPH", cluster.Worker(name).Log, StringComparison.Ordinal);
            Assert.DoesNotContain("29-35", cluster.Worker(name).Log, StringComparison.Ordinal);
        }

        var stopped = await cluster.Worker("P1").TerminateAsync();
        Assert.Equal(0, stopped.ExitCode);
    }

    [Fact]
    public async Task Simulate_OverTheBroker_GivesTheSameFilesAsInMemory()
    {
        using var folder = new TempFolder();
        var (p1, p2) = (folder.Write("p1.csv", Samples.Istat), folder.Write("p2.csv", Samples.Bi));
        foreach (var (name, more) in new (string, string[])[] { ("memory", []), ("rabbit", ["--broker", Cluster.Broker]) })
        {
            var result = await PsiProcess.RunAsync(["simulate", "--p1", p1, "--p2", p2, "--key", "IDKEY", "--query",
                "CLASSE_ETA, CLASSE_REDDITO", "--min-cell", "1", "--rsa-bits", "2048", "--out", Path.Combine(folder.Path, name), .. more]);
            Assert.True(result.ExitCode == 0, result.ToString());
        }

        foreach (var file in new[] { "P1/intersection.csv", "P2/intersection.csv", "query-1.csv" })
        {
            Assert.Equal(File.ReadAllText(Path.Combine(folder.Path, "memory", file)), File.ReadAllText(Path.Combine(folder.Path, "rabbit", file)));
        }

        Assert.Contains("\"transport\": \"rabbitmq\"", File.ReadAllText(Path.Combine(folder.Path, "rabbit", "report.json")), StringComparison.Ordinal);
    }

    /// <summary>Random data of several sizes: both protocols, with and without the broker, give the same bytes at both parties.</summary>
    [Theory]
    [InlineData(12, 9, 1)]
    [InlineData(150, 1500, 2)]
    [InlineData(2000, 700, 3)]
    public async Task Simulate_RandomData_EveryProtocolAndTransport_SameBytes(int rows1, int rows2, int seed)
    {
        using var folder = new TempFolder();
        var (keys1, keys2) = (Keys(rows1, seed), Keys(rows2, seed + 10));
        var (p1, p2) = (folder.Write("p1.csv", "ID;A\n" + string.Concat(keys1.Select(key => key + ";x\n"))),
            folder.Write("p2.csv", "ID;B\n" + string.Concat(keys2.Select(key => key + ";y\n"))));
        var expected = "ID\n" + string.Concat(keys1.Intersect(keys2, StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(key => key + "\n"));
        foreach (var protocol in new[] { "ecdh", "rsa", "vole" })
        {
            foreach (var more in new string[][] { [], ["--broker", Cluster.Broker] })
            {
                var result = await PsiProcess.RunAsync(["simulate", "--p1", p1, "--p2", p2, "--key", "ID",
                    "--protocol", protocol, "--rsa-bits", "2048", "--out", Path.Combine(folder.Path, "out"), .. more]);
                Assert.True(result.ExitCode == 0, result.ToString());
                Assert.Equal(expected, File.ReadAllText(Path.Combine(folder.Path, "out", "P1", "intersection.csv")));
                Assert.Equal(expected, File.ReadAllText(Path.Combine(folder.Path, "out", "P2", "intersection.csv")));
            }
        }
    }

    private static string[] Keys(int rows, int seed)
    {
        // A small linear generator: other numbers for every seed, the same at every run.
        var state = (uint)seed;
        var keys = new HashSet<uint>();
        while (keys.Count < rows)
        {
            state = (state * 1664525) + 1013904223;
            keys.Add((state >> 8) % 4000);
        }

        return [.. keys.Select(key => $"id{key}")];
    }

    [Fact]
    public async Task SmallAgainstPreparedLarge_OverWorkers_TheReceiverAloneHasTheResult()
    {
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        await cluster.PsiAsync("P2", "dataset", "prepare", "bi", "--rsa-bits", "2048");
        await cluster.StartAsync("P1", "P2");
        using var session = JsonDocument.Parse((await cluster.PsiAsync(
            "P1", "intersect", "--with", "P2", "--dataset", "istat", "--protocol", "rsa",
            "--rsa-bits", "2048", "--reveal", "P1", "--reuse", "--wait", "--json")).Output);
        var id = session.RootElement.GetProperty("session").GetString()!;
        Assert.Equal(Samples.Intersection, File.ReadAllText(session.RootElement.GetProperty("intersectionFile").GetString()!));
        var other = await cluster.PsiAsync("P2", "status", id);
        Assert.Contains("P1 alone", other.Output, StringComparison.Ordinal);
        Assert.Contains("known to the peer alone", other.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Broker_RefusesThePassword_IsSaidInOneLineAndEndsTheWorker()
    {
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        var wrong = Cluster.Broker.Replace("guest:guest", "guest:wrong", StringComparison.Ordinal);
        foreach (var command in new string[][] { ["party", "run"], ["intersect", "--with", "P2", "--dataset", "istat"] })
        {
            var result = await PsiProcess.RunAsync([.. command, "--home", cluster.Home("P1"), "--broker", wrong]);
            Assert.Equal(1, result.ExitCode);
            Assert.Contains("refuses the user or its password", result.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("wrong", result.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Command_WithoutItsWorker_SaysSo()
    {
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        var result = await cluster.TryPsiAsync("P1", "intersect", "--with", "P2", "--dataset", "istat");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("P1's worker has never run on this broker", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SecondWorker_OnTheSameHome_IsRefused()
    {
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        await cluster.StartAsync("P1");
        var second = await PsiProcess.RunAsync("party", "run", "--home", cluster.Home("P1"), "--broker", Cluster.Broker);
        Assert.Equal(1, second.ExitCode);
        Assert.Contains("another worker runs on", second.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FramesThatAreRefused_OfSomebodyKnown_GoToTheErrorQueueUnderAReasonWithoutContent()
    {
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        await cluster.StartAsync("P1");
        var factory = new ConnectionFactory { Uri = new Uri(Cluster.Broker) };
        await using var connection = await factory.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();

        // Signed by P2, and nothing that a party may send to a party; and what nobody has signed, of which nothing stays.
        using var p2 = ParticipantHome.Open(cluster.Home("P2"));
        var frame = FrameSealing.SealToCard(p2.FindCard("P1")!, Envelope.Create(p2, "P1", null, new CancelSession("RALPH 29-35")).Frame.Span);
        foreach (var body in new[] { "PSI1 RALPH 29-35"u8.ToArray(), frame, "PSI1 RALPH 29-35"u8.ToArray() })
        {
            await channel.BasicPublishAsync("", cluster.Inbox("P1"), mandatory: true,
                new BasicProperties { ContentType = "application/json", MessageId = Guid.Empty.ToString() }, body);
        }

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        BasicGetResult? message;
        while ((message = await channel.BasicGetAsync(cluster.Inbox("P1") + "_error", autoAck: true)) is null)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, patience.Token);
        }

        // As it came: sealed, so that who may read the error queue reads nothing either.
        Assert.Equal(frame, message.Body.ToArray());
        Assert.Equal("P2 may not send a psi.v1.CancelSession message",
            System.Text.Encoding.UTF8.GetString((byte[])message.BasicProperties.Headers!["psi-reason"]!));
        Assert.All(message.BasicProperties.Headers, header => Assert.DoesNotContain("RALPH",
            header.Value is byte[] bytes ? System.Text.Encoding.UTF8.GetString(bytes) : $"{header.Value}", StringComparison.Ordinal));

        // The queue's worker takes one after the other at most four at a time: with a command answered all of them are.
        await cluster.PsiAsync("P1", "intersect", "--with", "P2", "--dataset", "istat");
        Assert.Null(await channel.BasicGetAsync(cluster.Inbox("P1") + "_error", autoAck: true));
        Assert.Contains("that no pinned card has signed", cluster.Worker("P1").Log, StringComparison.Ordinal);
    }
}
