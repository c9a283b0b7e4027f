using System.Buffers.Binary;

namespace PsiMessaging.Protocols.Evaluation;

/// <summary>Identifiers back to back, each behind its length (4 bytes, little-endian). Read-only; safe to read from several threads.</summary>
public sealed class PackedItems
{
    private readonly ReadOnlyMemory<byte> _packed;
    private readonly int[] _offsets;

    /// <exception cref="ArgumentException">The bytes are not such a list.</exception>
    public PackedItems(ReadOnlyMemory<byte> packed)
    {
        _packed = packed;
        // Room for short identifiers, so that the list seldom grows.
        var offsets = new List<int>((packed.Length / 16) + 2);
        var span = packed.Span;
        for (var at = 0; at < span.Length;)
        {
            offsets.Add(at);
            var length = span.Length - at < 4 ? -1 : BinaryPrimitives.ReadInt32LittleEndian(span[at..]);
            if (length < 0 || length > span.Length - at - 4)
            {
                throw new ArgumentException("the list of identifiers is cut off", nameof(packed));
            }

            at += 4 + length;
        }

        offsets.Add(span.Length);
        _offsets = [.. offsets];
    }

    /// <summary>Number of identifiers.</summary>
    public int Count => _offsets.Length - 1;

    /// <summary>Canonical bytes of one identifier.</summary>
    public ReadOnlySpan<byte> this[int index] => _packed.Span[(_offsets[index] + 4).._offsets[index + 1]];
}
