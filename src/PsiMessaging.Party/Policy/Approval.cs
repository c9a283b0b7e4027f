using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;

namespace PsiMessaging.Party.Policy;

/// <summary>Where something stands that a person decides.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ApprovalState>))]
public enum ApprovalState
{
    /// <summary>Nobody has decided yet.</summary>
    Waiting,
    /// <summary>A person has said yes.</summary>
    Approved,
    /// <summary>A person has said no.</summary>
    Denied,
}

/// <summary>Something a partner asks for that a person of this party decides.</summary>
public sealed record Approval
{
    private const string Kind = "approval";

    /// <summary>A session's or a question's id.</summary>
    public required string Id { get; init; }
    /// <summary>The session it belongs to.</summary>
    public required string Session { get; init; }
    /// <summary>Who asks.</summary>
    public required string Partner { get; init; }
    /// <summary>The session it asks for; null for a question.</summary>
    public SessionRequest? Terms { get; init; }
    /// <summary>The question's text; null for a session.</summary>
    public string? Question { get; init; }
    /// <summary>Why it was not granted by itself.</summary>
    public required string Why { get; init; }
    /// <summary>Since when it waits.</summary>
    public required DateTimeOffset AskedAt { get; init; }
    /// <summary>Until when it can be decided.</summary>
    public required DateTimeOffset DeadlineAt { get; init; }
    /// <summary>Where it stands.</summary>
    public ApprovalState State { get; init; }
    /// <summary>What the person who decided has given as reason.</summary>
    public string? Reason { get; init; }

    /// <summary>An approval, or null.</summary>
    public static Approval? Find(IStoreReader state, string id) => state.FindDocument(Kind, id) is { } document ? Parse(document) : null;

    /// <summary>All that wait or were decided, of sessions that are here, the oldest first.</summary>
    public static IReadOnlyList<Approval> List(IStoreReader state) =>
        [.. state.ListDocuments(Kind).Select(entry => Parse(entry.Document)).OrderBy(approval => approval.AskedAt)];

    internal void Put(Effects effects) => effects.Put(Kind, Id, JsonSerializer.Serialize(this, ApprovalJson.Default.Approval));

    private static Approval Parse(string document) => JsonSerializer.Deserialize(document, ApprovalJson.Default.Approval)!;
}

/// <summary>
/// Terms that a person has approved for a partner: the same terms do not ask again. They hold until a person takes them back, and within the bounds of a day
/// that a grant has where it names none.
/// </summary>
public sealed record ApprovedTerms
{
    private const string Kind = "approved-terms";

    /// <summary>Where it is kept: the partner and a number.</summary>
    public required string Id { get; init; }
    /// <summary>The terms of the session that was approved.</summary>
    public required SessionRequest Terms { get; init; }
    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }
    /// <summary>The reason that was given.</summary>
    public string? Reason { get; init; }

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ApprovedTerms> List(IStoreReader state) =>
        [.. state.ListDocuments(Kind).Select(entry => JsonSerializer.Deserialize(entry.Document, ApprovalJson.Default.ApprovedTerms)!)];

    /// <summary>
    /// Whether a later session is what a person has approved: the same terms, a set from half to twice the size, since one of few is a list of guesses, and
    /// no smaller minimum.
    /// </summary>
    internal static bool Cover(IStoreReader state, SessionRequest asked) => List(state).Any(known => Cover(known.Terms, asked));

    internal static bool Cover(SessionRequest approved, SessionRequest asked) =>
        approved with { SetSize = asked.SetSize, MinCell = asked.MinCell } == asked && asked.MinCell >= approved.MinCell
            && asked.SetSize >= approved.SetSize / 2 && asked.SetSize <= 2L * approved.SetSize;

    internal void Put(Effects effects) => effects.PutForAll(Kind, Id, JsonSerializer.Serialize(this, ApprovalJson.Default.ApprovedTerms));

    /// <summary>Takes it back; whether it was there.</summary>
    public static bool Delete(IStoreWriter state, string id) => state.DeleteDocument(Kind, id);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Approval))]
[JsonSerializable(typeof(ApprovedTerms))]
internal sealed partial class ApprovalJson : JsonSerializerContext;
