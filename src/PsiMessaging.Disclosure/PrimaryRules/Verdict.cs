namespace PsiMessaging.Disclosure.PrimaryRules;

/// <summary>A rule that a cell, table or model breaks. Which one is for the owner's own eyes: it tells of the values.</summary>
[Flags]
public enum BrokenRules
{
    None = 0,
    /// <summary>Fewer contributors than the minimum.</summary>
    Frequency = 1,
    /// <summary>The p%-rule.</summary>
    Percent = 2,
    /// <summary>A dominance rule.</summary>
    Dominance = 4,
    /// <summary>Nobody is in the cell.</summary>
    ZeroCell = 8,
    /// <summary>Everybody of a margin is in the cell.</summary>
    FullCell = 16,
    /// <summary>All have the same value.</summary>
    ZeroVariance = 32,
    /// <summary>Too few degrees of freedom.</summary>
    DegreesOfFreedom = 64,
    /// <summary>Too many parameters for the records.</summary>
    Parameters = 128,
    /// <summary>Too many cells.</summary>
    Cells = 256,
    /// <summary>Too many groupings.</summary>
    Dimensions = 512
}

/// <summary>
/// What the rules say. Whatever is not safe is withheld; that something cannot be checked is no verdict on the values, and a second reason to withhold.
/// </summary>
/// <param name="Broken">Rules that are certainly broken.</param>
/// <param name="Unchecked">Rules of which what is known does not say whether they hold.</param>
public readonly record struct Verdict(BrokenRules Broken, BrokenRules Unchecked = BrokenRules.None)
{
    /// <summary>Whether every rule certainly holds: only then is anything shown.</summary>
    public bool IsSafe => Broken == BrokenRules.None && Unchecked == BrokenRules.None;

    public static Verdict operator |(Verdict left, Verdict right) =>
        new(left.Broken | right.Broken, (left.Unchecked | right.Unchecked) & ~(left.Broken | right.Broken));
}
