using PsiMessaging.Batches;
using PsiMessaging.Cryptography.HiddenIntersection;

namespace PsiMessaging.Analytics.Hidden;

/// <summary>Shares of p × q words as they travel: rows of q packed words.</summary>
public static class ShareMessages
{
    /// <summary>Cuts a share into messages.</summary>
    /// <param name="shape">The question's shape.</param>
    /// <param name="share">p × q words, row after row; cut to w bits.</param>
    public static IReadOnlyList<byte[]> Write(HiddenShape shape, ReadOnlySpan<ulong> share)
    {
        var (cut, messages) = (shape.Shares, new List<byte[]>());
        for (var sequence = 0; sequence < cut.Batches; sequence++)
        {
            messages.Add(PackedRows.WriteInOrder(share.Slice(cut.FirstOf(sequence) * shape.Q, cut.CountOf(sequence) * shape.Q), shape.Q, shape.WordBits));
        }

        return messages;
    }

    /// <summary>Reads a share.</summary>
    /// <exception cref="InvalidDataException">There are more or fewer messages than announced, or one has another length.</exception>
    public static ulong[] Read(HiddenShape shape, IReadOnlyList<byte[]> messages)
    {
        var (cut, share) = (shape.Shares, new ulong[shape.P * shape.Q]);
        if (messages.Count != cut.Batches)
        {
            throw new InvalidDataException($"{cut.Name}: {messages.Count} messages in the place of {cut.Batches}");
        }

        for (var sequence = 0; sequence < cut.Batches; sequence++)
        {
            cut.Require(sequence, messages[sequence]);
            PackedRows.ReadInOrder(messages[sequence], shape.Q, shape.WordBits,
                share.AsSpan(cut.FirstOf(sequence) * shape.Q, cut.CountOf(sequence) * shape.Q));
        }

        return share;
    }
}
