using PsiMessaging.Cryptography.Ristretto;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Ecdh;
using PsiMessaging.Protocols.Evaluation;

namespace PsiMessaging.Protocols.Tests;

/// <summary>
/// Bodies of RoundBatch for fixed secrets and identifiers, byte for byte against their stored form (contracts/messages/RoundBatch.md): parties of two versions
/// could not compare what differs here.
/// </summary>
public class RoundBodyTests
{
    private static readonly byte[] Transcript = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    private static void AssertGolden(string name, byte[] body)
    {
        var (file, text) = ($"body.v1.RoundBatch.{name}.hex", Convert.ToHexStringLower(body) + "\n");
        if (Environment.GetEnvironmentVariable("PSI_WRITE_GOLDEN") is { } folder)
        {
            File.WriteAllText(Path.Combine(folder, file), text);
        }

        Assert.Equal(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", file)), text);
    }

    private static TestParty Party(byte seed, string[] own, int peer) =>
        new(new EcdhParty(own.Length, peer, Transcript, SecretBytes.CopyOf([.. Enumerable.Repeat(seed, 32)]), Reveal.Both), own);

    [Fact]
    public void Ecdh_ElementsAndTags_AreFixedWidthBackToBack_AndTheSameAsEver()
    {
        using var threads = new ComputeThreads(1);
        using var one = Party(1, ["RSSMRA80A01H501U", "è", ""], 2);
        using var two = Party(2, ["è", "x"], 3);
        var (masked, answered) = (one.Of(1, RoundDirection.Outgoing), two.Of(1, RoundDirection.Incoming));
        var elements = one.Evaluate(masked, 0, [], threads);
        Assert.Equal(masked.CountOf(0) * masked.ElementSizeBytes, elements.Length);

        // Each element stands by itself: that of the second identifier alone is the second of the three.
        using var alone = Party(1, ["è"], 2);
        var second = alone.Evaluate(alone.Of(1, RoundDirection.Outgoing), 0, [], threads);
        Assert.Equal(elements[RistrettoGroup.ElementSizeBytes..(2 * RistrettoGroup.ElementSizeBytes)], second);
        AssertGolden("ecdh1", elements);

        var tags = two.Evaluate(answered, 0, elements, threads);
        Assert.Equal(3 * two.Of(2, RoundDirection.Reply).ElementSizeBytes, tags.Length);
        AssertGolden("ecdh2", tags);
    }
}
