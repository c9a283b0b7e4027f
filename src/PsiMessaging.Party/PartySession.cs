using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Analytics.Statistics;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Data.Types;
using PsiMessaging.Participants.Store;
using PsiMessaging.Party.Datasets;

namespace PsiMessaging.Party;

/// <summary>Where a session stands at one party.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SessionState>))]
public enum SessionState
{
    /// <summary>The initiator reads its set and makes its keys.</summary>
    Preparing,
    /// <summary>The initiator waits for the responder.</summary>
    Proposed,
    /// <summary>The responder has a proposal to decide on.</summary>
    Asked,
    /// <summary>The protocol's rounds travel.</summary>
    Running,
    /// <summary>The own result stands; the peer's is awaited for comparison.</summary>
    Comparing,
    /// <summary>Done: whoever learns something has learned it.</summary>
    Completed,
    /// <summary>Ended without a result, under a named reason.</summary>
    Failed,
}

/// <summary>How far a party's rows are on their way to the linker.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RegistrationState>))]
public enum RegistrationState
{
    None,
    Sending,
    /// <summary>All batches are in the outbox or beyond.</summary>
    Sent,
    /// <summary>The linker has confirmed all rows.</summary>
    Registered,
}

/// <summary>A session as one party keeps it. No secret, identifier or value is in here.</summary>
public sealed record PartySession
{
    public required string Id { get; init; }
    public required SessionState State { get; init; }
    public required bool IsInitiator { get; init; }
    public required string Peer { get; init; }
    public required string Linker { get; init; }
    public string? Dataset { get; init; }
    public string? DatasetHash { get; init; }
    public string? PeerDataset { get; init; }
    public required string Protocol { get; init; }
    public required string Engine { get; init; }
    /// <summary>With protocol <c>auto</c>: what the initiator allows, until the responder has chosen.</summary>
    public IReadOnlyList<string>? Protocols { get; init; }
    /// <summary>Why this protocol, where it was chosen and not asked for.</summary>
    public string? ChosenBecause { get; init; }
    /// <summary>Protocol <c>vole</c>: <c>malicious</c>, or null.</summary>
    public string? Security { get; init; }
    /// <summary>Which attempt at the rounds this is: 0 for the first.</summary>
    public int Attempt { get; init; }
    /// <summary>Own nonce of a later attempt.</summary>
    public byte[]? OwnAttemptNonce { get; init; }
    /// <summary>The peer's nonce of a later attempt, once it is here.</summary>
    public byte[]? PeerAttemptNonce { get; init; }
    /// <summary>By outgoing round of a protocol over whole vectors: a hash over the batches that have left, in order.</summary>
    public IReadOnlyDictionary<int, byte[]> Sent { get; init; } = new Dictionary<int, byte[]>();
    /// <summary>Who learns what, as it travels: see <see cref="Engine.SessionRules"/>.</summary>
    public required string Reveal { get; init; }
    /// <summary>RSA modulus length, or 0 for a protocol without.</summary>
    public int RsaBits { get; init; }
    /// <summary>Whether senders use their reusable sets.</summary>
    public bool Reuse { get; init; }
    public required int MinCell { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset DeadlineAt { get; init; }

    /// <summary>Which texts are one value, as the parties have agreed; a session of before that was agreed compares them as they are.</summary>
    public TextRule Texts { get; init; } = TextRule.Exact;
    /// <summary>Set where the two parties' identifiers can hardly match by what they look like: a warning for a person.</summary>
    public string? KeyWarning { get; init; }

    /// <summary>Names that head the intersection file: the initiator's key columns.</summary>
    public IReadOnlyList<string> KeyNames { get; init; } = [];
    public int OwnRows { get; init; }
    public int OwnDistinct { get; init; }
    public int OwnDropped { get; init; }
    public int OwnRepeated { get; init; }
    public int PeerDistinct { get; init; }
    public byte[]? ProposalHash { get; init; }
    public byte[]? AcceptanceHash { get; init; }
    public byte[]? PeerRsaModulus { get; init; }
    public byte[]? OwnReusableSet { get; init; }
    public byte[]? PeerReusableSet { get; init; }
    /// <summary>Next sequence to produce, by outgoing round.</summary>
    public IReadOnlyDictionary<int, int> Produced { get; init; } = new Dictionary<int, int>();
    /// <summary>Batches to produce and to consume in all, once known.</summary>
    public int TotalBatches { get; init; }
    /// <summary>Number of batches dealt with, by incoming round.</summary>
    public IReadOnlyDictionary<int, int> Consumed { get; init; } = new Dictionary<int, int>();
    /// <summary>Batches the peer allows, by outgoing round without replies.</summary>
    public IReadOnlyDictionary<int, int> Credit { get; init; } = new Dictionary<int, int>();
    /// <summary>Whether the peer has been told that this party has done its part.</summary>
    public bool HasReported { get; init; }
    public int? IntersectionSize { get; init; }
    /// <summary>What the peer must report for its result to be the same.</summary>
    public byte[]? PeerIntersectionHash { get; init; }
    /// <summary>Whether the session was completed once: its result stays in the home whatever happens later.</summary>
    public bool HadResult { get; init; }
    /// <summary>Once ended: whether secrets and what else must go is gone from the session's folder.</summary>
    public bool IsCleaned { get; init; }
    /// <summary>Something a person should look at, without consequence: for example a message under another card than the one pinned.</summary>
    public string? Warning { get; init; }

    public RegistrationState Registration { get; init; }
    public int SendSequence { get; init; }
    public int SendRow { get; init; }
    /// <summary>Columns this party has announced to the peer.</summary>
    public IReadOnlyList<ColumnDescription>? OwnColumns { get; init; }
    /// <summary>Columns the peer has announced.</summary>
    public IReadOnlyList<ColumnDescription>? PeerColumns { get; init; }
    /// <summary>Engine <c>masked</c>: highest mask counter of an own query.</summary>
    public long OwnMaskCounter { get; init; }
    /// <summary>Engine <c>masked</c>: highest mask counter seen of the peer.</summary>
    public long PeerMaskCounter { get; init; }
    /// <summary>Engine <c>masked</c>: queries of either party that are not finished here.</summary>
    public IReadOnlyList<string> OpenQueries { get; init; } = [];
    public bool PeerRegistered { get; init; }

    public string? FailureCode { get; init; }
    public string? FailureReason { get; init; }

    public string? ReplyTo { get; init; }
    public string? Correlation { get; init; }

    public DateTimeOffset? PreparedAt { get; init; }
    public DateTimeOffset? RunningAt { get; init; }
    public DateTimeOffset? MatchedAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }
    public DateTimeOffset? SendStartedAt { get; init; }
    public DateTimeOffset? RegisteredAt { get; init; }

