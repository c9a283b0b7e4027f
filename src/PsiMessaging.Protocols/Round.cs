namespace PsiMessaging.Protocols;

/// <summary>Which way a round travels, seen from one party.</summary>
public enum RoundDirection
{
    /// <summary>This party sends it, as fast as the peer gives credit.</summary>
    Outgoing,
    /// <summary>This party sends batch i in answer to batch i of the incoming round before it.</summary>
    Reply,
    /// <summary>The peer sends it.</summary>
    Incoming,
}

/// <summary>What an outgoing round is made from.</summary>
public enum RoundSource
{
    /// <summary>The party's own identifiers, in the session's shuffled order.</summary>
    Items,
    /// <summary>The tags kept under <see cref="TagSide.Peer"/>, all of them, sorted: their order then says nothing.</summary>
    SortedPeerTags,
    /// <summary>The party's reusable set of tags, sorted, made before the session.</summary>
    PreparedTags,
    /// <summary>A vector that an <see cref="IVectorParty"/> computes as a whole.</summary>
    Vector,
}

/// <summary>Whose identifiers a comparison tag stands for.</summary>
public enum TagSide
{
    /// <summary>Nothing is kept.</summary>
    None,
    /// <summary>This party's own: element i of the round belongs to its own identifier i in shuffled order.</summary>
    Own,
    /// <summary>The peer's, in an order that only the peer can read.</summary>
    Peer,
}

/// <summary>
/// One round of a protocol seen from one party: a vector of fixed-width elements cut into batches. Everything follows from the announced sizes.
/// </summary>
/// <param name="Number">Round number on the wire, 1 to 255. A reply has the number of the round it answers plus one.</param>
/// <param name="Name">Name for reports and progress.</param>
/// <param name="Direction">Which way it travels.</param>
/// <param name="Elements">Number of elements in the round.</param>
/// <param name="ElementSizeBytes">Bytes an element.</param>
/// <param name="BatchElements">Elements in every batch but the last, 1 or more.</param>
public sealed record Round(int Number, string Name, RoundDirection Direction, int Elements, int ElementSizeBytes, int BatchElements)
{
    /// <summary>What it is made from, when <see cref="RoundDirection.Outgoing"/>.</summary>
    public RoundSource Source { get; init; } = RoundSource.Items;

    /// <summary>Whose tags its batches give once evaluated, when <see cref="RoundDirection.Incoming"/>.</summary>
    public TagSide Keeps { get; init; }

    /// <summary>Whether evaluating an incoming batch also needs the own identifiers at its positions.</summary>
    public bool WithItems { get; init; }

    /// <summary>
    /// Numbers of the rounds that must be over before this one can begin: for one that this party sends, what it must have dealt with; for one that it
    /// receives, what it must have sent, so that a batch which comes before is refused.
    /// </summary>
    public IReadOnlyList<int> After { get; init; } = [];

    /// <summary>
    /// Part of the protocol it belongs to, from 0: the rounds of a stage begin when all rounds of the stages before it are over, in both directions.
    /// </summary>
    public int Stage { get; init; }

    /// <summary>Whether each of its batches, which this party receives, answers one that it sent in the round before; such a round needs no credit.</summary>
    public bool IsAnswer { get; init; }

    /// <summary>Number of batches; an empty round is one empty batch, so that its end is seen.</summary>
    public int Batches => Math.Max(1, (int)(((long)Elements + BatchElements - 1) / BatchElements));

    /// <summary>Elements in batch <paramref name="sequence"/>.</summary>
    public int CountOf(int sequence) => (int)Math.Min(BatchElements, Elements - ((long)sequence * BatchElements));

    /// <summary>Index of the first element of batch <paramref name="sequence"/>.</summary>
    public int FirstOf(int sequence) => sequence * BatchElements;
}
