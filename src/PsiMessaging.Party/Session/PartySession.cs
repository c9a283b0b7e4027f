using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Cryptography;
using PsiMessaging.Data.Types;
using PsiMessaging.Participants.Store;
using PsiMessaging.Participants.Turns;
using PsiMessaging.Party.Policy;
using PsiMessaging.Party.Rows;
using PsiMessaging.Protocols;

namespace PsiMessaging.Party.Session;

/// <summary>
/// A session as one party keeps it. No secret, identifier or value is in here. Its state is set by
/// <see cref="Move"/> alone, as <see cref="SessionMachine"/> has it.
/// </summary>
public sealed record PartySession : ISession<PartySession>
{
    /// <summary>Reads a stored one; a new one is made by <see cref="Begin"/>.</summary>
    [JsonConstructor]
    public PartySession(SessionState state) => State = state;

    public required string Id { get; init; }
    public SessionState State { get; private init; }
    public required bool IsInitiator { get; init; }
    public required string Peer { get; init; }
    public required string Linker { get; init; }
    public string? Dataset { get; init; }
    public string? DatasetHash { get; init; }
    public string? PeerDataset { get; init; }
    /// <summary>The protocol's name; <see cref="PsiProtocols.Auto"/> until it is chosen. In a session that was never judged, as the peer named it.</summary>
    public required string Protocol { get; init; }
    /// <summary>What the linker computes with; null, in the document an empty text, in a session whose proposal names none that this version has.</summary>
    [JsonConverter(typeof(UnknownOrQueryEngineConverter)), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required QueryEngine? Engine { get; init; }
    /// <summary>With protocol <c>auto</c>: what the initiator allows, until the responder has chosen.</summary>
    public IReadOnlyList<string>? Protocols { get; init; }
    /// <summary>Why this protocol, where it was chosen and not asked for.</summary>
    public string? ChosenBecause { get; init; }
    /// <summary>Which checks run; absent from the document where it is <see cref="SecurityModel.SemiHonest"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public SecurityModel Security { get; init; }
    /// <summary>Which attempt at the rounds this is: 0 for the first.</summary>
    public int Attempt { get; init; }
    /// <summary>Own nonce of a later attempt.</summary>
    public byte[]? OwnAttemptNonce { get; init; }
    /// <summary>The peer's nonce of a later attempt, once it is here.</summary>
    public byte[]? PeerAttemptNonce { get; init; }
    /// <summary>By outgoing round of a protocol over whole vectors: a hash over the batches that have left, in order.</summary>
    public IReadOnlyDictionary<int, byte[]> Sent { get; init; } = new Dictionary<int, byte[]>();
    /// <summary>Who learns what; null, in the document an empty text, in a session whose proposal names nobody that can be.</summary>
    [JsonConverter(typeof(UnknownOrRevealToConverter)), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required RevealTo? Reveal { get; init; }
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
    /// <summary>What the peer's questions might do with the own columns when the session began.</summary>
    public PolicyColumns? GrantedColumns { get; init; }
    /// <summary>Columns this party has announced to the peer.</summary>
    public IReadOnlyList<ColumnDescription>? OwnColumns { get; init; }
    /// <summary>Columns the peer has announced.</summary>
    public IReadOnlyList<ColumnDescription>? PeerColumns { get; init; }
    /// <summary>Engine <c>masked</c>: whether the peer holds this party's questions against earlier ones.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool PeerGuards { get; init; }
    /// <summary>Engine <c>masked</c>: highest mask counter of an own query.</summary>
    public long OwnMaskCounter { get; init; }
    /// <summary>Engine <c>masked</c>: highest mask counter seen of the peer.</summary>
    public long PeerMaskCounter { get; init; }
    /// <summary>Engine <c>masked</c> under a minimum cell size above 1: the linker's message of the base transfers, once registered.</summary>
    public byte[]? ReleaseOffer { get; init; }
    /// <summary>Engine <c>masked</c>: by which keys the common rows stand in order (<c>AlignedRows.SortedBy</c>); the peer's must too.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int RowsSortedBy { get; init; }
    /// <summary>Engine <c>masked</c>: queries of either party that are not finished here.</summary>
    public IReadOnlyList<string> OpenQueries { get; init; } = [];
    /// <summary>The earliest deadline of those, once known.</summary>
    public DateTimeOffset? QueryDueAt { get; init; }
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

    /// <summary>The protocol; null while it is left to choose, and where its name is none.</summary>
    [JsonIgnore]
    public PsiProtocol? Chosen => PsiProtocols.Find(Protocol);

    /// <summary>Both announced sizes; 0 for one that is not known yet.</summary>
    [JsonIgnore]
    public SetSizes Sizes => SetSizes.Of(IsInitiator, OwnDistinct, PeerDistinct);

    /// <summary>What the session reveals, seen from this party.</summary>
    /// <exception cref="InvalidOperationException">The session's proposal named nobody that can be, so that the session never ran.</exception>
    [JsonIgnore]
    public Reveal Revealed => (Reveal ?? throw new InvalidOperationException($"session {Id} was never agreed on")).SeenFrom(IsInitiator);

    /// <summary>Whether questions may be asked: both parties' rows, or their word that they contribute, are at the linker.</summary>
    [JsonIgnore]
    public bool MayAsk => Registration == RegistrationState.Registered && PeerRegistered && PeerColumns is not null;

    /// <summary>Whether nothing more happens to the intersection.</summary>
    [JsonIgnore]
    public bool IsEnded => State is SessionState.Completed or SessionState.Failed;

    /// <summary>Part of the rounds that is done, 0 to 1.</summary>
    [JsonIgnore]
    public double Progress =>
        State is SessionState.Comparing or SessionState.Completed ? 1
            : TotalBatches == 0 ? 0
            : (double)(Produced.Values.Sum() + Consumed.Values.Sum()) / TotalBatches;

    /// <summary>SHA-256 over both hand-shake headers.</summary>
    [JsonIgnore]
    public byte[] HandshakeHash => SHA256.HashData([.. DomainTags.Transcript, .. ProposalHash!, .. AcceptanceHash!]);

    /// <summary>Whether both nonces of the attempt are here.</summary>
    [JsonIgnore]
    public bool IsAttemptAgreed => Attempt == 0 || PeerAttemptNonce is not null;

    /// <summary>What ties every later message and key to this very session and attempt, 32 bytes.</summary>
    [JsonIgnore]
    public byte[] Transcript => Attempt == 0 ? HandshakeHash
        : SHA256.HashData([.. DomainTags.Attempt, .. HandshakeHash, (byte)Attempt,
            .. (IsInitiator ? OwnAttemptNonce : PeerAttemptNonce)!, .. (IsInitiator ? PeerAttemptNonce : OwnAttemptNonce)!]);

    /// <inheritdoc/>
    public override string ToString() => $"session {Id} with {Peer}: {State}, rows {Registration}{(FailureReason is null ? "" : $", {FailureReason}")}";

    /// <summary>Seconds of each phase that has ended.</summary>
    public IEnumerable<(string Name, double Seconds, DateTimeOffset EndedAt)> Phases()
    {
        (string, DateTimeOffset?, DateTimeOffset?)[] spans =
        [
            ("prepare", IsInitiator ? CreatedAt : null, PreparedAt),
            ("hand-shake", PreparedAt, RunningAt),
            ("exchange", RunningAt, MatchedAt),
            ("compare", MatchedAt, State == SessionState.Completed ? EndedAt : null),
            ("send", SendStartedAt, RegisteredAt),
        ];
        return spans.Where(span => span.Item2 is not null && span.Item3 is not null)
            .Select(span => (span.Item1, (span.Item3!.Value - span.Item2!.Value).TotalSeconds, span.Item3.Value));
    }

    /// <summary>A session that begins.</summary>
    /// <exception cref="InvalidOperationException">None begins by that.</exception>
    internal static SessionState Begin(SessionTrigger trigger) => SessionMachine.Next(null, trigger);

    /// <summary>The session after something happened to it: the same where its state lets that pass.</summary>
    /// <exception cref="InvalidOperationException">It cannot happen in this state: a fault of ours.</exception>
    internal PartySession Move(SessionTrigger trigger) => SessionMachine.Next(State, trigger) is var next && next != State ? this with { State = next } : this;

    /// <summary>Whether a side shows an RSA key and signs.</summary>
    internal bool Signs(bool initiator) => Chosen is { } protocol && Reveal is { } reveal && protocol.Signs(reveal, initiator);

    /// <inheritdoc/>
    public static PartySession Parse(StoredSession stored) => JsonSerializer.Deserialize(stored.Document, PartyJson.Default.PartySession)!;

    /// <summary>Whether it has or may get work by itself.</summary>
    private bool IsOpen => !IsEnded || !IsCleaned || Registration is RegistrationState.Opening or RegistrationState.Sending || OpenQueries.Count > 0;

    /// <summary>Whether it ended and left nothing: a session that had a result stays with it until a person ends it.</summary>
    private bool LeftNothing => State == SessionState.Failed && !HadResult;

    /// <inheritdoc/>
    public StoredSession ToStored() => new(Id, State.ToString(), JsonSerializer.Serialize(this, PartyJson.Default.PartySession), CreatedAt,
        // What a person ended after it had a result is no burden of the peer's making.
        Peer: IsInitiator || (State == SessionState.Failed && HadResult) ? "" : Peer,
        IsOpen: IsOpen,
        DueAt: !IsEnded ? DeadlineAt : State == SessionState.Completed ? QueryDueAt : null,
        EndedAt: LeftNothing ? EndedAt ?? CreatedAt : null);
}
