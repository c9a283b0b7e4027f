using PsiMessaging.Analytics.Queries;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Party.Session;

namespace PsiMessaging.Party.Policy;

/// <summary>A session as a partner asks for it.</summary>
/// <param name="Partner">Its name.</param>
/// <param name="Dataset">The own dataset.</param>
/// <param name="Protocol">The protocol, as it was chosen.</param>
/// <param name="Reveal">Who learns the result.</param>
/// <param name="Engine">What questions are answered with.</param>
/// <param name="SetSize">Identifiers in its set.</param>
/// <param name="MinCell">The minimum cell size the session would have.</param>
public sealed record SessionRequest(string Partner, string Dataset, string Protocol, string Reveal, string Engine, int SetSize, int MinCell)
{
    /// <summary>The linker, by its pinned name.</summary>
    public string? Linker { get; init; }
    /// <summary>Against which kind of cheating the protocol holds.</summary>
    public string? Security { get; init; }
    /// <summary>Whether sets that were prepared before are used.</summary>
    public bool Reuse { get; init; }

    /// <summary>The terms of a session.</summary>
    /// <param name="session">The session.</param>
    /// <param name="dataset">The own dataset.</param>
    /// <param name="setSize">Identifiers in the partner's set.</param>
    /// <param name="minCell">Minimum cell size.</param>
    internal static SessionRequest Of(PartySession session, string dataset, int setSize, int minCell) =>
        new(session.Peer, dataset, session.Protocol, WireNames.NameOf(session.Reveal), WireNames.NameOf(session.Engine), setSize, minCell)
        {
            Linker = session.Linker, Security = WireNames.NameOf(session.Security), Reuse = session.Reuse,
        };

    /// <summary>The terms of a session that was agreed.</summary>
    internal static SessionRequest Of(PartySession session) => Of(session, session.Dataset!, session.PeerDistinct, session.MinCell);
}

/// <summary>How a question uses a column.</summary>
public enum ColumnUse
{
    /// <summary>Its values make groups.</summary>
    GroupBy,
    /// <summary>It is calculated with.</summary>
    Measure,
    /// <summary>It stands in a condition.</summary>
    Filter,
}

/// <summary>What a policy says, from what it says alone: no state, no clock of its own.</summary>
public static class PolicyRules
{
    /// <summary>The first grant that covers a session; null where none does, with why the nearest does not.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="request">The session.</param>
    /// <param name="now">The time.</param>
    public static (PolicyGrant? Grant, string Why) GrantFor(PartyPolicy policy, SessionRequest request, DateTimeOffset now)
    {
        var why = $"nothing is granted to {request.Partner}";
        foreach (var grant in policy.GrantsOf(request.Partner))
        {
            if (MissingIn(grant, request, now) is not { } missing)
            {
                return (grant, "");
            }

            why = missing;
        }

        return (null, why);
    }

    /// <summary>
    /// The first grant that covers a session that runs or has run; null where none does, or none any more. Hours are for sessions to begin in, and say nothing
    /// of their questions.
    /// </summary>
    internal static PolicyGrant? GrantOf(PartyPolicy policy, SessionRequest session, DateTimeOffset now) =>
        policy.GrantsOf(session.Partner).FirstOrDefault(grant => MissingIn(grant with { Hours = null }, session, now) is null);

    /// <summary>Grants to a partner that name a dataset, whatever else they say.</summary>
    public static IReadOnlyList<PolicyGrant> GrantsAbout(PartyPolicy policy, string partner, string dataset) =>
        [.. policy.GrantsOf(partner).Where(grant => Holds(grant.Datasets, dataset))];

    /// <summary>Columns of the own dataset that a question uses in a way that is not granted, as a line for a person; null where all is.</summary>
    /// <param name="policy">The policy, for what nobody may use.</param>
    /// <param name="columns">What the grant says of columns.</param>
    /// <param name="dataset">The own dataset.</param>
    /// <param name="uses">The own columns that the question uses.</param>
    public static string? FaultOf(PartyPolicy policy, PolicyColumns columns, string dataset, IEnumerable<(string Column, ColumnUse Use)> uses)
    {
        foreach (var (column, use) in uses)
        {
            if (Holds(columns.Never, column) || IsNever(policy, dataset, column))
            {
                return $"the column {column} may not be used in any question";
            }

            if (!Holds(use switch { ColumnUse.GroupBy => columns.GroupBy, ColumnUse.Measure => columns.Measure, _ => columns.Filter }, column))
            {
                return use switch
                {
                    ColumnUse.GroupBy => $"the column {column} may not make groups",
                    ColumnUse.Measure => $"the column {column} may not be calculated with",
                    _ => $"the column {column} may not stand in a condition",
                };
            }
        }

        return null;
    }

