using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using PsiMessaging.Participants;
using PsiMessaging.Testing;

namespace PsiMessaging.Messaging.Tests;

/// <summary>A certificate that cannot be used is told as what it is before anything is sent.</summary>
public sealed class OwnCertificateTests : IDisposable
{
    private const string Address = "amqps://broker.invalid/psi";
    private readonly TempFolder _folder = new();

    private BrokerFiles Make(string user, int fromDays = -1, int toDays = 1, string name = "p1")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var made = new CertificateRequest("CN=" + user, key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(fromDays), now.AddDays(toDays));
        var certificate = _folder.Write(name + ".pem", made.ExportCertificatePem());
        var file = _folder.Write(name + ".key", key.ExportPkcs8PrivateKeyPem());
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return new BrokerFiles(null, certificate, file);
    }

    private static string Refused(string address, BrokerFiles files)
    {
        var message = Assert.Throws<ParticipantException>(() => BrokerAddress.Parse(address, files)).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }

    [Fact]
    public void Parse_CertificateAndNoPassword_TheCommonNameIsTheUser()
    {
        var broker = BrokerAddress.Parse(Address, Make("p1"));
        Assert.Equal(("p1", null, "amqps://p1@broker.invalid:5671/psi"), (broker.User, broker.Password, broker.ToString()));
        Assert.Null(BrokerAddress.Parse("amqps://p1@broker.invalid", Make("p1")).Password);
    }

    [Fact]
    public void Parse_CertificateAndPassword_KeepsThePassword()
    {
        var broker = BrokerAddress.Parse("amqps://x:hush@broker.invalid", Make("p1"));
        Assert.Equal(("x", "hush"), (broker.User, broker.Password));
    }

    [Fact]
    public void Parse_AddressOfAnotherUser_IsRefused() =>
        Assert.Contains("names the user p2, and", Refused("amqps://p2@broker.invalid", Make("p1")), StringComparison.Ordinal);

    [Fact]
    public void Parse_OneFileWithoutTheOther_NamesTheMissingOption()
    {
        var files = Make("p1");
        Assert.Contains("is named without its key: add --broker-key FILE", Refused(Address, files with { Key = null }), StringComparison.Ordinal);
        Assert.Contains("is named without its certificate: add --broker-certificate FILE",
            Refused(Address, files with { Certificate = null }), StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_CertificateWithoutTls_IsRefused() =>
        Assert.Contains("without TLS: write amqps://", Refused("amqp://broker.invalid", Make("p1")), StringComparison.Ordinal);

    [Fact]
    public void Parse_MissingFiles_AreNamed()
    {
        var files = Make("p1");
        Assert.Contains($"the certificate for the broker ({files.Certificate}x) does not exist",
            Refused(Address, files with { Certificate = files.Certificate + "x" }), StringComparison.Ordinal);
        Assert.Contains($"the key for the broker ({files.Key}x) does not exist",
            Refused(Address, files with { Key = files.Key + "x" }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    [InlineData(UnixFileMode.GroupWrite)]
    public void Parse_KeyOpenToOthers_IsRefusedWithTheMend(UnixFileMode right)
    {
        var files = Make("p1");
        File.SetUnixFileMode(files.Key!, UnixFileMode.UserRead | right);
        Assert.Contains($"mend it with: chmod 400 {files.Key}", Refused(Address, files), StringComparison.Ordinal);
        File.SetUnixFileMode(files.Key!, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.Equal("p1", BrokerAddress.Parse(Address, files).User);
    }

    [Fact]
    public void Parse_NotACertificateAndItsKey_IsRefused()
    {
        var (files, other) = (Make("p1"), Make("p2", name: "p2"));
        Assert.Contains("are not a certificate and its key", Refused(Address, files with { Key = other.Key }), StringComparison.Ordinal);
        Assert.Contains("are not a certificate and its key", Refused(Address, files with { Certificate = files.Key }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-9, -3)]
    [InlineData(3, 9)]
    public async Task Start_CertificateOutOfDate_IsSaidBeforeAnythingIsSent(int from, int to)
    {
        await using var bus = MessageBus.RabbitMq(BrokerAddress.Parse(Address, Make("p1", from, to)), [], TimeProvider.System, NullLogger.Instance);
        var fault = await Assert.ThrowsAsync<ParticipantException>(() => bus.StartAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        Assert.Contains("p1.pem) is out of date, or not in date yet (", fault.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
