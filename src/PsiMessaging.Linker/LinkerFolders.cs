using PsiMessaging.Participants.Identities;

namespace PsiMessaging.Linker;

/// <summary>Where the files of sessions are, all under the session's folder in the linker's home.</summary>
/// <param name="home">Own home.</param>
internal sealed class LinkerFolders(ParticipantHome home)
{
    /// <summary>All that is kept of a session.</summary>
    public string OfSession(string session) => home.SessionPath(session);

    /// <summary>Engine <c>tokens</c>: a party's rows, a Parquet file for each batch.</summary>
    public string OfRows(string session, string party) => Path.Combine(OfSession(session), party.ToLowerInvariant());

    /// <summary>A batch of them that was checked, where a query finds it.</summary>
    public string OfBatch(string session, string party, int sequence) => Path.Combine(OfRows(session, party), $"{sequence:D8}.parquet");

    /// <summary>The same batch before.</summary>
    public string OfUncheckedBatch(string session, string party, int sequence) => Path.Combine(OfRows(session, party), $"{sequence:D8}.unchecked");

    /// <summary>An answer while it is computed.</summary>
    public string OfAnswer(string session, string query) => Path.Combine(OfSession(session), $"answer-{query}.parquet");

    /// <summary>Engine <c>masked</c>: the linker's secret of the base transfers with a party, and that party's message.</summary>
    public string OfRelease(string session, string party) => Path.Combine(OfSession(session), $"{party.ToLowerInvariant()}.release");

    /// <summary>Engine <c>masked</c>: a folder for each query at work.</summary>
    public string OfProducts(string session) => Path.Combine(OfSession(session), "products");

    /// <summary>A query's masked rows of both parties.</summary>
    public string OfProduct(string session, string query) => Path.Combine(OfProducts(session), query);

    /// <summary>Those of one party.</summary>
    public string OfMaskedRows(string session, string query, string party) => Path.Combine(OfProduct(session, query), party.ToLowerInvariant());

    /// <summary>A batch of them.</summary>
    public string OfMaskedBatch(string session, string query, string party, int sequence) =>
        Path.Combine(OfMaskedRows(session, query, party), $"{sequence:D8}.parquet");
}
