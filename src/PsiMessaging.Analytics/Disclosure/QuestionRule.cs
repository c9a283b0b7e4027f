using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;

namespace PsiMessaging.Analytics.Disclosure;

/// <summary>The rule by which both parties judge a party's side of a question under a minimum cell size (docs/disclosure.md).</summary>
public static class QuestionRule
{
    private const int MostColumns = 1000;

    /// <summary>Numeric columns of a party that the question calculates with: measures, weight, outcome and terms that are numbers.</summary>
    public static IReadOnlyList<ColumnName> ColumnsOf(BoundQuery query, string party) =>
    [
        .. query.Measures.SelectMany(measure => measure.Columns).Concat(new[] { query.Weight, query.Outcome }.OfType<ColumnName>())
            .Concat(query.Terms.Where(term => term.Grouping is null).Select(term => term.Column))
            .Where(column => column.Party == party).Distinct().OrderBy(column => column.Name, StringComparer.Ordinal),
    ];

    /// <summary>The columns the asking party announces: none where the question is about its own side alone.</summary>
    public static IReadOnlyList<ColumnName> AnnouncedBy(BoundQuery query, string asker, string other) => Concerns(query, other) ? ColumnsOf(query, asker) : [];

    /// <summary>Whether the question touches a column of a party at all.</summary>
    public static bool Concerns(BoundQuery query, string party) =>
        query.Groupings.Select(grouping => grouping.Column).Concat(query.Measures.SelectMany(measure => measure.Columns))
            .Concat(query.Where.SelectMany(condition => condition.Columns))
            .Concat(query.Terms.Select(term => term.Column))
            .Concat(new[] { query.Weight, query.Outcome }.OfType<ColumnName>()).Any(column => column.Party == party);

    /// <summary>
    /// Largest share, in thousandths, that fewer than the minimum of records may have in a column's spread. Where all values lie evenly few records hold more
    /// of it the smaller the group is; of exactly the minimum all but the one at the median hold all of it, and what a single one may hold decides.
    /// </summary>
    public static int LargestShare(int records, int minimum) =>
        records <= minimum ? 1000 : records < 2 * minimum ? 990 : Math.Max(900, (1000 * (minimum - 1) / minimum) + 1);

    /// <summary>
    /// Largest share, in thousandths, that a single record may have in a column's spread: what is calculated with the column is mostly about it otherwise.
    /// Under minima below 8 twice what each of so few equal ones would hold.
    /// </summary>
    public static int LargestSingleShare(int minimum) => Math.Max(250, 2000 / minimum);

    /// <summary>Why the other party's announcement cannot be: null where it can.</summary>
    /// <param name="announced">What it says.</param>
    /// <param name="query">The question.</param>
    /// <param name="party">The announcing party.</param>
    /// <param name="other">The party that looks at it.</param>
    /// <param name="shape">Shape of the announcing party.</param>
    /// <param name="rows">Common records.</param>
    public static string? Malformed(QueryAnnouncement? announced, BoundQuery query, string party, string other, PartyShape shape, int rows)
    {
        if (announced?.Groups is null || announced.Levels is null || announced.Columns is null)
        {
            return "it does not say how many records are behind its groups and columns";
        }

        var columns = AnnouncedBy(query, party, other);
        var bins = query.BinsOf(party)?.Titles.Count ?? 1;
        if (announced.Groups.Count == 0 || announced.Groups.Count * bins != shape.Groups
            || announced.Groups.Any(count => count < 0) || announced.Groups.Sum(count => (long)count) > rows)
        {
            return "the sizes of its groups do not fit";
        }

        if (announced.Levels.Count != shape.Levels.Count || announced.Levels.Zip(shape.Levels).Any(pair =>
            pair.First is null || pair.First.Count != pair.Second || pair.First.Any(count => count < 0) || pair.First.Sum(count => (long)count) > rows))
        {
            return "the sizes of its classes do not fit";
        }

        return announced.Columns.Count != columns.Count || announced.Columns.Zip(columns)
            .Any(pair => pair.First is null || pair.First.Column != pair.Second.Name || pair.First.Groups?.Count != announced.Groups.Count
                || pair.First.Groups.Zip(announced.Groups)
                    .Any(group => group.First is null || group.First.Records < 0 || group.First.Records > group.Second || group.First.Different < 0
                    || group.First.Different > group.First.Records || group.First.Largest is < 0 or > 1000
                    || group.First.Single is < 0 or > 1000 || (group.First.Different > 0 && group.First.Single == 0)))
            ? "what it says of its columns does not fit" : null;
    }

    /// <summary>
    /// Why an asking party that has changed its worker would not be bound in a question, in words; null where it would: rows of zeros and ones of one group
    /// each, nothing of its own multiplied, and an answer that the others release (docs/masked.md, "Binding").
    /// </summary>
    /// <param name="query">The question.</param>
    /// <param name="isAskers">Whether a column, as the question names it, is the asking party's.</param>
    /// <param name="minCell">The session's minimum cell size.</param>
    public static string? Unbound(Query query, Func<string, bool> isAskers, int minCell) =>
        minCell == 1 ? "under a minimum cell size of 1 nothing is withheld"
        : !query.Statistic.BindsAsker ? $"nothing binds the asking party to the rows of a {query.Statistic.Title}"
        : query.Clause.Measures.SelectMany(measure => measure.Columns).Concat(query.Weight is { } weight ? [weight] : []).FirstOrDefault(isAskers) is { } own
            ? $"nothing binds the asking party to the numbers of its column {own}"
        : null;

