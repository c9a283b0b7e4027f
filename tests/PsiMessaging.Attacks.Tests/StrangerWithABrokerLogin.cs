using System.Text;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Envelopes;
using PsiMessaging.Participants.Identities;
using PsiMessaging.Participants.Sealing;
using PsiMessaging.Participants.Store;
using PsiMessaging.Protocols;
using PsiMessaging.Storage;
using PsiMessaging.Testing;
using RabbitMQ.Client;

namespace PsiMessaging.Attacks.Tests;

/// <summary>Somebody who is pinned nowhere and has a login that may write to every queue of ours.</summary>
public class StrangerWithABrokerLogin
{
    private static string Unique() => "a" + Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(4));

    private static async Task<IConnection> ConnectAsync(string address) => await new ConnectionFactory { Uri = new Uri(address) }.CreateConnectionAsync();

    private static BasicProperties Properties(string type = "application/vnd.psimessaging.frame.v1",
        IDictionary<string, object?>? headers = null, string? replyTo = null) =>
        new() { ContentType = type, MessageId = Guid.Empty.ToString(), Headers = headers, ReplyTo = replyTo, CorrelationId = Guid.Empty.ToString() };

    /// <summary>Waits until nothing waits on a queue and nothing of it is in hand.</summary>
    private static async Task EmptyAsync(string queue)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            var line = (await Rabbit.ControlAsync("list_queues", "--no-table-headers", "name", "messages"))
                .Split('\n').FirstOrDefault(row => row.StartsWith(queue + "\t", StringComparison.Ordinal));
            if (line is not null && line.EndsWith("\t0", StringComparison.Ordinal))
            {
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, patience.Token);
        }
    }

    /// <summary>Three bytes under headers that MassTransit takes for orders: an address that binds a queue of the stranger's to the inbox.</summary>
    [Fact]
    public async Task WritesHeadersThatNameAddresses_NothingIsBoundOrAnswered()
    {
        Assert.SkipUnless(Rabbit.IsGoverned, "needs a broker that can be given users");
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        var spy = $"{cluster.Prefix}.stranger.spy";
        var login = await Rabbit.AddLoginAsync("stranger-"
            + Unique(), $@"^{cluster.Prefix}\.stranger\.", $@"^({cluster.Prefix}\..*|amq\.default)$", $@"^{cluster.Prefix}\.stranger\.");
        await cluster.StartAsync("LINKER");
        var inbox = cluster.Inbox("LINKER");
        await using var connection = await ConnectAsync(login);
        await using var channel = await connection.CreateChannelAsync();
        await channel.QueueDeclareAsync(spy, durable: true, exclusive: false, autoDelete: false);
        var host = new Uri(login);
        foreach (var header in new[] { "MT-Fault-Address", "MT-Response-Address", "MT-Source-Address",
            "MT-Destination-Address", "MT-Redelivery-Count", "MT-Request-Id", "MT-Scheduled-Redelivery" })
        {
            foreach (var address in new[] { $"rabbitmq://{host.Host}:{host.Port}/{inbox}?bind=true&queue={spy}",
                $"exchange:{inbox}?bind=true&queue={spy}", $"queue:{spy}" })
            {
                foreach (var type in new[] { "application/vnd.psimessaging.frame.v1", "application/vnd.masstransit+json", "application/json", "///", "" })
                {
                    await channel.BasicPublishAsync("", inbox, mandatory: true,
                        Properties(type, new Dictionary<string, object?> { [header] = address }, replyTo: spy), "abc"u8.ToArray());
                }
            }
        }

        await EmptyAsync(inbox);
        await channel.BasicPublishAsync("", inbox, mandatory: true, Properties(), "def"u8.ToArray());
        await EmptyAsync(inbox);
        Assert.Null(await channel.BasicGetAsync(spy, autoAck: true));
        var bindings = await Rabbit.ControlAsync("list_bindings", "--no-table-headers", "source_name", "destination_name");
        Assert.DoesNotContain(bindings.Split('\n'), line => line.Split('\t') is [{ Length: > 0 }, var to] && to.TrimEnd('\r') == spy);

        // Nothing of it is kept either: it leaves a counted line in the log.
        Assert.Equal("0", await MessagesAsync(inbox + "_error"));
        await TestNetwork.EventuallyAsync(() => cluster.Worker("LINKER").Log.Contains("that no pinned card has signed", StringComparison.Ordinal));
    }

    private static async Task<string?> MessagesAsync(string queue) =>
        (await Rabbit.ControlAsync("list_queues", "--no-table-headers", "name", "messages")).Split('\n')
            .Select(row => row.Split('\t')).FirstOrDefault(row => row[0] == queue)?[1].Trim();

    /// <summary>Addresses that cannot be served kept a message in hand for minutes, and a hundred of them the whole inbox.</summary>
    [Fact]
    public async Task WritesHeadersThatNameFailingAddresses_TheInboxGoesOn()
    {
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        await cluster.StartAsync("P1", "P2", "LINKER");
        await using var connection = await ConnectAsync(Rabbit.Address);
        await using var channel = await connection.CreateChannelAsync();
        for (var i = 0; i < 100; i++)
        {
            await channel.BasicPublishAsync("", cluster.Inbox("P1"), mandatory: true, Properties(headers: new Dictionary<string, object?>
            {
                ["MT-Fault-Address"] = $"exchange:{cluster.Inbox("P2")}?type=x-no-such-type", ["MT-Response-Address"] = "exchange:x?type=x-no-such-type",
            }), "abc"u8.ToArray());
        }

        await cluster.PsiAsync("P1", "intersect", "--with", "P2", "--dataset", "istat", "--wait", "--timeout", "30");
    }

    /// <summary>
    /// A message longer than the client library takes by itself killed the connection, and came again. RabbitMQ 4 refuses it; 3.x carries it.
    /// </summary>
    [Fact]
    public async Task WritesAMessageOf70MiB_TheInboxGoesOn()
    {
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        await cluster.StartAsync("P1", "P2", "LINKER");
        await using var connection = await ConnectAsync(Rabbit.Address);
        await using var channel =
            await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true));
        await Record.ExceptionAsync(() => channel.BasicPublishAsync("", cluster.Inbox("P1"), mandatory: true, Properties(), new byte[70 << 20]).AsTask());
        await cluster.PsiAsync("P1", "intersect", "--with", "P2", "--dataset", "istat", "--wait", "--timeout", "60");
    }

    /// <summary>Somebody deletes the error queue: frames that are refused are not kept, and nothing turns in circles.</summary>
    [Fact]
    public async Task DeletesTheErrorQueue_RefusedFramesAreDropped()
    {
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        await cluster.StartAsync("P1", "P2", "LINKER");
        await using var connection = await ConnectAsync(Rabbit.Address);
        await using var channel = await connection.CreateChannelAsync();
        await channel.QueueDeleteAsync(cluster.Inbox("P1") + "_error");
        await channel.ExchangeDeleteAsync(cluster.Inbox("P1") + "_error");
        using var p2 = ParticipantHome.Open(cluster.Home("P2"));
        for (var i = 0; i < 20; i++)
        {
            await channel.BasicPublishAsync("", cluster.Inbox("P1"), mandatory: true, Properties(),
                FrameSealing.SealToCard(p2.FindCard("P1")!,
                    Envelope.Create(p2, "P1", null, new CancelSession(new string((char)('a' + (i % 6)), 32))).Frame.Span));
        }

        await cluster.PsiAsync("P1", "intersect", "--with", "P2", "--dataset", "istat", "--wait", "--timeout", "60");
        await TestNetwork.EventuallyAsync(() =>
            cluster.Worker("P1").Log.Split('\n').Count(line => line.Contains("is not kept on", StringComparison.Ordinal)) == 20);
    }

    /// <summary>
    /// Proposals in the name of somebody pinned, of somebody not pinned, and signed by nobody: no answer, no row, no exchange, no trace but a counted line.
    /// </summary>
    [Fact]
    public async Task ForgesProposals_NoneIsAnsweredOrKept()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        using var folder = new TempFolder();
        using var forger = ParticipantHome.Create(Path.Combine(folder.Path, "p2"), new ParticipantConfig { Name = "P2", Role = ParticipantRole.Party });
        using var stranger = ParticipantHome.Create(Path.Combine(folder.Path, "x"), new ParticipantConfig { Name = "STRANGER", Role = ParticipantRole.Party });
        Array.ForEach([forger, stranger], home => home.Pin(network.P1.Home.Card, replace: false));
        for (var i = 0; i < 100; i++)
        {
            var home = i % 2 == 0 ? forger : stranger;
            var id = Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16));
            network.Inject(network.P1, Envelope.Create(home, "P1", id, Proposal(id, home.Name)).Frame.ToArray());
        }

        await TestNetwork.EventuallyAsync(() => network.P1.Refused.Count == 100);
        using var store = new SqliteParticipantStore(network.P1.Home.StatePath);
        store.Read(transaction =>
        {
            Assert.Empty(transaction.ListSessions());
            Assert.Empty(transaction.OutgoingQueues());
            Assert.Null(transaction.LastAudit() is { } last && last.Entry.Contains("STRANGER", StringComparison.Ordinal) ? last : null);
            return true;
        });
        Assert.Empty(network.Wire);
        Assert.Equal(100, network.P1.Engine!.Refused.Total);
    }

    internal static ProposeSession Proposal(string id, string from, string to = "P1", string protocol = "ecdh") => new()
    {
        SessionId = id, Initiator = from, Responder = to, Linker = "LINKER", Protocol = protocol, Engine = "masked", Reveal = "both",
        Profile = new CanonicalizationProfile(Data.Keys.Canonicalizer.Version, "keep", 1, "normal"), Duplicates = "reject",
        MinCell = 10, KeyNames = ["IDKEY"], SetSize = 10, Nonce = new byte[32], SharedKeyCheck = new byte[16], DeadlineSeconds = 3600,
    };

    /// <summary>A participant's login does its whole job with the rights of deploy/rabbitmq, and everything else is refused by the broker.</summary>
    [Fact]
    public async Task TriesEveryRightThatIsNotGranted_TheBrokerRefuses_AndTheJobIsDone()
    {
        Assert.SkipUnless(Rabbit.IsGoverned, "needs a broker that can be given users");
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        var (prefix, tail) = (cluster.Prefix, Unique());
        var logins = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, rights) in new[]
        {
            ("P1", await Rabbit.RightsAsync(prefix, "party", "P1", "P2", "LINKER")), ("P2", await Rabbit.RightsAsync(prefix, "party", "P2", "P1", "LINKER")),
            ("LINKER", await Rabbit.RightsAsync(prefix, "linker", "LINKER", "P1", "P2")), ("COMPUTE", await Rabbit.RightsAsync(prefix, "compute", "P1")),
        })
        {
            logins[name] = await Rabbit.AddLoginAsync($"{name.ToLowerInvariant()}-{tail}", rights[0], rights[1], rights[2]);
            cluster.UseLogin(name, logins[name]);
        }

        await cluster.StartAsync("LINKER", "P1", "P2");
        cluster.Compute("P1", "COMPUTE");
        await cluster.ReadyAsync("COMPUTE");
        await cluster.PsiAsync("P1", "intersect", "--with", "P2", "--dataset", "istat", "--wait", "--timeout", "60");
        var sessions = System.Text.Json.JsonDocument.Parse((await cluster.PsiAsync("P1", "sessions", "--json")).Output);
        var session = sessions.RootElement[0].GetProperty("session").GetString()!;
        await cluster.PsiAsync("P1", "send", session, "--timeout", "60");
        await cluster.PsiAsync("P2", "send", session, "--timeout", "60");
        Assert.Contains("CLASSE_ETA", (await cluster.PsiAsync("P1", "query", session, "CLASSE_ETA")).Output, StringComparison.Ordinal);

        // Where a compute worker is given keys: its own, and P1 may write there and no more.
        var keys = $"{prefix}.p1.worker.{new string('a', 32)}";
        var queues = new[] { "P1", "P2", "LINKER" }.SelectMany(name => new[] { cluster.Inbox(name), cluster.Inbox(name) + "_error" })
            .Append($"{prefix}.p1.compute.v1").Append($"{prefix}.p1.computed.v1").Append(keys).ToArray();
        var mayWrite = new Dictionary<string, string[]>(StringComparer.Ordinal)
        {
            ["P1"] = [cluster.Inbox("P2"), cluster.Inbox("LINKER"), keys], ["P2"] = [cluster.Inbox("P1"), cluster.Inbox("LINKER")],
            ["LINKER"] = [cluster.Inbox("P1"), cluster.Inbox("P2")], ["COMPUTE"] = [$"{prefix}.p1.computed.v1"],
        };
        var refused = 0;
        foreach (var (name, login) in logins)
        {
            var own = name == "COMPUTE"
                ? [$"{prefix}.p1.compute.v1", keys]
                : queues.Where(queue => queue != keys && queue.StartsWith($"{prefix}.{name.ToLowerInvariant()}.", StringComparison.Ordinal)).ToArray();
            await using var connection = await ConnectAsync(login);
            async Task RefusedAsync(string what, Func<IChannel, Task> action)
            {
                await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true,
                    publisherConfirmationTrackingEnabled: true));
                var fault = await Record.ExceptionAsync(() => action(channel));
                Assert.True(fault is not null
                    && channel.CloseReason?.ReplyCode == 403, $"{name} may {what}: {fault?.Message ?? "no fault"} ({channel.CloseReason?.ReplyCode})");
                refused++;
            }

            foreach (var queue in queues.Except(own))
            {
                await RefusedAsync("read " + queue, channel => channel.BasicGetAsync(queue, autoAck: false));
                await RefusedAsync("consume " + queue, channel => channel.BasicConsumeAsync(queue, autoAck: false, new AsyncNothing(channel)));
                await RefusedAsync("purge " + queue, channel => channel.QueuePurgeAsync(queue));
                await RefusedAsync("delete " + queue, channel => channel.QueueDeleteAsync(queue));
                await RefusedAsync("delete the exchange " + queue, channel => channel.ExchangeDeleteAsync(queue));
                await RefusedAsync("declare " + queue, channel => channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false));
                await RefusedAsync("declare the exchange " + queue, channel => channel.ExchangeDeclareAsync(queue, "fanout", durable: true));
                await RefusedAsync("bind its own queue to " + queue, channel => channel.QueueBindAsync(own[0], queue, ""));
                await RefusedAsync("unbind " + queue, channel => channel.QueueUnbindAsync(queue, queue, ""));
                if (!mayWrite[name].Contains(queue, StringComparer.Ordinal))
                {
                    await RefusedAsync("write to "
                        + queue, channel => channel.BasicPublishAsync(queue, "", mandatory: true, Properties(), "abc"u8.ToArray()).AsTask());
                }
            }

            await RefusedAsync("write to the default exchange",
                channel => channel.BasicPublishAsync("", cluster.Inbox("P2"), mandatory: true, Properties(), "abc"u8.ToArray()).AsTask());
            await RefusedAsync("write to amq.fanout",
                channel => channel.BasicPublishAsync("amq.fanout", "", mandatory: true, Properties(), "abc"u8.ToArray()).AsTask());
            await RefusedAsync("declare a queue of another name",
                channel => channel.QueueDeclareAsync($"{prefix}.spy", durable: true, exclusive: false, autoDelete: false));
            await RefusedAsync("listen to the broker's log", channel => channel.QueueBindAsync(own[0], "amq.rabbitmq.log", "#"));
        }

        Assert.True(refused > 200, $"{refused}");
    }

    /// <summary>A prefix is part of a pattern: one that is a pattern itself would grant the rights of others.</summary>
    [Fact]
    public async Task PrefixThatIsAPattern_GrantsNothing() =>
        await Assert.ThrowsAsync<InvalidOperationException>(() => Rabbit.RightsAsync(".*", "compute", "P1"));

    /// <summary>A right that is taken away, or was never granted, is said in log, health and status, and work goes on once it is granted.</summary>
    [Fact]
    public async Task BrokerRefusesARight_LogHealthAndStatusSayWhich_AndWorkGoesOnOnceItIsGranted()
    {
        Assert.SkipUnless(Rabbit.IsGoverned, "needs a broker that can be given users");
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        var user = "p1-" + Unique();
        var rights = await Rabbit.RightsAsync(cluster.Prefix, "party", "P1", "P2", "LINKER");
        cluster.UseLogin("P1", await Rabbit.AddLoginAsync(user, "^$", rights[1], rights[2]));
        cluster.Launch("P1");
        await SaysAsync("declare or bind");

        // The CLI, too, says so and ends, instead of waiting for a queue that it may not make.
        var given = await cluster.TryPsiAsync("P1", "intersect", "--with", "P2", "--dataset", "istat", "--timeout", "30");
        Assert.Equal(1, given.ExitCode);
        Assert.Contains($"refuses {user} the right to declare or bind {cluster.Prefix}.p1.cli.", given.Error, StringComparison.Ordinal);
        await Rabbit.ControlAsync("set_permissions", user, rights[0], $@"^{cluster.Prefix}\.p1\..*$", rights[2]);
        await cluster.ReadyAsync("P1");
        await cluster.StartAsync("P2", "LINKER");

        // It may do everything of its own, and write to nobody.
        await cluster.PsiAsync("P1", "intersect", "--with", "P2", "--dataset", "istat");
        await SaysAsync("write to");
        await Rabbit.ControlAsync("set_permissions", user, rights[0], rights[1], rights[2]);
        using var store = new SqliteParticipantStore(Path.Combine(cluster.Home("P1"), "state.db"));
        await TestNetwork.EventuallyAsync(() => store.Read(transaction => transaction.ListSessions()) is [{ State: "Completed" }]);
        await cluster.ReadyAsync("P1");

        async Task SaysAsync(string what)
        {
            await TestNetwork.EventuallyAsync(() => cluster.Worker("P1").Log.Contains($"refuses {user} the right to {what}", StringComparison.Ordinal));
            using var http = new HttpClient();
            using var patience = new CancellationTokenSource(TestNetwork.Patience);
            while (!(await http.GetStringOrStatusAsync(new Uri($"http://127.0.0.1:{cluster.Ports["P1"]}/ready"), patience.Token)).Contains(what,
                StringComparison.Ordinal))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, patience.Token);
            }

            // The worker writes it down within a second.
            while (!(await cluster.PsiAsync("P1", "sessions")).Error.Contains(what, StringComparison.Ordinal))
            {
                patience.Token.ThrowIfCancellationRequested();
            }
        }
    }

    private sealed class AsyncNothing(IChannel channel) : AsyncDefaultBasicConsumer(channel);
}

internal static class HttpText
{
    /// <summary>The body whatever the status is; empty while nobody listens.</summary>
    public static async Task<string> GetStringOrStatusAsync(this HttpClient http, Uri address, CancellationToken cancellation)
    {
        try
        {
            using var answer = await http.GetAsync(address, cancellation);
            return await answer.Content.ReadAsStringAsync(cancellation);
        }
        catch (HttpRequestException)
        {
            return "";
        }
    }
}
