using System.Globalization;
using System.Text.Json;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Naming;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Policy;

/// <summary>
/// A policy as a person writes it: read, checked for rules that are unknown or contradict each other, and the one that a new home begins with.
/// </summary>
public static class PolicyText
{
    private const int MostCharacters = 1 << 20;

    /// <summary>Bounds that may be taken away.</summary>
    private static readonly HashSet<string> MayBeNull = new(StringComparer.Ordinal)
    {
        "$schema", "notify", "mostSet", "sessionsPerDay", "questionsPerDay", "evaluationsPerDay", "hours", "until", "command", "webHook",
        "history", "historyDays", "p", "nk",
    };

    /// <summary>A policy file that was read.</summary>
    /// <param name="Policy">The policy; null where there are faults.</param>
    /// <param name="Faults">What is wrong, a line each.</param>
    public sealed record Reading(PartyPolicy? Policy, IReadOnlyList<string> Faults);

    /// <summary>Reads a policy.</summary>
    /// <param name="text">JSON with comments.</param>
    /// <param name="source">The file's name, for messages.</param>
    public static Reading Parse(string text, string source)
    {
        if (text.Length > MostCharacters)
        {
            return new Reading(null, [$"{source} is longer than {MostCharacters:N0} characters, and no policy"]);
        }

        PartyPolicy? policy;
        try
        {
            using (var document = JsonDocument.Parse(text, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }))
            {
                if (EmptyIn(document.RootElement, "the file") is { } empty)
                {
                    return new Reading(null, [$"{source}: {empty} is null; leave it out, or say what it is"]);
                }
            }

            policy = JsonSerializer.Deserialize<PartyPolicy>(text, PolicyJson.Options);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The second where a name or text is no Unicode.
            return new Reading(null, [$"{source} cannot be read: {WhatOf(exception)}; see docs/policy.md, or begin anew with: psi policy init"]);
        }