    /// <summary>Why what the asking party announces for the release cannot be: null where it can.</summary>
    /// <param name="release">What it says.</param>
    /// <param name="announced">What it says of its groups, checked.</param>
    /// <param name="query">The question.</param>
    /// <param name="party">The asking party.</param>
    /// <param name="shape">Its shape.</param>
    public static string? Malformed(ReleaseAnnouncement? release, QueryAnnouncement announced, BoundQuery query, string party, PartyShape shape)
    {
        if (release?.Differing is null || release.TwoValued is null || release.Counts is null || release.Missing is null)
        {
            return "it does not say how many records differ in its columns";
        }

        var terms = query.Terms.Where(term => term.Grouping is not null && term.Column.Party == party).ToList();
        bool IsOfGroups(IReadOnlyList<int>? counts) =>
            counts?.Count == announced.Groups.Count && counts.Zip(announced.Groups).All(pair => pair.First >= 0 && pair.First <= pair.Second);
        return release.Counts.Count != query.OwnMoments(party, term => shape.Levels[terms.IndexOf(term)]).Count || !release.Counts.All(IsOfGroups)
            || release.TwoValued.Count > MostColumns || release.Differing.Count > MostColumns || release.TwoValued.Contains(null)
            || release.Missing.Count > shape.Groups || release.Missing.Any(place => place < 0 || place >= shape.Groups)
            || release.Differing.Any(column => column?.Column is null || !IsOfGroups([.. column.Groups?.Select(group => group?.Records ?? -1) ?? []])
                || column.Groups!.Any(group => group.Different < 0 || group.Different > group.Records))
            ? "the numbers of records that differ in its columns do not fit" : null;
    }

    /// <summary>
    /// Which rule a side of a question breaks, for the person who asked: null where it breaks none. Names columns and the minimum, never a number or a label.
    /// </summary>
    /// <param name="side">What the side announces, or would.</param>
    /// <param name="query">The question.</param>
    /// <param name="party">The side.</param>
    /// <param name="minimum">Fewest records.</param>
    /// <param name="isAsker">
    /// Whether it is the asking party's: a column of equal values then singles out nobody; at the other party none and few are treated alike.
    /// </param>
    public static string? Fault(QueryAnnouncement side, BoundQuery query, string party, int minimum, bool isAsker)
    {
        if (side.Groups.Any(count => count < minimum))
        {
            return $"a group of {GroupedBy(query, party)} has fewer than {minimum} common records; take coarser classes";
        }

        var terms = query.Terms.Where(term => term.Grouping is not null && term.Column.Party == party).ToArray();
        for (var i = 0; i < terms.Length; i++)
        {
            if (side.Levels[i].Any(count => count < minimum))
            {
                return $"a class of {terms[i].Column.Name} has fewer than {minimum} records; put it together with another, or leave "
                    + $"C({terms[i].Column.Name}) out";
            }
        }

        foreach (var column in side.Columns)
        {
            foreach (var (group, all) in column.Groups.Zip(isAsker ? side.Groups : column.Groups.Select(group => group.Records)))
            {
                if (isAsker ? group.Records > 0 && group.Records < minimum : group.Records < minimum)
                {
                    return $"{column.Column} has a value in fewer than {minimum} records{Within(query, party, isAsker)}, and what is calculated with it would "
                        + "be about them alone; leave it out or take coarser classes";
                }

                if (all - group.Records is var without && without > 0 && without < minimum)
                {
                    return HasGaps(column.Column, query, party, minimum);
                }

                if (isAsker ? group.Different > 0 && group.Different < minimum : group.Different < minimum)
                {
                    return $"{column.Column} has one value in all but fewer than {minimum} records{Within(query, party, isAsker)}, and what is calculated with "
                        + "it would be about those alone; leave it out or take coarser classes";
                }

                if (IsHeldByFew(group, minimum))
                {
                    return $"fewer than {minimum} records hold nearly all that differs in {column.Column}{Within(query, party, isAsker)}, and what is "
                        + "calculated with it would be about them alone; leave it out, or put its largest values together";
                }

                // Of the asking party alone: a refusal by the other would itself tell that somebody has such a value.
                if (isAsker && group.Single > LargestSingleShare(minimum))
                {
                    return $"one record holds too large a part of all that differs in {column.Column}{Within(query, party, isAsker)}, and what is calculated "
                        + "with it would be about it alone; leave it out, or put its largest values together";
                }
            }
        }

        return null;
    }

    /// <summary>Whether fewer than the minimum of records hold nearly all that differs in a column.</summary>
    internal static bool IsHeldByFew(ColumnSpread spread, int minimum) => spread.Largest > LargestShare(spread.Records, minimum);

    /// <summary>What is said of an asking party's column that lacks a value in few records of a group.</summary>
    public static string HasGaps(string column, BoundQuery query, string party, int minimum) =>
        $"{column} has no value in fewer than {minimum} records{Within(query, party, isAsker: true)}, and what is calculated with it and without it would give "
            + "theirs; leave it out or take coarser classes";

    /// <summary>The party's grouping columns as words.</summary>
    public static string GroupedBy(BoundQuery query, string party) =>
        query.Groupings.Where(grouping => grouping.Column.Party == party).Select(grouping => grouping.Column.Name).ToArray() is { Length: > 0 } names
            ? string.Join(" and ", names)
            : "all records";

    private static string Within(BoundQuery query, string party, bool isAsker) =>
        isAsker && query.Groupings.Any(grouping => grouping.Column.Party == party) ? $" of a group of {GroupedBy(query, party)}" : "";
}
