using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Datasets;
using PsiMessaging.Party.Session;
using PsiMessaging.Testing;

namespace PsiMessaging.Attacks.Tests;

/// <summary>The other party, pinned and with the stock client: asks for what it was not offered, and reads what the refusals say.</summary>
public sealed class NosyPartner
{
    private static async Task<string> RefusalAsync(string? asked, params string[] datasets)
    {
        await using var network = new TestNetwork();
        using var folder = new TempFolder();
        await network.P1.AddAsync("istat", folder.Write("istat.csv", Samples.Istat));
        foreach (var name in datasets)
        {
            await network.P2.AddAsync(name, folder.Write("bi.csv", Samples.Bi));
        }

        network.Start();
        var reply = await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh", peerDataset: asked));
        Assert.True(reply.Ok, reply.Message);
        var session = await network.P1.WaitAsync(session => session.IsEnded);
        Assert.Equal((SessionState.Failed, FailureCodes.UnknownDataset), (session.State, session.FailureCode));
        return session.FailureReason!;
    }

    [Fact]
    public async Task ProbesForDatasets_IsToldTheSameWhateverThereIs()
    {
        string[] told =
        [
            await RefusalAsync("guess"), await RefusalAsync("guess", "PAYROLL"), await RefusalAsync("guess", "PAYROLL", "ONCOLOGY"),
            await RefusalAsync(null), await RefusalAsync(null, "PAYROLL", "ONCOLOGY"),
        ];
        Assert.Single(told.Distinct(StringComparer.Ordinal));
        Assert.DoesNotContain("PAYROLL", told[0], StringComparison.Ordinal);
        Assert.DoesNotContain("ONCOLOGY", told[0], StringComparison.Ordinal);
    }

    /// <summary>Own people still get the helpful words.</summary>
    [Fact]
    public async Task ProbesForDatasets_TheOwnPeopleSeeWhatWasAsked()
    {
        await using var network = new TestNetwork();
        await network.AddDataAsync();
        network.Start();
        Assert.True((await network.P1.CommandAsync(null, TestNetwork.Propose(protocol: "ecdh", peerDataset: "guess"))).Ok);
        Assert.Contains("was asked for a dataset guess", (await network.P2.WaitAsync(session => session.IsEnded)).FailureReason, StringComparison.Ordinal);
        var own = await network.P1.CommandAsync(null, TestNetwork.Propose() with { Dataset = "istta" });
        Assert.Contains("it has istat", own.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task MeetsTheOthersDamagedFiles_LearnsNoPathAndNoName(bool key)
    {
        await using var network = new TestNetwork(configure: config => config);
        await network.AddDataAsync();
        var datasets = network.P2.Home.DatasetsPath;
        if (key)
        {
            // A set without its key, asked for by its bits.
            Directory.CreateDirectory(Path.Combine(datasets, "bi", "reusable"));
            File.WriteAllText(Path.Combine(datasets, "bi", "reusable", "set.json"), "{}");
        }
        else
        {
            File.Delete(Path.Combine(datasets, "bi", "identifiers.bin"));
        }

        network.Start();
        Assert.True(
            (await network.P1.CommandAsync(null, key ? TestNetwork.Propose(reveal: "initiator", reuse: true) : TestNetwork.Propose(protocol: "ecdh"))).Ok);
        var told = (await network.P1.WaitAsync(session => session.IsEnded)).FailureReason!;
        Assert.StartsWith("P2: ", told, StringComparison.Ordinal);
        Assert.DoesNotContain('/', told);
        Assert.DoesNotMatch("\\bbi\\b", told);
        Assert.Contains("bi", (await network.P2.WaitAsync(session => session.IsEnded)).FailureReason, StringComparison.Ordinal);
    }
}
