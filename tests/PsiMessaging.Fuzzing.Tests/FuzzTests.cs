using System.Text;

namespace PsiMessaging.Fuzzing.Tests;

/// <summary>
/// Every decoder of what comes from outside, on its corpus, on every input that was a fault once, and on some thousands that are altered from those under a
/// seed. tests/fuzz looks further.
/// </summary>
public class FuzzTests
{
    private const int Inputs = 3000, InputsByFile = 150;

    public static TheoryData<string> Targets => [.. FuzzTarget.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Decoder_AnyBytes_AreReadOrRefusedAsDocumented(string name)
    {
        var target = FuzzTarget.All.Single(known => known.Name == name);
        var corpus = Corpus(name);
        var most = corpus.Count + (name.EndsWith("batch", StringComparison.Ordinal) ? InputsByFile : Inputs);
        var outcome = new Fuzzer(target, seed: 1).Run(corpus, runs => runs < most);
        Assert.True(outcome.Fault is null, $"{outcome.Fault?.What}: {Convert.ToBase64String(outcome.Fault?.Input ?? [])}");
        Assert.Equal(most, outcome.Runs);
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void Seeds_AreThere(string name) => Assert.NotEmpty(FuzzTarget.All.Single(known => known.Name == name).Seeds());

    /// <summary>A fault that is planted is found, and its input with it.</summary>
    [Fact]
    public void Fuzzer_FindsAPlantedFault()
    {
        var planted = new FuzzTarget("planted", () => ["{\"a\":[1]}"u8.ToArray()], bytes =>
        {
            if (Encoding.UTF8.GetString(bytes).Contains("[null]", StringComparison.Ordinal))
            {
                throw new InvalidOperationException("planted");
            }
        });
        var outcome = new Fuzzer(planted, seed: 1).Run([], runs => runs < 100_000);
        Assert.Contains("planted", outcome.Fault?.What, StringComparison.Ordinal);
        Assert.Contains("[null]", Encoding.UTF8.GetString(outcome.Fault!.Input), StringComparison.Ordinal);
    }

    [Fact]
    public void Fuzzer_MemoryWithoutBound_IsAFault()
    {
        var greedy = new FuzzTarget("greedy", () => [[1]], bytes => GC.KeepAlive(new byte[300 << 20]));
        Assert.Contains("MiB were allocated for 1 bytes", new Fuzzer(greedy, seed: 1).Run([], _ => false).Fault?.What, StringComparison.Ordinal);
    }

    private static IReadOnlyList<byte[]> Corpus(string name)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "corpus", name);
        return Directory.Exists(folder) ? [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)] : [];
    }
}
