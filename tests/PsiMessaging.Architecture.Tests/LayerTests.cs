using System.Reflection;
using NetArchTest.Rules;

namespace PsiMessaging.Architecture.Tests;

/// <summary>The arrows of docs/architecture.md: who may reference whom, and who alone may use a package.</summary>
public class LayerTests
{
    private static readonly Dictionary<string, string[]> MayReference = new(StringComparer.Ordinal)
    {
        ["PsiMessaging.Contracts"] = [],
        ["PsiMessaging.Cryptography"] = [],
        ["PsiMessaging.Protocols"] = ["Cryptography"],
        ["PsiMessaging.Files"] = [],
        ["PsiMessaging.Data"] = ["Files"],
        ["PsiMessaging.Analytics"] = ["Cryptography", "Files", "Data"],
        ["PsiMessaging.Participants"] = ["Contracts", "Cryptography", "Files"],
        ["PsiMessaging.Party"] = ["Participants", "Contracts", "Cryptography", "Protocols", "Files", "Data", "Analytics"],
        ["PsiMessaging.Linker"] = ["Participants", "Contracts", "Cryptography", "Files", "Data", "Analytics"],
        ["PsiMessaging.Storage"] = ["Participants"],
        ["PsiMessaging.Messaging"] = ["Participants", "Contracts"],
        ["PsiMessaging.WorkerHost"] = ["Messaging", "Storage", "Participants", "Files", "Contracts"],
        ["PsiMessaging.Compute"] = ["WorkerHost", "Messaging", "Party", "Protocols", "Participants", "Files", "Contracts", "Cryptography"],
        ["psi-party-worker"] = ["WorkerHost", "Messaging", "Compute", "Party", "Data", "Participants"],
        ["psi-linker-worker"] = ["WorkerHost", "Linker", "Participants"],
    };

    private static readonly Dictionary<string, string[]> PackageUsers = new(StringComparer.Ordinal)
    {
        ["MassTransit"] = ["PsiMessaging.Messaging"],
        ["RabbitMQ.Client"] = ["PsiMessaging.Messaging"],
        ["Microsoft.Data.Sqlite"] = ["PsiMessaging.Storage"],
        ["DuckDB.NET"] = ["PsiMessaging.Analytics", "PsiMessaging.Data"],
        ["MathNet.Numerics"] = ["PsiMessaging.Analytics"],
        ["ScottPlot"] = ["psi"],
        ["Parquet"] = ["PsiMessaging.Data"],
        ["Sylvan"] = ["PsiMessaging.Data"],
        ["ExcelDataReader"] = ["PsiMessaging.Data"],
        ["ZstdSharp"] = ["PsiMessaging.Data"],
        ["Org.BouncyCastle"] = ["PsiMessaging.Cryptography"],
        ["Microsoft.AspNetCore"] = ["PsiMessaging.WorkerHost"],
        ["Spectre.Console"] = ["psi"],
        ["System.CommandLine"] = ["psi"],
    };

    public static TheoryData<string> Assemblies => [.. MayReference.Keys];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Assembly_ReferencesOnlyWhatItMay(string name)
    {
        var allowed = MayReference[name].Select(layer => "PsiMessaging." + layer);
        var found = Assembly.Load(name).GetReferencedAssemblies().Select(reference => reference.Name!).Where(reference => reference.StartsWith("PsiMessaging", StringComparison.Ordinal) || reference.StartsWith("psi", StringComparison.Ordinal));
        Assert.Empty(found.Except(allowed, StringComparer.Ordinal));
    }

    [Fact]
    public void EveryProjectOfOurs_HasItsRule()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "PsiMessaging.sln")))
        {
            folder = folder.Parent!;
        }

        var projects = Directory.GetFiles(Path.Combine(folder.FullName, "src"), "*.csproj", SearchOption.AllDirectories).Select(path => Path.GetFileNameWithoutExtension(path));
        Assert.Equal(projects.Order(StringComparer.Ordinal),
            MayReference.Keys.Except(["PsiMessaging.Contracts"]).Select(name => name switch { "psi-party-worker" => "PsiMessaging.PartyWorker", "psi-linker-worker" => "PsiMessaging.LinkerWorker", _ => name })
                .Append("PsiMessaging.Cli").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Packages_AreUsedWhereTheyBelong()
    {
        foreach (var (package, users) in PackageUsers)
        {
            foreach (var name in MayReference.Keys.Append("psi").Except(users))
            {
                var result = Types.InAssembly(Assembly.Load(name)).ShouldNot().HaveDependencyOn(package).GetResult();
                Assert.True(result.IsSuccessful, $"{name} uses {package}: {string.Join(", ", result.FailingTypeNames ?? [])}");
            }

            Assert.All(users, user => Assert.False(Types.InAssembly(Assembly.Load(user)).ShouldNot().HaveDependencyOn(package).GetResult().IsSuccessful, $"{user} does not use {package} any more: mend the rule"));
        }
    }

    [Fact]
    public void Protocols_DoNoInputOrOutput()
    {
        foreach (var forbidden in new[] { "System.IO.File", "System.Net", "System.Threading.Timer", "System.DateTime", "System.Random" })
        {
            Assert.True(Types.InAssembly(Assembly.Load("PsiMessaging.Protocols")).ShouldNot().HaveDependencyOn(forbidden).GetResult().IsSuccessful, forbidden);
        }
    }

    [Fact]
    public void LinkerImage_HoldsNoPartyCode()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var queue = new Queue<string>(["psi-linker-worker"]);
        while (queue.TryDequeue(out var name))
        {
            foreach (var reference in Assembly.Load(name).GetReferencedAssemblies().Select(reference => reference.Name!).Where(reference => reference.StartsWith("PsiMessaging", StringComparison.Ordinal)))
            {
                if (seen.Add(reference))
                {
                    queue.Enqueue(reference);
                }
            }
        }

        Assert.DoesNotContain("PsiMessaging.Party", seen);
        Assert.DoesNotContain("PsiMessaging.Protocols", seen);
        Assert.DoesNotContain("PsiMessaging.Compute", seen);
        Assert.Contains("PsiMessaging.Linker", seen);
    }
}
