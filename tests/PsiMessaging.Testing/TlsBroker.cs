using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PsiMessaging.Testing;

/// <summary>
/// A broker of its own with deploy/rabbitmq's rabbitmq.conf, certificates of its demo-ca, and what its setup makes: TLS and a certificate, or nothing.
/// PSI_TEST_RABBIT starts it, with the folder of certificates as one more argument.
/// </summary>
public sealed class TlsBroker : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private string _address = "";

    private TlsBroker()
    {
    }

    private string Node => Path.Combine(_folder.Path, "node");

    private static string Command => Environment.GetEnvironmentVariable("PSI_TEST_RABBIT")!;

    /// <summary>The folder of a login's certificate: ca.pem, certificate.pem, key.pem.</summary>
    public string FolderOf(string login) => Path.Combine(_folder.Path, "certificates", login);

    /// <summary>The address of a virtual host; no user and no password.</summary>
    public string AddressOf(string vhost) => $"{_address}/{vhost}";

    /// <summary>Makes the certificates and starts the node.</summary>
    public static async Task<TlsBroker> StartAsync(params string[] logins)
    {
        var broker = new TlsBroker();

        // The node may run as another user, who has to come through to its folder. The certificates of the others are closed.
        File.SetUnixFileMode(broker._folder.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        var certificates = Path.Combine(broker._folder.Path, "certificates");
        await Rabbit.RunAsync(new ProcessStartInfo(Rabbit.Script("demo-ca"), [certificates, "localhost", .. logins]));
        broker._address = (await Rabbit.RunAsync(new ProcessStartInfo(Command, ["start", broker.Node, certificates]))).Trim();
        await broker.ControlAsync("delete_user", "guest");
        return broker;
    }

    /// <summary>The operator's step, in a virtual host of its own.</summary>
    public Task SetUpAsync(string vhost, string prefix, params string[] participants)
    {
        var start = new ProcessStartInfo(Rabbit.Script("setup"), participants);
        start.Environment["PSI_VHOST"] = vhost;
        start.Environment["PSI_QUEUE_PREFIX"] = prefix;
        start.Environment["RABBITMQCTL"] = $"{Command} ctl {Node}";
        return Rabbit.RunAsync(start);
    }

    /// <summary>Runs rabbitmqctl; the lines of its output.</summary>
    public async Task<string[]> ControlAsync(params string[] arguments) =>
        (await Rabbit.RunAsync(new ProcessStartInfo(Command, ["ctl", Node, .. arguments]))).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>One more certificate of the broker's authority, with its key; gives the folder.</summary>
    /// <param name="login">Its common name.</param>
    /// <param name="from">Begin.</param>
    /// <param name="to">End.</param>
    public string Issue(string login, DateTimeOffset from, DateTimeOffset to)
    {
        using var authority = X509Certificate2.CreateFromPemFile(Path.Combine(FolderOf("ca"), "ca.pem"), Path.Combine(FolderOf("ca"), "ca.key"));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + login, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.2")], false));

        // Not by the authority's certificate, which began a moment ago: a certificate may not begin before it.
        using var made = request.Create(authority.SubjectName, X509SignatureGenerator.CreateForECDsa(authority.GetECDsaPrivateKey()!), from, to,
            RandomNumberGenerator.GetBytes(8));
        var folder = Path.Combine("issued", Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)));
        _folder.Write(Path.Combine(folder, "ca.pem"), File.ReadAllText(Path.Combine(FolderOf("ca"), "ca.pem")));
        _folder.Write(Path.Combine(folder, "certificate.pem"), made.ExportCertificatePem());
        File.SetUnixFileMode(_folder.Write(Path.Combine(folder, "key.pem"), key.ExportPkcs8PrivateKeyPem()), UnixFileMode.UserRead);
        return Path.Combine(_folder.Path, folder);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Rabbit.RunAsync(new ProcessStartInfo(Command, ["stop", Node]));
        _folder.Dispose();
    }
}
