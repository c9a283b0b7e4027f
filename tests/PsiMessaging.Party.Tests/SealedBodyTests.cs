using System.Text;
using System.Text.Json;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Masked;

namespace PsiMessaging.Party.Tests;

/// <summary>What is sealed into the bodies of questions, byte for byte against its stored form: a property's new name would change the wire.</summary>
public class SealedBodyTests
{
    private static readonly PartyLabels Labels = new([["Città", null], ["a \"quoted\" <label> & more", "16-24"]], [["(0)", "1"], []], ["SEX", "Età"]);

    private static readonly (string Name, byte[] Json)[] Samples =
    [
        ("ProposeQuery", JsonSerializer.SerializeToUtf8Bytes(
            new QueryProposal("cov(T, Y) by 'Città'", new PartyShape(2, [3, 0]), 20,
                new Announcement([50, 51], [[30, 71]], [new ColumnAnnouncement("Età", [new ColumnSpread(50, 40, 500, 100), new ColumnSpread(0, 0, 0)])])),
            SessionJson.Default.QueryProposal)),
        ("ProposeQuery.least", JsonSerializer.SerializeToUtf8Bytes(new QueryProposal("count", new PartyShape(1, []), 1), SessionJson.Default.QueryProposal)),
        ("AcceptQuery", JsonSerializer.SerializeToUtf8Bytes(Labels, SessionJson.Default.PartyLabels)),
        ("AcceptQuery.least", JsonSerializer.SerializeToUtf8Bytes(new PartyLabels([], []), SessionJson.Default.PartyLabels)),
        ("RefuseQuery", JsonSerializer.SerializeToUtf8Bytes(new QueryRefusal("the question's “shape” cannot be"), SessionJson.Default.QueryRefusal)),
    ];

    public static TheoryData<string> Names => [.. Samples.Select(sample => sample.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void SealedBody_Serialised_EqualsItsGoldenBytes(string name)
    {
        var text = Encoding.UTF8.GetString(Array.Find(Samples, sample => sample.Name == name).Json) + "\n";
        if (Environment.GetEnvironmentVariable("PSI_WRITE_GOLDEN") is { } folder)
        {
            File.WriteAllText(Path.Combine(folder, $"sealed.v1.{name}.json"), text);
        }

        Assert.Equal(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", $"sealed.v1.{name}.json")), text);
    }
}
