using System.Buffers.Binary;
using PsiMessaging.Data.Sorting;

namespace PsiMessaging.Party.Datasets;

/// <summary>Comparison tags in an <see cref="ExternalSorter"/>: the first eight bytes are the key, so that sorting is by the tag's bytes.</summary>
internal static class TagFile
{
    private const int KeyBytes = 8;

    /// <summary>Adds tags that stand back to back.</summary>
    public static void Add(ExternalSorter sorter, ReadOnlySpan<byte> tags, int tagSizeBytes)
    {
        for (; !tags.IsEmpty; tags = tags[tagSizeBytes..])
        {
            sorter.Add(BinaryPrimitives.ReadUInt64BigEndian(tags), tags[KeyBytes..tagSizeBytes]);
        }
    }

    /// <summary>Adds tags with their positions.</summary>
    public static void Add(ExternalSorter sorter, ReadOnlySpan<byte> tags, int tagSizeBytes, int firstPosition)
    {
        Span<byte> content = stackalloc byte[tagSizeBytes - KeyBytes + 4];
        for (; !tags.IsEmpty; tags = tags[tagSizeBytes..])
        {
            tags[KeyBytes..tagSizeBytes].CopyTo(content);
            BinaryPrimitives.WriteInt32BigEndian(content[^4..], firstPosition++);
            sorter.Add(BinaryPrimitives.ReadUInt64BigEndian(tags), content);
        }
    }

    /// <summary>The tag of a record, back in one piece.</summary>
    public static void Read(SortedRecords records, Span<byte> tag)
    {
        BinaryPrimitives.WriteUInt64BigEndian(tag, records.Key);
        records.Content[..(tag.Length - KeyBytes)].CopyTo(tag[KeyBytes..]);
    }

    /// <summary>Writes all tags in order.</summary>
    public static void WriteSorted(ExternalSorter sorter, Stream stream)
    {
        Span<byte> key = stackalloc byte[KeyBytes];
        for (var records = sorter.Read(); records.MoveNext();)
        {
            BinaryPrimitives.WriteUInt64BigEndian(key, records.Key);
            stream.Write(key);
            stream.Write(records.Content);
        }
    }
}
