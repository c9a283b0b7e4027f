using System.Text.RegularExpressions;
using YamlDotNet.Serialization;

namespace PsiMessaging.Architecture.Tests;

/// <summary>What docker-compose.yml and the Dockerfile name must exist; no file of deployment holds a password.</summary>
public partial class DeployTests
{
    private static readonly string Root = FindRoot();

    private static string Compose => File.ReadAllText(Path.Combine(Root, "docker-compose.yml"));

    private static string Dockerfile => File.ReadAllText(Path.Combine(Root, "deploy", "Dockerfile"));

    [Fact]
    public void Compose_HasTheServicesAndTheirImagesAreMade()
    {
        var services = ServiceName().Matches(Compose[Compose.IndexOf("\nservices:", StringComparison.Ordinal)..Compose.IndexOf("\nvolumes:", StringComparison.Ordinal)]).Select(match => match.Groups["name"].Value);
        Assert.Equal(["rabbitmq", "prepare", "linker", "p1", "p1-compute", "p2", "demo"], services);
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
        Assert.All(new[] { "broker:", "p1:", "p2:", "linker:", "p1-key:" }, volume => Assert.Contains("\n  " + volume, declared, StringComparison.Ordinal));
        Assert.DoesNotContain('\t', Compose);
    }

    [Fact]
    public void Deployment_HoldsNoPassword_AndRunsWithoutRights()
    {
        foreach (var text in new[] { Compose, Dockerfile })
        {
            Assert.DoesNotMatch(new Regex("(?<word>pass|password)\\s*[:=]", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)), text);
            Assert.DoesNotMatch(new Regex("amqps?://[^@\\s]*:[^@\\s]*@", RegexOptions.None, TimeSpan.FromSeconds(1)), text);
        }

        Assert.Contains("\nUSER 1654\n", Dockerfile, StringComparison.Ordinal);
    }

    public static TheoryData<string> Manifests => [.. Directory.GetFiles(Path.Combine(Root, "deploy", "kubernetes"), "*.yaml").Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    private static Dictionary<object, object> Parse(string path) => (Dictionary<object, object>)new DeserializerBuilder().Build().Deserialize(File.ReadAllText(Path.Combine(Root, path)))!;

    private static object At(object node, params object[] path) => path.Aggregate(node, (at, step) => step is int index ? ((List<object>)at)[index] : ((Dictionary<object, object>)at)[step]);

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
            Assert.Equal(Participants.QueueAddress.ComputeOf("psi", "P1").Name, At(manifest, "spec", "triggers", 0, "metadata", "queueName"));
            return;
        }

        var pod = At(manifest, "spec", "template", "spec");
        Assert.Equal(("true", "1654"), (At(pod, "securityContext", "runAsNonRoot"), At(pod, "securityContext", "runAsUser")));
        var container = At(pod, "containers", 0);
        Assert.Contains($" AS {((string)At(container, "image")).Replace("psimessaging-", "", StringComparison.Ordinal)}\n", Dockerfile, StringComparison.Ordinal);
        Assert.Equal(("/health", "/ready"), (At(container, "livenessProbe", "httpGet", "path"), At(container, "readinessProbe", "httpGet", "path")));
        Assert.NotNull(At(container, "resources", "limits", "memory"));
        Assert.Equal("true", At(container, "securityContext", "readOnlyRootFilesystem"));

        // Every variable it sets is one that the code reads, and the broker's address with its password comes from a secret.
        var sources = string.Concat(Directory.GetFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        Assert.All((List<object>)At(container, "env"), variable => Assert.Contains($"\"{At(variable, "name")}\"", sources, StringComparison.Ordinal));
        Assert.NotNull(((List<object>)At(container, "env")).Select(variable => (Dictionary<object, object>)variable).Single(variable => (string)variable["name"] == "PSI_BROKER")["valueFrom"]);
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "PsiMessaging.sln")))
        {
            folder = folder.Parent!;
        }

        return folder.FullName;
    }

    [GeneratedRegex("^  (?<name>[a-z0-9-]+):\\s*$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ServiceName();

    [GeneratedRegex("target: (?<name>[a-z]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Target();

    [GeneratedRegex("(dockerfile: |- \\./)(?<path>[^:},\\s]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex LocalPath();

    [GeneratedRegex("^COPY (?!--from)(?<paths>.+) \\S+$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex CopiedPath();
}
