namespace PsiMessaging.Contracts.V1;

/// <summary>
/// Party to party, engine <c>masked</c>: asks the other party to contribute to a query. The body is sealed under the parties' shared key (AES-256-GCM-SIV):
/// JSON with the query's text, the number of the asking party's groups and levels, and the padding.
/// </summary>
/// <param name="SessionId">The session.</param>
/// <param name="Transcript">The transcript hash, 32 bytes.</param>
/// <param name="QueryId">32 hexadecimal digits, drawn at random by the asking party.</param>
/// <param name="Counter">The asking party's count of masked queries in this session, above every one before, 1 to 2^40.</param>
/// <param name="DeadlineSeconds">Seconds until the asking party gives up, 1 to 2,592,000.</param>
public sealed record ProposeQuery(string SessionId, byte[] Transcript, string QueryId, long Counter, int DeadlineSeconds);

/// <summary>Party to party: this party contributes. The body is sealed: JSON with the labels of its groups and levels.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="Transcript">The transcript hash, 32 bytes.</param>
/// <param name="QueryId">The query.</param>
public sealed record AcceptQuery(string SessionId, byte[] Transcript, string QueryId);

/// <summary>Party to party: this party does not contribute. The body is sealed: JSON with the reason for a person.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="Transcript">The transcript hash, 32 bytes.</param>
/// <param name="QueryId">The query.</param>
/// <param name="Code">A named reason from <see cref="FailureCodes"/>.</param>
/// <param name="HighestCounter">Highest mask counter this party has seen of the asking party in the session.</param>
public sealed record RefuseQuery(string SessionId, byte[] Transcript, string QueryId, string Code, long HighestCounter);

/// <summary>Asking party to the other and to the linker: nobody waits for this query any more; what was gathered for it may go.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="QueryId">The query.</param>
/// <param name="Code">A named reason from <see cref="FailureCodes"/>.</param>
public sealed record WithdrawQuery(string SessionId, string QueryId, string Code);

/// <summary>Party to linker, engine <c>masked</c>: a masked matrix follows. Both parties' messages must agree.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="QueryId">The query.</param>
/// <param name="Asker">The party the product goes to.</param>
/// <param name="Counter">The asking party's mask counter; the linker takes each only once, and only upwards.</param>
/// <param name="Rows">n, as registered.</param>
/// <param name="OwnColumns">Columns of the sender's matrix, 1 to 1,000.</param>
/// <param name="PeerColumns">Columns of the other party's matrix, 1 to 1,000.</param>
/// <param name="BatchRows">Rows of every batch but the last, 1 to 65,536; follows from the columns.</param>
/// <param name="Binding">Of the party that does not ask, where the asking one is bound: what the linker needs for it; else null.</param>
/// <param name="WordBits">Bits of a word, 1 to 64: masks, products and corrections are modulo 2 to this power.</param>
public sealed record OpenProduct(
    string SessionId, string QueryId, string Asker, long Counter, int Rows, int OwnColumns, int PeerColumns, int BatchRows, ProductBinding? Binding = null,
    int WordBits = 64);

/// <summary>What the linker needs to see that the asking party's rows are zeros and ones of one group each. The asking party does not get it.</summary>
/// <param name="Seed">32 bytes, of which the random words follow.</param>
/// <param name="Groups">Groups of the asking party's matrix, 1 to 1,000.</param>
/// <param name="Width">Columns of each, 1 to 1,000.</param>
/// <param name="Offsets">Within a group, the columns that are 0 or 1; 1 to 64.</param>
public sealed record ProductBinding(byte[] Seed, int Groups, int Width, IReadOnlyList<int> Offsets);

/// <summary>Party to linker: some rows of a masked matrix; the body is a Parquet file with one column of bytes, packed words.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="QueryId">The query.</param>
/// <param name="Sequence">Place of this batch, from 0.</param>
/// <param name="Rows">Rows in the body.</param>
public sealed record MaskedRows(string SessionId, string QueryId, int Sequence, int Rows);

/// <summary>
/// Party to linker: the correction of its contribution, p × q words of 8 bytes, little-endian, as the body. Behind it, of the party that does not ask and
/// where it has the answer released by linker and itself, the words of the binding and the program of the release.
/// </summary>
/// <param name="SessionId">The session.</param>
/// <param name="QueryId">The query.</param>
public sealed record MaskedCorrection(string SessionId, string QueryId);

/// <summary>
/// Linker to the contributing party: the oblivious transfer of the bits of the linker's share, for the numbers of the release's program; 2,048 bytes for
/// 128 bits, and an opening of 2,064 bytes for its check.
/// </summary>
/// <param name="SessionId">The session.</param>
/// <param name="QueryId">The query.</param>
public sealed record ReleaseTransfer(string SessionId, string QueryId);

/// <summary>
/// Contributing party to linker: the garbled tables of the release, 32 bytes an AND gate, and behind them what it opens to the asking party, sealed under the
/// key that the two parties share.
/// </summary>
/// <param name="SessionId">The session.</param>
/// <param name="QueryId">The query.</param>
public sealed record ReleaseTables(string SessionId, string QueryId);

/// <summary>
/// Linker to the asking party: the masked product, p × q words of 8 bytes, little-endian, as the body. Behind it, where there was a release, a label of 16
/// bytes for each of its openings, and what the contributing party sealed.
/// </summary>
/// <param name="SessionId">The session.</param>
/// <param name="QueryId">The query.</param>
/// <param name="Rows">n.</param>
/// <param name="AskerColumns">p.</param>
/// <param name="PeerColumns">q.</param>
public sealed record ProductComputed(string SessionId, string QueryId, int Rows, int AskerColumns, int PeerColumns);
