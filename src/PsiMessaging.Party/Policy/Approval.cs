using System.Security.Cryptography;
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

/// <summary>
/// Something a partner asks for that a person of this party decides. Its id is a hash of what is asked, as the person sees it: ids of sessions and questions
/// are the partner's to choose, and what was approved under one must not serve for anything else.
/// </summary>
public sealed record Approval
{
    private const string Kind = "approval";

    /// <summary>Where it is kept and what a person types, 32 hexadecimal digits; see <see cref="IdOf"/>.</summary>
    public string Id => IdOf(Session, Query, Terms, Question);
    /// <summary>The session it belongs to.</summary>
    public required string Session { get; init; }
    /// <summary>Who asks.</summary>
    public required string Partner { get; init; }
    /// <summary>The question's id; null for a session.</summary>
    public string? Query { get; init; }
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

    /// <summary>The approval of a session under terms, or null: under other terms it is another.</summary>
    internal static Approval? OfSession(IStoreReader state, string session, SessionRequest terms) => Find(state, IdOf(session, null, terms, null));

    /// <summary>The approval of a question in these words, or null.</summary>
    internal static Approval? OfQuestion(IStoreReader state, string session, string query, string text) => Find(state, IdOf(session, query, null, text));

    /// <summary>Whether a person was asked about a question.</summary>
    internal static bool IsAsked(IStoreReader state, string session, string query) => Of(state, session, query).Any();

    /// <summary>A question is over: nothing is left to decide.</summary>
    internal static void Forget(Effects effects, string session, string query)
    {
        foreach (var approval in Of(effects.State, session, query).ToArray())
        {
            effects.Delete(Kind, approval.Id);
        }
    }

    private static IEnumerable<Approval> Of(IStoreReader state, string session, string query) =>
        state.ListDocuments(Kind, session).Select(entry => Parse(entry.Document)).Where(approval => approval.Query == query);

    private static string IdOf(string session, string? query, SessionRequest? terms, string? question) => Convert.ToHexStringLower(SHA256.HashData(
        JsonSerializer.SerializeToUtf8Bytes(new ApprovalSubject(session, query, terms, question), ApprovalJson.Default.ApprovalSubject)).AsSpan(0, 16));

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

/// <summary>What an approval is about.</summary>
internal sealed record ApprovalSubject(string Session, string? Query, SessionRequest? Terms, string? Question);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Approval))]
[JsonSerializable(typeof(ApprovedTerms))]
[JsonSerializable(typeof(ApprovalSubject))]
internal sealed partial class ApprovalJson : JsonSerializerContext;
