using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Party.Policy;

/// <summary>A session that a partner had, for the bounds of a day and for what its sets have in common.</summary>
/// <param name="At">When it was accepted.</param>
/// <param name="Dataset">Own dataset.</param>
/// <param name="SetSize">Identifiers of the partner's set.</param>
/// <param name="Commitment">The partner's commitment to its set; null where it gave none.</param>
public sealed record SessionUse(DateTimeOffset At, string Dataset, int SetSize, byte[]? Commitment);

/// <summary>What a partner has had and asked for in an hour.</summary>
/// <param name="Sessions">Sessions that began.</param>
/// <param name="Evaluations">Identifiers of its sets in them.</param>
/// <param name="Questions">Questions that were looked at, whatever came of them.</param>
/// <param name="Asked">What was put before a person.</param>
/// <param name="TurnedAway">Questions that were refused unread, since a day has no more.</param>
public sealed record HourUse(int Sessions = 0, long Evaluations = 0, int Questions = 0, int Asked = 0, int TurnedAway = 0);

/// <summary>
/// What a partner has had, in the participant's state: it changes in the transaction of what it counts, so that no kill gives a partner more than its bounds.
/// Days are 24 whole hours and the one that runs.
/// </summary>
public sealed record Usage
{
    private const string Kind = "usage";

    /// <summary>Sessions that are remembered one by one, for what their sets have in common; the sums of the hours forget none.</summary>
    private const int MostSessions = 1000;

    /// <summary>How long sets of one partner are compared with each other.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromDays(30);

    /// <summary>Sessions of the last <see cref="Memory"/>, the oldest first.</summary>
    public IReadOnlyList<SessionUse> Sessions { get; init; } = [];
    /// <summary>Sums by the hour, since 1970.</summary>
    public IReadOnlyDictionary<long, HourUse> Hours { get; init; } = new Dictionary<long, HourUse>();

    /// <summary>What a partner has had.</summary>
    internal static Usage Of(IStoreReader state, string partner) =>
        state.FindDocument(Kind, partner) is { } document ? JsonSerializer.Deserialize(document, UsageJson.Default.Usage)! : new Usage();

    /// <summary>Counts a session.</summary>
    internal static void Count(Effects effects, string partner, SessionUse session)
    {
        var usage = Of(effects.State, partner);
        var sessions = usage.Sessions.Where(use => use.At > session.At - Memory).Append(session).TakeLast(MostSessions);
        var counted = usage.With(session.At, hour => hour with { Sessions = hour.Sessions + 1, Evaluations = hour.Evaluations + session.SetSize });
        Put(effects, partner, counted with { Sessions = [.. sessions] });
    }

    /// <summary>Counts a question.</summary>
    internal static void CountQuestion(Effects effects, string partner, DateTimeOffset at) =>
        Put(effects, partner, Of(effects.State, partner).With(at, hour => hour with { Questions = hour.Questions + 1 }));

    /// <summary>Counts what is put before a person.</summary>
    internal static void CountAsked(Effects effects, string partner, DateTimeOffset at) =>
        Put(effects, partner, Of(effects.State, partner).With(at, hour => hour with { Asked = hour.Asked + 1 }));

    /// <summary>Counts a question that is refused unread; whether it is the first of its hour.</summary>
    internal static bool CountTurnedAway(Effects effects, string partner, DateTimeOffset at)
    {
        var usage = Of(effects.State, partner).With(at, hour => hour with { TurnedAway = hour.TurnedAway + 1 });
        Put(effects, partner, usage);
        return usage.Hours[HourOf(at)].TurnedAway == 1;
    }

    /// <summary>Sums of a day.</summary>
    public HourUse Since(DateTimeOffset now) => Hours.Where(entry => entry.Key >= HourOf(now) - 24).Select(entry => entry.Value).Aggregate(new HourUse(),
        (sum, hour) => new HourUse(sum.Sessions + hour.Sessions, sum.Evaluations + hour.Evaluations, sum.Questions + hour.Questions, sum.Asked + hour.Asked,
            sum.TurnedAway + hour.TurnedAway));

    /// <summary>
    /// Sessions about a dataset by their sets: others that were nearly as large, others of any size, and the same. The difference of two results over sets that
    /// differ in one record says whether that record is the other's; records that nobody has, added to a set, make its size say nothing of that. A set counts
    /// as the same where the partner's commitment is; nobody can check that, so those are counted too.
    /// </summary>
    public (int Near, int Others, int Same) ByTheirSets(string dataset, int setSize, byte[]? commitment, DateTimeOffset now)
    {
        var near = Math.Max(3, setSize / 1000);
        var found = Sessions.Where(use => use.At > now - Memory && use.Dataset == dataset).ToLookup(IsSame);
        return (found[false].Count(use => Math.Abs((long)use.SetSize - setSize) <= near), found[false].Count(), found[true].Count());

        bool IsSame(SessionUse use) => commitment is not null && use.Commitment is { } known && known.AsSpan().SequenceEqual(commitment);
    }

    private static void Put(Effects effects, string partner, Usage usage) =>
        effects.PutForAll(Kind, partner, JsonSerializer.Serialize(usage, UsageJson.Default.Usage));

    private Usage With(DateTimeOffset at, Func<HourUse, HourUse> count)
    {
        var hours = Hours.Where(entry => entry.Key >= HourOf(at) - 24).ToDictionary(entry => entry.Key, entry => entry.Value);
        hours[HourOf(at)] = count(hours.GetValueOrDefault(HourOf(at)) ?? new HourUse());
        return this with { Hours = hours };
    }

    private static long HourOf(DateTimeOffset at) => at.ToUnixTimeSeconds() / 3600;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Usage))]
internal sealed partial class UsageJson : JsonSerializerContext;
