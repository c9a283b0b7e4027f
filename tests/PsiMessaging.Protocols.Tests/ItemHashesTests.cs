using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using PsiMessaging.Cryptography.Symmetric;
using PsiMessaging.Protocols.Evaluation;
using PsiMessaging.Protocols.Vole;

namespace PsiMessaging.Protocols.Tests;

/// <summary>Hashes of a set, whatever the lengths of its identifiers and however many: those one by one.</summary>
public class ItemHashesTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(29)]
    public void Hashes_OfShortAndLongIdentifiers_AreThoseOneByOne(int count)
    {
        var transcript = RandomNumberGenerator.GetBytes(32);
        var items = Enumerable.Range(0, count).Select(i => RandomNumberGenerator.GetBytes(i % 3 == 1 ? 126 + (i % 5) : i)).ToArray();
        using var packed = new MemoryStream();
        Span<byte> length = stackalloc byte[4];
        foreach (var item in items)
        {
            BinaryPrimitives.WriteInt32LittleEndian(length, item.Length);
            packed.Write(length);
            packed.Write(item);
        }

        using var hashes = new ItemHashes(count + 3, both: true, transcript);
        hashes.Add(3, new PackedItems(packed.ToArray()));
        var expected = new byte[32];
        for (var i = 0; i < count; i++)
        {
            ItemHash.Compute(items[i], ItemHash.SaltOf(transcript), expected);
            byte[] hash = [.. MemoryMarshal.AsBytes(hashes.First.Span.Slice(3 + i, 1)), .. MemoryMarshal.AsBytes(hashes.Second.AsSpan(3 + i, 1))];
            Assert.Equal(expected, hash);
        }
    }
}
