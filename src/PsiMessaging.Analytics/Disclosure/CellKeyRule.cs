using System.Globalization;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Analytics.Disclosure;

/// <summary>
/// Noise by cell keys (docs/noise.md, "Cell keys in answers"): what a shown count is off by is a function of the records of its cell, drawn in the circuit of
/// the release. All exact rules stay on. It is no differential privacy, and has no account. Own analysis, not reviewed from outside.
/// </summary>
public static class CellKeyRule
{
    /// <summary>Most noise of a count.</summary>
    public const int MostDeviation = 20;

    /// <summary>Keys there are: thresholds are below.</summary>
    public const int Keys = 1 << MaskedPlan.KeyBits;

    /// <summary>Whether thresholds are those of a noise that is as often above as below zero, so that its mean is 0.</summary>
    public static bool IsValid(IReadOnlyList<int>? thresholds)
    {
        if (thresholds is null || thresholds.Count == 0 || thresholds.Count % 2 == 1 || thresholds.Count > 2 * MostDeviation)
        {
            return false;
        }

        for (var i = 0; i < thresholds.Count; i++)
        {
            if (thresholds[i] <= (i == 0 ? 0 : thresholds[i - 1]) || thresholds[i] >= Keys || thresholds[i] + thresholds[^(i + 1)] != Keys)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>D: no count is off by more.</summary>
    public static int Deviation(NoiseTerms terms) => terms.Thresholds!.Count / 2;

    /// <summary>Keys of 65,536 that have a noise.</summary>
    /// <param name="terms">The noise's law.</param>
    /// <param name="noise">−D to D.</param>
    public static int KeysWith(NoiseTerms terms, int noise)
    {
        var (thresholds, place) = (terms.Thresholds!, noise + Deviation(terms));
        return (place == thresholds.Count ? Keys : thresholds[place]) - (place == 0 ? 0 : thresholds[place - 1]);
    }

    /// <summary>The variance, from the thresholds themselves.</summary>
    public static double Variance(NoiseTerms terms) =>
        Enumerable.Range(-Deviation(terms), (2 * Deviation(terms)) + 1).Sum(noise => (double)noise * noise * KeysWith(terms, noise)) / Keys;

    /// <summary>By how much a count is off at most, in 95 of 100 cells or more.</summary>
    public static int MostOff(NoiseTerms terms) => Enumerable.Range(0, Deviation(terms) + 1)
        .First(most => Enumerable.Range(-most, (2 * most) + 1).Sum(noise => (long)KeysWith(terms, noise)) * 100 >= 95L * Keys);

    /// <summary>Why the minimum cell size is too small: the noise must have one law for all counts that are shown, and leave more than none.</summary>
    public static string? FaultOf(NoiseTerms terms, int minCell) => minCell > Deviation(terms) ? null
        : $"its noise goes up to {Deviation(terms)}, and the session's minimum cell size is {minCell}; begin one with {Deviation(terms) + 1} or more";

    /// <summary>What is said under an answer.</summary>
    public static string Text(NoiseTerms terms) => string.Create(CultureInfo.InvariantCulture,
        $"every count has noise that depends on who is in its cell, of variance {Variance(terms):0.####}: off by {MostOff(terms)} or less in 95 of 100 cells, "
            + $"and never by more than {Deviation(terms)}; the same cell has the same noise in every question, so that cells do not add up to what is known "
            + $"exactly; what is shown and what not is decided by the true counts");
}
