namespace PsiMessaging.Protocols;

/// <summary>A fixed number of comparison tags, filled by position in any order, and compared with another set by sorting: O(n log n), no hash flooding.</summary>
public sealed class TagSet
{
    private readonly UInt128[] _tags;
    private readonly int _tagSizeBytes;

    /// <param name="count">Number of tags.</param>
    /// <param name="tagSizeBytes">8 to 16 bytes a tag.</param>
    public TagSet(int count, int tagSizeBytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tagSizeBytes, 16);
        _tags = new UInt128[count];
        _tagSizeBytes = tagSizeBytes;
    }

    /// <summary>Stores tags, back to back, from position <paramref name="first"/> on.</summary>
    public void Put(int first, ReadOnlySpan<byte> tags)
    {
        Span<byte> padded = stackalloc byte[16];
        padded.Clear();
        for (var offset = 0; offset < tags.Length; offset += _tagSizeBytes)
        {
            tags.Slice(offset, _tagSizeBytes).CopyTo(padded[(16 - _tagSizeBytes)..]);
            _tags[first++] = System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(padded);
        }
    }

    /// <summary>
    /// Positions in this set of the tags that <paramref name="other"/> has too, in no particular order. Both sets are sorted in place and can be
    /// compared once only.
    /// </summary>
    /// <returns>Null when either set holds a tag twice.</returns>
    public int[]? IntersectPositions(TagSet other)
    {
        var positions = new int[_tags.Length];
        for (var i = 0; i < positions.Length; i++)
        {
            positions[i] = i;
        }

        Array.Sort(_tags, positions);
        Array.Sort(other._tags);
        if (HasRepeat(_tags) || HasRepeat(other._tags))
        {
            return null;
        }

        var common = new List<int>();
        for (int mine = 0, theirs = 0; mine < _tags.Length && theirs < other._tags.Length;)
        {
            var order = _tags[mine].CompareTo(other._tags[theirs]);
            if (order == 0)
            {
                common.Add(positions[mine]);
            }

            mine += order <= 0 ? 1 : 0;
            theirs += order >= 0 ? 1 : 0;
        }

        return [.. common];
    }

    private static bool HasRepeat(UInt128[] sorted)
    {
        for (var i = 1; i < sorted.Length; i++)
        {
            if (sorted[i] == sorted[i - 1])
            {
                return true;
            }
        }

        return false;
    }
}
