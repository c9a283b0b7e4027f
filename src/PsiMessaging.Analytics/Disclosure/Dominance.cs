using System.Numerics;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;

namespace PsiMessaging.Analytics.Disclosure;

/// <summary>Columns of the contributing party's whose sums are held to its rules of concentration (p%, (n,k)), which it tells nobody.</summary>
/// <param name="Columns">Their names, which both parties know.</param>
/// <param name="Least">
/// At the contributing party alone: the least total that is safe, in units, of each sum of <see cref="Dominance.SumsOf"/> and in it of each own group. Null at
/// the asking party.
/// </param>
public sealed record DominanceTerms(IReadOnlyList<string> Columns, IReadOnlyList<long>? Least = null);

/// <summary>
/// Rules of concentration in answers of engine <c>masked</c>. Which of its records are in a cell the contributing party does not know, but in which of its own
/// groups they are: no contribution to a cell is larger than the largest of the group. So a cell's sum is shown where it is at least what the rules ask of a
/// cell with the group's largest contributions, a number that stays the contributing party's own; the circuit of the release compares the two. Cells that
/// would be safe by themselves can be withheld, none that is not is shown. Own analysis, not reviewed from outside.
/// </summary>
public static class Dominance
{
    /// <summary>No bound is larger: a sum of that size cannot be had.</summary>
    public const long Never = 1L << 61;

    /// <summary>The sums of a question that are held to the rules: those of the contributing party's values.</summary>
    /// <param name="query">The question.</param>
    /// <param name="party">The contributing party.</param>
    /// <param name="columns">Its columns that are held to rules.</param>
    public static IReadOnlyList<Moment> SumsOf(BoundQuery query, string party, IReadOnlyList<string> columns) =>
        [.. query.Query.Statistic.MagnitudeSums(query).Where(sum => IsHeld(sum.Column, party, columns)).Select(sum => sum.Sum).Distinct()];

    /// <summary>The columns of a question that are held to the rules.</summary>
    /// <param name="query">The question.</param>
    /// <param name="party">The contributing party.</param>
    /// <param name="isHeld">Whether a column of its is held to rules.</param>
    public static IReadOnlyList<string> ColumnsOf(BoundQuery query, string party, Func<string, bool> isHeld) =>
        [.. query.Query.Statistic.MagnitudeSums(query).Select(sum => sum.Column).Where(column => column.Party == party && isHeld(column.Name))
            .Select(column => column.Name).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>Refuses a question whose sums cannot be held to rules.</summary>
    /// <param name="query">The question.</param>
    /// <param name="party">The contributing party.</param>
    /// <param name="columns">Its columns that are held to rules.</param>
    /// <param name="minCell">The session's minimum cell size.</param>
    /// <exception cref="QueryException">They cannot; says what to ask instead.</exception>
    public static void Require(BoundQuery query, string party, IReadOnlyList<string> columns, int minCell)
    {
        if (FaultOf(query, party, columns, minCell) is { } fault)
        {
            throw new QueryException(QueryException.EngineCannot, $"{party} holds sums of {string.Join(", ", columns)} to rules of concentration: {fault}");
        }
    }

    private static string? FaultOf(BoundQuery query, string party, IReadOnlyList<string> columns, int minCell) =>
        columns.Count == 0 ? null
        : minCell == 1 ? "the session has a minimum cell size of 1, under which nothing binds who asks; begin one with 3 or more"
        : SumsOf(query, party, columns).Any(sum => sum.Powers.Any(power => power.Column.Party != party))
            ? $"how much a record weighs by {query.Weight?.Name} it cannot know; leave the weight out, or take one of {party}'s"
        : null;

    /// <summary>Measures the own groups.</summary>
    /// <param name="query">The question.</param>
    /// <param name="party">The contributing party.</param>
    /// <param name="columns">Its columns that are held to rules.</param>
    /// <param name="matrix">Its side.</param>
    /// <param name="count">How many of the largest contributions the rules are about.</param>
    /// <param name="least">The least safe total by the largest contributions, the largest first.</param>
    public static async Task<DominanceTerms> MeasureAsync(
        BoundQuery query, string party, IReadOnlyList<string> columns, PartyMatrix matrix, int count, Func<IReadOnlyList<BigInteger>, BigInteger> least)
    {
        var largest = await matrix.LargestAsync([.. SumsOf(query, party, columns).Select(sum => sum.Of(party))], count);
        return new DominanceTerms(columns, [.. largest.SelectMany(groups => groups).Select(values => (long)BigInteger.Min(Never, least(values)))]);
    }

    private static bool IsHeld(ColumnName column, string party, IReadOnlyList<string> columns) =>
        column.Party == party && columns.Contains(column.Name, StringComparer.Ordinal);
}
