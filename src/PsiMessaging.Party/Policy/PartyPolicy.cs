using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Files;
using PsiMessaging.Participants;
using PsiMessaging.Participants.Identities;

namespace PsiMessaging.Party.Policy;

/// <summary>What becomes of what is granted to nobody.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Otherwise>))]
public enum Otherwise
{
    /// <summary>It waits for a person of this party.</summary>
    [JsonStringEnumMemberName("ask")]
    Ask,
    /// <summary>It is refused.</summary>
    [JsonStringEnumMemberName("refuse")]
    Refuse,
}

/// <summary>
/// What a party's owner allows its partners, as <c>policy.json</c> in the home has it: JSON with comments. A partner may do nothing that is not granted to it
/// here, or by a person (<see cref="Approval"/>). Read again for every decision, so that a change holds from the next one on.
/// </summary>
public sealed record PartyPolicy
{
    /// <summary>The file in a home.</summary>
    public const string FileName = "policy.json";

    /// <summary>Where the schema is, for editors; not read.</summary>
    [JsonPropertyName("$schema")]
    public string? Schema { get; init; }
    /// <summary>1.</summary>
    public required int Version { get; init; }
    /// <summary>What becomes of what is not granted.</summary>
    public Otherwise Otherwise { get; init; }
    /// <summary>What tells a person that something waits; null tells nobody but <c>psi approvals</c>.</summary>
    public PolicyNotice? Notify { get; init; }
    /// <summary>Columns that no question of anybody may use, by dataset.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Never { get; init; } = new Dictionary<string, IReadOnlyList<string>>();
    /// <summary>Noise on what anybody is told of a dataset, by its name.</summary>
    public IReadOnlyDictionary<string, PolicyNoise> Noise { get; init; } = new Dictionary<string, PolicyNoise>();
    /// <summary>Rules of concentration for sums of a dataset's columns, by its name.</summary>
    public IReadOnlyDictionary<string, PolicyDominance> Dominance { get; init; } = new Dictionary<string, PolicyDominance>();
    /// <summary>What each partner is granted, by its pinned name.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<PolicyGrant>> Partners { get; init; } = new Dictionary<string, IReadOnlyList<PolicyGrant>>();

    /// <summary>The policy of a home that has no file: nothing is granted, everything asks.</summary>
    public static PartyPolicy Default { get; } = new() { Version = 1 };

    /// <summary>Everything for everybody, for participants that are all one person's: a simulation, a demo.</summary>
    public static PartyPolicy Open { get; } = new()
    {
        Version = 1, Partners = new Dictionary<string, IReadOnlyList<PolicyGrant>>
        {
            [PolicyGrant.Any] = [PolicyGrant.Everything with { History = HistoryRule.Off }],
        },
    };

    /// <summary>What a partner is granted: what stands under its name, and what is granted to all.</summary>
    public IEnumerable<PolicyGrant> GrantsOf(string partner) =>
        Partners.Where(entry => entry.Key == partner || entry.Key == PolicyGrant.Any).SelectMany(entry => entry.Value);

    /// <summary>Reads a home's policy.</summary>
    /// <exception cref="ParticipantException">Others may change the file, or it cannot be read; nothing is granted then.</exception>
    public static PartyPolicy Load(ParticipantHome home)
    {
        var path = Path.Combine(home.Path, FileName);
        if (!File.Exists(path))
        {
            return Default;
        }

        var what = $"{home.Name} cannot read its own policy; its people see why";
        if (PrivateFile.IsForeign(path) || PrivateFile.MayBeChangedByOthers(path))
        {
            throw new ParticipantException(FailureCodes.NotGranted,
                $"{path} can be changed by others; make it yours alone with: chmod 600 {path}") { ForPeer = what };
        }

        return PolicyText.Parse(File.ReadAllText(path), path) switch
        {
            { Policy: { } policy } => policy,
            var read => throw new ParticipantException(FailureCodes.NotGranted, read.Faults[0]) { ForPeer = what },
        };
    }

    /// <summary>Writes a home's policy.</summary>
    public void Write(string home) => AtomicFile.Write(Path.Combine(home, FileName), JsonSerializer.SerializeToUtf8Bytes(this, PolicyJson.Options));
}

/// <summary>What tells a person that something waits. It gets the approval's id, the partner and the kind, and nothing else.</summary>
/// <param name="Command">A program and its arguments; what waits is in its environment (PSI_APPROVAL, PSI_PARTNER, PSI_KIND).</param>
/// <param name="WebHook">An https address that gets the same as JSON.</param>
public sealed record PolicyNotice(IReadOnlyList<string>? Command = null, string? WebHook = null);

