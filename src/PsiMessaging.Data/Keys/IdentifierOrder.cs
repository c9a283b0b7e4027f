using System.Buffers.Binary;

namespace PsiMessaging.Data.Keys;

/// <summary>The order of identifiers in output: part by part, each by its UTF-8 bytes.</summary>
public static class IdentifierOrder
{
    /// <summary>A number that sorts as the identifier does, as far as eight bytes of its first part tell.</summary>
    /// <param name="canonical">The identifier.</param>
    /// <param name="level">Which eight bytes: the first are 0. They tell where those before are equal.</param>
    public static ulong KeyOf(ReadOnlySpan<byte> canonical, int level = 0)
    {
        var part = canonical.Slice(4, BinaryPrimitives.ReadInt32BigEndian(canonical));
        part = part[Math.Min(8 * level, part.Length)..];
        if (part.Length >= 8)
        {
            return BinaryPrimitives.ReadUInt64BigEndian(part);
        }

        // What is shorter comes first.
        var key = 0UL;
        for (var i = 0; i < part.Length; i++)
        {
            key |= (ulong)part[i] << (56 - (8 * i));
        }

        return key;
    }

    /// <summary>Compares two canonical identifiers.</summary>
    public static int Compare(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        while (!left.IsEmpty && !right.IsEmpty)
        {
            var leftSize = BinaryPrimitives.ReadInt32BigEndian(left);
            var rightSize = BinaryPrimitives.ReadInt32BigEndian(right);
            var order = left.Slice(4, leftSize).SequenceCompareTo(right.Slice(4, rightSize));
            if (order != 0)
            {
                return order;
            }

            left = left[(4 + leftSize)..];
            right = right[(4 + rightSize)..];
        }

        return left.Length.CompareTo(right.Length);
    }
}
