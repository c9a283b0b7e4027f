namespace PsiMessaging.Contracts.V1;

/// <summary>The rules under which both parties turn raw identifiers into canonical bytes. Compared field by field before anything else is sent.</summary>
/// <param name="Version">Version of the canonicalisation algorithm; 2 is as docs/identifiers.md has it.</param>
/// <param name="Case"><c>keep</c> or <c>fold</c> (full case folding of Unicode, not Turkic).</param>
/// <param name="KeyParts">Number of columns that make the identifier, 1 to 16.</param>
/// <param name="Texts">Which texts of other columns are one value: <c>normal</c> (those that look alike) or <c>exact</c>; absent before version 2.</param>
public sealed record CanonicalizationProfile(int Version, string Case, int KeyParts, string? Texts = null);

/// <summary>
/// What nearly all (95 of 100) values of a key column have in common, so that parties whose identifiers cannot match are warned before they compute; absent
/// members say that they have nothing in common there. Names of a fixed list and a number: no text of the data.
/// </summary>
/// <param name="Alphabet">
/// <c>digits</c>, <c>letters</c>, <c>letters-and-digits</c>, <c>signs</c> (ASCII with other signs or blanks) or <c>beyond-ascii</c>.
/// </param>
/// <param name="Letters"><c>upper</c> or <c>lower</c>, where all letters are.</param>
/// <param name="Length">Characters, 1 to 64.</param>
public sealed record KeyForm(string? Alphabet = null, string? Letters = null, int? Length = null);

/// <summary>What a party brings to the <c>rsa</c> protocol when it signs: a sender's public key, fresh for the session or that of a reusable set.</summary>
/// <param name="Modulus">Big-endian, exactly RsaBits / 8 bytes.</param>
/// <param name="Exponent">Big-endian; only 65537 is accepted.</param>
/// <param name="Proof">Proof that the exponent permutes the units modulo n, bound to the session: 9 roots, 9 · RsaBits / 8 bytes in all.</param>
/// <param name="ReusableSet">Id of the reusable set whose tags will be sent, 32 bytes; null when the tags are made for this session.</param>
public sealed record RsaSender(byte[] Modulus, byte[] Exponent, byte[] Proof, byte[]? ReusableSet = null);