    /// <summary>Whether nothing more happens to the intersection.</summary>
    [JsonIgnore]
    public bool IsEnded => State is SessionState.Completed or SessionState.Failed;

    /// <summary>Part of the rounds that is done, 0 to 1.</summary>
    [JsonIgnore]
    public double Progress => State is SessionState.Comparing or SessionState.Completed ? 1 : TotalBatches == 0 ? 0 : (double)(Produced.Values.Sum() + Consumed.Values.Sum()) / TotalBatches;

    /// <summary>SHA-256 over both hand-shake headers.</summary>
    [JsonIgnore]
    public byte[] HandshakeHash => SHA256.HashData([.. DomainTags.Transcript, .. ProposalHash!, .. AcceptanceHash!]);

    /// <summary>Whether both nonces of the attempt are here.</summary>
    [JsonIgnore]
    public bool IsAttemptAgreed => Attempt == 0 || PeerAttemptNonce is not null;

    /// <summary>What ties every later message and key to this very session and attempt, 32 bytes.</summary>
    [JsonIgnore]
    public byte[] Transcript => Attempt == 0 ? HandshakeHash
        : SHA256.HashData([.. DomainTags.Attempt, .. HandshakeHash, (byte)Attempt, .. (IsInitiator ? OwnAttemptNonce : PeerAttemptNonce)!, .. (IsInitiator ? PeerAttemptNonce : OwnAttemptNonce)!]);

