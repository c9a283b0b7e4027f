namespace PsiMessaging.Cryptography.HiddenIntersection;

/// <summary>Which messages of a vector have come: each once, in any order. Thread-safe.</summary>
/// <param name="cut">How the vector is cut.</param>
public sealed class MessageMarks(MessageCut cut)
{
    private readonly int[] _taken = new int[cut.Batches];
    private int _left = cut.Batches;

    /// <summary>Whether every message has been dealt with.</summary>
    public bool IsWhole => Volatile.Read(ref _left) == 0;

    /// <summary>Lets a message in, the first time that it comes.</summary>
    /// <exception cref="InvalidDataException">It does not fit the announced sizes, or came before.</exception>
    public void Admit(int sequence, ReadOnlySpan<byte> message)
    {
        cut.Require(sequence, message);
        if (Interlocked.Exchange(ref _taken[sequence], 1) != 0)
        {
            throw new InvalidDataException($"{cut.Name}: message {sequence} came twice");
        }
    }

    /// <summary>Says that a message that was let in has been dealt with.</summary>
    public void Done() => Interlocked.Decrement(ref _left);
}

/// <summary>A vector as it comes in, message by message in any order, each once. Not thread-safe.</summary>
/// <param name="cut">How it is cut.</param>
public sealed class MessageIntake(MessageCut cut)
{
    private readonly byte[]?[] _messages = new byte[]?[cut.Batches];
    private readonly MessageMarks _marks = new(cut);

    /// <summary>How it is cut.</summary>
    public MessageCut Cut => cut;

    /// <summary>Whether every message is here.</summary>
    public bool IsWhole => _marks.IsWhole;

    /// <summary>A message that came.</summary>
    /// <exception cref="InvalidDataException">It has not come, or was let go of.</exception>
    public ReadOnlySpan<byte> this[int sequence] => _messages[sequence] ?? throw new InvalidDataException($"{cut.Name}: message {sequence} is missing");

    /// <summary>Takes a message.</summary>
    /// <exception cref="InvalidDataException">It does not fit the announced sizes, or came before.</exception>
    public void Take(int sequence, ReadOnlySpan<byte> message)
    {
        _marks.Admit(sequence, message);
        _messages[sequence] = message.ToArray();
        _marks.Done();
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