/// <summary>Party to party, opens a session. Signed by the initiator; the receiver checks the pinned card, names, sizes and every rule.</summary>
public sealed record ProposeSession
{
    /// <summary>32 lower-case hexadecimal digits, drawn by the initiator from the system generator.</summary>
    public required string SessionId { get; init; }
    /// <summary>Name of the party that proposes.</summary>
    public required string Initiator { get; init; }
    /// <summary>Name of the party that is asked.</summary>
    public required string Responder { get; init; }
    /// <summary>Name of the linker that would receive encrypted rows.</summary>
    public required string Linker { get; init; }
    /// <summary>Dataset the responder is asked to use, or null for its only one.</summary>
    public string? PeerDataset { get; init; }
    /// <summary>
    /// Protocol name: <c>ecdh</c>, <c>rsa</c> or <c>vole</c>; or <c>auto</c>, which leaves the choice among
    /// <see cref="Protocols"/> to the responder, who knows both sizes.
    /// </summary>
    public required string Protocol { get; init; }
    /// <summary>With <c>auto</c>: what the initiator allows, two or more names; otherwise null.</summary>
    public IReadOnlyList<string>? Protocols { get; init; }
    /// <summary>
    /// Protocol <c>vole</c>: <c>malicious</c> for the variant that checks both parties; null for the one that checks the receiver's extension only.
    /// </summary>
    public string? Security { get; init; }
    /// <summary>Linker engine: <c>masked</c> or <c>tokens</c>.</summary>
    public required string Engine { get; init; }
    /// <summary>
    /// Who learns what: <c>both</c>, <c>initiator</c>, <c>responder</c> (which identifiers are common), or <c>size</c> (both learn how many).
    /// </summary>
    public required string Reveal { get; init; }
    /// <summary>Protocol <c>rsa</c> only: modulus length in bits, 2048 to 8192, a multiple of 256.</summary>
    public int? RsaBits { get; init; }
    /// <summary>Protocol <c>rsa</c> only: whether senders use the reusable sets they have prepared.</summary>
    public bool Reuse { get; init; }
    /// <summary>Canonicalisation both must use.</summary>
    public required CanonicalizationProfile Profile { get; init; }
    /// <summary>Duplicate rule: <c>reject</c> or <c>first</c>.</summary>
    public required string Duplicates { get; init; }
    /// <summary>Smallest count that may be released, 1 to 1,000,000.</summary>
    public required int MinCell { get; init; }
    /// <summary>Names of the key columns as they will head the intersection file, 1 to 16 of them.</summary>
    public required IReadOnlyList<string> KeyNames { get; init; }
    /// <summary>How the initiator's identifiers look, one for each key column; null where there are fewer than ten of them.</summary>
    public IReadOnlyList<KeyForm>? KeyForms { get; init; }
    /// <summary>Number of distinct identifiers the initiator holds, 1 to 2^31 - 1.</summary>
    public required int SetSize { get; init; }
    /// <summary>
    /// What the initiator says of its set, 32 bytes: the same for the same set, dataset and partner. Nobody can check it; it is under the signature.
    /// </summary>
    public byte[]? SetCommitment { get; init; }
    /// <summary>32 fresh bytes, drawn after the initiator's set was frozen.</summary>
    public required byte[] Nonce { get; init; }
    /// <summary>Protocol <c>rsa</c>, when the responder learns the result: the initiator's key as sender.</summary>
    public RsaSender? Rsa { get; init; }
    /// <summary>16-byte check value of the key the parties share, bound to the session id.</summary>
    public required byte[] SharedKeyCheck { get; init; }
    /// <summary>Seconds from proposal until either side gives up, 1 to 2,592,000.</summary>
    public required int DeadlineSeconds { get; init; }
}

/// <summary>Party to party, answers <see cref="ProposeSession"/>. With it both sides can compute the transcript hash.</summary>
public sealed record AcceptSession
{
    /// <summary>The session that was proposed.</summary>
    public required string SessionId { get; init; }
    /// <summary>SHA-256 of the proposal's envelope header, 32 bytes.</summary>
    public required byte[] ProposalHash { get; init; }
    /// <summary>How the responder's identifiers look, one for each key column; null where there are fewer than ten of them.</summary>
    public IReadOnlyList<KeyForm>? KeyForms { get; init; }
    /// <summary>Number of distinct identifiers the responder holds, 1 or more.</summary>
    public required int SetSize { get; init; }
    /// <summary>32 fresh bytes, drawn after the responder's set was frozen.</summary>
    public required byte[] Nonce { get; init; }
    /// <summary>Protocol <c>rsa</c>, when the initiator learns the result: the responder's key as sender.</summary>
    public RsaSender? Rsa { get; init; }
    /// <summary>Smallest count that may be released: the stricter of the proposal's and the responder's own.</summary>
    public required int MinCell { get; init; }
    /// <summary>The protocol chosen, when <c>auto</c> was proposed; otherwise null.</summary>
    public string? Protocol { get; init; }
}

/// <summary>
/// Party to party: this side cannot go on under the secrets it has and has drawn fresh ones; the rounds begin again under a new transcript. The peer, which
/// must do the same, answers with its own. The new transcript is a hash of the hand-shake, the attempt and both nonces. Only for protocols that may not send
/// twice under one secret.
/// </summary>
/// <param name="SessionId">The session.</param>
/// <param name="Transcript">SHA-256 over both hand-shake headers, 32 bytes.</param>
/// <param name="Attempt">The attempt that begins, 1 to 3.</param>
/// <param name="Nonce">32 fresh bytes.</param>
public sealed record RestartProtocol(string SessionId, byte[] Transcript, int Attempt, byte[] Nonce);

