namespace PsiMessaging.Disclosure.PrimaryRules;

/// <summary>
/// How sampling weights enter the rules of concentration, from the mildest to the strictest. The published total is weighted in all of them; they differ in
/// who the intruder is. Source: SDC Handbook, 4.2.2, "Sampling weights".
/// </summary>
public enum WeightRule
{
    /// <summary>The intruder is in the sample, and so is who it looks for: the largest sampled values against the weighted total.</summary>
    Sampled,

    /// <summary>A record of weight w stands for w contributors of its value, as τ-ARGUS has it; a fraction of one for that part of it.</summary>
    Replicated,

    /// <summary>The weights are known: whoever has record j takes w·x of it from the total, and what record i is known to weigh.</summary>
    Known
}

/// <summary>What becomes of cells that say something without anybody's value: where nobody is, or everybody.</summary>
public enum CellRule
{
    /// <summary>Shown.</summary>
    Show,

    /// <summary>Withheld.</summary>
    Withhold
}

/// <summary>
/// What a data holder asks of every cell, for counts, sums, means, models, before any of it is shown: the primary rules. One policy for all measures, so that
/// nothing is shown by one that another withholds. Its numbers are secret: with p known, a withheld cell's bounds are narrower (SDC Handbook, 4.2.2).
/// </summary>
public sealed record PrimaryPolicy
{
    /// <summary>The least policy: nothing is withheld but what cannot be computed.</summary>
    public static readonly PrimaryPolicy Least = new()
    {
        MinimumFrequency = 1,
        PercentRule = null,
        Weights = WeightRule.Sampled,
        GroupHolders = false,
        ZeroVariance = CellRule.Show,
        MinimumDegreesOfFreedom = 1,
        RecordsPerParameter = 1,
        MaximumCells = LargestCells,
        MaximumDimensions = LargestDimensions
    };

    public const int LargestFrequency = 1_000_000;
    public const int LargestPercent = 100;
    public const int LargestRecordsPerParameter = 1000;
    public const int LargestCells = 100_000_000;
    public const int LargestDimensions = 32;

    /// <summary>Fewest contributors of a cell that is shown, holders counted once; 1 to 1,000,000. ACRO's default.</summary>
    public int MinimumFrequency { get; init; } = 10;

    /// <summary>
    /// p of the p%-rule, 1 to 100, or null for none. A cell is unsafe where the second largest contributor can estimate the largest to <b>less than</b> p
    /// percent: X − x1 − x2 &lt; p/100·x1; exactly p percent is safe (SDC Handbook, 4.2.2, table of sensitivity rules).
    /// </summary>
    public int? PercentRule { get; init; } = 10;

    /// <summary>Dominance rules, all of which hold. The Handbook recommends p% over (2,k); (2,85) is the usual one where one is wished for.</summary>
    public DominanceRules Dominance { get; init; } = DominanceRules.None;

    /// <summary>How weights enter.</summary>
    public WeightRule Weights { get; init; } = WeightRule.Replicated;

    /// <summary>Whether the contributions of one holder are those of one contributor (SDC Handbook, 4.2.2, "Holdings").</summary>
    public bool GroupHolders { get; init; } = true;

    /// <summary>What becomes of cells of nobody. Where every cell is listed, a zero says that nobody there has the property.</summary>
    public CellRule ZeroCells { get; init; } = CellRule.Show;

    /// <summary>What becomes of cells that all of their row, column or other margin are in: they say of each what it has (group disclosure).</summary>
    public CellRule FullCells { get; init; } = CellRule.Show;

    /// <summary>What becomes of means and sums of a cell in which all have the same value: they say everybody's.</summary>
    public CellRule ZeroVariance { get; init; } = CellRule.Withhold;

    /// <summary>Fewest degrees of freedom of a model, records less parameters; 1 to 1,000,000. ACRO's default.</summary>
    public int MinimumDegreesOfFreedom { get; init; } = 10;

    /// <summary>Fewest records for each parameter of a model, 1 to 1000. DataSHIELD's default is parameters of at most 0.33 of the records.</summary>
    public int RecordsPerParameter { get; init; } = 3;

    /// <summary>Most cells of one table, those of nobody among them; 1 to 100,000,000.</summary>
    public int MaximumCells { get; init; } = 10_000;

    /// <summary>Most groupings of one table, 1 to 32.</summary>
    public int MaximumDimensions { get; init; } = 5;

    /// <summary>
    /// The policy that asks what either asks: of two owners' policies the one that both are content with. It withholds whatever one of them withholds. Order
    /// and repetition do not matter.
    /// </summary>
    public static PrimaryPolicy Stricter(PrimaryPolicy a, PrimaryPolicy b) => new()
    {
        MinimumFrequency = Math.Max(a.MinimumFrequency, b.MinimumFrequency),
        PercentRule = a.PercentRule is { } p && b.PercentRule is { } q ? Math.Max(p, q) : a.PercentRule ?? b.PercentRule,
        Dominance = a.Dominance.With(b.Dominance),
        Weights = (WeightRule)Math.Max((int)a.Weights, (int)b.Weights),
        GroupHolders = a.GroupHolders || b.GroupHolders,
        ZeroCells = Stricter(a.ZeroCells, b.ZeroCells),
        FullCells = Stricter(a.FullCells, b.FullCells),
        ZeroVariance = Stricter(a.ZeroVariance, b.ZeroVariance),
        MinimumDegreesOfFreedom = Math.Max(a.MinimumDegreesOfFreedom, b.MinimumDegreesOfFreedom),
        RecordsPerParameter = Math.Max(a.RecordsPerParameter, b.RecordsPerParameter),
        MaximumCells = Math.Min(a.MaximumCells, b.MaximumCells),
        MaximumDimensions = Math.Min(a.MaximumDimensions, b.MaximumDimensions)
    };

    private static CellRule Stricter(CellRule a, CellRule b) => (CellRule)Math.Max((int)a, (int)b);
}
