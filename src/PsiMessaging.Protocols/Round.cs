namespace PsiMessaging.Protocols;

/// <summary>Which way a round travels, seen from one party.</summary>
public enum RoundDirection
{
    /// <summary>This party sends it, when it likes.</summary>
    Outgoing,
    /// <summary>This party sends batch i in answer to batch i of an incoming round.</summary>
    Reply,
    /// <summary>The peer sends it.</summary>
    Incoming,
}

/// <summary>One round of a protocol seen from one party: a vector of fixed-width elements cut into batches. Everything follows from the announced sizes.</summary>
/// <param name="Number">Round number on the wire, 1 to 255.</param>
/// <param name="Name">Name for reports and progress.</param>
/// <param name="Direction">Which way it travels.</param>
/// <param name="Elements">Number of elements in the round.</param>
/// <param name="ElementSizeBytes">Bytes an element.</param>
/// <param name="BatchElements">Elements in every batch but the last, 1 or more.</param>
public sealed record Round(int Number, string Name, RoundDirection Direction, int Elements, int ElementSizeBytes, int BatchElements)
{
    /// <summary>Number of batches; an empty round is one empty batch, so that its end is seen.</summary>
    public int Batches => Math.Max(1, (int)(((long)Elements + BatchElements - 1) / BatchElements));

    /// <summary>Elements in batch <paramref name="sequence"/>.</summary>
    public int CountOf(int sequence) => Math.Min(BatchElements, Elements - (sequence * BatchElements));

    /// <summary>Index of the first element of batch <paramref name="sequence"/>.</summary>
    public int FirstOf(int sequence) => sequence * BatchElements;
}

/// <summary>What handling one incoming batch gave.</summary>
/// <param name="Reply">The batch to send back in the reply round, same sequence; null when the round asks for none.</param>
/// <param name="Keep">Bytes to store and hand back through <see cref="IProtocolParty.Restore"/> after a restart; null for none.</param>
public sealed record BatchOutcome(byte[]? Reply, byte[]? Keep);
