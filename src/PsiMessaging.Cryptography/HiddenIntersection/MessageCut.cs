namespace PsiMessaging.Cryptography.HiddenIntersection;

/// <summary>
/// A vector of elements of fixed width as it is cut into messages of at most 1 MiB. Everything follows from sizes that both sides know, so that a message of
/// any other length, or from beyond the end, is refused.
/// </summary>
/// <param name="Name">Name for refusals.</param>
/// <param name="Elements">Elements, 0 or more.</param>
/// <param name="ElementSizeBytes">Bytes of each, 1 to <see cref="MaximumSizeBytes"/>.</param>
public sealed record MessageCut(string Name, int Elements, int ElementSizeBytes)
{
    /// <summary>Longest message, in bytes.</summary>
    public const int MaximumSizeBytes = 1 << 20;

    /// <summary>Elements of every message but the last, 1 or more.</summary>
    public int BatchElements { get; init; } = MaximumSizeBytes / ElementSizeBytes;

    /// <summary>Messages; a vector without elements is one empty message, so that its end is seen.</summary>
    public int Batches => Math.Max(1, (int)(((long)Elements + BatchElements - 1) / BatchElements));

    /// <summary>Index of a message's first element.</summary>
    public int FirstOf(int sequence) => sequence * BatchElements;

    /// <summary>Elements of a message.</summary>
    public int CountOf(int sequence) => (int)Math.Min(BatchElements, Elements - ((long)sequence * BatchElements));

    /// <summary>Bytes of a message.</summary>
    public int SizeOf(int sequence) => CountOf(sequence) * ElementSizeBytes;

    /// <summary>Bytes of all messages.</summary>
    public long TotalBytes => (long)Elements * ElementSizeBytes;

    /// <summary>Refuses a message that cannot be one of these.</summary>
    /// <exception cref="InvalidDataException">There is no such message, or it has another length.</exception>
    public void Require(int sequence, ReadOnlySpan<byte> message)
    {
        if (sequence < 0 || sequence >= Batches)
        {
            throw new InvalidDataException($"{Name}: message {sequence} came where there are {Batches}");
        }

        if (message.Length != SizeOf(sequence))
        {
            throw new InvalidDataException($"{Name}: message {sequence} has {message.Length} bytes in the place of {SizeOf(sequence)}");
        }
    }
}