    /// <summary>Whether no question at all may use a column.</summary>
    public static bool IsNever(PartyPolicy policy, string dataset, string column) =>
        policy.Never.Any(entry => (entry.Key == dataset || entry.Key == PolicyGrant.Any) && Holds(entry.Value, column));

    /// <summary>How a question uses the columns of one party.</summary>
    public static IReadOnlyList<(string Column, ColumnUse Use)> UsesOf(BoundQuery query, string party)
    {
        var uses = query.Groupings.Select(grouping => (grouping.Column, ColumnUse.GroupBy))
            .Concat(query.Where.SelectMany(condition => condition.Columns).Select(column => (column, ColumnUse.Filter)))
            .Concat(query.Measures.SelectMany(measure => measure.Columns).Select(column => (column, ColumnUse.Measure)))
            .Concat(query.Terms.Select(term => (term.Column, term.Grouping is null ? ColumnUse.Measure : ColumnUse.GroupBy)))
            .Concat(new[] { query.Weight, query.Outcome }.OfType<ColumnName>().Select(column => (column, ColumnUse.Measure)));
        return [.. uses.Where(use => use.Item1.Party == party).Select(use => (use.Item1.Name, use.Item2)).Distinct()];
    }

    /// <summary>The same of a question whose columns are not bound to anybody's: names as written.</summary>
    public static IReadOnlyList<(string Column, ColumnUse Use)> UsesOf(Query query) =>
    [
        .. query.AllGroupings.Select(grouping => (grouping.Column, ColumnUse.GroupBy))
            .Concat((query.Where is null ? [] : BoundCondition.ColumnsOf(query.Where)).Select(column => (column, ColumnUse.Filter)))
            .Concat(query.Clause.Measures.SelectMany(measure => measure.Columns).Select(column => (column, ColumnUse.Measure)))
            .Concat(query.Clause.Terms.Select(term => (term.Column, term.Grouping is null ? ColumnUse.Measure : ColumnUse.GroupBy)))
            .Concat(new[] { query.Weight, query.Clause.Outcome }.OfType<string>().Select(column => (column, ColumnUse.Measure))).Distinct(),
    ];

    private static string? MissingIn(PolicyGrant grant, SessionRequest request, DateTimeOffset now) =>
        !Holds(grant.Datasets, request.Dataset) ? $"the dataset {request.Dataset} is not granted to {request.Partner}"
        : !Holds(grant.Protocols, request.Protocol) ? $"the protocol {request.Protocol} is not granted to {request.Partner}"
        : !Holds(grant.Reveal, request.Reveal) ? $"a session that reveals {request.Reveal} is not granted to {request.Partner}"
        : !Holds(grant.Engines, request.Engine) ? $"the engine {request.Engine} is not granted to {request.Partner}"
        : request.SetSize < grant.LeastSet ? $"{request.Partner}'s set has {request.SetSize:N0} identifiers, and {grant.LeastSet:N0} are the least"
        : request.SetSize > grant.MostSet ? $"{request.Partner}'s set has {request.SetSize:N0} identifiers, and {grant.MostSet:N0} are the most"
        : request.MinCell < grant.MinCell ? $"the session's minimum cell size would be {request.MinCell:N0}, and {grant.MinCell:N0} is the least"
        : grant.Until < DateOnly.FromDateTime(now.UtcDateTime) ? $"the grant ended on {grant.Until:yyyy-MM-dd}"
        : grant.Hours is { } hours && PolicyText.TryHours(hours) is (var from, var to) && !IsWithin(TimeOnly.FromDateTime(now.UtcDateTime), from, to)
            ? $"sessions are granted from {hours} UTC only"
        : null;

    private static bool IsWithin(TimeOnly time, TimeOnly from, TimeOnly to) => time >= from && time < to;

    /// <summary>Whether a list has a value, or stands for all.</summary>
    internal static bool Holds(IReadOnlyList<string> list, string value) =>
        list.Contains(PolicyGrant.Any, StringComparer.Ordinal) || list.Contains(value, StringComparer.Ordinal);
}
