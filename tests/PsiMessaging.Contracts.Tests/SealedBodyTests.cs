using System.Collections;
using System.Text;
using System.Text.Json;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Contracts.Tests;

/// <summary>
/// Bodies of messages, byte for byte against their stored form, and their pages. A difference is a change of the wire, also where neither broker nor linker can
/// see it. Rewrite the samples with PSI_WRITE_GOLDEN=FOLDER and change the message's page in the same commit.
/// </summary>
public class SealedBodyTests
{
    private static readonly (string Name, Type Message, object Body)[] Samples =
    [
        ("ProposeQuery", typeof(ProposeQuery), new QueryProposal("cov(T, Y) by 'Città'", new PartyShape(2, [3, 0]), 20,
            new QueryAnnouncement([50, 51], [[30, 71]], [new ColumnAnnouncement("Età", [new ColumnSpread(50, 40, 500, 100), new ColumnSpread(0, 0, 0)])]),
            new ReleaseAnnouncement([new ColumnAnnouncement("Età", [new ColumnSpread(50, 41, 0), new ColumnSpread(0, 0, 0)])], ["Età"],
                [[50, 51], [41, 0]], [1]))),
        ("ProposeQuery.least", typeof(ProposeQuery), new QueryProposal("count", new PartyShape(1, []), 1)),
        ("AcceptQuery", typeof(AcceptQuery),
            new PartyLabels([["Città", null], ["a \"quoted\" <label> & more", "16-24"]], [["(0)", "1"], []], ["SEX", "Età"],
                new NoiseTerms(NoiseKind.Gaussian, 2.5m), ["Età"])),
        ("AcceptQuery.least", typeof(AcceptQuery), new PartyLabels([], [])),
        ("AcceptQuery.cellKey", typeof(AcceptQuery),
            new PartyLabels([["N"], [null]], [], null, new NoiseTerms(NoiseKind.CellKey, Thresholds: [4846, 20851, 44685, 60690]))),
        ("RefuseQuery", typeof(RefuseQuery), new QueryRefusal("the question's “shape” cannot be")),
    ];

    private static readonly ulong[] Words = [0, 1, 0x0123456789abcdef, ulong.MaxValue, 0x8000000000000000, 42];

    public static TheoryData<string> Names => [.. Samples.Select(sample => sample.Name)];

    public static TheoryData<string> Messages => [.. SealedBodies.Messages.Select(message => message.Name)];

    private static byte[] Serialize(object body) => JsonSerializer.SerializeToUtf8Bytes(body, body.GetType(), SealedBodyJson.Default);

