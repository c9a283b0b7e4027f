using System.Buffers.Binary;

namespace PsiMessaging.Contracts.V1;

/// <summary>
/// Body of <see cref="MaskedCorrection"/> and <see cref="ProductComputed"/>: the p × q words of a product modulo 2^64, row after row, 8 bytes each, lowest byte
/// first.
/// </summary>
public static class BodyWords
{
    /// <summary>Bytes of a word.</summary>
    public const int WordSizeBytes = 8;

    /// <summary>Writes words as a body.</summary>
    public static byte[] Write(ReadOnlySpan<ulong> words)
    {
        var body = new byte[WordSizeBytes * words.Length];
        for (var i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(WordSizeBytes * i), words[i]);
        }

        return body;
    }

    /// <summary>Reads a body whose length was checked; bytes that make no whole word are left out.</summary>
    public static ulong[] Read(ReadOnlySpan<byte> body)
    {
        var words = new ulong[body.Length / WordSizeBytes];
        for (var i = 0; i < words.Length; i++)
        {
            words[i] = BinaryPrimitives.ReadUInt64LittleEndian(body[(WordSizeBytes * i)..]);
        }

        return words;
    }
}
