using System.Text.Json.Serialization;

namespace PsiMessaging.Party.Session;

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

/// <summary>What can happen to a session.</summary>
public enum SessionTrigger
{
    /// <summary>The own people open it.</summary>
    Open,
    /// <summary>A peer proposes it.</summary>
    Propose,
    /// <summary>A peer's word that it is over came before its proposal.</summary>
    Overtake,
    /// <summary>The own proposal is in the outbox.</summary>
    ProposalSent,
    /// <summary>This party has accepted the peer's proposal.</summary>
    Answered,
    /// <summary>The peer has accepted the own proposal.</summary>
    Accepted,
    /// <summary>A batch, credit or the number of batches.</summary>
    Progress,
    /// <summary>A party begins the rounds again under fresh secrets.</summary>
    Restart,
    /// <summary>The own result stands.</summary>
    Found,
    /// <summary>The peer reports the same result.</summary>
    Agree,
    /// <summary>A deadline, a violation of the protocol, something that this party cannot do.</summary>
    Fault,
    /// <summary>A person or the other side ends it.</summary>
    End,
}
