using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using PsiMessaging.Messaging;
using PsiMessaging.Participants;
using PsiMessaging.Testing;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace PsiMessaging.Attacks.Tests;

/// <summary>One broker for the class: TLS and a certificate, or nothing.</summary>
public sealed class TlsBrokerFixture : IAsyncLifetime
{
    private TlsBroker? _broker;

    public TlsBroker Broker => _broker!;

    public async ValueTask InitializeAsync() =>
        _broker = Rabbit.IsGoverned ? await TlsBroker.StartAsync("p1", "p2", "linker", "p1-compute") : null;

    public ValueTask DisposeAsync() => _broker?.DisposeAsync() ?? ValueTask.CompletedTask;
}

/// <summary>Somebody who reaches a broker that is set up as deploy/rabbitmq says, with no certificate for it, a wrong one, or another participant's.</summary>
public sealed class StrangerAtTheTlsBroker(TlsBrokerFixture fixture) : IClassFixture<TlsBrokerFixture>
{
    private const string Skip = "needs a broker that the tests can start";
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();
    private readonly string _vhost = "v" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));

    private TlsBroker Broker => fixture.Broker;

    /// <summary>A client that checks nothing and shows what it is told to.</summary>
    private async Task<IConnection> ConnectAsync(string? folder)
    {
        var factory = new ConnectionFactory { Uri = new Uri(Broker.AddressOf(_vhost)), AuthMechanisms = [new ExternalMechanismFactory()] };
        factory.Ssl = new SslOption("localhost", enabled: true) { CertificateValidationCallback = (_, _, _, _) => true };
        if (folder is not null)
        {
            factory.Ssl.Certs = [X509Certificate2.CreateFromPemFile(Path.Combine(folder, "certificate.pem"), Path.Combine(folder, "key.pem"))];
        }

        return await factory.CreateConnectionAsync();
    }

    private async Task<string> ProblemAsync(string? folder, TimeSpan clock = default, string? address = null)
    {
        var files = new BrokerFiles(Path.Combine(Broker.FolderOf("p1"), "ca.pem"), folder is null ? null : Path.Combine(folder, "certificate.pem"),
            folder is null ? null : Path.Combine(folder, "key.pem"));
        await using var bus = MessageBus.RabbitMq(BrokerAddress.Parse(address ?? Broker.AddressOf(_vhost), files), [], new Clock(clock), NullLogger.Instance);
        var fault = await Assert.ThrowsAsync<ParticipantException>(() => bus.StartAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.DoesNotContain('\n', fault.Message);
        return fault.Message;
    }

    /// <summary>The whole job under TLS, certificates and least rights, with everything there before the first worker: nothing is declared beside it.</summary>
    [Fact]
    public async Task WholeJob_WithCertificatesAndWithoutPasswords_IsDone()
    {
        Assert.SkipUnless(Rabbit.IsGoverned, Skip);
        await using var cluster = await Cluster.CreateAsync(Samples.Istat, Samples.Bi);
        await Broker.SetUpAsync(_vhost, cluster.Prefix, "LINKER", "P1", "P2");
        foreach (var (name, login) in new[] { ("P1", "p1"), ("P2", "p2"), ("LINKER", "linker"), ("COMPUTE", "p1-compute") })
        {
            cluster.UseLogin(name, Broker.AddressOf(_vhost));
            cluster.UseCertificate(name, Broker.FolderOf(login));
        }

        var made = await QueuesAsync();
        Assert.Equal(10, made.Length);
        await cluster.StartAsync("LINKER", "P1", "P2");
        cluster.Compute("P1", "COMPUTE");
        await cluster.ReadyAsync("COMPUTE");

        // The step may be repeated while workers run.
        await Broker.SetUpAsync(_vhost, cluster.Prefix, "LINKER", "P1", "P2");
        await cluster.PsiAsync("P1", "intersect", "--with", "P2", "--dataset", "istat", "--wait", "--timeout", "60");
        var sessions = System.Text.Json.JsonDocument.Parse((await cluster.PsiAsync("P1", "sessions", "--json")).Output);
        var session = sessions.RootElement[0].GetProperty("session").GetString()!;
        await cluster.PsiAsync("P1", "send", session, "--timeout", "60");
        await cluster.PsiAsync("P2", "send", session, "--timeout", "60");
        Assert.Contains("CLASSE_ETA", (await cluster.PsiAsync("P1", "query", session, "CLASSE_ETA")).Output, StringComparison.Ordinal);

        var passing = new[] { ".cli.", ".worker." };
        Assert.Equal(made, (await QueuesAsync()).Where(queue => !passing.Any(kind => queue.Contains(kind, StringComparison.Ordinal))));
        var connections = await Broker.ControlAsync("list_connections", "--no-table-headers", "user", "vhost", "ssl_protocol", "auth_mechanism");
        var ours = connections.Select(line => line.Split('\t')).Where(line => line[1] == _vhost).ToArray();
        Assert.Equal(["linker", "p1", "p1-compute", "p2"], ours.Select(line => line[0]).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        Assert.All(ours, line => Assert.Equal(("tlsv1.3", "EXTERNAL"), (line[2], line[3].TrimEnd('\r'))));

        async Task<string[]> QueuesAsync() =>
            [.. (await Broker.ControlAsync("list_queues", "--no-table-headers", "-p", _vhost, "name")).Order(StringComparer.Ordinal)];
    }

    [Theory]
    [InlineData("none", "asks for a certificate of ours, and none is named: --broker-certificate FILE")]
    [InlineData("another authority's", "it is not from the authority that the broker believes; get another one from whoever runs the broker")]
    [InlineData("another authority's of the same name", "refuses our certificate")]
    [InlineData("signed by itself", "refuses our certificate")]
    [InlineData("expired", "it is out of date by the broker's clock")]
    [InlineData("the broker's own", "refuses our certificate")]
    public async Task ShowsACertificateThatIsNotToBeBelieved_IsRefusedInOneLine(string certificate, string said)
    {
        Assert.SkipUnless(Rabbit.IsGoverned, Skip);
        await Broker.SetUpAsync(_vhost, "psi", "LINKER", "P1", "P2");
        using var other = new TempFolder();
        string? folder = null;
        switch (certificate)
        {
            case "another authority's":
                folder = Foreign(other, "CN=somebody's authority");
                break;
            case "another authority's of the same name":
                folder = Foreign(other, X509CertificateLoader.LoadCertificateFromFile(Path.Combine(Broker.FolderOf("p1"), "ca.pem")).Subject);
                break;
            case "signed by itself":
                folder = Foreign(other, "CN=p1");
                break;
            case "expired":
                folder = Broker.Issue("p1", Now.AddDays(-9), Now.AddDays(-3));
                break;
            case "the broker's own":
                folder = Broker.FolderOf("broker");
                break;
        }

        for (var i = 0; i < 3; i++)
        {
            await Assert.ThrowsAsync<BrokerUnreachableException>(() => ConnectAsync(folder));
        }

        // With a clock that is behind, since our own side would not even try.
        Assert.Contains(said, await ProblemAsync(folder, clock: certificate == "expired" ? TimeSpan.FromDays(-5) : default), StringComparison.Ordinal);
        await (await ConnectAsync(Broker.FolderOf("p1"))).DisposeAsync();
        await (await ConnectAsync(Broker.Issue("p1", Now.AddDays(-1), Now.AddDays(1)))).DisposeAsync();
    }

    [Fact]
    public async Task CertificateOfTheAuthorityForNobodyTheBrokerKnows_IsRefusedInOneLine()
    {
        Assert.SkipUnless(Rabbit.IsGoverned, Skip);
        await Broker.SetUpAsync(_vhost, "psi", "LINKER", "P1", "P2");
        var folder = Broker.Issue("nobody", Now.AddDays(-1), Now.AddDays(1));
        Assert.Contains("has no user nobody, as whom the certificate", await ProblemAsync(folder), StringComparison.Ordinal);

        // The administrator that every RabbitMQ begins with has no way in either.
        Assert.Contains("takes no password, only a certificate",
            await ProblemAsync(Broker.FolderOf("p1"), address: Broker.AddressOf(_vhost).Replace("amqps://", "amqps://guest:guest@", StringComparison.Ordinal)),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task ABrokerThatTakesNoCertificateForALogin_SaysWhatItLacks()
    {
        Assert.SkipUnless(Rabbit.IsGoverned, Skip);
        using var shown = X509CertificateLoader.LoadPkcs12(X509Certificate2.CreateFromPemFile(Path.Combine(Broker.FolderOf("broker"), "certificate.pem"),
            Path.Combine(Broker.FolderOf("broker"), "key.pem")).Export(X509ContentType.Pkcs12), null);
        await using var proxy = new BrokerProxy(_ => shown);
        Assert.Contains("takes no certificate for a login: it needs the plugin rabbitmq_auth_mechanism_ssl",
            await ProblemAsync(Broker.FolderOf("p1"), address: $"amqps://localhost:{proxy.Port}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithP2sCertificate_TriesP1sQueues_TheBrokerRefuses()
    {
        Assert.SkipUnless(Rabbit.IsGoverned, Skip);
        await Broker.SetUpAsync(_vhost, "psi", "LINKER", "P1", "P2");
        await using var connection = await ConnectAsync(Broker.FolderOf("p2"));
        var refused = 0;
        foreach (var queue in new[] { "psi.p1.inbox.v1", "psi.p1.inbox.v1_error", "psi.p1.compute.v1", "psi.p1.computed.v1", "psi.linker.inbox.v1" })
        {
            await RefusedAsync("read " + queue, channel => channel.BasicGetAsync(queue, autoAck: false));
            await RefusedAsync("purge " + queue, channel => channel.QueuePurgeAsync(queue));
            await RefusedAsync("delete " + queue, channel => channel.QueueDeleteAsync(queue));
            await RefusedAsync("declare " + queue, channel => channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false));
            await RefusedAsync("bind its inbox to " + queue, channel => channel.QueueBindAsync("psi.p2.inbox.v1", queue, ""));
            if (!queue.EndsWith("inbox.v1", StringComparison.Ordinal))
            {
                await RefusedAsync("write to " + queue, channel => channel.BasicPublishAsync(queue, "", mandatory: true, new byte[3]).AsTask());
            }
        }

        await RefusedAsync("write to the default exchange", channel => channel.BasicPublishAsync("", "psi.p1.inbox.v1", mandatory: true, new byte[3]).AsTask());
        Assert.Equal(29, refused);

        // And what it may: its own, and a frame for its partner.
        await using var own = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true,
            publisherConfirmationTrackingEnabled: true));
        await own.BasicPublishAsync("psi.p1.inbox.v1", "", mandatory: true, new byte[3]);
        Assert.Null(await own.BasicGetAsync("psi.p2.inbox.v1", autoAck: false));

        async Task RefusedAsync(string what, Func<IChannel, Task> action)
        {
            await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true,
                publisherConfirmationTrackingEnabled: true));
            var fault = await Record.ExceptionAsync(() => action(channel));
            Assert.True(fault is not null && channel.CloseReason?.ReplyCode == 403, $"P2 may {what}: {fault?.Message ?? "no fault"}");
            refused++;
        }
    }

    /// <summary>A login is bounded in what it takes of the broker: a message's size, queues without bounds or without number, connections.</summary>
    [Fact]
    public async Task WithP2sCertificate_TakesWithoutEnd_IsStopped()
    {
        Assert.SkipUnless(Rabbit.IsGoverned, Skip);
        await Broker.SetUpAsync(_vhost, "psi", "LINKER", "P1", "P2");
        await using var connection = await ConnectAsync(Broker.FolderOf("p2"));
        await using (var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true,
            publisherConfirmationTrackingEnabled: true)))
        {
            await Assert.ThrowsAnyAsync<Exception>(() => channel.BasicPublishAsync("psi.p1.inbox.v1", "", mandatory: true, new byte[17 << 20]).AsTask());
            Assert.Equal((ushort)406, channel.CloseReason!.ReplyCode);
        }

        await using (var channel = await connection.CreateChannelAsync())
        {
            // The operator's bounds hold over whatever the queue was declared with.
            const string queue = "psi.p2.cli.00000000000000000000000000000000";
            await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false);
            await channel.ExchangeDeclareAsync(queue, ExchangeType.Fanout, durable: true);
            await channel.QueueBindAsync(queue, queue, "");
        }

        await using (var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true,
            publisherConfirmationTrackingEnabled: true)))
        {
            for (var i = 0; i < 3; i++)
            {
                await channel.BasicPublishAsync("psi.p2.cli.00000000000000000000000000000000", "", mandatory: true, new byte[9 << 20]);
            }

            Assert.Equal(1u, (await channel.QueueDeclarePassiveAsync("psi.p2.cli.00000000000000000000000000000000")).MessageCount);
        }

        var queues = 0;
        await using (var channel = await connection.CreateChannelAsync())
        {
            await Assert.ThrowsAsync<OperationInterruptedException>(async () =>
            {
                for (; queues < 300; queues++)
                {
                    await channel.QueueDeclareAsync($"psi.p2.cli.{queues:x32}", durable: true, exclusive: false, autoDelete: false);
                }
            });
        }

        Assert.Equal(200, queues);
        var connections = new List<IConnection>();
        try
        {
            // How the client says it depends on whether it has sent its next word already.
            Assert.NotNull(await Record.ExceptionAsync(async () =>
            {
                while (connections.Count < 60)
                {
                    connections.Add(await ConnectAsync(Broker.FolderOf("p2")));
                    await (await connections[^1].CreateChannelAsync()).DisposeAsync();
                }
            }));
        }
        finally
        {
            foreach (var one in connections)
            {
                await one.DisposeAsync();
            }
        }

        Assert.InRange(connections.Count, 40, 50);
    }

    /// <summary>A certificate for P1 that the broker's authority has not signed.</summary>
    private static string Foreign(TempFolder folder, string issuer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var authority = issuer == "CN=p1" ? ECDsa.Create(key.ExportParameters(true)) : ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var made = new CertificateRequest("CN=p1", key, HashAlgorithmName.SHA256).Create(new X500DistinguishedName(issuer),
            X509SignatureGenerator.CreateForECDsa(authority), Now.AddDays(-1), Now.AddDays(1), RandomNumberGenerator.GetBytes(8));
        folder.Write("certificate.pem", made.ExportCertificatePem());
        File.SetUnixFileMode(folder.Write("key.pem", key.ExportPkcs8PrivateKeyPem()), UnixFileMode.UserRead);
        return folder.Path;
    }

    private sealed class Clock(TimeSpan off) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + off;
    }
}
