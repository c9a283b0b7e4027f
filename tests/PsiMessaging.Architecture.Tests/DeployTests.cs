using System.Text.RegularExpressions;
using PsiMessaging.Shape;
using YamlDotNet.Core;
using YamlDotNet.Serialization;

namespace PsiMessaging.Architecture.Tests;

/// <summary>What docker-compose.yml and the Dockerfile name must exist; no file of deployment holds a password.</summary>
public partial class DeployTests
{
    private static readonly string Root = SourceTree.RootAbove(AppContext.BaseDirectory);

    private static string Compose => File.ReadAllText(Path.Combine(Root, "docker-compose.yml"));

    private static string Dockerfile => File.ReadAllText(Path.Combine(Root, "deploy", "Dockerfile"));

    [Fact]
    public void Compose_HasTheServicesAndTheirImagesAreMade()
    {
        var services = ServiceName()
            .Matches(Compose[Compose.IndexOf("\nservices:", StringComparison.Ordinal)..Compose.IndexOf("\nvolumes:", StringComparison.Ordinal)])
            .Select(match => match.Groups["name"].Value);
        Assert.Equal(["certificates", "rabbitmq", "prepare", "linker", "p1", "p1-compute", "p2", "demo"], services);
        var targets = Target().Matches(Compose).Select(match => match.Groups["name"].Value).Distinct(StringComparer.Ordinal).ToArray();
        Assert.Equal(["cli", "linker", "party"], targets.Order(StringComparer.Ordinal));
        Assert.All(targets, target => Assert.Contains($" AS {target}\n", Dockerfile, StringComparison.Ordinal));
    }

    [Fact]
    public void Compose_FilesAndVolumesItNames_Exist()
    {
        foreach (Match path in LocalPath().Matches(Compose))
        {
            Assert.True(File.Exists(Path.Combine(Root, path.Groups["path"].Value)), path.Value);
        }

        foreach (Match path in CopiedPath().Matches(Dockerfile))
        {
            Assert.All(path.Groups["paths"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries), name =>
                Assert.True(File.Exists(Path.Combine(Root, name)) || Directory.Exists(Path.Combine(Root, name)), name));
        }

        var declared = Compose[Compose.IndexOf("\nvolumes:", StringComparison.Ordinal)..];
        Assert.All(["broker:", "p1:", "p2:", "linker:", "p1-key:", .. Keys.Select(volume => volume + ":")], volume =>
            Assert.Contains("\n  " + volume, declared, StringComparison.Ordinal));
        Assert.DoesNotContain('\t', Compose);
    }

    [Fact]
    public void Deployment_HoldsNoPassword_AndRunsWithoutRights()
    {
        foreach (var text in new[] { Compose, Dockerfile })
        {
            Assert.DoesNotMatch(new Regex("(?<word>pass|password)\\s*[:=]", RegexOptions.IgnoreCase
                | RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)), text);
            Assert.DoesNotMatch(new Regex("amqps?://[^@\\s]*:[^@\\s]*@", RegexOptions.None, TimeSpan.FromSeconds(1)), text);
        }