        var faults = policy is null ? [$"{source} is empty; begin anew with: psi policy init"]
            : FaultsOf(policy).Select(fault => $"{source}: {fault}").ToArray();
        return new Reading(faults.Length == 0 ? policy : null, faults);
    }

    /// <summary>What is wrong with a policy that could be read.</summary>
    internal static IEnumerable<string> FaultsOf(PartyPolicy policy)
    {
        if (policy.Version != 1)
        {
            yield return $"\"version\" is {policy.Version}, and this release knows 1";
        }

        if (FaultOf(policy.Notify) is { } notice)
        {
            yield return notice;
        }

        foreach (var (dataset, noise) in policy.Noise)
        {
            if (noise.Fault is { } fault)
            {
                yield return $"\"noise\".\"{dataset}\": {fault}";
            }
        }

        foreach (var (dataset, dominance) in policy.Dominance)
        {
            if (dominance.Fault is { } fault)
            {
                yield return $"\"dominance\".\"{dataset}\": {fault}";
            }
        }

        foreach (var (partner, grants) in policy.Partners)
        {
            if (partner != PolicyGrant.Any && !ParticipantNames.IsValid(partner))
            {
                yield return $"\"partners\" names {partner}, which is no participant's name";
            }

            for (var i = 0; i < grants.Count; i++)
            {
                foreach (var fault in FaultsOf(policy, grants[i]))
                {
                    yield return $"\"partners\".\"{partner}\"[{i}]: {fault}";
                }
            }
        }
    }

    /// <summary>Where something is null that means something only when it is not; the reader looks at members, and not into lists.</summary>
    private static string? EmptyIn(JsonElement element, string where) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject()
            .Where(member => member.Value.ValueKind != JsonValueKind.Null || !MayBeNull.Contains(member.Name))
            .Select(member => member.Value.ValueKind == JsonValueKind.Null ? $"\"{member.Name}\"" : EmptyIn(member.Value, $"\"{member.Name}\""))
            .FirstOrDefault(found => found is not null),
        JsonValueKind.Array => element.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Null ? $"something in {where}" : EmptyIn(item, where))
            .FirstOrDefault(found => found is not null),
        _ => null,
    };

    private static string? FaultOf(PolicyNotice? notice) =>
        notice is { Command: { } command } && (command.Count == 0 || command.Any(string.IsNullOrEmpty) || !Path.IsPathRooted(command[0]))
            ? "\"notify\".\"command\" must be a list that begins with the full path of a program"
        : notice is { WebHook: { } hook } && !(Uri.TryCreate(hook, UriKind.Absolute, out var address) && address.Scheme == Uri.UriSchemeHttps)
            ? "\"notify\".\"webHook\" must be an https address" : null;

    private static IEnumerable<string> FaultsOf(PartyPolicy policy, PolicyGrant grant) =>
        new[]
        {
            grant.Datasets.Count == 0 ? "grants nothing: \"datasets\" is empty or left out" : null,
            Unknown("protocols", grant.Protocols, PsiProtocols.Names), Unknown("reveal", grant.Reveal, WireNames.Reveals),
            Unknown("engines", grant.Engines, WireNames.Engines),
            grant.LeastSet < 1 || grant.MostSet < grant.LeastSet ? "no set has a size from \"leastSet\" to \"mostSet\"" : null,
            grant.MinCell is < 1 or > 1_000_000 ? "\"minCell\" is 1 to 1,000,000" : null,
            grant.SessionsPerDay < 1 || grant.QuestionsPerDay < 0 || grant.EvaluationsPerDay < 1
                ? "a bound a day is 1 or more; to grant no session, grant nothing" : null,
            grant.Hours is { } hours && TryHours(hours) is null
                ? $"\"hours\" is {hours}, and should be like 08:00-18:00, UTC, the first before the last" : null,
        }.OfType<string>().Concat(Contradictions(policy, grant)).Concat(TokensFaults(policy, grant)).Concat(HistoryFaults(grant));

    private static IEnumerable<string> HistoryFaults(PolicyGrant grant)
    {
        if (grant.HistoryDays is < 1 or > 36_500)
        {
            yield return "\"historyDays\" is 1 to 36,500";
        }

        if (grant is { History: HistoryRule.Off, HistoryDays: not null })
        {
            yield return "\"history\" is off, and \"historyDays\" says how long a question counts; take out one of them";
        }

        if (grant.History is HistoryRule.Guard or HistoryRule.Once && PolicyRules.Holds(grant.Engines, WireNames.NameOf(QueryEngine.Tokens)))
        {
            yield return "engine tokens asks nobody before it answers, so that no question is held against those before it: take tokens out of \"engines\", or "
                + "\"history\" out of the grant";
        }
    }

    /// <summary>What one rule allows and another never does: which was meant cannot be known.</summary>
    private static IEnumerable<string> Contradictions(PartyPolicy policy, PolicyGrant grant)
    {
        var never = grant.Columns.Never
            .Concat(grant.Datasets.Append(PolicyGrant.Any).SelectMany(dataset => policy.Never.TryGetValue(dataset, out var columns) ? columns : []))
            .ToHashSet(StringComparer.Ordinal);
        foreach (var (name, allowed) in new[]
        {
            ("groupBy", grant.Columns.GroupBy), ("measure", grant.Columns.Measure), ("filter", grant.Columns.Filter),
        })
        {
            foreach (var column in allowed.Where(column => never.Contains(column) || never.Contains(PolicyGrant.Any)))
            {
                yield return never.Contains(PolicyGrant.Any) ? $"\"never\" has all columns, and \"{name}\" has {column}; take out one of them"
                    : $"the column {column} stands in \"{name}\" and in \"never\"; take it out of one";
            }
        }

        // Rows that are sent to the linker can be grouped and filtered there by any of their columns.
        if (PolicyRules.Holds(grant.Engines, WireNames.NameOf(QueryEngine.Tokens))
            && (!IsSame(grant.Columns.GroupBy, grant.Columns.Filter) || grant.AskQuestions || grant.QuestionsPerDay is not null))
        {
            yield return "engine tokens asks nobody before it answers: with it \"groupBy\" and \"filter\" must be the same, \"askQuestions\" false and "
                + "\"questionsPerDay\" null, or take tokens out of \"engines\"";
        }
    }

    /// <summary>Rules for a dataset that engine tokens does not keep.</summary>
    private static IEnumerable<string> TokensFaults(PartyPolicy policy, PolicyGrant grant)
    {
        // Who grants all engines is refused sessions with this one as they come.
        if (grant.Engines.Contains(WireNames.NameOf(QueryEngine.Tokens), StringComparer.Ordinal)
            && policy.Noise.Keys.FirstOrDefault(dataset => PolicyRules.Holds(grant.Datasets, dataset)) is { } exact)
        {
            yield return $"engine tokens says exact counts of {exact}, which stands in \"noise\"; take tokens out of \"engines\", or that dataset out";
        }

        if (grant.Engines.Contains(WireNames.NameOf(QueryEngine.Tokens), StringComparer.Ordinal)
            && policy.Dominance.Keys.FirstOrDefault(dataset => PolicyRules.Holds(grant.Datasets, dataset)) is { } held)
        {
            yield return $"engine tokens holds no sum of {held} to rules of concentration, and it stands in \"dominance\"; take tokens out of \"engines\", or "
                + "that dataset out";
        }
    }

    private static bool IsSame(IReadOnlyList<string> one, IReadOnlyList<string> other) => one.ToHashSet(StringComparer.Ordinal).SetEquals(other);

    private static string? Unknown(string name, IReadOnlyList<string> given, IReadOnlyList<string> known) =>
        given.Count == 0 ? $"grants nothing: \"{name}\" is empty"
        : given.FirstOrDefault(value => value != PolicyGrant.Any && !known.Contains(value, StringComparer.Ordinal)) is { } unknown
            ? $"\"{name}\" has {unknown}, and there is {WireNames.Listed(known, "and")}" : null;

    /// <summary>The hours of a day; null where the text is none.</summary>
    internal static (TimeOnly From, TimeOnly To)? TryHours(string text) =>
        text.Split('-') is [var first, var last]
            && TimeOnly.TryParseExact(first, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var from)
            && TimeOnly.TryParseExact(last, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var to) && from < to ? (from, to) : null;

    private static string WhatOf(Exception exception)
    {
        var where = (exception as JsonException)?.LineNumber is { } line ? $"line {line + 1}: " : "";
        var message = exception.Message.Split(" Path:")[0].Split(" LineNumber")[0];
        return message.Contains("could not be mapped", StringComparison.Ordinal) && message.Split('\'') is [_, var member, ..]
            ? $"{where}there is no rule {member}" : where + message.TrimEnd('.');
    }

    /// <summary>The policy of a new home, with what can be said in it as comments.</summary>
    public const string Template = """
        // What this party's partners may do. Nothing that is not granted here: it waits for a person (psi approvals, psi approve, psi deny).
        // Every line is explained in docs/policy.md. Check it with psi policy check; ask it with psi policy explain.
        {
          "version": 1,

          // "ask": what is not granted waits for a person. "refuse": it is refused.
          "otherwise": "ask",

          // Told when something waits: a program (its environment has PSI_APPROVAL, PSI_PARTNER and PSI_KIND) or an https address.
          // "notify": { "command": ["/usr/local/bin/tell-me"] },

          // Columns that no question of anybody may use, by dataset.
          "never": {
            // "people": ["NAME", "STREET"]
          },

          // Noise on every count that anybody is told of a dataset, and how much is told in all; see docs/noise.md.
          // "noise": { "people": { "law": "gaussian", "spread": 20, "epsilon": 1, "delta": 0.000001 } },
          // Or, beside all other rules and without such a promise: "noise": { "people": { "law": "cellKey", "variance": 1.08, "deviation": 2 } },

          // Sums of which one or a few records hold too much are withheld; see docs/disclosure.md, "A dominating value".
          // "dominance": { "firms": { "p": 10, "nk": "(2,85)", "columns": ["TURNOVER"] } },

          "partners": {
            // "P2": [{
            //   "datasets": ["people"],
            //   "protocols": ["ecdh", "rsa"],     // left out: these two; "vole" needs "allowVole" in psi.json as well
            //   "reveal": ["both"],               // left out: this one
            //   "engines": ["masked"],            // left out: this one
            //   "leastSet": 1000,                 // a set of few is a list of guesses
            //   "minCell": 10,
            //   "sessionsPerDay": 10,
            //   "questionsPerDay": 100,
            //   "evaluationsPerDay": 50000000,
            //   "hours": "08:00-18:00",           // UTC
            //   "until": "2027-12-31",
            //   "askQuestions": false,
            //   "boundOnly": true,
            //   "history": "guard",               // a question too close to an earlier one is refused; left out: this, where minCell is above 1;
            //                                     // "once": each column serves for one table alone, and nothing can be subtracted; "off"
            //   "historyDays": 730,               // left out: as long as the dataset is the same
            //   "columns": { "groupBy": ["REGION"], "measure": ["INCOME"], "filter": ["REGION"], "never": [] }
            // }]
          }
        }

        """;
}
