using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using NetArchTest.Rules;
using PsiMessaging.Batches;
using PsiMessaging.Shape;

namespace PsiMessaging.Architecture.Tests;

/// <summary>The arrows of docs/architecture.md: who may reference whom, and who alone may use a package.</summary>
public class LayerTests
{
    private static readonly Dictionary<string, string[]> MayReference = new(StringComparer.Ordinal)
    {
        ["PsiMessaging.Contracts"] = [],
        ["PsiMessaging.Cryptography"] = [],
        ["PsiMessaging.Protocols"] = ["Contracts", "Cryptography"],
        ["PsiMessaging.Files"] = [],
        ["PsiMessaging.Batches"] = ["Files"],
        ["PsiMessaging.Data"] = ["Files"],
        ["PsiMessaging.Disclosure"] = ["Cryptography", "Files"],
        ["PsiMessaging.Suppression"] = [],
        ["PsiMessaging.Analytics"] = ["Contracts", "Cryptography", "Batches", "Data"],
        ["PsiMessaging.Participants"] = ["Contracts", "Cryptography", "Files"],
        ["PsiMessaging.Party"] = ["Participants", "Contracts", "Cryptography", "Protocols", "Files", "Batches", "Data", "Analytics", "Disclosure"],
        ["PsiMessaging.Linker"] = ["Participants", "Contracts", "Cryptography", "Files", "Batches"],
        ["PsiMessaging.Storage"] = ["Participants"],
        ["PsiMessaging.Messaging"] = ["Participants", "Files", "Contracts"],
        ["PsiMessaging.WorkerHost"] = ["Messaging", "Storage", "Participants", "Files", "Contracts"],
        ["PsiMessaging.Compute"] = ["WorkerHost", "Messaging", "Protocols", "Participants", "Files", "Contracts", "Cryptography"],
        ["PsiMessaging.InProcess"] = ["Party", "Linker", "Participants", "Data", "Protocols"],
        ["psi-party-worker"] = ["WorkerHost", "Messaging", "Compute", "Party", "Protocols", "Cryptography", "Data", "Participants"],
        ["psi-linker-worker"] = ["WorkerHost", "Linker", "Participants"],
    };

    private static readonly Dictionary<string, string[]> PackageUsers = new(StringComparer.Ordinal)
    {
        ["MassTransit"] = ["PsiMessaging.Messaging"],
        ["RabbitMQ.Client"] = ["PsiMessaging.Messaging"],
        ["Microsoft.Data.Sqlite"] = ["PsiMessaging.Storage"],
        ["DuckDB.NET"] = ["PsiMessaging.Batches", "PsiMessaging.Data"],
        ["Google.OrTools"] = ["PsiMessaging.Suppression"],
        ["MathNet.Numerics"] = ["PsiMessaging.Analytics"],
        ["ScottPlot"] = ["psi"],
        ["Parquet"] = ["PsiMessaging.Batches", "PsiMessaging.Data"],
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
        var found = Assembly.Load(name).GetReferencedAssemblies().Select(reference => reference.Name!)
            .Where(reference => reference.StartsWith("PsiMessaging", StringComparison.Ordinal) || reference.StartsWith("psi", StringComparison.Ordinal));
        Assert.Empty(found.Except(allowed, StringComparer.Ordinal));
    }