    /// <summary>Seconds of each phase that has ended.</summary>
    public IEnumerable<(string Name, double Seconds)> Phases()
    {
        (string, DateTimeOffset?, DateTimeOffset?)[] spans =
        [
            ("prepare", IsInitiator ? CreatedAt : null, PreparedAt),
            ("hand-shake", PreparedAt, RunningAt),
            ("exchange", RunningAt, MatchedAt),
            ("compare", MatchedAt, State == SessionState.Completed ? EndedAt : null),
            ("send", SendStartedAt, RegisteredAt),
        ];
        return spans.Where(span => span.Item2 is not null && span.Item3 is not null).Select(span => (span.Item1, (span.Item3!.Value - span.Item2!.Value).TotalSeconds));
    }

    public static PartySession Parse(StoredSession stored) => JsonSerializer.Deserialize(stored.Document, SessionJson.Default.PartySession)!;

    public StoredSession ToStored() => new(Id, State.ToString(), JsonSerializer.Serialize(this, SessionJson.Default.PartySession), CreatedAt,
        // What a person ended after it had a result is no burden of the peer's making.
        Peer: IsInitiator || (State == SessionState.Failed && HadResult) ? "" : Peer,
        IsOpen: !IsEnded || !IsCleaned || Registration == RegistrationState.Sending || OpenQueries.Count > 0,

        // Questions have deadlines of their own, which stand with them: while there are any the session is looked at every time.
        DueAt: !IsEnded ? DeadlineAt : OpenQueries.Count > 0 ? DateTimeOffset.UnixEpoch : null,

        // A session that had a result stays with it until a person ends it.
        EndedAt: State == SessionState.Failed && !HadResult ? EndedAt ?? CreatedAt : null);
}

/// <summary>A query as the asking party keeps it.</summary>
/// <param name="Id">Query id: the correlation id of the command.</param>
/// <param name="Session">The session.</param>
/// <param name="Text">As typed.</param>
/// <param name="AskedAt">When it was asked.</param>
/// <param name="ReplyTo">Where the CLI waits.</param>
/// <param name="Result">The answer, once here.</param>
/// <param name="FailureCode">Why there is none.</param>
/// <param name="FailureReason">The same for a person.</param>
public sealed record PartyQuery(
    string Id, string Session, string Text, DateTimeOffset AskedAt, string? ReplyTo,
    QueryResult? Result = null, string? FailureCode = null, string? FailureReason = null);

/// <summary>How far a party is with a query of engine <c>masked</c>.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<MaskedStage>))]
public enum MaskedStage
{
    /// <summary>The asking party looks at its own rows.</summary>
    Preparing,
    /// <summary>The asking party waits for the other to agree.</summary>
    Proposed,
    /// <summary>The masked matrix is on its way to the linker.</summary>
    Contributing,
    /// <summary>All of it is; the asking party waits for the product.</summary>
    Contributed,
    /// <summary>Done or given up.</summary>
    Ended,
}

/// <summary>A query of engine <c>masked</c> at either party.</summary>
/// <param name="Id">Query id.</param>
/// <param name="Session">The session.</param>
/// <param name="Asker">Who asked.</param>
/// <param name="Text">As typed.</param>
/// <param name="Counter">The asking party's mask counter.</param>
/// <param name="Pad">The matrices' columns are padded to a multiple of this.</param>
/// <param name="DeadlineAt">When it is given up.</param>
/// <param name="Stage">How far it is.</param>
/// <param name="Own">Shape of the own matrix, once known.</param>
/// <param name="Peer">Shape of the other party's, once known.</param>
/// <param name="OwnLabels">At the asking party: its own labels.</param>
/// <param name="Labels">At the asking party: the other party's labels.</param>
/// <param name="SentBatches">Batches that are in the outbox or beyond.</param>
/// <param name="OwnRecords">At the asking party, under a minimum cell size: how many records its own groups have.</param>
public sealed record MaskedQuery(
    string Id, string Session, string Asker, string Text, long Counter, int Pad, DateTimeOffset DeadlineAt, MaskedStage Stage,
    PartyShape? Own = null, PartyShape? Peer = null, PartyLabels? OwnLabels = null, PartyLabels? Labels = null, int SentBatches = 0, OwnRecords? OwnRecords = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(PartySession))]
[JsonSerializable(typeof(PartyQuery))]
[JsonSerializable(typeof(MaskedQuery))]
[JsonSerializable(typeof(Dataset))]
[JsonSerializable(typeof(ReusableSet))]
internal sealed partial class SessionJson : JsonSerializerContext;
