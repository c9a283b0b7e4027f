using System.Numerics;
using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;

namespace PsiMessaging.Analytics.Tokens;

/// <summary>A group as engine <c>tokens</c> counts it, with its labels decrypted.</summary>
/// <param name="Labels">One for each grouping; null where the value is missing.</param>
/// <param name="Count">Records.</param>
public sealed record TokenGroup(IReadOnlyList<string?> Labels, long Count);

/// <summary>
/// The linker's counts as a table of sums, at the asking party. The linker counts equal ciphertexts and sends what the minimum cell size lets through; values
/// are put into classes here, after decryption, which is possible only where there is no minimum.
/// </summary>
public sealed class TokenTable : IMomentTable
{
    private readonly BoundQuery _query;
    private readonly long[] _counts;

    /// <param name="query">The query, for which <see cref="Check"/> has passed.</param>
    /// <param name="groups">The linker's groups.</param>
    /// <param name="isComplete">Whether the linker says that these are all that can be.</param>
    public TokenTable(BoundQuery query, IEnumerable<TokenGroup> groups, bool isComplete)
    {
        (_query, IsComplete) = (query, isComplete);
        var merged =
            groups.Select(group =>
                (Labels: (IReadOnlyList<string?>)[.. group.Labels.Select((label, i) => label is null ? null : query.Groupings[i].LabelOf(label))], group.Count))
            .GroupBy(group => LabelKey.Of(group.Labels), StringComparer.Ordinal)
            .Select(same => (same.First().Labels, Count: same.Sum(group => group.Count))).ToArray();
        Groups = [.. merged.Select(group => group.Labels)];
        _counts = [.. merged.Select(group => group.Count)];
    }

    /// <inheritdoc/>
    public IReadOnlyList<IReadOnlyList<string?>> Groups { get; }

    /// <inheritdoc/>
    public BigInteger Sum(int group, Moment moment) =>
        moment.Equals(_query.Records) ? _counts[group] : throw new InvalidOperationException("the engine tokens counts only");

    /// <inheritdoc/>
    public bool? IsComplete { get; }

    /// <inheritdoc/>
    public OwnRecords? Own => null;

    /// <inheritdoc/>
    public int OwnGroupOf(int group) => 0;

    /// <inheritdoc/>
    public int OwnCount(int ownGroup, Moment moment) => throw new InvalidOperationException("with the engine tokens the linker applies the minimum cell size");

    /// <inheritdoc/>
    public bool OthersSelect => _query.Where.Count > 0;

    /// <inheritdoc/>
    public bool IsTwoValued(ColumnName column) => false;

    /// <inheritdoc/>
    public bool IsOthers(ColumnName column) => true;

    /// <inheritdoc/>
    public IReadOnlyList<string> Levels(BoundTerm term) => throw new InvalidOperationException("the engine tokens has no regression");

    /// <summary>Refuses what the engine cannot compute, and says why.</summary>
    /// <param name="query">The query.</param>
    /// <param name="minCell">Fewest records a count is released for.</param>
    /// <exception cref="QueryException">The engine cannot.</exception>
    public static void Check(BoundQuery query, int minCell)
    {
        static QueryException Cannot(string what, string why) =>
            new(QueryException.EngineCannot, $"the engine tokens cannot compute {what}, because {why}; open a session with --engine masked");
        if (query.Measures.FirstOrDefault(entry => !entry.Measure.Function.IsCount).Measure is { } measure)
        {
            throw Cannot(measure.Name, "the linker sees encrypted values that it can only tell apart, not add");
        }

        if (!query.Query.Statistic.CountsAlone)
        {
            throw Cannot($"a {query.Query.Statistic.Title}", "the linker sees encrypted values that it can only tell apart, not multiply");
        }

        if (query.Weight is not null)
        {
            throw Cannot("weighted counts", "the linker sees encrypted values that it can only tell apart, not add");
        }

        if (minCell > 1 && query.Groupings.FirstOrDefault(grouping => grouping.HasClasses) is { } classes)
        {
            throw Cannot($"classes of {classes.Column.Name}",
                $"the linker counts single values and withholds counts below {minCell} before they can be put together");
        }

        foreach (var condition in query.Where)
        {
            _ = FilterOf(condition, query.Schema);
        }
    }

    /// <summary>A condition as the linker can apply it: a column, the values, and whether they stay or go.</summary>
    /// <exception cref="QueryException">It is more than equality of one column.</exception>
    public static (ColumnName Column, IReadOnlyList<string?> Values, bool Keep) FilterOf(BoundCondition condition, QuerySchema schema)
    {
        var negated = condition.Condition is Not;
        var inner = condition.Condition is Not not ? not.Inner : condition.Condition;
        var (name, literals, keep) = inner switch
        {
            Comparison { Operator: "=" } equal => (equal.Column, new[] { equal.Value }, true),
            Comparison { Operator: "!=" } unequal => (unequal.Column, new[] { unequal.Value }, false),
            Membership membership => (membership.Column, membership.Values.ToArray(), true),
            IsMissing missing => (missing.Column, [], true),
            _ => throw new QueryException(QueryException.EngineCannot,
                $"the engine tokens cannot filter by `{QueryText.Write(condition.Condition)}`, because the linker sees encrypted values that it can only tell "
                    + "apart; use =, !=, in or is missing on one column, or open a session with --engine masked"),
        };
        var column = schema.Resolve(name);
        var type = schema.TypeOf(column);
        keep ^= negated;

        // In the form rows have (ValueForm); a number with more digits than the type keeps stands in no row.
        List<string?> values = [.. literals.Select(literal => type.IsNumber ? QueryText.Number(literal.Number!.Value) : schema.FormOf(literal.Text!))
            .Distinct(StringComparer.Ordinal)];
        if (inner is IsMissing || !keep)
        {
            // A comparison with a missing value is not true, nor is its opposite.
            values.Add(null);
        }

        return (column, values, keep);
    }
}