    [Fact]
    public void EveryProjectOfOurs_HasItsRule()
    {
        var projects = Directory.GetFiles(Path.Combine(SourceTree.RootAbove(AppContext.BaseDirectory), "src"), "*.csproj", SearchOption.AllDirectories)
            .Select(path => Path.GetFileNameWithoutExtension(path));
        Assert.Equal(projects.Order(StringComparer.Ordinal),
            MayReference.Keys.Except(["PsiMessaging.Contracts"])
                .Select(name => name switch { "psi-party-worker" => "PsiMessaging.PartyWorker", "psi-linker-worker" => "PsiMessaging.LinkerWorker", _ => name })
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

            Assert.All(users, user => Assert.False(Types.InAssembly(Assembly.Load(user)).ShouldNot().HaveDependencyOn(package)
                .GetResult().IsSuccessful, $"{user} does not use {package} any more: mend the rule"));
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

    /// <summary>Code that knows keys, plaintext or a party's side of a question, and what it stands in.</summary>
    private static readonly (string Assembly, string[] Types)[] OfPartiesAlone =
    [
        ("PsiMessaging.Data", ["CsvRecordReader", "ParquetRecordReader", "WorkbookRecordReader", "Canonicalizer", "IdentifierFile", "AlignedRows"]),
        ("PsiMessaging.Protocols", ["EcdhParty", "BlindRsaParty", "VoleSenderParty", "VoleReceiverParty", "HiddenParty"]),
        ("PsiMessaging.Analytics", ["TokenKeys", "ValueCipher", "QueryMasks", "PartyMatrix", "MaskedTable", "AnswerBuilder", "QueryParser", "BoundQuery",
            "HiddenAsker", "HiddenContributor"]),
        ("PsiMessaging.Party", ["SessionSecrets", "DatasetCatalog", "ReusableSet", "PartySession"]),
        ("PsiMessaging.Compute", ["ComputeKey", "ComputeService"]),
        ("PsiMessaging.InProcess", ["LocalCluster"]),
    ];

    [Fact]
    public void LinkerImage_HoldsNoPartyCode()
    {
        // What is published with the worker stands in this file, whether its code is called or not.
        using var dependencies = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "psi-linker-worker.deps.json")));
        var published = dependencies.RootElement.GetProperty("libraries").EnumerateObject()
            .Where(library => library.Value.GetProperty("type").GetString() == "project").Select(library => library.Name.Split('/')[0])
            .Select(name => name == "PsiMessaging.LinkerWorker" ? "psi-linker-worker" : name).ToArray();
        Assert.Equal(
            ["PsiMessaging.Batches", "PsiMessaging.Contracts", "PsiMessaging.Cryptography", "PsiMessaging.Files", "PsiMessaging.Linker",
                "PsiMessaging.Messaging", "PsiMessaging.Participants", "PsiMessaging.Storage", "PsiMessaging.WorkerHost", "psi-linker-worker"],
            published.Order(StringComparer.Ordinal));
        var held = published.SelectMany(name => Assembly.Load(name).GetTypes()).Select(type => type.Name).ToHashSet(StringComparer.Ordinal);
        Assert.Contains("TokenEngine", held);
        foreach (var (assembly, types) in OfPartiesAlone)
        {
            Assert.DoesNotContain(assembly, published);
            var there = Assembly.Load(assembly).GetTypes().Select(type => type.Name).ToHashSet(StringComparer.Ordinal);
            Assert.All(types, type =>
            {
                Assert.True(there.Contains(type), $"{assembly} has no {type} any more: mend the rule");
                Assert.DoesNotContain(type, held);
            });
        }
    }

    [Fact]
    public void LinkerImage_IsMadeOfTheLinkersWorkerAlone()
    {
        var dockerfile = File.ReadAllText(Path.Combine(SourceTree.RootAbove(AppContext.BaseDirectory), "deploy", "Dockerfile"));
        Assert.Matches(@"dotnet publish src/PsiMessaging\.LinkerWorker +-c Release -o /publish/linker\b", dockerfile);
        Assert.Single(Regex.Matches(dockerfile, "-o /publish/linker\\b", RegexOptions.None, TimeSpan.FromSeconds(1)));
        var image = dockerfile[dockerfile.IndexOf("\nFROM base AS linker\n", StringComparison.Ordinal)..];
        image = image[..image.IndexOf("\nFROM ", 1, StringComparison.Ordinal)];
        Assert.Equal(["COPY --from=build /publish/linker /app"], image.Split('\n').Where(line => line is ['C', 'O', 'P', 'Y', ..] or ['A', 'D', 'D', ..]));
        var shared = dockerfile[dockerfile.IndexOf(" AS base\n", StringComparison.Ordinal)..dockerfile.IndexOf("\nFROM base AS", StringComparison.Ordinal)];
        Assert.DoesNotContain("\nCOPY", shared, StringComparison.Ordinal);
    }
}
