namespace PsiMessaging.Contracts.V1;

/// <summary>Party to linker: opens the registration of this party's encrypted rows. Both parties' registrations must agree.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="Transcript">The transcript hash of the parties' hand-shake, 32 bytes; equal in both registrations.</param>
/// <param name="Peer">The other party.</param>
/// <param name="Engine">Linker engine: <c>masked</c> or <c>tokens</c>.</param>
/// <param name="MinCell">Smallest count that may be released; the stricter of the two registrations holds.</param>
/// <param name="Rows">The size of the intersection; with engine <c>tokens</c> as many rows follow.</param>
/// <param name="Columns">Engine <c>tokens</c>: column tokens, 32 lower-case hexadecimal digits each, 0 to 1,000 of them. Empty for <c>masked</c>.</param>
public sealed record RegisterDataset(string SessionId, byte[] Transcript, string Peer, string Engine, int MinCell, int Rows, IReadOnlyList<string> Columns);

/// <summary>
/// Party to linker: encrypted rows; the envelope's body is a Parquet file of at most 1 MiB or one row, columns <c>row</c> and one for each column token.
/// </summary>
/// <param name="SessionId">The session.</param>
/// <param name="Sequence">Place of this batch, from 0.</param>
/// <param name="Rows">Rows in the body.</param>
/// <param name="Last">Whether no batch of a higher sequence follows.</param>
public sealed record DatasetBatch(string SessionId, int Sequence, int Rows, bool Last);

/// <summary>Linker to both parties: all rows of one party are on the linker's disk.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="Party">Whose rows.</param>
/// <param name="Rows">How many.</param>
/// <param name="Offer">
/// Engine <c>masked</c> under a minimum cell size above 1: the linker's message of the base transfers that releases rest on, 32 bytes; else null.
/// </param>
public sealed record DatasetRegistered(string SessionId, string Party, int Rows, byte[]? Offer = null);

/// <summary>A column of one party as the linker knows it.</summary>
/// <param name="Party">Owner.</param>
/// <param name="Column">Column token, 32 hexadecimal digits.</param>
public sealed record ColumnToken(string Party, string Column);

/// <summary>Engine <c>tokens</c>: rows whose value in a column is, or is not, one of some ciphertexts.</summary>
/// <param name="Party">Owner.</param>
/// <param name="Column">Column token, 32 hexadecimal digits.</param>
/// <param name="Values">1 to 1,000 ciphertexts.</param>
/// <param name="Keep">Whether rows with these values stay; else they go.</param>
public sealed record TokenFilter(string Party, string Column, IReadOnlyList<byte[]> Values, bool Keep);

/// <summary>Party to linker, engine <c>tokens</c>: count the joined rows by these columns.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="QueryId">32 hexadecimal digits from the asking party.</param>
/// <param name="Columns">0 to 64 columns, each once.</param>
/// <param name="Filters">Which rows count, all conditions together, 0 to 64; null for all rows.</param>
public sealed record RunQuery(string SessionId, string QueryId, IReadOnlyList<ColumnToken> Columns, IReadOnlyList<TokenFilter>? Filters = null);

/// <summary>
/// Linker to the asking party: the answer; the body is a Parquet file with columns <c>c0</c>, <c>c1</c>, … (encrypted labels) and <c>n</c> (count). Only what
/// the minimum cell size lets through is in it.
/// </summary>
/// <param name="SessionId">The session.</param>
/// <param name="QueryId">The query.</param>
/// <param name="Groups">Rows in the body.</param>
/// <param name="MinCell">The minimum cell size that was applied.</param>
/// <param name="Complete">Whether these are all groups that can be: none is withheld, none was put aside as too small.</param>
public sealed record QueryAnswered(string SessionId, string QueryId, int Groups, int MinCell, bool Complete);

/// <summary>Linker to the asking party: no answer, and why.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="QueryId">The query.</param>
/// <param name="Code">A named reason from <see cref="FailureCodes"/>.</param>
/// <param name="Reason">One line for a person, at most 500 characters.</param>
public sealed record QueryRefused(string SessionId, string QueryId, string Code, string Reason);

/// <summary>Linker to the party that did not ask: the other did. The parties can read the tokens, the linker cannot.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="QueryId">The query.</param>
/// <param name="Asker">Who asked.</param>
/// <param name="Columns">What was asked for.</param>
/// <param name="Outcome"><c>answered</c> or the code of the refusal.</param>
public sealed record QueryAsked(string SessionId, string QueryId, string Asker, IReadOnlyList<ColumnToken> Columns, string Outcome);
