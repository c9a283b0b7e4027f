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

/// <summary>A vector as it comes in, message by message in any order, each once. Not thread-safe.</summary>
/// <param name="cut">How it is cut.</param>
public sealed class MessageIntake(MessageCut cut)
{
    private readonly byte[]?[] _messages = new byte[]?[cut.Batches];
    private readonly bool[] _taken = new bool[cut.Batches];
    private int _left = cut.Batches;

    /// <summary>How it is cut.</summary>
    public MessageCut Cut => cut;

    /// <summary>Whether every message is here.</summary>
    public bool IsWhole => _left == 0;

    /// <summary>A message that came.</summary>
    /// <exception cref="InvalidDataException">It has not come, or was let go of.</exception>
    public ReadOnlySpan<byte> this[int sequence] => _messages[sequence] ?? throw new InvalidDataException($"{cut.Name}: message {sequence} is missing");

    /// <summary>Takes a message.</summary>
    /// <exception cref="InvalidDataException">It does not fit the announced sizes, or came before.</exception>
    public void Take(int sequence, ReadOnlySpan<byte> message)
    {
        cut.Require(sequence, message);
        if (_taken[sequence])
        {
            throw new InvalidDataException($"{cut.Name}: message {sequence} came twice");
        }

        (_taken[sequence], _messages[sequence]) = (true, message.ToArray());
        _left--;
    }

    /// <summary>All of it, one behind the other; what came is then let go of.</summary>
    /// <exception cref="InvalidDataException">A message is missing.</exception>
    public byte[] Join()
    {
        var all = new byte[cut.TotalBytes];
        for (var sequence = 0; sequence < cut.Batches; sequence++)
        {
            this[sequence].CopyTo(all.AsSpan(cut.FirstOf(sequence) * cut.ElementSizeBytes));
        }

        Array.Clear(_messages);
        return all;
    }
}
