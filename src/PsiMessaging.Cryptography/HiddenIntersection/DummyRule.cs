using PsiMessaging.Cryptography.Symmetric;

namespace PsiMessaging.Cryptography.HiddenIntersection;

/// <summary>
/// How many dummy records blur the number of matches that the linker sees. Each party adds the same known number, 2·s; D of them, from 0 to 2·s, are common to
/// both and are matched, the others are each party's own. D = s + g with P(g) proportional to e^(−ε·|g|) for |g| ≤ s, and s = ⌈ln(1/δ)/ε⌉: n + D is (ε,
/// δ)-differentially private for one record more or less in the intersection. Own analysis, not reviewed (docs/hidden.md).
/// </summary>
/// <param name="EpsilonThousandths">ε in thousandths, 1 to 10,000.</param>
/// <param name="DeltaBits">δ = 2^-this, 1 to 60; or 0 for no dummies at all.</param>
/// <remarks>
/// The known number must not be D itself: whoever knows a party's true size would have D from the size that is announced. The law is drawn by integers and
/// exactly (Canonne, Kamath, Steinke, arXiv 2004.00010, algorithm 1), so that both parties get the same D on any machine.
/// </remarks>
public sealed record DummyRule(int EpsilonThousandths, int DeltaBits)
{
    private const long NaturalLogarithmOf2 = 693_147_181, Billion = 1_000_000_000;

    /// <summary>Without dummies: the linker sees the number of matches itself.</summary>
    public static DummyRule None { get; } = new(1000, 0);

    /// <summary>What sessions take unless somebody says otherwise: ε = 0.5, δ = 2^-40, 112 dummies a party.</summary>
    public static DummyRule Default { get; } = new(500, 40);

    /// <summary>s.</summary>
    public int Shift => checked((int)(((DeltaBits * NaturalLogarithmOf2 * 1000) + (EpsilonThousandths * Billion) - 1) / (EpsilonThousandths * Billion)));

    /// <summary>Dummies that each party adds, 2·s.</summary>
    public int Dummies => 2 * Shift;

    /// <summary>Refuses a rule that cannot be.</summary>
    /// <exception cref="ArgumentOutOfRangeException">ε or δ is out of its range.</exception>
    public DummyRule Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(EpsilonThousandths, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(EpsilonThousandths, 10_000);
        ArgumentOutOfRangeException.ThrowIfNegative(DeltaBits);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(DeltaBits, 60);
        return this;
    }

    /// <summary>Draws D: the same at both parties, unknown to the linker.</summary>
    /// <param name="shared">The key the parties share.</param>
    /// <param name="transcript">Hash of their hand-shake, 32 bytes.</param>
    public int Draw(SecretBytes shared, ReadOnlySpan<byte> transcript)
    {
        using var seed = shared.Derive(transcript, DomainTags.HiddenDummyCount, 32);
        using var stream = new SeededStream(seed, DomainTags.HiddenDummyCount);
        return Draw(stream);
    }

    internal int Draw(SeededStream stream)
    {
        while (true)
        {
            var negative = stream.NextInt(2) == 1;
            var magnitude = 0;
            while (magnitude <= Shift && IsBelow(stream, EpsilonThousandths))
            {
                magnitude++;
            }

            // Zero once, not twice; and nothing beyond s: drawn again.
            if (magnitude <= Shift && !(negative && magnitude == 0))
            {
                return Shift + (negative ? -magnitude : magnitude);
            }
        }
    }

    /// <summary>True with probability e^(−thousandths/1000), exactly.</summary>
    private static bool IsBelow(SeededStream stream, int thousandths)
    {
        for (; thousandths > 1000; thousandths -= 1000)
        {
            if (!IsBelow(stream, 1000))
            {
                return false;
            }
        }

        // The first k at which a coin of γ/k falls wrong is odd with probability e^(−γ).
        var k = 1;
        while (stream.NextInt(1000 * k) < thousandths)
        {
            k++;
        }

        return k % 2 == 1;
    }
}
