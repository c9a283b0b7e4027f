using System.Numerics;

namespace PsiMessaging.Analytics.Statistics;

/// <summary>What must be known to read an answer, in sentences, each once.</summary>
/// <param name="query">The query.</param>
/// <param name="minCell">Fewest records anything is said about.</param>
/// <param name="commonRecords">Common records in all.</param>
internal sealed class AnswerRules(BoundQuery query, int minCell, int commonRecords)
{
    private readonly List<string> _rules = [];

    /// <summary>The sentences in the order in which they were added.</summary>
    public IEnumerable<string> All => _rules.Distinct();

    public void Add(string rule) => _rules.Add(rule);

    /// <summary>How many records were left out; none and few alike under a minimum cell size.</summary>
    /// <param name="names">What they lack, with a colon, or nothing.</param>
    /// <param name="missing">How many.</param>
    /// <param name="without">Why.</param>
    public void AddMissing(string names, BigInteger missing, string without) =>
        Add(minCell > 1 && missing < minCell ? $"{names}none or fewer than {minCell} records {without} are left out"
            : $"{names}{Times(missing)} {without} left out");

    /// <summary>
    /// How many common records a statistic leaves out that says its own n: both numbers are there to be subtracted anyway. What can be the reason depends on
    /// the question alone.
    /// </summary>
    public void AddLeftOut(BigInteger records, params string[] reasons)
    {
        string[] filter = query.Where.Count > 0 ? ["not passing the filter"] : [];
        string[] weight = query.Weight is null ? [] : ["without a weight"];
        string[] all = [.. filter, .. weight, .. reasons];
        Add($"{records:N0} of the {commonRecords:N0} common records are left out: "
            + $"{string.Join(", ", all.SkipLast(1))}{(all.Length > 1 ? " or " : "")}{all[^1]}");
    }

    private static string Times(BigInteger count) => count == 1 ? "1 record" : $"{count:N0} records";
}
