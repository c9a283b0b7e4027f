using System.Text.RegularExpressions;
using PsiMessaging.Contracts.V1;
using PsiMessaging.Participants.Identities;

namespace PsiMessaging.Participants.Naming;

/// <summary>
/// Where a frame may be sent: a queue, by a name made of checked parts. Nothing that was received can become one: an inbox comes from a card (the own or a
/// pinned one), the queues of a home from its own name, a reply queue from the own name and an id. The constructor is private, so that the compiler keeps every
/// other text out.
/// </summary>
public sealed partial record QueueAddress
{
    private QueueAddress(string name) => Name = name;

    /// <summary>The queue's name, for example <c>psi.p1.inbox.v1</c>: letters, digits, hyphens, underscores and dots only.</summary>
    public string Name { get; }

    /// <summary>Whether it is a queue on which one run of the CLI waits for its reply.</summary>
    public bool IsReply => ReplyForm().IsMatch(Name);

    /// <summary>A participant's inbox: durable, versioned.</summary>
    /// <param name="prefix">Prefix of all queue names.</param>
    /// <param name="card">The participant's card, whose name was checked when it was read.</param>
    public static QueueAddress InboxOf(string prefix, ParticipantCard card) => Make(prefix, card.Name, "inbox.v1");

    /// <summary>Where frames of an inbox lie that were signed by somebody known and yet refused.</summary>
    public QueueAddress Errors => new(Name + "_error");

    /// <summary>Queue of jobs that a party's compute workers share.</summary>
    public static QueueAddress ComputeOf(string prefix, string party) => Make(prefix, party, "compute.v1");

    /// <summary>Queue of results that a party's worker reads.</summary>
    public static QueueAddress ComputedOf(string prefix, string party) => Make(prefix, party, "computed.v1");

    /// <summary>The queue on which one of a party's compute workers is given keys.</summary>
    /// <param name="prefix">Prefix of all queue names.</param>
    /// <param name="party">The party's name.</param>
    /// <param name="worker">The worker's id.</param>
    public static QueueAddress ComputeWorkerOf(string prefix, string party, string worker) =>
        ParticipantNames.IsId(worker) ? Make(prefix, party, "worker." + worker) : throw new ArgumentException("not a worker's id", nameof(worker));

    /// <summary>The queue on which one run of the CLI waits for its reply.</summary>
    /// <param name="prefix">Prefix of all queue names.</param>
    /// <param name="name">Own name.</param>
    /// <param name="correlation">The command's id.</param>
    public static QueueAddress ReplyOf(string prefix, string name, string correlation) =>
        ParticipantNames.IsId(correlation)
            ? Make(prefix, name, "cli." + correlation)
            : throw new ArgumentException("not a correlation id", nameof(correlation));

    /// <summary>The queue on which a participant that pairs hears the others; gone when it has.</summary>
    public static QueueAddress PairingOf(string prefix, string name) => Make(prefix, name, "pair.v1");

    /// <summary>A name that this home wrote to its own disk before; null where it has not the form of one.</summary>
    public static QueueAddress? Restore(string stored) => AnyForm().IsMatch(stored) ? new QueueAddress(stored) : null;

    private static QueueAddress Make(string prefix, string name, string kind) => ParticipantNames.IsPrefix(prefix) && ParticipantNames.IsValid(name)
        ? new QueueAddress($"{prefix}.{name.ToLowerInvariant()}.{kind}")
        : throw new ParticipantException(FailureCodes.Malformed,
            "the name or the queue prefix cannot be part of a queue's name: letters, digits and hyphens only");

    /// <inheritdoc/>
    public override string ToString() => Name;

    [GeneratedRegex(@"\A[A-Za-z][A-Za-z0-9_-]{0,39}\.[a-z][a-z0-9-]{0,31}\.cli\.[0-9a-f]{32}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ReplyForm();

    [GeneratedRegex(@"\A[A-Za-z][A-Za-z0-9_-]{0,39}\.[a-z][a-z0-9-]{0,31}\.(cli\.[0-9a-f]{32}|(inbox|compute|computed)\.v1(_error)?)\z",
        RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex AnyForm();
}