        Assert.Contains("\nUSER 1654\n", Dockerfile, StringComparison.Ordinal);
    }

    private static readonly string[] Keys = ["broker-tls", "p1-tls", "p1-compute-tls", "p2-tls", "linker-tls"];

    /// <summary>Nothing leaves a service without TLS and its certificate, and nobody can read another's key.</summary>
    [Fact]
    public void Compose_EveryServiceHasItsOwnCertificateOnly_AndThereIsNoWayWithoutTls()
    {
        var services = (Dictionary<object, object>)Parse("docker-compose.yml")["services"];
        foreach (var (service, expected) in new Dictionary<string, string[]>(StringComparer.Ordinal)
        {
            ["certificates"] = Keys, ["rabbitmq"] = ["broker-tls"], ["prepare"] = [], ["linker"] = ["linker-tls"], ["p1"] = ["p1-tls"],
            ["p1-compute"] = ["p1-compute-tls"], ["p2"] = ["p2-tls"], ["demo"] = ["p1-tls", "p2-tls"],
        })
        {
            var mounted = ((List<object>)At(services[service], "volumes")).Select(volume => ((string)volume).Split(':'))
                .Where(volume => volume[0].EndsWith("-tls", StringComparison.Ordinal)).ToArray();
            Assert.Equal(expected, mounted.Select(volume => volume[0]));
            Assert.All(mounted, volume => Assert.Equal(service == "certificates" ? 2 : 3, volume.Length));
            Assert.All(mounted.Where(volume => volume.Length == 3), volume => Assert.Equal("ro", volume[2]));
        }

        var scripts = Directory.GetFiles(Path.Combine(Root, "deploy", "compose")).Concat(Directory.GetFiles(Path.Combine(Root, "deploy", "rabbitmq")))
            .Where(path => !path.EndsWith(".md", StringComparison.Ordinal));
        Assert.All([Compose, Dockerfile, .. scripts.Select(File.ReadAllText)], text => Assert.DoesNotContain("amqp://", text, StringComparison.Ordinal));
        var sources = string.Concat(Directory.GetFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        foreach (var service in new[] { "linker", "p1", "p1-compute", "p2" })
        {
            var environment = ((Dictionary<object, object>)At(services[service], "environment")).Keys.Cast<string>().ToArray();
            Assert.Equal(["PSI_BROKER", "PSI_BROKER_CA", "PSI_BROKER_CERTIFICATE", "PSI_BROKER_KEY"],
                environment.Where(name => name.StartsWith("PSI_BROKER", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
            Assert.All(environment, name => Assert.Contains($"\"{name}\"", sources, StringComparison.Ordinal));
        }
    }

    /// <summary>The file that the tests of attacks hold to a broker (StrangerAtTheTlsBroker), and nothing beside it that takes it back.</summary>
    [Fact]
    public void Broker_TakesTlsWithACertificateAndNothingElse()
    {
        var settings = new[] { "rabbitmq/rabbitmq.conf", "compose/rabbitmq.conf" }.SelectMany(path => File.ReadAllLines(Path.Combine(Root, "deploy", path)))
            .Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split(" = "))
            .ToDictionary(line => line[0], line => line[1], StringComparer.Ordinal);
        Assert.Equal(("none", "5671"), (settings["listeners.tcp"], settings["listeners.ssl.default"]));
        Assert.Equal(("verify_peer", "true"), (settings["ssl_options.verify"], settings["ssl_options.fail_if_no_peer_cert"]));
        Assert.Equal(["tlsv1.3", "tlsv1.2"], settings.Where(setting => setting.Key.StartsWith("ssl_options.versions.", StringComparison.Ordinal))
            .OrderBy(setting => setting.Key, StringComparer.Ordinal).Select(setting => setting.Value));
        Assert.Equal(["EXTERNAL"], settings.Where(setting => setting.Key.StartsWith("auth_mechanisms.", StringComparison.Ordinal))
            .Select(setting => setting.Value));
        Assert.DoesNotContain(settings.Keys, key => key.StartsWith("loopback_users", StringComparison.Ordinal)
            || key.StartsWith("default_", StringComparison.Ordinal));
        Assert.Equal("[rabbitmq_auth_mechanism_ssl].", File.ReadAllText(Path.Combine(Root, "deploy", "compose", "enabled_plugins")).Trim());
        Assert.All(["demo-ca", "permissions", "setup"], script =>
            Assert.True((File.GetUnixFileMode(Path.Combine(Root, "deploy", "rabbitmq", script)) & UnixFileMode.UserExecute) != UnixFileMode.None, script));
    }

    public static TheoryData<string> Manifests =>
        [.. Directory.GetFiles(Path.Combine(Root, "deploy", "kubernetes"), "*.yaml").Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    private static Dictionary<object, object> Parse(string path) =>
        (Dictionary<object, object>)new DeserializerBuilder().Build().Deserialize(
            new MergingParser(new Parser(new StringReader(File.ReadAllText(Path.Combine(Root, path))))))!;

    private static object At(object node, params object[] path) =>
        path.Aggregate(node, (at, step) => step is int index ? ((List<object>)at)[index] : ((Dictionary<object, object>)at)[step]);

    [Fact]
    public void YamlFiles_Parse() => Assert.All(["docker-compose.yml", "contracts/asyncapi.yaml"], path => Assert.NotEmpty(Parse(path)));

    [Theory]
    [MemberData(nameof(Manifests))]
    public void Manifest_RunsWithoutRightsUnderProbesAndLimits(string name)
    {
        var manifest = Parse($"deploy/kubernetes/{name}");
        if ((string)manifest["kind"] == "ScaledObject")
        {
            var target = (string)At(manifest, "spec", "scaleTargetRef", "name");
            Assert.Equal(target, At(Parse("deploy/kubernetes/party-compute.yaml"), "metadata", "name"));
            Assert.Equal(Participants.Naming.QueueAddress.ComputeOf("psi", "P1").Name, At(manifest, "spec", "triggers", 0, "metadata", "queueName"));
            return;
        }

        var pod = At(manifest, "spec", "template", "spec");
        Assert.Equal(("true", "1654"), (At(pod, "securityContext", "runAsNonRoot"), At(pod, "securityContext", "runAsUser")));
        var container = At(pod, "containers", 0);
        var image = ExactImage().Match((string)At(container, "image"));
        Assert.True(image.Success, (string)At(container, "image"));
        Assert.Contains($" AS {image.Groups["name"].Value.Replace("psimessaging-", "", StringComparison.Ordinal)}\n", Dockerfile, StringComparison.Ordinal);
        Assert.Equal(("/health", "/ready"), (At(container, "livenessProbe", "httpGet", "path"), At(container, "readinessProbe", "httpGet", "path")));
        Assert.NotNull(At(container, "resources", "limits", "memory"));
        Assert.Equal(("false", "RuntimeDefault"), (At(pod, "automountServiceAccountToken"), At(pod, "securityContext", "seccompProfile", "type")));
        foreach (var each in Containers(pod))
        {
            Assert.Equal(("true", "false"), (At(each, "securityContext", "readOnlyRootFilesystem"), At(each, "securityContext", "allowPrivilegeEscalation")));
            Assert.Equal(["ALL"], (List<object>)At(each, "securityContext", "capabilities", "drop"));
            Assert.Matches(ExactImage(), (string)At(each, "image"));
        }

        // A volume with a group is opened to that group by the cluster; before the worker starts, its home is closed again.
        if ((string)manifest["kind"] == "StatefulSet")
        {
            var home = (string)((List<object>)At(container, "env")).Select(variable => (Dictionary<object, object>)variable)
                .Single(variable => (string)variable["name"] == "PSI_HOME")["value"];
            Assert.Contains($"chmod -R go= {home} || true;", (string)At(pod, "initContainers", 0, "command", 2), StringComparison.Ordinal);
            Assert.Equal(At(container, "volumeMounts", 0, "mountPath"), At(pod, "initContainers", 0, "volumeMounts", 0, "mountPath"));
            Assert.StartsWith((string)At(container, "volumeMounts", 0, "mountPath") + "/", home, StringComparison.Ordinal);
        }

        // Every variable it sets is one that the code reads, and the broker's address with its password comes from a secret.
        var sources = string.Concat(Directory.GetFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        Assert.All((List<object>)At(container, "env"), variable => Assert.Contains($"\"{At(variable, "name")}\"", sources, StringComparison.Ordinal));
        Assert.NotNull(((List<object>)At(container, "env")).Select(variable => (Dictionary<object, object>)variable)
            .Single(variable => (string)variable["name"] == "PSI_BROKER")["valueFrom"]);
        var mounts = ((List<object>)At(container, "volumeMounts")).Cast<Dictionary<object, object>>();
        Assert.Equal("true", mounts.Single(mount => (string)mount["mountPath"] == "/broker")["readOnly"]);
        Assert.Equal("0440", ((List<object>)At(pod, "volumes")).Cast<Dictionary<object, object>>()
            .Where(volume => (string)volume["name"] == "broker").Select(volume => At(volume, "secret", "defaultMode")).Single());
    }

    private static IEnumerable<object> Containers(object pod) =>
        ((Dictionary<object, object>)pod).Where(member => member.Key is "containers" or "initContainers").SelectMany(member => (List<object>)member.Value);

    /// <summary>
    /// Every service, the broker among them: no capability, no way to new rights, nothing to write but volumes and memory, and an image that is tomorrow's too.
    /// </summary>
    [Fact]
    public void Compose_EveryService_IsHardened()
    {
        var services = (Dictionary<object, object>)Parse("docker-compose.yml")["services"];
        Assert.Equal(8, services.Count);
        Assert.All(services, service =>
        {
            Assert.Equal(["ALL"], (List<object>)At(service.Value, "cap_drop"));
            Assert.Equal(["no-new-privileges:true"], (List<object>)At(service.Value, "security_opt"));
            Assert.Equal("true", At(service.Value, "read_only"));
            Assert.Equal(["/tmp"], (List<object>)At(service.Value, "tmpfs"));
            Assert.Matches(ExactImage(), Variable().Replace((string)At(service.Value, "image"), "${default}"));
            Assert.Empty(((Dictionary<object, object>)service.Value).Keys.Intersect(["cap_add", "privileged", "pid", "network_mode", "devices", "ports"]));
        });
        Assert.Equal("rabbitmq:1654", At(services["rabbitmq"], "user"));

        // The one that is root's, and without capabilities, ends before any other begins.
        Assert.Equal(["certificates"], services.Where(service => ((Dictionary<object, object>)service.Value).GetValueOrDefault("user") is string user
            && user.Split(':')[0] is "0" or "root").Select(service => service.Key));
        Assert.Equal("service_completed_successfully", At(services["rabbitmq"], "depends_on", "certificates", "condition"));
    }

    [Fact]
    public void Dockerfile_BaseImagesAreExact_AndPackagesAreLocked()
    {
        var images =
                Regex.Matches(Dockerfile, "^ARG \\w+_IMAGE=(?<image>\\S+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1))
            .Select(match => match.Groups["image"].Value).ToArray();
        Assert.Equal(2, images.Length);
        Assert.All(images, image => Assert.Matches(ExactImage(), image));
        Assert.All(images, image => Assert.Contains(image, Compose, StringComparison.Ordinal));
        Assert.DoesNotMatch(new Regex("^FROM (?!\\$\\{(SDK|RUNTIME)_IMAGE\\}|base )", RegexOptions.Multiline
            | RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)), Dockerfile);
        foreach (var published in Regex.Matches(Dockerfile, "dotnet publish (?<project>\\S+)", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1))
            .Select(match => match.Groups["project"].Value))
        {
            var restored = Regex.Match(Dockerfile, $"dotnet restore {Regex.Escape(published)} +--locked-mode", RegexOptions.None, TimeSpan.FromSeconds(1));
            Assert.True(restored.Success && restored.Index < Dockerfile.IndexOf("dotnet publish", StringComparison.Ordinal), published);
        }
    }


    [GeneratedRegex("^  (?<name>[a-z0-9-]+):\\s*$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ServiceName();

    /// <summary>A digest, or a tag of three numbers.</summary>
    [GeneratedRegex("^(?<name>[a-z0-9./-]+)(@sha256:[0-9a-f]{64}|:\\d+\\.\\d+\\.\\d+(-[a-z]+)?)$",
        RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ExactImage();

    [GeneratedRegex("\\$\\{\\w+:-(?<default>[^}]+)\\}", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Variable();

    [GeneratedRegex("target: (?<name>[a-z]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Target();

    [GeneratedRegex("(dockerfile: |- \\./)(?<path>[^:},\\s]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex LocalPath();

    [GeneratedRegex("^COPY (?!--from)(?<paths>.+) \\S+$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex CopiedPath();
}