/// <summary>Ends a session: refusal of a proposal, a failed check, a passed deadline, a cancellation. Party to party, and party to linker.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="Code">A named reason from <see cref="FailureCodes"/>; never depends on which identifier was involved.</param>
/// <param name="Reason">One line for a person, at most 500 characters, without identifiers or values.</param>
public sealed record AbortSession(string SessionId, string Code, string Reason);

/// <summary>Party to party: one batch of one round of the protocol; the elements are the envelope's body, fixed-width, back to back.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="Transcript">SHA-256 over both hand-shake headers, 32 bytes; ties the batch to this very session.</param>
/// <param name="Round">Round number as the protocol's page lists it, 1 to 255.</param>
/// <param name="Sequence">Place of this batch in the round, from 0.</param>
/// <param name="Batches">Number of batches in the round, 1 or more; follows from the announced sizes.</param>
/// <param name="Count">Elements in this batch, 0 or more.</param>
/// <param name="ElementSizeBytes">Bytes an element.</param>
/// <param name="Attempt">Which attempt at the rounds it belongs to: null for the first, else the number of the <see cref="RestartProtocol"/> before it.</param>
public sealed record RoundBatch(string SessionId, byte[] Transcript, int Round,
    int Sequence, int Batches, int Count, int ElementSizeBytes, int? Attempt = null);

/// <summary>
/// Party to party: batches of a round up to a number may be sent. Rounds whose batches the peer answers need none: each answer allows one more.
/// The first 16 batches of a round are allowed from the start.
/// </summary>
/// <param name="SessionId">The session.</param>
/// <param name="Transcript">The transcript hash, 32 bytes.</param>
/// <param name="Round">Round number.</param>
/// <param name="Batches">Batches 0 to this number less one may be sent; only the highest grant counts.</param>
/// <param name="Attempt">As in <see cref="RoundBatch"/>.</param>
public sealed record GrantCredit(string SessionId, byte[] Transcript, int Round, int Batches, int? Attempt = null);

/// <summary>Party to party: what was asked for waits for a person of the party that was asked.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="QueryId">The question that waits; null where it is the session.</param>
public sealed record ApprovalPending(string SessionId, string? QueryId = null);

/// <summary>Party to party: this side has done its part. Where both learn something both compare; a difference fails the session at both.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="Transcript">The transcript hash, 32 bytes.</param>
/// <param name="IntersectionSize">Number of common identifiers; null where only one party learns the result.</param>
/// <param name="IntersectionHash">
/// HMAC-SHA-256, 32 bytes, under a session key of the sender's name and the sorted canonical identifiers (or, where only the size is
/// revealed, the sorted common tags): an echo is not an agreement. Null where only one party learns the result.</param>
public sealed record CompleteSession(string SessionId, byte[] Transcript, int? IntersectionSize = null, byte[]? IntersectionHash = null);

/// <summary>A column that can be asked about.</summary>
/// <param name="Name">Its name, 1 to 1,000 characters.</param>
/// <param name="Type"><c>text</c>, <c>integer(D)</c> or <c>decimal(D,S)</c>: D digits in all, 1 to 18, S of them after the point, 0 to 9.</param>
public sealed record ColumnDescription(string Name, string Type);

/// <summary>Party to party: the columns this party answers questions about, and their types, so that the other can ask.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="Transcript">The transcript hash, 32 bytes.</param>
/// <param name="Columns">The columns, key columns left out; 0 to 1,000 of them.</param>
/// <param name="Guarded">Engine masked: whether the sender holds the other's questions against earlier ones; the other looks at its own side first.</param>
public sealed record AnnounceColumns(string SessionId, byte[] Transcript, IReadOnlyList<ColumnDescription> Columns, bool? Guarded = null);
