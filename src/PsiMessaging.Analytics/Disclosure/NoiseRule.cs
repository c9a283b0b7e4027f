using System.Globalization;
using System.Numerics;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Analytics.Statistics.Tables;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Analytics.Disclosure;

/// <summary>
/// Answers with noise (docs/noise.md, "Noise in answers"): every count is released, with a whole number added by the contributing party under the mask, and
/// which cells there are follows from the question alone. By cell keys it is otherwise (<see cref="CellKeyRule"/>). Own analysis, not reviewed from outside.
/// </summary>
public static class NoiseRule
{
    /// <summary>Least and greatest spread.</summary>
    public const decimal LeastSpread = 0.1m, GreatestSpread = 1_000_000m;

    /// <summary>
    /// The most that one record of the contributing party changes a table of counts by, whatever becomes of it but that it is common: one count less and
    /// another more. The sum of changes, and their squared length.
    /// </summary>
    public const int Sensitivity = 2;

    /// <summary>Beyond this many spreads a draw has odds below 2^-90 (Gaussian: e^-800; Laplace: e^-64).</summary>
    private const int MostSpreads = 64;

    /// <summary>Whether terms that somebody else sent can be.</summary>
    public static bool IsValid(NoiseTerms terms) => terms.Law == NoiseKind.CellKey ? terms.Spread is null && CellKeyRule.IsValid(terms.Thresholds)
        : Enum.IsDefined(terms.Law) && terms.Spread is >= LeastSpread and <= GreatestSpread && terms.Thresholds is null;

    /// <summary>Refuses a question that cannot be answered with noise.</summary>
    /// <param name="query">The question.</param>
    /// <param name="party">The contributing party.</param>
    /// <param name="minCell">The session's minimum cell size.</param>
    /// <param name="terms">The noise, valid.</param>
    /// <exception cref="QueryException">It cannot; says what to ask instead.</exception>
    public static void Require(BoundQuery query, string party, int minCell, NoiseTerms terms)
    {
        if (FaultOf(query.Query, column => query.Schema.Resolve(column).Party == party, minCell, terms) is { } fault)
        {
            throw new QueryException(QueryException.EngineCannot, $"{party} answers about this dataset with noise: {fault}");
        }
    }

    /// <summary>Why a question cannot be answered with noise, and what to ask instead; null where it can.</summary>
    /// <param name="query">The question.</param>
    /// <param name="isContributors">Whether a column, as the question names it, is the contributing party's.</param>
    /// <param name="minCell">The session's minimum cell size.</param>
    /// <param name="terms">The noise, valid.</param>
    public static string? FaultOf(Query query, Func<string, bool> isContributors, int minCell, NoiseTerms terms) =>
        minCell == 1 ? "the session has a minimum cell size of 1, under which nothing binds who asks; begin one with 3 or more"
        : query.Statistic is not TableStatistic || query.Weight is not null
            || query.Clause.Measures.Any(measure => !measure.Function.IsCount || measure.Columns.Count > 0)
            ? "counts alone have it; ask for tables of count, without weights"
        : terms.Law == NoiseKind.CellKey ? CellKeyRule.FaultOf(terms, minCell)
        : query.AllGroupings.FirstOrDefault(grouping => grouping.Categories is null && isContributors(grouping.Column)) is { } open
            ? $"which groups {open.Column} has is not to be learned either; name its classes in the question, for example {open.Column} in ('A', 'B') as X "
                + $"or {open.Column} in 0-9, 10-19"
        : null;

    /// <summary>By how much a count is off at most, in 95 of 100 cells or more.</summary>
    public static long MostOff(NoiseTerms terms)
    {
        if (terms.Law == NoiseKind.CellKey)
        {
            return CellKeyRule.MostOff(terms);
        }

        var spread = (double)terms.Spread!.Value;
        return terms.Law == NoiseKind.Gaussian ? (long)Math.Ceiling(1.96 * spread)

            // P(|Y| > k) = 2·e^(-(k+1)/s) / (1 + e^(-1/s)).
            : (long)Math.Ceiling((-spread * Math.Log(0.025 * (1 + Math.Exp(-1 / spread)))) - 1);
    }

    /// <summary>What is said under an answer.</summary>
    public static string Text(NoiseTerms terms)
    {
        if (terms.Law == NoiseKind.CellKey)
        {
            return CellKeyRule.Text(terms);
        }

        var spread = terms.Spread!.Value.ToString("0.######", CultureInfo.InvariantCulture);
        return $"every count has noise that the other party added before anybody saw it, {(terms.Law == NoiseKind.Gaussian
            ? $"discrete Gaussian of sigma {spread}" : $"discrete Laplace of scale {spread}")}: off by {MostOff(terms)} or less in 95 of 100 cells, and below "
            + "zero where few are in a cell; nothing else is withheld of its groups";
    }

    /// <summary>Bits of a count with noise, its sign included.</summary>
    /// <param name="records">Most records of a count.</param>
    /// <param name="terms">The noise.</param>
    internal static int BitsOf(int records, NoiseTerms terms) =>
        BitOperations.Log2((ulong)(records + (long)Math.Ceiling(MostSpreads * terms.Spread!.Value))) + 2;
}