    private static void AssertGolden(string file, string text)
    {
        if (Environment.GetEnvironmentVariable("PSI_WRITE_GOLDEN") is { } folder)
        {
            File.WriteAllText(Path.Combine(folder, file), text);
        }

        Assert.Equal(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", file)), text);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void SealedBody_Serialised_EqualsItsGoldenBytes(string name)
    {
        var (_, message, body) = Array.Find(Samples, sample => sample.Name == name);
        Assert.Equal(SealedBodies.Of(message), body.GetType());
        AssertGolden($"sealed.v1.{name}.json", Encoding.UTF8.GetString(Serialize(body)) + "\n");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void GoldenSample_Read_WritesItselfAgain(string name)
    {
        var golden = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", $"sealed.v1.{name}.json"));
        var body = JsonSerializer.Deserialize(golden, SealedBodies.Of(Array.Find(Samples, sample => sample.Name == name).Message)!, SealedBodyJson.Default)!;
        Assert.Equal(golden, (byte[])[.. Serialize(body), (byte)'\n']);
    }

    [Fact]
    public void EverySealedType_HasASample_AndNothingElseIsSealed()
    {
        Assert.Equal(SealedBodies.Messages.ToHashSet(), Samples.Select(sample => sample.Message).ToHashSet());
        var roots = typeof(SealedBodyJson).GetCustomAttributesData().Where(attribute => attribute.AttributeType.Name == "JsonSerializableAttribute")
            .Select(attribute => (Type)attribute.ConstructorArguments[0].Value!);
        Assert.Equal(roots.ToHashSet(), SealedBodies.Messages.Select(message => SealedBodies.Of(message)!).ToHashSet());

        // A page that says its body is sealed is that of a message with a sealed body.
        foreach (var name in ContractCatalog.Names)
        {
            var type = ContractCatalog.Find(name)!;
            Assert.Equal(ContractsFolder.PageOf(type.Name).Contains("## Sealed body", StringComparison.Ordinal), SealedBodies.Of(type) is not null);
        }

        Assert.All(SealedBodies.Messages, message => Assert.True(MessageLimits.Of(message)!.BodyBytes > 0));
    }

    [Theory]
    [MemberData(nameof(Messages))]
    public void SealedBody_HasAPageWithEveryMemberItsTypeAndItsBound(string message)
    {
        var section = ContractsFolder.PageOf(message);
        section = section[section.IndexOf("## Sealed body", StringComparison.Ordinal)..];
        section = section[..section.IndexOf("\n## ", 1, StringComparison.Ordinal)];
        var rows = section.Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .Select(line => line.Trim('|').Split(" | ").Select(cell => cell.Trim()).ToArray()).ToArray();
        var body = SealedBodies.Of(ContractCatalog.Find("psi.v1." + message)!)!;
        var expected = MembersOf(body, "").ToArray();
        Assert.Equal(expected.Select(member => $"`{member.Path}`").Order(StringComparer.Ordinal), rows.Select(row => row[0]).Order(StringComparer.Ordinal));
        Assert.All(rows, row =>
        {
            Assert.Equal(4, row.Length);
            Assert.All(row, cell => Assert.NotEmpty(cell));
            Assert.StartsWith(expected.Single(member => $"`{member.Path}`" == row[0]).Kind, row[1], StringComparison.Ordinal);
        });
        Assert.Contains($"`tests/PsiMessaging.Contracts.Tests/Golden/sealed.v1.{message}.json`", section, StringComparison.Ordinal);
        Assert.Contains($"x-sealed-body:\n        $ref: '#/components/schemas/{body.Name}'", AsyncApi(), StringComparison.Ordinal);
    }

    [Fact]
    public void AsyncApi_HasASchemaForEveryTypeInASealedBody_WithItsMembers()
    {
        var schemas = AsyncApi();
        schemas = schemas[schemas.IndexOf("\n  schemas:\n", StringComparison.Ordinal)..] + "    End:\n";
        foreach (var type in SealedBodies.Messages.SelectMany(message => TypesOf(SealedBodies.Of(message)!)).Distinct())
        {
            var start = schemas.IndexOf($"\n    {type.Name}:\n", StringComparison.Ordinal);
            Assert.True(start >= 0, type.Name);
            var lines = schemas[(start + 1)..].Split('\n');
            var members = lines.Skip(1).TakeWhile(line => line.StartsWith("     ", StringComparison.Ordinal))
                .Where(line => line.StartsWith("        ", StringComparison.Ordinal) && line[8] != ' ')
                .Select(line => line.Trim().TrimEnd(':'));
            var expected = type.GetProperties().Select(property => JsonNamingPolicy.CamelCase.ConvertName(property.Name));
            Assert.Equal(expected.Order(StringComparer.Ordinal), members.Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public void BodyWords_AreInTheOrderAndLayoutThePagesState()
    {
        var body = BodyWords.Write(Words);
        AssertGolden("body.v1.ProductComputed.hex", Convert.ToHexStringLower(body) + "\n");
        Assert.Equal(Words, BodyWords.Read(body));
        Assert.Equal(BodyWords.WordSizeBytes * 1000 * 1000, 8_000_000);
        Assert.True(MessageLimits.Of(typeof(MaskedCorrection))!.BodyBytes >= 8_000_000 && MessageLimits.Of(typeof(ProductComputed))!.BodyBytes >= 8_000_000);
        foreach (var page in new[] { nameof(MaskedCorrection), nameof(ProductComputed) })
        {
            // Pages are wrapped, so a sentence may be broken anywhere.
            var text = string.Join(' ', ContractsFolder.PageOf(page).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
            Assert.Contains("Body of 8·p·q bytes, at most 8 MB: words in little-endian order, row after row.", text, StringComparison.Ordinal);
            Assert.Contains("`tests/PsiMessaging.Contracts.Tests/Golden/body.v1.ProductComputed.hex`", text, StringComparison.Ordinal);
        }
    }

    /// <summary>Every member of a body's JSON: a dot before those of an object, <c>[]</c> behind a list.</summary>
    private static IEnumerable<(string Path, string Kind)> MembersOf(Type type, string prefix)
    {
        foreach (var property in type.GetProperties())
        {
            var (path, (held, lists)) = (prefix + JsonNamingPolicy.CamelCase.ConvertName(property.Name), ElementOf(property.PropertyType));
            var kind = held == typeof(string) || held.IsEnum ? "string" : held == typeof(int) ? "integer" : held == typeof(decimal) ? "number" : "object";
            yield return (path + lists, kind);
            foreach (var member in kind == "object" ? MembersOf(held, path + lists + ".") : [])
            {
                yield return member;
            }
        }
    }

    private static IEnumerable<Type> TypesOf(Type type) => type.GetProperties().Select(property => ElementOf(property.PropertyType).Held)
        .Where(held => held.Namespace == typeof(SealedBodies).Namespace && !held.IsEnum).SelectMany(TypesOf).Prepend(type);

    private static (Type Held, string Lists) ElementOf(Type type)
    {
        var lists = "";
        while (type != typeof(string) && typeof(IEnumerable).IsAssignableFrom(type))
        {
            (type, lists) = (type.GetGenericArguments()[0], lists + "[]");
        }

        return (Nullable.GetUnderlyingType(type) ?? type, lists);
    }

    private static string AsyncApi() => File.ReadAllText(Path.Combine(ContractsFolder.Path, "asyncapi.yaml"));
}
