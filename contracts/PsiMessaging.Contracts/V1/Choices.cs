using System.Text.Json.Serialization;

namespace PsiMessaging.Contracts.V1;

/// <summary>What the linker computes questions with. Its name on the wire and in documents: <see cref="WireNames"/>.</summary>
[JsonConverter(typeof(QueryEngineConverter))]
public enum QueryEngine
{
    /// <summary><c>masked</c>: products of masked matrices; the linker learns sizes only.</summary>
    Masked,
    /// <summary><c>tokens</c>: groups of encrypted tokens; the linker learns sizes, which values of a column are equal, and counts.</summary>
    Tokens,
}

/// <summary>Who learns what from a session.</summary>
[JsonConverter(typeof(RevealToConverter))]
public enum RevealTo
{
    /// <summary><c>both</c>: both parties learn which of their identifiers are common.</summary>
    Both,
    /// <summary><c>initiator</c>: the party that opens the session learns it; the other learns its set size only.</summary>
    Initiator,
    /// <summary><c>responder</c>: the party that is asked learns it; the other learns its set size only.</summary>
    Responder,
    /// <summary><c>size</c>: both learn how many identifiers are common, neither learns which.</summary>
    Size,
}

/// <summary>What the other party is assumed to do.</summary>
[JsonConverter(typeof(SecurityModelConverter))]
public enum SecurityModel
{
    /// <summary>It follows the protocol and is curious. Has no name on the wire: the field is absent.</summary>
    SemiHonest,
    /// <summary><c>malicious</c>: it may deviate; the protocol's further checks run.</summary>
    Malicious,
}
