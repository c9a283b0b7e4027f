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

/// <summary>
/// What a partner has had, in the participant's state: it changes in the transaction of what it counts, so that no kill gives a partner more than its bounds.
/// </summary>
public sealed record Usage
{
    private const string Kind = "usage";
    private const int MostSessions = 1000;
    private static readonly TimeSpan Day = TimeSpan.FromHours(24);

    /// <summary>How long sets of one partner are compared with each other.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromDays(30);

    /// <summary>Sessions of the last <see cref="Memory"/>, the oldest first.</summary>
    public IReadOnlyList<SessionUse> Sessions { get; init; } = [];
    /// <summary>Questions by the hour, since 1970, in which they came.</summary>
    public IReadOnlyDictionary<long, int> Questions { get; init; } = new Dictionary<long, int>();

    /// <summary>What a partner has had.</summary>
    internal static Usage Of(IStoreReader state, string partner) =>
        state.FindDocument(Kind, partner) is { } document ? JsonSerializer.Deserialize(document, UsageJson.Default.Usage)! : new Usage();

    /// <summary>Counts a session.</summary>
    internal static void Count(Effects effects, string partner, SessionUse session)
    {
        var usage = Of(effects.State, partner);
        var sessions = usage.Sessions.Where(use => use.At > session.At - Memory).Append(session).TakeLast(MostSessions);
        effects.PutForAll(Kind, partner, JsonSerializer.Serialize(usage with { Sessions = [.. sessions] }, UsageJson.Default.Usage));
    }

    /// <summary>Counts a question.</summary>
    internal static void CountQuestion(Effects effects, string partner, DateTimeOffset at)
    {
        var usage = Of(effects.State, partner);
        var hour = HourOf(at);
        var questions = usage.Questions.Where(entry => entry.Key > hour - 24).ToDictionary(entry => entry.Key, entry => entry.Value);
        questions[hour] = questions.GetValueOrDefault(hour) + 1;
        effects.PutForAll(Kind, partner, JsonSerializer.Serialize(usage with { Questions = questions }, UsageJson.Default.Usage));
    }

    /// <summary>Sessions of the last 24 hours.</summary>
    public int SessionsSince(DateTimeOffset now) => Sessions.Count(use => use.At > now - Day);

    /// <summary>Identifiers evaluated in the last 24 hours.</summary>
    public long EvaluationsSince(DateTimeOffset now) => Sessions.Where(use => use.At > now - Day).Sum(use => (long)use.SetSize);

    /// <summary>Questions of the last 24 hours, in whole hours.</summary>
    public int QuestionsSince(DateTimeOffset now) => Questions.Where(entry => entry.Key > HourOf(now) - 24).Sum(entry => entry.Value);

    /// <summary>
    /// Sessions about the same dataset whose set was another and yet nearly as large: the difference of two results says whether single records are the
    /// other's. A set counts as the same where the partner's commitment is; nobody can check that, so those are counted too.
    /// </summary>
    public (int Others, int Same) NearlySame(string dataset, int setSize, byte[]? commitment, DateTimeOffset now)
    {
        var near = Math.Max(3, setSize / 1000);
        var found = Sessions.Where(use => use.At > now - Memory && use.Dataset == dataset && Math.Abs(use.SetSize - setSize) <= near).ToArray();
        var same = found.Count(use => commitment is not null && use.Commitment is { } known && known.AsSpan().SequenceEqual(commitment));
        return (found.Length - same, same);
    }

    private static long HourOf(DateTimeOffset at) => at.ToUnixTimeSeconds() / 3600;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Usage))]
internal sealed partial class UsageJson : JsonSerializerContext;
