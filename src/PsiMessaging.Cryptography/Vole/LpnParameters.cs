namespace PsiMessaging.Cryptography.Vole;

/// <summary>
/// Sizes of a silent VOLE: how much noise, over which length. Everything follows from the number of outputs, so that both parties derive it and neither can
/// choose it. The assumption is dual LPN with regular noise over GF(2^128) for the code of <see cref="ExpandConvoluteCode"/>; docs/protocols.md has the table of attacks.
/// </summary>
/// <param name="Outputs">Correlations wanted, m: 4,096 to 2^26.</param>
/// <param name="Noise">Noise positions, t, one a block: 256, 384 or 512.</param>
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
        return new LpnParameters(padded, padded <= 1 << 19 ? 256 : padded <= 1 << 23 ? 384 : 512);
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

    /// <summary>Tiles of 128 transfers on the wire; in the malicious variant one more hides the check's opening.</summary>
    public int TransferTiles(bool malicious) => ((Transfers(malicious) + 127) / 128) + (malicious ? 1 : 0);

    /// <summary>
    /// Bits of work over advantage of the best attack we know of the family that looks for noise-free windows of the code: s = t/4 intervals of the folded half, each
    /// across the border of two noise blocks, of total fraction f = (50·s/k)^(1/7), hold one linear test; finding it costs an elimination of 50·s unknowns (exponent
    /// 2.37), and it is free of the folded half's t/2 noise positions with probability (1 - f)^(t/2). Own analysis, not reviewed, of this family only.
    /// </summary>
    public double EstimatedBits
    {
        get
        {
            var unknowns = 50 * Noise / 4.0;
            var fraction = Math.Min(0.999, Math.Pow(unknowns / Folded, 1.0 / 7));
            return (-(Noise / 2.0) * Math.Log2(1 - fraction)) + (2.37 * Math.Log2(unknowns));
        }
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
