namespace PsiMessaging.Cryptography.Vole;

/// <summary>
/// Sizes of a silent VOLE: how much noise, over which length. Everything follows from the number of outputs, so that both parties derive it and neither can
/// choose it. The assumption is dual LPN with regular noise over GF(2^128) for the code of <see cref="ExpandConvoluteCode"/>; docs/protocols.md has the table
/// of attacks.
/// </summary>
/// <param name="Outputs">Correlations wanted, m: 4,096 to 2^26.</param>
/// <param name="Noise">Noise positions, t, one a block: 256, 384, 512 or 640.</param>
public sealed record LpnParameters(int Outputs, int Noise)
{
    /// <summary>Fewest outputs; smaller needs are padded to it.</summary>
    public const int MinimumOutputs = 4096;
    /// <summary>Most outputs the table covers.</summary>
    public const int MaximumOutputs = 1 << 26;
    /// <summary>Security the parameters aim at, in bits, against the attacks of the table.</summary>
    public const int SecurityBits = 128;

    /// <summary>The parameters for a number of outputs, 1 to 2^26.</summary>
    public static LpnParameters For(int outputs)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(outputs, MaximumOutputs);
        var padded = Math.Max(outputs, MinimumOutputs);
        return new LpnParameters(padded, padded switch { <= 1 << 17 => 256, <= 1 << 21 => 384, <= 1 << 23 => 512, _ => 640 });
    }

    /// <summary>Leaves of a tree, L: the length of a noise block.</summary>
    public int BlockLength => (int)(((2L * Outputs) + Noise - 1) / Noise);

    /// <summary>Levels of a tree, d.</summary>
    public int Depth => Math.Max(1, 32 - System.Numerics.BitOperations.LeadingZeroCount((uint)BlockLength - 1));

    /// <summary>Length of the noise vector, N = t·L.</summary>
    public int Length => Noise * BlockLength;

    /// <summary>Length of the half that is convolved, N - m.</summary>
    public int Folded => Length - Outputs;

    /// <summary>Bytes of one tree's corrections: two a level, and one for the leaf.</summary>
    public int TreeSizeBytes => (32 * Depth) + 16;

    /// <summary>Correlated transfers used: one a tree and level, then 128 a tree, then 128 for the check of the trees.</summary>
    public int Transfers(bool malicious) => (Noise * (Depth + 128)) + (malicious ? 128 : 0);

    /// <summary>Tiles of 128 transfers on the wire; the last one holds random bits only and hides the opening of the extension's check.</summary>
    public int TransferTiles(bool malicious) => ((Transfers(malicious) + 127) / 128) + 1;

    /// <summary>
    /// -log2 of the probability with which the best attack we know succeeds, of the family that looks for windows of the code free of noise; the attack's work
    /// is not counted. Own analysis, improved by a review, not reviewed outside, of this family only.
    /// </summary>
    public double EstimatedBits => WindowBits(Folded, Noise, ExpandConvoluteCode.Taps);

    /// <summary>
    /// The estimate of <see cref="EstimatedBits"/> for any code of the family: <see cref="WindowFraction"/>
    /// windows that hold at most two of the folded half's t/2 noise places.
    /// </summary>
    /// <remarks>
    /// Over a large field up to two noise places inside are no obstacle: with a few tests on the same windows, the columns of the places, taken modulo the
    /// vector of the tests' values, are parallel, and one pass with a hash table finds them. So P = (1-f)^T·(1 + T·ρ + C(T,2)·ρ²), T = t/2, ρ = f/(1-f).
    /// </remarks>
    /// <param name="folded">k, length of the folded half.</param>
    /// <param name="noise">t.</param>
    /// <param name="taps">Taps of an output.</param>
    internal static double WindowBits(int folded, int noise, int taps)
    {
        var (fraction, places) = (WindowFraction(folded, noise, taps), noise / 2.0);
        var ratio = fraction / (1 - fraction);
        return -(places * Math.Log2(1 - fraction)) - Math.Log2(1 + (places * ratio) + (places * (places - 1) / 2 * ratio * ratio));
    }

    /// <summary>
    /// The least fraction f of the folded half that t/4 windows must cover, each across a border of two noise blocks and with 50 unknowns (what enters it in
    /// two passes), to hold one linear test: 50·t/4 equations free of what lies outside.
    /// </summary>
    /// <remarks>
    /// Of k outputs k·f^a have all a taps inside. Each place outside is the only outer tap of λ = a·f^(a-1) outputs, of which any two give an equation; outputs
    /// with two outer taps join such places into trees, of mean degree μ = a(a-1)·f^(a-2)·(1-f), where any two in one tree do, at most λ²/(2(1-μ)) a place.
    /// Beyond μ = 1 trees grow together and f is taken to be enough. That equations from trees use more outputs, which may have noise of their own, is not
    /// counted: it would only help us.
    /// </remarks>
    internal static double WindowFraction(int folded, int noise, int taps)
    {
        var (low, high) = (0.0, (taps - 2.0) / (taps - 1));
        for (var step = 0; step < 60; step++)
        {
            var f = (low + high) / 2;
            var (single, degree) = (taps * Math.Pow(f, taps - 1), taps * (taps - 1) * Math.Pow(f, taps - 2) * (1 - f));
            var isEnough = degree >= 1 || folded * (Math.Pow(f, taps) + ((1 - f) * single * single / (2 * (1 - degree)))) >= 50 * noise / 4.0;
            (low, high) = isEnough ? (low, f) : (f, high);
        }

        return low;
    }

    /// <summary>Refuses what is weaker than the table; the constructor is open, so every use checks.</summary>
    /// <exception cref="ArgumentException">Less noise or fewer outputs than <see cref="For"/> gives.</exception>
    internal void ThrowIfWeak()
    {
        if (Outputs is < MinimumOutputs or > MaximumOutputs || Noise < For(Outputs).Noise || EstimatedBits < SecurityBits)
        {
            throw new ArgumentException($"LPN parameters of {Outputs:N0} outputs and {Noise:N0} noise positions are weaker than the table allows");
        }
    }
}
