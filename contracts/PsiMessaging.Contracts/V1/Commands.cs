namespace PsiMessaging.Contracts.V1;

/// <summary>CLI to its own worker: open a session and find the intersection. Accepted only under the worker's own identity key.</summary>
public sealed record StartSession
{
    /// <summary>The other party, pinned.</summary>
    public required string Peer { get; init; }
    /// <summary>The linker, pinned; null takes the only pinned linker.</summary>
    public string? Linker { get; init; }
    /// <summary>Own dataset.</summary>
    public required string Dataset { get; init; }
    /// <summary>Dataset asked of the other party; null means its only one.</summary>
    public string? PeerDataset { get; init; }
    /// <summary>Protocol name, or <c>auto</c>.</summary>
    public required string Protocol { get; init; }
    /// <summary>Protocol <c>vole</c>: <c>malicious</c>, or null.</summary>
    public string? Security { get; init; }
    /// <summary>Linker engine: <c>masked</c> or <c>tokens</c>.</summary>
    public required string Engine { get; init; }
    /// <summary>Who learns what: <c>both</c>, <c>initiator</c>, <c>responder</c> or <c>size</c>.</summary>
    public required string Reveal { get; init; }
    /// <summary>RSA modulus length in bits; read for protocol <c>rsa</c> only.</summary>
    public required int RsaBits { get; init; }
    /// <summary>Whether senders use the reusable sets they have prepared; protocol <c>rsa</c> only.</summary>
    public bool Reuse { get; init; }
    /// <summary>Fewest records anything may be said about, where it is to be stricter than the dataset and home ask; null leaves it to them.</summary>
    public int? MinCell { get; init; }
    /// <summary>Seconds until the session gives up.</summary>
    public required int DeadlineSeconds { get; init; }
}

/// <summary>CLI to its own worker: encrypt the intersected rows of a completed session and send them to the linker.</summary>
/// <param name="SessionId">The session.</param>
public sealed record SendDataset(string SessionId);

/// <summary>CLI to its own worker: ask the linker.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="Text">
/// The query in the language of docs/analytics.md or as JSON, for example <c>CLASSE_ETA, CLASSE_REDDITO</c>; at most 4,000 characters.
/// </param>
/// <param name="DeadlineSeconds">Engine <c>masked</c>: seconds until the question is given up, 1 to 2,592,000; null means 600.</param>
/// <param name="Pad">Engine <c>masked</c>: the numbers of columns the linker sees are rounded up to a multiple of this, 1 to 100; null means 1.</param>
public sealed record SubmitQuery(string SessionId, string Text, int? DeadlineSeconds = null, int? Pad = null);

/// <summary>CLI to its own worker: end a session and delete its data at the linker.</summary>
/// <param name="SessionId">The session.</param>
public sealed record CancelSession(string SessionId);

/// <summary>CLI to its own worker: a person decides on what a partner asks for.</summary>
/// <param name="SessionId">The session it belongs to.</param>
/// <param name="ApprovalId">The session's id, or the question's.</param>
/// <param name="Approve">Whether it is approved; else it is denied.</param>
/// <param name="Once">Whether the same terms wait again the next time.</param>
/// <param name="Reason">Why, at most 500 characters; the partner is told where it is denied.</param>
public sealed record DecideApproval(string SessionId, string ApprovalId, bool Approve, bool Once = false, string? Reason = null);

/// <summary>Worker to CLI: the command's outcome, under the command's correlation id.</summary>
/// <param name="Ok">Whether it was done, or for long work begun.</param>
/// <param name="SessionId">The session it concerns, if any.</param>
/// <param name="Code">A named reason when not ok.</param>
/// <param name="Message">One line for a person.</param>
/// <param name="QueryId">The query whose answer now lies in the home; the answer itself never travels.</param>
public sealed record CommandReply(bool Ok, string? SessionId = null, string? Code = null, string? Message = null, string? QueryId = null);
