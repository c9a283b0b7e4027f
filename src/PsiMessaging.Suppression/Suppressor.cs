using PsiMessaging.Suppression.Search;

namespace PsiMessaging.Suppression;

/// <summary>How a pattern is searched.</summary>
public sealed record SuppressionOptions
{
    /// <summary>
    /// How much work the search may take, in units of about a second on one core. It is counted in steps and not by a clock: the same tables give the same
    /// pattern on every machine, whatever else runs there. What was begun is ended, so that it may take somewhat more; and there
    /// is always a pattern, so that large tables take as much as a first one needs, and twice the limit for cleaning it.
    /// </summary>
    public double WorkLimit { get; init; } = 3;

    /// <summary>
    /// Whether the sum of these cells, which follows from the printed ones, is sensitive by itself; asked for every relation with two or more withheld cells
    /// of equal factor. Null where sums are not looked at.
    /// </summary>
    public Func<IReadOnlyList<int>, bool>? IsUnionSensitive { get; init; }

    /// <summary>Whether an attacker is held to know that values are whole numbers. Costs programs only where an interval of broken numbers is wider.</summary>
    public bool IsIntegral { get; init; } = true;
}

/// <summary>A pattern, and what is known of how good it is.</summary>
/// <param name="Withheld">All withheld cells, primary ones included and those of <see cref="CellRole.Internal"/> not, in order.</param>
/// <param name="Secondary">Those of them that protect others.</param>
/// <param name="Cost">The cost of the secondary cells.</param>
/// <param name="LowerBound">No pattern that protects is cheaper.</param>
/// <param name="IsOptimal">Whether the pattern is proven to be of least cost.</param>
/// <param name="HeuristicCost">What the best of the heuristics came to.</param>
/// <param name="Unprotectable">Primary cells whose requirement no pattern meets, whatever is withheld; empty when all is well. They are withheld, and not
/// protected.</param>
public sealed record SuppressionResult(IReadOnlyList<int> Withheld, IReadOnlyList<int> Secondary, long Cost, long LowerBound, bool IsOptimal,
    long HeuristicCost,
    IReadOnlyList<int> Unprotectable)
{
    /// <summary>
    /// False where a sum that <see cref="SuppressionOptions.IsUnionSensitive"/> calls sensitive follows from what is printed, since no cell was left to
    /// withhold.
    /// </summary>
    public bool AreUnionsSafe { get; init; } = true;

    /// <summary>Cuts found and rounds of the whole-number master, for who wants to know how hard it was.</summary>
    public (int Cuts, int Rounds) Effort { get; init; }
}

/// <summary>
/// Chooses which further cells are withheld, so that no primary cell follows from what is printed, at the least cost: the complementary cell suppression
/// problem. The method is that of Fischetti and Salazar (2001, Management Science 47(7), 1008–1027): a master program chooses the cells, the attacker's
/// linear programs find what it does not protect, and their prices become constraints of the master (Benders' decomposition), until what it chooses is safe.
/// </summary>
public static class Suppressor
{
    /// <summary>The cheapest pattern, or the best found within <see cref="SuppressionOptions.WorkLimit"/>; never dearer than the heuristics' own.</summary>
    public static SuppressionResult Solve(LinkedTables tables, SuppressionOptions? options = null)
    {
        using var search = new PatternSearch(new Problem(tables), options ?? new());
        return search.Run();
    }
}
