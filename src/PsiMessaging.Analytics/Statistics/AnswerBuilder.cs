using PsiMessaging.Analytics.Queries;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Analytics.Statistics;

/// <summary>
/// From exact sums to an answer: groups and which of them are shown (<see cref="AnswerGroups"/>), what the question's statistic makes of them, and the rules
/// that hold for all. Under a minimum cell size one line stands for all groups that are not shown, whether there are none, few or many.
/// </summary>
/// <param name="query">The query.</param>
/// <param name="table">The sums.</param>
/// <param name="minCell">Fewest records anything is said about, 1 or more.</param>
/// <param name="commonRecords">Common records in all.</param>
public sealed class AnswerBuilder(BoundQuery query, IMomentTable table, int minCell, int commonRecords)
{
    /// <summary>Builds the answer.</summary>
    /// <exception cref="QueryException">
    /// With a minimum of 1: no record passes the filter. A regression or test without a unique solution or about too few records.
    /// </exception>
    public Answer Build()
    {
        var groups = new AnswerGroups(query, table, minCell, commonRecords);
        var listed = groups.Listed();
        if (listed.Length == 0 && minCell == 1)
        {
            throw new QueryException(QueryException.NothingSelected, query.Where.Count > 0
                ? $"the filter `{string.Join(" and ", query.Where.Select(condition => QueryText.Write(condition.Condition)))}` selects none of the "
                    + $"{commonRecords:N0} common records"
                : $"none of the {commonRecords:N0} common records has {(query.Weight is { } weight ? $"a weight in {weight.Name}" : "anything to count")}");
        }

        var answer = query.Query.Statistic.Answer(groups, listed);
        var rules = groups.Rules.All.ToList();
        if (minCell > 1)
        {
            rules.AddRange(table.Own?.Notes ?? []);
            if (table.Release is { Dominance: { Count: > 0 } dominance })
            {
                rules.Add($"what follows from sums of {string.Join(", ", dominance)} is withheld where few records may hold too much of one, by rules of their "
                    + "owner's");
            }

            if (groups.Noise is null or { Law: NoiseKind.CellKey })
            {
                rules.Add(WithheldRule(minCell));
            }

            if (groups.Noise is { } noise)
            {
                rules.Add(Disclosure.NoiseRule.Text(noise));
            }
        }

        if (query.Weight is { } column)
        {
            rules.Add($"weighted by {column.Name}; records without a weight or with a weight of zero are left out; a count is the sum of weights, N in every "
                + "formula is that sum");
        }

        return answer with { Rules = rules, Noise = groups.Noise };
    }

    /// <summary>What stands behind every answer under a minimum cell size, whatever is withheld.</summary>
    public static string WithheldRule(int minCell) =>
        $"groups of fewer than {minCell} records are not shown, none and few alike; further groups are not shown where one of those "
            + "could be calculated from them";

    /// <summary>The answer to a query over no records at all: a table without rows.</summary>
    /// <exception cref="QueryException">The query asks for more than a table.</exception>
    public static Answer Empty(BoundQuery query) => query.Query.Statistic.Empty(query);
}
