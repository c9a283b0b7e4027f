using System.Numerics;
using System.Text.Json.Serialization;
using PsiMessaging.Analytics.Disclosure;
using PsiMessaging.Analytics.Masked;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Disclosure.PrimaryRules;

namespace PsiMessaging.Party.Policy;

/// <summary>
/// Rules of concentration for sums of a dataset's columns (docs/disclosure.md, "A dominating value"). Partners learn the columns and not the numbers.
/// </summary>
public sealed record PolicyDominance
{
    /// <summary>p of the p%-rule, 1 to 100: a sum is withheld that lets its second largest contributor estimate the largest to less than p percent.</summary>
    public int? P { get; init; }
    /// <summary>Rules (n,k), as <c>(1,75) (2,85)</c>: a sum is withheld of which its n largest contributions are more than k percent.</summary>
    public string? Nk { get; init; }
    /// <summary>Numeric columns whose sums are held to them; left out: all.</summary>
    public IReadOnlyList<string> Columns { get; init; } = [PolicyGrant.Any];

    /// <summary>What is wrong with it; null for nothing.</summary>
    internal string? Fault => P is < 1 or > 100 ? "\"p\" is 1 to 100"
        : Nk is { } text && DominanceRules.TryParse(text) is null ? "\"nk\" is like \"(1,75) (2,85)\", n from 1 to 100 and k from 1 to 99"
        : P is null && Rules.Rules.IsEmpty ? "holds nothing to anything: say \"p\" or \"nk\""
        : Columns.Count == 0 ? "is about nothing: \"columns\" is empty" : null;

    [JsonIgnore]
    private DominanceRules Rules => Nk is null ? DominanceRules.None : DominanceRules.TryParse(Nk) ?? DominanceRules.None;

    /// <summary>The columns of a question that it is about, and how large sums of them must be.</summary>
    /// <param name="query">The question.</param>
    /// <param name="party">This party, which contributes.</param>
    /// <param name="matrix">Its side of it.</param>
    /// <param name="minCell">The session's minimum cell size.</param>
    /// <returns>Null where the question has no sums of such a column.</returns>
    /// <exception cref="QueryException">They cannot be held to the rules.</exception>
    internal async Task<DominanceTerms?> OnAsync(BoundQuery query, string party, PartyMatrix matrix, int minCell)
    {
        var columns = ColumnsOf(query, party);
        if (columns.Count == 0)
        {
            return null;
        }

        Analytics.Disclosure.Dominance.Require(query, party, columns, minCell);
        return await Analytics.Disclosure.Dominance.MeasureAsync(query, party, columns, matrix, DominanceBound.Needed(P, Rules),
            largest => DominanceBound.Of(P, Rules, largest));
    }

    /// <summary>The columns of a question whose sums are held to the rules.</summary>
    internal IReadOnlyList<string> ColumnsOf(BoundQuery query, string party) =>
        Analytics.Disclosure.Dominance.ColumnsOf(query, party, IsAbout);

    /// <summary>Whether a column of the dataset is held to them.</summary>
    public bool IsAbout(string column) => PolicyRules.Holds(Columns, column);

    /// <summary>The rules, for their owner.</summary>
    [JsonIgnore]
    public string Text => string.Join(" and ", new[] { P is { } p ? $"p% with p {p}" : null, Rules.Rules.IsEmpty ? null : Rules.ToString() }.OfType<string>());
}