/// <summary>Whether questions are held against those before them.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<HistoryRule>))]
public enum HistoryRule
{
    /// <summary>They are.</summary>
    [JsonStringEnumMemberName("guard")]
    Guard,
    /// <summary>They are, and each own column serves for one table alone: all answers together say no more than one.</summary>
    [JsonStringEnumMemberName("once")]
    Once,
    /// <summary>They are not.</summary>
    [JsonStringEnumMemberName("off")]
    Off,
}

/// <summary>Something a partner may do without asking. Lists that are left out grant nothing of their kind, but where this says otherwise.</summary>
public sealed record PolicyGrant
{
    /// <summary>In place of a list: all there are.</summary>
    public const string Any = "*";

    /// <summary>Everything.</summary>
    public static PolicyGrant Everything { get; } = new()
    {
        Datasets = [Any], Protocols = [Any], Reveal = [Any], Engines = [Any], Columns = new PolicyColumns { GroupBy = [Any], Measure = [Any], Filter = [Any] },
        SessionsPerDay = null, QuestionsPerDay = null, EvaluationsPerDay = null,
    };

    /// <summary>Own datasets it may name.</summary>
    public IReadOnlyList<string> Datasets { get; init; } = [];
    /// <summary>Protocols it may propose; left out: <c>ecdh</c> and <c>rsa</c>.</summary>
    public IReadOnlyList<string> Protocols { get; init; } = ["ecdh", "rsa"];
    /// <summary>What a session may reveal; left out: <c>both</c>.</summary>
    public IReadOnlyList<string> Reveal { get; init; } = ["both"];
    /// <summary>Engines for questions; left out: <c>masked</c>.</summary>
    public IReadOnlyList<string> Engines { get; init; } = ["masked"];
    /// <summary>Fewest identifiers its set may have: a set of few is a list of guesses. 1 to 2,147,483,647.</summary>
    public int LeastSet { get; init; } = 1;
    /// <summary>Most identifiers its set may have; null leaves it to the home's <c>maximumPeerSet</c>.</summary>
    public int? MostSet { get; init; }
    /// <summary>Minimum cell size that its proposal must ask for at least, beside the dataset's own; 1 to 1,000,000.</summary>
    public int MinCell { get; init; } = 1;
    /// <summary>Sessions in 24 hours; null for no bound.</summary>
    public int? SessionsPerDay { get; init; } = 10;
    /// <summary>Questions in 24 hours, over all its sessions; null for no bound.</summary>
    public int? QuestionsPerDay { get; init; } = 100;
    /// <summary>Identifiers of its sets that are evaluated in 24 hours, over all its sessions: how many it may try; null for no bound.</summary>
    public long? EvaluationsPerDay { get; init; } = 50_000_000;
    /// <summary>Hours of the day, UTC, as <c>08:00-18:00</c>; null for all.</summary>
    public string? Hours { get; init; }
    /// <summary>The last day, UTC; null for no end.</summary>
    public DateOnly? Until { get; init; }
    /// <summary>Whether each question waits for a person.</summary>
    public bool AskQuestions { get; init; }
    /// <summary>
    /// Engine <c>masked</c>: whether questions are refused to whose rows the asking party is not bound.
    /// </summary>
    public bool BoundOnly { get; init; }
    /// <summary>
    /// Engine <c>masked</c>, under a minimum cell size above 1: whether a question is refused whose answer differs from an earlier one's by few records. Null
    /// is <see cref="HistoryRule.Guard"/> there; to demand it leaves no place for engine <c>tokens</c>, where nobody is asked.
    /// </summary>
    public HistoryRule? History { get; init; }
    /// <summary>For how many days a question counts that was answered; null for as long as the dataset is the same.</summary>
    public int? HistoryDays { get; init; }
    /// <summary>What its questions may do with which columns.</summary>
    public PolicyColumns Columns { get; init; } = new();
}

/// <summary>What questions may do with columns of the own dataset.</summary>
public sealed record PolicyColumns
{
    /// <summary>Columns whose values may make groups.</summary>
    public IReadOnlyList<string> GroupBy { get; init; } = [];
    /// <summary>Columns that may be calculated with: measured, weighted by, explained, or explaining.</summary>
    public IReadOnlyList<string> Measure { get; init; } = [];
    /// <summary>Columns that may stand in a condition.</summary>
    public IReadOnlyList<string> Filter { get; init; } = [];
    /// <summary>Columns that may not be used at all, whatever the other lists say.</summary>
    public IReadOnlyList<string> Never { get; init; } = [];
}

/// <summary>
/// How a policy is read and written. By reflection: code made at build time would set what a file leaves out to nothing instead of its default.
/// </summary>
internal static class PolicyJson
{
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, WriteIndented = true, RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true, AllowDuplicateProperties = false, TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };
}
