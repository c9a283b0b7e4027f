using System.Text.RegularExpressions;

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
        Assert.Equal(["rabbitmq", "prepare", "linker", "p1", "p2", "demo"], services);
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
        Assert.All(new[] { "broker:", "p1:", "p2:", "linker:" }, volume => Assert.Contains("\n  " + volume, declared, StringComparison.Ordinal));
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

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "PsiMessaging.sln")))
        {
            folder = folder.Parent!;
        }

        return folder.FullName;
    }

    [GeneratedRegex("^  (?<name>[a-z0-9]+):\\s*$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ServiceName();

    [GeneratedRegex("target: (?<name>[a-z]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Target();

    [GeneratedRegex("(dockerfile: |- \\./)(?<path>[^:},\\s]+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex LocalPath();

    [GeneratedRegex("^COPY (?!--from)(?<paths>.+) \\S+$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex CopiedPath();
}
