using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using PsiMessaging.Messaging;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests;

/// <summary>Somebody on the way to the broker, with a certificate of his own.</summary>
public sealed class ImpostorBroker : IDisposable
{
    private const string User = "guest";
    private readonly TempFolder _folder = new();
    private readonly X509Certificate2 _authority = Authority("an institute's authority");

    private string CaFile => _folder.Write("ca.pem", _authority.ExportCertificatePem());

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        return request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddYears(-2), TimeProvider.System.GetUtcNow().AddYears(2));
    }

    private static X509Certificate2 Certificate(string host, X509Certificate2? authority, bool isExpired = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + host, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        var now = TimeProvider.System.GetUtcNow();
        var (from, to) = isExpired ? (now.AddYears(-1), now.AddDays(-1)) : (now.AddDays(-1), now.AddDays(30));
        using var made = authority is null ? request.CreateSelfSigned(from, to) : request.Create(authority, from, to, RandomNumberGenerator.GetBytes(8))
            .CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    [Fact]
    public async Task ShowsItsOwnCertificateFromTheSecondConnectionOn_GetsNoPassword()
    {
        using var good = Certificate("localhost", _authority);
        using var own = Certificate("localhost", null);
        await using var proxy = new BrokerProxy(connection => connection == 1 ? good : own);
        var bus = Bus(proxy.Port, CaFile);
        using var stop = new CancellationTokenSource();
        var start = bus.StartAsync(TimeSpan.FromSeconds(30), stop.Token);
        await TestNetwork.EventuallyAsync(() => proxy.Attempts >= 3 || proxy.Heard(2).Length > 0);
        await stop.CancelAsync();
        Assert.NotEmpty(proxy.Heard(1));
        Assert.All(Enumerable.Range(2, proxy.Attempts - 1), connection => Assert.Equal("", proxy.Heard(connection)));
        await Record.ExceptionAsync(() => start);
        await bus.DisposeAsync();
    }

    [Theory]
    [InlineData("self-signed", "is signed by itself")]
    [InlineData("another authority", "is from somebody else")]
    [InlineData("another name", "is for another name")]
    [InlineData("expired", "is out of date, or not in date yet")]
    [InlineData("not named by --broker-ca", "is from somebody else")]
    public async Task ShowsACertificateThatIsNotToBeBelieved_IsRefusedInOneLine(string fault, string said)
    {
        using var other = Authority("somebody's authority");
        using var certificate = fault switch
        {
            "self-signed" => Certificate("localhost", null),
            "another authority" => Certificate("localhost", other),
            "another name" => Certificate("broker.example", _authority),
            "expired" => Certificate("localhost", _authority, isExpired: true),
            _ => Certificate("localhost", _authority),
        };
        await using var proxy = new BrokerProxy(_ => certificate);
        await using var bus = Bus(proxy.Port, fault == "not named by --broker-ca" ? null : CaFile);
        var exception = await Assert.ThrowsAsync<ParticipantException>(() => bus.StartAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.Contains("shows no certificate to be believed: it must be for the name localhost", exception.Message, StringComparison.Ordinal);
        Assert.Contains("; this one " + said, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
        Assert.All(Enumerable.Range(1, proxy.Attempts), connection => Assert.Equal("", proxy.Heard(connection)));
    }

    [Fact]
    public async Task TheBrokerItself_WithACertificateOfThePrivateAuthority_Serves()
    {
        using var good = Certificate("localhost", _authority);
        await using var proxy = new BrokerProxy(_ => good);
        var arrived = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var bus = Bus(proxy.Port, CaFile, frame =>
        {
            arrived.TrySetResult(frame.ToArray());
            return Task.CompletedTask;
        });
        await bus.StartAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        var frame = RandomNumberGenerator.GetBytes(100_000);
        await bus.SendAsync(Queue, new string('a', 32), frame, TestContext.Current.CancellationToken);
        Assert.Equal(frame, await arrived.Task.WaitAsync(TestNetwork.Patience, TimeProvider.System));

        // Both kinds of connection came this way: the test above would see the password if either gave it away.
        Assert.True(proxy.Attempts >= 2);
        Assert.All(Enumerable.Range(1, proxy.Attempts), connection => Assert.Contains($"\0{User}\0", proxy.Heard(connection), StringComparison.Ordinal));
    }

    private readonly QueueAddress Queue = QueueAddress.Restore($"t{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}.p1.inbox.v1")!;

    private MessageBus Bus(int port, string? caFile, Func<ReadOnlyMemory<byte>, Task>? receive = null) => MessageBus.RabbitMq(
        BrokerAddress.Parse($"amqps://{new Uri(Rabbit.Address).UserInfo}@localhost:{port}", new BrokerFiles(caFile)),
        [new Inbox(Queue, receive ?? (_ => Task.CompletedTask))], TimeProvider.System, NullLogger.Instance, temporary: receive is not null);

    public void Dispose()
    {
        _authority.Dispose();
        _folder.Dispose();
    }
}
